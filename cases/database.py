"""One place for what databases do differently: connecting, locking, loading many rows, and the names of errors."""

import sqlite3
import threading
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import chain
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, Row, Table, create_engine, event
from sqlalchemy.dialects import postgresql
from sqlalchemy.dialects import sqlite as sqlite_dialect
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DataError, DBAPIError, IntegrityError, NoSuchModuleError, SQLAlchemyError

from core.errors import ConfigError, Rejected, Unavailable

_BUSY_SECONDS = 10
_Row = TypeVar("_Row", bound=Mapping[str, Any])
# Few sizes, so that every statement is prepared once and found again.
_PIECES = (256, 64, 16, 4, 1)
_LISTS = (1, 4, 16, 64, 256)


class Database:
    """Hands out transactions: one writer at a time in this process, readers beside it.

    Constructing connects to nothing. Whatever the engine cannot do now is `Unavailable`, what it never will is
    `Rejected`; both leave nothing behind.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self._engine: Engine | None = None
        self._writing = threading.Lock()
        self._statements: dict[tuple[str, tuple[str, ...], int], str] = {}

    def open(self) -> None:
        if self._engine is None:
            self._engine = _engine(self.url)

    def close(self) -> None:
        if self._engine is not None:
            self._engine.dispose()
            self._engine = None

    @property
    def is_sqlite(self) -> bool:
        return self.url.startswith("sqlite")

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """Opens a transaction that is durable when the block ends, undone when it raises."""
        with self._writing, _translated(), self._connected().connect() as connection:
            connection.execution_options(writes=True)
            with connection.begin():
                yield connection

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Opens a view of the store in which nothing changes while it is read."""
        with _translated(), self._connected().connect() as connection, connection.begin():
            yield connection

    def load(
        self, connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]], *, replace: str = ""
    ) -> None:
        """Inserts rows that all have the same columns in the same order, in as few statements as possible.

        With `replace`, a row whose value in that column is there already takes its place.
        One statement for many rows: a statement a row would give up the interpreter's lock once a row, and beside
        a busy event loop each time waits for its turn. Values go to the driver as they are (instants as numbers).
        """
        columns = tuple(rows[0]) if rows else ()
        for piece in _pieces(rows):
            values = tuple(chain.from_iterable([row.values() for row in piece]))
            connection.exec_driver_sql(self._statement(connection, table, columns, len(piece), replace), values)

    def insert_new(self, connection: Connection, table: Table, **values: Any) -> None:
        """Inserts a row unless one with its key is there already."""
        dialect = sqlite_dialect if connection.dialect.name == "sqlite" else postgresql
        connection.execute(dialect.insert(table).values(**values).on_conflict_do_nothing())

    def update_many(
        self, connection: Connection, table: Table, rows: Sequence[Mapping[str, str]], *, where: str, **same: int | str
    ) -> None:
        """Changes many rows by their `id` with as few statements as `load` takes; `same` values go to all of them."""
        columns = tuple(rows[0]) if rows else ()
        place = self._place(connection)
        sets = [f"{c} = given.{c}" for c in columns if c != "id"] + [f"{c} = {place}" for c in same]
        row = f"({', '.join([place] * len(columns))})"
        for piece in _pieces(rows):
            statement = (
                f"WITH given ({', '.join(columns)}) AS (VALUES {', '.join([row] * len(piece))}) "
                f"UPDATE {table.name} SET {', '.join(sets)} FROM given WHERE {table.name}.id = given.id AND {where}"
            )
            values = chain.from_iterable([row.values() for row in piece])
            connection.exec_driver_sql(statement, (*values, *same.values()))

    def rows(self, connection: Connection, statement: str, *values: Any) -> Sequence[Row[Any]]:
        """Returns the rows of a query in SQL of ours; `{place}` stands for each of `values`."""
        return connection.exec_driver_sql(statement.format(place=self._place(connection)), values).all()

    def each(self, connection: Connection, statement: str, wanted: Collection[Any], *values: Any) -> list[Row[Any]]:
        """Runs SQL of ours for many values in as few statements as possible; returns the rows, if it gives any.

        `{wanted}` stands for the list of these values, `{place}` for each of `values`, which come first.
        The list is filled up with its last value, so that statements of few lengths are prepared and found again.
        """
        place, rest = self._place(connection), list(wanted)
        found: list[Row[Any]] = []
        while rest:
            size = next((size for size in _LISTS if size >= len(rest)), _LISTS[-1])
            piece, rest = rest[:size], rest[size:]
            piece += piece[-1:] * (size - len(piece))
            made = statement.format(place=place, wanted=", ".join([place] * size))
            result = connection.exec_driver_sql(made, (*values, *piece))
            if result.returns_rows:
                found += result.all()
        return found

    def locked(self, connection: Connection) -> str:
        """Returns what a query says at its end to keep its rows for this transaction."""
        return "" if connection.dialect.name == "sqlite" else " FOR UPDATE"

    def _place(self, connection: Connection) -> str:
        return "?" if connection.dialect.paramstyle == "qmark" else "%s"

    def _connected(self) -> Engine:
        if self._engine is None:
            raise Unavailable("the case store is not open")
        return self._engine

    def _statement(
        self, connection: Connection, table: Table, columns: tuple[str, ...], size: int, replace: str
    ) -> str:
        key = (table.name, columns, size)
        known = self._statements.get(key)
        if known is None:
            row = f"({', '.join([self._place(connection)] * len(columns))})"
            known = f"INSERT INTO {table.name} ({', '.join(columns)}) VALUES {', '.join([row] * size)}"
            if replace:
                changed = ", ".join(f"{c} = excluded.{c}" for c in columns if c != replace)
                known += f" ON CONFLICT ({replace}) DO UPDATE SET {changed}"
            self._statements[key] = known
        return known


