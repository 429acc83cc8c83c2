"""A message's words as classifiers look at them: folded, with and without blanks, read once for all of them."""

import html
import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import accumulate
from typing import NamedTuple

from ahocorasick_rs import AhoCorasick, MatchKind

from core.message import Message
from core.text import fold

MOST_CHARACTERS = 20_000
# What is longer is rare and would make the memory of the cache a sender's choice.
_CACHED_CHARACTERS = 2_000
_LONG_PHRASE = 4
_WORD = re.compile(r"[^\W_]+")
# How forms write what their page has no letter for: "&#49332;".
_NUMBERED = re.compile(r"&#(?:\d{2,7}|[xX][0-9a-fA-F]{2,6});")
# Letters that nobody sees: folding makes the Hangul fillers these.
_FILLERS = dict.fromkeys((0x115F, 0x1160))
_new = tuple.__new__


class Reading(NamedTuple):
    """`spaced` is the folded text; `tight` its letters and digits without what stands between them; `starts` says
    where in `tight` a word begins."""

    spaced: str
    words: tuple[str, ...]
    tight: str
    starts: frozenset[int]

    def __hash__(self) -> int:
        # The rest follows from it, and a string knows its hash: caches ask for it again and again.
        return hash(self.spaced)


class Hit(NamedTuple):
    """A phrase found in `tight`, and whether it begins where a word begins."""

    entry: int
    phrase: str
    start: int
    end: int
    at_word: bool


def reading_of(message: Message) -> Reading:
    """Returns the reading of subject and text as one."""
    return read(message.whole)


def read(text: str) -> Reading:
    """Returns the reading of any text, of a length that bounds the work."""
    return _cached(text) if len(text) <= _CACHED_CHARACTERS else _read(text[:MOST_CHARACTERS])


def _read(text: str) -> Reading:
    if "&#" in text:
        text = _NUMBERED.sub(lambda found: html.unescape(found[0]), text)
    spaced = fold(text).translate(_FILLERS)
    words = tuple(_WORD.findall(spaced))
    starts = frozenset(accumulate(map(len, words[:-1]), initial=0)) if words else frozenset()
    return Reading(spaced, words, "".join(words), starts)


_cached = lru_cache(maxsize=1024)(_read)


class Lexicon:
    """Many phrases looked up at once; blanks in them and in the text do not matter.

    A short phrase that begins inside a word counts only when the blanks of the text inside it are its own: "이불
    나눔" has no "불나" in it, "도시가스 냄새" has "가스 냄새".
    """

    def __init__(self, phrases: Iterable[tuple[str, int]], *, longest: bool = False) -> None:
        """`phrases` are pairs of a phrase and its entry; `longest` gives each place in the text to one phrase."""
        entries: dict[str, list[tuple[str, int]]] = {}
        for phrase, entry in phrases:
            entries.setdefault(tight(phrase), []).append((phrase, entry))
        entries.pop("", None)
        self._phrases = list(entries.values())
        self._blanks = [read(group[0][0]).starts for group in self._phrases]
        kind = MatchKind.LeftmostLongest if longest else MatchKind.Standard
        self._automaton = AhoCorasick(list(entries), matchkind=kind)
        self._overlapping = not longest

    def hits(self, reading: Reading) -> list[Hit]:
        """Returns what is found, in the order of the text."""
        matches = self._automaton.find_matches_as_indexes(reading.tight, overlapping=self._overlapping)
        if not matches:
            return []
        found: list[Hit] = []
        starts, phrases = reading.starts, self._phrases
        for number, start, end in matches:
            at_word = start in starts
            if not at_word and end - start < _LONG_PHRASE and not self._breaks_are_own(number, start, end, starts):
                continue
            for phrase, entry in phrases[number]:
                # By far the most that is made for a message: what a named tuple does by itself takes twice as long.
                found.append(_new(Hit, (entry, phrase, start, end, at_word)))
        return found

    def entries(self, text: str) -> set[int]:
        """Returns the entries whose phrases stand anywhere in a text without blanks."""
        found = self._automaton.find_matches_as_indexes(text, overlapping=self._overlapping)
        return {entry for number, _, _ in found for _, entry in self._phrases[number]}

    def _breaks_are_own(self, number: int, start: int, end: int, starts: frozenset[int]) -> bool:
        inside = range(start + 1, end)
        if starts.isdisjoint(inside):
            return True
        return self._blanks[number].issuperset([place - start for place in inside if place in starts])


def phrases(table: str) -> tuple[str, ...]:
    """Returns the phrases of a table in which | and line ends stand between them."""
    return tuple(phrase.strip() for line in table.splitlines() for phrase in line.split("|") if phrase.strip())


def tight(phrase: str) -> str:
    """Returns a phrase as it stands in a reading's `tight`."""
    return "".join(_WORD.findall(fold(phrase)))


def quote(phrases: Sequence[str]) -> str:
    """Returns at most three different phrases in quotes, for a finding's reason."""
    if len(phrases) == 1:
        return f"'{phrases[0]}'"
    return ", ".join([f"'{phrase}'" for phrase in list(dict.fromkeys(phrases))[:3]])
