"""What is asked of Elasticsearch to find messages, and what it answers."""

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import msgspec
from elastic_transport import ConnectionTimeout
from elasticsearch import ApiError, Elasticsearch, NotFoundError

from core.errors import Unavailable
from sinks._elastic_server import Connection, Server, kind_of, read
from sinks._words import SYLLABLE, Hit, moment, page, query_words

# The engine is to give up on a query a little before we give up on the engine.
_GRACE_SECONDS = 0.5
_SHARDS_FAILED = "search_phase_execution_exception"
_NEWEST: list[Any] = [{"received_at": "desc"}, {"id": "desc"}]
_BEST: list[Any] = [{"_score": "desc"}, *_NEWEST]


class _Source(msgspec.Struct):
    received_at: int


class _Found(msgspec.Struct):
    id: str = msgspec.field(name="_id")
    source: _Source = msgspec.field(name="_source")
    score: float | None = msgspec.field(name="_score", default=None)


class _Total(msgspec.Struct):
    value: int


class _Hits(msgspec.Struct):
    total: _Total
    hits: list[_Found] = msgspec.field(default_factory=list)


class _Result(msgspec.Struct):
    timed_out: bool
    hits: _Hits


class Reader:
    """Finds messages in the index that other objects or processes write, from any thread.

    An engine that did not answer in time is left alone for `rest_seconds`, then asked by one: whoever asks meanwhile
    hears so at once, and no threads gather before an engine that hangs.
    """

    def __init__(self, server: Server, *, index: str = "messages", rest_seconds: float = 5.0) -> None:
        self._turn = threading.Lock()
        self._rest_seconds = rest_seconds
        self._rests_until: float | None = None
        self._seconds = server.find_timeout_seconds
        self._connection = Connection(server, timeout_seconds=self._seconds + _GRACE_SECONDS)
        self._index = index

    def find(
        self, query: str, *, queues: Sequence[str] | None, confidential: bool, limit: int = 20, offset: int = 0
    ) -> list[Hit]:
        """Returns the messages that have every word of the query, newest first; when there are none, those that have
        some, best first.

        `queues`: only messages that the router sent to these (None: to any). Confidential ones only when asked for.
        Raises `Unavailable` when there is no index, or no answer from it in time.
        """
        words = [_word_query(word) for word in query_words(query)]
        if not words or (queues is not None and not queues):
            return []
        size, start = page(limit, offset)
        filters = _filters(queues, confidential=confidential)
        every = {"bool": {"filter": [*words, *filters]}}
        some = {"bool": {"should": words, "minimum_should_match": 1, "filter": filters}}
        with self._patience(), self._connection.client() as client:
            found = self._asked(client, query=every, sort=_NEWEST, size=size, from_=start)
            if found.total.value:
                return [_hit(one, 1.0) for one in found.hits]
            best = self._asked(client, query=some, sort=_BEST, size=size, from_=start)
            return [_hit(one, (one.score or 0.0) / (1 + (one.score or 0.0))) for one in best.hits]

    def close(self) -> None:
        """Lets the connections go; `find` makes new ones."""
        self._connection.close()

    @contextmanager
    def _patience(self) -> Iterator[None]:
        begun = time.monotonic()
        with self._turn:
            if self._rests_until is not None:
                if begun < self._rests_until:
                    raise Unavailable(f"{self._connection.name} was too slow a moment ago. Try again soon.")
                # This one finds out; the others wait for what it finds.
                self._rests_until = begun + self._rest_seconds
        try:
            yield
        except Unavailable as error:
            # One hard question that the engine gives up in time is no reason to refuse the others.
            if isinstance(error.__cause__, ConnectionTimeout):
                self._rests_until = time.monotonic() + self._rest_seconds
            raise
        self._rests_until = None

    def _asked(self, client: Elasticsearch, **question: Any) -> _Hits:
        for is_last in (False, True):
            try:
                answer = client.search(
                    index=self._index,
                    timeout=f"{max(1, int(self._seconds * 1_000))}ms",
                    allow_partial_search_results=False,
                    track_total_hits=1,
                    filter_path=["timed_out", "hits.total", "hits.hits._id", "hits.hits._score", "hits.hits._source"],
                    **question,
                )
            # A rebuild may have exchanged the index under our question: before it began, or while it was asked.
            except NotFoundError:
                continue
            except ApiError as error:
                if is_last or kind_of(error) != _SHARDS_FAILED:
                    raise
                continue
            result = read(answer.body, _Result)
            if result.timed_out:
                raise Unavailable(f"{self._index}: the search took longer than {self._seconds} s. Ask for less.")
            return result.hits
        raise Unavailable(f"{self._index}: there is no search index yet. It is made when the sink starts.")


def _hit(found: _Found, score: float) -> Hit:
    return Hit(message_id=found.id, score=score, received_at=moment(found.source.received_at))


def _word_query(word: str) -> dict[str, Any]:
    if SYLLABLE.fullmatch(word):
        return {"regexp": {"tokens": {"value": f"{word}.?|.{word}"}}}
    return {"term": {"tokens": word}}


def _filters(queues: Sequence[str] | None, *, confidential: bool) -> list[dict[str, Any]]:
    filters: list[dict[str, Any]] = [] if queues is None else [{"terms": {"queue": list(queues)}}]
    return filters if confidential else [*filters, {"term": {"confidential": False}}]
