"""Which of many entries, each known by several wordings, a question asks for; and what speaks for and against it."""

from collections import Counter
from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from classifiers._asked import Asked
from classifiers._entries import EntryWords, Seen
from classifiers._grams import Vector
from classifiers._likeness import Likeness, Question
from classifiers._morphemes import ASKS, Morphemes, answers_to
from classifiers._text import Reading

# Found by leaving out each wording of the shipped questions and asking for it (a softmax over the entries, L2 5.0).
_BEST, _THREE, _KNOWN, _NEAR, _RIVAL = 0.1, 1.5, 0.8, 7.0, -0.45
_TOP = 3
_NOWHERE = -30.0
# From this nearness of meaning on a word counts as another word for one that the entry has.
_SYNONYM, _SPAN, _MOST = 0.5, 0.2, 0.9
# A word that this share of all matters has says nothing about any.
_EVERYWHERE = 0.07
# A word in this share of an entry's wordings is the entry's own, unless more than a few entries have it so.
_OWN_SHARE, _FEW = 0.3, 3
# A word of this weight that the entry does not know makes it another question.
_STRANGE = 0.4
_FEWEST = 2
_LEAST_SHARE = 0.02
# Of less likeness a match rests on single words.
_ALIKE = 5.0
_FURTHEST, _NEAREST = -3.0, 12.0
_MOST_MARGIN = 15.0
FEATURES = (
    "score",
    "margin",
    "against",
    "odd",
    "oddest",
    "own",
    "against word",
    "alike",
    "asked",
    "asked least",
    "heart",
)


class Wordings(NamedTuple):
    """The ways to ask for one entry, and the sentences that look like it and are not."""

    ways: tuple[Reading, ...]
    against: tuple[Reading, ...]
    answer: str = ""


class Ranking(NamedTuple):
    """The best entry, the second, the best one's score and how far the second's is below it."""

    best: int
    second: int | None
    score: float
    margin: float


class Match(NamedTuple):
    """The entry that fits best, how far the second is behind, and what speaks for the best, by FEATURES.

    `hindrance` says why it must not be trusted whatever speaks for it, "" for nothing.
    """

    entry: int
    second: int | None
    margin: float
    features: tuple[float, ...]
    against: bool
    hindrance: str

    @property
    def odd(self) -> float:
        """How much the question says that the entry has no word for."""
        return self.features[FEATURES.index("odd")]


