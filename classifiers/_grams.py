"""Texts as weighted sets of features (character n-grams, words, morphemes), and how near a text is to each of many."""

import unicodedata
from collections.abc import Sequence
from itertools import chain, repeat
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
    """A fixed list of documents; `all_near` says how near each is to queries (cosine of TF-IDF, 0 to 1)."""

    def __init__(self, documents: Sequence[Sequence[str]]) -> None:
        flat = [list(dict.fromkeys(document)) for document in documents]
        grams = dict.fromkeys(chain.from_iterable(flat))
        self._places = {gram: place for place, gram in enumerate(grams)}
        self._unknown = len(grams)
        self.size = len(grams) + 1
        self._documents = len(documents)
        sizes = [len(document) for document in flat]
        held = np.fromiter(map(self._places.__getitem__, chain.from_iterable(flat)), dtype=np.intp, count=sum(sizes))
        # Who has each feature, one list after the other: most have few. The last is nobody's, as rare as can be: the
        # place of what no document has.
        self._lengths = np.bincount(held, minlength=self.size)
        self._begins = np.cumsum(self._lengths) - self._lengths
        self._holders = np.arange(len(documents)).repeat(sizes).take(held.argsort(kind="stable"))
        self._rarity: Vector = (np.log((1 + len(documents)) / (1 + self._lengths)) + 1).astype(np.float32)
        self._squares: Vector = self._rarity**2
        self._weights: Vector = self._squares.repeat(self._lengths)
        norms = np.sqrt(np.bincount(self._holders, self._weights, len(documents)))
        norms[norms == 0.0] = 1.0
        self._weights = (self._weights / norms.take(self._holders)).astype(np.float32)

    def places(self, grams: Sequence[str]) -> list[int]:
        """Returns the row of each feature; what no document has shares the last row."""
        return list(map(self._places.get, grams, repeat(self._unknown)))

    def all_near(self, queries: Sequence[Sequence[int]]) -> Vector:
        """Returns the similarity of each of many queries to each document; the same as of each alone."""
        sizes = [len(places) for places in queries]
        known = np.fromiter(chain.from_iterable(queries), dtype=np.intp, count=sum(sizes))
        owners = np.arange(len(queries)).repeat(sizes)
        norms = np.sqrt(np.bincount(owners, self._squares.take(known), len(queries)))
        norms[norms == 0.0] = 1.0
        lengths = self._lengths.take(known)
        ends = lengths.cumsum()
        count = int(ends[-1]) if len(ends) else 0
        at = np.arange(count) + (self._begins.take(known) - ends + lengths).repeat(lengths)
        cells = self._holders.take(at) + (owners * self._documents).repeat(lengths)
        # Sums of many digits, added in the order of the query: its neighbours change none of them.
        scores = np.bincount(cells, self._weights.take(at), len(queries) * self._documents)
        near: Vector = (scores.reshape(len(queries), self._documents) / norms[:, None]).astype(np.float32)
        return near

    def mass(self, places: Sequence[int]) -> Vector:
        """Returns how much each feature weighs."""
        return self._rarity[places]
