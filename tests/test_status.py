"""How often the engines are looked at, and what is said when one does not answer."""

import asyncio
import os
import threading
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import psycopg
import pytest

from core.errors import Unavailable
from pipeline.build import GROUPS
from pipeline.status import Status, _rest
from streams.embedded import Embedded
from tests.casework import POSTGRESQL, Time, make_store, place


@pytest.mark.parametrize(("took", "rests"), [(0.0, 1.0), (0.05, 1.0), (0.2, 4.0), (20.0, 15.0)])
def test_looking_is_cheap_and_never_long_ago(took: float, rests: float) -> None:
    """A look takes a twentieth of the time at most; when it took long since an engine was away, the next one does not
    wait for minutes."""
    assert rests == pytest.approx(_rest(took))


@pytest.fixture
async def stream(tmp_path: Path) -> AsyncIterator[Embedded]:
    made = Embedded(tmp_path / "log.sqlite", groups=GROUPS, tidies=False)
    await made.start()
    yield made
    await made.close()


class Locked:
    """A case store that answers nobody until it is let go."""

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.asked = 0

    def counts(self) -> Mapping[str, int]:
        self.asked += 1
        if not self.gate.wait(60):
            raise Unavailable("never let go")
        return {"open": 7}


async def until_ready(made: Status) -> tuple[bool, Mapping[str, Any]]:
    async with asyncio.timeout(300):
        while True:
            heard = await made.readiness()
            if heard[0]:
                return heard


def quiet(_line: str) -> None:
    """Nobody listens."""


async def test_a_store_that_hangs_holds_up_no_answer(stream: Embedded) -> None:
    """Whoever asks hears that we are not ready and why, while the store has not answered; however many ask, one
    question waits there; and when it answers again all is well."""
    store = Locked()
    made = Status(stream, store.counts, lag_limit=10, say=quiet, answer_seconds=0.2)
    heard = [await made.readiness() for _ in range(3)]
    others = await asyncio.gather(*(made.readiness() for _ in range(20)))
    asked = store.asked
    store.gate.set()
    ready, says = await until_ready(made)

    assert [False] * 23 == [is_ready for is_ready, _ in (*heard, *others)]
    assert "no answer within" in heard[0][1]["trouble"]["cases"]
    assert (1, True, 7) == (asked, ready, says["attention"]["open"])


async def test_many_may_ask_at_once(stream: Embedded) -> None:
    """Monitors and our own look cross each other all the time: each gets an answer."""
    made = Status(stream, lambda: {"open": 7}, lag_limit=10, say=quiet)

    async def asks() -> set[int]:
        return {(await made.readiness())[1]["attention"]["open"] for _ in range(50)}

    heard = await asyncio.gather(*(asks() for _ in range(8)))

    assert [{7}] * 8 == heard


@pytest.mark.skipif(POSTGRESQL not in os.environ, reason=f"needs {POSTGRESQL}")
async def test_a_table_that_is_locked_is_said_at_once(stream: Embedded, tmp_path: Path) -> None:
    """While somebody holds the cases in PostgreSQL whoever asks is answered, before the lock is let go."""
    with place("postgresql", tmp_path) as url:
        store = make_store(url, Time("2026-11-23 10:00"))
        made = Status(stream, store.views.counts, lag_limit=10, say=quiet)
        with psycopg.connect(url) as other:
            other.execute("LOCK TABLE cases, tallies, outbox IN ACCESS EXCLUSIVE MODE")
            locked, says = await made.readiness()
        await until_ready(made)
        store.close()

    assert (False, "no answer within 2 s: it is locked, overloaded or away") == (locked, says["trouble"]["cases"])
