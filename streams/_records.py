"""What passes between the loop, the committer and the file: writes, news, blocks of records, the newest in memory."""

from collections.abc import Iterator, Sequence

import msgspec

from core.errors import Rejected
from streams.base import Entry, Record

# Topic and group.
Reader = tuple[str, str]

_BLOCK_BYTES = 1024 * 1024
BATCH_BYTES = 8 * 1024 * 1024
# What a record costs in memory besides its body, about.
_RECORD_BYTES = 200

_pack = msgspec.msgpack.Encoder().encode
_unpack = msgspec.msgpack.Decoder(list[tuple[str, bytes]]).decode


class Write(msgspec.Struct, kw_only=True, eq=False):
    """What one caller wants done in one transaction: entries published, records parked or taken back, a place moved.

    When `reader` already stands at `place` or beyond, nothing of all this is done.
    """

    entries: Sequence[Entry] = ()
    reader: Reader | None = None
    place: int = 0
    park: Sequence[tuple[Record, str, str]] = ()
    retry: Sequence[int] = ()
    # What counts as waiting for the disk from outside.
    records: int = 0
    size: int = 0


class Done(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one `Write`."""

    is_new: list[bool] = []
    parked: list[int] = []
    retried: int = 0


class News(msgspec.Struct, frozen=True, kw_only=True):
    """How the log stands after a transaction: what we added, the last offsets, the readers' places."""

    done: list[Done | Rejected] = []
    added: dict[str, list[Record]] = {}
    lasts: dict[str, int]
    places: dict[Reader, int]


def blocks(records: Sequence[Record]) -> Iterator[tuple[int, int, bytes]]:
    """Yields rows of the log: last offset, number of records, packed records; none much larger than it must be."""
    start = size = 0
    for i, record in enumerate(records):
        size += len(record.body)
        if size >= _BLOCK_BYTES:
            yield _block(records[start : i + 1])
            start, size = i + 1, 0
    if start < len(records):
        yield _block(records[start:])


def unblock(topic: str, last: int, count: int, packed: bytes) -> list[Record]:
    """Returns the records of one row."""
    first = last - count + 1
    return [Record(topic=topic, offset=first + i, key=key, body=body) for i, (key, body) in enumerate(_unpack(packed))]


def cut(records: list[Record], most: int) -> list[Record]:
    """Returns the first records: at most so many, and no more bytes than a batch should have (but one at least)."""
    records = records[:most]
    size = 0
    for i, record in enumerate(records):
        size += len(record.body)
        if size > BATCH_BYTES:
            return records[: max(i, 1)]
    return records


class Recent:
    """The newest records of one topic, without gaps, so that readers at the tail need no disk."""

    def __init__(self, *, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._records: list[Record] = []
        self._bytes = 0

    def add(self, records: list[Record]) -> None:
        """Takes in newer records; lets go of the oldest, and of all when others wrote in between."""
        if self._records and records[0].offset != self._records[-1].offset + 1:
            self.clear()
        self._records.extend(records)
        self._bytes += _size(records)
        while self._bytes > self._most_bytes and len(self._records) > 1:
            self._records = self._records[(len(self._records) + 1) // 2 :]
            self._bytes = _size(self._records)

    def after(self, offset: int, most: int) -> list[Record]:
        """Returns the records that follow `offset`; none when they are not kept here."""
        start = offset + 1 - self._records[0].offset if self._records else -1
        return self._records[start : start + most] if start >= 0 else []

    def clear(self) -> None:
        self._records, self._bytes = [], 0


def _block(records: Sequence[Record]) -> tuple[int, int, bytes]:
    return records[-1].offset, len(records), _pack([(record.key, record.body) for record in records])


def _size(records: Sequence[Record]) -> int:
    return sum(len(record.body) for record in records) + _RECORD_BYTES * len(records)
