"""The index in Elasticsearch, made anew from the case store; compared by the ids of the messages."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from typing import Any

import msgspec
from elasticsearch import Elasticsearch

from cases.store import CaseStore
from core.errors import ConfigError
from pipeline.migrate_count import Compared, Progress, tally
from pipeline.rebuild import reindex
from sinks._elastic_server import Connection, read
from sinks.elastic import Elastic, Server

_BEGINNING = datetime(2000, 1, 1, tzinfo=UTC)
_STORED_AT_ONCE, _PAGE = 1_000, 5_000
_ORDER = [{"received_at": "asc"}, {"id": "asc"}]


class _Hit(msgspec.Struct):
    id: str = msgspec.field(name="_id")
    sort: list[Any]


class _Hits(msgspec.Struct):
    hits: list[_Hit]


class _Found(msgspec.Struct):
    hits: _Hits


class _Counted(msgspec.Struct):
    count: int


class Index:
    """`store` lends the case store that it is made from, `count` says how many messages that has.

    `is_begun`: what is in the index already is of this migration.
    """

    name = "search"

    def __init__(
        self,
        server: Server,
        index: str,
        *,
        to: str,
        store: Callable[[], AbstractContextManager[CaseStore]],
        count: Callable[[], int],
        is_begun: bool,
    ) -> None:
        self._server = server
        self._index = index
        self._store = store
        self._count = count
        self._is_begun = is_begun
        self.to = to

    def look(self) -> list[tuple[str, int]]:
        return [("messages to index", self._count())]

    def check(self) -> None:
        with self._client() as client:
            there = read(client.count(index=self._index, ignore_unavailable=True).body, _Counted).count
        if there and not self._is_begun:
            raise ConfigError(
                f"{self.to}: the index {self._index} has {there:,} messages already. Delete it, or name another one "
                "in [elasticsearch] index"
            )

    def begin(self) -> None:
        """Nothing is marked: an index that is not whole is not searched."""

    def move(self, progress: Progress) -> None:
        total = self._count()
        with self._store() as store:
            asyncio.run(self._made(store, lambda done: progress("search: messages", done, total)))

    def compare(self, progress: Progress) -> list[Compared]:
        with self._store() as store:
            old = tally((name,) for name in _stored(store))
        progress("comparing: index", 0, old.count)
        new = tally((name,) for name in self._ids())
        progress("comparing: index", old.count, old.count)
        return [Compared(part=self.name, what="messages in the index", old=old, new=new)]

    def samples(self, *, new: bool) -> list[bytes]:
        """Nothing in an index is sealed."""
        return []

    def finish(self) -> None:
        """Nothing was marked."""

    async def _made(self, store: CaseStore, say: Callable[[int], None]) -> None:
        search = Elastic(self._server, index=self._index)
        try:
            await reindex(search, store, say)
        finally:
            await search.close()

    def _ids(self) -> Iterator[str]:
        after: list[Any] | None = None
        with self._client() as client:
            client.indices.refresh(index=self._index, ignore_unavailable=True)
            while True:
                found = client.search(
                    index=self._index,
                    size=_PAGE,
                    sort=_ORDER,
                    search_after=after,
                    source=False,
                    ignore_unavailable=True,
                )
                hits = read(found.body, _Found).hits.hits
                if not hits:
                    return
                yield from [hit.id for hit in hits]
                after = hits[-1].sort

    @contextmanager
    def _client(self) -> Iterator[Elasticsearch]:
        connection = Connection(self._server, timeout_seconds=self._server.write_timeout_seconds)
        try:
            with connection.client() as client:
                yield client
        finally:
            connection.close()


def _stored(store: CaseStore) -> Iterator[str]:
    """Yields the id of every message that can be read."""
    after = ""
    while some := store.views.since(_BEGINNING, limit=_STORED_AT_ONCE, after=after):
        yield from [one.message.id for one in some]
        after = some[-1].message.id
