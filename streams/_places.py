"""Places in a partitioned log as one number, and what a group holds that it has not committed."""

import asyncio
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import NamedTuple

from streams._records import cut
from streams.base import Record

# More partitions than one topic of one city ever has.
_PARTITIONS = 4096
# So much may be handed over and not committed; then faust waits, and its fetches with it.
_MOST_HELD = 4096


def number_of(partition: int, offset: int) -> int:
    """Returns a number that grows with the offset within a partition and is another in each partition."""
    return offset * _PARTITIONS + partition


def place_of(number: int) -> tuple[int, int]:
    """Returns partition and offset."""
    return number % _PARTITIONS, number // _PARTITIONS


def places_of(records: Sequence[Record]) -> dict[int, int]:
    """Returns the last offset of each partition."""
    places: dict[int, int] = {}
    for record in records:
        partition, offset = place_of(record.offset)
        places[partition] = max(offset, places.get(partition, -1))
    return places


class Hole(NamedTuple):
    """Records that should have come between those before `wanted` and `got`, both offsets in `partition`."""

    partition: int
    wanted: int
    got: int


class Held:
    """Records in the order they came, until they are committed: of each partition without a hole, each once.

    A commit says that everything before it is done. What was skipped, for whatever reason, must never be behind one.
    """

    def __init__(self, topic: str) -> None:
        self.topic = topic
        self.has_ended = False
        # How many were ever taken in.
        self.taken = 0
        self._items: list[Record] = []
        # How many of them the reader has been given, and how many any reader before it.
        self._given = self._seen = 0
        self._places: dict[int, int] = {}
        # The offset that has to come next.
        self._next: dict[int, int] = {}
        self._news = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()

    async def room(self) -> None:
        """Waits while too much is held already."""
        await self._room.wait()

    def unknown(self, partitions: Iterable[int]) -> set[int]:
        """Returns the partitions of which nobody has said yet where they begin."""
        return set(partitions) - self._next.keys()

    def begin_at(self, begins: Mapping[int, int]) -> None:
        """The first offset that has to come of each partition."""
        self._next.update(begins)

    def add(self, records: Sequence[Record]) -> Hole | None:
        """Takes in what follows; what was taken in before is left out. Returns the hole at which it stopped."""
        hole = None
        for record in records:
            partition, offset = place_of(record.offset)
            wanted = self._next[partition]
            if offset > wanted:
                hole = Hole(partition, wanted, offset)
                break
            if offset >= wanted:
                self._next[partition] = offset + 1
                self._items.append(record)
                self.taken += 1
        self._tell()
        return hole

    @property
    def is_empty(self) -> bool:
        return not self._items

    def begin(self) -> None:
        self._given = 0

    def next(self, most: int) -> list[Record]:
        """Returns records that the reader was not given yet, no more bytes than a batch should have."""
        records = cut(self._items[self._given : self._given + most], most)
        self._given += len(records)
        self._seen = max(self._seen, self._given)
        return records

    async def changed(self, *, at_most_seconds: float = 1.0) -> None:
        """Waits for news; looks once in a while even when there are none."""
        self._news.clear()
        try:
            async with asyncio.timeout(at_most_seconds):
                await self._news.wait()
        except TimeoutError:
            return

    def is_behind(self, places: Mapping[int, int]) -> bool:
        """Whether all these places were committed before."""
        return all(self._places.get(partition, -1) >= offset for partition, offset in places.items())

    def has(self, places: Mapping[int, int]) -> bool:
        """Whether records at or before these places were given to some reader and are not committed."""
        return any(_is_within(record, places) for record in self._items[: self._seen])

    def commit(self, places: Mapping[int, int]) -> None:
        """Lets go of everything at or before these places that some reader was given."""
        for partition, offset in places.items():
            self._places[partition] = max(offset, self._places.get(partition, -1))
        given = [not _is_within(record, places) for record in self._items[: self._seen]]
        self._keep(given + [True] * (len(self._items) - self._seen))

    def drop(self, partitions: Collection[int]) -> None:
        """Lets go of what another process reads from now on."""
        self._keep([place_of(record.offset)[0] not in partitions for record in self._items])
        for partition in partitions:
            self._places.pop(partition, None)
            self._next.pop(partition, None)

    def end(self) -> None:
        self.has_ended = True
        self._room.set()
        self._news.set()

    def _keep(self, wanted: Sequence[bool]) -> None:
        self._given, self._seen = sum(wanted[: self._given]), sum(wanted[: self._seen])
        self._items = [item for item, kept in zip(self._items, wanted, strict=True) if kept]
        self._tell()

    def _tell(self) -> None:
        (self._room.set if len(self._items) < _MOST_HELD or self.has_ended else self._room.clear)()
        self._news.set()


class Stalled:
    """Notices a reader to whom nothing comes although much waits, and the waiting grows no shorter."""

    def __init__(self, seconds: float) -> None:
        self.is_so = False
        self._seconds = seconds
        self._seen = (0, 0)
        self._since: float | None = None

    def look(self, lag: int, taken: int, now: float) -> None:
        """Takes note of how many wait before the group and how many the reader ever got."""
        moves = taken != self._seen[1] or lag < self._seen[0]
        self._seen = (lag, taken)
        if not lag or moves:
            self._since = None
        elif self._since is None:
            self._since = now
        elif now - self._since > self._seconds:
            self.is_so = True


class Refused:
    """Notices that a place is refused again and again."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._since: float | None = None

    def lasts(self, now: float) -> bool:
        """Called at each refusal: whether the first of them is too long ago."""
        self._since = now if self._since is None else self._since
        return now - self._since > self._seconds

    def end(self) -> None:
        self._since = None


def _is_within(record: Record, places: Mapping[int, int]) -> bool:
    partition, offset = place_of(record.offset)
    return offset <= places.get(partition, -1)
