"""Topics that somebody made otherwise than [kafka] says, on a real broker."""

import os
import secrets
from collections.abc import Mapping

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from msgspec.structs import asdict, replace

from streams._cluster import DEAD, Access, create_topics
from streams._topics import Shape, differences
from streams.base import INBOUND, ROUTED
from streams.kafka import Kafka

URL = os.environ.get("EUNGDAPSO_LIVE_KAFKA", "")
if not URL:
    pytest.skip("EUNGDAPSO_LIVE_KAFKA names no broker", allow_module_level=True)

GROUPS = {INBOUND: ("router",), ROUTED: ("cases",)}
MADE = Shape(partitions=2, replication=1, in_sync=1, keep_days=2)


@pytest.fixture
def access() -> Access:
    return Access(url=URL, prefix=f"topics-{secrets.token_hex(4)}.")


async def test_topics_of_our_own_lack_nothing(access: Access) -> None:
    """Nor do topics that have more than they should."""
    await create_topics(access, list(GROUPS), **asdict(MADE))

    assert [] == await differences(access, list(GROUPS), MADE)
    assert [] == await differences(access, list(GROUPS), replace(MADE, partitions=1, keep_days=1))


async def test_each_thing_that_is_less_is_one_line(access: Access) -> None:
    """With what it means for citizens, for all topics at once."""
    await create_topics(access, list(GROUPS), **asdict(MADE))
    wanted = Shape(partitions=24, replication=3, in_sync=2, keep_days=7)

    copies, in_sync, kept, parts = await differences(access, list(GROUPS), wanted)

    both = f"{access.name(INBOUND)} has {{0}}, {access.name(ROUTED)} has {{0}}"
    assert copies.startswith(f"copies: {both.format(1)}, {access.name(DEAD)} has 1; [kafka] replication says 3: ")
    assert in_sync.startswith(f"min.insync.replicas: {both.format(1)}")
    assert 'a citizen may hear "received" for a message that fewer disks have' in in_sync
    assert "--add-config min.insync.replicas=2" in in_sync
    assert kept.startswith(f"days kept: {both.format(2)}; [kafka] keep_days says 7: ")
    assert parts.startswith(f"partitions: {both.format(2)}; [kafka] partitions says 24: ")


async def test_topics_that_somebody_else_made(access: Access) -> None:
    """Too small for a mail, and dead letters that vanish: a start says so, and goes on."""
    await _made_by_hand(access, {INBOUND: {}, ROUTED: {}, DEAD: {"cleanup.policy": "delete"}})
    stream = Kafka(access, groups=GROUPS, shape=MADE)
    await stream.start()
    lacking = await differences(access, list(GROUPS), MADE)

    assert ["max.message.bytes", f"{access.name(DEAD)}"] == [line.partition(":")[0] for line in lacking]
    assert {"router": 0, "cases": 0} == await stream.lags()
    await stream.close()


async def _made_by_hand(access: Access, topics: Mapping[str, Mapping[str, str]]) -> None:
    admin = AIOKafkaAdminClient(**access.arguments())
    await admin.start()
    await admin.create_topics([NewTopic(access.name(name), 2, 1, topic_configs=more) for name, more in topics.items()])
    await admin.close()
