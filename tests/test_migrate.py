"""Moving away from this folder, as far as it needs no server: what is read, how it is compared, who is refused."""

import os
import random
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.instance import ROOT
from cases.schema import cases, messages, metadata, outbox
from cases.store import CaseStore
from core.errors import ConfigError
from pipeline import migrate_mark, place
from pipeline.build import GROUPS
from pipeline.migrate_count import Tally, tally
from pipeline.migrate_log import Log
from pipeline.migrate_mark import Mark
from pipeline.migrate_source import Source, tidy
from pipeline.settings import PipelineSettings
from streams.base import INBOUND, ROUTED, Entry, Record
from streams.embedded import Embedded
from tests.casework import WASTE, Time, claimed, dispatched, make_store, message

TO = "postgresql://eungdapso@db:5432/eungdapso"
AT = datetime(2026, 11, 23, 1, tzinfo=UTC)
_values = st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.text() | st.binary()
_rows = st.lists(st.lists(_values, min_size=2, max_size=2), max_size=8)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[CaseStore]:
    made = make_store(tmp_path, Time("2026-11-23 10:00"))
    yield made
    made.close()


# How places are compared


@given(_rows, st.randoms())
def test_order_makes_no_difference(rows: list[list[object]], chance: random.Random) -> None:
    """The same rows in any order have the same digest."""
    other = rows.copy()
    chance.shuffle(other)

    assert tally(rows) == tally(other)


@given(_rows, _rows)
def test_other_rows_have_another_digest(one: list[list[object]], other: list[list[object]]) -> None:
    """A row more, fewer, twice, or with another value shows; true is not one, nothing is not empty."""
    keys = [sorted(map(repr, rows)) for rows in (one, other)]

    assert (keys[0] == keys[1]) == (tally(one) == tally(other))


def test_nothing_is_nothing() -> None:
    assert Tally() == tally([])


# What is read of the cases


def test_values_are_as_postgresql_has_them(tmp_path: Path, store: CaseStore) -> None:
    """Flags are true or false, instants whole numbers, everything in the order of the columns."""
    store.record([dispatched(message(WASTE, Time("2026-11-23 10:00")), urgent=True)])
    with Source(tmp_path / "cases.sqlite") as source:
        (row,) = source.rows(cases)
    found = dict(zip([column.name for column in cases.columns], row, strict=True))

    assert (True, False) == (found["urgent"], found["confidential"])
    assert 1_795_395_600_000_000 == found["received_at"]


def test_no_claim_of_a_dead_process_is_read(tmp_path: Path, store: CaseStore) -> None:
    """A row that was being sent stays so, and belongs to nobody: whoever gets its ticket asks what became of it."""
    time = Time("2026-11-23 10:00")
    store.record([dispatched(message(WASTE, time))])
    claimed(store, time)
    with closing(sqlite3.connect(tmp_path / "cases.sqlite")) as file, file:
        file.execute("UPDATE outbox SET claimed_by = 4711")
    with Source(tmp_path / "cases.sqlite") as source:
        (row,) = source.rows(outbox)
    found = dict(zip([column.name for column in outbox.columns], row, strict=True))

    assert ("sending", None) == (found["state"], found["claimed_by"])


def test_what_postgresql_cannot_hold_is_replaced_and_told(tmp_path: Path, store: CaseStore) -> None:
    """One NUL character of a hostile message holds up no migration."""
    store.record([dispatched(message(WASTE, Time("2026-11-23 10:00"), native_id="SM\0"))])
    with Source(tmp_path / "cases.sqlite") as source:
        (row,) = source.rows(messages)
        note = source.note(messages)

    assert "SM\ufffd" in row
    assert note.startswith("1 with NUL")


def test_every_table_of_the_store_is_read(tmp_path: Path, store: CaseStore) -> None:
    """Whatever the metadata names can be read and counted, also tables that came later."""
    store.record([dispatched(message(WASTE, Time("2026-11-23 10:00")))])
    with Source(tmp_path / "cases.sqlite") as source:
        counted = {table.name: source.count(table) for table in metadata.sorted_tables}
        read = {table.name: tally(source.rows(table)).count for table in metadata.sorted_tables}

    assert counted == read
    assert (1, 1) == (read["cases"], read["messages"])


