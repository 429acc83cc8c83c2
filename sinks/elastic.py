"""Makes every message findable, with Elasticsearch: the same words as the embedded index, never the text itself."""

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import ClassVar

from core.errors import Unavailable
from core.wire import Routed
from sinks._elastic_bulk import Bulk, Line, ahead, lines, portions
from sinks._elastic_index import Index
from sinks._elastic_reader import Reader
from sinks._elastic_server import Connection, Server
from sinks._words import FURTHEST, Hit
from sinks.base import Sink

# What whoever builds a pipeline needs beside the sink.
__all__ = ["Elastic", "Hit", "Reader", "Server"]

_ATTEMPTS = 5


class Elastic(Sink[Routed]):
    """The index behind the alias `index`: any number of processes write it, any number read it.

    `write` returns when the engine has acknowledged, which it does with everything on disk. A message is found a
    second later. While a rebuild is under way each message is written to both indexes.
    """

    topic: ClassVar[str] = "routed"
    group: ClassVar[str] = "search"
    takes = Routed
    most: ClassVar[int] = 2_048

    def __init__(
        self, server: Server, *, index: str = "messages", shards: int = 1, most_bytes_at_once: int = 5_000_000
    ) -> None:
        self._connection = Connection(server, timeout_seconds=server.write_timeout_seconds)
        self._index = Index(self._connection, index, shards=shards, furthest=FURTHEST)
        self._bulk = Bulk(self._connection)
        self._reader = Reader(server, index=index)
        self._most_bytes_at_once = most_bytes_at_once
        self._is_open = False
        self._is_complete = False

    async def setup(self) -> None:
        """Makes the index where there is none, also one that vanished since: then `needs_rebuild` holds."""
        self._is_complete = await asyncio.to_thread(self._index.ensure)
        self._is_open = True

    async def write(self, records: Sequence[Routed]) -> Mapping[int, str]:
        return await asyncio.to_thread(self._write, records)

    async def close(self) -> None:
        self._is_open = False
        await asyncio.to_thread(self._connection.close)
        await asyncio.to_thread(self._reader.close)

    @property
    def needs_rebuild(self) -> bool:
        """Whether older messages may be missing, as `setup` last found it: the index is new and nobody filled it."""
        return not self._is_complete

    def rebuilt(self) -> None:
        """Takes note in the index that every older message has been written again.

        This asks the engine: call it in a thread. Raises `Unavailable`.
        """
        self._index.complete()
        self._is_complete = True

    def find(
        self, query: str, *, queues: Sequence[str] | None, confidential: bool, limit: int = 20, offset: int = 0
    ) -> list[Hit]:
        """As `Reader.find`."""
        return self._reader.find(query, queues=queues, confidential=confidential, limit=limit, offset=offset)

    async def begin_rebuild(self) -> None:
        """Makes an empty index beside the one in use; from now on whoever writes, writes to both.

        An unfinished rebuild is given up for this one. The index in use is searched until `finish_rebuild`.
        """
        await asyncio.to_thread(self._index.begin)

    async def refill(self, records: Sequence[Routed]) -> Mapping[int, str]:
        """As `write`, into the next index alone; a message that came there meanwhile stays as it is."""
        return await asyncio.to_thread(self._sent, records, self._refilled)

    async def finish_rebuild(self, gone: Collection[str] = frozenset()) -> list[str]:
        """Puts the next index in the place of the one in use, in one step, and deletes that one; returns nothing.

        Or returns ids that the one in use has and the next one lacks, at most some thousand, and changes nothing:
        `refill` these and call again. `gone` are ids that need not be there because nobody has their message any more.
        """
        lacking = await asyncio.to_thread(self._index.finish, gone)
        self._is_complete = self._is_complete or not lacking
        return lacking

    async def abandon_rebuild(self) -> None:
        """Gives an unfinished rebuild up; the index in use is as it was."""
        await asyncio.to_thread(self._index.abandon)

    def _write(self, records: Sequence[Routed]) -> dict[int, str]:
        if not self._is_open:
            raise Unavailable(f"{self._index.alias}: the search index is not open. Call setup first.")
        return self._sent(records, self._written)

    def _sent(self, records: Sequence[Routed], send: Callable[[Sequence[Line]], Mapping[int, str]]) -> dict[int, str]:
        unwritable: dict[int, str] = {}
        refused: dict[int, str] = {}
        for portion in ahead(portions(lines(records, unwritable), self._most_bytes_at_once)):
            refused |= send(portion)
        return unwritable | refused

    def _written(self, portion: Sequence[Line]) -> Mapping[int, str]:
        for _ in range(_ATTEMPTS):
            outcome = self._bulk.send(portion, self._index.alias, other=self._index.next)
            if not outcome.has_index:
                raise Unavailable(f"{self._index.alias}: there is no search index. Call setup to make a new one.")
            if not outcome.has_other:
                return outcome.refused
            beside = self._bulk.send(portion, self._index.next)
            if beside.has_index:
                return {**outcome.refused, **beside.refused}
            # The rebuild ended between the two: what we wrote to may be the old index.
        raise Unavailable(f"{self._index.next}: rebuilds begin and end all the time. It is tried again.")

    def _refilled(self, portion: Sequence[Line]) -> Mapping[int, str]:
        outcome = self._bulk.send(portion, self._index.next, only_new=True)
        if not outcome.has_index:
            raise Unavailable(f"{self._index.next}: no rebuild of the search index is under way. Begin one.")
        return outcome.refused
