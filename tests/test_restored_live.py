"""A real broker whose disk comes back as it was a while ago, under readers and a producer that go on running."""

import asyncio
import os
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TypeVar

import pytest
from aiokafka.partitioner import DefaultPartitioner

from core.errors import Unavailable
from streams._cluster import DEAD, Access, create_topics
from streams.base import INBOUND, ROUTED, Entry, Record
from streams.kafka import Kafka
from tests.live.broker import Broker

pytestmark = pytest.mark.skipif("EUNGDAPSO_LIVE_KAFKA" not in os.environ, reason="make live runs what needs Kafka")

GROUPS = {INBOUND: ("router",), ROUTED: ("cases",)}
PARTITIONS = 2
PREFIX = Access(url="").prefix
# Keys of the two partitions.
_keys = {DefaultPartitioner()(str(n).encode(), [0, 1], [0, 1]): str(n) for n in range(20)}
FIRST, OTHER = _keys[0], _keys[1]
LAST_SECONDS = 90
T = TypeVar("T")


class Disk:
    """A broker and what its disk holds of our topics; where the groups stand lies elsewhere."""

    def __init__(self, folder: Path) -> None:
        self._data, self._kept = folder / "data", folder / "kept"
        self.broker = Broker(data=self._data, is_light=True)

    def keep(self) -> None:
        self._while_it_is_off(lambda: shutil.copytree(self._data, self._kept))

    def restore(self, *names: str) -> None:
        self._while_it_is_off(lambda: self._put_back(names))

    def _put_back(self, names: Sequence[str]) -> None:
        for name in names:
            shutil.rmtree(self._data / name)
            shutil.copytree(self._kept / name, self._data / name)

    def _while_it_is_off(self, act: Callable[[], object]) -> None:
        self.broker.kill()
        act()
        self.broker.again()


class City:
    """A door and two processes that read for one group; knows what was acknowledged and what came."""

    def __init__(self, access: Access) -> None:
        self._streams = [Kafka(access, groups=GROUPS) for _ in range(3)]
        self.door = self._streams[0]
        self.handled: list[bytes] = []
        self._tasks: list[asyncio.Task[None]] = []

    async def open(self) -> None:
        for stream in self._streams:
            await stream.start()
        self._tasks = [asyncio.create_task(self._work(stream)) for stream in self._streams[1:]]

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for stream in self._streams:
            await stream.close()

    async def handles(self, name: str, count: int) -> None:
        """Publishes so many in the first partition, waits until all were handled; the other one is never quiet."""
        entries = [Entry(topic=INBOUND, key=FIRST, body=f"{name} {n}".encode()) for n in range(count)]
        await patiently(lambda: self.door.publish(*entries))
        wanted = {entry.body for entry in entries}
        async with asyncio.timeout(LAST_SECONDS):
            while wanted - set(self.handled):
                await patiently(lambda: self.door.publish(Entry(topic=INBOUND, key=OTHER, body=b"")))
                await asyncio.sleep(0.1)

    async def is_done(self) -> None:
        async with asyncio.timeout(LAST_SECONDS):
            while (await patiently(self.door.lags))["router"]:
                await asyncio.sleep(0.2)

    async def _work(self, stream: Kafka) -> None:
        while True:
            with suppress(Unavailable):
                async for batch in stream.read(INBOUND, "router"):
                    self.handled += [record.body for record in batch.records]
                    await patiently(partial(stream.commit, batch))
            await asyncio.sleep(0.1)


async def patiently(act: Callable[[], Awaitable[T]]) -> T:
    async with asyncio.timeout(LAST_SECONDS):
        while True:
            try:
                return await act()
            except Unavailable:
                await asyncio.sleep(0.2)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    made = Disk(tmp_path)
    made.broker.prepare()
    try:
        made.broker.start()
        yield made
    finally:
        made.broker.stop()


@pytest.fixture
async def city(disk: Disk) -> AsyncIterator[City]:
    access = Access(url=disk.broker.url)
    await create_topics(access, list(GROUPS), partitions=PARTITIONS, replication=1, in_sync=1, keep_days=1)
    made = City(access)
    await made.open()
    yield made
    await made.close()


async def test_what_comes_after_a_disk_was_restored_is_handled(disk: Disk, city: City) -> None:
    """A group stands behind the end of one partition, whose broker knows less of our producer than this one counts:
    both are set right by those that run, although others get on with the rest all the time."""
    letter = Record(topic=INBOUND, offset=0, key="k", body=b"")
    await city.handles("kept", 40)
    await city.door.park(letter, group="router", reason="kept")
    await asyncio.to_thread(disk.keep)
    await city.handles("lost", 40)
    for _ in range(2):
        await patiently(lambda: city.door.park(letter, group="router", reason="lost"))
    assert 3 == await patiently(city.door.parked_count)
    await city.is_done()
    before = city.door._sending._producer
    await asyncio.to_thread(disk.restore, f"{PREFIX}{INBOUND}-0", f"{PREFIX}{DEAD}-0")

    await city.handles("new", 10)
    await patiently(lambda: city.door.park(letter, group="router", reason="new"))

    await city.is_done()
    assert before is not city.door._sending._producer
    assert ["new", "kept"] == [one.reason for one in await city.door.parked()]
