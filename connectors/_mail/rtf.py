"""Text in RTF, as Outlook packs it: of the marks only those are followed that make characters and lines."""

import re
from collections.abc import Iterator

from msgspec import Struct
from msgspec.structs import replace

from connectors._mail import decode, html, lzfu

_MOST_GROUPS = 1_000
_TOKEN = re.compile(
    rb"\\(?P<word>[a-zA-Z]{1,32})(?P<number>-?\d{1,10})?[ ]?"
    rb"|\\'(?P<byte>[0-9a-fA-F]{2})"
    rb"|\\(?P<sign>.)"
    rb"|(?P<brace>[{}])"
    rb"|[\r\n]+"
    rb"|(?P<text>[^\\{}\r\n]+)",
    re.DOTALL,
)
# Groups that hold no words of the author.
_ASIDE = frozenset(
    {
        "colortbl",
        "footer",
        "footerf",
        "footerl",
        "footerr",
        "header",
        "headerf",
        "headerl",
        "headerr",
        "info",
        "listtable",
        "object",
        "pict",
        "stylesheet",
        "themedata",
        "xmlnstbl",
    }
)
_CHARACTERS = {
    "par": "\n",
    "line": "\n",
    "row": "\n",
    "page": "\n",
    "sect": "\n",
    "tab": "\t",
    "cell": "\t",
    "emdash": "—",
    "endash": "–",
    "bullet": "•",
    "lquote": "‘",
    "rquote": "’",
    "ldblquote": "“",
    "rdblquote": "”",
}
_SIGNS = {"~": "\u00a0", "_": "-", "\n": "\n", "\r": "\n", "\\": "\\", "{": "{", "}": "}"}
# The code pages of fonts (fcharset) that are not the document's.
_PAGES = {128: "cp932", 129: "cp949", 130: "johab", 134: "gbk", 136: "big5", 204: "cp1251", 238: "cp1250"}


def text_of(packed: bytes) -> str:
    """Returns the words in packed RTF, "" when there are none; what is damaged is read as far as it goes."""
    return _Reading(lzfu.unpacked(packed)).text()


class _Group(Struct, frozen=True):
    """What holds until the group ends. `page` is "" for the document's; `skip` follows a character by its number."""

    is_aside: bool = False
    is_fonts: bool = False
    is_hidden: bool = False
    skip: int = 1
    page: str = ""


class _Reading:
    """One pass over the marks; groups are kept in a list, so that no depth of them breaks anything."""

    def __init__(self, rtf: bytes) -> None:
        self._rtf = rtf
        self._page = "cp1252"
        self._pages: dict[int, str] = {}
        self._font = self._default = 0
        self._group = _Group()
        self._groups: list[_Group] = []
        # Bytes of one code page that are to be decoded together.
        self._bytes = bytearray()
        self._found: list[str] = []
        self._left = html.CHARACTERS
        # How many characters stand in for one that was given by its number.
        self._to_skip = 0
        self._is_star = False

    def text(self) -> str:
        position = 0
        while self._left > 0 and (token := _TOKEN.match(self._rtf, position)):
            position = token.end()
            kind = token.lastgroup
            if token["word"]:
                position += self._word(token["word"].decode(), token["number"])
            elif kind == "brace":
                self._brace(token["brace"])
            elif kind == "byte":
                self._said(bytes((int(token["byte"], 16),)))
            elif kind == "sign":
                self._sign(token["sign"].decode("latin-1"))
            elif kind == "text":
                self._said(token["text"])
        self._flush()
        whole = "".join(self._found).encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
        return "\n".join(_lines(whole)).strip("\0 \n\t")

    def _word(self, word: str, given: bytes | None) -> int:
        """Follows a mark; returns how many bytes behind it are no text."""
        number = int(given) if given else None
        is_star, self._is_star = self._is_star, False
        if word == "bin":
            return max(0, number or 0)
        if is_star or word in _ASIDE:
            self._now(is_aside=True)
        elif word == "fonttbl":
            self._now(is_fonts=True)
        elif word == "u" and number is not None:
            self._character(chr(number % 65_536))
            self._to_skip = self._group.skip
        elif word in _CHARACTERS:
            self._character(_CHARACTERS[word])
        else:
            self._property(word, number)
        return 0

    def _property(self, word: str, number: int | None) -> None:
        if word == "ansicpg" and number:
            self._page = f"cp{number}"
        elif word == "deff":
            self._default = number or 0
        elif word == "uc":
            self._now(skip=min(max(number or 0, 0), 10))
        elif word == "v":
            self._now(is_hidden=number != 0)
        elif word == "f":
            self._font = number or 0
            self._turn(self._pages.get(self._font, ""))
        elif word == "plain":
            self._now(is_hidden=False)
            self._turn(self._pages.get(self._default, ""))
        elif word == "fcharset" and self._group.is_fonts and len(self._pages) < _MOST_GROUPS:
            self._pages[self._font] = _PAGES.get(number or 0, "")

    def _brace(self, brace: bytes) -> None:
        self._to_skip, self._is_star = 0, False
        if brace == b"{":
            # Deeper than anybody writes: what belongs to such a group is lost, never the place where it ends.
            self._groups.append(self._group if len(self._groups) < _MOST_GROUPS else _Group(is_aside=True))
        elif self._groups:
            group = self._groups.pop()
            self._turn(group.page)
            self._group = group

    def _sign(self, sign: str) -> None:
        if sign == "*":
            self._is_star = True
        elif sign in _SIGNS:
            self._character(_SIGNS[sign])

    def _said(self, said: bytes) -> None:
        skipped = min(self._to_skip, len(said))
        self._to_skip -= skipped
        if self._is_heard:
            self._bytes += said[skipped:]

    def _character(self, character: str) -> None:
        if self._to_skip:
            self._to_skip -= 1
        elif self._is_heard:
            self._flush()
            self._add(character)

    @property
    def _is_heard(self) -> bool:
        return not (self._group.is_aside or self._group.is_fonts or self._group.is_hidden)

    def _turn(self, page: str) -> None:
        if page != self._group.page:
            self._flush()
            self._now(page=page)

    def _now(self, **changes: object) -> None:
        self._group = replace(self._group, **changes)

    def _flush(self) -> None:
        if self._bytes:
            said, self._bytes = bytes(self._bytes), bytearray()
            self._add(decode.text_of(said, self._group.page or self._page))

    def _add(self, text: str) -> None:
        self._left -= len(text)
        self._found.append(text)


def _lines(text: str) -> Iterator[str]:
    """Returns the lines without blanks at their ends, and not more than one empty one in a row."""
    was_empty = True
    for line in text.splitlines():
        plain = line.strip(" \t\0")
        if plain or not was_empty:
            yield plain
        was_empty = not plain
