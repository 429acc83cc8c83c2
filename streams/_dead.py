"""Dead letters in a compacted topic: a record by its key, taken out by the same key without a value."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Any, Protocol

import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition

from core import telemetry
from core.ids import uuid7
from core.message import identity_of
from streams._access import ended
from streams._cluster import DEAD, RECORD_BYTES, Access
from streams.base import Parked, Record


class _Letter(msgspec.Struct, frozen=True, array_like=True):
    """What is written."""

    topic: str
    group: str
    key: str
    reason: str
    at: float
    body: bytes


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_Letter).decode


class Writes(Protocol):
    """A producer, or what stands before one."""

    async def send_and_wait(self, topic: str, value: bytes | None, *, key: bytes, partition: int) -> Any: ...


class Dead:
    """Follows the one partition of the topic; `id` is a letter's offset in it. What is in a letter stays there."""

    def __init__(self, access: Access) -> None:
        self._access = access
        self._part = TopicPartition(access.name(DEAD), 0)
        self._consumer: AIOKafkaConsumer | None = None
        # By the key under which it lies.
        self._ids: dict[bytes, int] = {}
        self._turn = asyncio.Lock()

    async def start(self) -> None:
        self._consumer = AIOKafkaConsumer(
            **self._access.arguments(),
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            max_partition_fetch_bytes=RECORD_BYTES,
        )
        await self._consumer.start()
        self._consumer.assign([self._part])
        self._consumer.pause(self._part)
        await self._consumer.seek_to_beginning(self._part)

    async def close(self) -> None:
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            await ended(consumer.stop())

    async def count(self) -> int:
        """Returns how many letters are parked."""
        await self._follow()
        return len(self._ids)

    async def ids(self) -> list[int]:
        """Returns the ids of what is parked, in order."""
        await self._follow()
        return sorted(self._ids.values())

    async def _follow(self) -> None:
        """Reads to the end of the topic."""
        consumer = self._consumer
        if consumer is None:
            return
        async with self._turn:
            end = await self._end(consumer)
            if await consumer.position(self._part) > end:
                # The log is another one, or lost its end.
                self._ids.clear()
                await consumer.seek_to_beginning(self._part)
            async for message in self._messages(consumer, end):
                self._take(message)

    async def all(self) -> list[Parked]:
        """Returns everything that is parked."""
        return await self.read(await self.ids())

    async def read(self, ids: Sequence[int]) -> list[Parked]:
        """Returns these letters, in order."""
        consumer, wanted = self._consumer, frozenset(ids)
        if consumer is None or not wanted:
            return []
        async with self._turn:
            place, end = await consumer.position(self._part), min(await self._end(consumer), max(wanted) + 1)
            consumer.seek(self._part, min(wanted))
            try:
                found = [one async for one in self._messages(consumer, end) if one.offset in wanted]
            finally:
                consumer.seek(self._part, place)
        return [_parked(one.offset, letter) for one in found if one.value and (letter := _letter(one.value))]

    async def add(self, writer: Writes, record: Record, group: str, reason: str, *, once: bool = False) -> int:
        """Parks a record; returns its id when it is durable. With `once`, the same again takes its own place."""
        letter = _Letter(record.topic, group, record.key, reason, time.time(), record.body)
        return await self._write(writer, _key(record, group) if once else uuid7(), letter)

    async def put(self, writer: Writes, key: str, one: Parked) -> int:
        """Parks what was parked elsewhere, with its time; again under the same key it takes its own place."""
        letter = _Letter(one.topic, one.group, one.key, one.reason, one.parked_at.timestamp(), one.body)
        return await self._write(writer, key, letter)

    async def _write(self, writer: Writes, key: str, letter: _Letter) -> int:
        done = await writer.send_and_wait(self._part.topic, _encode(letter), key=key.encode(), partition=0)
        return int(done.offset)

    async def forget(self, writer: Writes, ids: Sequence[int]) -> None:
        """Takes these out."""
        out = frozenset(ids)
        keys = [key for key, number in self._ids.items() if number in out]
        await asyncio.gather(*(writer.send_and_wait(self._part.topic, None, key=key, partition=0) for key in keys))

    async def _end(self, consumer: AIOKafkaConsumer) -> int:
        return int((await consumer.end_offsets([self._part]))[self._part])

    async def _messages(self, consumer: AIOKafkaConsumer, end: int) -> AsyncIterator[Any]:
        """Yields what there is from where the consumer stands, at least up to this offset."""
        # What waits at the broker for news would be waited for when something else is to be read.
        consumer.resume(self._part)
        try:
            while await consumer.position(self._part) < end:
                found = await consumer.getmany(self._part, timeout_ms=1000)
                for message in found.get(self._part, ()):
                    yield message
        finally:
            consumer.pause(self._part)

    def _take(self, message: Any) -> None:
        if message.value is None:
            self._ids.pop(message.key, None)
        elif _letter(message.value) is None:
            # Not ours to throw away; it stays in the topic and hides no other.
            telemetry.warned("not a dead letter", topic=self._part.topic, offset=message.offset)
        else:
            self._ids[message.key] = message.offset


def _letter(value: bytes) -> _Letter | None:
    try:
        return _decode(value)
    except msgspec.DecodeError:
        return None


def _parked(number: int, letter: _Letter) -> Parked:
    return Parked(
        id=number,
        topic=letter.topic,
        group=letter.group,
        key=letter.key,
        reason=letter.reason,
        parked_at=datetime.fromtimestamp(letter.at, UTC),
        body=letter.body,
    )


def _key(record: Record, group: str) -> str:
    body = blake2b(record.body).hexdigest()
    return identity_of(group, record.topic, str(record.offset), body).hex()
