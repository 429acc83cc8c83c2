"""The back office in a process of its own: routing and sinks, so that the door has an interpreter to itself.

The parent starts it, starts it anew when it dies, and is followed by it when it dies itself: the pipe between them
ends with either. What both share lies in the stores, so either may be killed at any moment.
"""

import asyncio
import contextlib
import multiprocessing
import os
import signal
from collections.abc import Callable, Mapping
from functools import partial
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path

import msgspec

from config.schema import City
from core import telemetry
from core.clock import Rehearsal
from core.errors import ConfigError, Unavailable
from pipeline.build import Plan, plan
from pipeline.house import House, Role
from pipeline.memory import few_arenas
from pipeline.metrics import Sample, snapshot
from pipeline.orphan import end_with
from pipeline.reload import encoded
from pipeline.roles import started

ROLES: frozenset[Role] = frozenset({"router", "sinks"})
_REPORT_SECONDS = 1.0
_NICENESS = 5
_FIRST_WAIT_SECONDS, _LONGEST_WAIT_SECONDS = 0.5, 15.0
# What it may take to finish what it has begun.
_STOP_SECONDS = 8.0
_GO = b"go"
_encode = msgspec.msgpack.Encoder().encode


class Report(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the child says: at first `ready` or a `mistake`, then once a second what it counted."""

    ready: bool = False
    mistake: tuple[str, ...] = ()
    samples: list[Sample] = []
    degraded: dict[str, str] = {}
    # The city that the child took over from changed files, said once.
    city: bytes = b""


_reports = msgspec.msgpack.Decoder(Report)


class BackOffice:
    """The parent's side. `samples` are the child's latest counts."""

    def __init__(self, made: Plan) -> None:
        self._plan = made
        self._context = multiprocessing.get_context("spawn")
        self._process: BaseProcess | None = None
        self._pipe: Connection | None = None
        self.is_ready = False
        self.samples: list[Sample] = []
        self.degraded: dict[str, str] = {}
        self.follow: Callable[[City], None] = _nobody
        self._city = b""

    def start(self) -> None:
        """Starts the child; returns at once."""
        ours, theirs = self._context.Pipe()
        target = partial(work, self._plan.path, dict(self._plan.environment), self._city)
        # Not a daemon: it has a child of its own, and ends with the pipe.
        self._process = self._context.Process(target=target, args=(theirs,), name="back office")
        self._process.start()
        theirs.close()
        self._pipe = ours

    async def ready(self) -> None:
        """Waits until the child works; raises `ConfigError` with what keeps it from that."""
        report = await self._next()
        if report is None or report.mistake:
            raise ConfigError(*(report.mistake if report else ("the back office ended before it was ready",)))
        self.is_ready = True

    def go(self) -> None:
        """Lets the child's clock run: the instance is ready."""
        if self._pipe is not None:
            with contextlib.suppress(OSError):
                self._pipe.send_bytes(_GO)

    async def watch(self) -> None:
        """Takes the child's reports and starts it anew when it dies, for ever."""
        wait = _FIRST_WAIT_SECONDS
        while True:
            report = await self._next()
            if report is not None and not report.mistake:
                wait, self.is_ready = _FIRST_WAIT_SECONDS, True
                self.samples, self.degraded = report.samples or self.samples, report.degraded
                if report.city:
                    self._city = report.city
                    self.follow(City.model_validate_json(report.city))
                continue
            self.is_ready = False
            why = "; ".join(report.mistake) if report else "the process ended"
            telemetry.waiting(part="back office", reason=why, seconds=wait)
            await asyncio.sleep(wait)
            wait = min(wait * 2, _LONGEST_WAIT_SECONDS)
            await self.stop()
            # The files may be wrong meanwhile: what held before holds on.
            self._city = self._city or encoded(self._plan.city)
            self.start()
            self.go()

    async def stop(self) -> None:
        """Ends the child by ending the pipe; kills it when it does not heed that."""
        if self._pipe is not None:
            self._pipe.close()
            self._pipe = None
        if self._process is not None:
            await asyncio.to_thread(self._process.join, _STOP_SECONDS)
            self._process.kill()
            await asyncio.to_thread(self._process.join, 2)
            self._process = None

    async def _next(self) -> Report | None:
        return None if self._pipe is None else await heard(self._pipe)


async def heard(pipe: Connection) -> Report | None:
    """Returns the next report of the child at the other end, None when it is gone."""
    seen = asyncio.Event()
    listen(pipe, seen.set)
    try:
        await seen.wait()
    finally:
        asyncio.get_running_loop().remove_reader(pipe.fileno())
    try:
        return _reports.decode(pipe.recv_bytes())
    except (EOFError, OSError, msgspec.DecodeError):
        return None


def listen(pipe: Connection, hear: Callable[[], None]) -> None:
    """Calls `hear` whenever something can be read."""
    asyncio.get_running_loop().add_reader(pipe.fileno(), hear)
    # uvloop has just made it one that never waits: a city is longer than what it holds, and would be torn.
    os.set_blocking(pipe.fileno(), True)


def work(path: Path, environment: Mapping[str, str], city: bytes, pipe: Connection) -> None:
    """Runs in the child until the parent ends the pipe, or is gone; with `city`, by that one at first and not by the
    files, which may be wrong meanwhile."""
    import uvloop

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    # Whoever knocks is heard first: what waits in the stream is safe there.
    os.nice(_NICENESS)
    end_with(pipe, grace_seconds=_STOP_SECONDS)
    few_arenas()
    try:
        made = plan(path, environment, city=City.model_validate_json(city) if city else None)
        telemetry.configure(json=made.settings.log.json_lines)
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_serve(made, pipe))
    except ConfigError as error:
        tell(pipe, Report(mistake=error.mistakes))
    except Unavailable as error:
        tell(pipe, Report(mistake=(error.reason,)))


async def _serve(made: Plan, pipe: Connection) -> None:
    stop = asyncio.Event()
    # The locks of a back office whose parent was killed a moment ago are let go when it has seen that.
    async with started(made, ROLES, _quiet, stop, lock_wait_seconds=30) as house:
        tell(pipe, Report(ready=True))
        listen(pipe, partial(_heed, house, pipe))
        house.followers.append(partial(_tell_city, house, pipe))
        house.begin(house.loops, _report(house, pipe), "report")
        await stop.wait()
        asyncio.get_running_loop().remove_reader(pipe.fileno())


def _heed(house: House, pipe: Connection) -> None:
    """The parent says go, or its end of the pipe is gone."""
    try:
        pipe.recv_bytes()
    except (EOFError, OSError):
        house.stop.set()
        return
    if isinstance(house.clock, Rehearsal):
        house.clock.start()


async def _report(house: House, pipe: Connection) -> None:
    while True:
        await asyncio.sleep(_REPORT_SECONDS)
        tell(pipe, Report(samples=snapshot(), degraded=house.status.degraded))


def _tell_city(house: House, pipe: Connection) -> None:
    """At once: whoever is started after this process decides by the city that it took over last."""
    tell(pipe, Report(samples=snapshot(), degraded=house.status.degraded, city=encoded(house.plan.city)))


def tell(pipe: Connection, report: Report) -> None:
    """Says it to the parent."""
    # A parent that is gone is noticed where its words are read.
    with contextlib.suppress(OSError):
        pipe.send_bytes(_encode(report))


def _nobody(_city: City) -> None:
    """Nobody shows what the city's files say."""


def _quiet(_line: str) -> None:
    """The parent speaks for both."""
