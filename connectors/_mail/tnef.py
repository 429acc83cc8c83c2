"""winmail.dat: what Outlook packs into one part for other Outlooks (MS-OXTNEF). Of it: the files and the text."""

import struct
from collections.abc import Iterator

import msgspec

from connectors._mail import decode, html, rtf

MEDIA_TYPES = ("application/ms-tnef", "application/vnd.ms-tnef")
_SIGNATURE = b"\x78\x9f\x3e\x22"
_HEAD = struct.Struct("<BII")
_BODY, _PROPERTIES, _CODE_PAGE = 0x0002800C, 0x00069003, 0x00069007
_NEW_FILE, _FILE_DATA, _FILE_TITLE, _FILE_PROPERTIES = 0x00069002, 0x0006800F, 0x00018010, 0x00069005
_TEXT, _RTF, _HTML, _INTERNET_CODE_PAGE = 0x1000, 0x1009, 0x1013, 0x3FDE
_LONG_NAME, _FILE_TYPE, _FILE_OBJECT = 0x3707, 0x370E, 0x3701
_STRING8, _UNICODE, _BINARY, _OBJECT = 0x1E, 0x1F, 0x102, 0x0D
_MANY, _NAMED = 0x1000, 0x8000
# Of a property's value; those that are not here say their length themselves.
_SIZES = {2: 4, 3: 4, 4: 4, 5: 8, 6: 8, 7: 8, 10: 4, 11: 4, 20: 8, 64: 8, 72: 16}
_ATTRIBUTES, _VALUES = 5_000, 2_000
_TEXT_BYTES = 1_000_000


class Found(msgspec.Struct, frozen=True):
    """A file that was packed in, or (without a name, text/plain) the text."""

    name: str
    media_type: str
    data: bytes


def read(data: bytes, most: int) -> list[Found]:
    """Returns what is packed in, the text too; of files the first so many. Nothing when it cannot be read; what is
    damaged is read as far as it goes."""
    if not data.startswith(_SIGNATURE):
        return []
    reading = _Reading()
    for level, attribute, value in _attributes(data):
        reading.take(level, attribute, value)
    return reading.found(most)


class _Reading:
    """What was found so far."""

    def __init__(self) -> None:
        self._page = ""
        self._plain = b""
        self._text = ""
        self._html = b""
        self._rtf = b""
        self._files: list[dict[str, bytes | str]] = []

    def take(self, level: int, attribute: int, value: bytes) -> None:
        if level == 1:
            self._of_message(attribute, value)
        elif attribute == _NEW_FILE:
            self._files.append({})
        elif self._files:
            self._of_file(self._files[-1], attribute, value)

    def found(self, most: int) -> list[Found]:
        text = self._text or decode.text_of(self._plain, self._page)
        if not text.strip() and self._html:
            text = html.text_of(decode.text_of(self._html, self._page))
        files = [one for file in self._files if (one := self._file(file))]
        if not text.strip("\0 \r\n\t") and self._rtf:
            # Behind the files: attachments that were counted before RTF was read keep their places.
            return [*files[: most - 1], *_as_text(rtf.text_of(self._rtf))]
        return [*_as_text(text), *files][:most]

    def _of_message(self, attribute: int, value: bytes) -> None:
        if attribute == _CODE_PAGE and len(value) >= 4:
            self._page = self._page or f"cp{int.from_bytes(value[:4], 'little')}"
        elif attribute == _BODY:
            self._plain = value[:_TEXT_BYTES].rstrip(b"\0")
        elif attribute == _PROPERTIES:
            for tag, kind, one in _properties(value):
                self._of_property(tag, kind, one[:_TEXT_BYTES])

    def _of_property(self, tag: int, kind: int, value: bytes) -> None:
        if tag == _INTERNET_CODE_PAGE and len(value) == 4:
            number = int.from_bytes(value, "little")
            self._page = "utf-8" if number == 65001 else f"cp{number}"
        elif tag == _TEXT and kind == _UNICODE:
            self._text = _wide(value)
        elif tag == _TEXT and kind == _STRING8:
            self._plain = value.rstrip(b"\0")
        elif tag == _HTML:
            self._html = value.rstrip(b"\0")
        elif tag == _RTF:
            self._rtf = value

    def _of_file(self, file: dict[str, bytes | str], attribute: int, value: bytes) -> None:
        if attribute == _FILE_DATA:
            file["data"] = value
        elif attribute == _FILE_TITLE:
            file.setdefault("name", decode.text_of(value.rstrip(b"\0"), self._page))
        elif attribute == _FILE_PROPERTIES:
            for tag, kind, one in _properties(value):
                text = _wide(one) if kind == _UNICODE else decode.text_of(one.rstrip(b"\0"), self._page)
                if tag == _LONG_NAME:
                    file["name"] = text
                elif tag == _FILE_TYPE:
                    file["type"] = text
                elif tag == _FILE_OBJECT and kind in (_BINARY, _OBJECT):
                    # An embedded message begins with the number of its kind.
                    file.setdefault("data", one[16:] if kind == _OBJECT else one)

    def _file(self, file: dict[str, bytes | str]) -> Found | None:
        name, kind, data = file.get("name", ""), file.get("type", ""), file.get("data", b"")
        if not isinstance(data, bytes) or not data:
            return None
        media_type = str(kind).strip().lower()
        is_type = media_type.count("/") == 1 and media_type.isascii() and media_type.isprintable()
        return Found(str(name) or "attachment.dat", media_type if is_type else "application/octet-stream", data)


