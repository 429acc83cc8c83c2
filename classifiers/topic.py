"""Which matter a message is about: by the words of topics.toml, helped by its example sentences."""

from collections.abc import Sequence
from math import exp

import numpy as np

from classifiers._grams import Space, character_grams
from classifiers._text import Hit, Lexicon, Reading, quote, read, reading_of
from classifiers.base import Classifier
from config.schema import City
from core.decision import Finding
from core.message import Message

# What one word of each sort adds to a topic's weight, and what likeness to the examples adds.
_KEYWORD, _FURTHER_KEYWORD, _PART_OF_WORD, _WEAK, _EXAMPLE = 2.0, 0.8, 0.7, 0.5, 5.0
# Longer words are more particular: "어린이보호구역 주정차" says more than "주차".
_PER_CHARACTER = 0.08
_MOST_BY_EXAMPLE = 1.5
_LEAST_SIMILARITY = 0.05
_LEAST_CONFIDENCE = 0.15
_MOST_FINDINGS = 3


class Topic(Classifier):
    """Finds topics, at most three, best first. The confidence falls with what speaks for other topics."""

    def __init__(self, city: City) -> None:
        topics = city.topics
        self._ids = [topic.id for topic in topics]
        keywords = [(word, number) for number, topic in enumerate(topics) for word in topic.keywords]
        weak = [(word, number + len(topics)) for number, topic in enumerate(topics) for word in topic.weak]
        self._words = Lexicon([*keywords, *weak], longest=True)
        # One document for each topic: a fifth of the time of one for each example, and as right.
        sentences = [(*topic.examples, topic.name, *topic.keywords) for topic in topics]
        self._examples = Space([_grams(each) for each in sentences])

    def classify(self, messages: Sequence[Message]) -> list[tuple[Finding, ...]]:
        return [self._findings(reading_of(message)) if self._ids else () for message in messages]

    def _findings(self, reading: Reading) -> tuple[Finding, ...]:
        hits = self._words.hits(reading)
        weights = _by_words(hits, len(self._ids))
        if not _is_clear(weights):
            self._add_similar(reading, weights)
        if not weights:
            return ()
        sure = _confidences(weights)
        best = next(iter(sure.values()), 0.0)
        lead = round(best - list(sure.values())[1], 4) if len(sure) > 1 else 1.0
        return tuple(
            Finding("topic", self._ids[number], confidence, self._because(number, hits), 0.0 if place else lead)
            for place, (number, confidence) in enumerate(sure.items())
        )

    def _add_similar(self, reading: Reading, weights: dict[int, float]) -> None:
        similar = self._examples.near(self._examples.places(character_grams(reading)))
        nearest = np.argsort(-similar, kind="stable")[:_MOST_FINDINGS].tolist()
        for number in {*nearest, *weights}:
            if (value := float(similar[number])) >= _LEAST_SIMILARITY:
                weights[number] = weights.get(number, 0.0) + min(_EXAMPLE * value, _MOST_BY_EXAMPLE)

    def _because(self, number: int, hits: list[Hit]) -> str:
        count = len(self._ids)
        words = [hit.phrase for hit in hits if hit.entry % count == number]
        return quote(words) if words else "like an example of it"


def _is_clear(weights: dict[int, float]) -> bool:
    """Whether keywords speak for one topic and hardly anything for another: examples could add nothing."""
    best, second, *_ = (*sorted(weights.values(), reverse=True), 0.0, 0.0)
    return best >= _KEYWORD and second <= _WEAK + 0.2


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


def _confidences(weights: dict[int, float]) -> dict[int, float]:
    """Returns the topics that are worth telling, best first; each one's rival is the best of the others."""
    best, *others = sorted(weights, key=lambda number: (-weights[number], number))[:_MOST_FINDINGS]
    found = {best: _confidence(weights[best], weights[others[0]] if others else 0.0)}
    found |= {number: _confidence(weights[number], weights[best]) for number in others}
    return {number: confidence for number, confidence in found.items() if confidence >= _LEAST_CONFIDENCE}


def _confidence(weight: float, rival: float) -> float:
    """Returns what share of all that was said speaks for the topic, less when little was said at all."""
    said = 1 - exp(-1.1 * weight)
    return round(min(0.97, said * weight / (weight + 0.6 * rival)), 4)


def _grams(sentences: Sequence[str]) -> list[str]:
    return list(dict.fromkeys(gram for sentence in sentences for gram in character_grams(read(sentence))))
