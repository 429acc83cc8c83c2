"""`eungdapso dead` on what is parked: listed page by page, shown and put back one by one or all."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from bench.instance import Instance
from core.clock import machine_clock
from pipeline.build import plan
from pipeline.cli_dead import app
from streams.base import INBOUND, Record, Stream

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
