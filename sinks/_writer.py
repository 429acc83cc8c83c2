"""The one writer of the search index: locked, reopened after a failure, and never closed over what it failed to do."""

import fcntl
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

import tantivy

from core import telemetry
from core.clock import Clock
from core.errors import Unavailable
from sinks import _index
from sinks._index import engine


class Writer:
    """Adds documents to the index in `path`, from any thread; every method raises `Unavailable`, and recovers.

    A lock of our own beside the folder is held from `open` to `close`: the engine's lock lies in the folder, and the
    folder may be set aside.
    """

    def __init__(self, path: Path, *, heap_bytes: int, clock: Clock) -> None:
        self._path = path
        self._heap_bytes = heap_bytes
        self._clock = clock
        self._turn = threading.Lock()
        self._lock: IO[bytes] | None = None
        self._engine: tantivy.IndexWriter | None = None
        self._times_opened = 0

    def open(self) -> None:
        with self._turn, engine(self._path):
            self._lock = self._lock or self._locked()
            self._engine = self._engine or self._opened()

    def add(self, documents: Sequence[tuple[str, tantivy.Document]]) -> int:
        """Puts each document in the place of the one of the same id; returns what `commit` asks for."""
        with self._turn, engine(self._path), self._dropped_on_failure():
            if self._lock is None:
                raise Unavailable(f"{self._path}: the search index is not open. Call setup first.")
            self._engine = self._engine or self._opened()
            for name, document in documents:
                self._engine.delete_documents_by_term("id", name)
                self._engine.add_document(document)
            return self._times_opened

    def commit(self, added: int) -> None:
        """Makes durable and visible what was added."""
        with self._turn, engine(self._path), self._dropped_on_failure():
            # Whoever failed in between took our documents along.
            if self._engine is None or added != self._times_opened:
                raise Unavailable(f"{self._path}: the search index was opened anew meanwhile. It is tried again.")
            self._engine.commit()

    def close(self) -> None:
        with self._turn:
            self._engine = None
            if self._lock is not None:
                self._lock.close()
            self._lock = None

    @contextmanager
    def _dropped_on_failure(self) -> Iterator[None]:
        """After a failure the engine's writer cannot be relied on: the next call opens the index anew."""
        try:
            yield
        except BaseException:
            failed, self._engine = self._engine, None
            # This frees the engine's lock at once, whoever still holds the error and its frames.
            if failed is not None:
                with suppress(Unavailable), engine(self._path):
                    failed.wait_merging_threads()
            raise

    def _locked(self) -> IO[bytes]:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        lock = self._path.with_name(f"{self._path.name}.lock").open("ab")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            lock.close()
            raise Unavailable(f"{self._path}: another process writes this search index. Stop it first.") from error
        return lock

    def _opened(self) -> tantivy.IndexWriter:
        index = _index.create(self._path) if _index.is_new(self._path) else self._checked()
        self._times_opened += 1
        return index.writer(self._heap_bytes, 1)

    def _checked(self) -> tantivy.Index:
        try:
            return _index.open_checked(self._path)
        except _index.Damaged as damage:
            aside = _index.set_aside(self._path, self._clock())
            telemetry.warned("search index damaged, a new one begun", reason=str(damage), kept_as=str(aside))
            return _index.create(self._path)
