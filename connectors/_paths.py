"""Payloads that others shaped: decoded, read and written by paths such as `data.parts[0].text`."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Annotated, Any
from urllib.parse import parse_qsl

import msgspec
from pydantic import AfterValidator

from core.clock import SEOUL
from core.errors import Rejected
from core.text import clean

MOST_CHARACTERS = 200_000
MOST_NAME_CHARACTERS = 256
_MOST_FIELDS = 500
_MOST_PLACE = 100
_STEP = r"(?:[^\s.\[\]$]+|\[\d{1,4}\])"
_PATH = re.compile(rf"(?:(?:\$\.)?{_STEP}(?:\.{_STEP}|\[\d{{1,4}}\])*)?")


def _leads_somewhere(path: str) -> str:
    if not _PATH.fullmatch(path):
        raise ValueError(f"'{path}' is no path; write names with dots between, places as numbers: data.parts[0].text")
    return path


Path = Annotated[str, AfterValidator(_leads_somewhere)]


def decoded(body: bytes, content_type: str = "", charset: str = "utf-8") -> Any:
    """Returns what a body says: JSON, whatever it is called, or the fields of a form. Raises `Rejected`."""
    is_form = "urlencoded" in content_type and body.lstrip()[:1] not in (b"{", b"[")
    try:
        text = body if charset == "utf-8" else body.decode(charset)
        payload = _form(body, charset) if is_form else msgspec.json.decode(text)
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise Rejected("the body is no JSON and no form", status=400) from error
    if not isinstance(payload, dict | list):
        raise Rejected("the body is no JSON object")
    return payload


def at(payload: Any, path: str) -> Any:
    """Returns what stands there; None when nothing does."""
    if not path:
        return None
    for step in _steps(path):
        if isinstance(payload, dict):
            payload = payload.get(step)
        elif isinstance(payload, list) and step.isdigit() and int(step) < len(payload):
            payload = payload[int(step)]
        else:
            return None
    return payload


def put(payload: Any, path: str, value: Any) -> Any:
    """Returns the payload with this value there; it stays as it is where there is no path."""
    return _put(payload, _steps(path), value) if path else payload


def words(payload: Any, path: str, most_characters: int = MOST_CHARACTERS) -> str:
    """Returns the text that stands there, "" for none."""
    found = at(payload, path)
    if found is None:
        return ""
    if not isinstance(found, str):
        raise Rejected(f"{path} is no text")
    if len(found) > most_characters:
        raise Rejected(f"{path} is longer than {most_characters} characters")
    return clean(found)


def identifier(payload: Any, path: str) -> str:
    """Returns the id that stands there, a text or a whole number, "" for none."""
    found = at(payload, path)
    if isinstance(found, int) and not isinstance(found, bool) and abs(found) < 1 << 64:
        return str(found)
    return words(payload, path, MOST_NAME_CHARACTERS)


def number(payload: Any, path: str, most: float) -> float | None:
    """Returns the number that stands there, None for none."""
    found = at(payload, path)
    if found is None:
        return None
    if isinstance(found, bool) or not isinstance(found, int | float) or not abs(found) <= most:
        raise Rejected(f"{path} is no number between -{most:g} and {most:g}")
    return float(found)


def moment(payload: Any, path: str) -> datetime | None:
    """Returns the time that stands there: ISO 8601, 20261123101500, Unix seconds or milliseconds. Without a zone it
    is Seoul's."""
    found = at(payload, path)
    if found is None:
        return None
    try:
        if isinstance(found, int | float) and not isinstance(found, bool):
            return datetime.fromtimestamp(found / 1000 if abs(found) > 1e11 else found, UTC)
        if isinstance(found, str) and re.fullmatch(r"\d{14}", found, re.ASCII):
            found = f"{found[:8]}T{found[8:]}"
        moment = datetime.fromisoformat(found)
        return (moment if moment.tzinfo else moment.replace(tzinfo=SEOUL)).astimezone(UTC)
    except (TypeError, ValueError, OverflowError, OSError) as error:
        raise Rejected(f"{path} is no time") from error


@lru_cache(maxsize=512)
def _steps(path: str) -> tuple[str, ...]:
    return tuple(re.findall(r"[^.\[\]]+", path.removeprefix("$.")))


def _put(payload: Any, steps: Sequence[str], value: Any) -> Any:
    if not steps:
        return value
    first, rest = steps[0], steps[1:]
    if not (first.isdigit() and int(first) < _MOST_PLACE):
        named = payload if isinstance(payload, dict) else {}
        return {**named, first: _put(named.get(first), rest, value)}
    listed = list(payload) if isinstance(payload, list) else []
    listed += [{} for _ in range(int(first) + 1 - len(listed))]
    listed[int(first)] = _put(listed[int(first)], rest, value)
    return listed


def _form(body: bytes, charset: str) -> dict[str, str]:
    fields = parse_qsl(
        body.decode("ascii"), keep_blank_values=True, encoding=charset, errors="strict", max_num_fields=_MOST_FIELDS
    )
    return dict(fields)
