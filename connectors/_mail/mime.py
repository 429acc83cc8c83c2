"""The parts of a mail, read straight from its bytes in bounded time: headers, transfer encodings, nesting.

The standard parser walks every line through one generator per level and fails on deep nesting; this one takes
offsets, stops at fixed limits, and keeps whatever it does not understand as a part of its own.
"""

import binascii
import re
from itertools import islice

import msgspec

from connectors._mail import decode, tnef

# Parts that hold bytes, texts among them; what only wraps others is not counted. Whatever comes behind them stays
# together as one more, on each level that was open.
PARTS = 200
DEPTH = 10
# A mail has one winmail.dat; those that it encloses may bring theirs.
_PACKS = 3
# Counting that, too, ends.
_MOST_COUNTED = 100_000
HEADERS = 1_000
HEADER_BYTES = 262_144


class Part(msgspec.Struct, kw_only=True):
    """One part: its headers (lower-case names, raw values, in order), its children or its bytes."""

    headers: list[tuple[bytes, bytes]]
    media_type: str = "text/plain"
    # What the header says, also when that is not what the part turned out to be.
    declared: str = ""
    params: dict[str, str] = {}
    body: bytes = b""
    children: list["Part"] = []

    def get(self, name: bytes) -> bytes:
        """Returns the first header of that name, b"" when there is none."""
        return next((value for key, value in self.headers if key == name), b"")

    def every(self, name: bytes) -> list[bytes]:
        return [value for key, value in self.headers if key == name]

    def has(self, name: bytes) -> bool:
        return any(key == name for key, _ in self.headers)

    def content(self) -> bytes:
        """Returns the bytes with the transfer encoding taken off."""
        encoding = self.get(b"content-transfer-encoding").strip().lower()
        if encoding == b"base64":
            return decode.base64(self.body)
        if encoding == b"quoted-printable":
            return binascii.a2b_qp(self.body)
        return self.body

    def leaves(self) -> list["Part"]:
        """Returns the parts that hold bytes, in reading order; `raw:<n>` counts them from 1."""
        if not self.children:
            return [self]
        return [leaf for child in self.children for leaf in child.leaves()]


def read(raw: bytes) -> Part:
    """Returns the mail as a tree of parts; never fails."""
    return _Reading(raw).part(0, len(raw), 0, "text/plain")


class _Reading:
    """One pass over one mail; counts the parts with bytes that it may still make."""

    def __init__(self, raw: bytes) -> None:
        self._raw = raw
        self._left = PARTS
        self._packs = _PACKS

    def part(self, start: int, end: int, depth: int, default: str) -> Part:
        headers, start = read_headers(self._raw, start, end)
        part = Part(headers=headers)
        media_type, part.params = decode.parameters(part.get(b"content-type"))
        part.declared = media_type
        part.media_type = media_type if media_type.count("/") == 1 and len(media_type) < 128 else default
        boundary = part.params.get("boundary", "").rstrip().encode()
        if part.media_type.startswith("multipart/") and boundary and depth < DEPTH:
            inner = "message/rfc822" if part.media_type == "multipart/digest" else "text/plain"
            part.children = self._children(start, end, boundary, depth + 1, inner)
        if not part.children:
            self._left -= 1
            part.body = self._raw[start:end]
            # A multipart without parts is a text that somebody labelled wrongly.
            if part.media_type.startswith("multipart/") and depth < DEPTH:
                part.media_type = "text/plain"
            if part.media_type in tnef.MEDIA_TYPES:
                part.children = self._packed(part)
        return part

    def _packed(self, part: Part) -> list[Part]:
        """What Outlook packed into one part; when that cannot be read, the part stays as it is."""
        if not self._packs:
            return []
        found = tnef.read(part.content(), max(1, self._left))
        self._left, self._packs = self._left - len(found), self._packs - 1
        return [
            Part(
                headers=[],
                media_type=one.media_type,
                params={"name": one.name} if one.name else {"charset": "utf-8"},
                body=one.data,
            )
            for one in found
        ]

    def _children(self, start: int, end: int, boundary: bytes, depth: int, default: str) -> list[Part]:
        children: list[Part] = []
        opened, position = -1, start
        while opened != end:
            line, after, closing = self._delimiter(position, end, b"--" + boundary)
            if opened >= 0:
                children.append(self.part(opened, self._before(opened, line, end), depth, default))
            if line == end or closing:
                break
            opened = position = after
            if self._left <= 0:
                children.append(_rest(self._raw[opened:end], boundary))
                break
        return children

    def _delimiter(self, position: int, end: int, line: bytes) -> tuple[int, int, bool]:
        """Returns where the next boundary line begins, where the line after it does, and whether it is the last."""
        raw, first = self._raw, position
        while (found := raw.find(line, position, end)) >= 0:
            position = found + len(line)
            if found > first and raw[found - 1] != 10:
                continue
            stop = raw.find(b"\n", position, min(end, position + 256))
            stop = stop if stop >= 0 else min(end, position + 256)
            rest = raw[position:stop].strip()
            if rest in (b"", b"--"):
                return found, min(stop + 1, end), rest == b"--"
        return end, end, False

    def _before(self, opened: int, line: int, end: int) -> int:
        """The line end before a boundary belongs to the boundary."""
        if line == end:
            return end
        line -= line > opened and self._raw[line - 1] == 10
        line -= line > opened and self._raw[line - 1] == 13
        return line


