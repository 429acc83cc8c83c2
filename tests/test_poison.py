"""Poison in every topic of a running pipeline: each record parks itself for each of its readers, the rest flow."""

import asyncio
import json
import os
import urllib.request
from typing import Any

import msgspec
import pytest
from aiokafka import AIOKafkaProducer

from bench.engines import KAFKA
from bench.instance import TOKEN, Instance
from bench.load import request
from pipeline.build import GROUPS, Plan, plan
from streams._cluster import DEAD
from streams.base import Entry
from tests.commands import asked

msgpack = msgspec.msgpack.encode
POISON = (b"", b"\x00", b"\xff" * 1024, b'{"text": "sealed by nobody"}', b"\x93\x01\x02\x03" * 65536)


@pytest.fixture(scope="module")
def instance(on_paper: Instance) -> Instance:
    return on_paper


def planned(instance: Instance) -> Plan:
    return plan(instance.config, {**instance.environment})


def publish(instance: Instance, *bodies: tuple[str, bytes]) -> None:
    async def published() -> None:
        stream = planned(instance).stream()
        await stream.start()
        await stream.publish(*(Entry(topic=topic, key="k", body=body) for topic, body in bodies))
        await stream.close()

    asyncio.run(published())


def dead(instance: Instance) -> list[Any]:
    done = asked(instance, "dead", "list", "--json")
    assert 0 == done.exit_code, done.output
    return list(json.loads(done.stdout))


def is_answered(instance: Instance, number: int) -> bool:
    """Whether a citizen's message that comes now gets its answer or notice."""
    before = len(list((instance.var / "outbox").rglob("*.json")))
    sid, text = f"SM{number:032d}", f"강남구 역삼동 골목에 쓰레기 무단투기가 심합니다 {number}"
    head, _, body = request(instance.base, TOKEN, sid, f"+8210{number:08d}", text).partition(b"\r\n\r\n")
    headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n")[1:])
    with urllib.request.urlopen(urllib.request.Request(f"{instance.base}/hooks/sms", body, headers)) as answer:
        assert 200 == answer.status
    instance.drain()
    return len(list((instance.var / "outbox").rglob("*.json"))) == before + 1


@pytest.mark.parametrize("topic", sorted(GROUPS))
def test_poison_parks_itself_once_for_each_reader(instance: Instance, topic: str) -> None:
    before = len(dead(instance))
    publish(instance, *((topic, body) for body in POISON))
    instance.drain()

    parked = dead(instance)[: len(POISON) * len(GROUPS[topic])]

    assert before + len(parked) == len(dead(instance))
    assert {topic} == {one["what"] for one in parked}
    assert sorted(GROUPS[topic] * len(POISON)) == sorted(one["group"] for one in parked)
    assert is_answered(instance, 100 + sorted(GROUPS).index(topic))


@pytest.mark.parametrize("topic", sorted(GROUPS))
def test_what_is_sealed_rightly_and_is_no_message_is_parked(instance: Instance, topic: str) -> None:
    """Somebody who has the key, or an older version, wrote something else."""
    seal = planned(instance).seal()
    before = len(dead(instance))
    publish(instance, *((topic, seal.seal(body)) for body in (b"", msgpack({"id": 7}), msgpack(["x"] * 10_000))))
    instance.drain()

    assert before + 3 * len(GROUPS[topic]) == len(dead(instance))
    assert is_answered(instance, 200 + sorted(GROUPS).index(topic))


@pytest.mark.skipif(KAFKA not in os.environ, reason="no Kafka broker was named")
@pytest.mark.parametrize("topic", [*sorted(GROUPS), DEAD])
def test_what_others_write_into_a_topic_stops_nobody(instance: Instance, topic: str) -> None:
    """Without a key, without a value, with headers, into any partition."""
    asyncio.run(_written_by_others(instance, topic))
    instance.drain()

    assert isinstance(dead(instance), list)
    assert is_answered(instance, 300 + [*sorted(GROUPS), DEAD].index(topic))


async def _written_by_others(instance: Instance, topic: str) -> None:
    access = planned(instance).engines.access()
    producer = AIOKafkaProducer(**access.arguments())
    await producer.start()
    for key, value in ((None, b"x"), (b"\xff\xfe", b""), (b"k", None), (b"", b"\x00" * 4096)):
        # A topic that is compacted takes nothing without a key.
        if key is not None or topic != DEAD:
            await producer.send_and_wait(access.name(topic), value, key=key, headers=[("h", b"\xff")])
    await producer.stop()
