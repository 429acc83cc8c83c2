"""Bytes to text: charsets as mailers really label them, encoded words (RFC 2047), parameters (RFC 2231)."""

import binascii
import codecs
import re
from collections.abc import Sequence
from functools import lru_cache
from urllib.parse import unquote_to_bytes

from core.text import clean

_KOREAN_LABELS = frozenset({"cseuckr", "ks_c_5601", "windows-949", "x-windows-949", "iso-ir-149", "csksc56011987"})
# Codecs that take time or memory out of proportion, or that are no charsets, never see a stranger's bytes.
_CHARSET = re.compile(
    r"ascii|utf-?(8|16|32|7)(-sig|-le|-be)?|iso8859-\d+|cp\d+|koi8-\w|mac-roman|tis-620|johab"
    r"|gb2312|gbk|gb18030|big5(hkscs)?|hz|shift_jis\w*|euc_\w+|iso2022_\w+"
)
_NOT_ASCII_BASED = ("utf-16", "utf-32", "utf-7", "hz", "iso2022")
_SINGLE_BYTE = ("iso8859", "cp125", "mac-roman")
_WORD = re.compile(rb"=\?([^?\s]{1,60})\?([bBqQ])\?([^?]*)\?=")
_PARAMETER = re.compile(rb';\s*([^\s=;*"]{1,60})(?:\*(\d{1,3}))?(\*)?\s*=\s*("(?:[^"\\]|\\.)*"|[^;]*)')
_HEADER_BYTES = 65_536
_PARAMETER_BYTES = 8_192


def text_of(data: bytes, label: str = "") -> str:
    """Returns the text, never fails: the label is believed only as far as the bytes bear it out."""
    name = "iso2022_kr" if b"\x1b$)C" in data else codec_of(label)
    if data.isascii() and not name.startswith(_NOT_ASCII_BASED):
        return data.decode("ascii")
    for guess in _guesses(name):
        text = guess(data)
        if text is not None:
            return text
    return _loosely(data)


@lru_cache(512)
def codec_of(label: str) -> str:
    """Returns Python's name of the charset, "" when it is none that we read; Korean labels all mean cp949."""
    label = label.strip().strip("\"'").lower()
    if label in _KOREAN_LABELS or label.startswith("ks_c"):
        return "cp949"
    try:
        name = codecs.lookup(label).name if label.isascii() and label.isprintable() else ""
    except (LookupError, ValueError):
        return ""
    if name in ("gb2312", "gbk"):
        return "gb18030"
    if name in ("euc_kr", "cp949"):
        return "cp949"
    return name if _CHARSET.fullmatch(name) else ""


def header(value: bytes) -> str:
    """Returns a header's value on one line: encoded words decoded, raw octets guessed."""
    value = value[:_HEADER_BYTES]
    text = _words(value) if b"=?" in value else text_of(value)
    return clean(text).replace("\n", " ")


def base64(data: bytes) -> bytes:
    """Returns what can be read of damaged base64 too."""
    for tail in (b"", b"=", b"=="):
        try:
            return binascii.a2b_base64(data + tail)
        except binascii.Error:
            continue
    # One digit too many: the last one carries less than a byte.
    return base64(data.rstrip()[:-1]) if data.strip() else b""


def parameters(value: bytes) -> tuple[str, dict[str, str]]:
    """Returns `text/plain; charset=…` as its first word in lower case and its parameters, names in lower case."""
    value = value[:_PARAMETER_BYTES]
    pieces: dict[str, list[tuple[int, bool, bytes]]] = {}
    for name, index, star, raw in _PARAMETER.findall(value):
        pieces.setdefault(name.decode("latin-1").lower(), []).append((int(index or 0), bool(star), _unquoted(raw)))
    first = value.partition(b";")[0].decode("latin-1").strip().lower()
    return first, {name: _joined(found) for name, found in pieces.items()}


def _guesses(name: str) -> Sequence["_Guess"]:
    if name == "cp949":
        return (_utf8_if_wide, _mostly_utf8, _strict("cp949"))
    if name in ("", "ascii") or name.startswith("utf-8"):
        return (_strict("utf-8"), _mostly_utf8, _korean_if_hangul, _western_if_sparse, _strict("cp949"))
    if name.startswith(_SINGLE_BYTE):
        return (_strict("utf-8"), _korean_if_hangul, _strict(name))
    return (_strict(name), _strict("utf-8"), _strict("cp949"))


