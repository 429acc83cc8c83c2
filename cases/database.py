"""One place for what databases do differently: transactions, locking, and loading many rows."""

import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext, suppress
from functools import wraps
from itertools import chain
from typing import Any, ParamSpec, TypeVar

from sqlalchemy import Connection, Engine, Row, Table
from sqlalchemy.dialects import postgresql
from sqlalchemy.dialects import sqlite as sqlite_dialect

from cases.engines import Conflict, Taken, engine_of, translated
from core.errors import Unavailable

_Row = TypeVar("_Row", bound=Mapping[str, Any])
_Given = ParamSpec("_Given")
_Made = TypeVar("_Made")
# Few sizes, so that every statement is prepared once and found again.
_PIECES = (256, 64, 16, 4, 1)
_LISTS = (1, 4, 16, 64, 256)
_TRIES = 4
_READS: Mapping[str, Any] = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}


def anew(act: Callable[_Given, _Made]) -> Callable[_Given, _Made]:
    """Does it again, as a transaction of its own, when another one was in the way or wrote the same first."""

    @wraps(act)
    def tried(*given: _Given.args, **named: _Given.kwargs) -> _Made:
        for _ in range(_TRIES - 1):
            with suppress(Conflict, Taken):
                return act(*given, **named)
        return act(*given, **named)

    return tried


