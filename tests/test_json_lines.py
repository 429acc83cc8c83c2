"""Standard input holds anything: a line of JSON is taken, or refused with its number and what to write instead."""

import io
from typing import Any

import pytest

from core.errors import ConfigError
from pipeline.json_lines import read


def as_it_is(row: dict[str, Any]) -> dict[str, Any]:
    return row


def refused(row: dict[str, Any]) -> None:
    raise ConfigError(f"{row['text']}: no such thing")


def taken(data: bytes) -> list[dict[str, Any]]:
    return list(read(io.BytesIO(data), as_it_is))


@pytest.mark.parametrize(
    "data",
    [
        b'\xef\xbb\xbf{"text": "a"}\n',
        b'\r\n\n  \n{"text": "a"}\r\n\r\n',
        b'{"text": "b", "text": "a"}',
    ],
)
def test_what_other_programs_write_is_taken(data: bytes) -> None:
    """A byte order mark, line ends of Windows, empty lines, no last line end; of equal keys the last counts."""
    assert [{"text": "a"}] == taken(data)


@pytest.mark.parametrize(
    "line",
    [
        b"nonsense",
        b"[1]",
        b'{"id": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"a":' * 100_000,
        b'{"text": "\\ud800"}',
        b'{"text": "\xff"}',
        b'{"text": "\x00"}',
        b'{"lat": NaN}',
        b'{"lat": 1e999}',
        b'{"id": ' + b"9" * 10_000 + b"}",
        b'{"text": "' + b"a" * 2_000_000 + b'"}',
        b"\xff\xfe{\x00",
    ],
    ids=range(12),
)
def test_what_is_no_object_is_named(line: bytes) -> None:
    """The number of the line counts empty ones, too."""
    with pytest.raises(ConfigError, match=r"^standard input, line 3: .*Write one (flat )?JSON object a line$"):
        taken(b'{"text": "a"}\n\n' + line + b"\n")


def test_what_the_reader_refuses_is_named() -> None:
    """What was read may be quoted: it sends nothing to a terminal, and no page of it."""
    with pytest.raises(ConfigError) as caught:
        list(read(io.BytesIO(b'{"text": "\\u001b[2J' + b"a" * 10_000 + b'"}'), refused))

    (told,) = caught.value.mistakes
    assert told.startswith("standard input, line 1: ?[2Jaaa")
    assert len(told) < 500
