"""Asks the channels that have to be asked: one process at a time each, from the place that was kept last."""

import asyncio
import random
from contextlib import suppress
from functools import partial
from typing import Any

from cases.places import Places
from connectors.base import Accept, Asked, Poller
from core import telemetry
from core.clock import Clock
from core.errors import Rejected, Unavailable

_FIRST_WAIT_SECONDS, _LONGEST_WAIT_SECONDS = 1.0, 300.0
# Whoever has no turn looks again after this time; the turn lasts a little longer than one question may.
_LOOK_SECONDS, _MARGIN_SECONDS = 10.0, 30.0


async def poll(part: Poller[Any], accept: Accept, places: Places, clock: Clock, degraded: dict[str, str]) -> None:
    """Asks for ever; a provider that is away, or refuses us, less and less often, and `degraded` tells."""
    wait, name = _FIRST_WAIT_SECONDS, f"connectors.{part.name}"
    try:
        while True:
            try:
                asked = await _turn(part, accept, places, clock)
            except (Unavailable, Rejected) as error:
                seconds = max(getattr(error, "retry_after_seconds", None) or 0, wait * random.uniform(0.5, 1.0))
                degraded[name] = f"cannot be asked: {error.reason}"
                telemetry.waiting(part=name, reason=error.reason, seconds=seconds)
                await asyncio.sleep(seconds)
                wait = min(wait * 2, _LONGEST_WAIT_SECONDS)
            else:
                degraded.pop(name, None)
                if asked.note:
                    degraded[name] = asked.note
                wait = _FIRST_WAIT_SECONDS
                await asyncio.sleep(asked.wait_seconds)
    finally:
        await part.close()
        with suppress(Unavailable):
            await asyncio.to_thread(places.leave, part.name)


async def _turn(part: Poller[Any], accept: Accept, places: Places, clock: Clock) -> Asked:
    """Asks once when it is our turn; returns how long to wait before the next, and what is to be told."""
    seconds = part.turn_seconds
    place = await asyncio.to_thread(places.take, part.name, seconds + _MARGIN_SECONDS)
    if place is None:
        return Asked(place="", wait_seconds=_LOOK_SECONDS)
    try:
        async with asyncio.timeout(seconds):
            asked = await part.ask(place, accept, clock)
    except TimeoutError as error:
        raise Unavailable(f"no end within {seconds:.0f} s") from error
    if asked.place != place:
        await asyncio.to_thread(partial(places.keep, part.name, asked.place))
    return asked
