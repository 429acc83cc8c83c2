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

_CACHED = 8_192
_SAME = 0.999
# So many words at once are compared with all others: more would be held in memory for no gain.
_AT_ONCE = 256


class Seen(NamedTuple):
    """The words of questions against all entries, words by entries: how `near` each entry has one, the very word
    (`known`), and how many of its wordings have it (`held`)."""

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
        # An entry of no words is near to nothing.
        self._worded, self._begins = np.unique(self._slot_entry, return_index=True)
        self._meanings = meanings
        # The same form may be another word, with a number of its own: 배.
        self._numbers = [numbers[name] for name in names]
        vectors = [meanings.of(number) for number in self._numbers]
        nothing = np.zeros(meanings.size, dtype=np.float32)
        self._vectors = np.array([nothing if one is None else one for one in vectors], dtype=np.float32)
        self._near = np.concatenate(list(self._all_near()))
        self._other = lru_cache(maxsize=_CACHED)(self._of_other)

    def places(self, words: Iterable[Word]) -> list[int]:
        return [self._places.get(word.name, -1) for word in words]

    def seen(self, words: Sequence[Word]) -> Seen:
        places = self.places(words)
        near, held = self._near.take(places, axis=0), self.held.take(places, axis=0)
        for row, (word, place) in enumerate(zip(words, places, strict=True)):
            if place < 0 or self._numbers[place] != word.number:
                near[row] = self._other(word.number, place)
        return Seen(near, held > 0, held)

    def leave_out(self, seen: Seen, rows: slice, words: Sequence[Word], without: Question, entry: int) -> None:
        """Makes of what was seen, in these rows, what is seen without one wording of an entry."""
        own, places = set(self.places(without.words.all)), self.places(words)
        held = seen.held[rows, entry]
        held[[place in own for place in places]] -= 1
        seen.held[rows, entry] = held
        seen.known[rows, entry] = held > 0
        slots = self._slot_word[self._slot_entry == entry]
        left = slots[[int(place) not in own or self.held[place, entry] > 1 for place in slots]]
        seen.near[rows, entry] = self._to_words(places, words, left).max(axis=1, initial=0.0)

    def _to_words(self, places: Sequence[int], words: Sequence[Word], others: NDArray[np.intp]) -> Vector:
        """Returns how near words are to these words of entries, from 0 to 1 for the same."""
        own = [self._meanings.of(word.number) for word in words]
        nothing = np.zeros(self._meanings.size, dtype=np.float32)
        vectors = np.array([nothing if one is None else one for one in own])
        near: Vector = np.clip(vectors @ self._vectors[others].T, 0.0, _SAME)
        near[np.array(places)[:, None] == others] = 1.0
        return near

    def _all_near(self) -> Iterable[Vector]:
        """Yields how near each entry has one to the words of all, and last nothing for words that none has."""
        for begin in range(0, len(self._vectors), _AT_ONCE):
            some = np.arange(begin, min(begin + _AT_ONCE, len(self._vectors)))
            near: Vector = np.clip(self._vectors[some] @ self._vectors.T, 0.0, _SAME)
            near[np.arange(len(some)), some] = 1.0
            yield self._of_entries(near)
        yield np.zeros((1, self.held.shape[1]), dtype=np.float32)

    def _of_other(self, number: int, place: int) -> Vector:
        """Returns how near each entry has one to a word of this number; `place` is that of its form, -1 for none."""
        own = self._meanings.of(number)
        near: Vector = np.zeros((1, len(self._vectors)), dtype=np.float32)
        if own is not None:
            near[0] = np.clip(self._vectors @ own, 0.0, _SAME)
        if place >= 0:
            near[0, place] = 1.0
        found: Vector = self._of_entries(near)[0]
        return found

    def _of_entries(self, near: Vector) -> Vector:
        found: Vector = np.zeros((len(near), self.held.shape[1]), dtype=np.float32)
        if len(self._worded):
            found[:, self._worded] = np.maximum.reduceat(near.take(self._slot_word, axis=1), self._begins, axis=1)
        return found
