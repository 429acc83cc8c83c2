"""The case store as a sink: every decided message becomes a case, joins one, or is recorded with its reason."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from core.errors import Rejected
from core.wire import Routed
from sinks.base import Sink

if TYPE_CHECKING:
    from cases.store import CaseStore


class Cases(Sink[Routed]):
    """Writes batches into the case store, which is opened here and closed by whoever made it."""

    topic = "routed"
    takes = Routed

    def __init__(self, store: "CaseStore") -> None:
        self._store = store

    async def setup(self) -> None:
        await asyncio.to_thread(self._store.open)

    async def write(self, records: Sequence[Routed]) -> Mapping[int, str]:
        """Makes the records durable in one transaction; one that cannot be is found and left out."""
        return await asyncio.to_thread(self._write, records, 0)

    async def close(self) -> None:
        """Nothing is begun that would have to be finished."""

    def _write(self, records: Sequence[Routed], first: int) -> dict[int, str]:
        try:
            self._store.record(records)
        except Rejected as error:
            if len(records) == 1:
                return {first: error.reason}
            # Halves keep their order, and a batch with one bad record costs few transactions.
            middle = len(records) // 2
            return self._write(records[:middle], first) | self._write(records[middle:], first + middle)
        return {}
