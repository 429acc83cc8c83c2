"""Words that must be found however they are written: letters taken apart, final ㅆ as ㅅ, words near each other."""

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Literal, NamedTuple, Protocol

from classifiers._text import MOST_CHARACTERS, Hit, Lexicon, Reading, read
from core.message import Message

# Words of one line further apart speak of different things.
_NEAR = 14
# What is longer is rare and would make the memory of the cache a sender's choice.
_MOST_CACHED = 2_000
_GROUPS = re.compile(r"\s*\+\s*")
_WORDS = re.compile(r"\s*\|\s*")

_MIDDLE, _LAST = 21, 28
_BASE = 0xAC00
_INITIALS = "ㄱㄲㄴㄷㄸㄹㅁㅂㅃㅅㅆㅇㅈㅉㅊㅋㅌㅍㅎ"
_VOWELS = "ㅏㅐㅑㅒㅓㅔㅕㅖㅗㅘㅙㅚㅛㅜㅝㅞㅟㅠㅡㅢㅣ"
_FINALS = "ㄱㄲㄳㄴㄵㄶㄷㄹㄺㄻㄼㄽㄾㄿㅀㅁㅂㅄㅅㅆㅇㅈㅊㅋㅌㅍㅎ"
_APART = re.compile(rf"([{_INITIALS}])\s?([{_VOWELS}])(?:\s?([{_FINALS}])(?!\s?[{_VOWELS}]))?")
# A laugh is no final letter, nor is one of several: 살려줘ㅋ, 있어ㄷㄷ.
_SYLLABLE_AND_FINAL = re.compile(rf"([가-힣])(?![ㅋㅎ])([{_FINALS}])(?![ㄱ-ㅣ])")
# Letters of another script that look like a vowel: ㅈr, ㅅl.
_VOWELS_ALIKE = {"r": "ㅏ", "l": "ㅣ", "|": "ㅣ", "1": "ㅣ"}
_LOOKS_LIKE = re.compile(rf"(?<=[{_INITIALS}])([rl|1])(?![A-Za-z0-9])")
_LONE = re.compile(r"[ㄱ-ㅣ]+")
# Written one for the other by everybody in a hurry: 낫/났, 안/않, 됬/됐.
_SAME_VOWEL = {"ㅐ": "ㅔ", "ㅒ": "ㅖ", "ㅙ": "ㅚ", "ㅞ": "ㅚ"}
_SAME_FINAL = {"ㅆ": "ㅅ", "ㅄ": "ㅂ", "ㄶ": "ㄴ", "ㅀ": "ㄹ", "ㄲ": "ㄱ", "ㄳ": "ㄱ"}

Part = Literal["keywords", "not", "weak", "together", "sign"]


class Row(Protocol):
    """What a row of routing.toml says of its words."""

    @property
    def keywords(self) -> tuple[str, ...]: ...
    @property
    def together(self) -> tuple[str, ...]: ...
    @property
    def not_keywords(self) -> tuple[str, ...]: ...
    @property
    def weak(self) -> tuple[str, ...]: ...


class Said(NamedTuple):
    """Words of a row that were found, as the row has them; `whole` when they stood together as one line asks."""

    row: int
    words: str
    size: int
    at_word: bool
    whole: bool


class Seen(NamedTuple):
    """What a table found in one message."""

    said: Sequence[Said] = ()
    weak: Sequence[Said] = ()
    # Rows of which something was taken back.
    doubted: frozenset[int] = frozenset()
    signs: frozenset[int] = frozenset()


_NOTHING = Seen()


class Table:
    """The words of many rows, all looked up at once. `signs` are lists of words that say something of all rows."""

    def __init__(self, rows: Sequence[Row], signs: Sequence[Sequence[str]] = ()) -> None:
        self._lines: list[tuple[int, int]] = []
        self._entries = [
            *self._of_rows(rows),
            *(("sign", w, code, 0) for code, words in enumerate(signs) for w in words),
        ]
        # Words of other scripts count inside of words, too.
        self._is_wide = [word.strip()[:1] >= "぀" for _, word, _, _ in self._entries]
        self._lexicon = Lexicon((soft(word), place) for place, (_, word, _, _) in enumerate(self._entries))

    def _of_rows(self, rows: Sequence[Row]) -> Iterator[tuple[Part, str, int, int]]:
        for number, row in enumerate(rows):
            yield from (("keywords", word, number, 0) for word in row.keywords)
            yield from (("not", word, number, 0) for word in row.not_keywords)
            yield from (("weak", word, number, 0) for word in row.weak)
            for line in row.together:
                groups = _GROUPS.split(line.strip())
                self._lines.append((number, len(groups)))
                place = len(self._lines) - 1
                words = ((word, group) for group, given in enumerate(groups) for word in _WORDS.split(given) if word)
                yield from (("together", word, place, group) for word, group in words)

    def look(self, reading: Reading) -> Seen:
        """Returns what is found; words of other scripts than Hangul, Han and Kana only where a word begins."""
        found: dict[Part, list[tuple[Hit, int, int]]] = {}
        for entry, _, start, end, at_word in self._lexicon.hits(reading):
            if at_word or (end - start > 1 and self._is_wide[entry]):
                part, word, number, group = self._entries[entry]
                found.setdefault(part, []).append((Hit(entry, word, start, end, at_word), number, group))
        if not found.keys() - {"sign", "not"}:
            return _NOTHING
        taken = [(number, hit.start, hit.end) for hit, number, _ in found.get("not", ())]
        return Seen(
            [*_kept(found.get("keywords", ()), taken), *self._together(found.get("together", ()), taken)],
            _kept(found.get("weak", ()), taken),
            frozenset(row for row, _, _ in taken),
            frozenset(code for _, code, _ in found.get("sign", ())),
        )

    def _together(self, found: Sequence[tuple[Hit, int, int]], taken: Sequence[tuple[int, int, int]]) -> Iterator[Said]:
        by_line: dict[int, dict[int, list[Hit]]] = {}
        for hit, line, group in found:
            by_line.setdefault(line, {}).setdefault(group, []).append(hit)
        for line, by_group in by_line.items():
            row, size = self._lines[line]
            if len(by_group) < size:
                continue
            near = _nearest([[hit for hit in hits if not _is_taken(hit, row, taken)] for hits in by_group.values()])
            if near:
                words = " … ".join(hit.phrase for hit in sorted(near, key=lambda hit: hit.start))
                yield Said(row, words, len(words), at_word=True, whole=True)


