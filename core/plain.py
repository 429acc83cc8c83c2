"""What characters say, whatever they look like: digits of every script, letters taken apart, numbers in words."""

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

_UNUSUAL = re.compile(r"[^\n -~가-힣]")
_INITIALS = "ㄱㄲㄴㄷㄸㄹㅁㅂㅃㅅㅆㅇㅈㅉㅊㅋㅌㅍㅎ"
_APART = re.compile(rf"[\u1100-\u1112][\u1161-\u1175][\u11a8-\u11c2]?|[{_INITIALS}][ㅏ-ㅣ]")

_VALUES = dict(zip("공영빵령일이삼사오육륙칠팔구", "00001234566789", strict=True))
_VALUES |= dict(zip("〇零一二三四五六七八九壹貳參肆伍陸柒捌玖", "00123456789123456789", strict=True))
NUMERAL = f"[{''.join(_VALUES)}]"
_BETWEEN = r"(?:[-. ,~/_]{0,3}|[ ]?(?:다시|대시|하이픈|빼기|에)[ ]?)"
# Fewer than six are words: 이사 오는 일. One that ends a word is none: 입금일 2026.
_SPOKEN = re.compile(rf"(?:(?<![가-힣]){NUMERAL}|{NUMERAL}(?={NUMERAL}{{2}})|\d)(?:{_BETWEEN}(?:{NUMERAL}|\d)){{5,}}")
_HAS_NUMERALS = re.compile(
    rf"{NUMERAL}{_BETWEEN}(?:{NUMERAL}|\d)|\d{_BETWEEN}{NUMERAL}|\d ?(?:다시|대시|하이픈|빼기) ?\d"
)
_JOINERS = re.compile("다시|대시|하이픈|빼기|에")
_LIKE_DIGITS = str.maketrans("OoQОоØ○◯ㅇlI|ㅣ", "000000000" + "1111")
_LIKE_DIGIT = "[OoQОоØ○◯ㅇlI|ㅣ]"
_ALIKE = re.compile(rf"(?<![A-Za-z0-9])(?:\d|{_LIKE_DIGIT})(?:[-. ]?(?:\d|{_LIKE_DIGIT})){{8,}}(?![A-Za-z0-9])")
_HAS_ALIKE = re.compile(rf"\d[-. ]?{_LIKE_DIGIT}|{_LIKE_DIGIT}[-. ]?\d")
_FEWEST_DIGITS = 5
# Digits said in other words, and what is put between digits so that nobody takes them for a number. Fewer than seven
# are words: 하나, 둘, 셋.
_WORDS = {
    form: str(value)
    for words in (
        "영 하나 둘 셋 넷 다섯 여섯 일곱 여덟 아홉",
        "oh - - - - - - - 여덜 -",
        "zero one two three four five six seven eight nine",
        "không một hai ba bốn năm sáu bảy tám chín",
        "тэг нэг хоёр гурав дөрөв тав зургаа долоо найм ес",
    )
    for value, word in enumerate(words.split())
    for form in (word, word.capitalize(), word.upper())
    if word not in (*_VALUES, "-")
}
_WORD = "|".join(sorted(_WORDS, key=len, reverse=True))
_STUFFING = r"(?:[ㄱ-ㅣ]|[^\w\s\x00-\x7f]|[\"'#$&^=;<>{}\\]){1,6}"
_DIGIT = rf"(?:{_WORD}|{NUMERAL}|\d)"
_SPELLED = re.compile(rf"{_DIGIT}(?:(?:[-. ,~/_()*]{{0,3}}|{_STUFFING}){_DIGIT}){{6,}}")
_SPELLING = re.compile(rf"{_WORD}|{_STUFFING}")
_HAS_SPELLING = re.compile(rf"(?:\d|{NUMERAL}){_STUFFING}(?:\d|{NUMERAL})|(?:{_WORD})[- ,.]{{0,3}}{_DIGIT}")
# A digit in a circle before another number counts what is listed.
_LISTED = re.compile(rf"(?<![\d①-⓿❶-➓{''.join(_VALUES)}])[①-⑨⑴-⑼⒈-⒐❶-❾➀-➈➊-➒](?=\s?[\d(+])")
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


def skeletons(text: str) -> Iterator[Skeleton]:
    """Yields the text in plain characters, and where words say digits or signs part them, with plain digits."""
    bones = skeleton(text)
    yield bones
    if _HAS_SPELLING.search(bones.text) and (spelled := _spelled(bones)) is not None:
        yield spelled


def skeleton(text: str) -> Skeleton:
    """Returns the text with plain digits, dashes, dots and blanks, whole syllables, and nothing invisible."""
    if not _UNUSUAL.search(text):
        return Skeleton(text)
    text = _LISTED.sub(".", text)
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


def _spelled(bones: Skeleton) -> Skeleton | None:
    """Returns the skeleton with one digit for each word that says one and one dash for what parts them."""
    found = [
        (run.start() + part.start(), run.start() + part.end(), _WORDS.get(part[0], "-"))
        for run in _SPELLED.finditer(bones.text)
        for part in _SPELLING.finditer(run[0])
    ]
    if not found:
        return None
    characters: list[str] = []
    spans: list[tuple[int, int]] = []
    done = 0
    for start, end, digit in [*found, (len(bones.text), len(bones.text), "")]:
        characters += bones.text[done:start]
        spans += (bones.span(place, place + 1) for place in range(done, start))
        if digit:
            characters.append(digit)
            spans.append(bones.span(start, end))
        done = end
    return Skeleton("".join(characters), [start for start, _ in spans], [end for _, end in spans])


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
