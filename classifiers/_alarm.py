"""Danger and secrets in words that no list has: a linear model of the example sentences of routing.toml."""

from array import array
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import chain, pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from classifiers._guard import soft
from classifiers._text import Reading, read
from config.schema import City

Vector = NDArray[np.float32]
_Places = NDArray[np.intp]

# How much nearness to the sentences gives way to simplicity; more of it and rare words say less.
_RIDGE = 0.25
_ROUNDS, _FEW_ROUNDS, _EXACT = 24, 8, 1e-9
# Below this nobody asks which row it was.
_WHISPER = 0.2
_MOST_WORDS, _MOST_IN_WORD = 150, 60
# What is said in so many pieces is looked at by itself, too: a question before it does not hide a cry for help.
_WINDOW, _STEP = 110, 40
_CACHED, _CACHED_TEXTS = 16_384, 256
_QUOTED = 2


class Heard(NamedTuple):
    """How much a text is like the examples of emergencies and of confidential matters (about 1: one of them, 0: none),
    and the rows whose examples say so."""

    danger: float = 0.0
    urgency: int = 0
    secret: float = 0.0
    kind: int = 0


class _Piece(NamedTuple):
    """What a word, or what stands where two words meet, says: for danger, for a secret, how much it says at all."""

    danger: float = 0.0
    secret: float = 0.0
    squares: float = 0.0
    places: tuple[int, ...] = ()


class Alarm:
    """Learned when it is built, in a fraction of a second: examples against what is harmless.

    `dangers` and `secrets` are the examples of each row; without any nothing is ever heard.
    """

    def __init__(self, dangers: Sequence[Sequence[str]], secrets: Sequence[Sequence[str]], calm: Sequence[str]) -> None:
        self._split = len(dangers)
        labelled = [(text, row) for row, texts in enumerate((*dangers, *secrets)) for text in texts]
        self._places: dict[str, int] = {}
        # Two classifiers ask about each message.
        self.hear = lru_cache(maxsize=_CACHED_TEXTS)(self._hear)
        self._word = lru_cache(maxsize=_CACHED)(self._piece_of_word)
        self._edge = lru_cache(maxsize=_CACHED)(self._piece_between)
        if labelled:
            everything = [*labelled, *((text, -1) for text in calm)]
            self._learn([text for text, _ in everything], np.array([row for _, row in everything]))

    def _hear(self, reading: Reading) -> Heard:
        """Returns what the whole text, or the part of it that says most, is like."""
        pieces = self._pieces(reading)
        squares = sum(piece.squares for piece in pieces)
        if not squares:
            return Heard()
        danger = sum(piece.danger for piece in pieces) / squares**0.5
        secret = sum(piece.secret for piece in pieces) / squares**0.5
        # Most texts are short and like nothing here, and that is all that has to be known of them.
        if max(danger, secret) < _WHISPER and sum(len(piece.places) for piece in pieces) <= _WINDOW + _STEP:
            return Heard(round(danger, 4), 0, round(secret, 4), 0)
        return self._listened(np.fromiter(chain.from_iterable(piece.places for piece in pieces), dtype=np.intp))

    def _listened(self, places: _Places) -> Heard:
        weights, squares = self._weights.take(places, axis=0), self._squares.take(places)
        danger, where = _loudest(weights[:, 0], squares)
        secret, there = _loudest(weights[:, 1], squares)
        urgency = self._row(places[where], slice(0, self._split)) if danger > _WHISPER else 0
        kind = self._row(places[there], slice(self._split, None)) if secret > _WHISPER else 0
        return Heard(danger, urgency, secret, kind)

    def words(self, reading: Reading, *, secret: bool = False) -> list[str]:
        """Returns the words that spoke most for danger, or for a secret, in their order."""
        found = {word: self._word(word) for word in _words(reading)}
        said = {word: piece.secret if secret else piece.danger for word, piece in found.items()}
        best = sorted(said, key=lambda word: -said[word])[:_QUOTED]
        return [word for word in said if word in best]

    def _row(self, places: _Places, rows: slice) -> int:
        said = self._by_row.take(places, axis=0).sum(axis=0)[rows]
        return int(said.argmax()) if said.size else 0

    def _pieces(self, reading: Reading) -> list[_Piece]:
        words = _words(reading)
        between = [self._edge(one[-2:], other[:2]) for one, other in pairwise(words)]
        return [*map(self._word, words), *between]

    def _piece_of_word(self, word: str) -> _Piece:
        return self._piece(_of_word(soft(word)))

    def _piece_between(self, one: str, other: str) -> _Piece:
        return self._piece(_between(soft(one), soft(other)))

    def _piece(self, grams: Sequence[str]) -> _Piece:
        places = tuple(place for gram in grams if (place := self._places.get(gram)) is not None)
        if not places:
            return _Piece()
        danger, secret, squares = (sum(map(table.__getitem__, places)) for table in self._tables)
        return _Piece(danger, secret, squares, places)

    def _learn(self, texts: Sequence[str], owners: _Places) -> None:
        documents = [_grams(read(text)) for text in texts]
        self._places |= {name: place for place, name in enumerate(dict.fromkeys(chain.from_iterable(documents)))}
        examples = _Examples([[self._places[gram] for gram in document] for document in documents], len(self._places))
        danger = examples.shares((owners >= 0) & (owners < self._split))
        secret = examples.shares(owners >= self._split)
        self._weights: Vector = np.stack([examples.weights(danger), examples.weights(secret)], axis=1)
        self._by_row: Vector = np.stack([*self._rows(documents, owners)], axis=1)
        self._squares: Vector = np.square(examples.rarity).astype(np.float32)
        # A word has few features: looked up one by one they cost less than a call of numpy.
        columns = (self._weights[:, 0], self._weights[:, 1], self._squares)
        self._tables = [array("d", column.tolist()) for column in columns]

    def _rows(self, documents: Sequence[Sequence[str]], owners: _Places) -> Iterator[Vector]:
        """Yields what speaks for each row among those of its sort: fire rather than gas, whatever danger is."""
        for first, last in ((0, self._split), (self._split, int(owners.max()) + 1)):
            chosen = np.flatnonzero((owners >= first) & (owners < last))
            examples = _Examples(
                [[self._places[gram] for gram in documents[at]] for at in chosen.tolist()], len(self._places)
            )
            for row in range(first, last):
                yield examples.weights(examples.shares(owners[chosen] == row, rounds=_FEW_ROUNDS))


