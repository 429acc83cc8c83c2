"""What several processes do on one real broker: they come, go and are killed while records flow."""

import asyncio
import os
import threading
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, suppress
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from mode.threads import WorkerThread

from core.errors import Unavailable
from core.message import identity_of
from streams._cluster import Access, create_topics
from streams.base import INBOUND, ROUTED, Batch, Entry
from streams.kafka import Kafka

LIVE_KAFKA = "EUNGDAPSO_LIVE_KAFKA"
pytestmark = pytest.mark.skipif(LIVE_KAFKA not in os.environ, reason="no Kafka broker was named")

GROUPS: Mapping[str, Sequence[str]] = {INBOUND: ("router",), ROUTED: ("cases",)}
PARTITIONS, CONVERSATIONS = 4, 20
LAST_SECONDS = 90


class Town:
    """Workers on topics of their own; remembers what each handled, in order."""

    def __init__(self, folder: Path) -> None:
        self._access = Access(url=os.environ[LIVE_KAFKA], prefix=f"{identity_of(str(folder)).hex()}.")
        self.published: list[bytes] = []
        self._next = 0
        self.handled: list[bytes] = []
        self._running: dict[str, tuple[Kafka, asyncio.Task[None]]] = {}
        self._stack = AsyncExitStack()

    async def prepare(self) -> Kafka:
        await create_topics(self._access, list(GROUPS), partitions=PARTITIONS, replication=1, in_sync=1, keep_days=1)
        return await self.stream()

    async def publish_in_a_transaction(self) -> None:
        """As some other program might: the end of a transaction takes an offset of its own."""
        producer = AIOKafkaProducer(**self._access.arguments(), transactional_id=self._access.prefix)
        await producer.start()
        async with producer.transaction():
            for partition in range(PARTITIONS):
                body = f"{CONVERSATIONS + partition}:0".encode()
                await producer.send_and_wait(self._access.name(INBOUND), body, key=b"other", partition=partition)
                self.published.append(body)
        await producer.stop()

    async def stand_behind_the_end(self) -> None:
        """As after a broker came back with less than it had."""
        group = self._access.name("router")
        consumer = AIOKafkaConsumer(**self._access.arguments(), group_id=group, enable_auto_commit=False)
        await consumer.start()
        parts = [TopicPartition(self._access.name(INBOUND), partition) for partition in range(PARTITIONS)]
        consumer.assign(parts)
        await consumer.commit(dict.fromkeys(parts, 1000))
        await consumer.stop()

    async def make_anew(self) -> None:
        """The topic is deleted and made again, as short as it was once, while everybody runs."""
        admin = AIOKafkaAdminClient(**self._access.arguments())
        await admin.start()
        await admin.delete_topics([self._access.name(INBOUND)])
        await admin.close()
        while self._access.name(INBOUND) not in await self._made():
            await asyncio.sleep(0.5)
        self.published.clear()

    async def _made(self) -> list[str]:
        # Until its last file is gone, what is deleted is still there, or is refused.
        with suppress(Unavailable):
            return await create_topics(
                self._access, list(GROUPS), partitions=PARTITIONS, replication=1, in_sync=1, keep_days=1
            )
        return []

    async def stream(self) -> Kafka:
        stream = Kafka(self._access, groups=GROUPS, lag_limit=1_000_000)
        await stream.start()
        self._stack.push_async_callback(stream.close)
        return stream

    async def comes(self, name: str) -> None:
        stream = await self.stream()
        self._running[name] = stream, asyncio.create_task(self._work(stream))

    async def goes(self, name: str) -> None:
        stream, task = self._running.pop(name)
        await stream.close()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    async def publish(self, stream: Kafka, count: int) -> None:
        numbers = range(self._next, self._next + count)
        self._next += count
        entries = [
            Entry(topic=INBOUND, key=str(n % CONVERSATIONS), body=f"{n % CONVERSATIONS}:{n}".encode()) for n in numbers
        ]
        await stream.publish(*entries)
        self.published += [entry.body for entry in entries]

    async def all_handled(self, stream: Kafka, *, behind: int = 0) -> None:
        async with asyncio.timeout(LAST_SECONDS):
            while set(self.published) - set(self.handled) or sum((await stream.lags()).values()) > behind:
                await asyncio.sleep(0.2)

    async def close(self) -> None:
        for name in list(self._running):
            await self.goes(name)
        await self._stack.aclose()

    async def _work(self, stream: Kafka) -> None:
        while True:
            with suppress(Unavailable):
                async for batch in stream.read(INBOUND, "router", most=512):
                    self.handled += [record.body for record in batch.records]
                    # So that others come and go while a batch is worked on.
                    await asyncio.sleep(0.1)
                    await _committed(stream, batch)
            await asyncio.sleep(0.1)


