"""Durable append: our log beside the bare disk and beside a queue library, taking turns in one run."""

import asyncio
import itertools
import os
import statistics
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import Any

import persistqueue
import uvloop

from streams.base import INBOUND, Entry
from streams.embedded import Embedded

BODY = os.urandom(600)
ROUNDS = 7
ROUND_SECONDS = 0.35


def rows() -> list[dict[str, Any]]:
    """Returns a row for each way to append: one at a time, a hundred at a time, a hundred callers at a time."""
    return [
        _row("durable append, one at a time", 1, 1, "limit: raw append and fdatasync of each; target 0.5 of it"),
        _row("durable append, 100 at a time", 100, 1, "limit: raw append and fdatasync of 100; target 60,000"),
        _row(
            "durable append, 100 callers", 1, 100, "one record each, ours shares the syncs; limit: raw, one at a time"
        ),
    ]


class Contestant(ABC):
    """Somebody who makes records durable, `together` in one call."""

    def __init__(self, folder: Path, together: int) -> None:
        self.folder = folder
        self.together = together

    @abstractmethod
    def append(self) -> int:
        """Makes some records durable; returns how many."""

    @abstractmethod
    def close(self) -> None: ...


class Raw(Contestant):
    """The limit: a file that only grows."""

    def __init__(self, folder: Path, together: int) -> None:
        super().__init__(folder, together)
        self._file = os.open(folder / "raw", os.O_CREAT | os.O_WRONLY | os.O_APPEND)

    def append(self) -> int:
        os.write(self._file, BODY * self.together)
        os.fdatasync(self._file)
        return self.together

    def close(self) -> None:
        os.close(self._file)


class Peer(Contestant):
    """persist-queue's SQLite queue: it syncs every record by itself, also of many, and knows no identities."""

    def __init__(self, folder: Path, together: int) -> None:
        super().__init__(folder, together)
        self._queue = persistqueue.FIFOSQLiteQueue(str(folder / "peer"), auto_commit=True)

    def append(self) -> int:
        for _ in range(self.together):
            self._queue.put(BODY)
        return self.together

    def close(self) -> None:
        self._queue.close()


class Ours(Contestant):
    """`publish` with an identity for every record, by `callers` at the same time, on the loop that production runs."""

    def __init__(self, folder: Path, together: int, callers: int) -> None:
        super().__init__(folder, together)
        self._callers = callers
        self._numbers = itertools.count()
        self._runner = asyncio.Runner(loop_factory=uvloop.new_event_loop)
        self._stream = Embedded(folder / "ours.db", groups={INBOUND: ["router"]}, lag_limit=10**9)
        self._runner.run(self._stream.start())

    def append(self) -> int:
        # Many calls in one run of the loop: starting and stopping it is no part of a publish.
        return self._runner.run(self._append_for(ROUND_SECONDS / 10))

    async def _append_for(self, seconds: float) -> int:
        end = time.perf_counter() + seconds
        return sum(await asyncio.gather(*[self._call_until(end) for _ in range(self._callers)]))

    async def _call_until(self, end: float) -> int:
        count = 0
        while time.perf_counter() < end:
            count += sum(await self._stream.publish(*[self._entry() for _ in range(self.together)]))
        return count

    def _entry(self) -> Entry:
        identity = os.urandom(12) + next(self._numbers).to_bytes(4, "big")
        return Entry(topic=INBOUND, key="sms:+821012345678", body=BODY, identity=identity)

    def close(self) -> None:
        self._runner.run(self._stream.close())
        self._runner.close()


def _row(what: str, together: int, callers: int, note: str) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="bench-append-", dir=_disk()) as folder:
        place = Path(folder)
        contestants = [Raw(place, together), Peer(place, together), Ours(place, together, callers)]
        # The first round makes the files; what is sustained shows afterwards.
        rounds = [[_per_second(one.append) for one in contestants] for _ in range(ROUNDS + 1)][1:]
        for one in contestants:
            one.close()
    limit, peer, ours = (statistics.median(column) for column in zip(*rounds, strict=True))
    ratio = statistics.median(us / raw for raw, _, us in rounds)
    return {
        "what": what,
        "ours": ours,
        "peer": peer,
        "limit": limit,
        "unit": "records/s",
        "ratio": ratio,
        "note": f"{note}; peer: persist-queue, no batches",
    }


def _per_second(append: Callable[[], int]) -> float:
    begin = time.perf_counter()
    count = 0
    while (elapsed := time.perf_counter() - begin) < ROUND_SECONDS:
        count += append()
    return count / elapsed


def _disk() -> Path:
    """A disk that syncs: the folder for temporary files is often memory."""
    return Path.cwd()
