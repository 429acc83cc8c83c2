"""Where a photograph says that it was taken: read from its notes alone, its pixels are never unpacked."""

import struct
import threading
import warnings
from collections.abc import Mapping
from math import isfinite
from typing import Any

from PIL import Image

from core.message import Location

_GPS = 0x8825
_LAT_REF, _LAT, _LON_REF, _LON = 1, 2, 3, 4
_EXIF = b"Exif\x00\x00"
# What the list of a HEIC's items calls its notes.
_ITEM = b"Exif\x00"
_ORDERS = (b"MM\x00*", b"II*\x00")
# Between the beginning of a JPEG and its pixels; more than a camera ever writes.
_MOST_SEGMENTS = 100
_MOST_NOTES = 65_536
_PIXELS, _APP1 = 0xDA, 0xE1
_quiet = threading.Lock()
# All that the reader of such notes is known to raise over notes that were made to break it.
_UNREADABLE = (
    SyntaxError,
    ValueError,
    TypeError,
    KeyError,
    IndexError,
    OSError,
    ArithmeticError,
    AttributeError,
    RecursionError,
    struct.error,
)


def location_of(body: bytes) -> Location | None:
    """Returns the coordinates in a JPEG's or HEIC's notes, None when there are none that are a place on earth."""
    notes = _notes(body)
    if not notes:
        return None
    try:
        gps = _gps(notes)
        lat = _degrees(gps.get(_LAT), gps.get(_LAT_REF), "S")
        lon = _degrees(gps.get(_LON), gps.get(_LON_REF), "W")
    except _UNREADABLE:
        return None
    if not (isfinite(lat) and isfinite(lon) and abs(lat) <= 90 and abs(lon) <= 180) or (lat == lon == 0):
        return None
    return Location(round(lat, 6), round(lon, 6))


def _gps(notes: bytes) -> Mapping[int, Any]:
    # What is odd about a stranger's notes is nothing to tell anybody; one thread at a time changes who hears of it.
    with _quiet, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        exif = Image.Exif()
        exif.load(notes)
        return exif.get_ifd(_GPS)


def _notes(body: bytes) -> bytes:
    """Returns the block of notes, b"" when there is none."""
    if body.startswith(b"\xff\xd8"):
        return _of_jpeg(body)
    if body[4:8] == b"ftyp":
        # Where exactly they lie takes three tables to find out; their beginning is unmistakable.
        for order in _ORDERS:
            if (at := body.find(_EXIF + order)) >= 0:
                return body[at : at + _MOST_NOTES]
        # Some programs leave the name away, and say so by a distance of nothing before the notes.
        for order in _ORDERS if _ITEM in body[:_MOST_NOTES] else ():
            if (at := body.find(bytes(4) + order)) >= 0:
                return _EXIF + body[at + 4 :][:_MOST_NOTES]
    return b""


def _of_jpeg(body: bytes) -> bytes:
    at = 2
    for _ in range(_MOST_SEGMENTS):
        if len(body) < at + 4 or body[at] != 0xFF or body[at + 1] == _PIXELS:
            return b""
        length = int.from_bytes(body[at + 2 : at + 4], "big")
        if body[at + 1] == _APP1 and body[at + 4 : at + 10] == _EXIF:
            return body[at + 4 : at + 2 + length]
        at += 2 + max(length, 2)
    return b""


def _degrees(parts: Any, side: Any, negative: str) -> float:
    degrees, minutes, seconds = (float(part) for part in parts)
    found = degrees + minutes / 60 + seconds / 3600
    return -found if str(side).strip("\x00 ").upper().startswith(negative) else found