class _Examples:
    """Weighted features of all sentences, in lists; solves which share each sentence has in the model."""

    def __init__(self, documents: Sequence[Sequence[int]], features: int) -> None:
        sizes = np.array([len(document) for document in documents])
        self._found = np.fromiter(chain.from_iterable(documents), dtype=np.intp)
        self._owner = np.repeat(np.arange(len(documents)), sizes)
        self._begins = np.cumsum(sizes) - sizes
        self._features = features
        held = np.bincount(self._found, minlength=features)
        self.rarity = np.log((1 + len(documents)) / (1 + held)) + 1
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


def _grams(reading: Reading) -> list[str]:
    words = [soft(word) for word in _words(reading)]
    between = (_between(one[-2:], other[:2]) for one, other in pairwise(words))
    return [*chain.from_iterable(map(_of_word, words)), *chain.from_iterable(between)]


def _words(reading: Reading) -> list[str]:
    return [word[:_MOST_IN_WORD] for word in reading.words[:_MOST_WORDS]]


def _of_word(word: str) -> list[str]:
    """Returns the beginnings, the ends, and the pairs and threes of characters of a word."""
    edges = [f"_{word[:size]}" for size in (1, 2, 3)] + [f"{word[-size:]}_" for size in (1, 2, 3)]
    inner = [word[at : at + size] for size in (2, 3) for at in range(len(word) - size + 1)]
    return [*dict.fromkeys(edges), *inner]


def _between(one: str, other: str) -> list[str]:
    """Returns the pairs and threes that only the blank between two words keeps apart."""
    return list(dict.fromkeys([one[-1:] + other[:1], one + other[:1], one[-1:] + other]))


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
