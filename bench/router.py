"""The router role on Kafka beside a bare aiokafka consumer that asks the same desk, and two workers beside one.

Needs a broker: `python tests/live/broker.py` prints EUNGDAPSO_LIVE_KAFKA=…; or `python -m bench.router`, which starts
its own. Records wait in the topic before a worker begins; its pace is taken from the middle of its work.
"""

import asyncio
import os
import secrets
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from bench.engines import KAFKA
from bench.instance import SEAL, Instance
from bench.live import launcher
from bench.texts import texts
from core.message import Arrival, Author, Message
from pipeline.build import Plan, make_desk, prepared
from pipeline.decider import Decider
from pipeline.flow import door
from streams.base import INBOUND, ROUTED

_COUNT, _ROUNDS, _MOST = 30_000, 3, 512
# The share of the records between which the pace is taken: models are loaded before, and nobody waits for the last.
_BEGIN, _END = 0.3, 0.95
_FETCH_MS = 20


def rows(*, count: int = _COUNT, rounds: int = _ROUNDS) -> list[dict[str, Any]]:
    with ExitStack() as stack:
        if KAFKA not in os.environ:
            server = launcher("kafka")
            server.prepare()
            stack.callback(server.stop)
            os.environ[KAFKA] = server.start()
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="eungdapso-bench-")))
        ours, bare, two = [], [], []
        for number in range(rounds):
            ours.append(_pace(folder / f"ours{number}", ["ours"], count))
            bare.append(_pace(folder / f"bare{number}", ["bare"], count))
            two.append(_pace(folder / f"two{number}", ["ours", "ours"], count))
            sys.stderr.write(f"ours {ours[-1]:.0f}/s · bare {bare[-1]:.0f}/s · two {two[-1]:.0f}/s\n")
    one = statistics.median(ours)
    cores = len(os.sched_getaffinity(0))
    return [
        _row("router role on Kafka, one worker", one, statistics.median(bare), "a bare aiokafka consumer"),
        _row("router role on Kafka, two workers", statistics.median(two), one, f"one worker; {cores} cores"),
    ]


def _row(what: str, ours: float, peer: float, note: str) -> dict[str, Any]:
    return {"what": what, "ours": ours, "peer": peer, "limit": None, "unit": "messages/s", "ratio": ours / peer} | {
        "note": f"peer: {note}"
    }


def _pace(folder: Path, kinds: Sequence[str], count: int) -> float:
    """Returns the messages a second that these workers do together."""
    seal = {SEAL: secrets.token_hex(32)}
    instances = [Instance(folder / str(number), extra=seal) for number in range(len(kinds))]
    shared, environment = instances[0].config, instances[0].environment
    instances[0].engines.prepare(shared, environment)
    asyncio.run(_fill(shared, environment, count))
    with ExitStack() as stack:
        for kind, instance in zip(kinds, instances, strict=True):
            _started(stack, kind, shared, environment | {"EUNGDAPSO_VAR": str(instance.var)})
        return asyncio.run(_watched(shared, environment, count))


def _started(stack: ExitStack, kind: str, config: Path, environment: dict[str, str]) -> None:
    command = {
        "ours": ["-m", "pipeline", "run", "--role", "router", "--config", str(config)],
        "bare": ["-m", "bench.router", "--bare", str(config)],
    }[kind]
    with (config.parent / "worker.log").open("ab") as log:
        process = subprocess.Popen([sys.executable, *command], env=environment, stdout=log, stderr=log)
    stack.callback(process.wait)
    stack.callback(process.send_signal, signal.SIGTERM)


def _planned(config: Path, environment: dict[str, str]) -> Plan:
    os.environ.update(environment)
    return prepared(config)


async def _fill(config: Path, environment: dict[str, str], count: int) -> None:
    plan = _planned(config, environment)
    stream = plan.stream()
    await stream.start()
    accept, words = door(stream, plan.seal()), texts(1000)
    for begin in range(0, count, _MOST):
        await accept([_arrival(number, words) for number in range(begin, min(begin + _MOST, count))])
    await stream.close()


def _arrival(number: int, words: Sequence[str]) -> Arrival:
    who = f"+8210{number:08d}"
    message = Message(
        id=f"m{number}",
        channel="sms",
        account="+8225550120",
        native_id=f"SM{number:032d}",
        received_at=datetime.now(UTC),
        conversation=who,
        author=Author(handle=who),
        text=words[number % len(words)],
        reply_to=who,
    )
    return Arrival(
        id=message.id,
        channel="sms",
        account=message.account,
        native_id=message.native_id,
        key=who,
        received_at=message.received_at,
        message=message,
    )


async def _watched(config: Path, environment: dict[str, str], count: int) -> float:
    plan = _planned(config, environment)
    access = plan.engines.access()
    consumer = AIOKafkaConsumer(**access.arguments())
    await consumer.start()
    parts = [TopicPartition(access.name(ROUTED), number) for number in range(plan.settings.kafka.partitions)]
    seen: list[tuple[float, int]] = []
    deadline = time.monotonic() + 120
    while not seen or seen[-1][1] < count * _END:
        if time.monotonic() > deadline:
            raise RuntimeError(f"only {seen[-1][1]} of {count}: {(config.parent / 'worker.log').read_text()[-2000:]}")
        seen.append((time.monotonic(), sum((await consumer.end_offsets(parts)).values())))
        await asyncio.sleep(0.05)
    await consumer.stop()
    begun, had = next(one for one in seen if one[1] >= count * _BEGIN)
    return (seen[-1][1] - had) / (seen[-1][0] - begun)


async def _bare(config: Path) -> None:
    """What one would write by hand: fetch, decide, send, commit. Runs until it is told to stop."""
    plan = prepared(config)
    access, stop = plan.engines.access(), asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    desk = Decider(partial(make_desk, plan.path, dict(plan.environment)))
    await desk.start()
    producer = AIOKafkaProducer(**access.arguments(), acks="all", enable_idempotence=True, linger_ms=2)
    consumer = AIOKafkaConsumer(
        access.name(INBOUND),
        **access.arguments(),
        group_id="bare",
        enable_auto_commit=False,
        auto_offset_reset="earliest",
    )
    await producer.start()
    await consumer.start()
    while not stop.is_set():
        fetched = await consumer.getmany(timeout_ms=_FETCH_MS, max_records=_MOST)
        bodies = [record.value for records in fetched.values() for record in records]
        if not bodies:
            continue
        outcomes = await desk.handle(bodies)
        sent = [await producer.send(access.name(ROUTED), one.body, key=one.key.encode()) for one in outcomes]
        await asyncio.gather(*sent)
        await consumer.commit()
    await consumer.stop()
    await producer.stop()
    await desk.close()


if __name__ == "__main__":
    if sys.argv[1:2] == ["--bare"]:
        asyncio.run(_bare(Path(sys.argv[2])))
    else:
        for row in rows(count=int(sys.argv[1]) if sys.argv[1:] else _COUNT):
            print(f"{row['what']:45} {row['ours']:8.0f} {row['peer']:8.0f} {row['ratio']:5.2f} {row['note']}")