def _as_text(text: str) -> list[Found]:
    return [Found("", "text/plain", text.encode("utf-8", "replace"))] if text.strip("\0 \r\n\t") else []


def _attributes(data: bytes) -> Iterator[tuple[int, int, bytes]]:
    position = len(_SIGNATURE) + 2
    for _ in range(_ATTRIBUTES):
        if position + _HEAD.size > len(data):
            return
        level, attribute, size = _HEAD.unpack_from(data, position)
        position += _HEAD.size
        yield level, attribute, data[position : position + size]
        # A checksum follows that says nothing we would act upon.
        position += size + 2


def _properties(data: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Returns tag, type and value of each property; ends where nothing can be told apart any more."""
    position = 4
    for _ in range(min(_VALUES, int.from_bytes(data[:4], "little"))):
        if position + 4 > len(data):
            return
        kind, tag = struct.unpack_from("<HH", data, position)
        position = _after_name(data, position + 4) if tag >= _NAMED else position + 4
        read = _values(data, position, kind)
        if read is None:
            return
        values, position = read
        yield from ((tag, kind & ~_MANY, value) for value in values[:1])


def _after_name(data: bytes, position: int) -> int:
    position += 16
    kind = int.from_bytes(data[position : position + 4], "little")
    size = int.from_bytes(data[position + 4 : position + 8], "little") if kind else 0
    return position + 8 + _padded(size)


def _values(data: bytes, position: int, kind: int) -> tuple[list[bytes], int] | None:
    size = _SIZES.get(kind & ~_MANY)
    count = 1
    if kind & _MANY or size is None:
        count, position = int.from_bytes(data[position : position + 4], "little"), position + 4
    if count > _VALUES or (size is None and kind & ~_MANY not in (_STRING8, _UNICODE, _BINARY, _OBJECT)):
        return None
    values: list[bytes] = []
    for _ in range(count):
        length, start = (
            (size, position) if size else (int.from_bytes(data[position : position + 4], "little"), position + 4)
        )
        if start + length > len(data):
            return None
        values.append(data[start : start + length])
        position = start + _padded(length)
    return values, position


def _padded(size: int) -> int:
    return size + -size % 4


def _wide(value: bytes) -> str:
    return value[: len(value) // 2 * 2].decode("utf-16-le", "replace").rstrip("\0")
