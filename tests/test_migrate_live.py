"""An installation moves from its files to Kafka, PostgreSQL, Elasticsearch and an S3 store: real servers, real files.

Runs where the three servers are: `make live`.
"""

import asyncio
import os
import sqlite3
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import msgspec
import psycopg
import pytest
from aiokafka import AIOKafkaProducer
from psycopg.rows import dict_row

from bench.engines import ELASTICSEARCH, KAFKA, POSTGRESQL
from bench.instance import ROOT, Instance
from cases.outbox import Outcome
from cases.store import CaseStore
from core.clock import machine_clock
from core.errors import ConfigError
from core.message import Arrival
from core.wire import Routed, Seal, Ticket, decode, encode
from pipeline.build import Plan, make_desk, plan
from pipeline.flow import door
from pipeline.migrate import Migration
from streams._dead import Dead
from streams.base import INBOUND, OUTBOUND, ROUTED, Batch, Entry, Record, Stream
from tests import s3
from tests.casework import Time, dispatched, message

if not all(os.environ.get(name) for name in (KAFKA, POSTGRESQL, ELASTICSEARCH)):
    pytest.skip("needs all three servers: make live", allow_module_level=True)

KEY = "ab" * 32
# Kills the migration in the middle of a step, or just before it writes down where it is.
KILLED = """
import os, signal, sys
from pathlib import Path
from pipeline import migrate_mark
from pipeline.build import plan
from pipeline.migrate import Migration
written = migrate_mark.write_durably
def dies(where):
    if where.startswith(sys.argv[2]):
        os.kill(os.getpid(), signal.SIGKILL)
def write(path, body):
    dies("writes " + next((line for line in body.decode().splitlines() if line.startswith("state")), "report"))
    written(path, body)
migrate_mark.write_durably = write
Migration(plan(Path(sys.argv[1]))).run(lambda what, done, of: done and dies(what))
"""
PLACES = (
    'writes state = "unfinished"',
    "cases: messages",
    "stream: routed",
    "objects: raw payloads",
    "search: messages",
    "comparing: outbox",
    "writes report",
    'writes state = "verified"',
    'writes state = "done"',
)


@dataclass
class Town:
    """An installation in files, and what it moves to."""

    folder: Path
    bucket: str

    @cached_property
    def instance(self) -> Instance:
        extra = {"EUNGDAPSO_KEY": KEY, "S3_ACCESS": "city", "S3_SECRET": "secret"}
        return Instance(self.folder, extra)

    @property
    def old(self) -> Plan:
        return plan(self.folder / "old.toml", self.instance.environment)

    @property
    def new(self) -> Plan:
        return plan(self.instance.config, self.instance.environment)

    def build(self) -> None:
        """Writes both settings, and makes what operations make."""
        config = self.instance.config
        new = config.read_text(encoding="utf-8").replace(
            'objects = "embedded"', f'objects = "s3://{self.bucket}/town"'
        ) + (
            f'\n[security]\nkey = {{ env = "EUNGDAPSO_KEY" }}\n\n[s3]\nendpoint = "{s3.address()}"\n'
            'access_key = { env = "S3_ACCESS" }\nsecret_key = { env = "S3_SECRET" }\n'
        )
        config.write_text(new, encoding="utf-8")
        settings = [
            line for line in new.splitlines() if not line.startswith(("stream =", "cases =", "search =", "objects ="))
        ]
        (self.folder / "old.toml").write_text("\n".join(settings), encoding="utf-8")
        self.instance.var.mkdir(exist_ok=True)
        self.instance.engines.prepare(config, self.instance.environment)
        self.instance.is_prepared = True

    def open(self) -> None:
        """Opens the new case store as an instance anywhere does."""
        store = self.new.store(self.new.seal(), machine_clock)
        with closing(store):
            store.open()

    def command(self, *words: str, config: str = "pipeline.toml") -> "subprocess.CompletedProcess[str]":
        command = [sys.executable, "-m", "pipeline", *words, "--config", str(self.folder / config)]
        return self._run(command)

    def migrate(self, *more: str) -> "subprocess.CompletedProcess[str]":
        return self.command("migrate", "--from", "embedded", "--to", "distributed", *more)

    def migrate_killed(self, where: str) -> int:
        return self._run([sys.executable, "-c", KILLED, str(self.instance.config), where]).returncode

    def _run(self, command: Sequence[str]) -> "subprocess.CompletedProcess[str]":
        environment = self.instance.environment | {"COLUMNS": "160"}
        return subprocess.run(
            command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=120
        )

    def rows(self, asked: str) -> list[dict[str, Any]]:
        """Returns what PostgreSQL has."""
        url = self.new.engines.cases_url()
        with psycopg.connect(url, row_factory=dict_row) as connection:
            return connection.execute(asked.encode()).fetchall()


