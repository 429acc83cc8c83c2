"""A start after a kill: what the killed instance left behind ends soon, and is waited for."""

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from core.errors import Unavailable
from pipeline.build import GROUPS
from pipeline.house import patiently_opened
from pipeline.run import LOADS, in_time
from streams.embedded import Embedded

ROOT = Path(__file__).parent.parent
# The desk never gets so far that it reads what its parent says.
STUCK = """
import asyncio, os, threading
from pipeline.decider import Decider

def desk():
    print(os.getpid(), flush=True)
    threading.Event().wait()

if __name__ == "__main__":
    asyncio.run(Decider(desk, timeout_seconds=600).start())
"""


def test_a_desk_ends_with_its_parent(tmp_path: Path) -> None:
    """Whatever it does at that moment, also when it is still loading: nobody else's start waits for it."""
    (tmp_path / "stuck.py").write_text(STUCK, encoding="utf-8")
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, str(tmp_path / "stuck.py")]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout
        desk = int(parent.stdout.readline())
        parent.send_signal(signal.SIGKILL)
        try:
            # Whoever lives holds the other end of this pipe.
            parent.communicate(timeout=600)
        except subprocess.TimeoutExpired:
            os.kill(desk, signal.SIGKILL)
            raise

    assert -signal.SIGKILL == parent.returncode


@pytest.fixture
def locked(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    """A connection that keeps everybody else out of the log until it is closed."""

    async def made() -> None:
        stream = Embedded(tmp_path / "log.sqlite", groups=GROUPS)
        await stream.start()
        await stream.close()

    asyncio.run(made())
    with closing(sqlite3.connect(tmp_path / "log.sqlite", isolation_level=None)) as connection:
        connection.execute("PRAGMA locking_mode = EXCLUSIVE")
        connection.execute("BEGIN EXCLUSIVE")
        yield connection


def test_who_holds_the_log_yet_is_waited_for(tmp_path: Path, locked: sqlite3.Connection) -> None:
    """The start says what it waits for, and goes on as soon as the other one lets go."""
    said: list[str] = []

    def say(line: str) -> None:
        said.append(line)
        locked.close()

    async def begun() -> int:
        stream = Embedded(tmp_path / "log.sqlite", groups=GROUPS, busy_seconds=0.1)
        await patiently_opened(stream.start, say, asyncio.Event(), seconds=60)
        lag = (await stream.lags())["router"]
        await stream.close()
        return lag

    lag = asyncio.run(begun())

    assert 0 == lag
    assert ["waiting, " in line and "log.sqlite: another program holds its lock" in line for line in said] == [True]


@pytest.mark.parametrize(("seconds", "said"), [(0.01, "fuser"), (0, "goes on when that one lets go")])
def test_who_never_lets_go_is_named(tmp_path: Path, locked: sqlite3.Connection, seconds: float, said: str) -> None:
    """In the end the start fails, and says how to find out who it is."""
    stream = Embedded(tmp_path / "log.sqlite", groups=GROUPS, busy_seconds=0.01)

    with pytest.raises(Unavailable, match=said):
        asyncio.run(patiently_opened(stream.start, print, asyncio.Event(), seconds=seconds))


def test_who_is_told_to_stop_waits_no_longer(tmp_path: Path, locked: sqlite3.Connection) -> None:
    """A stop while it waits is heeded."""
    stream = Embedded(tmp_path / "log.sqlite", groups=GROUPS, busy_seconds=0.01)

    async def stopped() -> None:
        stop = asyncio.Event()
        await patiently_opened(stream.start, lambda _: stop.set(), stop, seconds=3600)

    with pytest.raises(Unavailable, match="holds its lock"):
        asyncio.run(stopped())


async def test_a_start_that_takes_long_says_that_it_loads() -> None:
    """A clean start, too, takes its time: nothing in its words sounds like a fault."""
    said: list[str] = []
    heard = asyncio.Event()

    def say(line: str) -> None:
        said.append(line)
        heard.set()

    async def ready() -> None:
        await heard.wait()

    await in_time(ready(), say, LOADS, seconds=0)

    assert ["loading (up to a minute)"] == said
