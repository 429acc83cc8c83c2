"""Fills an index that is new, or took the place of a damaged one, with everything that the case store holds."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Protocol

from cases.store import CaseStore
from core import telemetry
from core.wire import Routed
from pipeline.waiting import patiently


class Index(Protocol):
    """A search sink that can tell whether it lacks older messages."""

    @property
    def needs_rebuild(self) -> bool: ...
    def rebuilt(self) -> None: ...
    async def setup(self) -> None: ...
    async def write(self, records: Sequence[Routed]) -> Mapping[int, str]: ...


_BEGINNING = datetime(2000, 1, 1, tzinfo=UTC)
_AT_ONCE = 1_000
_LOOK_SECONDS = 5.0


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
    done, after = 0, ""
    while stored := await patiently(
        "search", partial(asyncio.to_thread, store.views.since, _BEGINNING, limit=_AT_ONCE, after=after)
    ):
        await patiently("search", partial(search.write, stored))
        done, after = done + len(stored), stored[-1].message.id
    await patiently("search", partial(asyncio.to_thread, search.rebuilt))
    del degraded["search"]
    if done:
        telemetry.noted("search index built again", messages=done)
