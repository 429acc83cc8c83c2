"""How the flow waits: patiently for what is unavailable, between batches, and for the bell."""

import asyncio
import math
import random
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from core import telemetry
from core.errors import Unavailable

FIRST_WAIT_SECONDS, LONGEST_WAIT_SECONDS = 0.1, 15.0

T = TypeVar("T")


async def patiently(part: str, act: Callable[[], Awaitable[T]]) -> T:
    """Does it; while it is `Unavailable`, tries again with growing waits, for ever: what waits here is durable."""
    wait = FIRST_WAIT_SECONDS
    tried = False
    while True:
        try:
            done = await act()
        except Unavailable as error:
            telemetry.waiting(part=part, reason=error.reason, seconds=wait)
            await asyncio.sleep(wait * random.uniform(0.8, 1.2))
            wait, tried = min(wait * 2, LONGEST_WAIT_SECONDS), True
            continue
        if tried:
            telemetry.recovered(part=part)
        return done


class Pace:
    """Keeps batches apart: in a steady flow few large ones cost a fraction of many small ones, and a lone message
    after a pause waits for nobody."""

    def __init__(self, *, seconds: float = 0.1) -> None:
        self._seconds = seconds
        self._begun = -math.inf

    def begin(self) -> None:
        self._begun = time.monotonic()

    async def keep(self) -> None:
        """Returns when so many seconds have passed since the batch before began."""
        left = self._begun + self._seconds - time.monotonic()
        if left > 0:
            await asyncio.sleep(left)


async def rung_or_after(rung: asyncio.Event, seconds: float | None) -> None:
    """Waits for the bell, at most so many seconds; looks once in a while even when it never rings."""
    try:
        await asyncio.wait_for(rung.wait(), timeout=min(seconds or LONGEST_WAIT_SECONDS, LONGEST_WAIT_SECONDS))
    except TimeoutError:
        return
