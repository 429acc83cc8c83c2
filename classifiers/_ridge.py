"""Labelled sentences learned in a moment: ridge regression, solved exactly, for what starts without a trained model."""

from collections.abc import Sequence
from itertools import chain

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float32]
_Places = NDArray[np.intp]

# How much nearness to the sentences gives way to simplicity; between 0.5 and 4 it hardly matters.
_RIDGE = 1.5


class Ridge:
    """Says for each label how much a text is like its sentences: about 1 for one of them, 0 for a stranger."""

    def __init__(self, documents: Sequence[Sequence[str]], owners: Sequence[int], labels: int) -> None:
        """`documents` are features of sentences, `owners` the labels that these belong to, as numbers."""
        self._places = {name: place for place, name in enumerate(dict.fromkeys(chain.from_iterable(documents)))}
        rows = [self._found(document) for document in documents]
        held = np.bincount(np.concatenate(rows) if rows else [], minlength=len(self._places))
        self._rarity: Vector = (np.log((1 + len(rows)) / (1 + held)) + 1).astype(np.float32)
        values = [self._weighed(row) for row in rows]
        wanted = np.zeros((len(rows), labels), dtype=np.float32)
        wanted[np.arange(len(rows)), np.array(owners, dtype=np.intp)] = 1
        near = _nearness(rows, values, held)
        near[np.diag_indices(len(rows))] += _RIDGE
        shares = np.linalg.solve(near, wanted)
        self._weights: Vector = np.zeros((len(self._places), labels), dtype=np.float32)
        for row, value, share in zip(rows, values, shares, strict=True):
            self._weights[row] += value[:, None] * share

    def scores(self, features: Sequence[str]) -> Vector:
        """Returns one number for each label."""
        row = self._found(features)
        scores: Vector = self._weighed(row) @ self._weights.take(row, axis=0)
        return scores

    def _found(self, features: Sequence[str]) -> _Places:
        places = map(self._places.get, dict.fromkeys(features))
        return np.array([place for place in places if place is not None], dtype=np.intp)

    def _weighed(self, row: _Places) -> Vector:
        weights = self._rarity.take(row)
        length: Vector = weights / np.float32(np.sqrt(np.square(weights).sum()) or 1.0)
        return length


def _nearness(rows: Sequence[_Places], values: Sequence[Vector], held: NDArray[np.intp]) -> Vector:
    """Returns how near each document is to each other one, through lists of who holds each feature."""
    size = len(rows)
    near = np.zeros((size, size), dtype=np.float32)
    if not size:
        return near
    features = np.concatenate(rows)
    order = np.argsort(features, kind="stable")
    holders = np.repeat(np.arange(size), [len(row) for row in rows])[order]
    weights = np.concatenate(values)[order]
    ends = np.cumsum(held)
    begins = ends - held
    for place, (row, value) in enumerate(zip(rows, values, strict=True)):
        if len(row):
            spans = [np.arange(begins[feature], ends[feature]) for feature in row.tolist()]
            found = np.concatenate(spans)
            said = weights[found] * np.repeat(value, held[row])
            near[place] = np.bincount(holders[found], weights=said, minlength=size)
    return near
