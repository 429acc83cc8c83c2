"""Labelled texts as a sparse matrix, and the vocabulary that it needs: what a model will know of a text."""

from collections import Counter
from collections.abc import Iterable, Sequence
from math import log
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from classifiers._features import FEATURES, Sort
from classifiers._linear import Block
from classifiers._text import Reading

# Rare features of many texts are noise, of few texts all there is.
_MANY = 20_000
# Numbers of a matrix, so that a model stays a file that one can carry.
_MOST_NUMBERS = 16_000_000


class Columns(NamedTuple):
    """The vocabulary: blocks as a model keeps them; `size` counts their columns, the most frequent first."""

    blocks: tuple[Block, ...]
    size: int


class Counted(NamedTuple):
    """Texts counted once: for each sort and text its features and how often each is there."""

    sorts: tuple[Sort, ...]
    texts: tuple[list[Counter[str]], ...]

    def of(self, places: Sequence[int]) -> "Counted":
        return Counted(self.sorts, tuple([texts[place] for place in places] for texts in self.texts))


def counted(readings: Iterable[Reading], sorts: Sequence[Sort]) -> Counted:
    """Returns what stands in the texts."""
    rows = [[Counter(FEATURES[sort](reading)) for sort in sorts] for reading in readings]
    return Counted(tuple(sorts), tuple([row[place] for row in rows] for place in range(len(sorts))))


def columns_of(texts: Counted, labels: int) -> Columns:
    """Returns the vocabulary of these texts; of too many features those that stand in most texts."""
    size = len(texts.texts[0]) if texts.texts else 0
    held = [_held(sort, rows, size) for sort, rows in zip(texts.sorts, texts.texts, strict=True)]
    named = [(number, place, name) for place, found in enumerate(held) for name, number in found.items()]
    named.sort(key=lambda each: (-each[0], each[1], each[2]))
    named = named[: _MOST_NUMBERS // max(labels, 1)]
    blocks: list[tuple[list[str], list[int], list[float]]] = [([], [], []) for _ in held]
    for column, (number, place, name) in enumerate(named):
        names, places, rarity = blocks[place]
        names.append(name)
        places.append(column)
        rarity.append(log((1 + size) / (1 + number)) + 1)
    return Columns(
        tuple(
            Block(
                sort=sort,
                names=tuple(names),
                columns=np.array(places, dtype=np.int32).tobytes(),
                rarity=np.array(rarity, dtype=np.float32).tobytes(),
            )
            for sort, (names, places, rarity) in zip(texts.sorts, blocks, strict=True)
        ),
        len(named),
    )


def matrix_of(texts: Counted, columns: Columns) -> Any:
    """Returns the texts as rows of a sparse matrix (SciPy, CSR), each block of length one."""
    from scipy.sparse import csr_matrix

    parts = []
    for block, rows in zip(columns.blocks, texts.texts, strict=True):
        known = dict(zip(block.names, np.frombuffer(block.columns, dtype=np.int32).tolist(), strict=True))
        rarity = np.zeros(columns.size, dtype=np.float32)
        rarity[np.frombuffer(block.columns, dtype=np.int32)] = np.frombuffer(block.rarity, dtype=np.float32)
        indices, values, ends = _filled(rows, known)
        weights = (1 + np.log(values)) * rarity[indices]
        parts.append(csr_matrix((_of_length_one(weights, ends), indices, ends), shape=(len(rows), columns.size)))
    whole = parts[0]
    for part in parts[1:]:
        whole = whole + part
    return whole.tocsr().astype(np.float32)


def _held(sort: Sort, rows: Sequence[Counter[str]], size: int) -> dict[str, int]:
    """Returns in how many texts each feature stands, without those that stand in too few."""
    held: Counter[str] = Counter()
    for row in rows:
        held.update(row.keys())
    least = 2 if size >= _MANY or sort in ("pieces", "runs") else 1
    return {name: number for name, number in held.items() if number >= least}


def _filled(
    rows: Sequence[Counter[str]], known: dict[str, int]
) -> tuple[NDArray[np.int32], NDArray[np.float32], NDArray[np.int64]]:
    indices: list[int] = []
    values: list[int] = []
    ends = [0]
    for row in rows:
        for name, times in row.items():
            column = known.get(name)
            if column is not None:
                indices.append(column)
                values.append(times)
        ends.append(len(indices))
    return np.array(indices, np.int32), np.array(values, np.float32), np.array(ends, np.int64)


def _of_length_one(weights: NDArray[np.float32], ends: NDArray[np.int64]) -> NDArray[np.float32]:
    squares = np.concatenate(([0.0], np.cumsum(np.square(weights, dtype=np.float64))))
    norms = np.sqrt(np.maximum(squares[ends[1:]] - squares[ends[:-1]], 1e-12))
    scaled: NDArray[np.float32] = (weights / np.repeat(norms, np.diff(ends))).astype(np.float32)
    return scaled
