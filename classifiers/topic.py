"""Which matter a message is about: by the words of topics.toml and what is learned from its sentences."""

import re
from collections.abc import Sequence
from functools import lru_cache
from math import exp, log
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from classifiers._bayes import Bayes
from classifiers._linear import Linear, load
from classifiers._text import Hit, Lexicon, Reading, quote, read, reading_of, tight
from classifiers.base import Classifier
from config.schema import City
from config.schema import Topic as TopicTable
from core.decision import Finding
from core.message import Message

Vector = NDArray[np.float64]

# What one word of each sort adds to a topic's weight.
_KEYWORD, _FURTHER_KEYWORD, _PART_OF_WORD, _WEAK = 2.0, 0.8, 0.7, 0.5
# Longer words are more particular: "어린이보호구역 주정차" says more than "주차".
_PER_CHARACTER = 0.08
# From here on keywords are believed unasked.
_SEVERAL = 3.4
# What arrives at an account of a department is probably its matter, when anything says so.
_HINT = 0.5
# What a trained model adds is at most about one keyword; the least share that is no accident.
_LEARNED, _LEAST_SHARE = 0.5, 0.02
# How confidence follows from what speaks for the best topic: more than for the second, more than for none, and by its
# own words. Fitted on sentences that were kept aside while the rest was learned, and then lowered: what strangers write
# is less like what is known, and of what rules act on (0.5) 95 in 100 should be right.
_LEVEL, _LEAD, _INSIDE, _BY_WORDS = -2.45, 0.37, 0.16, 0.42
_MOST_BY_WORDS = 4.0
_MOST_CONFIDENCE = 0.97
# How fast confidence falls from the best topic to the others.
_STEEP = 1.0
_LEAST_CONFIDENCE = 0.08
_MOST_FINDINGS = 3
_MOST_WORDS, _MOST_IN_WORD = 120, 40
_CACHED = 16_384
# Several keywords together, and as they are, are one more sentence.
_TOGETHER = 3
_DIGITS = re.compile(r"\d+")
# How many syllables the beginning of a word has, how many letters.
_BEGINNINGS, _STEM = (2, 3), 5
_SHORTEST_NAME = 3
# From here on a character is a syllable or a word of its own: kana, Chinese characters, Hangul.
_FIRST_SYLLABLE = "\u3040"
_NOBODY: frozenset[int] = frozenset()


class _Rank(NamedTuple):
    """The best topics of a text and what speaks for them; for none of all; for the best one, by its words alone."""

    places: Sequence[int]
    scores: Sequence[float]
    outside: float
    by_words: float


