"""Dead letters in a compacted topic: a record by its key, taken out by the same key without a value."""

import asyncio
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Any

import msgspec
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

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


class Dead:
    """Follows the one partition of the topic; `id` is a letter's offset in it."""

    def __init__(self, access: Access) -> None:
        self._access = access
        self._part = TopicPartition(access.name(DEAD), 0)
        self._consumer: AIOKafkaConsumer | None = None
        self._letters: dict[bytes, Parked] = {}
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
        await self._consumer.seek_to_beginning(self._part)

    async def close(self) -> None:
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            await ended(consumer.stop())

    async def all(self) -> list[Parked]:
        """Returns what is parked, after reading to the end of the topic."""
        consumer = self._consumer
        if consumer is None:
            return []
        async with self._turn:
            end = (await consumer.end_offsets([self._part]))[self._part]
            while await consumer.position(self._part) < end:
                found = await consumer.getmany(self._part, timeout_ms=1000)
                for message in found.get(self._part, ()):
                    self._take(message)
            return list(self._letters.values())

    async def add(
        self, producer: AIOKafkaProducer, record: Record, group: str, reason: str, *, once: bool = False
    ) -> int:
        """Parks a record; returns its id when it is durable. With `once`, the same again takes its own place."""
        letter = _Letter(record.topic, group, record.key, reason, time.time(), record.body)
        return await self._write(producer, _key(record, group) if once else uuid7(), letter)

    async def put(self, producer: AIOKafkaProducer, key: str, one: Parked) -> int:
        """Parks what was parked elsewhere, with its time; again under the same key it takes its own place."""
        letter = _Letter(one.topic, one.group, one.key, one.reason, one.parked_at.timestamp(), one.body)
        return await self._write(producer, key, letter)

    async def _write(self, producer: AIOKafkaProducer, key: str, letter: _Letter) -> int:
        done = await producer.send_and_wait(self._part.topic, _encode(letter), key=key.encode(), partition=0)
        return int(done.offset)

    async def forget(self, producer: AIOKafkaProducer, ids: Sequence[int]) -> None:
        """Takes these out."""
        keys = [key for key, letter in self._letters.items() if letter.id in set(ids)]
        for key in keys:
            await producer.send_and_wait(self._part.topic, None, key=key, partition=0)

    def _take(self, message: Any) -> None:
        if message.value is None:
            self._letters.pop(message.key, None)
            return
        try:
            letter = _decode(message.value)
        except msgspec.DecodeError:
            # Not ours to throw away; it stays in the topic and hides no other.
            telemetry.warned("not a dead letter", topic=self._part.topic, offset=message.offset)
            return
        self._letters[message.key] = Parked(
            id=message.offset,
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
