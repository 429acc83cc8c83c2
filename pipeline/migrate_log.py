"""The message log's file: what some group has still to read, and what is parked. Nothing is written to it."""

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from core.errors import ConfigError
from streams._file import connect, unavailable
from streams._reading import Reading
from streams.base import Parked, Record

FILE = "log.sqlite"
_BUSY_SECONDS = 30
_AT_ONCE = 1_000
_ALL = 1_000_000_000


class Log:
    """Reads it: enter it. `groups` says who reads which topic."""

    def __init__(self, file: Path, groups: Mapping[str, Sequence[str]]) -> None:
        self._file = file
        self._groups = groups

    def __enter__(self) -> "Log":
        if not self._file.exists():
            raise ConfigError(f"{self._file}: is not there; there is no stream to move. Is EUNGDAPSO_VAR right?")
        with self._readable(), closing(connect(self._file)) as file:
            self._numbers = dict(file.execute("SELECT name, id FROM topic").fetchall())
        self._reading = Reading(self._file, self._numbers, busy_seconds=_BUSY_SECONDS)
        return self

    def __exit__(self, *_: object) -> None:
        self._reading.close()

    def count(self, topic: str) -> int:
        """Returns how many records some group has still to read."""
        if topic not in self._numbers:
            return 0
        with self._readable():
            return max(0, self._reading.last(topic) - self._floor(topic))

    def records(self, topic: str) -> Iterator[Record]:
        """Yields them in order, also those that other groups have read: nobody can read less of a topic than all."""
        if topic not in self._numbers:
            return
        with self._readable():
            after = self._floor(topic)
        while True:
            with self._readable():
                found = self._reading.records(topic, after, _AT_ONCE)
            if not found:
                return
            yield from found
            after = found[-1].offset

    def parked(self) -> list[Parked]:
        """Returns the dead letters, oldest first."""
        with self._readable():
            return self._reading.parked(_ALL)[::-1]

    def _floor(self, topic: str) -> int:
        return min(self._reading.place(topic, group) for group in self._groups[topic])

    @contextmanager
    def _readable(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            raise unavailable(self._file, error) from error
