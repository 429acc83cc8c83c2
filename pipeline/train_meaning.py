"""A linear view of what the words of a text mean, as far as Kiwi knows: it has an opinion of rare words, too.

What it learns is written down as weights of the words that the vocabulary has anyhow: what runs needs no meanings.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from classifiers._related import Meanings
from pipeline.train_columns import Columns

Floats = NDArray[np.float32]

_SORT = "content"
# What a text varies by is known from all texts; the less there are, the more of this is added.
_SMOOTH = 0.02
_FLOOR = 1e-9


def learned(
    texts: Any, labels: NDArray[np.intp], weights: Floats, count: int, columns: Columns
) -> tuple[Floats, Floats] | None:
    """Returns weights by feature and label and one bias for each label; nothing where no words of Korean are known."""
    block = next((block for block in columns.blocks if block.sort == _SORT), None)
    if block is None or not block.names:
        return None
    places = np.frombuffer(block.columns, dtype=np.int32)
    meant = _meant(block.names)
    # Columns in rising order: a sparse matrix takes them faster so.
    order = np.argsort(places)
    places, meant = places[order], meant[order]
    weights_of_meaning, bias = _discriminants(np.asarray(texts[:, places] @ meant), labels, weights, count)
    found = np.zeros((texts.shape[1], count), dtype=np.float32)
    found[places] = meant @ weights_of_meaning
    return found, bias


def _discriminants(rows: Floats, labels: NDArray[np.intp], weights: Floats, count: int) -> tuple[Floats, Floats]:
    """Returns what tells the labels apart when each scatters about its own middle in the same way (Fisher, 1936)."""
    own = np.zeros((len(rows), count), dtype=np.float32)
    own[np.arange(len(rows)), labels] = weights
    size = own.sum(axis=0)
    middles = (own.T @ rows) / np.maximum(size, _FLOOR)[:, None]
    share = weights / weights.sum()
    off = rows - middles[labels]
    scatter = (off * share[:, None]).T @ off
    scatter += np.eye(len(scatter), dtype=np.float32) * _doubt(rows, share)
    found = np.linalg.solve(scatter, middles.T)
    bias = np.log(np.maximum(size, _FLOOR) / weights.sum()) - (middles * found.T).sum(axis=1) / 2
    return found.astype(np.float32), bias.astype(np.float32)


def _doubt(rows: Floats, share: Floats) -> np.float32:
    """Returns how much every direction is taken to vary anyhow: a lot where texts are fewer than directions."""
    off = rows - share @ rows
    varies = float(share @ np.square(off).sum(axis=1)) / rows.shape[1]
    texts = 1 / float(np.square(share).sum())
    return np.float32(max(varies * (_SMOOTH + rows.shape[1] / texts), _FLOOR))


def _meant(words: Sequence[str]) -> Floats:
    """Returns a row for each word, zeros where Kiwi knows no meaning."""
    from kiwipiepy import Kiwi

    kiwi = Kiwi(num_workers=1)
    meanings = Meanings(kiwi)
    rows = np.zeros((len(words), meanings.size), dtype=np.float32)
    # A stem alone may be read as a noun; as a verb it is known by its ending.
    nouns = kiwi.tokenize([word.replace("_", " ") for word in words])
    verbs = kiwi.tokenize([f"{word.replace('_', ' ')}다" for word in words])
    for place, (word, *readings) in enumerate(zip(words, nouns, verbs, strict=True)):
        numbers = {each[0].id for each in readings if each and each[0].form.replace(" ", "_") == word}
        found = [vector for number in sorted(numbers) if (vector := meanings.of(number)) is not None]
        if found:
            whole = np.sum(found, axis=0)
            rows[place] = whole / max(float(np.linalg.norm(whole)), 1e-6)
    return rows
