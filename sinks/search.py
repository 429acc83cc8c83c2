"""Makes every message findable, with tantivy: tokens of the masked text, never the text itself."""

import asyncio
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar

import tantivy
from tantivy import Occur, Query

from core.clock import Clock, machine_clock
from core.errors import Unavailable
from core.wire import Routed
from sinks import _index
from sinks._index import SCHEMA, engine
from sinks._words import SYLLABLE, Hit, found_as, message_words, microseconds, moment, page, query_words
from sinks._writer import Writer
from sinks.base import Sink

# A batch of this size means that more is waiting already: nothing is gained by waiting for company.
_CROWD = 200


class Search(Sink[Routed]):
    """The index in the folder `path`: one process writes it, any number read it.

    `write` returns after a commit, so a kill loses nothing that was taken. A commit costs as much as adding hundreds
    of records, so a small batch waits until `commit_every_seconds` have passed since the last one: under load the
    stream gathers a large batch meanwhile, and a lone message after a pause waits for nobody.
    """

    topic: ClassVar[str] = "routed"
    takes = Routed
    most: ClassVar[int] = 2_048

    def __init__(
        self,
        path: Path,
        *,
        commit_every_seconds: float = 0.6,
        heap_bytes: int = 15_000_000,
        clock: Clock = machine_clock,
    ) -> None:
        self._path = path
        self._commit_every_seconds = commit_every_seconds
        self._writer = Writer(path, heap_bytes=heap_bytes, clock=clock)
        self._reader = Reader(path)
        self._committed_at = float("-inf")

    async def setup(self) -> None:
        """Opens the index. A damaged one is set aside and a new one begun: then `needs_rebuild` holds."""
        await asyncio.to_thread(self._writer.open)

    async def write(self, records: Sequence[Routed]) -> Mapping[int, str]:
        added, refused = await asyncio.to_thread(self._add, records)
        if len(records) < _CROWD:
            await asyncio.sleep(self._committed_at + self._commit_every_seconds - time.monotonic())
        await asyncio.to_thread(self._writer.commit, added)
        self._committed_at = time.monotonic()
        return refused

    async def close(self) -> None:
        await asyncio.to_thread(self._writer.close)

    @property
    def needs_rebuild(self) -> bool:
        """Whether older messages may be missing: the index is new, or took the place of a damaged one."""
        return _index.needs_rebuild(self._path)

    def rebuilt(self) -> None:
        """Takes note that every older message has been written again."""
        _index.forget_rebuild(self._path)

    def find(
        self, query: str, *, queues: Sequence[str] | None, confidential: bool, limit: int = 20, offset: int = 0
    ) -> list[Hit]:
        """As `Reader.find`."""
        return self._reader.find(query, queues=queues, confidential=confidential, limit=limit, offset=offset)

    def _add(self, records: Sequence[Routed]) -> tuple[int, dict[int, str]]:
        documents: list[tuple[str, tantivy.Document]] = []
        refused: dict[int, str] = {}
        for place, record in enumerate(records):
            try:
                documents.append((found_as(record), _document(record)))
            except (ValueError, OverflowError) as error:
                refused[place] = f"cannot be indexed: {error}"
        return self._writer.add(documents), refused


class Reader:
    """Finds messages in the index that another object or process writes; sees each commit at the next question."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._turn = threading.Lock()
        self._index: tantivy.Index | None = None
        self._folder = 0
        self._commit = (0, 0)

    def find(
        self, query: str, *, queues: Sequence[str] | None, confidential: bool, limit: int = 20, offset: int = 0
    ) -> list[Hit]:
        """Returns the messages that have every word of the query, newest first; when there are none, those that have
        some, best first.

        `queues`: only messages that the router sent to these (None: to any). Confidential ones only when asked for.
        Raises `Unavailable` when there is no index that can be read.
        """
        words = [_word_query(word) for word in query_words(query)]
        if not words or (queues is not None and not queues):
            return []
        limit, offset = page(limit, offset)
        filters = _filters(queues, confidential=confidential)
        every = Query.boolean_query([(Occur.Must, word) for word in words] + filters)
        some = Query.boolean_query([(Occur.Should, word) for word in words])
        with engine(self._path):
            searcher = self._searcher()
            if searcher.search(every, limit=1).hits:
                newest = searcher.search(every, limit, offset=offset, order_by_field="received_at").hits
                return _hits(searcher, [(1.0, address) for _, address in newest])
            best = searcher.search(Query.boolean_query([(Occur.Must, some), *filters]), limit, offset=offset).hits
            return _hits(searcher, [(score / (1 + score), address) for score, address in best])

    def _searcher(self) -> tantivy.Searcher:
        with self._turn:
            try:
                folder, meta = self._path.stat(), (self._path / "meta.json").stat()
            except FileNotFoundError as error:
                raise Unavailable(f"{self._path}: there is no search index yet") from error
            commit = (meta.st_ino, meta.st_mtime_ns)
            # Another folder under the same name: the index was damaged and begun anew.
            if self._index is None or folder.st_ino != self._folder:
                self._index = tantivy.Index.open(str(self._path))
                self._index.config_reader("manual")
            elif commit != self._commit:
                self._index.reload()
            self._folder, self._commit = folder.st_ino, commit
            return self._index.searcher()


def _document(record: Routed) -> tantivy.Document:
    message, decision = record.message, record.decision
    return tantivy.Document(
        id=found_as(record),
        channel=message.channel,
        account=message.account,
        queue=decision.queue or "",
        action=decision.action,
        kind=decision.kind,
        confidential=decision.confidential,
        received_at=microseconds(message.received_at),
        tokens=" ".join(message_words(message)),
    )


def _word_query(word: str) -> Query:
    if SYLLABLE.fullmatch(word):
        return Query.regex_query(SCHEMA, "tokens", f"{word}.?|.{word}")
    return Query.term_query(SCHEMA, "tokens", word, index_option="freq")


def _filters(queues: Sequence[str] | None, *, confidential: bool) -> list[tuple[Occur, Query]]:
    filters = [] if queues is None else [Query.term_set_query(SCHEMA, "queue", list(queues))]
    if not confidential:
        filters.append(Query.term_query(SCHEMA, "confidential", False))
    # What is filtered by says nothing about how well a text fits.
    return [(Occur.Must, Query.const_score_query(query, 0.0)) for query in filters]


def _hits(searcher: tantivy.Searcher, found: Sequence[tuple[float, tantivy.DocAddress]]) -> list[Hit]:
    received = searcher.fast_field_values("received_at", [address for _, address in found])
    return [
        Hit(
            message_id=str(searcher.doc(address)["id"][0]),
            score=score,
            received_at=moment(int(since_1970 or 0)),
        )
        for (score, address), since_1970 in zip(found, received, strict=True)
    ]
