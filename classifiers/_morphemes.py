"""The words that carry a question, by Kiwi: slow (about half a millisecond), asked only where cheaper looks end."""

from __future__ import annotations

import re
from collections.abc import Iterable
from contextlib import AbstractContextManager, nullcontext
from functools import cached_property, lru_cache
from importlib.metadata import version
from math import log
from platform import machine
from typing import TYPE_CHECKING, NamedTuple

from classifiers._own import Morpheme, OwnTexts
from classifiers._related import LAST_UNKNOWN, Meanings
from classifiers._text import Reading, phrases
from classifiers.base import Kept

if TYPE_CHECKING:
    from kiwipiepy import Kiwi

_CONTENT = frozenset({"NNG", "NNP", "NNB", "NR", "NP", "VV", "VA", "XR", "SL", "SN", "SH", "MAG", "MM", "VX"})
# What every question has says nothing about which it is.
_EMPTY = frozenset(phrases("하/VV|되/VV|있/VV|있/VA|것/NN|거/NN|수/NN|저/NP|제/NP"))
_LIGHT_TAGS = frozenset({"NP", "NR", "NNB", "VX", "MAG", "MM", "SN"})
_DENIALS = frozenset({"안/MAG", "못/MAG"})
# The questions a word asks; an entry whose wordings never ask it has no answer to it.
_ASKED = {"얼마": "how much", "어디": "where", "언제": "when", "며칠": "when", "왜": "why"}
_MEANT = {
    "how much": "얼마|요금|비용|가격|금액|값|돈|무료|공짜|수수료|운임|액수|삯",
    "where": "어디|어느|장소|위치|곳|데|번호|연락처|전화번호|전화|연락|창구",
    "when": "언제|며칠|날짜|기한|기간|마감|마감일|시기|기일|납기|요일|납부일|시일|말|날|시간|달|월|일|걸리|예정일",
    "why": "왜|이유|까닭",
    "how": "어떻|어떻게|어떡하|방법|법|절차|방식|과정",
}
# Each of them is another word for the others where that is asked at all.
ASKS = {word: asked for asked, table in _MEANT.items() for word in phrases(table)}
_ASCII_WORD = re.compile(r"[a-z0-9]+")
_STOP = frozenset(
    phrases(
        """
        a|an|the|is|are|do|does|i|to|of|in|my|me|it|can|for|on|at|and|be|have|s|t|you|am|seoul|if|or|there|this|that
        with|when|how|what|where|who|which|please|tell|about|want|need|would|like|should|could|hi|hello|korea|here
        """
    )
)
# Names and compounds of the larger dictionaries change no finding and cost 70 MB.
_OPTIONS = {"num_workers": 1, "load_default_dict": False, "load_multi_dict": False, "integrate_allomorph": False}
_MOST_CHARACTERS = 200
_CACHED = 4_096
_LIGHT, _ASCII = 0.12, 0.7
_STRANGE, _VERB = 0.9, 0.75
# Kiwi's model numbers its morphemes by how often they are used: from here to there a word says ever more.
_COMMON, _RARE = 300, 5_000


class Word(NamedTuple):
    """A word as form/tag; `weight` (0 to 1) says how much it says about the matter; `number` is Kiwi's."""

    name: str
    weight: float
    number: int

    @property
    def form(self) -> str:
        return self.name.partition("/")[0]


class Words(NamedTuple):
    """The different words of a text in its order, and the questions that are asked ("how much", "where")."""

    all: tuple[Word, ...]
    asked: frozenset[str]


