"""Gives the day's case numbers, also to many processes that record side by side."""

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
    those of a batch that failed are given to nobody, for the server may have lost that they were taken.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def given(self, connection: Connection, now: datetime) -> "Given":
        """Lends numbers to the transaction of this connection."""
        return Given(self, connection, day_of(now))

    def take(self, connection: Connection, day: str, count: int) -> list[int]:
        """Returns so many counts of this day, the smallest last."""
        if self._database.is_sqlite:
            return self._counted(connection, day, count)
        with self._database.write() as other:
            other.exec_driver_sql(_IN_PASSING)
            return self._counted(other, day, count)

    def _counted(self, connection: Connection, day: str, count: int) -> list[int]:
        (row,) = self._database.rows(connection, _COUNTED, day, count)
        return list(range(row.given, row.given - count, -1))


class Given:
    """The numbers of one transaction."""

    def __init__(self, numbers: Numbers, connection: Connection, day: str) -> None:
        self._numbers = numbers
        self._connection = connection
        self._day = day
        self._waiting: list[int] = []

    def need(self, count: int) -> None:
        """Says once how many cases there will be."""
        if count:
            self._waiting = self._numbers.take(self._connection, self._day, count)

    def next(self) -> str:
        return case_number(self._day, self._waiting.pop())
