"""Which of many entries, each known by several wordings, a question asks for; and what speaks for and against it."""

from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from classifiers._asked import Asked
from classifiers._entries import EntryWords, Seen
from classifiers._grams import Vector
from classifiers._likeness import Likeness, Question
from classifiers._morphemes import Morphemes, Word
from classifiers._telling import Owned, Signs, Telling
from classifiers._text import Reading

# Found by leaving out each wording of the shipped questions and asking for it (a softmax over the entries, L2 5.0).
_BEST, _THREE, _KNOWN, _NEAR, _RIVAL = 0.1, 1.5, 0.8, 7.0, -0.45
_TOP = 3
_NOWHERE = -30.0
# So many questions at once: what is held for them stays near the processor.
_AT_ONCE = 32
# A word of this weight that the entry does not know makes it another question.
_STRANGE = 0.4
# So many wordings an entry has at least on average in a table whose missing words mean something.
_FEWEST = 2
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


class Asking(NamedTuple):
    """A question; `without` leaves out one of the matcher's own, `gone` a whole entry, as if nobody had written it."""

    question: Question
    without: int = -1
    gone: int = -1


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
        self.entries = len(entries)
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
        # One wording cannot have all the words in which its question may be put.
        self._knows_words = len(ways) >= _FEWEST * len(entries)
        owned = [
            Owned(
                self._names(number, is_way=True),
                self._names(number, is_way=False),
                "\n".join((*(reading.tight for reading in entry.ways), entry.answer)),
                len(entry.ways),
            )
            for number, entry in enumerate(entries)
        ]
        self._telling = Telling(owned, [self._of_matter(matter) for matter in matters])

    def taken(self, reading: Reading) -> Question:
        """Returns a text with its words: what is slow about it."""
        return Question(reading, self._morphemes(reading))

    def matches(self, asked: Sequence[Asking]) -> list[Match | None]:
        """Returns for each question the entry that fits best; the same as for each alone."""
        open_ = [number for number, one in enumerate(asked) if one.question.words.all and self.entries]
        found: list[Match | None] = [None] * len(asked)
        for begin in range(0, len(open_), _AT_ONCE):
            some = open_[begin : begin + _AT_ONCE]
            for number, match in zip(some, self._matched([asked[number] for number in some]), strict=True):
                found[number] = match
        return found

    def words_of_others(self, entry: int) -> list[str]:
        """Returns the nouns that other entries' wordings have and those of this one have not."""
        return self._nouns_of_others[entry]

    @cached_property
    def _nouns_of_others(self) -> list[list[str]]:
        all_names = {name for question in self.questions for name in question.names}
        nouns = sorted(name for name in all_names if name.endswith("/NN") and len(name) > 4)
        owned = [self._names(entry, is_way=True) for entry in range(self.entries)]
        return [[name[:-3] for name in nouns if name not in own] for own in owned]

    def _matched(self, asked: Sequence[Asking]) -> list[Match]:
        likeness = self._alike(asked)
        words = [word for one in asked for word in one.question.words.all]
        sizes = np.array([len(one.question.words.all) for one in asked])
        begins = sizes.cumsum() - sizes
        seen = self._seen(asked, words, begins.tolist())
        ways = _highest(likeness[:, self._ways])
        scores = self._scores(ways, self._rarity(words, sizes, begins), seen, begins)
        gone = [number for number, one in enumerate(asked) if one.gone >= 0]
        scores[gone, [asked[number].gone for number in gone]] = 2 * _NOWHERE
        rankings = list(map(_ranking, scores, *_two_best(scores)))
        best = np.array([ranking.best for ranking in rankings])
        alike = ways[0][np.arange(len(asked)), best]
        against = likeness[np.arange(len(asked))[:, None], self._against[best]].max(axis=1) - alike
        signs = self._telling.of(words, seen, best.repeat(sizes), begins)
        rows = zip(asked, rankings, alike.tolist(), against.tolist(), signs, strict=True)
        return [self._weighed(*row) for row in rows]

    def _alike(self, asked: Sequence[Asking]) -> Vector:
        """Returns the likeness of each question to each wording, and last to none."""
        different = list({id(one.question): one.question for one in asked}.values())
        places = {id(question): place for place, question in enumerate(different)}
        likeness = np.pad(self._likeness.of(different), ((0, 0), (0, 1)), constant_values=_NOWHERE)
        if len(different) < len(asked):
            likeness = likeness[[places[id(one.question)] for one in asked]]
        for row, one in zip(likeness, asked, strict=True):
            if one.without >= 0:
                row[one.without] = _NOWHERE
        return likeness

    def _left_out(self, one: Asking) -> Question | None:
        return self.questions[one.without] if one.without >= 0 and self.is_way[one.without] else None

    def _seen(self, asked: Sequence[Asking], words: Sequence[Word], begins: Sequence[int]) -> Seen:
        seen = self._words.seen(words)
        for one, begin in zip(asked, begins, strict=True):
            rows = slice(begin, begin + len(one.question.words.all))
            if (left_out := self._left_out(one)) is not None:
                self._words.leave_out(seen, rows, words[rows], left_out, int(self.owner[one.without]))
            if one.gone >= 0:
                for column in seen:
                    column[rows, one.gone] = 0
        return seen

    def _rarity(self, words: Sequence[Word], sizes: NDArray[np.intp], begins: NDArray[np.intp]) -> Vector:
        """Returns for each word its share of all that its question says."""
        space = self._likeness.words
        rarity = space.mass(space.places([word.name for word in words]))
        shares: Vector = (rarity / np.add.reduceat(rarity, begins).repeat(sizes)).astype(np.float32)
        return shares

    def _scores(self, ways: Sequence[Vector], rarity: Vector, seen: Seen, begins: NDArray[np.intp]) -> Vector:
        there = [alike > _NOWHERE for alike in ways]
        three = sum(np.where(is_there, alike, 0.0) for is_there, alike in zip(there, ways, strict=True))
        three = np.where(
            there[0], three / np.maximum(sum(is_there.astype(np.float32) for is_there in there), 1), _NOWHERE
        )
        rival = seen.known.any(axis=1, keepdims=True) & ~seen.known
        said = rarity[:, None] * (_KNOWN * seen.known + _NEAR * seen.near + _RIVAL * rival)
        found: Vector = (_BEST * ways[0] + _THREE * three + np.add.reduceat(said, begins)).astype(np.float32)
        return found

    def _weighed(self, one: Asking, ranking: Ranking, alike: float, against: float, signs: Signs) -> Match:
        best, second, score, margin = ranking
        left_out = self._left_out(one)
        asked = self._asked.shares(one.question, best, left_out if self.owner[one.without] == best else None)
        features = (
            float(signs.odd.sum()),
            float(signs.odd.max()),
            signs.own,
            signs.against,
            alike,
            *asked,
            signs.heart,
        )
        return Match(
            best,
            second,
            margin,
            (score, margin, min(max(against, _FURTHEST), _NEAREST), *features),
            against=against >= 0,
            hindrance=self._hindrance(one.question, best, signs.odd, alike),
        )

    def _hindrance(self, question: Question, entry: int, odd: Vector, alike: float) -> str:
        if untold := question.words.asked - self._telling.answers[entry]:
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


def _highest(alike: Vector) -> list[Vector]:
    """Returns the highest likeness to a wording of each entry, the second and the third."""
    rest, found = alike.copy(), []
    for _ in range(min(_TOP, alike.shape[2])):
        places = rest.argmax(axis=2)[:, :, None]
        found.append(np.take_along_axis(rest, places, axis=2)[:, :, 0])
        np.put_along_axis(rest, places, _NOWHERE, axis=2)
    return found


def _two_best(scores: Vector) -> tuple[list[int], list[int]]:
    """Returns for each question the best entry and the second, of equals the first."""
    best = scores.argmax(axis=1)
    rest = scores.copy()
    rest[np.arange(len(scores)), best] = -np.inf
    return best.tolist(), rest.argmax(axis=1).tolist()


def _ranking(scores: Vector, best: int, second: int) -> Ranking:
    score = float(scores[best])
    if len(scores) == 1:
        return Ranking(best, None, score, min(score - _NOWHERE, _MOST_MARGIN))
    return Ranking(best, second, score, min(score - float(scores[second]), _MOST_MARGIN))
