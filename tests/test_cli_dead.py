"""`eungdapso dead` on what is parked: listed page by page, shown, put back one by one or all, settled."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from bench.instance import Instance
from cases.store import CaseStore
from core.clock import machine_clock
from core.wire import Ticket, encode
from pipeline.build import Plan, plan
from pipeline.cli_dead import app
from pipeline.status import Status
from streams.base import INBOUND, OUTBOUND, Record, Stream
from tests.casework import WASTE, Time, claimed, dispatched, message, opened, settle

# More than one page.
COUNT = 205
Run = Callable[..., Result]


@pytest.fixture
def instance(tmp_path: Path) -> Instance:
    return Instance(tmp_path)


@pytest.fixture
def run(instance: Instance) -> Run:
    def run(*words: str) -> Result:
        return CliRunner().invoke(app, [*words, "--config", str(instance.config)], env=dict(instance.environment))

    return run


@pytest.fixture
def ids(instance: Instance) -> list[int]:
    """What is parked, oldest first."""

    async def park(stream: Stream) -> list[int]:
        await stream.start()
        records = [Record(topic=INBOUND, offset=n, key="k", body=b"unreadable") for n in range(COUNT)]
        found = [await stream.park(one, group="router", reason="it cannot be read") for one in records]
        await stream.close()
        return found

    instance.var.mkdir()
    made = plan(instance.config, {**instance.environment})
    store = made.store(made.seal(), machine_clock)
    store.open()
    store.close()
    return asyncio.run(park(made.stream()))


def listed(run: Run) -> list[int]:
    return [int(row["id"]) for row in json.loads(run("list", "--json").stdout)]


def test_everything_is_listed_newest_first(run: Run, ids: list[int]) -> None:
    assert ids[::-1] == listed(run)


def test_one_is_shown(run: Run, ids: list[int]) -> None:
    """With the reason, and why its record says nothing."""
    shown = json.loads(run("show", str(ids[3])).stdout)

    assert (str(ids[3]), "it cannot be read") == (shown["id"], shown["reason"])


@pytest.mark.parametrize("number", ["999999", "9" * 30, "²"])
@pytest.mark.parametrize("verb", ["show", "retry"])
def test_what_is_not_there_is_told(run: Run, ids: list[int], verb: str, number: str) -> None:
    done = run(verb, number, *(["--by", "kim"] if verb == "retry" else []))

    assert 0 != done.exit_code
    assert number in done.output
    assert COUNT == len(listed(run))


def test_one_is_put_back(run: Run, ids: list[int]) -> None:
    done = run("retry", str(ids[0]), "--by", "kim")

    assert "1 put back\n" == done.stdout
    assert ids[:0:-1] == listed(run)


def test_all_are_put_back(run: Run, ids: list[int]) -> None:
    done = run("retry", "--all", "--by", "kim")

    assert f"{COUNT} put back\n" == done.stdout
    assert [] == listed(run)


class Lost:
    """A letter that was given up and parked, as the courier does it; its case's number and its row."""

    def __init__(self, made: Plan, error: str = "blocked by the user") -> None:
        seal, time = made.seal(), Time("2026-11-23 10:00")
        store = made.store(seal, time)
        store.open()
        self.number = opened(store, dispatched(message(WASTE, time)))
        (one,) = claimed(store, time)
        self.row = one.reply.id
        settle(store, [one.reply], "failed", error=error)
        ticket = Ticket(row=self.row, attempt=2)
        record = Record(topic=OUTBOUND, offset=0, key=self.number, body=seal.seal(encode(ticket)))
        asyncio.run(_park(made.stream(), record))
        store.outbox.parked(self.row)
        store.close()


async def _park(stream: Stream, record: Record) -> None:
    await stream.start()
    await stream.park(record, group="reply", reason="blocked by the user")
    await stream.close()


@pytest.fixture
def made(instance: Instance) -> Plan:
    instance.var.mkdir()
    return plan(instance.config, {**instance.environment})