class Topic(Classifier):
    """Finds topics, at most three, best first. The confidence falls with what speaks for other topics, or for none."""

    def __init__(self, city: City) -> None:
        topics = city.topics
        self._ids = [topic.id for topic in topics]
        self._places = {name: number for number, name in enumerate(self._ids)}
        keywords = [(word, number) for number, topic in enumerate(topics) for word in topic.keywords]
        weak = [(word, number + len(topics)) for number, topic in enumerate(topics) for word in topic.weak]
        self._words = Lexicon([*keywords, *weak], longest=True)
        sentences = [(text, number) for number, topic in enumerate(topics) for text in _sentences(topic)]
        sentences += [(text, len(topics)) for text in city.no_topic]
        names = _names(city)
        # The same words come again and again.
        self._marks_of = lru_cache(maxsize=_CACHED)(lambda word: () if _is_place(word, names) else _marks(word))
        documents = [self._marks(read(text)) for text, _ in sentences]
        self._has_none = bool(city.no_topic)
        self._examples = Bayes(documents, [number for _, number in sentences], len(topics) + self._has_none)
        self._learned: Linear | None = None
        self._accounts = _owned_by_account(city)

    def use(self, model: bytes, *, where: str) -> None:
        """Takes a trained model; what it knows of topics that are no more is passed over."""
        self._learned = Linear(load(model, where=where))

    def classify(self, messages: Sequence[Message]) -> list[tuple[Finding, ...]]:
        if not self._ids:
            return [() for _ in messages]
        readings = list(map(reading_of, messages))
        hits = list(map(self._words.hits, readings))
        words = _by_words(hits, len(self._ids))
        near, is_near = self._likeness(readings, ~_are_clear(words))
        inside = words + near[:, : len(self._ids)]
        for row, message in zip(inside, messages, strict=True):
            row[list(self._hinted(message))] += _HINT
        outside = near[:, -1].copy()
        # Where there is nothing to compare with, what an average topic has must do.
        alone = np.flatnonzero(~is_near) if self._has_none else slice(None)
        outside[alone] = np.median(inside[alone], axis=1)
        found = is_near | words.any(axis=1)
        order = _best(inside, min(_MOST_FINDINGS, len(self._ids)))
        scores = np.take_along_axis(inside, order, axis=1)
        by_words = np.take_along_axis(words, order[:, :1], axis=1)
        rows = zip(order.tolist(), scores.tolist(), outside.tolist(), by_words[:, 0].tolist(), strict=True)
        return [
            self._findings(_Rank(*row), hit) if is_found else ()
            for row, hit, is_found in zip(rows, hits, found.tolist(), strict=True)
        ]

    def _hinted(self, message: Message) -> frozenset[int]:
        """Returns the topics of the department whose account got the message."""
        return self._accounts.get((message.channel, message.account), _NOBODY) if message.account else _NOBODY

    def _findings(self, rank: _Rank, hits: list[Hit]) -> tuple[Finding, ...]:
        sure, best = _confidence(rank), rank.scores[0]
        shares = [sure * exp(_STEEP * (score - best)) for score in rank.scores]
        lead = round(sure - shares[1], 4) if len(shares) > 1 and shares[1] >= _LEAST_CONFIDENCE else 1.0
        return tuple(
            Finding("topic", self._ids[place], round(share, 4), self._because(place, hits), 0.0 if number else lead)
            for number, (place, share) in enumerate(zip(rank.places, shares, strict=True))
            if share >= _LEAST_CONFIDENCE
        )

    def _likeness(self, readings: Sequence[Reading], wanted: NDArray[np.bool_]) -> tuple[Vector, NDArray[np.bool_]]:
        """Returns how near the wanted texts are to each topic's sentences and, last, to those of none; and which are
        near to any of these."""
        places = np.flatnonzero(wanted)
        chosen = [readings[place] for place in places.tolist()]
        near, is_near = np.zeros((len(readings), len(self._ids) + self._has_none)), np.zeros(len(readings), dtype=bool)
        near[places], is_near[places] = self._examples.scores([self._marks(reading) for reading in chosen])
        if self._learned is not None:
            taught = np.array([self._taught(self._learned, reading) for reading in chosen]).reshape(-1, near.shape[1])
            near[places] += taught
            is_near[places] |= taught.any(axis=1)
        return near, is_near

    def _taught(self, learned: Linear, reading: Reading) -> Vector:
        """Returns what a trained model adds to each topic, nothing where it is far from all of them."""
        gains = np.zeros(len(self._ids) + self._has_none)
        for label, share in zip(learned.labels, learned.scores(reading).tolist(), strict=True):
            if label in self._places:
                gains[self._places[label]] = _LEARNED * max(0.0, share - log(_LEAST_SHARE))
        return gains

    def _marks(self, reading: Reading) -> list[str]:
        """Returns what a sentence is known by, but for the places in it: these say nothing about the matter."""
        marks = self._marks_of
        return [mark for word in reading.words[:_MOST_WORDS] for mark in marks(word[:_MOST_IN_WORD])]

    def _because(self, number: int, hits: list[Hit]) -> str:
        count = len(self._ids)
        words = [hit.phrase for hit in hits if hit.entry % count == number]
        return quote(words) if words else "like an example of it"


def _owned_by_account(city: City) -> dict[tuple[str, str], frozenset[int]]:
    """Returns for each account of a department the topics that are that department's."""
    return {
        (account.platform, account.handle): frozenset(
            number for number, topic in enumerate(city.topics) if topic.owner == account.department
        )
        for account in city.accounts
        if account.department
    }


