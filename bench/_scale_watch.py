"""Looks at processes, tables and topics from outside while they are measured."""

import json
import os
import threading
import time
import urllib.request
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import psycopg
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from bench.instance import _family
from pipeline.build import Plan as Pipeline
from pipeline.build import prepared

# A record's key and body.
Kept = tuple[bytes, bytes]
_TICKS = os.sysconf("SC_CLK_TCK")
_EVERY_SECONDS = 0.05
_CALMS_SECONDS, _IDLE_SECONDS = 1.0, 4.0
_WAITS = """SELECT count(*) FILTER (WHERE state = 'active'), count(*) FILTER (WHERE wait_event_type = 'Lock'),
count(*) FILTER (WHERE wait_event_type = 'LWLock'), count(*) FILTER (WHERE wait_event_type = 'IO')
FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"""
_DELAYS = """SELECT (o.sent_at - m.received_at) / 1e6 FROM {name}.outbox o JOIN {name}.cases c ON c.number = o.number
JOIN {name}.messages m ON m.id = c.message WHERE o.sent_at IS NOT NULL AND NOT o.deferred ORDER BY 1"""
_SIZES = """SELECT sum(pg_total_relation_size(format('%%I.%%I', schemaname, tablename)::regclass))
FROM pg_tables WHERE schemaname = %s"""


