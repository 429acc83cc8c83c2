"""Danger and secrets in words that no list has: a linear model of the example sentences of routing.toml."""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import chain
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from classifiers._guard import SAME
from classifiers._pieces import Found, Pieces, Places, portions
from classifiers._text import Reading, read
from config.schema import City

Vector = NDArray[np.float32]

# How much nearness to the sentences gives way to simplicity; more of it and rare words say less.
_RIDGE = 0.25
_ROUNDS, _FEW_ROUNDS, _EXACT = 24, 8, 1e-9
# Below this nobody asks which row it was.
_WHISPER = 0.2
_MOST_WORDS, _MOST_IN_WORD = 150, 60
# What is said in so many pieces is looked at by itself, too: a question before it does not hide a cry for help.
_WINDOW, _STEP = 110, 40
_QUOTED = 2
# Of more characters a batch is listened to in parts.
_MOST_AT_ONCE = 16_000


class Heard(NamedTuple):
    """How much a text is like the examples of emergencies and of confidential matters (about 1: one of them, 0: none),
    and the rows whose examples say so."""

    danger: float = 0.0
    urgency: int = 0
    secret: float = 0.0
    kind: int = 0


_NOTHING = Heard()


class Alarm:
    """Learned when it is built, in a fraction of a second: examples against what is harmless.

    `dangers` and `secrets` are the examples of each row; without any nothing is ever heard.
    """

    def __init__(self, dangers: Sequence[Sequence[str]], secrets: Sequence[Sequence[str]], calm: Sequence[str]) -> None:
        self._split = len(dangers)
        labelled = [(text, row) for row, texts in enumerate((*dangers, *secrets)) for text in texts]
        everything = [*labelled, *((text, -1) for text in calm)] if labelled else []
        self._pieces = Pieces([_words(read(text)) for text, _ in everything], SAME)
        self._latest: dict[Reading, Heard] = {}
        if everything:
            self._learn(np.array([row for _, row in everything]))

    def hear(self, readings: Sequence[Reading]) -> list[Heard]:
        """Returns what each whole text, or the part of it that says most, is like; the same in any batch."""
        # Two classifiers ask about the same messages.
        latest = self._latest
        if new := [reading for reading in dict.fromkeys(readings) if reading not in latest]:
            parts = portions([len(reading.tight) for reading in new], _MOST_AT_ONCE)
            heard = dict(zip(new, chain.from_iterable(self._hear(new[part]) for part in parts), strict=True))
            self._latest, latest = heard, latest | heard
        return [latest[reading] for reading in readings]

    def _hear(self, readings: Sequence[Reading]) -> list[Heard]:
        if not len(self._pieces):
            return [_NOTHING] * len(readings)
        found = self._pieces.find([_words(reading) for reading in readings])
        counts = np.bincount(found.texts, minlength=len(readings))
        danger, secret, squares = (
            np.bincount(found.texts, table.take(found.places), len(readings)) for table in self._tables
        )
        root = np.sqrt(np.where(counts, squares, 1.0))
        loudest = np.maximum(danger, secret) / root
        # Most texts are short and like nothing here, and that is all that has to be known of them.
        chosen = (loudest >= _WHISPER) | (counts > _WINDOW + _STEP)
        heard = [
            Heard(round(one, 4), 0, round(other, 4), 0)
            for one, other in zip((danger / root).tolist(), (secret / root).tolist(), strict=True)
        ]
        closer = found.where(chosen[found.texts]).in_order()
        ends = counts[chosen].cumsum()
        for text, end, count in zip(
            np.flatnonzero(chosen).tolist(), ends.tolist(), counts[chosen].tolist(), strict=True
        ):
            heard[text] = self._listened(closer.places[end - count : end])
        return heard

    def _listened(self, places: Places) -> Heard:
        weights, squares = self._weights.take(places, axis=0), self._squares.take(places)
        danger, where = _loudest(weights[:, 0], squares)
        secret, there = _loudest(weights[:, 1], squares)
        urgency = self._row(places[where], slice(0, self._split)) if danger > _WHISPER else 0
        kind = self._row(places[there], slice(self._split, None)) if secret > _WHISPER else 0
        return Heard(danger, urgency, secret, kind)

    def words(self, reading: Reading, *, secret: bool = False) -> list[str]:
        """Returns the words that spoke most for danger, or for a secret, in their order."""
        words = _words(reading)
        found = self._pieces.find([words])
        found = found.where(found.across == 0)
        table = self._tables[1 if secret else 0].take(found.places)
        said = dict(zip(words, np.bincount(found.words, table, len(words)).tolist(), strict=True))
        best = sorted(said, key=lambda word: -said[word])[:_QUOTED]
        return [word for word in said if word in best]

    def _row(self, places: Places, rows: slice) -> int:
        said = self._by_row.take(places, axis=0).sum(axis=0)[rows]
        return int(said.argmax()) if said.size else 0

    def _learn(self, owners: Places) -> None:
        learned = self._pieces.learned.in_order()
        examples = _Examples(learned.places, np.bincount(learned.texts, minlength=len(owners)), len(self._pieces))
        danger = examples.shares((owners >= 0) & (owners < self._split))
        secret = examples.shares(owners >= self._split)
        self._weights: Vector = np.stack([examples.weights(danger), examples.weights(secret)], axis=1)
        self._by_row: Vector = np.stack([*self._rows(learned, owners)], axis=1)
        self._squares: Vector = np.square(examples.rarity).astype(np.float32)
        columns = (self._weights[:, 0], self._weights[:, 1], self._squares)
        self._tables = [column.astype(np.float64) for column in columns]

    def _rows(self, learned: Found, owners: Places) -> Iterator[Vector]:
        """Yields what speaks for each row among those of its sort: fire rather than gas, whatever danger is."""
        for first, last in ((0, self._split), (self._split, int(owners.max()) + 1)):
            chosen = (owners >= first) & (owners < last)
            sizes = np.bincount(learned.texts, minlength=len(owners))[chosen]
            examples = _Examples(learned.places[chosen[learned.texts]], sizes, len(self._pieces))
            for row in range(first, last):
                yield examples.weights(examples.shares(owners[chosen] == row, rounds=_FEW_ROUNDS))


