"""Gives the day's case numbers, also to many processes that record side by side."""

import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime

from sqlalchemy import Connection

from cases.database import Database
from cases.numbers import case_number, day_of

_COUNTED = """INSERT INTO counters (day, given) VALUES ({place}, {place})
ON CONFLICT (day) DO UPDATE SET given = counters.given + excluded.given RETURNING given"""
# What is lost with the server then is lost with every case that bears one of the numbers: those are written later.
_IN_PASSING = "SET LOCAL synchronous_commit = off"


class Numbers:
    """The numbers of a store. No number is ever given twice.

    On SQLite, where one writes at a time, they are counted in the transaction that makes the cases: without gaps. On
    PostgreSQL a batch takes as many as it needs in a transaction of its own, so that no batch waits for another one;
    what a batch that failed leaves is used by the next one of this process, and lost when the process is killed.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lock = threading.Lock()
        self._day = ""
        self._left: list[int] = []

    @contextmanager
    def given(self, connection: Connection, now: datetime) -> Iterator["Given"]:
        """Lends numbers to the transaction of this connection; what is raised inside is raised before it commits."""
        numbers = Given(self, connection, day_of(now))
        try:
            yield numbers
        except BaseException:
            if not self._database.is_sqlite:
                self._put_back(numbers.day, numbers.all)
            raise

    def take(self, connection: Connection, day: str, count: int) -> list[int]:
        """Returns so many counts of this day, the smallest last."""
        if self._database.is_sqlite:
            return self._counted(connection, day, count)
        left = self._taken(day, count)
        if len(left) == count:
            return left
        try:
            with self._database.write() as other:
                other.exec_driver_sql(_IN_PASSING)
                return self._counted(other, day, count - len(left)) + left
        except BaseException:
            self._put_back(day, left)
            raise

    def _counted(self, connection: Connection, day: str, count: int) -> list[int]:
        (row,) = self._database.rows(connection, _COUNTED, day, count)
        return list(range(row.given, row.given - count, -1))

    def _taken(self, day: str, count: int) -> list[int]:
        with self._lock:
            if day != self._day:
                self._day, self._left = day, []
            taken = self._left[len(self._left) - count :] if count < len(self._left) else self._left
            self._left = self._left[: len(self._left) - len(taken)]
            return taken

    def _put_back(self, day: str, counts: Iterable[int]) -> None:
        with self._lock:
            if day == self._day:
                self._left = sorted([*self._left, *counts], reverse=True)


class Given:
    """The numbers of one transaction."""

    def __init__(self, numbers: Numbers, connection: Connection, day: str) -> None:
        self.day = day
        self.all: tuple[int, ...] = ()
        self._numbers = numbers
        self._connection = connection
        self._waiting: list[int] = []

    def need(self, count: int) -> None:
        """Says once how many cases there will be."""
        if count:
            self._waiting = self._numbers.take(self._connection, self.day, count)
            self.all = tuple(self._waiting)

    def next(self) -> str:
        return case_number(self.day, self._waiting.pop())