def older(file: Path) -> None:
    """Takes the store back to its first revision."""
    from alembic import command
    from alembic.config import Config
    from sqlalchemy import create_engine

    engine = create_engine(f"sqlite:///{file}")
    config = Config()
    config.set_main_option("script_location", str(ROOT / "cases" / "migrations"))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "0001")
    engine.dispose()


def test_an_older_file_is_read_and_stays_older(tmp_path: Path) -> None:
    """An installation whose program was updated in the same step: its file is not touched."""
    make_store(tmp_path, Time("2026-11-23 10:00")).close()
    older(tmp_path / "cases.sqlite")
    with Source(tmp_path / "cases.sqlite") as source:
        counts = [source.count(table) for table in metadata.sorted_tables]
    with closing(sqlite3.connect(tmp_path / "cases.sqlite")) as file:
        revision = file.execute("SELECT version_num FROM alembic_version").fetchone()

    assert {0} == set(counts)
    assert ("0001",) == revision
    assert not list(tmp_path.glob(".migrate-*"))


def test_what_a_kill_left_behind_is_removed(tmp_path: Path) -> None:
    (tmp_path / ".migrate-abc").mkdir()
    (tmp_path / ".migrate-abc" / "cases.sqlite").write_bytes(b"")
    tidy(tmp_path)

    assert not list(tmp_path.iterdir())


