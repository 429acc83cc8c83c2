"""The index in Elasticsearch: an alias, the numbered index behind it, and the next one while that is being built.

`<alias>` is what is searched and written. `<alias>-next` exists while a rebuild is under way: writers look for it with
every batch, so that nobody need be told. Exchanging the two is one step for the engine.
"""

import re
from collections.abc import Collection
from typing import Any

import msgspec
from elasticsearch import BadRequestError, Elasticsearch, NotFoundError

from core.errors import Unavailable
from sinks._elastic_server import Connection, kind_of, read

_ATTEMPTS = 5
_PAGE = 1_000
_PRIORITY = 200
_KEYWORD = {"type": "keyword", "doc_values": False, "ignore_above": 512}
_MAPPINGS: dict[str, Any] = {
    "dynamic": False,
    # Only this is kept as it was sent: no text can be put together again from what is stored.
    "_source": {"includes": ["received_at"]},
    "properties": {
        # For a steady order among messages of the same moment; looked for is `_id`.
        "id": {"type": "keyword", "index": False},
        **dict.fromkeys(("channel", "account", "queue", "action", "kind"), _KEYWORD),
        "confidential": {"type": "boolean", "doc_values": False},
        # Microseconds since 1970, UTC: what came last is shown first.
        "received_at": {"type": "long"},
        # Tokens come ready from core.text.
        "tokens": {"type": "text", "analyzer": "whitespace", "index_options": "docs", "norms": False},
    },
}


class _Meta(msgspec.Struct):
    complete: bool = False


class _Mapping(msgspec.Struct):
    meta: _Meta = msgspec.field(name="_meta", default_factory=_Meta)


class _Mapped(msgspec.Struct):
    mappings: _Mapping = msgspec.field(default_factory=_Mapping)


class _Aliased(msgspec.Struct):
    aliases: dict[str, Any] = msgspec.field(default_factory=dict)


class _Listed(msgspec.Struct):
    id: str = msgspec.field(name="_id")
    sort: list[Any]


class _Page(msgspec.Struct):
    hits: list[_Listed] = msgspec.field(default_factory=list)


class _Listing(msgspec.Struct):
    hits: _Page


class _Acknowledged(msgspec.Struct):
    acknowledged: bool


class _Got(msgspec.Struct):
    id: str = msgspec.field(name="_id")
    found: bool = False


class _Gotten(msgspec.Struct):
    docs: list[_Got]


