"""News: something changed in the cases or in the outbox. Rung across processes, heard by any number of waiters."""

import asyncio
from pathlib import Path

from pipeline.bell import Bell, ring


class Changes:
    """`outbox` wakes the relay of this process, `cases` whoever waits here for the next change."""

    def __init__(self, outbox: Bell | None, cases: Bell | None, to_ring: Path) -> None:
        self.rung = outbox.rung if outbox is not None else asyncio.Event()
        self._cases = cases
        self._to_ring = to_ring
        self._next = asyncio.Event()

    def tell(self) -> None:
        """Tells the relay here and the pages wherever they are."""
        self.rung.set()
        ring(self._to_ring)

    async def listen(self) -> None:
        """Passes on what the bell says, for ever."""
        while self._cases is not None:
            await self._cases.rung.wait()
            self._cases.rung.clear()
            self._next.set()
            self._next = asyncio.Event()

    async def wait(self, seconds: float) -> None:
        """Returns at the next change, at the latest after so many seconds."""
        try:
            await asyncio.wait_for(self._next.wait(), timeout=seconds)
        except TimeoutError:
            return