def rows(run: Run) -> list[dict[str, Any]]:
    return list(json.loads(run("list", "--json").stdout))


async def attention(made: Plan) -> dict[str, int]:
    """What the readiness page says that somebody has to look at."""
    async with opened_store(made) as store:
        stream = made.stream()
        await stream.start()
        _, says = await Status(stream, store.views.counts, lag_limit=10, say=print, answer_seconds=60).readiness()
        await stream.close()
    return dict(says["attention"])


@asynccontextmanager
async def opened_store(made: Plan) -> AsyncIterator[CaseStore]:
    store = made.store(made.seal(), machine_clock)
    store.open()
    yield store
    store.close()


def test_a_letter_is_listed_with_its_case(run: Run, made: Plan) -> None:
    """Once, by the id that the other verbs take, with its case, its kind and its channel."""
    lost = Lost(made)
    (row,) = rows(run)
    shown = json.loads(run("show", row["id"]).stdout)

    assert (lost.number, "notice", "sms", "failed: blocked by the user") == (
        row["case"],
        row["kind"],
        row["channel"],
        row["reason"],
    )
    assert (lost.number, lost.row) == (shown["case"], shown["record"]["row"])


@pytest.mark.parametrize("named", [lambda _, row: row["id"], lambda lost, _: lost.row, lambda lost, _: lost.row[:11]])
def test_a_settled_letter_is_gone(run: Run, made: Plan, named: Callable[[Lost, dict[str, Any]], str]) -> None:
    """Named as the list names it, by its row, or by the beginning of that; it is counted no more."""
    lost = Lost(made)
    done = run("settle", named(lost, rows(run)[0]), "--why", "전화로 답변", "--by", "kim")
    counted = asyncio.run(attention(made))

    assert ("settled\n", []) == (done.stdout, rows(run))
    assert (0, 0) == (counted["failed"], counted["dead"])


def test_what_is_no_letter_is_not_settled(run: Run, ids: list[int]) -> None:
    """A message cannot be said to be done with; what can be done is said."""
    done = run("settle", str(ids[0]), "--why", "전화로 답변", "--by", "kim")

    assert 1 == done.exit_code
    assert f"`eungdapso dead retry {ids[0]}`" in done.output


def test_nobody_settles_what_is_not_there(run: Run, made: Plan) -> None:
    """Where the ids are is said."""
    Lost(made)
    done = run("settle", "ffffffff", "--why", "전화로 답변", "--by", "kim")

    assert 1 == done.exit_code
    assert "`eungdapso dead list` gives the ids" in done.output


def test_a_lost_letter_is_counted_once(made: Plan) -> None:
    """As not delivered, and not as a dead letter, too."""
    Lost(made)
    counted = asyncio.run(attention(made))

    assert (1, 0) == (counted["failed"], counted["dead"])


def test_what_went_another_way_is_listed_and_not_counted(run: Run, made: Plan) -> None:
    """Staff see where it went; nobody has to look at it."""
    Lost(made, "blocked by the user; sent by another way: email")
    (row,) = rows(run)
    counted = asyncio.run(attention(made))

    assert "failed: blocked by the user; sent by another way: email" == row["reason"]
    assert (0, 0) == (counted["failed"], counted["dead"])
    assert "0 put back\n" == run("retry", "--all", "--by", "kim").stdout


def test_lines_are_whole_for_programs(run: Run, made: Plan) -> None:
    """What is not read on a terminal is not broken to fit one."""
    lost = Lost(made, "blocked " * 30)
    listed = next(line for line in run("list").stdout.splitlines() if lost.number in line)

    assert f"failed: {'blocked ' * 30}".strip() in listed


def test_a_reason_is_shown_as_it_is(run: Run, made: Plan) -> None:
    """What a stranger's mail server wrote is no markup of ours, and moves nobody's cursor."""
    Lost(made, "550 [/b] no such user \x1b[2J")

    assert "550 [/b] no such user �[2J" in run("list").stdout
