"""The `run` verb: starts what was asked for, says how it goes, stops it cleanly."""

import asyncio
import signal
from contextlib import AsyncExitStack
from functools import partial
from typing import Literal

from core.clock import Rehearsal
from pipeline import place
from pipeline.back import BackOffice
from pipeline.build import Plan
from pipeline.house import House, Role, Say
from pipeline.memory import few_arenas
from pipeline.roles import started

Asked = Literal["all", "intake", "router", "sinks", "web"]
_SAY_SECONDS = 10.0
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
    stack.push_async_callback(back.stop)
    house = await stack.enter_async_context(started(plan, _FRONT, say, stop, opened=partial(_start_back, back)))
    await _ready(back, say)
    house.begin(house.loops, back.watch(), "back office")
    _announce(house)
    back.go()


async def _ready(back: BackOffice, say: Say) -> None:
    """Waits for the back office, and says so when that takes long."""
    ready = asyncio.ensure_future(back.ready())
    try:
        if not (await asyncio.wait([ready], timeout=_SAY_SECONDS))[0]:
            say("waiting for the back office: it loads, or one that was left behind by a kill holds its locks yet")
        await ready
    finally:
        ready.cancel()


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
