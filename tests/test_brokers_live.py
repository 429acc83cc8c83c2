"""Three real brokers with two copies in step: one may go, two may not, and whoever comes back is used again."""

import asyncio
import os
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from itertools import count

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition

from core.errors import Unavailable
from streams._cluster import Access, create_topics
from streams.base import INBOUND, ROUTED, Entry
from streams.kafka import Kafka
from tests.live.broker import Brokers

pytestmark = pytest.mark.skipif("EUNGDAPSO_LIVE_KAFKA" not in os.environ, reason="make live runs what needs Kafka")

GROUPS = {INBOUND: ("router",), ROUTED: ("cases",)}
# A machine that tests share takes its time to start three servers again.
LAST_SECONDS = 90
PARTITIONS = 6


class Intake:
    """Offers messages as citizens do, and reads what comes; knows what was acknowledged."""

    def __init__(self, stream: Kafka) -> None:
        self.stream = stream
        self.acknowledged: list[bytes] = []
        self.refused = 0
        self.read: Counter[bytes] = Counter()
        self._numbers = count()
        self.tasks = [asyncio.create_task(self._offer()) for _ in range(8)]
        self.tasks.append(asyncio.create_task(self._work()))

    async def acknowledges(self, more: int) -> None:
        """Waits until so many more were acknowledged."""
        wanted = len(self.acknowledged) + more
        await until(lambda: len(self.acknowledged) >= wanted)

    async def _offer(self) -> None:
        while True:
            body = str(next(self._numbers)).encode()
            try:
                await self.stream.publish(Entry(topic=INBOUND, key=body.decode(), body=body))
            except Unavailable:
                self.refused += 1
                await asyncio.sleep(0.2)
            else:
                self.acknowledged.append(body)
            await asyncio.sleep(0.01)

    async def _work(self) -> None:
        while True:
            with suppress(Unavailable):
                async for batch in self.stream.read(INBOUND, "router"):
                    self.read.update(record.body for record in batch.records)
                    await self.stream.commit(batch)
            await asyncio.sleep(0.1)


async def until(holds: object) -> None:
    assert callable(holds)
    async with asyncio.timeout(LAST_SECONDS):
        while not holds():
            await asyncio.sleep(0.1)


async def written(url: str) -> int:
    """Returns how many records there are."""
    consumer = AIOKafkaConsumer(bootstrap_servers=Access(url=url).servers)
    await consumer.start()
    parts = [TopicPartition(Access(url=url).name(INBOUND), number) for number in range(PARTITIONS)]
    try:
        return sum((await consumer.end_offsets(parts)).values())
    finally:
        await consumer.stop()


@pytest.fixture(scope="module")
def brokers() -> Iterator[Brokers]:
    made = Brokers(3)
    made.prepare()
    try:
        made.start()
        yield made
    finally:
        made.stop()


@pytest.fixture
async def intake(brokers: Brokers) -> AsyncIterator[Intake]:
    access = Access(url=brokers.url)
    await create_topics(access, list(GROUPS), partitions=PARTITIONS, replication=3, in_sync=2, keep_days=1)
    stream = Kafka(access, groups=GROUPS)
    await stream.start()
    made = Intake(stream)
    await made.acknowledges(50)
    yield made
    for task in made.tasks:
        task.cancel()
    await asyncio.gather(*made.tasks, return_exceptions=True)
    await stream.close()


async def test_brokers_go_and_come_back(brokers: Brokers, intake: Intake) -> None:
    """With two of three intake goes on; with one it says "try again"; afterwards everything acknowledged was read."""
    one, other, third = brokers.each
    third.pause()
    await intake.acknowledges(200)
    third.resume()
    # Two copies must be in step again before one of them may go.
    await intake.acknowledges(200)
    one.kill()
    await intake.acknowledges(200)
    other.kill()
    before = intake.refused
    await until(lambda: intake.refused >= before + 8)
    assert intake.stream.trouble
    one.begin()
    other.begin()
    await intake.acknowledges(200)

    # Whoever looks at readiness now sees none.
    await until(lambda: not intake.stream.trouble)
    assert 0 <= (await intake.stream.lags())["router"]
    for task in intake.tasks[:-1]:
        task.cancel()
    async with asyncio.timeout(LAST_SECONDS):
        while (await intake.stream.lags())["router"]:
            await asyncio.sleep(0.1)
    assert not set(intake.acknowledged) - set(intake.read)
    # No try of the client's own, while brokers were away, wrote anything twice.
    assert len(intake.read) >= await written(brokers.url)
