"""Labelled sentences learned in a moment, for what starts without a trained model: counted, whatever their number."""

from collections.abc import Sequence
from itertools import chain
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from classifiers._pieces import Places, portions

Vector = NDArray[np.float64]

# What is counted of a feature that no sentence of a label has, and of one that no other label has.
_UNSEEN, _UNSEEN_ELSEWHERE = 0.1, 0.3
# How much what the sentences of other labels lack says beside what those of a label have.
_AGAINST = 3.0
# Features that nobody knows take weight from the known ones, but only half as much as these have.
_STRANGE = 0.5
# A batch of more features is looked at in parts: what is made for it would fill the memory.
_MOST_AT_ONCE = 4_000


class _Rows(NamedTuple):
    """The known features of all documents, one document after the other; of which; how many each has and has not."""

    places: Places
    owners: Places
    known: Places
    strangers: Places


class Bayes:
    """Says how much more a text's features are met in the sentences of one label than of others.

    Two counts together, each alone a naive Bayes: how often a label has a feature, and how seldom the others have it.
    Only what is counted is kept, so thousands of sentences take a few megabytes.
    """

    def __init__(self, documents: Sequence[Sequence[str]], owners: Sequence[int], labels: int) -> None:
        """`documents` are features of sentences, `owners` the labels that these belong to, as numbers."""
        self._places = {name: place for place, name in enumerate(dict.fromkeys(chain.from_iterable(documents)))}
        size = len(self._places)
        rows = self._found(documents)
        held = np.bincount(rows.places, minlength=size)
        self._rarity: Vector = np.log((1 + len(documents)) / (1 + held)) + 1
        self._strange = _STRANGE * (np.log(1 + len(documents)) + 1) ** 2
        said, pairs = self._counted(rows, owners, labels)
        features, self._owners = np.divmod(pairs, max(labels, 1))
        of_label = np.bincount(self._owners, weights=said, minlength=labels)
        elsewhere = np.bincount(features, weights=said, minlength=size)[features]
        against = np.log(elsewhere + _UNSEEN_ELSEWHERE) - np.log(elsewhere - said + _UNSEEN_ELSEWHERE)
        self._gains: Vector = np.log1p(said / _UNSEEN) + _AGAINST * against
        self._counts: Places = np.bincount(features, minlength=size)
        self._begins: Places = self._counts.cumsum() - self._counts
        others = np.log(of_label.sum() - of_label + _UNSEEN_ELSEWHERE * size + 1)
        base = _AGAINST * others - np.log(of_label + _UNSEEN * size + 1)
        self._base: Vector = base - base.max(initial=-np.inf)

    def scores(self, documents: Sequence[Sequence[str]]) -> tuple[Vector, NDArray[np.bool_]]:
        """Returns one number for each document and label, and which documents have a feature of any sentence; those
        of one document are the same whatever others are asked with it."""
        scores = np.zeros((len(documents), len(self._base)))
        is_known = np.zeros(len(documents), dtype=bool)
        for part in portions([len(document) for document in documents], _MOST_AT_ONCE):
            rows = self._found(documents[part])
            scores[part], is_known[part] = self._scores(rows), rows.known > 0
        return scores, is_known

    def _scores(self, rows: _Rows) -> Vector:
        weights, labels = self._weighed(rows), len(self._base)
        counts = self._counts.take(rows.places)
        ends = counts.cumsum()
        # The places of all gains of all features, one after the other.
        steps = np.arange(counts.sum()) + (self._begins.take(rows.places) - ends + counts).repeat(counts)
        gains = self._gains.take(steps) * weights.repeat(counts)
        cells = (rows.owners * labels).repeat(counts) + self._owners.take(steps)
        found = np.bincount(cells, gains, len(rows.known) * labels).reshape(-1, labels)
        scores: Vector = found + self._base * np.bincount(rows.owners, weights, len(rows.known))[:, np.newaxis]
        return scores

    def _counted(self, rows: _Rows, owners: Sequence[int], labels: int) -> tuple[Vector, Places]:
        """Returns how much each feature is said for each label that has it, and which pairs these are, in order."""
        keys = rows.places * labels + np.array(owners, dtype=np.intp).take(rows.owners)
        pairs, back = np.unique(keys, return_inverse=True)
        return np.bincount(back, self._weighed(rows), len(pairs)).astype(np.float64), pairs

    def _found(self, documents: Sequence[Sequence[str]]) -> _Rows:
        names = [dict.fromkeys(document) for document in documents]
        found = [[place for place in map(self._places.get, each) if place is not None] for each in names]
        known = np.array([len(each) for each in found], dtype=np.intp)
        strangers = np.array([len(each) for each in names], dtype=np.intp) - known
        places = np.fromiter(chain.from_iterable(found), dtype=np.intp, count=int(known.sum()))
        return _Rows(places, np.arange(len(documents)).repeat(known), known, strangers)

    def _weighed(self, rows: _Rows) -> Vector:
        weights = self._rarity.take(rows.places)
        squares = np.bincount(rows.owners, np.square(weights), len(rows.known))
        lengths = np.sqrt(squares + rows.strangers * self._strange)
        weighed: Vector = weights / lengths.take(rows.owners)
        return weighed
