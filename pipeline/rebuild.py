"""Fills an index that is new, or took the place of a damaged one, with everything that the case store holds."""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Protocol

from cases.store import CaseStore
from core import telemetry
from core.wire import Routed
from pipeline.waiting import patiently

_BEGINNING = datetime(2000, 1, 1, tzinfo=UTC)
_AT_ONCE = 1_000
_LOOK_SECONDS = 5.0


class Index(Protocol):
    """A search sink that can tell whether it lacks older messages."""

    @property
    def needs_rebuild(self) -> bool: ...
    def rebuilt(self) -> None: ...
    async def setup(self) -> None: ...
    async def write(self, records: Sequence[Routed]) -> Mapping[int, str]: ...


async def watch(search: Index, store: CaseStore, degraded: dict[str, str]) -> None:
    """Looks for ever whether the index lacks something: it may be damaged or deleted while it is in use."""
    while True:
        await rebuild(search, store, degraded)
        await asyncio.sleep(_LOOK_SECONDS)


async def rebuild(search: Index, store: CaseStore, degraded: dict[str, str]) -> None:
    """Writes every stored message again while new ones go on coming in; `degraded` says so meanwhile."""
    await patiently("search", search.setup)
    if not search.needs_rebuild:
        return
    degraded["search"] = "the index is being built again; older messages are found when that is done"
    done = 0
    async for stored in _stored(store):
        await patiently("search", partial(search.write, stored))
        done += len(stored)
    await patiently("search", partial(asyncio.to_thread, search.rebuilt))
    del degraded["search"]
    if done:
        telemetry.noted("search index built again", messages=done)


class Exchanged(Protocol):
    """An index that is made anew beside the one in use, and then takes its place."""

    async def begin_rebuild(self) -> None: ...
    async def refill(self, records: Sequence[Routed]) -> Mapping[int, str]: ...
    async def finish_rebuild(self, gone: Collection[str] = ...) -> list[str]: ...


async def reindex(search: Exchanged, store: CaseStore, say: Callable[[int], None]) -> int:
    """Makes the index anew while everything runs; returns how many messages it holds. `say` is told how far it is.

    The exchange waits until the new one has every message of the old one, but those that the store does not know.
    """
    await search.begin_rebuild()
    done = await _refilled(search, store, say)
    gone: set[str] = set()
    while lacking := set(await search.finish_rebuild(gone)):
        known: set[str] = set()
        async for stored in _stored(store):
            if wanted := [one for one in stored if one.message.id in lacking]:
                await search.refill(wanted)
                known |= {one.message.id for one in wanted}
        gone |= lacking - known
    return done


async def _refilled(search: Exchanged, store: CaseStore, say: Callable[[int], None]) -> int:
    done = 0
    async for stored in _stored(store):
        await search.refill(stored)
        done += len(stored)
        say(done)
    return done


async def _stored(store: CaseStore) -> AsyncIterator[Sequence[Routed]]:
    """Yields everything that the case store holds, oldest first."""
    after = ""
    while stored := await patiently(
        "search", partial(asyncio.to_thread, store.views.since, _BEGINNING, limit=_AT_ONCE, after=after)
    ):
        yield stored
        after = stored[-1].message.id
