"""What Outlook packs RTF with (MS-OXRTFCP): repetitions of the last four thousand bytes."""

import struct

_HEAD = struct.Struct("<III4x")
_PACKED, _PLAIN = 0x75465A4C, 0x414C454D
# What the window holds before the first byte is written.
_BEFORE = (
    rb"{\rtf1\ansi\mac\deff0\deftab720{\fonttbl;}{\f0\fnil \froman \fswiss \fmodern \fscript \fdecor MS Sans Serif"
    rb"SymbolArialTimes New RomanCourier{\colortbl\red0\green0\blue0"
    b"\r\n"
    rb"\par \pard\plain\f0\fs20\b\i\u\tab\tx"
)
_WINDOW = 4_096
_MOST_BYTES = 400_000


def unpacked(packed: bytes) -> bytes:
    """Returns the RTF, at most its first million bytes; b"" when it is not packed as we know it."""
    if len(packed) < _HEAD.size:
        return b""
    _, size, kind = _HEAD.unpack_from(packed)
    size = min(size, _MOST_BYTES)
    if kind == _PLAIN:
        return packed[_HEAD.size :][:size]
    return bytes(_inflated(packed[_HEAD.size :], size)) if kind == _PACKED else b""


def _inflated(data: bytes, size: int) -> bytearray:
    made = bytearray(_BEFORE)
    first, end = len(made), len(made) + size
    # Where in the window a byte that was written lies: the window turns, what was made does not.
    position = 0
    while position < len(data) and len(made) < end:
        flags, position = data[position], position + 1
        for bit in range(8):
            if position >= len(data) or len(made) >= end:
                break
            if not flags >> bit & 1:
                made.append(data[position])
                position += 1
                continue
            reference = int.from_bytes(data[position : position + 2], "big")
            position += 2
            back = (len(made) - (reference >> 4)) % _WINDOW
            if not back:
                return made[first:end]
            _repeat(made, back, (reference & 15) + 2)
    return made[first:end]


def _repeat(made: bytearray, back: int, count: int) -> None:
    start = len(made) - back
    for place in range(start, start + count):
        # What the window never held is blank.
        made.append(made[place] if place >= 0 else 0x20)
