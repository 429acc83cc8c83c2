"""The topics in Kafka: made as [kafka] says, and compared with it once they are there."""

import asyncio
from collections.abc import Mapping, Sequence

import msgspec
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaError, TopicAlreadyExistsError

from core.errors import ConfigError
from streams._access import Access

DEAD = "dead"
# A mail of 25 MB with what comes around it.
RECORD_BYTES = 64 * 1024 * 1024
_DAY_MS = 86_400_000
_SPREAD_SECONDS = 10
_IN_SYNC, _LARGEST, _KEPT, _TIDIED = "min.insync.replicas", "max.message.bytes", "retention.ms", "cleanup.policy"
_CHANGE = "kafka-configs.sh --alter --entity-type topics --add-config"


class Shape(msgspec.Struct, frozen=True, kw_only=True):
    """What [kafka] says of topics."""

    partitions: int
    replication: int
    in_sync: int
    keep_days: int


class _Seen(msgspec.Struct, frozen=True):
    """A topic as the cluster has it."""

    name: str
    is_dead: bool
    partitions: int
    copies: int
    settings: Mapping[str, str]

    def number(self, setting: str) -> int:
        """Returns a setting; one that the cluster does not tell us is taken for right."""
        value = int(self.settings.get(setting, -1))
        return value if value >= 0 else 2**63


async def create_topics(
    access: Access, topics: Sequence[str], *, partitions: int, replication: int, in_sync: int, keep_days: int
) -> list[str]:
    """Creates the topics that are missing; returns their names. Raises `Unavailable`."""
    shape = Shape(partitions=partitions, replication=replication, in_sync=in_sync, keep_days=keep_days)
    admin = AIOKafkaAdminClient(**access.arguments())
    made = []
    try:
        await admin.start()
        for topic in (*topics, DEAD):
            new = _new(access.name(topic), topic == DEAD, shape)
            answer = await admin.create_topics([new])
            errors = {name: (code, *why) for name, code, *why in answer.topic_errors}
            code, *why = errors[new.name]
            if code == 0:
                made.append(new.name)
            elif code != TopicAlreadyExistsError.errno:
                said = " ".join(str(one) for one in why if one) or f"error {code}"
                raise ConfigError(f"{access.url}: {new.name} cannot be created: {said}")
        await _spread(admin, made)
    except (KafkaError, OSError) as error:
        raise await access.unavailable(error) from error
    finally:
        await admin.close()
    return made


async def differences(access: Access, topics: Sequence[str], shape: Shape) -> list[str]:
    """Returns what the topics that are there lack of what [kafka] says, a line each. Raises `Unavailable`."""
    admin = AIOKafkaAdminClient(**access.arguments())
    try:
        await admin.start()
        return _lacking(await _seen(admin, access, topics), shape)
    except (KafkaError, OSError) as error:
        raise await access.unavailable(error) from error
    finally:
        await admin.close()


async def _seen(admin: AIOKafkaAdminClient, access: Access, topics: Sequence[str]) -> list[_Seen]:
    names = [access.name(topic) for topic in (*topics, DEAD)]
    asked = [ConfigResource(ConfigResourceType.TOPIC, name) for name in names]
    told: dict[str, dict[str, str]] = {}
    for answer in await admin.describe_configs(asked):
        for _error, _why, _type, name, entries in answer.resources:
            told[name] = {entry[0]: entry[1] for entry in entries}
    return [
        _Seen(
            name=one["topic"],
            is_dead=one["topic"] == access.name(DEAD),
            partitions=len(one["partitions"]),
            copies=min(len(part["replicas"]) for part in one["partitions"]),
            settings=told.get(one["topic"], {}),
        )
        for one in await admin.describe_topics(names)
        if one["partitions"]
    ]


def _lacking(seen: Sequence[_Seen], shape: Shape) -> list[str]:
    days = {one.name: one.number(_KEPT) // _DAY_MS for one in seen if not one.is_dead}
    copies = f"[kafka] replication says {shape.replication}: a broker that is lost may take messages along"
    in_sync = (
        f'[kafka] in_sync says {shape.in_sync}: a citizen may hear "received" for a message that fewer disks have. '
        f"Change them: {_CHANGE} {_IN_SYNC}={shape.in_sync}"
    )
    kept = f"[kafka] keep_days says {shape.keep_days}: a role that stands still that long loses records"
    large = f"a mail of 25 MB cannot be taken. Change them: {_CHANGE} {_LARGEST}={RECORD_BYTES}"
    parts = f"[kafka] partitions says {shape.partitions}: fewer processes of a role can work side by side"
    tidied = f"what is parked may vanish. Change it: {_CHANGE} {_TIDIED}=compact"
    found = [
        _line("copies", {one.name: one.copies for one in seen}, shape.replication, copies),
        _line(_IN_SYNC, {one.name: one.number(_IN_SYNC) for one in seen}, shape.in_sync, in_sync),
        _line(_LARGEST, {one.name: one.number(_LARGEST) for one in seen}, RECORD_BYTES, large),
        _line("days kept", days, shape.keep_days, kept),
        _line("partitions", {one.name: one.partitions for one in seen if not one.is_dead}, shape.partitions, parts),
        *(f"{one.name}: {tidied}" for one in seen if one.is_dead and one.settings.get(_TIDIED, "compact") != "compact"),
    ]
    return [line for line in found if line]


def _line(what: str, values: Mapping[str, int], least: int, meaning: str) -> str:
    """Returns one line for all topics that have less than that, "" when none has."""
    few = {name: value for name, value in values.items() if value < least}
    return f"{what}: {', '.join(f'{name} has {value}' for name, value in few.items())}; {meaning}" if few else ""


async def _spread(admin: AIOKafkaAdminClient, names: Sequence[str]) -> None:
    """Waits until the cluster knows its new topics: whoever starts a moment later would not find them."""
    deadline = asyncio.get_running_loop().time() + _SPREAD_SECONDS
    while names and any(one["error_code"] for one in await admin.describe_topics(list(names))):
        if asyncio.get_running_loop().time() > deadline:
            return
        await asyncio.sleep(0.1)


def _new(name: str, is_dead: bool, shape: Shape) -> NewTopic:
    settings = {_LARGEST: str(RECORD_BYTES), _IN_SYNC: str(shape.in_sync)}
    # What is parked stays until a person has looked; a retried one is taken out by its key.
    kept = {_TIDIED: "compact"} if is_dead else {_KEPT: str(shape.keep_days * _DAY_MS)}
    return NewTopic(name, 1 if is_dead else shape.partitions, shape.replication, topic_configs=settings | kept)
