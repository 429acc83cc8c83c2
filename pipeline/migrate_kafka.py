"""What the message log still holds on its way to Kafka: in order, with its keys, and found again after a kill."""

import asyncio
import logging
from collections.abc import AsyncIterator, Collection, Coroutine, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

from aiokafka import AIOKafkaProducer, ConsumerRecord
from aiokafka.errors import KafkaError

from core.errors import ConfigError
from pipeline.engines import EMBEDDED
from pipeline.migrate_cluster import Whole
from pipeline.migrate_count import SAMPLED, Compared, Progress, Sum, Tally, portions, tally
from pipeline.migrate_log import Log
from streams._cluster import DEAD, RECORD_BYTES, Access, Cluster
from streams._dead import Dead
from streams.base import Parked, Record

# Says of a record which migration brought it, and where it stood in the log.
_HEADER = "eungdapso-moved"
_AT_ONCE, _BYTES_AT_ONCE = 1_000, 32_000_000
# As streams/kafka.py takes them.
_BODY_BYTES = RECORD_BYTES - 1024 * 1024
_LINGER_MS = 5

T = TypeVar("T")


class Topics:
    """From the log's file to the cluster. Every record goes to the partition that its conversation will always have."""

    name = "stream"

    def __init__(
        self, file: Path, access: Access, groups: Mapping[str, Sequence[str]], *, to: str, migration: str
    ) -> None:
        self._file = file
        self._access = access
        self._groups = groups
        self._migration = migration
        self._cluster = Whole(access)
        self.to = to

    def look(self) -> list[tuple[str, int]]:
        with Log(self._file, self._groups) as log:
            return [*((topic, log.count(topic)) for topic in self._groups), (DEAD, len(log.parked()))]

    def check(self) -> None:
        with Log(self._file, self._groups) as log:
            large = [r for topic in self._groups for r in log.records(topic) if len(r.body) > _BODY_BYTES]
        if large:
            raise ConfigError(
                f"{self._file}: a record of {len(large[0].body):,} bytes waits in {large[0].topic}; Kafka is given at "
                f'most {_BODY_BYTES:,}. Start once with stream = "{EMBEDDED}" and let it be worked off'
            )
        self._run(self._check())

    def begin(self) -> None:
        """Nothing is marked: whoever could read needs the case store as well."""

    def move(self, progress: Progress) -> None:
        self._run(self._move(progress))

    def compare(self, progress: Progress) -> list[Compared]:
        return self._run(self._compare(progress))

    def samples(self, *, new: bool) -> list[bytes]:
        with Log(self._file, self._groups) as log:
            old = {topic: {r.offset: r.body for r in islice(log.records(topic), SAMPLED)} for topic in self._groups}
        if not new:
            return [body for bodies in old.values() for body in bodies.values()]
        return self._run(self._arrived(old))

    def finish(self) -> None:
        """Nothing was marked."""

    async def _check(self) -> None:
        cluster = Cluster(self._access, self._groups)
        try:
            await cluster.start()
        finally:
            await cluster.close()
        groups = [group for groups in self._groups.values() for group in groups]
        if reading := [group for group in groups if await self._cluster.has_readers(group)]:
            raise ConfigError(f"{self.to}: somebody reads for {', '.join(reading)}. Stop every role everywhere first")
        for topic in (*self._groups, DEAD):
            if foreign := await self._foreign(topic):
                raise ConfigError(
                    f"{self.to}: {self._access.name(topic)} has {foreign:,} records that this migration did not bring. "
                    "Name another [kafka] prefix, or delete the topics and run: eungdapso topics create"
                )

    async def _foreign(self, topic: str) -> int:
        """Returns how many records of a topic this migration did not bring; of dead letters those that still count."""
        if topic != DEAD:
            return sum([1 async for one in self._cluster.records(topic) if self._place(one) is None])
        own = self._letter_key("").encode()
        counts = {one.key: one.value is not None async for one in self._cluster.records(DEAD)}
        return sum(still for key, still in counts.items() if not (key or b"").startswith(own))

    async def _move(self, progress: Progress) -> None:
        with Log(self._file, self._groups) as log:
            async with self._producing() as producer:
                for topic in self._groups:
                    there = {self._place(one) async for one in self._cluster.records(topic)}
                    wanted = (record for record in log.records(topic) if record.offset not in there)
                    await self._send(producer, topic, wanted, progress, log.count(topic), done=len(there))
                await self._park(producer, log.parked(), progress)

    async def _send(
        self,
        producer: AIOKafkaProducer,
        topic: str,
        records: Iterator[Record],
        progress: Progress,
        total: int,
        *,
        done: int,
    ) -> None:
        name = self._access.name(topic)
        progress(f"stream: {topic}", done, total)
        for some in portions(records, _size, most=_AT_ONCE, most_bytes=_BYTES_AT_ONCE):
            sent = [
                await producer.send(name, one.body, key=one.key.encode(), headers=[self._header(one.offset)])
                for one in some
            ]
            await asyncio.gather(*sent)
            done += len(some)
            progress(f"stream: {topic}", done, total)

    async def _park(self, producer: AIOKafkaProducer, letters: Sequence[Parked], progress: Progress) -> None:
        dead = Dead(self._access)
        done = 0
        progress(f"stream: {DEAD}", done, len(letters))
        for some in portions(letters, _size, most=_AT_ONCE, most_bytes=_BYTES_AT_ONCE):
            await asyncio.gather(*(dead.put(producer, self._letter_key(one.id), one) for one in some))
            done += len(some)
            progress(f"stream: {DEAD}", done, len(letters))

    async def _compare(self, progress: Progress) -> list[Compared]:
        compared = []
        with Log(self._file, self._groups) as log:
            for topic in self._groups:
                old = tally((one.offset, one.key.encode(), one.body) for one in log.records(topic))
                progress(f"comparing: {topic}", 0, old.count)
                compared.append(await self._compared(topic, old))
                progress(f"comparing: {topic}", old.count, old.count)
            letters = log.parked()
        return [*compared, Compared(part=self.name, what=DEAD, old=_letters(letters), new=_letters(await self._dead()))]

    async def _compared(self, topic: str, old: Tally) -> Compared:
        """Compares what came with what went. What came twice counts once; out of order, or not ours, it is another."""
        total, seen, astray = Sum(), set[int](), 0
        newest: dict[int, int] = {}
        async for one in self._cluster.records(topic):
            place = self._place(one)
            if place in seen:
                continue
            if place is None or place < newest.get(one.partition, 0):
                astray += 1
                total.add((None, one.key, one.value))
                continue
            seen.add(place)
            newest[one.partition] = place
            total.add((place, one.key, one.value))
        note = f"{astray:,} are not ours, or out of order: make the topics anew, then run this again" if astray else ""
        return Compared(part=self.name, what=topic, old=old, new=total.tally, note=note)

    async def _arrived(self, wanted: Mapping[str, Collection[int]]) -> list[bytes]:
        found: dict[tuple[str, int | None], bytes | None] = {}
        for topic, places in wanted.items():
            found |= {
                (topic, p): one.value async for one in self._cluster.records(topic) if (p := self._place(one)) in places
            }
        return [body for body in found.values() if body is not None]

    async def _dead(self) -> list[Parked]:
        dead = Dead(self._access)
        try:
            await dead.start()
            return await dead.all()
        finally:
            await dead.close()

    @asynccontextmanager
    async def _producing(self) -> AsyncIterator[AIOKafkaProducer]:
        producer = AIOKafkaProducer(
            **self._access.arguments(),
            acks="all",
            enable_idempotence=True,
            linger_ms=_LINGER_MS,
            max_request_size=RECORD_BYTES,
        )
        await producer.start()
        try:
            yield producer
        finally:
            await producer.stop()

    def _letter_key(self, place: object) -> str:
        return f"{self._migration}-{place}"

    def _header(self, offset: int) -> tuple[str, bytes]:
        return _HEADER, f"{self._migration}/{offset}".encode()

    def _place(self, one: "ConsumerRecord[bytes, bytes]") -> int | None:
        """Returns where this record stood in the log, None when this migration did not bring it."""
        migration, _, place = dict(one.headers).get(_HEADER, b"").decode("utf-8", "replace").partition("/")
        return int(place) if migration == self._migration and place.isdigit() else None

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        # What its loggers say at every attempt to connect we say once, with what now.
        logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
        try:
            return asyncio.run(work)
        except (KafkaError, OSError) as error:
            raise asyncio.run(self._access.unavailable(error)) from error


def _size(one: Record | Parked) -> int:
    return len(one.body)


def _letters(letters: Sequence[Parked]) -> Tally:
    return tally((one.topic, one.group, one.key, one.reason, one.parked_at.isoformat(), one.body) for one in letters)
