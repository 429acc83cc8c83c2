"""Which of many entries, each known by several wordings, a question asks for; and how far that can be trusted."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from classifiers._grams import Space, Vector
from classifiers._text import Reading

Features = Callable[[Reading], list[str]]

# Found by leaving out each wording in turn and asking for it: docs in `Matcher.threshold`.
_COVER_POWER = 3
_RIVAL_WEIGHT = 2.0
_LEAD_WEIGHT = 0.3
_AGAINST_WEIGHT = 0.3
_AGAINST_MARGIN = 0.05
_PRECISION = 0.99
_LEAST_EVIDENCE = 20
_LEAST_THRESHOLD = 0.3


class Wordings(NamedTuple):
    """The ways to ask for one entry, and the sentences that look like it and are not."""

    ways: tuple[Reading, ...]
    against: tuple[Reading, ...]


class Match(NamedTuple):
    """`score` says how good the best entry is; `lead` how far, in parts of one, the second is behind."""

    entry: int
    score: float
    lead: float
    second: int
    second_score: float
    against: bool


class Matcher:
    """Compares by characters and by words: similarity to the best wording, how much of the question the entry's
    wordings have words for, distance to the second entry, nearness to what must not match."""

    def __init__(self, entries: Sequence[Wordings], characters: Features, words: Features) -> None:
        nothing = Reading("", (), "", frozenset())
        groups = [[*entry.ways] for entry in entries], [[nothing, *entry.against] for entry in entries]
        documents = [reading for pair in zip(*groups, strict=True) for group in pair for reading in group]
        sizes = [len(group) for pair in zip(*groups, strict=True) for group in pair]
        self._begins = np.concatenate(([0], np.cumsum(sizes)[:-1])).astype(np.intp)
        self._owner = np.repeat(np.arange(len(entries)), np.add(sizes[::2], sizes[1::2]))
        self._is_way = np.concatenate([np.full(size, place % 2 == 0) for place, size in enumerate(sizes)])
        self._features = (characters, words)
        grams = [[features(reading) for reading in documents] for features in self._features]
        self._spaces = [Space(each) for each in grams]
        places = [[space.places(each) for each in column] for space, column in zip(self._spaces, grams, strict=True)]
        self._holders = self._count_holders(places[1], len(entries))
        self.threshold = self._calibrated(list(zip(*places, strict=True)))

    def match(self, reading: Reading) -> Match | None:
        """Returns the entry that fits best, None when nothing does."""
        places = [space.places(features(reading)) for space, features in zip(self._spaces, self._features, strict=True)]
        return self._best(self._near(places), places, 0.0)

    def _near(self, places: Sequence[Sequence[int]]) -> Vector:
        one, other = (space.near(found) for space, found in zip(self._spaces, places, strict=True))
        return ((one + other) / 2).astype(np.float32)

    def _best(self, near: Vector, places: Sequence[Sequence[int]], own: float) -> Match | None:
        """`own` is how often the question itself is among the holders: 1 when it is one of the wordings."""
        if not len(near) or not places[1]:
            return None
        peaks: Vector = np.maximum.reduceat(near, self._begins)
        ways, against = peaks[::2], peaks[1::2]
        hindered = np.maximum(0.0, against - ways + _AGAINST_MARGIN)
        values = ways * self._cover(places[1], own) ** _COVER_POWER - _AGAINST_WEIGHT * hindered
        best, second = (*np.argsort(-values, kind="stable")[:2].tolist(), None)[:2]
        way, rival = float(ways[best]), float(np.delete(ways, best).max(initial=0.0))
        if way <= 0.0:
            return None
        return Match(
            best,
            score=float(values[best]) + _LEAD_WEIGHT * (way - rival),
            lead=max(0.0, min((way - rival) / way, 1.0)),
            second=best if second is None else second,
            second_score=0.0 if second is None else float(values[second]),
            against=bool(against[best] >= way),
        )

    def _cover(self, places: Sequence[int], own: float) -> Vector:
        """Returns for each entry how much of the question it has words for; a word that it has not and another
        entry has ("버스" for the subway's entry) weighs threefold against it."""
        weights = self._spaces[1].mass(places)[:, None]
        known = self._holders[places] > own
        rivals = known.any(axis=1, keepdims=True) & ~known
        cover: Vector = (weights * known).sum(axis=0) / (weights * (1 + _RIVAL_WEIGHT * rivals)).sum(axis=0)
        return cover

    def _count_holders(self, places: Sequence[Sequence[int]], entries: int) -> Vector:
        """Returns how many wordings of each entry have each word; the last row is for words that none has."""
        holders = np.zeros((self._spaces[1].size, entries), dtype=np.float32)
        for number in np.flatnonzero(self._is_way).tolist():
            holders[list(places[number]), self._owner[number]] += 1
        return holders

    def _calibrated(self, documents: Sequence[tuple[list[int], ...]]) -> float:
        """Returns the score from which on answers are right, asked with the table's own sentences.

        Each wording is asked with itself left out (right or wrong), with its whole entry left out (whatever is
        found then is wrong), and each sentence that must not match (its own entry is wrong).
        """
        trials = [trial for number, places in enumerate(documents) for trial in self._trials(number, places)]
        trials.sort(key=lambda trial: (-trial[0], trial[1]))
        right = wrong = 0
        threshold = 1.0
        for score, is_right in trials:
            right, wrong = right + is_right, wrong + (not is_right)
            if right >= _LEAST_EVIDENCE and right >= _PRECISION * (right + wrong):
                threshold = score
        return round(max(_LEAST_THRESHOLD, threshold if right >= _LEAST_EVIDENCE else 0.6), 4)

    def _trials(self, number: int, places: Sequence[Sequence[int]]) -> list[tuple[float, bool]]:
        if not places[1]:
            return []
        owner, is_way = int(self._owner[number]), bool(self._is_way[number])
        near = self._near(places)
        near[number] = 0.0
        match = self._best(near, places, 1.0 if is_way else 0.0)
        if not is_way:
            return [(match.score, False)] if match and match.entry == owner else []
        near[self._owner == owner] = 0.0
        stranger = self._best(near, places, 0.0)
        found = [(match.score, match.entry == owner)] if match else []
        return found + ([(stranger.score, False)] if stranger and stranger.entry != owner else [])
