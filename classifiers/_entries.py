"""The words of many entries, and how near each entry has one to each word of a question."""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from classifiers._grams import Vector
from classifiers._likeness import Question
from classifiers._morphemes import Word
from classifiers._related import Meanings

_CACHED = 2_048
_SAME = 0.999


class Seen(NamedTuple):
    """The words of a question against all entries, words by entries: how `near` each entry has one, the very word
    (`known`), and how many of its wordings have it (`held`)."""

    words: tuple[Word, ...]
    near: Vector
    known: NDArray[np.bool_]
    held: Vector


class EntryWords:
    """Holds which wordings have which word; a wording can be left out, as if nobody had written it."""

    def __init__(self, wordings: Sequence[Question], owner: Sequence[int], entries: int, meanings: Meanings) -> None:
        names = sorted({word.name for wording in wordings for word in wording.words.all})
        numbers = {word.name: word.number for wording in wordings for word in wording.words.all}
        self._places = {name: place for place, name in enumerate(names)}
        # The last row stands for words that no entry has.
        self.held: Vector = np.zeros((len(names) + 1, entries), dtype=np.float32)
        for wording, entry in zip(wordings, owner, strict=True):
            self.held[self.places(wording.words.all), entry] += 1
        self._slot_entry, self._slot_word = np.nonzero(self.held[:-1].T)
        self._begins = np.searchsorted(self._slot_entry, np.arange(entries))
        self._meanings = meanings
        vectors = [meanings.of(numbers[name]) for name in names]
        nothing = np.zeros(meanings.size, dtype=np.float32)
        self._vectors = np.array([nothing if one is None else one for one in vectors], dtype=np.float32)
        self._row = lru_cache(maxsize=_CACHED)(self._nearness)

    def places(self, words: Iterable[Word]) -> list[int]:
        return [self._places.get(word.name, -1) for word in words]

    def seen(self, words: tuple[Word, ...], without: Question | None = None, entry: int = 0, gone: int = -1) -> Seen:
        """`without` is a wording of `entry` that is left out, `gone` an entry that is."""
        held = self.held.take(self.places(words), axis=0)
        rows = np.array([self._row(word.name, word.number) for word in words])
        if without is not None:
            own = set(self.places(without.words.all))
            held[[place in own for place in self.places(words)], entry] -= 1
            rows[:, self._only_in(own, entry)] = 0.0
        near = np.maximum.reduceat(rows, self._begins, axis=1)
        if gone >= 0:
            near[:, gone], held[:, gone] = 0.0, 0.0
        return Seen(words, near, held > 0, held)

    def _only_in(self, places: set[int], entry: int) -> list[int]:
        begin = self._begins[entry]
        slots = range(begin, begin + int((self._slot_entry == entry).sum()))
        return [
            slot for slot in slots if (place := int(self._slot_word[slot])) in places and self.held[place, entry] == 1
        ]

    def _nearness(self, name: str, number: int) -> Vector:
        """Returns how near a word is to each word of each entry, from 0 to 1 for the same."""
        own, place = self._meanings.of(number), self._places.get(name)
        near: Vector = np.zeros(len(self._vectors), dtype=np.float32)
        if own is not None:
            near = np.clip(self._vectors @ own, 0.0, _SAME)
        if place is not None:
            near[place] = 1.0
        return near.take(self._slot_word)