class Matcher:
    """Finds by likeness of wordings, then by words: how much of the question the entry's wordings have words for,
    what only other entries have words for, and what nobody has."""

    def __init__(
        self, entries: Sequence[Wordings], morphemes: Morphemes, matters: Sequence[Sequence[Reading]] = ()
    ) -> None:
        """`matters` are sentences about other things, one group a thing: they tell common words from telling ones."""
        self._morphemes = morphemes
        groups = [(number, is_way) for number in range(len(entries)) for is_way in (True, False)]
        readings = [list(entry.ways if is_way else entry.against) for entry in entries for is_way in (True, False)]
        self.questions = [self.taken(reading) for group in readings for reading in group]
        self.owner = np.repeat([number for number, _ in groups], [len(group) for group in readings])
        self.is_way = np.repeat([is_way for _, is_way in groups], [len(group) for group in readings])
        self._likeness = Likeness(self.questions)
        self._ways, self._against = self._padded(len(entries), is_way=True), self._padded(len(entries), is_way=False)
        ways = np.flatnonzero(self.is_way).tolist()
        questions, owner = [self.questions[place] for place in ways], self.owner[ways].tolist()
        self._asked = Asked(questions, owner, len(entries))
        self._words = EntryWords(questions, owner, len(entries), morphemes.meanings)
        self._doubted = [self._names(number, is_way=False) for number in range(len(entries))]
        self._tight = ["\n".join((*(reading.tight for reading in entry.ways), entry.answer)) for entry in entries]
        self._sizes: Vector = np.array([len(entry.ways) for entry in entries], dtype=np.float32)
        # One wording cannot have all the words in which its question may be put.
        self._knows_words = len(ways) >= _FEWEST * len(entries)
        names = [self._names(number, is_way=True) for number in range(len(entries))]
        self._answers = [answers_to(found) for found in names]
        self._telling = _telling([*names, *(self._of_matter(matter) for matter in matters)])

    def taken(self, reading: Reading) -> Question:
        """Returns a text with its words: what is slow about it."""
        return Question(reading, self._morphemes(reading))

    def match(self, question: Question) -> Match | None:
        """Returns the entry that fits best, None when nothing is asked."""
        return self.best(question, self._likeness.of(question))

    def words_of_others(self, entry: int) -> list[str]:
        """Returns the nouns that other entries' wordings have and those of this one have not."""
        return self._nouns_of_others[entry]

    @cached_property
    def _nouns_of_others(self) -> list[list[str]]:
        all_names = {name for question in self.questions for name in question.names}
        nouns = sorted(name for name in all_names if name.endswith("/NN") and len(name) > 4)
        owned = [self._names(entry, is_way=True) for entry in range(len(self._sizes))]
        return [[name[:-3] for name in nouns if name not in own] for own in owned]

    def likeness(self, question: Question) -> Vector:
        """Returns the likeness to each of `questions`, for `best`."""
        return self._likeness.of(question)

    def best(self, question: Question, likeness: Vector, *, without: int = -1, gone: int = -1) -> Match | None:
        """Returns the best entry; `without` leaves out one of `questions`, `gone` a whole entry."""
        if not question.words.all or not len(self._sizes):
            return None
        likeness = np.append(likeness, np.float32(_NOWHERE))
        likeness[without if without >= 0 else len(likeness) - 1] = _NOWHERE
        left_out = self.questions[without] if without >= 0 and self.is_way[without] else None
        seen = self._words.seen(question.words.all, left_out, int(self.owner[without]), gone)
        scores = self._scores(question, likeness, seen)
        if gone >= 0:
            scores[gone] = 2 * _NOWHERE
        best, second = (*np.argsort(-scores, kind="stable")[:2].tolist(), None)[:2]
        score, rival = float(scores[best]), _NOWHERE if second is None else float(scores[second])
        ranking = Ranking(best, second, score, min(score - rival, _MOST_MARGIN))
        shares = self._asked.shares(question, best, left_out if self.owner[without] == best else None)
        return self._weighed(question, likeness, seen, ranking, shares)

    def _scores(self, question: Question, likeness: Vector, seen: Seen) -> Vector:
        ways = np.sort(likeness[self._ways], axis=1)[:, ::-1][:, :_TOP]
        there = ways > _NOWHERE
        three = np.where(there, ways, 0.0).sum(axis=1) / np.maximum(there.sum(axis=1), 1)
        rarity = self._likeness.words.mass(self._likeness.words.places(question.names))
        rarity = rarity / rarity.sum()
        rival = seen.known.any(axis=1, keepdims=True) & ~seen.known
        scores = _BEST * ways[:, 0] + _THREE * np.where(there.any(axis=1), three, _NOWHERE)
        scores += _KNOWN * (rarity @ seen.known) + _NEAR * (rarity @ seen.near) + _RIVAL * (rarity @ rival)
        found: Vector = scores.astype(np.float32)
        return found

    def _weighed(
        self, question: Question, likeness: Vector, seen: Seen, ranking: Ranking, asked: tuple[float, float]
    ) -> Match:
        best, second, score, margin = ranking
        alike = float(likeness[self._ways[best]].max())
        against = float(likeness[self._against[best]].max()) - alike
        known, others = seen.known[:, best], np.delete(seen.known, best, axis=1).sum(axis=1)
        explained = self._explained(seen, best, others)
        odd = np.array([word.weight for word in seen.words]) * (1 - explained)
        weights = self._weights(seen, best)
        share = np.where(known, 0.4 + 0.6 * np.sqrt(np.maximum(seen.held[:, best], 0) / self._sizes[best]), 0.5)
        own = weights * explained * np.log((1 + len(self._sizes)) / (1 + others)) * share
        # What most of its wordings have is its heart: "지갑" alone is not yet "지갑, 지하철".
        heart = np.log(_LEAST_SHARE + (weights * known * seen.held[:, best]).max() / self._sizes[best])
        doubted = np.array([word.name in self._doubted[best] for word in seen.words]) & ~known
        features = (odd.sum(), odd.max(), own.sum(), (weights * doubted).sum(), alike, *asked, heart)
        return Match(
            best,
            second,
            margin,
            tuple(map(float, (score, margin, min(max(against, _FURTHEST), _NEAREST), *features))),
            against=against >= 0,
            hindrance=self._hindrance(question, best, odd, alike),
        )

    def _weights(self, seen: Seen, entry: int) -> Vector:
        """Returns how much each word says; what is the very word of other entries and not of this one says it all."""
        telling = np.array([self._telling.get(word.name, 1.0) for word in seen.words])
        shares = seen.held / self._sizes
        theirs = (shares >= _OWN_SHARE).sum(axis=1)
        telling[(theirs > 0) & (theirs <= _FEW) & ~seen.known[:, entry]] = 1.0
        weights: Vector = telling * np.array([word.weight for word in seen.words])
        return weights

    def _explained(self, seen: Seen, entry: int, others: NDArray[np.intp]) -> Vector:
        """Returns for each word how far the entry has it, from 0 to 1: itself, inside another, or one of its meaning.

        What other entries have is no other word for what this one has: 버스 is near 지하철 and another matter.
        """
        near = np.clip((seen.near[:, entry] - _SYNONYM) / _SPAN, 0.0, _MOST) * (others == 0)
        tight, answers = self._tight[entry], self._answers[entry]
        inside = [(len(word.form) > 1 and word.form in tight) or ASKS.get(word.form) in answers for word in seen.words]
        explained: Vector = np.where(seen.known[:, entry], 1.0, np.maximum(near, _MOST * np.array(inside)))
        return explained

    def _hindrance(self, question: Question, entry: int, odd: Vector, alike: float) -> str:
        if untold := question.words.asked - self._answers[entry]:
            return f"asks {min(untold)}"
        if self._knows_words and odd.max() >= _STRANGE:
            return f"'{question.words.all[int(odd.argmax())].form}' is not of it"
        return "" if alike >= _ALIKE else "no wording of it is alike"

    def _padded(self, entries: int, *, is_way: bool) -> NDArray[np.intp]:
        """Returns for each entry the places of its wordings, filled up with the place after the last."""
        places = [np.flatnonzero((self.owner == number) & (self.is_way == is_way)) for number in range(entries)]
        table = np.full((entries, max(map(len, places), default=0) or 1), len(self.questions), dtype=np.intp)
        for number, found in enumerate(places):
            table[number, : len(found)] = found
        return table

    def _names(self, entry: int, *, is_way: bool) -> frozenset[str]:
        places = np.flatnonzero((self.owner == entry) & (self.is_way == is_way)).tolist()
        return frozenset(name for place in places for name in self.questions[place].names)

    def _of_matter(self, sentences: Iterable[Reading]) -> frozenset[str]:
        return frozenset(word.name for reading in sentences for word in self._morphemes(reading).all)


def _telling(matters: Sequence[frozenset[str]]) -> dict[str, float]:
    """Returns how much each word tells one matter from another, from 0.15 to 1."""
    held = Counter(name for names in matters for name in names)
    return {name: min(max(1.25 - count / (_EVERYWHERE * len(matters)), 0.15), 1.0) for name, count in held.items()}
