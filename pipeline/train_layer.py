"""The hidden layer of a model: learned with features and units left out at random, so that it rests on no one."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

_LEFT_OUT = 0.5
_SMOOTHING = 0.05
_RATE_FEW, _RATE_MANY = 2e-3, 1e-3
_MOMENT, _SQUARES = 0.9, 0.999
_MANY = 20_000
_LENGTH = 5.0
# Texts that are looked at altogether, each as often as fits.
_LOOKS = 180_000
_MOST_NUMBERS = 12_000_000


class Layer(NamedTuple):
    """Weights into the layer and out of it."""

    inner: Floats
    inner_bias: Floats
    outer: Floats
    outer_bias: Floats
    scale: float


class _Slope:
    """One array that is learned, with the running means of its slope (Adam)."""

    def __init__(self, values: Floats) -> None:
        self.values = values
        self._mean = np.zeros_like(values)
        self._square = np.zeros_like(values)

    def move(self, slope: Floats, rate: float, step: int, rows: Any = slice(None)) -> None:
        self._mean[rows] = _MOMENT * self._mean[rows] + (1 - _MOMENT) * slope
        self._square[rows] = _SQUARES * self._square[rows] + (1 - _SQUARES) * slope * slope
        mean = self._mean[rows] / (1 - _MOMENT**step)
        square = self._square[rows] / (1 - _SQUARES**step)
        self.values[rows] -= np.float32(rate) * mean / (np.sqrt(square) + np.float32(1e-8))


def learned(texts: Any, labels: NDArray[np.intp], count: int, weights: Floats, seed: int) -> Layer:
    """Returns the layer for a sparse matrix of texts and their labels, the same for the same seed."""
    return _Learning(texts, labels, count, weights, seed).run()


class _Learning:
    def __init__(self, texts: Any, labels: NDArray[np.intp], count: int, weights: Floats, seed: int) -> None:
        size = texts.shape[0]
        width = int(np.clip(2 * count, 128, 300))
        known = min(texts.shape[1], _MOST_NUMBERS // width)
        self._draw = np.random.default_rng(seed)
        # Of the same length, however many blocks there are.
        self._scale = float(_LENGTH / np.sqrt(max(texts.multiply(texts).sum() / max(size, 1), 1e-6)))
        self._texts = texts[:, :known].tocsr() * np.float32(self._scale)
        self._labels, self._weights = labels, weights
        self._batch = 64 if size < _MANY else 256
        self._rate = _RATE_FEW if size < _MANY else _RATE_MANY
        self._rounds = int(np.clip(round(_LOOKS / max(size, 1)), 4, 30))
        normal = self._draw.standard_normal
        self._inner = _Slope(normal((known, width), dtype=np.float32) * np.float32(0.05))
        self._inner_bias = _Slope(np.zeros(width, np.float32))
        self._outer = _Slope(normal((width, count), dtype=np.float32) * np.float32(np.sqrt(2 / width)))
        self._outer_bias = _Slope(np.zeros(count, np.float32))

    def run(self) -> Layer:
        size = self._texts.shape[0]
        steps = self._rounds * -(-size // self._batch)
        step = 0
        for _ in range(self._rounds):
            order = self._draw.permutation(size)
            for start in range(0, size, self._batch):
                step += 1
                self._learn(order[start : start + self._batch], self._rate * (1 - step / steps) + 1e-5, step)
        return Layer(
            self._inner.values,
            self._inner_bias.values,
            self._outer.values,
            self._outer_bias.values,
            self._scale,
        )

    def _learn(self, rows: NDArray[np.intp], rate: float, step: int) -> None:
        texts = self._texts[rows]
        texts.data = texts.data * self._kept(texts.data.shape)
        before = texts @ self._inner.values + self._inner_bias.values
        kept = self._kept(before.shape)
        hidden = np.maximum(before, 0) * kept
        slope = self._slope(hidden @ self._outer.values + self._outer_bias.values, rows)
        back = (slope @ self._outer.values.T) * kept * (before > 0)
        columns = np.unique(texts.indices)
        inner = np.asarray(texts.tocsc()[:, columns].T @ back, dtype=np.float32)
        self._inner.move(inner, rate, step, columns)
        self._inner_bias.move(back.sum(0), rate, step)
        self._outer.move(hidden.T @ slope, rate, step)
        self._outer_bias.move(slope.sum(0), rate, step)

    def _kept(self, shape: tuple[int, ...]) -> Floats:
        """Returns 0 for what is left out this time, more than 1 for the rest, so that the sum stays."""
        return (self._draw.random(shape, dtype=np.float32) > _LEFT_OUT).astype(np.float32) / np.float32(1 - _LEFT_OUT)

    def _slope(self, scores: Floats, rows: NDArray[np.intp]) -> Floats:
        shares = np.exp(scores - scores.max(1, keepdims=True))
        shares /= shares.sum(1, keepdims=True)
        shares -= np.float32(_SMOOTHING / shares.shape[1])
        shares[np.arange(len(rows)), self._labels[rows]] -= np.float32(1 - _SMOOTHING)
        slope: Floats = (shares * self._weights[rows][:, None] / len(rows)).astype(np.float32)
        return slope
