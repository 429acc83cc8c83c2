"""What the case store does once in a while by itself: forget words that were kept long enough, count anew."""

import asyncio
from datetime import timedelta

from cases.tidy import Tidy
from core import telemetry
from core.clock import Clock
from core.errors import Unavailable

_EVERY_SECONDS, _AGAIN_SECONDS = 6 * 3600.0, 300.0
# Between two batches others write.
_REST_SECONDS = 0.05


async def tidy(store: Tidy, keep_days: int | None, machine: Clock) -> None:
    """Tidies at the start and every six hours, for ever; how long words are kept is counted by the machine's clock."""
    while True:
        try:
            await _forget(store, keep_days, machine)
            await asyncio.to_thread(store.let_threads_go)
            await asyncio.to_thread(store.recount)
        except Unavailable as error:
            telemetry.waiting(part="tidy", reason=error.reason, seconds=_AGAIN_SECONDS)
            await asyncio.sleep(_AGAIN_SECONDS)
            continue
        await asyncio.sleep(_EVERY_SECONDS)


async def _forget(store: Tidy, keep_days: int | None, machine: Clock) -> None:
    if keep_days is None:
        return
    before = machine() - timedelta(days=keep_days)
    forgotten = 1
    while forgotten:
        forgotten = await asyncio.to_thread(store.forget, before)
        await asyncio.sleep(_REST_SECONDS)
