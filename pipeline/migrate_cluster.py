"""A Kafka cluster as somebody sees it who reads for no group: everything in a topic, and who else reads."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from streams._cluster import RECORD_BYTES, Access

_PATIENCE_SECONDS, _PAUSE_SECONDS = 20.0, 0.2


class Whole:
    """Raises `KafkaError` and `OSError`. Each question connects by itself."""

    def __init__(self, access: Access) -> None:
        self._access = access

    async def records(self, topic: str) -> AsyncIterator[ConsumerRecord[bytes, bytes]]:
        """Yields everything that the topic has now; within a partition in order."""
        parts = await self._partitions(topic)
        consumer = AIOKafkaConsumer(
            **self._access.arguments(), enable_auto_commit=False, max_partition_fetch_bytes=RECORD_BYTES
        )
        await consumer.start()
        try:
            consumer.assign(parts)
            await consumer.seek_to_beginning(*parts)
            ends = await consumer.end_offsets(parts)
            left = {part for part, end in ends.items() if await consumer.position(part) < end}
            while left:
                found = await consumer.getmany(*left, timeout_ms=1000)
                for one in [one for some in found.values() for one in some]:
                    yield one
                left = {part for part in left if await consumer.position(part) < ends[part]}
        finally:
            await consumer.stop()

    async def _partitions(self, topic: str) -> list[TopicPartition]:
        admin = AIOKafkaAdminClient(**self._access.arguments())
        try:
            await admin.start()
            (described,) = await admin.describe_topics([self._access.name(topic)])
        finally:
            await admin.close()
        return [TopicPartition(described["topic"], one["partition"]) for one in described["partitions"]]

    async def has_readers(self, group: str) -> bool:
        """Returns whether a process reads for this group now."""
        admin = AIOKafkaAdminClient(**self._access.arguments())
        try:
            await admin.start()
            answers = await self._described(admin, group)
        finally:
            await admin.close()
        # Error, name, state, kind of protocol, protocol, members.
        return any(one[5] for answer in answers for one in answer.groups)

    async def _described(self, admin: AIOKafkaAdminClient, group: str) -> list[Any]:
        """A cluster that has just begun makes its own topics at the first question."""
        deadline = asyncio.get_running_loop().time() + _PATIENCE_SECONDS
        while True:
            try:
                return list(await admin.describe_consumer_groups([self._access.name(group)]))
            except KafkaError as error:
                if not error.retriable or asyncio.get_running_loop().time() > deadline:
                    raise
            await asyncio.sleep(_PAUSE_SECONDS)
