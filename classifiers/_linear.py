"""A trained model at work: weights of features, a small layer beside them, and how far to trust the outcome.

Made by `pipeline/train_fit.py`, read here with numpy alone. Two views vote: a linear one (a support vector machine) and
one hidden layer; a logistic curve turns how clearly they agree into the share of cases in which that was right.
"""

from hashlib import blake2b
from math import exp, log
from typing import NamedTuple

import msgspec
import numpy as np
import zstandard
from numpy.typing import NDArray

from classifiers._features import FEATURES, Sort
from classifiers._text import Reading
from core.errors import ConfigError

Vector = NDArray[np.float32]
Matrix = NDArray[np.float16] | NDArray[np.float32]

MAGIC = b"eungdapso-model 1\n"
_DIGEST_BYTES = 16
# More would be no model of ours: a file must not fill the memory of who reads it.
_MOST_BYTES = 400_000_000
_FLOOR = 1e-9
_SMALL = 10_000_000


class Block(msgspec.Struct, frozen=True, kw_only=True):
    """One sort of features: what is known of it, the column of each, and how rare each is."""

    sort: Sort
    names: tuple[str, ...]
    columns: bytes
    rarity: bytes


class Trust(msgspec.Struct, frozen=True, kw_only=True):
    """How scores become confidence: a logistic curve over the best score and its distances."""

    level: float = 0.0
    best: float = 1.0
    lead: float = 0.0
    inside: float = 0.0