def arrival(number: int, time: Time) -> Arrival:
    """Returns one text message of one citizen, the same for the same number."""
    sender = f"+82105{number:07d}"
    what = message(
        f"강남구 역삼동 {number}번지 골목에 쓰레기 무단투기가 심해요", time, native_id=f"SM{number}", reply_to=sender
    )
    return Arrival(
        id=what.id,
        channel="sms",
        account=what.account,
        native_id=what.native_id,
        key=sender,
        received_at=what.received_at,
        raw=f"Body={number}".encode(),
        message=what,
    )


@dataclass
class Hands:
    """Does by hand, and only as far as told, what the parts of an instance do."""

    made: Plan
    stream: Stream
    store: CaseStore
    seal: Seal

    async def take(self, topic: str, group: str, count: int) -> Batch:
        async for batch in self.stream.read(topic, group, most=count):
            return batch
        raise AssertionError

    async def route(self, count: int) -> None:
        batch = await self.take(INBOUND, "router", count)
        desk = make_desk(self.made.path, dict(self.made.environment))
        outcomes = desk.handle([record.body for record in batch.records])
        onward = [Entry(topic=ROUTED, key=one.key, body=one.body) for one in outcomes]
        await self.stream.commit(batch, publish=onward)

    async def record(self, count: int) -> None:
        batch = await self.take(ROUTED, "cases", count)
        self.store.record([decode(self.seal.open(record.body), Routed) for record in batch.records])
        await self.stream.commit(batch)

    async def keep(self, count: int) -> None:
        archive = self.made.archive(self.seal)
        await archive.setup()
        batch = await self.take(ROUTED, "archive", count)
        await archive.write([decode(self.seal.open(record.body), Routed) for record in batch.records])
        await archive.close()
        await self.stream.commit(batch)

    async def relay(self) -> None:
        due = self.store.outbox.due(machine_clock())
        entries = [
            Entry(topic=OUTBOUND, key=d.key, body=self.seal.seal(encode(d.ticket)), identity=d.identity) for d in due
        ]
        await self.stream.publish(*entries)
        self.store.outbox.relayed(due)

    async def send(self, count: int, *, interrupted: int) -> None:
        """Sends so many; the last of them are claimed and not written down, and the group's place is not moved."""

        batch = await self.take(OUTBOUND, "reply", count)
        tickets = [decode(self.seal.open(record.body), Ticket) for record in batch.records]
        claimed = self.store.outbox.claim(tickets).ready
        done = claimed[: len(claimed) - interrupted]
        self.store.outbox.settle([Outcome(row=c.reply.id, state="sent", provider_id=c.reply.id) for c in done])


async def work(town: Town) -> None:
    """60 messages came; 50 were decided, 40 became cases, 10 letters went out, 3 of them were just being sent."""
    made = town.old
    seal = made.seal()
    store = made.store(seal, machine_clock)
    store.open()
    stream = made.stream()
    await stream.start()
    hands = Hands(made, stream, store, seal)
    time = Time("2026-11-23 10:00")
    await door(stream, seal)([arrival(number, time) for number in range(60)])
    await hands.route(50)
    await hands.record(40)
    await hands.keep(30)
    await hands.relay()
    await hands.send(10, interrupted=3)
    await stream.park(Record(topic=INBOUND, offset=0, key="누구", body=seal.seal(b"?")), group="router", reason="깨짐")
    await stream.close()
    store.close()
    objects = made.engines.objects()
    for name in ("a", "b"):
        await objects.put(f"attachments/2026-11/{name * 64}", seal.seal(name.encode()))


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    made = Town(tmp_path, s3.new_bucket())
    made.build()
    asyncio.run(work(made))
    yield made
    if made.instance.process is not None and made.instance.process.poll() is None:
        made.instance.stop()


def redeliver(town: Town, *numbers: int) -> None:
    """A provider that did not hear our yes sends these again, to the new engines."""

    async def again() -> None:
        stream = town.new.stream()
        await stream.start()
        await door(stream, town.new.seal())([arrival(number, Time("2026-11-23 11:00")) for number in numbers])
        await stream.close()

    asyncio.run(again())


def delivered(town: Town) -> Counter[str]:
    """Counts the letters that went out as files, by citizen."""
    files = (town.instance.var / "outbox" / "sms").glob("*.json")
    return Counter(msgspec.json.decode(file.read_bytes())["to"] for file in files)


def test_everything_arrives_and_goes_on(town: Town) -> None:
    """After the move every message has one case and one letter: those half done, unread, and sent again meanwhile."""
    moved = town.migrate()
    assert 0 == moved.returncode, moved.stderr + moved.stdout
    before = town.rows("SELECT state, count(*) FROM outbox GROUP BY state")
    # One of each: recorded, decided, waiting to be decided.
    redeliver(town, 3, 45, 55)
    town.instance.start()
    town.instance.drain()
    town.instance.stop()
    messages = town.rows("SELECT native_id, number FROM messages")
    letters = town.rows("SELECT recipient, state, attempts FROM outbox")

    assert "everything arrived" in moved.stdout
    assert {"sent": 7, "sending": 3, "queued": 30} == {row["state"]: row["count"] for row in before}
    assert {f"SM{number}" for number in range(60)} == {row["native_id"] for row in messages}
    assert (60, 60) == (len(messages), len({row["number"] for row in messages}))
    assert {("sent", 1)} == {(row["state"], row["attempts"]) for row in letters}
    # Seven had gone out before; nobody heard of anything twice.
    assert (53, {1}) == (len(delivered(town)), set(delivered(town).values()))