def _rest(raw: bytes, boundary: bytes) -> Part:
    """Returns all parts from one on as a mail of their own, which mail programs open; its name says how many."""
    others = re.finditer(rb"\n--" + re.escape(boundary) + rb"(?=[ \t\r]*(?:\n|\Z))", b"\n" + raw)
    count = 1 + sum(1 for _ in islice(others, _MOST_COUNTED))
    quoted = boundary.replace(b"\\", b"\\\\").replace(b'"', b'\\"')
    head = b'Content-Type: multipart/mixed; boundary="' + quoted + b'"\r\n\r\n--' + boundary + b"\r\n"
    return Part(
        headers=[],
        media_type="application/octet-stream",
        params={"name": f"나머지 첨부 {count}개.eml"},
        body=head + raw,
    )


def read_headers(raw: bytes, start: int, end: int) -> tuple[list[tuple[bytes, bytes]], int]:
    """Returns the headers and where the body begins. Lines that are no headers are passed over when headers follow;
    text that comes without a blank line is the body."""
    stop, body = _blank_line(raw, start, min(end, start + HEADER_BYTES))
    headers: list[tuple[bytes, bytes]] = []
    position, text_from = start, -1
    for line in raw[start:stop].split(b"\n", HEADERS)[:HEADERS]:
        name, colon, value = line.partition(b":")
        if line[:1] in (b" ", b"\t") and headers and text_from < 0:
            headers[-1] = (headers[-1][0], headers[-1][1] + b" " + line.strip())
        elif colon and _is_name(name.rstrip(b" \t")):
            headers.append((name.rstrip(b" \t").lower(), value.strip()))
            text_from = -1
        elif text_from < 0 and not line.startswith((b"From ", b">From ")):
            text_from = position
        position += len(line) + 1
    if text_from >= 0 and (body < 0 or not headers):
        return headers, text_from
    return headers, body if body >= 0 else min(position, end)


def _blank_line(raw: bytes, start: int, end: int) -> tuple[int, int]:
    """Returns where the header ends and where the body begins (-1: there is no blank line)."""
    for empty in (b"\r\n", b"\n"):
        if raw.startswith(empty, start, end):
            return start, start + len(empty)
    dos = raw.find(b"\n\r\n", start, end)
    unix = raw.find(b"\n\n", start, dos if dos >= 0 else end)
    if unix >= 0:
        return unix, unix + 2
    return (dos, dos + 3) if dos >= 0 else (end, -1)


def _is_name(name: bytes) -> bool:
    return 0 < len(name) < 128 and name.isascii() and b" " not in name and b"\t" not in name
