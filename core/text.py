"""Text as people mean it: one Unicode form, no invisible characters, and the tokens that search knows it by."""

import re
import unicodedata
from operator import add

_INVISIBLE = dict.fromkeys(
    [0xAD, 0x200B, 0x200C, 0x200E, 0x200F, 0x2060, 0xFEFF, *range(0x202A, 0x202F), *range(0x2066, 0x206A)]
)
_CONTROL = dict.fromkeys([*range(9), *range(11, 32), *range(0x7F, 0xA0)])
# Lone surrogates cannot be written as UTF-8; a broken payload may hold them.
_SURROGATES = dict.fromkeys(range(0xD800, 0xE000))
_DROP = _INVISIBLE | _CONTROL | _SURROGATES
_BLANKS = re.compile(r"[^\S\n]+")
_LINES = re.compile(r"\n{3,}")
_PIECE = 256
_MARKS = 64
_WORD = re.compile(r"[0-9a-z]+|[가-힣]+|[぀-ヿ]+|[㐀-鿿]+|[^\W\d_]+")


def clean(text: str) -> str:
    """Returns plain NFC text: line ends as \\n, no control or invisible characters, blanks folded, ends stripped."""
    text = _nfc(text.replace("\r\n", "\n").replace("\r", "\n"))
    text = _BLANKS.sub(" ", text.translate(_DROP))
    return _LINES.sub("\n\n", text).strip()


def _nfc(text: str) -> str:
    """NFC piece by piece: sorting one pile of a hundred thousand accents takes minutes, and such a pile is no text."""
    if len(text) <= _PIECE or text.isascii():
        return unicodedata.normalize("NFC", text)
    pieces: list[str] = []
    start = 0
    while start < len(text):
        end = start + _PIECE
        while end < min(len(text), start + _PIECE + _MARKS) and _joins(text[end]):
            end += 1
        pieces.append(unicodedata.normalize("NFC", text[start:end]))
        start = end
        while start < len(text) and _joins(text[start]):
            start += 1
    return "".join(pieces)


def _joins(character: str) -> bool:
    """Whether this may melt into the character before it: accents, vowel signs, the later letters of a syllable."""
    return unicodedata.category(character)[0] == "M" or "\u1160" <= character <= "\u11ff"


def fold(text: str) -> str:
    """Returns what two spellings of the same words share: NFKC, lower case."""
    return unicodedata.normalize("NFKC", text).lower()


def tokens(text: str) -> list[str]:
    """Returns search tokens: whole words for letters and digits, character bigrams for Hangul and Han.

    '쓰레기 배출' gives 쓰레, 레기, 배출; a single character stands for itself.
    """
    found: list[str] = []
    for word in _WORD.findall(fold(text)):
        if word[0] < "぀" or len(word) < 3:
            found.append(word)
        else:
            found += map(add, word, word[1:])
    return found