class Morphemes:
    """Takes texts apart. Loading the model takes over a second and some 240 MB, at the first use.

    `names` are proper names that Kiwi is told of: places of this city, which say little about a matter.
    """

    def __init__(self, names: Iterable[str] = (), kept: Kept | None = None) -> None:
        """`kept` is where the morphemes of the city's own texts lie until the next start."""
        self._names = frozenset(names)
        self._cached = lru_cache(maxsize=_CACHED)(self._taken_apart)
        self._own = OwnTexts(kept, self.made_by) if kept else None

    def own(self) -> AbstractContextManager[object]:
        """Inside, all texts are the city's own; what citizens write is never kept."""
        return self._own or nullcontext()

    def keep(self, *, all_asked: bool) -> None:
        """Ends with the own texts: with `all_asked` they are written down for the next start."""
        if self._own and all_asked:
            self._own.write()
        elif self._own:
            self._own.forget()

    @property
    def made_by(self) -> str:
        """Returns all that morphemes depend on but the text."""
        versions = (version(package) for package in ("kiwipiepy", "kiwipiepy_model"))
        return repr((*versions, machine(), sorted(_OPTIONS.items()), sorted(self._names)))

    def __call__(self, reading: Reading) -> Words:
        return self._cached(reading.spaced[:_MOST_CHARACTERS])

    def _taken_apart(self, text: str) -> Words:
        if text.isascii():
            found = dict.fromkeys(_ASCII_WORD.findall(text))
            return Words(tuple(Word(f"{word}/SL", _ASCII, 0) for word in found if word not in _STOP), frozenset())
        tokens = self._tokens(text)
        words = {word.name: word for word in self._words(tokens)}
        return Words(tuple(word for name, word in words.items() if name not in _EMPTY), _asked(words.values()))

    def _tokens(self, text: str) -> Iterable[Morpheme]:
        if self._own and self._own.is_open and (found := self._own.of(text)):
            return found
        tokens: list[Morpheme] = self._kiwi.tokenize(text)
        return self._own.learned(text, tokens) if self._own and self._own.is_open else tokens

    @cached_property
    def meanings(self) -> Meanings:
        return Meanings(self._kiwi)

    def _words(self, tokens: Iterable[Morpheme]) -> Iterable[Word]:
        denied = False
        for token in tokens:
            tag = token.tag.partition("-")[0]
            name = f"{token.form}/{tag[:2]}"
            if tag in _CONTENT:
                yield Word(name, self._weight(token, tag), token.id)
            # "안 얼게" is another matter than "얼었어요".
            if denied and tag in ("VV", "VA"):
                yield Word(f"안{name}", self._weight(token, tag), 0)
            denied = f"{token.form}/{tag}" in _DENIALS

    def _weight(self, token: Morpheme, tag: str) -> float:
        if tag in _LIGHT_TAGS or token.form in _ASKED or token.form in self._names:
            return _LIGHT
        if tag == "SL":
            return _ASCII
        if token.id <= LAST_UNKNOWN:
            return _STRANGE
        weight = min(max(log(token.id / _COMMON) / log(_RARE / _COMMON), 0.05), 1.0)
        return weight * _VERB if tag in ("VV", "VA") else weight

    @cached_property
    def _kiwi(self) -> Kiwi:
        return _loaded(self._names)


# While a city's files are taken over there are two sets of tables: with the same names, for one Kiwi.
@lru_cache(maxsize=1)
def _loaded(names: frozenset[str]) -> Kiwi:
    # Kiwi is imported with its model: the processes that route nothing need neither.
    from kiwipiepy import Kiwi

    kiwi = Kiwi(**_OPTIONS)
    for name in sorted(names):
        kiwi.add_user_word(name, "NNP", 0.0)
    # Only now its dictionary is built: nobody else may have it before.
    kiwi.tokenize(".")
    return kiwi


def _asked(words: Iterable[Word]) -> frozenset[str]:
    """Returns what is asked: "전화번호가 어디" and "얼마나 걸려요" ask less than they seem to."""
    forms = {word.form for word in words}
    asked = {_ASKED[form] for form in forms if form in _ASKED}
    if forms & {"걸리", "안", "만", "만에"}:
        asked.discard("how much")
    if forms & {"전화", "연락", "번호", "말", "신고"}:
        asked.discard("where")
    return frozenset(asked)


def answers_to(names: Iterable[str]) -> frozenset[str]:
    """Returns the questions that words speak of: a wording with 요금 knows "how much"."""
    return frozenset(ASKS[form] for form in (name.partition("/")[0] for name in names) if form in ASKS)