class _Guess:
    """One way to read bytes: the text, or None when they are not that."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __call__(self, data: bytes) -> str | None:
        try:
            return data.decode(self._name)
        except UnicodeError:
            return None


@lru_cache(128)
def _strict(name: str) -> _Guess:
    return _Guess(name)


class _Utf8IfWide(_Guess):
    """Labelled EUC-KR: a few syllables in EUC-KR are valid UTF-8 by accident, but never three bytes at a time."""

    def __call__(self, data: bytes) -> str | None:
        text = super().__call__(data)
        return text if text and max(text) >= "\u0800" else None


class _MostlyUtf8(_Guess):
    """One broken character in a long text does not make it another charset."""

    def __call__(self, data: bytes) -> str | None:
        text = data.decode("utf-8", "replace")
        broken = text.count("\ufffd")
        wide = sum(map("\u0800".__le__, text)) - broken
        return text if wide > 4 * broken else None


class _KoreanIfHangul(_Guess):
    """Not said to be Korean, but mostly syllables that people use (KS X 1001); accents look like rare ones."""

    def __call__(self, data: bytes) -> str | None:
        text = super().__call__(data) or ""
        wide = [character for character in text if character > "\x7f"]
        common = sum("가" <= character <= "힣" and len(character.encode("euc_kr", "ignore")) == 2 for character in wide)
        return text if wide and 2 * common >= len(wide) else None


class _WesternIfSparse(_Guess):
    """A few octets above 127 among many letters are accents."""

    def __call__(self, data: bytes) -> str | None:
        high = sum(map((127).__lt__, data))
        return super().__call__(data) if high * 5 < len(data) else None


_utf8_if_wide = _Utf8IfWide("utf-8")
_mostly_utf8 = _MostlyUtf8("utf-8")
_korean_if_hangul = _KoreanIfHangul("cp949")
_western_if_sparse = _WesternIfSparse("cp1252")


def _loosely(data: bytes) -> str:
    readings = [data.decode(name, "replace") for name in ("utf-8", "cp949")]
    return min(readings, key=lambda text: text.count("\ufffd"))


def _words(value: bytes) -> str:
    """Neighbouring words of one charset are joined as bytes first: mailers break them inside a character."""
    parts: list[str] = []
    label, waiting, end = b"", b"", 0
    for found in _WORD.finditer(value):
        between = value[end : found.start()]
        same = found[1].lower() == label and not between.strip()
        if not same:
            parts += [text_of(waiting, _plain(label)), text_of(between) if between.strip() or not end else ""]
            label, waiting = found[1].lower(), b""
        waiting += _word(found[2], found[3])
        end = found.end()
    return "".join([*parts, text_of(waiting, _plain(label)), text_of(value[end:])])


def _plain(label: bytes) -> str:
    return label.partition(b"*")[0].decode("latin-1")


def _word(encoding: bytes, data: bytes) -> bytes:
    if encoding in b"bB":
        return base64(data)
    return binascii.a2b_qp(data, header=True)


def _unquoted(raw: bytes) -> bytes:
    raw = raw.strip()
    if raw[:1] == b'"':
        raw = raw[1:-1] if raw.endswith(b'"') and len(raw) > 1 else raw[1:]
        return raw.replace(b'\\"', b'"').replace(b"\\\\", b"\\")
    return raw


def _joined(pieces: list[tuple[int, bool, bytes]]) -> str:
    """Segments in order; those with a star are percent-encoded, and the first of them names the charset."""
    pieces.sort(key=lambda piece: piece[0])
    if not any(star for _, star, _ in pieces):
        return header(b"".join(raw for _, _, raw in pieces))
    label, data = "", b""
    for number, (_, star, raw) in enumerate(pieces):
        if star and number == 0 and raw.count(b"'") >= 2:
            charset, _, raw = raw.split(b"'", 2)  # noqa: PLW2901 -- the rest of the segment
            label = charset.decode("latin-1")
        data += unquote_to_bytes(raw) if star else raw
    return clean(text_of(data, label)).replace("\n", " ")
