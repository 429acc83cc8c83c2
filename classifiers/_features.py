"""What a trained model sees of a text: pieces of words, words, and for Korean morphemes, each sort by itself."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING, Literal

from classifiers._text import Reading

if TYPE_CHECKING:
    from kiwipiepy import Kiwi

Sort = Literal["pieces", "runs", "words", "morphemes", "content"]

# A longer text says in its beginning what it is about; the rest would only cost time.
_MOST_CHARACTERS = 600
_MOST_WORDS = 120
_MOST_IN_WORD = 40
_DIGITS = re.compile(r"\d+")
_CONTENT = frozenset({"NN", "SL", "XR", "VV", "VA"})
# A syllable of Hangul says as much as two or three Latin letters.
_HANGUL_SIZES, _LETTER_SIZES = (1, 2, 3, 4), (2, 3, 4, 5)
_RUN_SIZES = (2, 3, 4)
_PREFIX = 4


def pieces(reading: Reading) -> list[str]:
    """Returns the runs of characters within each word, its edges marked: what survives endings and typing errors."""
    return [piece for word in _words(reading) for piece in _pieces(word)]


def runs(reading: Reading) -> list[str]:
    """Returns the runs of characters whatever blanks are between them: Korean is written with and without."""
    text = "".join(_words(reading))
    return [text[start : start + size] for size in _RUN_SIZES for start in range(len(text) - size + 1)]


def words(reading: Reading) -> list[str]:
    """Returns words, their beginnings, and pairs of words, next to each other and one further."""
    found = _words(reading)
    framed = ["^", *found, "$"]
    return [
        *found,
        *[f"{one} {other}" for one, other in pairwise(framed)],
        *[f"{one}_{other}" for one, other in zip(framed, framed[2:], strict=False)],
        *[f"{word[:_PREFIX]}-" for word in found if len(word) > _PREFIX],
    ]


def morphemes(reading: Reading) -> list[str]:
    """Returns the morphemes that Kiwi finds, alone and in pairs."""
    found = [f"{form}/{tag}" for form, tag in _analysed(_bounded(reading))]
    return [*found, *[f"{one} {other}" for one, other in pairwise(found)]]


def content(reading: Reading) -> list[str]:
    """Returns the nouns, verbs and adjectives among the morphemes."""
    return [form for form, tag in _analysed(_bounded(reading)) if tag in _CONTENT]


FEATURES: Mapping[Sort, Callable[[Reading], list[str]]] = {
    "pieces": pieces,
    "runs": runs,
    "words": words,
    "morphemes": morphemes,
    "content": content,
}


def _bounded(reading: Reading) -> str:
    return reading.spaced[:_MOST_CHARACTERS]


def _words(reading: Reading) -> list[str]:
    text = reading.words[:_MOST_WORDS]
    return [_DIGITS.sub("0", word[:_MOST_IN_WORD]) for word in text]


@lru_cache(maxsize=16_384)
def _pieces(word: str) -> tuple[str, ...]:
    sizes = _HANGUL_SIZES if "가" <= word[0] <= "힣" else _LETTER_SIZES
    framed = f" {word} "
    return tuple(framed[start : start + size] for size in sizes for start in range(len(framed) - size + 1))


@lru_cache(maxsize=1024)
def _analysed(text: str) -> Sequence[tuple[str, str]]:
    return [(token.form.replace(" ", "_"), token.tag[:2]) for token in _kiwi().tokenize(text)]


@lru_cache(maxsize=1)
def _kiwi() -> Kiwi:
    # Kiwi is imported with its model, and only for models that ask for morphemes.
    from kiwipiepy import Kiwi

    return Kiwi(num_workers=1)