def test_killed_anywhere_it_goes_on(town: Town) -> None:
    """Killed at every step and begun again each time, everything arrives once; nobody could use half of it."""
    killed = [town.migrate_killed(place) for place in PLACES[:5]]
    half = town.command("case", "list")
    with pytest.raises(ConfigError, match="not finished"):
        town.open()
    killed += [town.migrate_killed(place) for place in PLACES[5:]]
    moved = town.migrate()
    numbers = town.rows("SELECT number FROM cases")
    town.instance.start()
    town.instance.drain()
    town.instance.stop()

    assert {-9} == set(killed)
    assert 2 == half.returncode
    assert "is not finished" in half.stderr
    assert 0 == moved.returncode, moved.stderr + moved.stdout
    assert 40 == len(numbers)
    assert (53, {1}) == (len(delivered(town)), set(delivered(town).values()))


def test_what_differs_is_told_and_mended(town: Town) -> None:
    """A row that is missing in the end: exit 1, nobody can use the target; begun again, everything is the same."""

    def loses(what: str, done: int, _of: int) -> None:
        if what == "search: messages" and done:
            with psycopg.connect(town.new.engines.cases_url()) as connection:
                connection.execute("DELETE FROM outbox WHERE id = (SELECT min(id) FROM outbox)")

    report = Migration(town.new).run(loses)
    refused = town.command("case", "list")
    again = town.migrate()

    assert ["outbox"] == [one.what for one in report.compared if not one.is_same]
    assert 2 == refused.returncode
    assert 0 == again.returncode, again.stderr + again.stdout


def test_a_target_with_cases_is_refused(town: Town) -> None:
    """What others have in the target is not mixed with ours: nothing moves, and the folder stays as it was."""
    made = town.new
    with_case = made.store(made.seal(), machine_clock)
    with_case.open()
    with_case.record([dispatched(message("가로등 고장", Time("2026-11-23 10:00")))])
    with_case.close()
    refused = town.migrate()
    looked = town.migrate("--dry-run")
    old = town.command("case", "list", config="old.toml")

    assert (2, 2) == (refused.returncode, looked.returncode)
    assert "holds something already" in refused.stderr
    assert 0 == old.returncode, old.stderr


async def parked_by_others(town: Town) -> None:
    """Leaves a dead letter in the target that this migration did not bring."""
    access = town.new.engines.access()
    async with AIOKafkaProducer(**access.arguments()) as producer:
        record = Record(topic=INBOUND, offset=0, key="sms:1", body=b"of others")
        await Dead(access).add(producer, record, "router", "it cannot be read")


def test_dead_letters_of_others_are_refused(town: Town) -> None:
    """They would be found only after everything had moved: it is said at the start, and nothing moves."""
    asyncio.run(parked_by_others(town))
    refused = town.migrate()
    old = town.command("case", "list", config="old.toml")

    assert 2 == refused.returncode
    assert "dead has 1 records that this migration did not bring" in " ".join(refused.stderr.split())
    assert 0 == old.returncode, old.stderr


def content(file: Path) -> str:
    """Returns what is in a file: of a database its schema and every row, wherever SQLite keeps them now."""
    if file.suffix != ".sqlite":
        return file.read_bytes().hex()
    with closing(sqlite3.connect(file)) as database:
        return "\n".join(database.iterdump())


def files(town: Town) -> dict[str, str]:
    """Returns what the old installation consists of."""
    folder = town.instance.var
    kept = [path for inner in ("*.sqlite", "archive/*.sqlite", "objects/**/*") for path in folder.glob(inner)]
    return {path.relative_to(folder).as_posix(): content(path) for path in kept if path.is_file()}


def test_the_old_files_stay_as_they_were(town: Town) -> None:
    """--dry-run moves nothing; after the move nobody uses the old files by mistake, and nothing of them has changed:
    without the mark they are an installation again."""
    before = files(town)
    looked = town.migrate("--dry-run")
    free = town.command("case", "list", config="old.toml")
    moved = town.migrate()
    after = files(town)
    gone = town.command("case", "list", config="old.toml")
    again = town.migrate()
    (town.instance.var / "moved.toml").unlink()
    back = town.command("case", "list", "--json", config="old.toml")

    assert 0 == looked.returncode, looked.stderr
    assert "inbound" in looked.stdout
    assert before == after
    assert (0, 0, 2, 2) == (free.returncode, moved.returncode, gone.returncode, again.returncode)
    assert "moved to postgresql://" in gone.stderr
    assert "names no engine that anything has still to move to" in again.stderr
    assert 40 == len(msgspec.json.decode(back.stdout))
