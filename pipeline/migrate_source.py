"""The case store's file, read as PostgreSQL takes it; nothing is written to it."""

import shutil
import sqlite3
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Column, Table, Text
from sqlalchemy.dialects import sqlite
from sqlalchemy.types import TypeDecorator, TypeEngine

from cases.database import Database
from cases.migrate import HEAD, upgrade
from core.errors import ConfigError, Unavailable

FILE = "cases.sqlite"
_COPIES = ".migrate-"
_SQLITE = sqlite.dialect()
_BUSY_SECONDS = 30
# The names of processes that held a row to send it: they have ended. A row that is `sending` without one is what
# whoever starts after a kill finds: its ticket comes again, and what became of it is asked.
_FORGOTTEN = {"outbox": frozenset({"claimed_by"})}
# What no text of PostgreSQL holds, and what stands for it.
_NUL, _INSTEAD = "\0", "\ufffd"


class Source:
    """One view of the file, in which nothing changes: enter it."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._undo = ExitStack()
        self._replaced: Counter[str] = Counter()

    def __enter__(self) -> "Source":
        with ExitStack() as undo, _readable(self._file):
            file = undo.enter_context(up_to_date(self._file))
            self._store = undo.enter_context(closing(_connect(file)))
            self._store.execute("BEGIN")
            self._undo = undo.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._undo.close()

    def count(self, table: Table) -> int:
        with _readable(self._file):
            return int(self._store.execute(f"SELECT count(*) FROM {table.name}").fetchone()[0])

    def rows(self, table: Table) -> Iterator[list[Any]]:
        """Yields every row in the order of the table's columns, as PostgreSQL's driver takes and gives it."""
        columns = list(table.columns)
        changes = [(i, change) for i, column in enumerate(columns) if (change := _change(column))]
        texts = [i for i, column in enumerate(columns) if isinstance(_plain(column.type), Text)]
        self._replaced[table.name] = 0
        with _readable(self._file):
            names = ", ".join(column.name for column in columns)
            for given in self._store.execute(f"SELECT {names} FROM {table.name}"):
                row = list(given)
                for i, change in changes:
                    row[i] = change(row[i])
                for i in texts:
                    if row[i] and _NUL in row[i]:
                        row[i] = row[i].replace(_NUL, _INSTEAD)
                        self._replaced[table.name] += 1
                yield row

    def sealed(self, table: Table, most: int) -> list[bytes]:
        """Returns the first sealed things in the order of the table's key."""
        (key,) = table.primary_key.columns
        asked = f"SELECT sealed FROM {table.name} WHERE sealed IS NOT NULL ORDER BY {key.name} LIMIT ?"
        with _readable(self._file):
            return [bytes(one) for (one,) in self._store.execute(asked, (most,))]

    def note(self, table: Table) -> str:
        """Returns what is to be said of the rows that were read last, "" when nothing is."""
        count = self._replaced[table.name]
        return f"{count} with NUL characters, which PostgreSQL cannot hold: U+FFFD instead" if count else ""


@contextmanager
def up_to_date(file: Path) -> Iterator[Path]:
    """Lends the file; of an older revision a copy that is brought up to date: the file itself stays as it is."""
    with closing(_connect(file)) as store:
        found = store.execute("SELECT version_num FROM alembic_version").fetchone()
    if found and found[0] == HEAD:
        yield file
        return
    folder = Path(tempfile.mkdtemp(prefix=_COPIES, dir=file.parent))
    try:
        with closing(_connect(file)) as store, closing(sqlite3.connect(folder / file.name)) as copy:
            store.backup(copy)
        database = Database(f"sqlite:///{folder / file.name}")
        database.open()
        try:
            upgrade(database)
        finally:
            database.close()
        yield folder / file.name
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def tidy(var: Path) -> None:
    """Removes copies that a killed migration left behind."""
    for folder in var.glob(f"{_COPIES}*"):
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _readable(file: Path) -> Iterator[None]:
    if not file.exists():
        raise ConfigError(f"{file}: is not there; there are no cases to move. Is EUNGDAPSO_VAR the right folder?")
    try:
        yield
    except sqlite3.Error as error:
        raise Unavailable(f"{file}: cannot be read: {error}") from error


def _connect(file: Path) -> sqlite3.Connection:
    address = f"{file.absolute().as_uri()}?mode=ro"
    return sqlite3.connect(address, uri=True, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False)


def _change(column: Column[Any]) -> Callable[[Any], Any] | None:
    """Returns what makes of SQLite's value the one that PostgreSQL has, None where they are the same."""
    if column.name in _FORGOTTEN.get(column.table.name, ()):
        return lambda _: None
    plain = _plain(column.type)
    made = plain.dialect_impl(_SQLITE).result_processor(_SQLITE, None)
    return None if isinstance(plain, Text) else made


def _plain(kind: TypeEngine[Any]) -> TypeEngine[Any]:
    """Returns what is kept: an instant is a whole number in both."""
    return kind.impl_instance if isinstance(kind, TypeDecorator) else kind
