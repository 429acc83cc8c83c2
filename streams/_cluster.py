"""What is asked of a Kafka cluster besides reading and writing: its topics, and how far the groups are behind."""

import ssl
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError, TopicAlreadyExistsError

from core.errors import ConfigError, Unavailable

DEAD = "dead"
# A mail of 25 MB with what comes around it.
RECORD_BYTES = 64 * 1024 * 1024
_DAY_MS = 86_400_000


class Access(msgspec.Struct, frozen=True, kw_only=True):
    """How a cluster is reached: `url` is kafka://host:port,host:port; `prefix` begins all names there."""

    url: str
    prefix: str = "eungdapso."
    username: str = ""
    password: str = ""
    mechanism: str = "SCRAM-SHA-512"
    ca_file: str = ""
    tls: bool = False

    @property
    def servers(self) -> list[str]:
        return self.url.removeprefix("kafka://").rstrip("/").split(",")

    def name(self, topic: str) -> str:
        return self.prefix + topic

    def context(self) -> ssl.SSLContext | None:
        return ssl.create_default_context(cafile=self.ca_file or None) if self.tls or self.ca_file else None

    def arguments(self) -> dict[str, Any]:
        """Returns what every client of aiokafka is made with."""
        context = self.context()
        protocol = ("SASL_" if self.username else "") + ("SSL" if context else "PLAINTEXT")
        plain = {"bootstrap_servers": self.servers, "security_protocol": protocol, "ssl_context": context}
        if not self.username:
            return plain
        return plain | {
            "sasl_mechanism": self.mechanism,
            "sasl_plain_username": self.username,
            "sasl_plain_password": self.password,
        }

    def unavailable(self, error: Exception) -> Unavailable:
        why = str(error) or type(error).__name__
        return Unavailable(f"{self.url}: Kafka cannot be used now: {why}. Start it; it is tried again by itself")

    def __repr__(self) -> str:
        return f"Access({self.url})"


class Cluster:
    """Looks at topics and groups; reads no record."""

    def __init__(self, access: Access, groups: Mapping[str, Sequence[str]]) -> None:
        self._access = access
        self._groups = groups
        self._admin: AIOKafkaAdminClient | None = None
        self._consumer: AIOKafkaConsumer | None = None

    async def start(self) -> None:
        """Connects; raises `ConfigError` when a topic is missing."""
        self._admin = AIOKafkaAdminClient(**self._access.arguments())
        await self._admin.start()
        self._consumer = AIOKafkaConsumer(**self._access.arguments(), enable_auto_commit=False)
        await self._consumer.start()
        known = await self._consumer.topics()
        missing = [name for name in map(self._access.name, (*self._groups, DEAD)) if name not in known]
        if missing:
            raise ConfigError(
                f"{self._access.url}: there is no topic {', '.join(missing)}. Run: eungdapso topics create"
            )

    async def close(self) -> None:
        consumer, self._consumer = self._consumer, None
        admin, self._admin = self._admin, None
        if consumer is not None:
            await consumer.stop()
        if admin is not None:
            await admin.close()

    async def lags(self) -> dict[str, int]:
        """Returns for each group how many records it has before it."""
        return {group: await self._lag(topic, group) for topic, names in self._groups.items() for group in names}

    async def _lag(self, topic: str, group: str) -> int:
        admin, consumer = self._admin, self._consumer
        if admin is None or consumer is None:
            raise Unavailable(f"{self._access.url}: the stream is not open; start it")
        name = self._access.name(topic)
        described = await admin.describe_topics([name])
        parts = [TopicPartition(name, one["partition"]) for one in described[0]["partitions"]]
        # The place first: a record that comes in between makes the lag too large, never negative.
        places = await admin.list_consumer_group_offsets(self._access.name(group), partitions=parts)
        begins, ends = await consumer.beginning_offsets(parts), await consumer.end_offsets(parts)
        stands = {part: places[part].offset if part in places and places[part].offset >= 0 else -1 for part in parts}
        return sum(max(0, ends[part] - max(stands[part], begins[part])) for part in parts)


async def create_topics(
    access: Access, topics: Sequence[str], *, partitions: int, replication: int, in_sync: int, keep_days: int
) -> list[str]:
    """Creates the topics that are missing; returns their names. Raises `Unavailable`."""
    admin = AIOKafkaAdminClient(**access.arguments())
    made = []
    try:
        await admin.start()
        for topic in (*topics, DEAD):
            new = _topic(access.name(topic), topic == DEAD, partitions, replication, in_sync, keep_days)
            answer = await admin.create_topics([new])
            errors = {name: code for name, code, *_ in answer.topic_errors}
            if errors[new.name] == 0:
                made.append(new.name)
            elif errors[new.name] != TopicAlreadyExistsError.errno:
                raise ConfigError(f"{access.url}: {new.name} cannot be created (error {errors[new.name]})")
    except (KafkaError, OSError) as error:
        raise access.unavailable(error) from error
    finally:
        await admin.close()
    return made


def _topic(name: str, is_dead: bool, partitions: int, replication: int, in_sync: int, keep_days: int) -> NewTopic:
    settings = {"max.message.bytes": str(RECORD_BYTES), "min.insync.replicas": str(in_sync)}
    # What is parked stays until a person has looked; a retried one is taken out by its key.
    kept = {"cleanup.policy": "compact"} if is_dead else {"retention.ms": str(keep_days * _DAY_MS)}
    return NewTopic(name, 1 if is_dead else partitions, replication, topic_configs=settings | kept)
