"""Sealed objects of one kind by the month (Asia/Seoul) of the message that they belong to, forgotten in time."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from datetime import datetime, timedelta
from typing import TypeVar

import zstandard

from core import telemetry
from core.clock import SEOUL, Clock, machine_clock
from core.errors import Rejected, Unavailable
from core.wire import Seal
from sinks import _month
from sinks._objects import Store

# The calendar begins with the year 1.
_FOR_EVER_DAYS = 365_000
_SWEEP_EVERY = timedelta(hours=1)
# In one go: who is asked to write meanwhile waits for it.
_SWEPT_AT_ONCE = 5_000
_DELETED_AT_ONCE = 1_000

T = TypeVar("T")


class Kept:
    """Objects `<kind>/2026-11/<rest>`, compressed and sealed.

    A month goes whole, `keep_days` after its last day by `clock`: the machine's, so that a rehearsal at another time
    deletes nothing; nor does a month go to which this process wrote.
    """

    def __init__(self, store: Store, kind: str, *, seal: Seal, keep_days: int, clock: Clock = machine_clock) -> None:
        self.store = store
        self.seal = seal
        self._kind = kind
        self._keep_days = keep_days
        self._clock = clock
        self._written: set[str] = set()
        self._next_sweep: datetime | None = None

    def folder(self, at: datetime) -> str:
        """Returns the folder for what belongs to a message received then."""
        return f"{self._kind}/{_month.month_of(at)}"

    async def months(self) -> list[str]:
        """Returns the folders that there are, the newest first."""
        return sorted(await self.store.folders(self._kind), reverse=True)

    def packed(self, body: bytes) -> bytes:
        return self.seal.seal_alike(zstandard.ZstdCompressor().compress(body))

    async def put(self, name: str, packed: bytes) -> None:
        self._written.add(name.split("/")[1])
        await self.store.put(name, packed)

    async def get(self, name: str) -> bytes:
        """Returns what was packed; raises `Rejected` when it is not kept (any more), or damaged."""
        sealed = await self.store.get(name)
        return await asyncio.to_thread(self._opened, name, sealed)

    def _opened(self, name: str, sealed: bytes) -> bytes:
        try:
            return zstandard.ZstdDecompressor().decompress(self.seal.open(sealed))
        except Rejected as error:
            raise Rejected(f"the object {name}: {error.reason}") from error
        except zstandard.ZstdError as error:
            raise Rejected(f"the object {name} is damaged: {error}") from error

    async def sweep(self) -> None:
        """Deletes of what is over as much as takes a moment; looks once an hour, and on while something is left.

        What cannot be deleted now is told and tried an hour later: nobody's writing waits for that.
        """
        now = self._clock()
        if self._next_sweep is not None and now < self._next_sweep:
            return
        try:
            is_done = await self._swept(now)
        except Unavailable as error:
            telemetry.warned("what is over cannot be deleted now", kind=self._kind, reason=error.reason)
            is_done = True
        self._next_sweep = now + _SWEEP_EVERY if is_done else None

    async def _swept(self, now: datetime) -> bool:
        left = _SWEPT_AT_ONCE
        for folder in self._over(await self.store.folders(self._kind), now):
            left = await self._delete(folder, left)
            if not left:
                return False
        return True

    def _over(self, folders: Iterable[str], now: datetime) -> list[str]:
        oldest = now.astimezone(SEOUL).date() - timedelta(days=min(self._keep_days, _FOR_EVER_DAYS))
        months = {folder.rpartition("/")[2]: folder for folder in folders}
        return [
            folder
            for month, folder in sorted(months.items())
            if _month.MONTH.fullmatch(month) and month not in self._written and _month.last_day(month) < oldest
        ]

    async def _delete(self, folder: str, most: int) -> int:
        """Deletes at most so many objects of the folder; returns how many more may go."""
        names: list[str] = []
        async for name in self.store.names(folder):
            names.append(name)
            if len(names) == most:
                break
        for begin in range(0, len(names), _DELETED_AT_ONCE):
            await self.store.delete(*names[begin : begin + _DELETED_AT_ONCE])
        return most - len(names)


async def together(works: Iterable[Callable[[], Awaitable[T]]], most: int) -> list[T]:
    """Does all of it, `most` at a time; the first that fails ends the others, and is raised."""
    turns = asyncio.Semaphore(most)

    async def in_turn(work: Callable[[], Awaitable[T]]) -> T:
        async with turns:
            return await work()

    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(in_turn(work)) for work in works]
    except ExceptionGroup as failed:
        raise failed.exceptions[0] from failed
    return [task.result() for task in tasks]