class Index:
    """Makes and exchanges the indexes; every method asks the engine and raises `Unavailable` when it cannot."""

    def __init__(self, connection: Connection, alias: str, *, shards: int, furthest: int) -> None:
        self.alias = alias
        self.next = f"{alias}-next"
        self._connection = connection
        self._settings = {
            "number_of_shards": shards,
            # One copy as soon as there is a second node.
            "auto_expand_replicas": "0-1",
            # What is written is found a second later.
            "refresh_interval": "1s",
            "max_result_window": furthest,
        }
        self._name = re.compile(re.escape(alias) + r"-(\d{6})")

    def ensure(self) -> bool:
        """Makes the index when there is none; returns whether it has every older message."""
        with self._connection.client() as client:
            for _ in range(_ATTEMPTS):
                behind = self._behind(client, self.alias)
                if behind:
                    return all(mapped.mappings.meta.complete for mapped in behind.values())
                name = self._following(client)
                # Looked at again after the name was found: who still sees none makes the same one as all who see none.
                if not self._behind(client, self.alias):
                    # When somebody else makes it first, that one is found in the next round.
                    self._create(client, name, self.alias)
        raise Unavailable(f"{self.alias}: the index comes and goes. Let nobody else use this name. It is tried again.")

    def complete(self) -> None:
        """Takes note that every older message is in the index."""
        with self._connection.client() as client:
            client.indices.put_mapping(index=self.alias, meta={"complete": True})

    def begin(self) -> None:
        """Makes the next index; a half-built one of before is given up."""
        with self._connection.client() as client:
            given_up = self._behind(client, self.next)
            name = self._following(client)
            self._create(client, name, None)
            stops = [{"remove": {"index": old, "alias": self.next}} for old in given_up]
            done = client.indices.update_aliases(actions=[*stops, {"add": {"index": name, "alias": self.next}}])
            # Every node knows it now: from here on nobody writes to the old index alone.
            if not read(done.body, _Acknowledged).acknowledged:
                raise Unavailable(f"{self.next}: not every node took note of the next index in time. Begin again.")
            for old in given_up:
                client.indices.delete(index=old, ignore_unavailable=True)

    def finish(self, gone: Collection[str]) -> list[str]:
        """Exchanges the indexes, or returns what the next one lacks (`Elastic.finish_rebuild`)."""
        with self._connection.client() as client:
            building = [*self._behind(client, self.next)]
            if not building:
                raise Unavailable(f"{self.next}: no rebuild of the search index is under way. Begin one.")
            old = [*self._behind(client, self.alias)]
            lacking = self._lacking(client, gone) if old else []
            if lacking:
                return lacking
            client.indices.put_mapping(index=building[0], meta={"complete": True})
            # What was found a moment ago is to be found a moment later.
            client.indices.refresh(index=building[0])
            actions = [{"remove": {"index": name, "alias": self.alias}} for name in old]
            actions += [{"remove": {"index": building[0], "alias": self.next}}]
            client.indices.update_aliases(actions=[*actions, {"add": {"index": building[0], "alias": self.alias}}])
            self._tidy(client)
            return []

    def abandon(self) -> None:
        """Gives the next index up; without one, nothing."""
        with self._connection.client() as client:
            for name in self._behind(client, self.next):
                client.indices.delete(index=name, ignore_unavailable=True)

    def _behind(self, client: Elasticsearch, alias: str) -> dict[str, _Mapped]:
        try:
            behind = read(client.indices.get_mapping(index=alias).body, dict[str, _Mapped])
        except NotFoundError:
            return {}
        if alias in behind:
            raise Unavailable(f"{alias}: this is an index, not the alias of one. Delete it, or give us another name.")
        return behind

    def _following(self, client: Elasticsearch) -> str:
        numbers = [int(found[1]) for name in self._ours(client) if (found := self._name.fullmatch(name))]
        return f"{self.alias}-{max(numbers, default=0) + 1:06}"

    def _ours(self, client: Elasticsearch) -> dict[str, _Aliased]:
        try:
            everything = read(client.indices.get_alias(index=f"{self.alias}-*").body, dict[str, _Aliased])
        except NotFoundError:
            return {}
        return {name: aliased for name, aliased in everything.items() if self._name.fullmatch(name)}

    def _create(self, client: Elasticsearch, name: str, alias: str | None) -> None:
        made_of = {"settings": {"index": self._settings}, "mappings": _MAPPINGS}
        patterns = [f"{self.alias}-{digit}*" for digit in range(10)]
        client.indices.put_index_template(
            name=self.alias, index_patterns=patterns, template=made_of, priority=_PRIORITY
        )
        aliases: dict[str, Any] = {} if alias is None else {alias: {}}
        try:
            client.indices.create(index=name, aliases=aliases, mappings={"_meta": {"complete": False}})
        except BadRequestError as error:
            if alias is None or kind_of(error) != "resource_already_exists_exception":
                raise

    def _lacking(self, client: Elasticsearch, gone: Collection[str]) -> list[str]:
        client.indices.refresh(index=self.alias)
        order, after, lacking = [{"received_at": "asc"}, {"id": "asc"}], None, list[str]()
        while len(lacking) < _PAGE:
            found = client.search(index=self.alias, size=_PAGE, sort=order, search_after=after, source=False)
            page = read(found.body, _Listing).hits.hits
            if not page:
                break
            after = page[-1].sort
            names = [listed.id for listed in page]
            there = read(client.mget(index=self.next, ids=names, source=False).body, _Gotten)
            lacking += [got.id for got in there.docs if not got.found and got.id not in gone]
        return lacking

    def _tidy(self, client: Elasticsearch) -> None:
        """Deletes what is left of earlier indexes."""
        for name, aliased in self._ours(client).items():
            if not {self.alias, self.next} & aliased.aliases.keys():
                client.indices.delete(index=name, ignore_unavailable=True)
