"""The stream in one SQLite file: no server, one machine, one or a few processes."""

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import msgspec

from core.errors import Unavailable
from streams._checks import check, writable
from streams._committer import Committer, Waiting
from streams._file import unavailable
from streams._identities import Identities
from streams._log import Log
from streams._reading import Reading
from streams._records import Done, News, Reader, Recent, Write, cut
from streams._wake import Bell, Ringer
from streams.base import INBOUND, Batch, Entry, Parked, Record, Stream

_DAY_SECONDS = 86_400
_MOVED_AT_ONCE = 32_768
_RECENT_BYTES = 4 * 1024 * 1024
# What may wait for the disk, whatever the number of records.
_WAITING_BYTES = 64 * 1024 * 1024
_LOOK_SECONDS = 0.05

T = TypeVar("T")


class Embedded(Stream):
    """Group commit with `synchronous = FULL`; reading on a connection of its own; readers woken, never polling.

    `path` is the log's file, beside it stand SQLite's own and the folder `<path>.wake`. `holding` names the groups
    whose lag holds up what comes from outside. `busy_seconds` is how long another program may hold the file's lock.
    Of several processes one `tidies`: it drops what every group has read.
    """

    def __init__(  # noqa: PLR0913 (each by its name, most with a default)
        self,
        path: Path,
        *,
        groups: Mapping[str, Sequence[str]],
        holding: Sequence[str] = ("router", "cases"),
        lag_limit: int = 20_000,
        keep_identities_days: float = 7,
        busy_seconds: float = 5.0,
        tidies: bool = True,
        unix_time: Callable[[], float] = time.time,
    ) -> None:
        self.groups = groups
        self._path = path
        self._folder = path.with_name(f"{path.name}.wake")
        self._holding: list[Reader] = [(t, group) for t, names in groups.items() for group in names if group in holding]
        self._lag_limit = lag_limit
        self._busy_seconds = busy_seconds
        self._tidies = tidies
        identities = Identities(keep_seconds=keep_identities_days * _DAY_SECONDS, move_at=_MOVED_AT_ONCE)
        self._log = Log(path, groups, identities=identities, busy_seconds=busy_seconds, unix_time=unix_time)
        self._ringer = Ringer(self._folder)
        self._bells: dict[str, list[Bell]] = {topic: [] for topic in groups}
        self._recent = {topic: Recent(most_bytes=_RECENT_BYTES) for topic in groups}
        self._stand = News(lasts={}, places={})
        self._waiting_records = self._waiting_bytes = 0
        self._look_at = 0.0
        self._committer: Committer | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._reading: Reading | None = None
        self._thread = ThreadPoolExecutor(1, "stream reading")

    async def start(self) -> None:
        self._loop = asyncio.get_running_loop()
        try:
            self._stand = await asyncio.to_thread(self._log.look)
        except (sqlite3.Error, OSError) as error:
            raise unavailable(self._path, error) from error
        self._reading = Reading(self._path, self._log.numbers, busy_seconds=self._busy_seconds)
        self._committer = Committer(self._log, self._tell, self._ring_others, tidies=self._tidies)
        self._committer.start()

    async def close(self) -> None:
        committer, self._committer = self._committer, None
        reading, self._reading = self._reading, None
        if committer is None or reading is None:
            return
        await asyncio.to_thread(committer.stop)
        await asyncio.get_running_loop().run_in_executor(self._thread, reading.close)
        self._thread.shutdown()
        self._ringer.close()
        for bell in [bell for bells in self._bells.values() for bell in bells]:
            bell.ring()

    async def publish(self, *entries: Entry) -> list[bool]:
        check(entries, self.groups)
        inbound = [len(entry.body) for entry in entries if entry.topic == INBOUND]
        if inbound:
            self._hold_back()
        write = Write(entries=entries, records=len(inbound), size=sum(inbound))
        return (await self._write(write)).is_new

    async def read(self, topic: str, group: str, *, most: int = 256) -> AsyncIterator[Batch]:
        bell = Bell(self._folder, group)
        self._bells[topic].append(bell)
        bell.hang()
        try:
            place = await self._ask(lambda reading: reading.place(topic, group))
            ahead: list[Record] = []
            while self._committer is not None:
                ahead = ahead or await self._after(topic, place, most, bell)
                if records := cut(ahead, most):
                    ahead = ahead[len(records) :]
                    place = records[-1].offset
                    yield Batch(topic=topic, group=group, records=tuple(records))
                else:
                    await bell.wait()
        finally:
            self._bells[topic].remove(bell)
            bell.take_down()

    async def commit(
        self, batch: Batch, *, publish: Sequence[Entry] = (), park: Sequence[tuple[Record, str]] = ()
    ) -> None:
        check(publish, self.groups)
        reader, place = (batch.topic, batch.group), batch.records[-1].offset
        parked = [(record, batch.group, writable(reason)) for record, reason in park]
        await self._write(Write(entries=publish, reader=reader, place=place, park=parked))

    @property
    def trouble(self) -> str:
        return self._committer.trouble if self._committer is not None else ""

    async def lags(self) -> dict[str, int]:
        return await self._ask(lambda reading: reading.lags(self.groups))

    async def parked_count(self) -> int:
        return await self._ask(lambda reading: reading.parked_count())

    async def parked(self, *, most: int = 1000, before: int | None = None) -> list[Parked]:
        return await self._ask(lambda reading: reading.parked(most, before))

    async def retry(self, ids: Sequence[int]) -> int:
        return (await self._write(Write(retry=ids))).retried

    async def park(self, record: Record, *, group: str, reason: str) -> int:
        return (await self._write(Write(park=[(record, group, writable(reason))]))).parked[0]

    def _hold_back(self) -> None:
        """Raises `Unavailable` when what comes from outside must wait for those who work on it."""
        if self._waiting_bytes > _WAITING_BYTES:
            raise Unavailable("backlog: the disk is behind; try again", retry_after_seconds=1)
        for topic, group in self._holding:
            lag = self._stand.lasts.get(topic, 0) - self._stand.places.get((topic, group), 0)
            lag += self._waiting_records if topic == INBOUND else 0
            if lag > self._lag_limit:
                self._look()
                raise Unavailable(f"backlog: {group} has {lag} records before it; try again", retry_after_seconds=1)

    def _look(self) -> None:
        # The group may work in another process: nothing is written here meanwhile that would tell of it.
        if self._loop and self._committer and self._loop.time() >= self._look_at:
            self._look_at = self._loop.time() + _LOOK_SECONDS
            self._committer.put(Write(), self._loop.create_future())

    async def _write(self, write: Write) -> Done:
        if self._committer is None or self._loop is None or self._committer.has_ended:
            raise Unavailable(f"{self._path}: the stream is not open; start it")
        future: asyncio.Future[Done] = self._loop.create_future()
        self._waiting_records += write.records
        self._waiting_bytes += write.size
        self._committer.put(write, future)
        return await future

    def _tell(self, waiting: list[Waiting], result: News | Unavailable) -> None:
        """Called in the committer's thread: once for each transaction, not for each record."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._hear, waiting, result)

    def _hear(self, waiting: list[Waiting], result: News | Unavailable) -> None:
        for write, _ in waiting:
            self._waiting_records -= write.records
            self._waiting_bytes -= write.size
        if isinstance(result, News):
            self._take_in(result)
        done = result.done if isinstance(result, News) else [result] * len(waiting)
        for (_, future), outcome in zip(waiting, done, strict=True):
            if future.done():
                continue
            if isinstance(outcome, Done):
                future.set_result(outcome)
            else:
                future.set_exception(type(outcome)(outcome.reason))

    def _take_in(self, news: News) -> None:
        before, self._stand = self._stand.lasts, news
        for topic, records in news.added.items():
            # Where nobody reads, nothing is kept for readers.
            if self._bells[topic]:
                self._recent[topic].add(records)
            else:
                self._recent[topic].clear()
        for topic, bells in self._bells.items():
            if bells and news.lasts[topic] != before[topic]:
                for bell in bells:
                    bell.ring()

    def _ring_others(self, topics: Iterable[str]) -> None:
        """Called in the committer's thread."""
        for topic in topics:
            here = {bell.group for bell in tuple(self._bells[topic])}
            self._ringer.ring(group for group in self.groups[topic] if group not in here)

    async def _after(self, topic: str, place: int, most: int, bell: Bell) -> list[Record]:
        if records := self._recent[topic].after(place, most):
            return records
        if not bell.is_from_outside and self._stand.lasts[topic] <= place:
            return []
        bell.is_from_outside = False
        return await self._ask(lambda reading: reading.records(topic, place, most))

    async def _ask(self, question: Callable[[Reading], T]) -> T:
        if self._reading is None or self._loop is None:
            raise Unavailable(f"{self._path}: the stream is not open; start it")
        try:
            return await self._loop.run_in_executor(self._thread, question, self._reading)
        except (sqlite3.Error, msgspec.DecodeError) as error:
            raise unavailable(self._path, error) from error
