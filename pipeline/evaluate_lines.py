"""Labelled lines: `{"text": …, "label": …}`; every line that is none is told with its number."""

from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from core.clock import parse_instant
from core.errors import ConfigError

NOTHING = "none"
"""The label of what belongs to none of the others; `oos` in files means the same."""
_OUTSIDE = frozenset({"", "none", "oos"})
_MOST_TOLD = 20
_MOST_BYTES = 1_000_000


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """A text and what it is. Several labels at once (the districts that it may be) are one, in their order."""

    number: int
    text: str
    label: str
    subject: str = ""
    lat: float | None = None
    lon: float | None = None
    at: datetime | None = None
    weight: float = 1.0

    @property
    def whole(self) -> str:
        """Subject and text as one; without a subject the text alone."""
        return f"{self.subject}\n{self.text}" if self.subject else self.text


class _Raw(msgspec.Struct, frozen=True):
    """What a line may carry; anything else in it is for others."""

    text: str
    label: str | list[str] | dict[str, str | None] | None
    subject: str = ""
    lat: float | None = None
    lon: float | None = None
    at: str = ""
    weight: float = 1.0


def read_lines(path: Path) -> list[Line]:
    """Returns the lines of a file, empty ones passed over; raises `ConfigError` with all that are wrong."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror or error}. Name a file of labelled lines") from error
    found: list[Line] = []
    mistakes: list[str] = []
    for number, raw in enumerate(data.removeprefix(b"\xef\xbb\xbf").splitlines(), start=1):
        if not raw.strip():
            continue
        try:
            found.append(_line(number, raw))
        except (msgspec.DecodeError, ValueError) as error:
            mistakes.append(f"{path}:{number}: {_said(error)}")
    if mistakes:
        more = [f"{path}: {len(mistakes) - _MOST_TOLD} more such lines"] if len(mistakes) > _MOST_TOLD else []
        raise ConfigError(*mistakes[:_MOST_TOLD], *more)
    if not found:
        raise ConfigError(f'{path}: no line in it. Write one {{"text": "…", "label": "…"}} a line')
    return found


def label_of(label: Any) -> str:
    """Returns a label as one word: a list in its order, {"action", "queue"} as "action queue"."""
    if isinstance(label, dict):
        return " ".join(str(label[key]) for key in ("action", "queue", "faq") if label.get(key))
    if isinstance(label, list):
        label = "+".join(sorted(label))
    return NOTHING if label is None or label.strip().lower() in _OUTSIDE else label.strip()


def _line(number: int, raw: bytes) -> Line:
    if len(raw) > _MOST_BYTES:
        raise ValueError(f"{len(raw)} bytes in one line are no message; at most {_MOST_BYTES} are read")
    given = msgspec.json.decode(raw, type=_Raw)
    if not 0 <= given.weight <= 1_000:
        raise ValueError("a weight lies between 0 and 1000")
    return Line(
        number=number,
        text=given.text,
        label=label_of(given.label),
        subject=given.subject,
        lat=given.lat,
        lon=given.lon,
        at=parse_instant(given.at) if given.at else None,
        weight=given.weight,
    )


def _said(error: Exception) -> str:
    if isinstance(error, UnicodeDecodeError):
        return "not UTF-8. Save the file as UTF-8"
    return f'{error}. Write {{"text": "…", "label": "…"}}'
