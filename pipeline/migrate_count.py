"""How two places are compared: a count, and a digest that does not depend on the order in which things are read."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from hashlib import sha256
from typing import Any, Protocol, TypeVar

import msgspec

_DIGEST_BYTES = 32
_WRAPS = 1 << 8 * _DIGEST_BYTES
_canonical = msgspec.msgpack.Encoder(order="deterministic").encode

# How many sealed things of each kind are opened to try the key.
SAMPLED = 200
T = TypeVar("T")
# Told what is being done, how much of it is done, and how much there is (0: nobody knows).
Progress = Callable[[str, int, int], None]


class Tally(msgspec.Struct, frozen=True):
    """How many things there are, and the sum of their SHA-256 modulo 2^256."""

    count: int = 0
    digest: str = "0" * 2 * _DIGEST_BYTES

    def __str__(self) -> str:
        return f"{self.count:,} · {self.digest[:12]}"


class Compared(msgspec.Struct, frozen=True, kw_only=True):
    """One row of the final table: the same thing, read in the old place and in the new one."""

    part: str
    what: str
    old: Tally
    new: Tally
    note: str = ""

    @property
    def is_same(self) -> bool:
        return self.old == self.new


class Part(Protocol):
    """Something that moves by itself: the cases, the stream, the index, the payloads."""

    # As pipeline.toml calls the engine, and where that is now, without a password.
    name: str
    to: str

    def look(self) -> list[tuple[str, int]]:
        """Returns what there is to move, and how much of each."""

    def check(self) -> None:
        """Raises `ConfigError` when the target holds something that is not of this migration, or cannot be used;
        `Unavailable` when it does not answer. Changes nothing."""

    def begin(self) -> None:
        """Marks the target, where it can be marked, as one that nobody may use yet."""

    def move(self, progress: Progress) -> None:
        """Moves everything; after it was killed anywhere it may be done again."""

    def compare(self, progress: Progress) -> list[Compared]:
        """Reads both places anew."""

    def samples(self, *, new: bool) -> list[bytes]:
        """Returns some of what is sealed, as it lies in the old place or in the new one."""

    def finish(self) -> None:
        """Gives the target free; may be done again."""


class Sum:
    """Adds rows up, in whatever order they come."""

    def __init__(self) -> None:
        self._count = self._total = 0

    def add(self, row: Sequence[Any]) -> None:
        self._total += int.from_bytes(sha256(_canonical(row)).digest(), "big")
        self._count += 1

    @property
    def tally(self) -> Tally:
        return Tally(self._count, (self._total % _WRAPS).to_bytes(_DIGEST_BYTES, "big").hex())


def tally(rows: Iterable[Sequence[Any]]) -> Tally:
    """Counts and sums these rows."""
    total = Sum()
    for row in rows:
        total.add(row)
    return total.tally


def portions(things: Iterable[T], size: Callable[[T], int], *, most: int, most_bytes: int) -> Iterator[list[T]]:
    """Yields them in order, so many at once and no more bytes than that (but one at least): always the same portions
    of the same things."""
    portion: list[T] = []
    filled = 0
    for one in things:
        if portion and (len(portion) == most or filled + size(one) > most_bytes):
            yield portion
            portion, filled = [], 0
        portion.append(one)
        filled += size(one)
    if portion:
        yield portion
