"""What words mean, as far as Kiwi's model of the language knows: 과태료 is near 범칙금, 전철 near 지하철."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import repeat
from typing import TYPE_CHECKING

import numpy as np

from classifiers._grams import Vector

if TYPE_CHECKING:
    from kiwipiepy import Kiwi

# The model gives likenesses of two morphemes and no vectors; its vectors have so many numbers, which follow from the
# likenesses to as many landmarks. Its morphemes are numbered by how often they are used: the landmarks are common ones.
_SIZE = 256
_LANDMARKS = range(250, 2_400, 8)
_LEAST_REST = 1e-3
_CACHED = 4_096
# What Kiwi does not know has one of its first numbers, up to this one.
LAST_UNKNOWN = 3


class Meanings:
    """Vectors of morphemes by their number in Kiwi's model; the product of two is how near their meanings are."""

    size = _SIZE

    def __init__(self, kiwi: Kiwi) -> None:
        # By number there is nothing to look up: what Kiwi wraps around this takes four times as long, and it is asked
        # for half a million of them.
        self._near = super(type(kiwi), kiwi).morpheme_similarity  # type: ignore[misc]  # written in C
        candidates = [number for number in _LANDMARKS if self._is_known(number)]
        table = np.array([list(map(self._near, repeat(one), candidates)) for one in candidates])
        chosen, self._turn = _landmarks(table)
        self._landmarks = [candidates[place] for place in chosen]
        raw = table[:, chosen] @ self._turn
        raw /= np.linalg.norm(raw, axis=1, keepdims=True)
        # All words share much (that they are words); what is left when it is taken away tells them apart.
        self._common = raw.mean(axis=0)
        self._strongest = np.linalg.eigh(np.cov((raw - self._common).T))[1][:, -1]
        self.of = lru_cache(maxsize=_CACHED)(self._of)

    def _is_known(self, number: int) -> bool:
        try:
            return bool(abs(self._near(number, number) - 1) < 0.01)
        except ValueError:
            return False

    def _of(self, number: int) -> Vector | None:
        """Returns the vector of a morpheme, None when the model has none (names of ours, typing errors)."""
        if number <= LAST_UNKNOWN or not self._is_known(number):
            return None
        raw = np.array(list(map(self._near, repeat(number), self._landmarks))) @ self._turn
        own = raw / np.linalg.norm(raw) - self._common
        own -= (own @ self._strongest) * self._strongest
        vector: Vector = (own / np.linalg.norm(own)).astype(np.float32)
        return vector


def _landmarks(table: np.ndarray[tuple[int, int], np.dtype[np.float64]]) -> tuple[Sequence[int], Vector]:
    """Returns the rows that say most about the others, one after the other, and what makes vectors of likenesses."""
    rest, lower, chosen = table.diagonal().copy(), np.zeros((len(table), _SIZE)), []
    for column in range(_SIZE):
        place = int(rest.argmax())
        if rest[place] < _LEAST_REST:
            break
        chosen.append(place)
        step = table[:, place] - lower[:, :column] @ lower[place, :column]
        lower[:, column] = step / np.sqrt(rest[place])
        rest -= lower[:, column] ** 2
    turn: Vector = np.linalg.inv(np.linalg.cholesky(table[np.ix_(chosen, chosen)])).T
    return chosen, turn
