"""What the words of questions say for and against the entry that is most like each."""

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from classifiers._entries import Seen
from classifiers._grams import Vector
from classifiers._morphemes import ASKS, Word, answers_to

# From this nearness of meaning on a word counts as another word for one that the entry has.
_SYNONYM, _SPAN, _MOST = 0.5, 0.2, 0.9
# A word that this share of all matters has, of each the first few sentences, says nothing about any.
_EVERYWHERE = 0.06
# A word in this share of an entry's wordings is the entry's own, unless more than a few entries have it so.
_OWN_SHARE, _FEW = 0.3, 3
# What a heart has where none of its words is asked: nothing has no logarithm.
_LEAST_SHARE = 0.02


class Signs(NamedTuple):
    """How odd each word of a question is to an entry; how much all of them are the entry's own, how much those of
    sentences against it; how much the question has of its heart."""

    odd: Vector
    own: float
    against: float
    heart: float


class Owned(NamedTuple):
    """What the words of an entry are: of its wordings (`names`, `text` and how many they are) and of the sentences
    that must not match (`doubted`)."""

    names: frozenset[str]
    doubted: frozenset[str]
    text: str
    size: int


class Telling:
    """Holds the words of all entries, and how much each word tells one matter from another."""

    def __init__(self, entries: Sequence[Owned], matters: Sequence[frozenset[str]]) -> None:
        self._doubted = [entry.doubted for entry in entries]
        self._tight = [entry.text for entry in entries]
        self._sizes: Vector = np.array([entry.size for entry in entries], dtype=np.float32)
        self.answers = [answers_to(entry.names) for entry in entries]
        self._tells = _telling([*(entry.names for entry in entries), *matters])

    def of(self, words: Sequence[Word], seen: Seen, best: NDArray[np.intp], begins: NDArray[np.intp]) -> list[Signs]:
        """Returns what the words of each question say of its best entry."""
        at = np.arange(len(words))
        known, held = seen.known[at, best], seen.held[at, best]
        others = seen.known.sum(axis=1) - known
        weight: Vector = np.array([word.weight for word in words])
        explained = self._explained(words, known, np.where(others == 0, seen.near[at, best], 0.0), best)
        weights = weight * self._told(words, seen, best, known)
        shares = np.maximum(held, 0) / self._sizes[best]
        share = np.where(known, 0.4 + 0.6 * np.sqrt(shares), 0.5)
        own = weights * explained * np.log((1 + len(self._sizes)) / (1 + others)) * share
        doubted = [word.name in self._doubted[entry] for word, entry in zip(words, best.tolist(), strict=True)]
        # What most of its wordings have is its heart: "지갑" alone is not yet "지갑, 지하철".
        heart = np.log(_LEAST_SHARE + np.maximum.reduceat(weights * known * shares, begins))
        against = np.add.reduceat(weights * (np.array(doubted) & ~known), begins)
        odd = np.split(weight * (1 - explained), begins[1:])
        rows = zip(odd, np.add.reduceat(own, begins).tolist(), against.tolist(), heart.tolist(), strict=True)
        return [Signs(*row) for row in rows]

    def _told(self, words: Sequence[Word], seen: Seen, best: NDArray[np.intp], known: NDArray[np.bool_]) -> Vector:
        """Returns how much each word tells; what is the very word of other entries and not of this one tells all."""
        telling: Vector = np.array([self._tells.get(word.name, 1.0) for word in words])
        theirs = (seen.held / self._sizes >= _OWN_SHARE).sum(axis=1)
        telling[(theirs > 0) & (theirs <= _FEW) & ~known] = 1.0
        return telling

    def _explained(
        self, words: Sequence[Word], known: NDArray[np.bool_], near: Vector, best: NDArray[np.intp]
    ) -> Vector:
        """Returns for each word how far the entry has it, from 0 to 1: itself, inside another, or one of its meaning.

        What other entries have is no other word for what this one has: 버스 is near 지하철 and another matter.
        """
        inside = [
            not is_known and self._has_inside(word.form, entry)
            for word, is_known, entry in zip(words, known.tolist(), best.tolist(), strict=True)
        ]
        meant = np.clip((near - _SYNONYM) / _SPAN, 0.0, _MOST)
        explained: Vector = np.where(known, 1.0, np.maximum(meant, _MOST * np.array(inside)))
        return explained

    def _has_inside(self, form: str, entry: int) -> bool:
        return (len(form) > 1 and form in self._tight[entry]) or ASKS.get(form) in self.answers[entry]


def _telling(matters: Sequence[frozenset[str]]) -> dict[str, float]:
    """Returns how much each word tells one matter from another, from 0.15 to 1."""
    held = Counter(name for names in matters for name in names)
    return {name: min(max(1.25 - count / (_EVERYWHERE * len(matters)), 0.15), 1.0) for name, count in held.items()}