class Looker:
    """Asks PostgreSQL. Its own connection counts for nothing."""

    def __init__(self, url: str) -> None:
        self._connection = psycopg.connect(url, autocommit=True)
        self._turn = threading.Lock()
        self.pid = self._connection.info.backend_pid

    def ask(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        with self._turn:
            return self._connection.execute(statement, values or None).fetchall()

    def are_all_sent(self, name: str, count: int) -> bool:
        """Whether all were recorded and everything that is not put off went out."""
        found = self.ask(
            f"SELECT (SELECT count(*) FROM {name}.messages),"
            f" (SELECT count(*) FROM {name}.outbox WHERE state <> 'sent' AND NOT deferred)"
        )
        return found[0][0] >= count and not found[0][1]

    def delays(self, name: str) -> dict[str, float]:
        """Returns the seconds from the door until an answer or notice was sent."""
        seconds = [float(row[0]) for row in self.ask(_DELAYS.format(name=name))]
        at = {"p50_s": 0.5, "p99_s": 0.99, "longest_s": 1.0}
        return {label: seconds[int(share * (len(seconds) - 1))] for label, share in at.items()} if seconds else {}

    def sizes(self, name: str, search: str) -> dict[str, float]:
        """Returns bytes a case in the tables and a document in the index, and letters a case."""
        count, letters, events = self.ask(
            f"SELECT (SELECT count(*) FROM {name}.cases), (SELECT count(*) FROM {name}.outbox),"
            f" (SELECT count(*) FROM {name}.events)"
        )[0]
        for verb in ("_refresh", "_flush"):
            urllib.request.urlopen(urllib.request.Request(f"{search}/{name}/{verb}", method="POST"), timeout=30).close()
        with urllib.request.urlopen(f"{search}/{name}/_stats/store,docs", timeout=10) as answer:
            primaries = json.load(answer)["_all"]["primaries"]
        return {
            "cases": float(self.ask(_SIZES, name)[0][0]) / count,
            "index": primaries["store"]["size_in_bytes"] / primaries["docs"]["count"],
            "letters_a_case": letters / count,
            "events_a_case": events / count,
        }

    def written(self) -> tuple[float, float]:
        """Returns how many transactions were committed and how many bytes of log were written so far."""
        row = self.ask("SELECT (SELECT sum(xact_commit) FROM pg_stat_database), pg_current_wal_lsn() - '0/0'::pg_lsn")[
            0
        ]
        return float(row[0]), float(row[1])


class Watched:
    """Counts processor time of workers and servers while it lasts, and samples what PostgreSQL's clients wait for."""

    def __init__(self, workers: Mapping[str, int], servers: Mapping[str, int], looker: Looker) -> None:
        self._workers, self._servers, self._looker = workers, servers, looker
        self._waits: Counter[str] = Counter()
        self._samples = 0
        self._stop = threading.Event()
        self._sampling = threading.Thread(target=self._sample, daemon=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        if self._sampling.is_alive():
            self._sampling.join()

    def begin(self) -> None:
        self._begun, self._before = time.monotonic(), self._seconds()
        self._machine, self._written = _busy_seconds(), self._looker.written()
        self._sampling.start()

    def figures(self, count: int) -> dict[str, float]:
        """Returns microseconds a message, without what they cost idle; and how it went."""
        wall = time.monotonic() - self._begun
        spent = {name: seconds - self._before[name] for name, seconds in self._seconds().items()}
        busy, (commits, log) = _busy_seconds() - self._machine, self._looker.written()
        self._stop.set()
        ours, idle = sum(spent.values()), self._idle()
        every = {name: max(0.0, seconds - idle[name] * wall) for name, seconds in spent.items()}
        found = {f"{name}_us": 1e6 * every[name] / count for name in self._servers}
        net = {name: every[name] for name in self._workers}
        workers = list(net.values())
        if len({name.rstrip("0123456789") for name in self._workers}) == 1:
            found |= {"worker_us": 1e6 * sum(workers) / count, "largest_share": max(workers) / (sum(workers) or 1)}
        else:
            found |= {f"{name}_us": 1e6 * net[name] / count for name in self._workers}
        found["idle_ms_a_s"] = 1000 * sum(idle[name] for name in self._workers) / len(self._workers)
        found |= {"wall_s": wall, "per_second": count / wall, "cores_ours": ours / wall}
        found["cores_others"] = max(0.0, (busy - ours) / wall)
        found["commits"] = (commits - self._written[0] - self._samples) / count
        found["wal_bytes"] = (log - self._written[1]) / count
        return found | {name: value / max(1, self._samples) for name, value in self._waits.items()}

    def _idle(self) -> dict[str, float]:
        """Returns what they cost with nothing to do, in seconds a second: asked when the work is done."""
        time.sleep(_CALMS_SECONDS)
        before = self._seconds()
        time.sleep(_IDLE_SECONDS)
        return {name: (spent - before[name]) / _IDLE_SECONDS for name, spent in self._seconds().items()}

    def _seconds(self) -> dict[str, float]:
        everybody = {**self._workers, **self._servers}
        return {name: _cpu_seconds(pid, but=self._looker.pid) for name, pid in everybody.items()}

    def _sample(self) -> None:
        names = ("pg_active", "pg_lock_waits", "pg_latch_waits", "pg_io_waits")
        while not self._stop.wait(_EVERY_SECONDS):
            row = self._looker.ask(_WAITS)[0]
            self._samples += 1
            self._waits.update(dict(zip(names, map(int, row), strict=True)))


def _cpu_seconds(pid: int, *, but: int = 0) -> float:
    """Returns what a process and all its children have used, those that ended and were waited for too."""
    return sum(_ticks(member) for member in _family(pid) if member != but) / _TICKS


def _ticks(pid: int) -> int:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except FileNotFoundError:
        return 0
    return sum(map(int, fields[11:15]))


def _busy_seconds() -> float:
    fields = list(map(int, Path("/proc/stat").read_text(encoding="ascii").split("\n", 1)[0].split()[1:9]))
    return (sum(fields) - fields[3] - fields[4]) / _TICKS


def pipeline_of(config: Path, environment: Mapping[str, str]) -> Pipeline:
    os.environ.update(environment)
    return prepared(config)


async def every_record(config: Path, environment: Mapping[str, str], topic: str) -> list[Kept]:
    """Returns all that a topic has."""
    consumer, parts = _asking(config, environment, topic)
    await consumer.start()
    kept = list[Kept]()
    consumer.assign(parts)
    await consumer.seek_to_beginning(*parts)
    total = sum((await consumer.end_offsets(parts)).values())
    while len(kept) < total:
        for records in (await consumer.getmany(timeout_ms=500)).values():
            kept += [(record.key, record.value) for record in records]
    await consumer.stop()
    return kept


async def published(config: Path, environment: Mapping[str, str], topic: str, records: Sequence[Kept]) -> None:
    """Puts all of them there at once."""
    access = pipeline_of(config, environment).engines.access()
    producer = AIOKafkaProducer(**access.arguments(), acks="all", linger_ms=20, max_batch_size=256 * 1024)
    await producer.start()
    for key, body in records:
        await producer.send(access.name(topic), body, key=key)
    await producer.flush()
    await producer.stop()


async def ends(config: Path, environment: Mapping[str, str], topic: str) -> int:
    """Returns how many records a topic has."""
    consumer, parts = _asking(config, environment, topic)
    await consumer.start()
    found = await consumer.end_offsets(parts)
    await consumer.stop()
    return sum(found.values())


def _asking(config: Path, environment: Mapping[str, str], topic: str) -> tuple[Any, list[TopicPartition]]:
    made = pipeline_of(config, environment)
    access = made.engines.access()
    parts = [TopicPartition(access.name(topic), number) for number in range(made.settings.kafka.partitions)]
    return AIOKafkaConsumer(**access.arguments(), auto_offset_reset="earliest"), parts
