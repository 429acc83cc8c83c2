"""What characters say, whatever they look like: digits of every script, letters taken apart, numbers in words."""

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

_UNUSUAL = re.compile(r"[^\n -~가-힣]")
_INITIALS = "ㄱㄲㄴㄷㄸㄹㅁㅂㅃㅅㅆㅇㅈㅉㅊㅋㅌㅍㅎ"
_APART = re.compile(rf"[\u1100-\u1112][\u1161-\u1175][\u11a8-\u11c2]?|[{_INITIALS}][ㅏ-ㅣ]")

_VALUES = dict(zip("공영일이삼사오육칠팔구", "00123456789", strict=True))
_NUMERAL = f"[{''.join(_VALUES)}]"
_BETWEEN = r"(?:[-. ,~/_]{0,3}|[ ]?(?:다시|대시|하이픈|빼기|에)[ ]?)"
# Fewer than six are words: 이사 오는 일. One that ends a word is none: 입금일 2026.
_SPOKEN = re.compile(
    rf"(?:(?<![가-힣]){_NUMERAL}|{_NUMERAL}(?={_NUMERAL}{{2}})|\d)(?:{_BETWEEN}(?:{_NUMERAL}|\d)){{5,}}"
)
_HAS_NUMERALS = re.compile(rf"{_NUMERAL}{_BETWEEN}(?:{_NUMERAL}|\d)|\d{_BETWEEN}{_NUMERAL}")
_JOINERS = re.compile("다시|대시|하이픈|빼기|에")
_LIKE_DIGITS = str.maketrans("OoQㅇlI|", "0000111")
_ALIKE = re.compile(r"(?<![A-Za-z0-9])[\dOoQㅇlI|](?:[-. ]?[\dOoQㅇlI|]){8,}(?![A-Za-z0-9])")
_HAS_ALIKE = re.compile(r"\d[-. ]?[OoQㅇlI|]|[OoQㅇlI|][-. ]?\d")
_FEWEST_DIGITS = 5
# Letters that nobody sees.
_FILLERS = "\u3164\u115f\u1160\uffa0"


class Skeleton(NamedTuple):
    """A text in plain characters, and where each of them began and ended in it (None: where it stands)."""

    text: str
    starts: list[int] | None = None
    ends: list[int] | None = None

    def span(self, start: int, end: int) -> tuple[int, int]:
        if self.starts is None or self.ends is None:
            return start, end
        return self.starts[start], self.ends[end - 1]


def skeleton(text: str) -> Skeleton:
    """Returns the text with plain digits, dashes, dots and blanks, whole syllables, and nothing invisible."""
    if not _UNUSUAL.search(text):
        return Skeleton(text)
    plain = _UNUSUAL.sub(lambda found: _plain(found[0]), text)
    if "\x00" not in plain and not _APART.search(plain):
        return Skeleton(plain)
    return _without_gaps(plain)


def readings(plain: str) -> Iterator[str]:
    """Yields the text as it is, and with what looks like or is said as a digit made one; each of the same length."""
    yield plain
    if _HAS_ALIKE.search(plain):
        plain = _ALIKE.sub(_unlike, plain)
        yield plain
    if _HAS_NUMERALS.search(plain):
        # The last syllable may be the verb's: "칠이에요".
        for last in (True, False):
            read = _SPOKEN.sub(lambda found, last=last: _digits(found, plain, last=last), plain)  # type: ignore[misc]
            if read != plain:
                yield read


def _without_gaps(plain: str) -> Skeleton:
    characters: list[str] = []
    starts: list[int] = []
    ends: list[int] = []
    kept = [(place, character) for place, character in enumerate(plain) if character != "\x00"]
    bare = "".join(character for _, character in kept)
    done = 0
    for found in [*_APART.finditer(bare), None]:
        begin, end = found.span() if found else (len(bare), len(bare))
        for place in range(done, begin):
            characters.append(bare[place])
            starts.append(kept[place][0])
            ends.append(kept[place][0] + 1)
        if found:
            characters.append(_joined(found[0]))
            starts.append(kept[begin][0])
            ends.append(kept[end - 1][0] + 1)
        done = end
    return Skeleton("".join(characters), starts, ends)


def _joined(letters: str) -> str:
    if letters[0] >= "ㄱ":
        first, middle = _INITIALS.index(letters[0]), ord(letters[1]) - ord("ㅏ")
        return chr(0xAC00 + (first * 21 + middle) * 28)
    return unicodedata.normalize("NFC", letters)


def _unlike(found: re.Match[str]) -> str:
    enough = sum(map(str.isdigit, found[0])) >= _FEWEST_DIGITS
    return found[0].translate(_LIKE_DIGITS) if enough else found[0]


def _digits(found: re.Match[str], plain: str, *, last: bool) -> str:
    said = found[0]
    follows = plain[found.end() : found.end() + 1]
    end = len(said)
    if not last and said[-1] in _VALUES and "가" <= follows <= "힣":
        end -= 1
    said, rest = said[:end], said[end:]
    said = _JOINERS.sub(lambda joiner: "-" * len(joiner[0]), said)
    return "".join(_VALUES.get(character, character) for character in said) + rest


@lru_cache(maxsize=4096)
def _plain(character: str) -> str:
    """Returns the one ASCII character that this one is read as, NUL when it is not seen, else itself."""
    if character in _FILLERS:
        return "\x00"
    category = unicodedata.category(character)
    if character in "\t\r\v\f":
        return " "
    if category in ("Cc", "Cf", "Mn", "Me"):
        return "\x00"
    if category == "Pd" or character in "−ㅡー":
        return "-"
    if category == "Zs":
        return " "
    if character in "·ㆍ‧∙•。・･":
        return "."
    if (digit := unicodedata.digit(character, None)) is not None:
        return str(digit)
    same = unicodedata.normalize("NFKC", character)
    return same if len(same) == 1 and same.isascii() else character
