"""Which matter a message is about: by the words of topics.toml, helped by what was learned from its sentences."""

from collections.abc import Iterator, Sequence
from math import exp

import numpy as np

from classifiers._features import pieces
from classifiers._linear import Linear, load
from classifiers._ridge import Ridge
from classifiers._text import Hit, Lexicon, Reading, quote, read, reading_of
from classifiers.base import Classifier
from config.schema import City
from config.schema import Topic as TopicTable
from core.decision import Finding
from core.message import Message

# What one word of each sort adds to a topic's weight.
_KEYWORD, _FURTHER_KEYWORD, _PART_OF_WORD, _WEAK = 2.0, 0.8, 0.7, 0.5
# Longer words are more particular: "어린이보호구역 주정차" says more than "주차".
_PER_CHARACTER = 0.08
# From here on keywords are believed unasked.
_SEVERAL = 3.4
# What likeness to the examples adds, not more than one keyword; the least that is no accident.
_LIKENESS, _MOST_BY_LIKENESS = 6.0, 2.0
_LEAST_SIMILARITY, _LEAST_SHARE = 0.04, 0.02
_LEAST_PIECE = 2
# What arrives at an account of a department is probably its matter, when anything says so.
_HINT = 0.5
# How much has to be said to be plain, how much a rival takes from it, and how much what no word says.
_PLAIN, _RIVALRY, _DOUBT = 1.1, 0.8, 0.35
_HALF, _AGREED = 0.5, 0.8
_LEAST_CONFIDENCE = 0.15
_MOST_FINDINGS = 3
# More would take longer to learn and tell hardly more.
_TOGETHER = 3


_NOBODY: frozenset[int] = frozenset()


class Topic(Classifier):
    """Finds topics, at most three, best first. The confidence falls with what speaks for other topics."""

    def __init__(self, city: City) -> None:
        topics = city.topics
        self._ids = [topic.id for topic in topics]
        self._places = {name: number for number, name in enumerate(self._ids)}
        keywords = [(word, number) for number, topic in enumerate(topics) for word in topic.keywords]
        weak = [(word, number + len(topics)) for number, topic in enumerate(topics) for word in topic.weak]
        self._words = Lexicon([*keywords, *weak], longest=True)
        sentences = [(text, number) for number, topic in enumerate(topics) for text in _sentences(topic)]
        documents = [_pieces(read(text)) for text, _ in sentences]
        self._examples = Ridge(documents, [number for _, number in sentences], len(topics))
        self._learned: Linear | None = None
        self._accounts = _owned_by_account(city)

    def use(self, model: bytes, *, where: str) -> None:
        """Takes a trained model; what it knows of topics that are no more is passed over."""
        self._learned = Linear(load(model, where=where))

    def classify(self, messages: Sequence[Message]) -> list[tuple[Finding, ...]]:
        if not self._ids:
            return [() for _ in messages]
        return [self._findings(reading_of(each), self._hinted(each)) for each in messages]

    def _hinted(self, message: Message) -> frozenset[int]:
        """Returns the topics of the department whose account got the message."""
        return self._accounts.get((message.channel, message.account), _NOBODY) if message.account else _NOBODY

    def _findings(self, reading: Reading, hinted: frozenset[int]) -> tuple[Finding, ...]:
        hits = self._words.hits(reading)
        weights = _by_words(hits, len(self._ids))
        by_words = dict(weights)
        if not _is_clear(weights):
            self._add(self._likeness(reading), weights)
        if not weights:
            return ()
        for number in hinted & weights.keys():
            weights[number] += _HINT
        sure = _confidences(weights, by_words)
        best = next(iter(sure.values()), 0.0)
        lead = round(best - list(sure.values())[1], 4) if len(sure) > 1 else 1.0
        return tuple(
            Finding("topic", self._ids[number], confidence, self._because(number, hits), 0.0 if place else lead)
            for place, (number, confidence) in enumerate(sure.items())
        )

    def _likeness(self, reading: Reading) -> Iterator[tuple[int, float]]:
        """Yields topics that the text is like, with what that adds to their weight."""
        if self._learned is not None:
            for label, share in zip(self._learned.labels, np.exp(self._learned.scores(reading)).tolist(), strict=True):
                if share >= _LEAST_SHARE and label in self._places:
                    yield self._places[label], _MOST_BY_LIKENESS * share
            return
        for number, value in enumerate(self._examples.scores(_pieces(reading)).tolist()):
            if value >= _LEAST_SIMILARITY:
                yield number, min(_LIKENESS * value, _MOST_BY_LIKENESS)

    def _add(self, likeness: Iterator[tuple[int, float]], weights: dict[int, float]) -> None:
        for number, weight in likeness:
            weights[number] = weights.get(number, 0.0) + weight

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


def _is_clear(weights: dict[int, float]) -> bool:
    """Whether several keywords speak for one topic and nothing for another: examples could add nothing."""
    best, second, *_ = (*sorted(weights.values(), reverse=True), 0.0, 0.0)
    return best >= _SEVERAL and second <= _WEAK


def _by_words(hits: Sequence[Hit], count: int) -> dict[int, float]:
    weights: dict[int, float] = {}
    seen: set[tuple[int, str]] = set()
    for hit in hits:
        if (hit.entry, hit.phrase) in seen:
            continue
        seen.add((hit.entry, hit.phrase))
        number = hit.entry % count
        weights[number] = weights.get(number, 0.0) + _weight(hit, is_weak=hit.entry >= count, more=number in weights)
    return weights


def _weight(hit: Hit, *, is_weak: bool, more: bool) -> float:
    length = hit.end - hit.start
    if is_weak:
        return _WEAK + _PER_CHARACTER * length / 2
    if length < 3 and not hit.at_word:
        return _PART_OF_WORD
    return (_FURTHER_KEYWORD if more else _KEYWORD) + _PER_CHARACTER * length


def _confidences(weights: dict[int, float], by_words: dict[int, float]) -> dict[int, float]:
    """Returns the topics that are worth telling, best first; each one's rival is the best of the others."""
    best, *others = sorted(weights, key=lambda number: (-weights[number], number))[:_MOST_FINDINGS]
    rivals = dict.fromkeys(others, weights[best]) | {best: weights[others[0]] if others else 0.0}
    sure = {number: _confidence(weights[number], rivals[number], by_words.get(number, 0.0)) for number in rivals}
    order = sorted(sure, key=lambda number: (-sure[number], -weights[number], number))
    return {number: sure[number] for number in order if sure[number] >= _LEAST_CONFIDENCE}


def _confidence(weight: float, rival: float, by_words: float) -> float:
    """Returns what share of all that was said speaks for the topic, less when little was said at all, or when it
    rests on likeness more than on words."""
    said = 1 - exp(-_PLAIN * weight)
    words = min(by_words / weight, 1.0)
    share = (1 - _DOUBT * (1 - words)) * said * weight / (weight + _RIVALRY * rival)
    # Where words and likeness agree it is right more often than such a share says.
    return round(min(0.97, share + _AGREED * max(0.0, share - _HALF)), 4)


def _pieces(reading: Reading) -> list[str]:
    # Single syllables are endings more often than matters.
    return [piece for piece in pieces(reading) if len(piece) > _LEAST_PIECE]


def _sentences(topic: TopicTable) -> list[str]:
    """Returns what a topic is learned from: its examples, and its words, a few together."""
    words = (topic.name, *topic.keywords)
    groups = [" ".join(words[start : start + _TOGETHER]) for start in range(0, len(words), _TOGETHER)]
    return [*topic.examples, *groups]
