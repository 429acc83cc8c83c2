"""Where a photograph was taken, and what a file is: read from bytes that may have been made to break the reader."""

import io
import random
import struct
from pathlib import Path

import pytest
from PIL import Image

from core.message import Location
from sinks._kinds import kind_of, objection
from sinks._photo import location_of

ALLOWED = ("image/", "application/pdf", "text/plain", "application/zip")
SEOUL = ((37, 34, 12), (126, 58, 41))


def photograph(lat: tuple[float, ...] = SEOUL[0], lon: tuple[float, ...] = SEOUL[1], sides: str = "NE") -> bytes:
    """Returns a JPEG that says where it was taken."""
    exif = Image.Exif()
    exif[0x8825] = {1: sides[0], 2: lat, 3: sides[1], 4: lon}
    out = io.BytesIO()
    Image.new("RGB", (8, 8)).save(out, "JPEG", exif=exif.tobytes())
    return out.getvalue()


def heic() -> bytes:
    """Returns what begins as a telephone's photograph does, with the notes of one."""
    notes = photograph()[6:]
    return b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic" + bytes(5_000) + b"\x00\x00\x00\x06" + notes


def test_a_photograph_says_where_it_was_taken() -> None:
    """Degrees, minutes and seconds become degrees."""
    assert Location(37.57, 126.978056) == location_of(photograph())


def test_south_and_west_are_negative() -> None:
    """A photograph from elsewhere lies elsewhere."""
    assert Location(-37.57, -126.978056) == location_of(photograph(sides="SW"))


def test_a_telephones_own_format_is_read() -> None:
    """HEIC has the same notes in another place."""
    assert Location(37.57, 126.978056) == location_of(heic())


@pytest.mark.parametrize("name", ["telephone", "bare"])
def test_photographs_of_real_encoders_are_read(name: str) -> None:
    """Two HEIC files as libheif writes them, HEVC pixels and all: with the notes' name before them, and without."""
    body = (Path(__file__).parent / "fixtures" / "photographs" / f"{name}.heic").read_bytes()

    assert ("image/heic", Location(37.57, 126.978056)) == (kind_of(body, named="", served=""), location_of(body))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff\xd8",
        b"\xff\xd8\xff\xe1",
        b"\xff\xd8\xff\xe1\x00\x00Exif\x00\x00",
        b"\xff\xd8\xff\xe1\xff\xffExif\x00\x00MM\x00*" + b"\xff" * 100,
        b"%PDF-1.7",
        photograph((0, 0, 0), (0, 0, 0)),
        photograph((99, 0, 0)),
        photograph((37, 34)),
        photograph()[:60],
    ],
)
def test_what_names_no_place_on_earth_says_nothing(body: bytes) -> None:
    """Empty, broken off, impossible, or the zero that broken devices write."""
    assert location_of(body) is None


def test_notes_made_to_break_the_reader_break_nothing() -> None:
    """Whatever byte of the notes is another one, there is a place or there is none."""
    chance, whole = random.Random(8), photograph()
    for _ in range(3_000):
        body = bytearray(whole)
        for _ in range(chance.randint(1, 6)):
            body[chance.randrange(4, min(len(body), 220))] = chance.randrange(256)
        found = location_of(bytes(body))

        assert found is None or (abs(found.lat) <= 90 and abs(found.lon) <= 180)


def test_a_picture_of_a_billion_pixels_costs_nothing() -> None:
    """Its pixels are never unpacked: what it claims to measure does not matter."""
    body = bytearray(photograph())
    at = body.find(b"\xff\xc0")
    body[at + 5 : at + 9] = struct.pack(">HH", 65_535, 65_535)

    assert Location(37.57, 126.978056) == location_of(bytes(body))


@pytest.mark.parametrize(
    ("body", "named", "served", "kind"),
    [
        (photograph(), "application/octet-stream", "", "image/jpeg"),
        (b"%PDF-1.7 ...", "image/jpeg", "image/jpeg", "application/pdf"),
        (heic(), "", "", "image/heic"),
        (b"RIFF\x00\x00\x00\x00WEBPVP8 ", "", "", "image/webp"),
        ("가로등".encode(), "text/plain", "application/octet-stream", "text/plain"),
        ("가로등".encode(), "application/octet-stream", "text/plain; charset=utf-8", "text/plain"),
        (b"?", "", "", "application/octet-stream"),
        (b"\n <!DOCTYPE html><html>", "image/jpeg", "image/jpeg", "text/html"),
        (b'<?xml version="1.0"?>\n<svg onload="x()">', "image/png", "", "image/svg+xml"),
    ],
)
def test_bytes_say_what_they_are(body: bytes, named: str, served: str, kind: str) -> None:
    """Before the message, and that before the host, who may both be wrong."""
    assert kind == kind_of(body, named=named, served=served)


@pytest.mark.parametrize(
    "body",
    [
        b"MZ\x90\x00",
        b"\x7fELF\x02",
        b"\xcf\xfa\xed\xfe\x0c",
        b"\xca\xfe\xba\xbe\x00",
        b"dex\n035",
        b"#!/bin/sh\n",
        b"MSCF\x00\x00",
        b"L\x00\x00\x00\x01\x14\x02\x00\x00",
        b"\x00asm\x01",
    ],
)
def test_programs_are_never_kept(body: bytes) -> None:
    """Whatever they are called."""
    kind = kind_of(body, named="image/jpeg", served="image/jpeg")

    assert "it is a program; such files are not kept" == objection("사진.jpg", kind, (*ALLOWED, "application/"))


@pytest.mark.parametrize(
    "name", ["a.exe", "사진.jpg.scr", "a.EXE ", "a.js.", "b.apk", "c.docm", "d.html", "e.lnk", "f.iso", "g.svg"]
)
def test_names_of_programs_are_never_kept(name: str) -> None:
    """Whatever their bytes look like."""
    assert "its name is that of a program" in objection(name, "application/zip", ALLOWED)


@pytest.mark.parametrize(
    ("name", "kind", "kept"),
    [
        ("사진.jpg", "image/jpeg", True),
        ("", "application/pdf", True),
        ("민원.hwp", "application/x-ole-storage", False),
        ("a", "application/octet-stream", False),
        ("a", "text/html", False),
        ("a.gif", "image/svg+xml", False),
        ("executive.pdf", "application/pdf", True),
    ],
)
def test_only_allowed_kinds_are_kept(name: str, kind: str, kept: bool) -> None:
    """By the setting; pages and drawings that can act are none of them, even where all pictures are."""
    assert kept == (objection(name, kind, ALLOWED) == "")