class Database:
    """Hands out transactions. On SQLite one writes at a time in this process; on PostgreSQL they run side by side.

    Constructing connects to nothing. Whatever the engine cannot do now is `Unavailable`, what it never will is
    `Rejected`; both leave nothing behind. A connection that broke is replaced by the next transaction.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.is_sqlite = url.startswith("sqlite")
        self._engine: Engine | None = None
        self._writing = threading.Lock()
        self._place = "?" if self.is_sqlite else "%s"
        self._statements: dict[tuple[str, tuple[str, ...], int], str] = {}

    def open(self) -> None:
        if self._engine is None:
            self._engine = engine_of(self.url)

    def close(self) -> None:
        if self._engine is not None:
            self._engine.dispose()
            self._engine = None

    @contextmanager
    def write(self, *, still: bool = False) -> Iterator[Connection]:
        """Opens a transaction that is durable when the block ends, undone when it raises.

        With `still` it sees the store as it was at the beginning, whatever others write meanwhile.
        """
        alone = self._writing if self.is_sqlite else nullcontext()
        with alone, translated(), self._connected().connect() as connection:
            connection.execution_options(writes=True)
            if still and not self.is_sqlite:
                connection.execution_options(isolation_level="REPEATABLE READ")
            with connection.begin():
                yield connection

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Opens a view of the store in which nothing changes while it is read."""
        with translated(), self._connected().connect() as connection:
            if not self.is_sqlite:
                connection.execution_options(**_READS)
            with connection.begin():
                yield connection

    def apart(self) -> Connection:
        """Returns a connection for who keeps it: each statement stands for itself. The caller closes it."""
        with translated():
            return self._connected().connect().execution_options(isolation_level="AUTOCOMMIT")

    def load(
        self, connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]], *, replace: str = ""
    ) -> None:
        """Inserts rows that all have the same columns in the same order, in as few statements as possible.

        With `replace`, a row whose value in that column is there already takes its place.
        One statement for many rows: a statement a row would give up the interpreter's lock once a row, and beside
        a busy event loop each time waits for its turn. Values go to the driver as they are (instants as numbers).
        """
        columns = tuple(rows[0]) if rows else ()
        if not self.is_sqlite:
            self._load_columns(connection, table, columns, rows, replace)
            return
        for piece in _pieces(rows):
            values = tuple(chain.from_iterable([row.values() for row in piece]))
            connection.exec_driver_sql(self._statement(table, columns, len(piece), replace), values)

    def insert_new(self, connection: Connection, table: Table, **values: Any) -> None:
        """Inserts a row unless one with its key is there already."""
        dialect = sqlite_dialect if self.is_sqlite else postgresql
        connection.execute(dialect.insert(table).values(**values).on_conflict_do_nothing())

    def update_many(
        self, connection: Connection, table: Table, rows: Sequence[Mapping[str, str]], *, where: str, **same: int | str
    ) -> None:
        """Changes many rows by their `id` with as few statements as `load` takes; `same` values go to all of them."""
        columns = tuple(rows[0]) if rows else ()
        sets = [f"{c} = given.{c}" for c in columns if c != "id"] + [f"{c} = {self._place}" for c in same]
        for piece in _pieces(rows) if self.is_sqlite else [rows]:
            given, values = self._given(columns, piece)
            statement = (
                f"WITH given ({', '.join(columns)}) AS ({given}) "
                f"UPDATE {table.name} SET {', '.join(sets)} FROM given WHERE {table.name}.id = given.id AND {where}"
            )
            connection.exec_driver_sql(statement, (*values, *same.values()))

    def rows(self, connection: Connection, statement: str, *values: Any) -> Sequence[Row[Any]]:
        """Returns the rows of a query in SQL of ours; `{place}` stands for each of `values`."""
        return connection.exec_driver_sql(statement.format(place=self._place), values).all()

    def many(self, connection: Connection, statement: str, rows: Sequence[tuple[Any, ...]]) -> None:
        """Runs SQL of ours once for each of these rows of values, sent together."""
        if rows:
            connection.exec_driver_sql(statement.format(place=self._place), list(rows))

    def each(self, connection: Connection, statement: str, wanted: Collection[Any], *values: Any) -> list[Row[Any]]:
        """Runs SQL of ours for many values in as few statements as possible; returns the rows, if it gives any.

        `{wanted}` says "is one of these values", `{place}` stands for each of `values`, which come first.
        """
        found: list[Row[Any]] = []
        for test, given in self._tests(list(wanted)):
            made = statement.format(place=self._place, wanted=test)
            result = connection.exec_driver_sql(made, (*values, *given))
            if result.returns_rows:
                found += result.all()
        return found

    def locked(self, *, skip: bool = False) -> str:
        """Returns what a query says at its end to keep its rows for this transaction; `skip`: those that are free."""
        return "" if self.is_sqlite else " FOR UPDATE SKIP LOCKED" if skip else " FOR UPDATE"

    def _connected(self) -> Engine:
        if self._engine is None:
            raise Unavailable("the case store is not open")
        return self._engine

    def _tests(self, wanted: list[Any]) -> Iterator[tuple[str, Sequence[Any]]]:
        """Yields the condition with its values; for SQLite in lists of few lengths, that are prepared and found again.

        Such a list is filled up with its last value.
        """
        if wanted and not self.is_sqlite:
            yield "= ANY(%b)", (wanted,)
            return
        while wanted:
            size = next((size for size in _LISTS if size >= len(wanted)), _LISTS[-1])
            piece, wanted = wanted[:size], wanted[size:]
            yield f"IN ({', '.join('?' * size)})", piece + piece[-1:] * (size - len(piece))

    def _given(self, columns: Sequence[str], rows: Sequence[Mapping[str, str]]) -> tuple[str, Iterable[Any]]:
        if self.is_sqlite:
            row = f"({', '.join('?' * len(columns))})"
            return f"VALUES {', '.join([row] * len(rows))}", chain.from_iterable([row.values() for row in rows])
        return f"SELECT * FROM unnest({', '.join(['%b::TEXT[]'] * len(columns))})", _columns_of(rows)

    def _load_columns(
        self,
        connection: Connection,
        table: Table,
        columns: tuple[str, ...],
        rows: Sequence[Mapping[str, Any]],
        replace: str,
    ) -> None:
        """Sends each column as one list: the statement is short, and the same however many rows there are."""
        if not rows:
            return
        key = (table.name, columns, 0)
        known = self._statements.get(key)
        if known is None:
            kinds = [table.c[c].type.compile(connection.dialect) for c in columns]
            # Binary: written out as text, lists cost more than everything else here.
            lists = ", ".join(f"%b::{kind}[]" for kind in kinds)
            known = f"INSERT INTO {table.name} ({', '.join(columns)}) SELECT * FROM unnest({lists})"
            self._statements[key] = known = known + _replacing(columns, replace)
        connection.exec_driver_sql(known, _columns_of(rows))

    def _statement(self, table: Table, columns: tuple[str, ...], size: int, replace: str) -> str:
        key = (table.name, columns, size)
        known = self._statements.get(key)
        if known is None:
            row = f"({', '.join([self._place] * len(columns))})"
            known = f"INSERT INTO {table.name} ({', '.join(columns)}) VALUES {', '.join([row] * size)}"
            self._statements[key] = known = known + _replacing(columns, replace)
        return known


def _replacing(columns: tuple[str, ...], replace: str) -> str:
    if not replace:
        return ""
    changed = ", ".join(f"{c} = excluded.{c}" for c in columns if c != replace)
    return f" ON CONFLICT ({replace}) DO UPDATE SET {changed}"


def _columns_of(rows: Sequence[Mapping[str, Any]]) -> tuple[list[Any], ...]:
    return tuple(map(list, zip(*[row.values() for row in rows], strict=True)))


def _pieces(rows: Sequence[_Row]) -> Iterator[Sequence[_Row]]:
    begin = 0
    while begin < len(rows):
        size = next(piece for piece in _PIECES if piece <= len(rows) - begin)
        yield rows[begin : begin + size]
        begin += size
