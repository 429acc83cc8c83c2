"""One JSON object a line, from standard input: whatever comes is taken, or refused with the number of its line."""

from collections.abc import Callable, Iterator
from typing import IO, Any, TypeVar

import msgspec

from core.errors import ConfigError

# A message of more is none.
_MOST_BYTES = 1_000_000
_MOST_SAID = 400
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_What = TypeVar("_What")


def read(
    stream: IO[bytes], make: Callable[[dict[str, Any]], _What], *, name: str = "standard input"
) -> Iterator[_What]:
    """Yields what `make` makes of each line that is not empty; of two equal keys the last counts.

    Raises `ConfigError` at the first that is no JSON object, too long, too deeply nested, or that `make` refuses.
    """
    number = 0
    while line := stream.readline(_MOST_BYTES + 1):
        number += 1
        if number == 1:
            line = line.removeprefix(_BYTE_ORDER_MARK)
        if not line.strip():
            continue
        try:
            made = make(_object(line))
        except ConfigError as error:
            raise ConfigError(*(f"{name}, line {number}: {_readable(one)}" for one in error.mistakes)) from error
        yield made


def _readable(mistake: str) -> str:
    """Returns what may stand in a terminal: what was read may be quoted in it."""
    plain = "".join(character if character.isprintable() else "?" for character in mistake)
    return plain if len(plain) <= _MOST_SAID else f"{plain[: _MOST_SAID // 2]} … {plain[-_MOST_SAID // 2 :]}"


def _object(line: bytes) -> dict[str, Any]:
    if len(line) > _MOST_BYTES:
        raise ConfigError(f"more than {_MOST_BYTES:,} bytes are no message. Write one JSON object a line")
    try:
        return msgspec.json.decode(line, type=dict[str, Any])
    except RecursionError as error:
        raise ConfigError("it is nested too deeply. Write one flat JSON object a line") from error
    except (msgspec.DecodeError, ValueError) as error:
        raise ConfigError(f"{error}. Write one JSON object a line") from error
