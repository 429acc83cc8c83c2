"""How alike a question is to each of many wordings: by characters, letters, words, figures and length."""

import re
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from classifiers._grams import Space, Vector, character_grams, edge_grams, single_characters, sound_grams
from classifiers._morphemes import Words
from classifiers._text import Reading

# Found on 3,198 pairs of Korean sentences that mean the same, labelled by people, in tables of 400 (a softmax over
# each table, L2 1.0): what tells the one wording of a table that a sentence belongs to from the others.
_PAIRS, _EDGES, _SINGLES, _SOUNDS, _WORDS = -3.8, 3.9, 7.1, 4.4, 7.2
_LENGTH, _OTHER_FIGURES = 1.4, -2.4
_FIGURES = re.compile(r"\d+")


class Question(NamedTuple):
    """A text and its words."""

    reading: Reading
    words: Words

    @property
    def names(self) -> list[str]:
        return [word.name for word in self.words.all]


class Likeness:
    """A fixed list of wordings; `of` gives each one's likeness to questions, in no unit."""

    def __init__(self, wordings: Sequence[Question]) -> None:
        readings = [wording.reading for wording in wordings]
        self.words = Space([wording.names for wording in wordings])
        self._by_features = [
            (weight, features, Space([features(reading) for reading in readings]))
            for weight, features in (
                (_PAIRS, character_grams),
                (_EDGES, edge_grams),
                (_SINGLES, single_characters),
                (_SOUNDS, sound_grams),
            )
        ]
        self._lengths: Vector = np.array([len(reading.tight) for reading in readings], dtype=np.float32)
        figures = [_figures(reading) for reading in readings]
        self._numbers = {found: number for number, found in enumerate(sorted(set(figures)))}
        self._figures = np.array([self._numbers[found] for found in figures], dtype=np.intp)

    def of(self, questions: Sequence[Question]) -> Vector:
        """Returns the likeness of each question to each wording; the same for one alone."""
        readings = [question.reading for question in questions]
        likeness: Vector = _WORDS * self.words.all_near([self.words.places(one.names) for one in questions])
        for weight, features, space in self._by_features:
            likeness += weight * space.all_near([space.places(features(reading)) for reading in readings])
        lengths = np.array([[max(len(reading.tight), 1)] for reading in readings], dtype=np.float32)
        likeness += _LENGTH * np.minimum(self._lengths, lengths) / np.maximum(self._lengths, lengths)
        figures = np.array([[self._numbers.get(_figures(reading), -1)] for reading in readings], dtype=np.intp)
        likeness += _OTHER_FIGURES * (self._figures != figures)
        return likeness


def _figures(reading: Reading) -> tuple[str, ...]:
    return tuple(sorted(set(_FIGURES.findall(reading.spaced))))