async def _committed(stream: Kafka, batch: Batch) -> None:
    while True:
        try:
            return await stream.commit(batch)
        except Unavailable:
            await asyncio.sleep(0.1)


@pytest.fixture
async def town(tmp_path: Path) -> AsyncIterator[Town]:
    town = Town(tmp_path)
    yield town
    await town.close()


async def test_nothing_is_left_out_while_workers_come_and_go(town: Town) -> None:
    """Partitions change hands in the middle of batches; every record is handled, and all places are committed."""
    door = await town.prepare()
    await town.publish(door, 12000)
    await town.comes("first")
    await town.comes("second")
    await asyncio.sleep(1)
    await town.comes("third")
    await town.publish(door, 1000)
    await town.goes("first")
    await town.publish(door, 1000)
    await town.comes("fourth")
    await town.goes("third")

    await town.all_handled(door)

    assert set(town.published) == set(town.handled)


async def test_a_conversation_keeps_its_order_while_workers_come_and_go(town: Town) -> None:
    """What comes again comes behind itself: nobody sees a later record of a conversation first."""
    door = await town.prepare()
    await town.comes("first")
    await town.publish(door, 400)
    await town.comes("second")
    await town.publish(door, 400)
    await town.goes("first")

    await town.all_handled(door)

    seen: dict[bytes, list[bytes]] = defaultdict(list)
    for body in dict.fromkeys(town.handled):
        seen[body.partition(b":")[0]].append(body)
    told = {key: sorted(bodies, key=town.published.index) for key, bodies in seen.items()}
    assert told == seen


@pytest.mark.parametrize("seconds", [0.0, 0.02, 0.1, 0.4])
async def test_a_worker_that_goes_while_it_comes_leaves_nothing_behind(town: Town, seconds: float) -> None:
    """A thread that goes on would stay a member of the group, with partitions that nobody reads."""
    door = await town.prepare()
    await town.publish(door, 100)
    before = set(threading.enumerate())
    await town.comes("short")
    await asyncio.sleep(seconds)
    await town.goes("short")

    assert not [one for one in set(threading.enumerate()) - before if isinstance(one, WorkerThread)]
    await town.comes("next")
    await town.all_handled(door)


async def test_a_hole_of_the_log_itself_stops_nobody(town: Town) -> None:
    """Where an offset was never a record, what is behind it is handled all the same."""
    door = await town.prepare()
    await town.publish(door, 40)
    await town.publish_in_a_transaction()
    await town.publish(door, 200)
    await town.comes("first")

    # The end of a transaction at the end of a partition is no record that anybody could commit.
    await town.all_handled(door, behind=PARTITIONS)

    assert set(town.published) == set(town.handled)


async def test_a_group_that_stands_behind_the_end_gets_everything(town: Town) -> None:
    """A log that lost its end, or was made anew under an old place: what comes is not skipped."""
    door = await town.prepare()
    await town.stand_behind_the_end()
    await town.publish(door, 100)

    assert 100 == (await door.lags())["router"]
    await town.comes("first")
    await town.all_handled(door)
    assert set(town.published) == set(town.handled)


async def test_what_comes_after_a_topic_was_made_anew_is_handled(town: Town) -> None:
    """Two processes that read go on running; where they stood says nothing of the topic that they read now."""
    door = await town.prepare()
    await town.comes("first")
    await town.comes("second")
    await town.publish(door, 400)
    await town.all_handled(door)

    await town.make_anew()
    await town.publish(door, 40)

    await town.all_handled(door)
    assert 40 == len(town.published)
    assert set(town.published) <= set(town.handled)
