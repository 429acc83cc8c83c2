"""Every table of the case store from its file to PostgreSQL, as the metadata says; only one column is known here."""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql
from sqlalchemy import Connection, Table, Text, column, select, text, update
from sqlalchemy import table as named
from sqlalchemy.dialects import postgresql

from cases.database import Database
from cases.migrate import HEAD, MOVING, upgrade, version
from cases.schema import key_check, metadata
from core.errors import ConfigError, Unavailable
from pipeline.migrate_count import SAMPLED, Compared, Progress, tally
from pipeline.migrate_source import Source

_AT_ONCE = 4_096
_POSTGRESQL = postgresql.dialect()  # type: ignore[no-untyped-call]  # SQLAlchemy does not say
_VERSION = named("alembic_version", column("version_num"))
_SEALING = [table for table in metadata.sorted_tables if "sealed" in table.columns]


class Cases:
    """From the file to the empty store at `url`. `to` is that address as the settings have it, without a password.

    Until `finish` the store's revision is a name that no program takes for one of its own, so that nobody uses it.
    A table is filled in one transaction: it has everything or nothing.
    """

    name = "cases"

    def __init__(self, file: Path, url: str, *, to: str, migration: str) -> None:
        self._file = file
        self._url = url
        self._mine = f"{MOVING}{migration}-"
        self._sign = self._mine + HEAD
        self.to = to

    def look(self) -> list[tuple[str, int]]:
        with Source(self._file) as source:
            return [(table.name, source.count(table)) for table in metadata.sorted_tables]

    def check(self) -> None:
        with _opened(self._url) as target, target.read() as connection:
            self._check(connection)

    def begin(self) -> None:
        with _opened(self._url) as target:
            with target.write() as connection:
                self._check(connection)
                self._take_up(connection)
                is_mine = version(connection) == self._sign
            if is_mine:
                return
            upgrade(target)
            with target.write() as connection:
                self._check(connection)
                self._set_version(connection, HEAD, self._sign)

    def move(self, progress: Progress) -> None:
        with Source(self._file) as source, _opened(self._url) as target:
            for table in metadata.sorted_tables:
                told = _told(source.rows(table), progress, f"cases: {table.name}", source.count(table))
                with target.write() as connection:
                    if version(connection) != self._sign:
                        raise Unavailable(f"{self.to}: somebody else has been at it meanwhile; look who it was")
                    _fill(connection, table, told)

    def compare(self, progress: Progress) -> list[Compared]:
        # Before the target is opened: it lets nobody wait for long inside a transaction.
        with Source(self._file) as source:
            old = [tally(source.rows(table)) for table in metadata.sorted_tables]
            notes = [source.note(table) for table in metadata.sorted_tables]
        compared = []
        with _opened(self._url) as target, target.read() as connection:
            for table, before, note in zip(metadata.sorted_tables, old, notes, strict=True):
                told = _told(_rows(connection, table), progress, f"comparing: {table.name}", before.count)
                compared.append(Compared(part=self.name, what=str(table.name), old=before, new=tally(told), note=note))
        return compared

    def samples(self, *, new: bool) -> list[bytes]:
        if not new:
            with Source(self._file) as source:
                return [one for table in _SEALING for one in source.sealed(table, SAMPLED)]
        with _opened(self._url) as target, target.read() as connection:
            return [one for table in _SEALING for one in _sealed(connection, table)]

    def finish(self) -> None:
        with _opened(self._url) as target, target.write() as connection:
            if version(connection) == self._sign:
                self._set_version(connection, self._sign, HEAD)

    def _check(self, connection: Connection) -> None:
        found = version(connection)
        if not found or found.startswith(self._mine):
            return
        if found.startswith(MOVING):
            raise ConfigError(
                f"{self.to}: holds the unfinished half of another migration. Empty it (DROP SCHEMA … CASCADE, "
                "CREATE SCHEMA …), or name another database or schema"
            )
        # That `eungdapso setup` has tried the key here is nothing to keep.
        known = [name for name in _there(connection) if name != key_check.name]
        there = [f"{count:,} in {name}" for name in known if (count := _count(connection, name))]
        if there:
            raise ConfigError(
                f"{self.to}: holds something already ({', '.join(there)}). A migration fills an empty store: "
                "name another database or schema"
            )

    def _take_up(self, connection: Connection) -> None:
        """Empties what an older version of this program began, so that it can be brought up to date."""
        found = version(connection)
        if found.startswith(self._mine) and found != self._sign:
            for name in _there(connection):
                connection.execute(text(f"TRUNCATE TABLE {name}"))
            self._set_version(connection, found, found.removeprefix(self._mine))

    def _set_version(self, connection: Connection, old: str, new: str) -> None:
        """Writes what revision the store is of; of two that do it at once one fails."""
        changed = update(_VERSION).where(_VERSION.c.version_num == old).values(version_num=new)
        if connection.execute(changed).rowcount != 1:
            raise Unavailable(f"{self.to}: somebody else has been at it meanwhile; look who it was")