def guarded(message: Message) -> Reading:
    """Returns the reading of a message in which everybody's ways of writing the same word are one."""
    text = _said(message)
    return _cached(text) if len(text) <= _MOST_CACHED else _softened(read(_whole(text)))


def whole(message: Message) -> Reading:
    """Returns the reading of a message in which only letters that were typed apart are put together."""
    return read(_whole(_said(message)))


def _said(message: Message) -> str:
    text = f"{message.subject}\n{message.text}" if message.subject else message.text
    return text[:MOST_CHARACTERS]


def soft(text: str) -> str:
    """Returns the text, of the same length, with letters that are mistaken for each other made one."""
    return text.translate(SAME)


@lru_cache(maxsize=1024)
def _cached(text: str) -> Reading:
    return _softened(read(_whole(text)))


def _softened(reading: Reading) -> Reading:
    return reading._replace(tight=soft(reading.tight))


def _whole(text: str) -> str:
    """Returns the text with letters that were typed apart put together, and those that say nothing (ㅋㅋ) left out."""
    if not _LONE.search(text):
        return text
    text = _LOOKS_LIKE.sub(lambda found: _VOWELS_ALIKE[found[1]], text)
    text = _APART.sub(_composed, text)
    text = _SYLLABLE_AND_FINAL.sub(_closed, text)
    return _LONE.sub(" ", text)


def _composed(found: re.Match[str]) -> str:
    first, middle = _INITIALS.index(found[1]), _VOWELS.index(found[2])
    last = _FINALS.index(found[3]) + 1 if found[3] else 0
    return chr(_BASE + (first * _MIDDLE + middle) * _LAST + last)


def _closed(found: re.Match[str]) -> str:
    """Returns 낫 for 나ㅅ; what is closed already keeps its own."""
    code = ord(found[1]) - _BASE
    return found[1] if code % _LAST else chr(ord(found[1]) + _FINALS.index(found[2]) + 1)


def _kept(found: Sequence[tuple[Hit, int, int]], taken: Sequence[tuple[int, int, int]]) -> list[Said]:
    return [
        Said(row, hit.phrase, hit.end - hit.start, hit.at_word, whole=False)
        for hit, row, _ in found
        if not _is_taken(hit, row, taken)
    ]


def _is_taken(hit: Hit, row: int, taken: Sequence[tuple[int, int, int]]) -> bool:
    """Whether a hit begins in words that the same row takes back."""
    return any(other == row and start <= hit.start < end for other, start, end in taken)


def _nearest(groups: Sequence[Sequence[Hit]]) -> list[Hit]:
    """Returns one hit of each group, each near one before; [] when there are none."""
    for first in groups[0]:
        chosen = [first]
        for group in groups[1:]:
            close = [hit for hit in group if any(_apart(hit, one) <= _NEAR for one in chosen)]
            if not close:
                break
            chosen.append(min(close, key=lambda hit: _apart(hit, first)))
        if len(chosen) == len(groups):
            return chosen
    return []


def _apart(one: Hit, other: Hit) -> int:
    return max(one.start - other.end, other.start - one.end, 0)


def _softer(code: int) -> int:
    rest, last = divmod(code - _BASE, _LAST)
    first, middle = divmod(rest, _MIDDLE)
    # 애 is a child and 에 a particle: what begins with nothing keeps its vowel.
    vowel = _VOWELS[middle] if _INITIALS[first] == "ㅇ" else _SAME_VOWEL.get(_VOWELS[middle], _VOWELS[middle])
    final = _SAME_FINAL.get(_FINALS[last - 1], _FINALS[last - 1]) if last else ""
    return _BASE + (first * _MIDDLE + _VOWELS.index(vowel)) * _LAST + (_FINALS.index(final) + 1 if final else 0)


SAME = {code: _softer(code) for code in range(_BASE, 0xD7A4) if _softer(code) != code}