def _are_clear(words: Vector) -> NDArray[np.bool_]:
    """Says where several keywords speak for one topic and nothing for another: examples could add nothing."""
    clear: NDArray[np.bool_] = (words.max(axis=1) >= _SEVERAL) & ((words > _WEAK).sum(axis=1) == 1)
    return clear


def _by_words(found: Sequence[Sequence[Hit]], count: int) -> Vector:
    """Returns for each text and topic the weight of the topic's words in it, each word counted once."""
    weights = np.zeros((len(found), count))
    for row, hits in zip(weights, found, strict=True):
        if hits:
            said = _of_hits(hits, count)
            row[list(said)] = list(said.values())
    return weights


def _of_hits(hits: Sequence[Hit], count: int) -> dict[int, float]:
    weights: dict[int, float] = {}
    seen: set[tuple[int, str]] = set()
    for hit in hits:
        if (hit.entry, hit.phrase) not in seen:
            seen.add((hit.entry, hit.phrase))
            number = hit.entry % count
            more = _weight(hit, is_weak=hit.entry >= count, more=number in weights)
            weights[number] = weights.get(number, 0.0) + more
    return weights


def _best(scores: Vector, most: int) -> NDArray[np.intp]:
    """Returns the places of the best of each row, of equals the first."""
    rest, rows = scores.copy(), np.arange(len(scores))
    found = np.zeros((len(scores), most), dtype=np.intp)
    for column in range(most):
        found[:, column] = rest.argmax(axis=1)
        rest[rows, found[:, column]] = -np.inf
    return found


def _weight(hit: Hit, *, is_weak: bool, more: bool) -> float:
    length = hit.end - hit.start
    if is_weak:
        return _WEAK + _PER_CHARACTER * length / 2
    if length < 3 and not hit.at_word:
        return _PART_OF_WORD
    return (_FURTHER_KEYWORD if more else _KEYWORD) + _PER_CHARACTER * length


def _confidence(rank: _Rank) -> float:
    """Returns how often the best was right when it was ahead like this."""
    best = rank.scores[0]
    lead = best - rank.scores[1] if len(rank.scores) > 1 else best
    said = _LEVEL + _LEAD * lead + _INSIDE * (best - rank.outside) + _BY_WORDS * min(rank.by_words, _MOST_BY_WORDS)
    return min(_MOST_CONFIDENCE, 1 / (1 + exp(-said)))


def _is_place(word: str, names: frozenset[str]) -> bool:
    """Whether a word is one of these names, with at most a particle behind it."""
    return any(word[:length] in names for length in range(max(_SHORTEST_NAME, len(word) - 2), len(word) + 1))


def _marks(word: str) -> tuple[str, ...]:
    """Returns pairs of syllables, which survive endings, typing errors and missing blanks, and how the word begins; of
    letters the word, and how a long one begins."""
    if word[0] >= _FIRST_SYLLABLE:
        pairs = [word[start : start + 2] for start in range(len(word) - 1)]
        return (*pairs, *(f"<{word[:size]}" for size in _BEGINNINGS if len(word) >= size or size == _BEGINNINGS[0]))
    plain = _DIGITS.sub("0", word)
    return (f"<{plain}", f"<{plain[:_STEM]}") if len(plain) > _STEM else (f"<{plain}",)


def _names(city: City) -> frozenset[str]:
    """Returns the names of districts and dongs that are long enough to be told from other words."""
    names = (name for one in city.districts for name in (one.name, *one.legal_dongs, *one.admin_dongs))
    return frozenset(tight(name) for name in names if len(name) >= _SHORTEST_NAME)


def _sentences(topic: TopicTable) -> list[str]:
    """Returns what a topic is learned from: its examples and sayings, and its words, a few together."""
    words = (topic.name, *topic.keywords)
    groups = [" ".join(words[start : start + _TOGETHER]) for start in range(0, len(words), _TOGETHER)]
    return [*topic.examples, *topic.sayings, *groups]
