"""The real search engine of the live tests, when there is one: its address, and indexes that are gone afterwards."""

import os
from collections.abc import Mapping, Sequence

from elasticsearch import Elasticsearch as Client

from core.wire import Routed
from sinks.elastic import Elastic, Server

# Set by whoever starts tests/live/elasticsearch.py; empty: the tests that need a server are left out.
URL = os.environ.get("EUNGDAPSO_LIVE_ELASTICSEARCH", "")


class Prompt(Elastic):
    """The sink, for tests that do not want to wait a second for what was written."""

    def __init__(self, index: str) -> None:
        super().__init__(Server(url=URL, find_timeout_seconds=10), index=index)
        self.index = index

    async def write(self, records: Sequence[Routed]) -> Mapping[int, str]:
        refused = await super().write(records)
        refresh(self.index)
        return refused


def refresh(index: str) -> None:
    """Makes everything written so far visible."""
    with Client(URL) as client:
        client.indices.refresh(index=index, ignore_unavailable=True)


def indexes(index: str) -> list[str]:
    """Returns the names of the indexes made for this alias."""
    with Client(URL) as client:
        return sorted(client.indices.get_alias(index=f"{index}-*").body)


def drop(index: str) -> None:
    """Removes whatever was made for this alias."""
    with Client(URL) as client:
        for name in [*client.indices.get_alias(index=f"{index}-*").body]:
            client.indices.delete(index=name, ignore_unavailable=True)
        client.options(ignore_status=404).indices.delete_index_template(name=index)