@contextmanager
def _opened(url: str) -> Iterator[Database]:
    database = Database(url)
    database.open()
    try:
        yield database
    finally:
        database.close()


def _told(rows: Iterator[list[Any]], progress: Progress, what: str, total: int) -> Iterator[list[Any]]:
    """Yields the rows and says how many they are so far."""
    progress(what, 0, total)
    done = 0
    while some := list(islice(rows, _AT_ONCE)):
        yield from some
        done += len(some)
        progress(what, done, total)


def _fill(connection: Connection, table: Table, rows: Iterator[list[Any]]) -> None:
    """Replaces whatever is in the table; what counts by itself goes on after the highest number."""
    kinds = [column.type.compile(dialect=_POSTGRESQL).lower() for column in table.columns]
    into = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT BINARY)").format(
        sql.Identifier(table.name), sql.SQL(", ").join(sql.Identifier(column.name) for column in table.columns)
    )
    connection.execute(text(f"TRUNCATE TABLE {table.name}"))
    with _cursor(connection) as cursor, cursor.copy(into) as copy:
        copy.set_types(kinds)
        for row in rows:
            copy.write_row(row)
    counting = table.autoincrement_column
    if counting is not None:
        last = text(
            f"SELECT setval(pg_get_serial_sequence('{table.name}', '{counting.name}'), max({counting.name})) "
            f"FROM {table.name} HAVING max({counting.name}) IS NOT NULL"
        )
        connection.execute(last)
    connection.execute(text(f"ANALYZE {table.name}"))


def _rows(connection: Connection, table: Table) -> Iterator[list[Any]]:
    """Yields the rows as the database gives them, a part at a time."""
    columns = sql.SQL(", ").join(sql.Identifier(column.name) for column in table.columns)
    asked = sql.SQL("SELECT {} FROM {}").format(columns, sql.Identifier(table.name))
    with _cursor(connection, name="moved") as cursor:
        cursor.execute(asked)
        while some := cursor.fetchmany(_AT_ONCE):
            yield from map(list, some)


@contextmanager
def _cursor(connection: Connection, *, name: str = "") -> Iterator[Any]:
    """Lends a cursor of the driver: only it can copy. Its errors mean what they mean elsewhere."""
    driver: Any = connection.connection.driver_connection
    try:
        with driver.cursor(name, binary=True) if name else driver.cursor() as cursor:
            yield cursor
    except psycopg.Error as error:
        # Without the details, in which PostgreSQL repeats what citizens wrote.
        said = error.diag.message_primary or type(error).__name__
        raise Unavailable(f"the case store in PostgreSQL does not take this: {said}") from error


def _sealed(connection: Connection, table: Table) -> Iterator[bytes]:
    """Returns the first sealed things, in the order that SQLite gives them."""
    (key,) = table.primary_key.columns
    order = key.collate("C") if isinstance(key.type, Text) else key
    asked = select(table.c.sealed).where(table.c.sealed.is_not(None)).order_by(order).limit(SAMPLED)
    return (bytes(one) for one in connection.execute(asked).scalars())


def _there(connection: Connection) -> list[str]:
    """Returns the tables of ours that exist: an older revision has fewer."""
    known = {table.name for table in metadata.sorted_tables}
    found = connection.execute(text("SELECT tablename FROM pg_tables WHERE schemaname = current_schema()"))
    return sorted(known & set(found.scalars()))


def _count(connection: Connection, name: str) -> int:
    return int(connection.execute(text(f"SELECT count(*) FROM {name}")).scalar_one())
