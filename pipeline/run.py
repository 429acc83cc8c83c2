"""The `run` verb: starts what was asked for, says how it goes, stops it cleanly."""

import asyncio
import signal
from collections.abc import Coroutine
from contextlib import AsyncExitStack
from functools import partial
from typing import Any, Literal

from core.clock import Rehearsal
from pipeline import place
from pipeline.back import ROLES, BackOffice
from pipeline.broadcast_targets import announcers, unready
from pipeline.build import Plan
from pipeline.house import House, Role, Say
from pipeline.memory import few_arenas
from pipeline.roles import started

Asked = Literal["all", "intake", "router", "sinks", "web"]
_SAY_SECONDS = 10.0
LOADS = "loading (up to a minute)"
_LEFT_BEHIND = (
    "waiting for a back office that was left behind by a kill to let go of its locks (some seconds), then loading"
)
_FRONT: frozenset[Role] = frozenset({"intake", "web"})


async def run(plan: Plan, asked: Asked, say: Say) -> None:
    """Runs until SIGTERM or SIGINT. Raises `ConfigError` when something that it needs cannot be had."""
    few_arenas()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    place.prepare(plan.var)
    plan.seal()
    async with AsyncExitStack() as stack:
        if asked != "all":
            house = await stack.enter_async_context(started(plan, frozenset({asked}), say, stop))
            _announce(house)
        else:
            await _start_all(plan, say, stop, stack)
        await stop.wait()
        say("stopping …")
    say("stopped; nothing is lost")


async def _start_all(plan: Plan, say: Say, stop: asyncio.Event, stack: AsyncExitStack) -> None:
    """The door in this process, the back office in another."""
    back = BackOffice(plan)
    is_held = any(place.is_held(plan.var, role) for role in ROLES)
    stack.push_async_callback(back.stop)
    house = await stack.enter_async_context(started(plan, _FRONT, say, stop, opened=partial(_start_back, back)))
    await in_time(back.ready(), say, _LEFT_BEHIND if is_held else LOADS)
    house.begin(house.loops, back.watch(), "back office")
    # The back office, which posts, says nothing itself.
    for note in unready(plan.city, announcers(plan)):
        say(note)
    _announce(house)
    back.go()


async def in_time(ready: Coroutine[Any, Any, None], say: Say, line: str, *, seconds: float = _SAY_SECONDS) -> None:
    """Waits until something is ready, and says this when that takes long."""
    waiting = asyncio.ensure_future(ready)
    try:
        if not (await asyncio.wait([waiting], timeout=seconds))[0]:
            say(line)
        await waiting
    finally:
        waiting.cancel()


def _start_back(back: BackOffice, house: House) -> None:
    """Starts the back office as soon as it can be: it loads while this process does."""
    back.start()
    house.status.back = back
    house.others = lambda: back.samples
    back.follow = house.follow


def _announce(house: House) -> None:
    house.begin(house.loops, house.status.watch(), "status")
    if isinstance(house.clock, Rehearsal):
        house.say(f"REHEARSAL: the business clock begins at {house.clock().isoformat()} (EUNGDAPSO_NOW)")
        house.clock.start()
    for line in (*house.plan.notes, *house.addresses, "ready"):
        house.say(line)