def _pieces(rows: Sequence[_Row]) -> Iterator[Sequence[_Row]]:
    begin = 0
    while begin < len(rows):
        size = next(piece for piece in _PIECES if piece <= len(rows) - begin)
        yield rows[begin : begin + size]
        begin += size


def _engine(url: str) -> Engine:
    try:
        if make_url(url).get_backend_name() != "sqlite":
            return create_engine(url, paramstyle="format", pool_pre_ping=True)
        arguments = {
            "timeout": _BUSY_SECONDS,
            "isolation_level": None,
            "check_same_thread": False,
            # Preparing a statement of many rows costs more than running it.
            "cached_statements": 1024,
        }
        # The connection that wrote last writes again: what the others keep of the file's pages is worth nothing then.
        engine = create_engine(url, paramstyle="qmark", connect_args=arguments, pool_use_lifo=True)
    except (ArgumentError, NoSuchModuleError, ImportError) as error:
        raise ConfigError(f"the case store's url is not one that can be used: {error}. Write sqlite:///…") from error
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    for setting in ("journal_mode=WAL", "synchronous=FULL", "cache_size=-4096", "wal_autocheckpoint=1000"):
        _set(connection, setting)


def _set(connection: Any, setting: str) -> None:
    """Waits while somebody else opens the same new file: SQLite itself does not here, however long it was told to."""
    deadline = time.monotonic() + _BUSY_SECONDS
    while True:
        try:
            connection.execute(f"PRAGMA {setting}").fetchall()
        except sqlite3.OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.01)
        else:
            return


def _begin_sqlite(connection: Connection) -> None:
    # A transaction that begins by reading and then wants to write would be refused while another one writes.
    writes = connection.get_execution_options().get("writes")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except (IntegrityError, DataError) as error:
        raise Rejected(f"the case store refuses this: {error.orig}") from error
    except (UnicodeError, OverflowError) as error:
        # Lone surrogates, or a number that no column holds: the driver finds them before the database does.
        raise Rejected(f"the case store cannot hold this: {error}") from error
    except DBAPIError as error:
        raise Unavailable(f"the case store cannot be used now: {error.orig}") from error
    except SQLAlchemyError as error:
        raise Unavailable(f"the case store cannot be used now: {error}") from error
