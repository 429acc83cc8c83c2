"""What one running process holds, opened in order and let go in the opposite one."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Literal

from cases.letters import Letters
from cases.store import CaseStore
from config.schema import City
from core import telemetry
from core.clock import Clock, clock_of, machine_clock
from core.errors import Unavailable
from core.wire import Seal
from pipeline import bell, place
from pipeline.alarms import Alarms
from pipeline.bell import Bell
from pipeline.build import Plan
from pipeline.changes import Changes
from pipeline.engines import EMBEDDED
from pipeline.metrics import Sample
from pipeline.status import Status
from streams.base import Stream

Role = Literal["intake", "router", "sinks", "web"]
Say = Callable[[str], None]
# How long files may still be held by processes whose instance was killed a moment ago; those end within ten seconds.
_LET_GO_SECONDS, _AGAIN_SECONDS = 30.0, 0.5


@dataclass(kw_only=True)
class House:
    """`doors` are closed first, so that what came in is still made durable; then the `loops`."""

    plan: Plan
    say: Say
    seal: Seal
    store: CaseStore
    stream: Stream
    status: Status
    clock: Clock
    stop: asyncio.Event
    changes: Changes
    alarms: Alarms
    # What other processes of this instance counted.
    others: Callable[[], list[Sample]] = list
    doors: list[asyncio.Task[None]] = field(default_factory=list)
    loops: list[asyncio.Task[None]] = field(default_factory=list)
    addresses: list[str] = field(default_factory=list)
    # Whoever shows what the city's files say.
    followers: list[Callable[[], None]] = field(default_factory=list)

    def follow(self, city: City) -> None:
        """Lets everything in this process know the city by other files, at once; raises `ConfigError` for letters
        that cannot be used."""
        letters = Letters(city, styles=self.plan.styles)
        self.plan = replace(self.plan, city=city)
        self.store.follow(letters)
        for follower in self.followers:
            follower()

    def begin(self, kind: list[asyncio.Task[None]], work: Coroutine[Any, Any, None], name: str) -> None:
        """Starts a task that runs for ever; when it ends, the process stops: half a pipeline is worse than none."""
        task = asyncio.create_task(work, name=name)
        task.add_done_callback(lambda _: self.stop.set())
        kind.append(task)

    async def end(self) -> None:
        """Ends all tasks; raises what the first one failed with."""
        for tasks in (self.doors, self.loops):
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        for task in (*self.doors, *self.loops):
            if not task.cancelled() and (error := task.exception()) is not None:
                telemetry.warned("a part ended by itself", part=task.get_name(), error=type(error).__name__)
                raise error


async def open_house(plan: Plan, roles: frozenset[Role], say: Say, stop: asyncio.Event, stack: AsyncExitStack) -> House:
    """Opens the stores that every role needs; `stack` closes them. The roles' locks are the caller's matter."""
    seal = plan.seal()
    clock = clock_of(plan.environment)
    store = plan.store(seal, clock)
    await patiently_opened(partial(asyncio.to_thread, store.open), say, stop, seconds=_wait(plan, "cases"))
    stack.push_async_callback(asyncio.to_thread, store.close)
    # Where messages come in: what the back office is about to write need not wait for the broom.
    stream = plan.stream(tidies="intake" in roles)
    await patiently_opened(stream.start, say, stop, seconds=_wait(plan, "stream"))
    stack.push_async_callback(stream.close)
    outbox = stack.enter_context(Bell(plan.var / bell.OUTBOX)) if "sinks" in roles else None
    cases = stack.enter_context(Bell(plan.var / bell.CASES)) if "web" in roles else None
    status = Status(stream, store.views.counts, lag_limit=plan.settings.limits.lag_limit, say=say)
    return House(
        plan=plan,
        say=say,
        seal=seal,
        store=store,
        stream=stream,
        status=status,
        clock=clock,
        stop=stop,
        changes=Changes(outbox, cases, plan.var / bell.CASES),
        alarms=Alarms(plan.listening, store.places, status.degraded, machine_clock, plan.connectors),
    )


async def patiently_opened(
    open_it: Callable[[], Awaitable[None]], say: Say, stop: asyncio.Event, *, seconds: float
) -> None:
    """Opens it; tries again for so long while it is `Unavailable`, says so, and raises that in the end."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            return await open_it()
        except Unavailable as error:
            left = deadline - time.monotonic()
            if not seconds or stop.is_set():
                raise
            if left <= 0:
                raise Unavailable(
                    f"{error.reason} (it did not within {seconds:.0f} s). A process of an instance that was killed may "
                    "be there still: `fuser -v` and the file say which; end it, then start again"
                ) from error
            say(f"waiting, {left:.0f} s more at the most: {error.reason}")
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), _AGAIN_SECONDS)


def _wait(plan: Plan, engine: Literal["cases", "stream"]) -> float:
    # A server that is away is waited for by whoever starts containers anew.
    return _LET_GO_SECONDS if getattr(plan.settings, engine) == EMBEDDED else 0


def lock_roles(plan: Plan, roles: frozenset[Role], stack: AsyncExitStack, *, wait_seconds: float = 0) -> None:
    """Takes the locks of these roles; raises `ConfigError` when another instance holds one after the wait."""
    for role in sorted(roles):
        lock = place.Lock(plan.var, role)
        lock.take(wait_seconds=wait_seconds)
        stack.callback(lock.release)
