"""Texts as weighted sets of features (character n-grams, words, morphemes), and how near a text is to each of many."""

import unicodedata
from collections.abc import Sequence
from itertools import repeat
from operator import add

import numpy as np
from numpy.typing import NDArray

from classifiers._text import Reading

Vector = NDArray[np.float32]
# A longer text is no question that a table knows; the rest of it would only cost time.
_MOST_CHARACTERS = 160


def character_grams(reading: Reading) -> list[str]:
    """Returns the different pairs and triples of characters, blanks left out, in the order of the text."""
    text = reading.tight[:_MOST_CHARACTERS]
    pairs = list(map(add, text, text[1:])) or [text]
    return list(dict.fromkeys([*pairs, *map(add, pairs, text[2:])]))


def word_grams(reading: Reading) -> list[str]:
    """Returns the different words and beginnings of words: what languages with blanks are told apart by."""
    words = reading.words[: _MOST_CHARACTERS // 4]
    return list(dict.fromkeys([*words, *(word[:4] + "-" for word in words if len(word) > 4)]))


def single_characters(reading: Reading) -> list[str]:
    """Returns the different characters, those of ASCII left out: every English sentence has all of them."""
    return list(dict.fromkeys(letter for letter in reading.tight[:_MOST_CHARACTERS] if letter > "\x7f"))


def edge_grams(reading: Reading) -> list[str]:
    """Returns pairs to fours of characters with the blanks between words as one of them."""
    text = f"_{'_'.join(reading.words)[:_MOST_CHARACTERS]}_"
    found = [text[at : at + size] for size in (2, 3, 4) for at in range(len(text) - size + 1)]
    return list(dict.fromkeys(gram for gram in found if "_" not in gram[1:-1]))


def sound_grams(reading: Reading) -> list[str]:
    """Returns threes to fives of letters (자모): what a typing error leaves whole."""
    text = unicodedata.normalize("NFD", reading.tight[:_MOST_CHARACTERS])
    found = [text[at : at + size] for size in (3, 4, 5) for at in range(len(text) - size + 1)]
    return list(dict.fromkeys(found or [text]))


class Space:
    """A fixed list of documents; `near` says how near each is to a query (cosine of TF-IDF, 0 to 1)."""

    def __init__(self, documents: Sequence[Sequence[str]]) -> None:
        holders: dict[str, list[int]] = {}
        for number, document in enumerate(documents):
            for gram in dict.fromkeys(document):
                holders.setdefault(gram, []).append(number)
        grams = sorted(holders)
        self._places = {gram: place for place, gram in enumerate(grams)}
        self._unknown = len(grams)
        self.size = len(grams) + 1
        # Features that the same documents have weigh the same: one row for all of them keeps the table small and near.
        rows: dict[tuple[int, ...], int] = {}
        held = [rows.setdefault(tuple(holders[gram]), len(rows)) for gram in grams]
        # The last place stands for what no document has: as rare as can be, near to nothing.
        self._row = np.array([*held, rows.setdefault((), len(rows))], dtype=np.intp)
        counts = np.zeros((len(rows), len(documents)), dtype=np.float32)
        for numbers, row in rows.items():
            counts[row, list(numbers)] = 1.0
        rarity: Vector = (np.log((1 + len(documents)) / (1 + counts.sum(axis=1))) + 1).astype(np.float32)
        self._rarity: Vector = rarity.take(self._row)
        self._squares: Vector = self._rarity**2
        norms: Vector = np.array([self._norm(document) for document in documents], dtype=np.float32)
        norms[norms == 0] = 1
        # In place: two copies more of a large table would be the most memory that the process ever takes.
        counts *= rarity[:, None]
        counts *= rarity[:, None]
        counts /= norms
        self._weights: Vector = counts

    def _norm(self, document: Sequence[str]) -> float:
        # In the order of the table, one after the other: the last digit depends on it.
        places = sorted(set(self.places(document)))
        return float(np.sqrt(np.add.accumulate(self._squares.take(places))[-1])) if places else 0.0

    def places(self, grams: Sequence[str]) -> list[int]:
        """Returns the row of each feature; what no document has shares the last row."""
        return list(map(self._places.get, grams, repeat(self._unknown)))

    def near(self, places: Sequence[int]) -> Vector:
        """Returns the similarity to each document."""
        known = np.array(places, dtype=np.intp)
        norm = np.sqrt(np.add.reduce(self._squares.take(known)))
        if not places or norm == 0.0:
            return np.zeros(self._weights.shape[1], dtype=np.float32)
        scores: Vector = np.add.reduce(self._weights.take(self._row.take(known), axis=0), axis=0)
        scores /= norm
        return scores

    def mass(self, places: Sequence[int]) -> Vector:
        """Returns how much each feature weighs."""
        return self._rarity[places]
