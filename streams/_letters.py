"""What people do with dead letters on Kafka: park one, look at them, publish them again."""

from collections.abc import AsyncIterator, Callable, Sequence

from core.message import identity_of
from streams._access import Access
from streams._checks import writable
from streams._dead import Dead
from streams._sending import Patience, Sending
from streams.base import Entry, Parked, Record

# So many are read at once, so that nothing takes longer than the patience lasts.
_SOME = 100


class Letters:
    """Raises `Unavailable` while the cluster does not answer."""

    def __init__(self, access: Access, sending: Sending, patience: Patience) -> None:
        self._dead = Dead(access)
        self._sending = sending
        self._patience = patience

    async def start(self) -> None:
        await self._dead.start()

    async def close(self) -> None:
        await self._dead.close()

    async def count(self) -> int:
        return await self._patience.finished(self._dead.count())

    async def add(self, record: Record, group: str, reason: str, *, once: bool = False) -> int:
        """Returns the letter's id when it is durable; with `once` the same record is not parked twice."""
        adding = self._dead.add(self._sending, record, group, writable(reason), once=once)
        return await self._patience.finished(adding)

    async def newest(self, most: int, before: int | None) -> list[Parked]:
        ids = [one for one in await self._patience.finished(self._dead.ids()) if before is None or one < before]
        return [letter async for some in self._read(ids[::-1][:most]) for letter in reversed(some)]

    async def retry(self, ids: Sequence[int], check: Callable[[list[Entry]], None]) -> int:
        """What is on the wire says nothing of a letter, and a transaction would take offsets that are no record. So it
        is in this process alone that a letter which was published and not yet taken out is known when it is tried
        again; elsewhere it is published twice, and recognised by whoever reads: see `pipeline.flow`.
        """
        wanted = sorted(set(ids).intersection(await self._patience.finished(self._dead.ids())))
        async for some in self._read(wanted):
            check([_again(letter) for letter in some])
        count = 0
        async for some in self._read(wanted):
            await self._sending.send_new([_again(letter) for letter in some])
            await self._patience.finished(self._dead.forget(self._sending, [letter.id for letter in some]))
            count += len(some)
        return count

    async def _read(self, ids: Sequence[int]) -> AsyncIterator[list[Parked]]:
        """Yields some of them after the other, in order each."""
        for begin in range(0, len(ids), _SOME):
            yield await self._patience.finished(self._dead.read(ids[begin : begin + _SOME]))


def _again(letter: Parked) -> Entry:
    # With its time: in a topic that was made anew other letters have the same places.
    identity = identity_of("dead", str(letter.id), letter.parked_at.isoformat())
    return Entry(topic=letter.topic, key=letter.key, body=letter.body, identity=identity)