class _Examples:
    """Weighted pieces of all sentences, one sentence after the other; solves which share each has in the model."""

    def __init__(self, found: Places, sizes: Places, features: int) -> None:
        self._found = found
        self._owner = np.arange(len(sizes)).repeat(sizes)
        self._begins = np.cumsum(sizes) - sizes
        self._features = features
        held = np.bincount(found, minlength=features)
        self.rarity = np.log((1 + len(sizes)) / (1 + held)) + 1
        weights = self.rarity.take(self._found)
        lengths = np.sqrt(np.add.reduceat(np.square(weights), self._begins))
        self._values = weights / lengths.take(self._owner)

    def shares(self, wanted: NDArray[np.bool_], rounds: int = _ROUNDS) -> NDArray[np.float64]:
        """Returns the solution of ridge regression, by conjugate gradients."""
        share = np.zeros(len(wanted))
        rest = wanted.astype(np.float64)
        step, size = rest.copy(), float(rest @ rest)
        for _ in range(rounds):
            if size < _EXACT:
                break
            ahead = self._near(step) + _RIDGE * step
            far = size / float(step @ ahead)
            share += far * step
            rest -= far * ahead
            size, before = float(rest @ rest), size
            step = rest + (size / before) * step
        return share

    def weights(self, share: NDArray[np.float64]) -> Vector:
        """Returns what each feature says, by its rarity, of sentences that have these shares."""
        said = np.bincount(self._found, weights=self._values * share.take(self._owner), minlength=self._features)
        weighed: Vector = (said * self.rarity).astype(np.float32)
        return weighed

    def _near(self, share: NDArray[np.float64]) -> NDArray[np.float64]:
        said = np.bincount(self._found, weights=self._values * share.take(self._owner), minlength=self._features)
        near: NDArray[np.float64] = np.add.reduceat(said.take(self._found) * self._values, self._begins)
        return near


def alarm_of(city: City) -> Alarm:
    """Returns the alarm of a city's examples; the same one for all who ask one after the other."""
    routing = city.routing
    rows = tuple(row.examples for row in routing.urgent), tuple(row.examples for row in routing.kinds)
    return _built(*rows, _calm(city)) if any(chain(*rows)) else _SILENT


@lru_cache(maxsize=1)
def _built(dangers: tuple[tuple[str, ...], ...], secrets: tuple[tuple[str, ...], ...], calm: tuple[str, ...]) -> Alarm:
    return Alarm(dangers, secrets, calm)


_SILENT = Alarm((), (), ())


def _calm(city: City) -> tuple[str, ...]:
    """Returns harmless sentences: those of the rows, and what people ask and write about."""
    routing = city.routing
    kinds = {row.kind for row in routing.kinds if row.confidential}
    topics = {topic.id for topic in city.topics if topic.kind in kinds}
    rows = [text for urgency in routing.urgent for text in urgency.not_examples]
    rows += [text for kind in routing.kinds for text in kind.not_examples]
    other = (
        rule
        for rule in routing.rules
        if not (rule.when.urgent or kinds & {*rule.when.kind} or topics & {*rule.when.topic})
    )
    decided = [text for rule in other for text in rule.examples]
    usual = [text for topic in city.topics if topic.id not in topics for text in topic.examples]
    asked = [text for faq in city.faqs for text in (faq.question, *faq.variants, *faq.not_examples)]
    foreign = [text for faq in city.faqs if faq.en for text in (faq.en.question, *faq.en.variants)]
    return (*rows, *decided, *usual, *city.no_topic, *asked, *foreign)


def _words(reading: Reading) -> list[str]:
    return [word[:_MOST_IN_WORD] for word in reading.words[:_MOST_WORDS]]


def _loudest(weights: Vector, squares: Vector) -> tuple[float, slice]:
    """Returns how much the part that says most says, and which part it is."""
    spans = _spans(len(weights))
    said = [float(weights[span].sum()) / float(squares[span].sum()) ** 0.5 for span in spans]
    best = max(range(len(said)), key=said.__getitem__)
    return round(said[best], 4), spans[best]


def _spans(size: int) -> list[slice]:
    """Returns the whole, and of what is long its parts, which overlap."""
    parts: Iterator[slice] = (slice(at, at + _WINDOW) for at in range(0, size - _WINDOW + _STEP, _STEP))
    return [slice(0, size), *(parts if size > _WINDOW + _STEP else ())]
