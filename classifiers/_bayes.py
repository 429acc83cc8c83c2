"""Labelled sentences learned in a moment, for what starts without a trained model: counted, whatever their number."""

from collections.abc import Iterable, Sequence
from itertools import chain

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]
_Places = NDArray[np.intp]

# What is counted of a feature that no sentence of a label has, and of one that no other label has.
_UNSEEN, _UNSEEN_ELSEWHERE = 0.1, 0.3
# How much what the sentences of other labels lack says beside what those of a label have.
_AGAINST = 3.0
# Features that nobody knows take weight from the known ones, but only half as much as these have.
_STRANGE = 0.5


class Bayes:
    """Says how much more a text's features are met in the sentences of one label than of others.

    Two counts together, each alone a naive Bayes: how often a label has a feature, and how seldom the others have it.
    Only what is counted is kept, so thousands of sentences take a few megabytes.
    """

    def __init__(self, documents: Sequence[Sequence[str]], owners: Sequence[int], labels: int) -> None:
        """`documents` are features of sentences, `owners` the labels that these belong to, as numbers."""
        self._places = {name: place for place, name in enumerate(dict.fromkeys(chain.from_iterable(documents)))}
        size = len(self._places)
        rows = [self._found(dict.fromkeys(document)) for document in documents]
        held = np.bincount(np.concatenate(rows) if rows else [], minlength=size)
        self._rarity: Vector = np.log((1 + len(rows)) / (1 + held)) + 1
        self._strange = _STRANGE * (np.log(1 + len(rows)) + 1) ** 2
        said, pairs = self._counted(rows, owners, labels)
        features, self._owners = np.divmod(pairs, max(labels, 1))
        of_label = np.bincount(self._owners, weights=said, minlength=labels)
        elsewhere = np.bincount(features, weights=said, minlength=size)[features]
        against = np.log(elsewhere + _UNSEEN_ELSEWHERE) - np.log(elsewhere - said + _UNSEEN_ELSEWHERE)
        self._gains: Vector = np.log1p(said / _UNSEEN) + _AGAINST * against
        self._counts: _Places = np.bincount(features, minlength=size)
        self._begins: _Places = self._counts.cumsum() - self._counts
        others = np.log(of_label.sum() - of_label + _UNSEEN_ELSEWHERE * size + 1)
        base = _AGAINST * others - np.log(of_label + _UNSEEN * size + 1)
        self._base: Vector = base - base.max(initial=-np.inf)

    def scores(self, features: Sequence[str]) -> Vector | None:
        """Returns one number for each label, None when no sentence has any of these features."""
        names = dict.fromkeys(features)
        row = self._found(names)
        if not len(row):
            return None
        weights = self._weighed(row, len(names) - len(row))
        begins, counts = self._begins[row], self._counts[row]
        ends = counts.cumsum()
        # The places of all gains of all features, one after the other.
        steps = np.arange(ends[-1]) + (begins - ends + counts).repeat(counts)
        gains = self._gains[steps] * weights.repeat(counts)
        found = np.bincount(self._owners[steps], weights=gains, minlength=len(self._base))
        scores: Vector = found + self._base * weights.sum()
        return scores

    def _counted(
        self, rows: Sequence[_Places], owners: Sequence[int], labels: int
    ) -> tuple[NDArray[np.float64], _Places]:
        """Returns how much each feature is said for each label that has it, and which pairs these are, in order."""
        if not rows:
            return np.zeros(0), np.zeros(0, dtype=np.intp)
        keys = np.concatenate([row * labels + owner for row, owner in zip(rows, owners, strict=True)])
        pairs, back = np.unique(keys, return_inverse=True)
        values = np.concatenate([self._weighed(row) for row in rows])
        return np.bincount(back, weights=values).astype(np.float64), pairs.astype(np.intp)

    def _found(self, features: Iterable[str]) -> _Places:
        places = map(self._places.get, features)
        return np.array([place for place in places if place is not None], dtype=np.intp)

    def _weighed(self, row: _Places, strangers: int = 0) -> Vector:
        weights = self._rarity.take(row)
        length = np.sqrt(np.square(weights).sum() + strangers * self._strange)
        weighed: Vector = weights / (length or 1.0)
        return weighed
