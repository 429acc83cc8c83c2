"""What is asked of a Kafka cluster besides reading and writing: its topics, and how far the groups are behind."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple, TypeVar

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import CommitFailedError, KafkaError, NodeNotReadyError

from core import telemetry
from core.errors import ConfigError, Rejected, Unavailable
from streams._access import Access, ended
from streams._topics import DEAD, RECORD_BYTES, create_topics

# What is said of a cluster stands in three modules; whoever uses one finds it here.
__all__ = ["DEAD", "RECORD_BYTES", "Access", "Cluster", "create_topics", "rewind"]

_SPREAD_SECONDS, _PAUSE_SECONDS = 5.0, 0.2
# A broker that carries nothing any more is found out while somebody still waits for the answer.
_ANSWER_MS = 4_000
_ATTEMPTS = 6
BEHIND_THE_END = "the log ends before the group's place; everything in it comes again"

T = TypeVar("T")


class Stand(NamedTuple):
    """A group in a partition: the oldest record's offset, its own place (-1: none yet), the next record's offset."""

    begin: int
    place: int
    end: int

    @property
    def is_behind_the_end(self) -> bool:
        """The log is another one, or lost its end; one that grew beyond the place again since is not told from ours."""
        return self.place > self.end

    @property
    def next(self) -> int:
        """The offset of the first record that the group has not committed."""
        return self.begin if self.is_behind_the_end else max(self.begin, self.place)

    @property
    def lag(self) -> int:
        return self.end - self.next


# By group, then by partition.
Stands = Mapping[str, Mapping[int, Stand]]


def lags_of(stands: Stands) -> dict[str, int]:
    """Returns for each group how many records it has before it."""
    return {group: sum(stand.lag for stand in parts.values()) for group, parts in stands.items()}


class Cluster:
    """Looks at topics and groups; reads no record."""

    def __init__(self, access: Access, groups: Mapping[str, Sequence[str]]) -> None:
        self._access = access
        self._groups = groups
        self._admin: AIOKafkaAdminClient | None = None
        self._consumer: AIOKafkaConsumer | None = None

    async def start(self) -> None:
        """Connects; raises `ConfigError` when a topic is missing."""
        arguments = self._access.arguments() | {"request_timeout_ms": _ANSWER_MS}
        self._admin = AIOKafkaAdminClient(**arguments)
        await self._admin.start()
        self._consumer = AIOKafkaConsumer(**arguments, enable_auto_commit=False)
        await self._consumer.start()
        deadline = asyncio.get_running_loop().time() + _SPREAD_SECONDS
        while missing := await self._missing():
            # Whichever broker is asked may not have heard yet of topics that were made a moment ago.
            if asyncio.get_running_loop().time() > deadline:
                raise ConfigError(
                    f"{self._access.url}: there is no topic {', '.join(missing)}. Run: eungdapso topics create"
                )
            await asyncio.sleep(_PAUSE_SECONDS)

    async def _missing(self) -> list[str]:
        known = await self._consumer.topics() if self._consumer is not None else ()
        return [name for name in map(self._access.name, (*self._groups, DEAD)) if name not in known]

    async def close(self) -> None:
        consumer, self._consumer = self._consumer, None
        admin, self._admin = self._admin, None
        if consumer is not None:
            await ended(consumer.stop())
        if admin is not None:
            await ended(admin.close())

    async def lags(self) -> dict[str, int]:
        """Returns for each group how many records it has before it."""
        return lags_of(await self.stands())

    async def stands(self) -> Stands:
        """Returns where each group stands in each partition of its topic."""
        admin, _ = self._clients()
        names = {topic: self._access.name(topic) for topic in self._groups}
        described = await _asked(lambda: admin.describe_topics([*names.values()]))
        parts = {
            one["topic"]: [TopicPartition(one["topic"], part["partition"]) for part in one["partitions"]]
            for one in described
        }
        return {
            group: {part.partition: stand for part, stand in stands.items()}
            for topic, groups in self._groups.items()
            for group, stands in (await self._stands(parts[names[topic]], groups)).items()
        }

    async def _stands(
        self, parts: list[TopicPartition], groups: Sequence[str]
    ) -> dict[str, dict[TopicPartition, Stand]]:
        """Returns for each group where it stands in each of these partitions."""
        admin, consumer = self._clients()
        # The places first: a record that comes in between makes a lag too large, never negative.
        places = {group: await self._places(admin, self._access.name(group), parts) for group in groups}
        begins, ends = await consumer.beginning_offsets(parts), await consumer.end_offsets(parts)
        return {
            group: {part: Stand(begins[part], found.get(part, -1), ends[part]) for part in parts}
            for group, found in places.items()
        }

    async def _places(
        self, admin: AIOKafkaAdminClient, group: str, parts: list[TopicPartition]
    ) -> dict[TopicPartition, int]:
        found = await _asked(lambda: admin.list_consumer_group_offsets(group, partitions=parts))
        return {part: place.offset for part, place in found.items()}

    async def set_right(self, topic: str, group: str) -> None:
        """Sets a group that stands behind the end of its topic to the oldest record: else what comes would be skipped.

        Only where nobody reads for it: of those who do, each sets right what it has.
        """
        admin, _ = self._clients()
        name = self._access.name(topic)
        described = await _asked(lambda: admin.describe_topics([name]))
        parts = [TopicPartition(name, part["partition"]) for part in described[0]["partitions"]]
        stands = (await self._stands(parts, [group]))[group]
        wrong = {part: stand.begin for part, stand in stands.items() if stand.is_behind_the_end}
        if not wrong:
            return
        consumer = AIOKafkaConsumer(
            **self._access.arguments(), group_id=self._access.name(group), enable_auto_commit=False
        )
        try:
            await consumer.start()
            consumer.assign(parts)
            await consumer.commit(wrong)
        except CommitFailedError:
            # The place is taken from members alone: see `kafka._Reader.set_right`.
            return
        finally:
            await ended(consumer.stop())
        telemetry.warned(BEHIND_THE_END, group=group)

    async def begins(self, topic: str, group: str, partitions: Collection[int]) -> dict[int, int]:
        """Returns for each partition the offset of the first record that the group has not committed."""
        parts = [TopicPartition(self._access.name(topic), partition) for partition in partitions]
        stands = (await self._stands(parts, [group]))[group]
        if gone := sum(stand.begin - stand.place for stand in stands.values() if 0 <= stand.place < stand.begin):
            telemetry.warned(
                "records were deleted before they were read: keep_days is too short", group=group, count=gone
            )
        return {part.partition: stand.next for part, stand in stands.items()}

    async def first_from(self, topic: str, partition: int, offset: int) -> int | None:
        """Returns the offset of the first record from this one on, None when none came in time."""
        part = TopicPartition(self._access.name(topic), partition)
        arguments = self._access.arguments() | {"max_partition_fetch_bytes": RECORD_BYTES}
        consumer = AIOKafkaConsumer(**arguments, enable_auto_commit=False, auto_offset_reset="earliest")
        try:
            await consumer.start()
            consumer.assign([part])
            consumer.seek(part, offset)
            found = await consumer.getmany(part, timeout_ms=_ANSWER_MS)
        finally:
            await ended(consumer.stop())
        records = found.get(part, [])
        return records[0].offset if records else None

    def _clients(self) -> tuple[AIOKafkaAdminClient, AIOKafkaConsumer]:
        if self._admin is None or self._consumer is None:
            raise Unavailable(f"{self._access.url}: the stream is not open; start it")
        return self._admin, self._consumer


async def _asked(question: Callable[[], Awaitable[T]]) -> T:
    """Asks again when the client chose a broker that is gone, or does not know yet one that came back."""
    for _ in range(_ATTEMPTS - 1):
        try:
            return await question()
        except NodeNotReadyError:
            await asyncio.sleep(_PAUSE_SECONDS)
    return await question()


async def rewind(access: Access, topic: str, group: str, since: datetime) -> int:
    """Sets a group that nobody reads back to the first record since then; returns how many records come again.

    Never sets it forward. Raises `Rejected` while a process reads for the group, `Unavailable`.
    """
    consumer = AIOKafkaConsumer(**access.arguments(), group_id=access.name(group), enable_auto_commit=False)
    try:
        parts = await _unread(access, topic, group)
        await consumer.start()
        consumer.assign(parts)
        stands = {part: await consumer.committed(part) for part in parts}
        found = await consumer.offsets_for_times(dict.fromkeys(parts, int(since.timestamp() * 1000)))
        # Who has no place begins at the oldest record anyway; where nothing is so young, nothing comes again.
        firsts = {part: found[part].offset for part in parts if found[part] is not None and stands[part] is not None}
        back = {part: first for part, first in firsts.items() if first < stands[part]}
        if back:
            await consumer.commit(back)
        return sum(stands[part] - first for part, first in back.items())
    except (KafkaError, OSError) as error:
        raise await access.unavailable(error) from error
    finally:
        await consumer.stop()


async def _unread(access: Access, topic: str, group: str) -> list[TopicPartition]:
    """Returns the topic's partitions; raises `Rejected` when somebody reads for the group: the place is theirs."""
    name = access.name(topic)
    admin = AIOKafkaAdminClient(**access.arguments())
    try:
        await admin.start()
        described = await admin.describe_topics([name])
        answers = await admin.describe_consumer_groups([access.name(group)])
    finally:
        await admin.close()
    # Error, name, state, kind of protocol, protocol, members.
    readers = sum(len(one[5]) for answer in answers for one in answer.groups)
    if readers:
        raise Rejected(f"{group}: {readers} processes read for this group. Stop every process of its role, then again")
    return [TopicPartition(name, one["partition"]) for one in described[0]["partitions"]]