class Model(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that is written down. `outside` is the label for what belongs to none of the others, "" without."""

    name: str
    labels: tuple[str, ...]
    outside: str = ""
    blocks: tuple[Block, ...]
    weights: bytes
    bias: bytes
    sharpness: float = 1.0
    inner: bytes = b""
    inner_bias: bytes = b""
    outer: bytes = b""
    outer_bias: bytes = b""
    scale: float = 1.0
    share: float = 0.0
    trust: Trust = Trust()
    threshold: float = 0.5
    """The confidence below which nothing is said."""
    made_from: str = ""
    """Digest of the examples, so that two files tell whether they were made from the same."""
    made_at: str = ""
    figures: dict[str, float] = {}

    @property
    def version(self) -> str:
        """Returns what tells this model from others; when it was made does not."""
        told = msgspec.structs.replace(self, made_at="")
        return blake2b(msgspec.msgpack.encode(told), digest_size=6).hexdigest()


class Guess(NamedTuple):
    """`value` is the best label that is not `outside`; `share` its part of all that was said for any label."""

    value: str
    confidence: float
    share: float


def dump(model: Model) -> bytes:
    """Returns the file: a line that says what it is, a digest, and the model, compressed."""
    body = zstandard.ZstdCompressor(level=6).compress(msgspec.msgpack.encode(model))
    return MAGIC + blake2b(body, digest_size=_DIGEST_BYTES).digest() + body


def load(data: bytes, *, where: str) -> Model:
    """Returns the model; raises `ConfigError` when these bytes are not one, whole and of this version."""
    begin = len(MAGIC) + _DIGEST_BYTES
    if data[: len(MAGIC)] != MAGIC:
        raise ConfigError(f"{where}: not a model that this version reads. Make it anew with `eungdapso train`")
    body = data[begin:]
    if blake2b(body, digest_size=_DIGEST_BYTES).digest() != data[len(MAGIC) : begin]:
        raise ConfigError(f"{where}: damaged, its digest is another. Make it anew with `eungdapso train`")
    try:
        raw = zstandard.ZstdDecompressor().decompress(body, max_output_size=_MOST_BYTES)
        return msgspec.msgpack.decode(raw, type=Model)
    except (zstandard.ZstdError, msgspec.DecodeError) as error:
        raise ConfigError(f"{where}: cannot be read ({error}). Make it anew with `eungdapso train`") from error


class Linear:
    """A model that is asked. The same text gets the same scores, alone or among others."""

    def __init__(self, model: Model) -> None:
        self.labels = model.labels
        self.threshold = model.threshold
        self._model = model
        self._blocks = [_Known(block) for block in model.blocks]
        count = len(model.labels)
        self._weights = _matrix(model.weights, count)
        self._bias = np.frombuffer(model.bias, dtype=np.float32)
        self._inner_bias = np.frombuffer(model.inner_bias, dtype=np.float32)
        width = len(self._inner_bias)
        self._inner = _matrix(model.inner, width) if width else None
        self._outer = np.frombuffer(model.outer, dtype=np.float32).reshape(width, count)
        self._outer_bias = np.frombuffer(model.outer_bias, dtype=np.float32)
        self._outside = model.labels.index(model.outside) if model.outside in model.labels else -1
        self._inside = np.array([place for place in range(count) if place != self._outside], dtype=np.intp)

    def scores(self, reading: Reading) -> Vector:
        """Returns the logarithm of each label's share, in the order of `labels`; the shares add up to one."""
        columns, values = self._seen(reading)
        linear = values @ self._weights.take(columns, axis=0).astype(np.float32, copy=False) + self._bias
        said = _shares(linear * np.float32(self._model.sharpness))
        if self._inner is not None:
            said = _shares(said + np.float32(self._model.share) * self._deeper(self._inner, columns, values))
        return said

    def ranked(self, scores: Vector, most: int = 3) -> list[Guess]:
        """Returns the best labels, best first; the confidence of the best says how often such an outcome was right."""
        inside = scores[self._inside]
        order = np.argsort(-inside, kind="stable")[:most].tolist()
        sure = self.confidence(scores)
        top = float(inside[order[0]]) if order else 0.0
        return [
            Guess(
                self.labels[int(self._inside[place])],
                round(sure * exp(float(inside[place]) - top), 4),
                round(exp(float(inside[place])), 4),
            )
            for place in order
        ]

    def confidence(self, scores: Vector) -> float:
        """Returns how often the best label was right when it was ahead like this."""
        trust = self._model.trust
        best, lead, inside = self.signs(scores)
        return 1 / (1 + exp(-_bounded(trust.level + trust.best * best + trust.lead * lead + trust.inside * inside)))

    def signs(self, scores: Vector) -> tuple[float, float, float]:
        """Returns the best score, how far the second is behind, and how far "none of these" is."""
        inside = np.sort(scores[self._inside])[::-1]
        best = float(inside[0]) if len(inside) else 0.0
        lead = best - float(inside[1]) if len(inside) > 1 else -log(_FLOOR)
        outside = best - float(scores[self._outside]) if self._outside >= 0 else 0.0
        return best, lead, outside

    def _seen(self, reading: Reading) -> tuple[NDArray[np.intp], Vector]:
        seen = [block.weighed(reading) for block in self._blocks]
        return np.concatenate([columns for columns, _ in seen]), np.concatenate([values for _, values in seen])

    def _deeper(self, inner: Matrix, columns: NDArray[np.intp], values: Vector) -> Vector:
        # The features that are met most stand first; only they have a row in the layer.
        near = columns < len(inner)
        rows = inner.take(columns[near], axis=0).astype(np.float32, copy=False)
        hidden = np.maximum((values[near] * np.float32(self._model.scale)) @ rows + self._inner_bias, 0)
        return _shares(hidden @ self._outer + self._outer_bias)


class _Known:
    """A block at work."""

    def __init__(self, block: Block) -> None:
        self._features = FEATURES[block.sort]
        places = np.frombuffer(block.columns, dtype=np.int32)
        self._columns = dict(zip(block.names, places.tolist(), strict=True))
        self._rarity = np.zeros(int(places.max(initial=-1)) + 1, dtype=np.float32)
        self._rarity[places] = np.frombuffer(block.rarity, dtype=np.float32)

    def weighed(self, reading: Reading) -> tuple[NDArray[np.intp], Vector]:
        """Returns the columns of what is known in the text, and their weights, of length one together."""
        found = [column for column in map(self._columns.get, self._features(reading)) if column is not None]
        columns, times = np.unique(np.array(found, dtype=np.intp), return_counts=True)
        weights = (1 + np.log(times.astype(np.float32))) * self._rarity.take(columns)
        return columns, weights / np.float32(np.sqrt(np.square(weights).sum()) or 1.0)


def _matrix(data: bytes, width: int) -> Matrix:
    """Returns the matrix, of twice the size and read faster where it is small."""
    kept = np.frombuffer(data, dtype=np.float16).reshape(-1, width)
    return kept.astype(np.float32) if kept.size <= _SMALL else kept


def _shares(scores: Vector) -> Vector:
    """Returns logarithms of shares that add up to one."""
    moved = scores - scores.max()
    shares: Vector = moved - np.log(np.exp(moved).sum())
    return shares


def _bounded(value: float) -> float:
    return max(-30.0, min(30.0, value))