def test_a_folder_without_cases_says_so(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no cases to move"), Source(tmp_path / "cases.sqlite"):
        pass


# What is read of the stream


async def test_what_somebody_has_still_to_read_moves(tmp_path: Path) -> None:
    """The slowest group says from where on; a topic that all have read is empty; the parked come oldest first."""
    stream = Embedded(tmp_path / "log.sqlite", groups=GROUPS, tidies=False)
    await stream.start()
    await stream.publish(*(Entry(topic=topic, key=f"k{n}", body=b"%d" % n) for topic in GROUPS for n in range(5)))
    for topic, group, count in ((INBOUND, "router", 5), (ROUTED, "cases", 4), (ROUTED, "search", 2)):
        async for batch in stream.read(topic, group, most=count):
            await stream.commit(batch)
            break
    for reason in ("first", "second"):
        await stream.park(Record(topic=INBOUND, offset=0, key="", body=b""), group="router", reason=reason)
    await stream.close()
    groups = {INBOUND: ("router",), ROUTED: ("cases", "search")}
    with Log(tmp_path / "log.sqlite", groups) as log:
        read = {topic: [(r.key, r.body) for r in log.records(topic)] for topic in groups}
        counts = [log.count(topic) for topic in groups]
        reasons = [one.reason for one in log.parked()]

    assert {INBOUND: [], ROUTED: [("k2", b"2"), ("k3", b"3"), ("k4", b"4")]} == read
    assert [0, 3] == counts
    assert ["first", "second"] == reasons


# The mark


def mark(**more: object) -> Mark:
    return msgspec.structs.replace(Mark(id="a1", state="done", begun_at=AT, moving={"cases": TO}), **more)


@pytest.mark.parametrize("to", [TO, "kafka://a:1,b:2", 'postgresql://u@h/x?options=-c"\\y%3D한글'])
def test_a_mark_is_read_as_it_was_written(tmp_path: Path, to: str) -> None:
    made = mark(moving={"cases": to}, moved={"stream": to})
    migrate_mark.write(tmp_path, made)

    assert made == migrate_mark.read(tmp_path)
    assert 0o600 == (tmp_path / "moved.toml").stat().st_mode & 0o777


def test_a_folder_that_nothing_left_is_free(tmp_path: Path) -> None:
    migrate_mark.check(tmp_path, PipelineSettings())

    assert migrate_mark.read(tmp_path) is None


@pytest.mark.parametrize("state", ["done", "verified", "unfinished"])
def test_files_that_moved_away_are_not_used(tmp_path: Path, state: str) -> None:
    """Embedded again by mistake: told where everything is, and how to go back."""
    migrate_mark.write(tmp_path, mark(state=state))

    with pytest.raises(ConfigError, match=rf"moved to {TO}.*To go back.*delete .*moved\.toml"):
        migrate_mark.check(tmp_path, PipelineSettings())


def test_what_moved_is_used_where_it_is(tmp_path: Path) -> None:
    migrate_mark.write(tmp_path, mark())
    migrate_mark.check(tmp_path, PipelineSettings(cases=TO))


@pytest.mark.parametrize("state", ["verified", "unfinished"])
def test_half_of_an_installation_is_not_used(tmp_path: Path, state: str) -> None:
    migrate_mark.write(tmp_path, mark(state=state))

    with pytest.raises(ConfigError, match="is not finished"):
        migrate_mark.check(tmp_path, PipelineSettings(cases=TO))


def test_a_mark_that_cannot_be_read_lets_nobody_in(tmp_path: Path) -> None:
    (tmp_path / "moved.toml").write_text("id = ", encoding="utf-8")

    with pytest.raises(ConfigError, match="cannot be read"):
        migrate_mark.check(tmp_path, PipelineSettings())


# The command


@dataclass
class Town:
    """A folder with an embedded installation and the settings of the new one."""

    folder: Path

    def settings(self, engines: str) -> None:
        text = f'city = "{ROOT / "config"}"\n{engines}\n'
        (self.folder / "pipeline.toml").write_text(text, encoding="utf-8")

    def migrate(self, *more: str, old: str = "embedded") -> "subprocess.CompletedProcess[str]":
        words = ["migrate", "--from", old, "--to", "distributed", "--config", str(self.folder / "pipeline.toml"), *more]
        return subprocess.run(
            [sys.executable, "-m", "pipeline", *words],
            cwd=ROOT,
            env={"PATH": "/usr/bin:/bin", "COLUMNS": "160"},
            capture_output=True,
            text=True,
            check=False,
            timeout=600,
        )

    @property
    def var(self) -> Path:
        return self.folder / "var"


@pytest.fixture
def town(tmp_path: Path) -> Town:
    made = Town(tmp_path)
    made.settings('cases = "postgresql://nobody@127.0.0.1:1/cases"')
    made.var.mkdir()
    place.seal(made.var, None, {})
    make_store(made.var, Time("2026-11-23 10:00")).close()
    return made


@pytest.mark.parametrize(
    ("engines", "old", "code", "said"),
    [
        ("", "embedded", 2, "names no engine"),
        ("", "distributed", 2, "only --from embedded --to distributed is built"),
        ('cases = "postgresql://nobody@127.0.0.1:1/cases"', "embedded", 1, "cannot be used now"),
    ],
)
def test_what_cannot_be_moved_is_said(town: Town, engines: str, old: str, code: int, said: str) -> None:
    """Nothing named, the wrong way, nobody at the address: one sentence, and the folder stays free."""
    town.settings(engines)
    done = town.migrate(old=old)

    assert (code, True) == (done.returncode, said in done.stderr), done.stderr
    assert not (town.var / "moved.toml").exists()


def test_a_running_instance_is_not_moved(town: Town) -> None:
    """Whoever runs in the folder is stopped first."""
    lock = place.Lock(town.var, "sinks")
    lock.take()
    done = town.migrate()
    lock.release()

    assert 2 == done.returncode
    assert "an instance runs here (sinks). Stop it first" in done.stderr


def test_of_two_migrations_the_second_is_told_of_the_first(town: Town) -> None:
    """Nobody is sent to stop an instance that does not run: told are the process, since when, and what to do."""
    lock = place.Lock(town.var, "migrate")
    lock.take()
    done = town.migrate()
    lock.release()

    assert 2 == done.returncode
    assert f"another migration of this folder runs (process {os.getpid()}, since 20" in done.stderr
    assert "Let it come to its end" in done.stderr
    assert "instance runs here" not in done.stderr


def test_another_target_is_not_the_same_migration(town: Town) -> None:
    """Half of it here, half of it there would be nothing whole anywhere."""
    migrate_mark.write(town.var, mark(state="unfinished"))
    done = town.migrate()

    assert 2 == done.returncode
    assert f"an unfinished migration moves cases to {TO}" in done.stderr


def test_another_key_moves_nothing(town: Town) -> None:
    """What the new engines could not read is not brought to them."""
    store = make_store(town.var, Time("2026-11-23 10:00"))
    store.record([dispatched(message(WASTE, Time("2026-11-23 10:00")))])
    store.close()
    done = town.migrate()

    assert 2 == done.returncode
    assert "the key opens nothing of what lies here" in done.stderr
    assert not (town.var / "moved.toml").exists()
