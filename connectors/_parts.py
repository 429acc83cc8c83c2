"""Texts for people: stretches counted in UTF-16, and long letters in parts that a person likes to read."""

import re
import unicodedata
from collections.abc import Iterable

# Where a letter may be parted, the best first, and how much of a part must stand before it.
_PLACES = (
    (re.compile(r"\n\s*\n"), 0.5),
    (re.compile(r"\n"), 0.5),
    (re.compile(r"(?<=[^\d\s][.!?。…])[^\S\n]+"), 0.25),
    # "2026. 12. 1." and "12월 1일" are one date each.
    (re.compile(r"(?<!\d[.년월])\s+"), 0.25),
    (re.compile(r"\s+"), 0.0),
)
# Emoji are made of several: skin tones, tags, joiners.
_TONES, _TAGS, _FLAGS = range(0x1F3FB, 0x1F400), range(0xE0020, 0xE0080), range(0x1F1E6, 0x1F200)
_JOINER = "\u200d"


def length(text: str) -> int:
    """Returns how long chats find this: in UTF-16 code units."""
    return len(text) + sum(character > "\uffff" for character in text)


def stretch(text: str, offset: int, size: int) -> str:
    """Returns the stretch that an entity names, "" when it is not in the text."""
    return _wide(text)[2 * offset : 2 * (offset + size)].decode("utf-16-le", "ignore")


def without(text: str, stretches: Iterable[tuple[int, int]]) -> str:
    """Returns the text without these stretches, each an offset and a size."""
    wide = _wide(text)
    for offset, size in sorted(stretches, reverse=True):
        wide = wide[: 2 * offset] + wide[2 * (offset + size) :]
    return wide.decode("utf-16-le", "ignore")


def parts(text: str, most: int) -> list[str]:
    """Returns the text in parts of at most so many UTF-16 code units.

    Parted between paragraphs, else lines, sentences, words; a word that is longer than a part alone is cut, and then
    between what is read as one character.
    """
    found = []
    rest = text.strip()
    while length(rest) > most:
        end, begin = _cut(rest, _prefix(rest, most))
        found.append(rest[:end].rstrip())
        rest = rest[begin:].lstrip()
    return [*found, rest] if rest else found


def _cut(text: str, window: int) -> tuple[int, int]:
    """Returns where the first part ends and where the next begins."""
    for place, share in _PLACES:
        # What is between may lie behind the window: a part that ends with a blank there is full.
        fitting = [match for match in place.finditer(text, 0, window + 1) if 0 < match.start() <= window]
        if fitting and fitting[-1].start() >= share * window:
            return fitting[-1].start(), fitting[-1].end()
    end = window
    while end > 0 and _is_inside(text, end):
        end -= 1
    # A pile of accents that is longer than a part is no character.
    return (end, end) if end else (window, window)


def _prefix(text: str, most: int) -> int:
    """Returns how many characters fit."""
    end = min(len(text), most)
    while length(text[:end]) > most:
        end -= (length(text[:end]) - most + 1) // 2
    return end


def _is_inside(text: str, place: int) -> bool:
    """Whether what is read as one character goes on from before this place to after it (UAX 29, simplified)."""
    before, after = text[place - 1], text[place : place + 1]
    if not after:
        return False
    if unicodedata.category(after)[0] == "M" or after in "\u200c\u200d" or before == _JOINER:
        return True
    if ord(after) in _TONES or ord(after) in _TAGS:
        return True
    if ord(after) in _FLAGS:
        # A flag is two letters: it goes on when an odd number of them stands before.
        flags = re.search(r"[\U0001F1E6-\U0001F1FF]*\Z", text[:place])
        return flags is not None and len(flags[0]) % 2 == 1
    return _is_syllable(before, after)


def _is_syllable(before: str, after: str) -> bool:
    """Whether letters of one Hangul syllable stand side by side unjoined."""
    if "\u1160" <= after <= "\u11ff":
        return "\u1100" <= before <= "\u11ff" or "가" <= before <= "힣"
    return "\u1100" <= before <= "\u115f" and ("\u1100" <= after <= "\u115f" or "가" <= after <= "힣")


def _wide(text: str) -> bytes:
    return text.encode("utf-16-le", "surrogatepass")
