"""One month of the archive: a SQLite file of sealed payloads by their digests."""

import re
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from core import telemetry
from core.clock import SEOUL
from core.errors import Unavailable

# Rows in the order of arrival beside an index of digests: 20 us a record, 27 us with the rows in the order of
# digests (WITHOUT ROWID), where each lands on a page of its own.
_TABLE = """
CREATE TABLE IF NOT EXISTS blob (
    digest BLOB PRIMARY KEY, sealed BLOB NOT NULL, media_type TEXT NOT NULL, received_at INTEGER NOT NULL
)
"""
MONTH = re.compile(r"\d{4}-(?:0[1-9]|1[0-2])")
_INSERT = "INSERT OR IGNORE INTO blob VALUES (?, ?, ?, ?)"
_BUSY_SECONDS = 5
_DAMAGE = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
# Digest, sealed payload, media type, microseconds since 1970 (UTC).
Row = tuple[bytes, bytes, str, int]


class Damaged(Exception):
    """A month's file is no database of ours any more."""


@contextmanager
def guarded(path: Path) -> Iterator[None]:
    """Turns what cannot be now (disk full, locked, unreadable) into `Unavailable`, what is broken into damage."""
    try:
        yield
    except (sqlite3.DatabaseError, OSError) as error:
        if getattr(error, "sqlite_errorcode", 0) & 0xFF in _DAMAGE:
            raise Damaged(str(error)) from error
        raise Unavailable(f"{path}: the archive cannot be used now: {error}. It is tried again.") from error


def connect(path: Path, mode: str) -> sqlite3.Connection:
    return sqlite3.connect(
        f"{path.absolute().as_uri()}?mode={mode}",
        uri=True,
        isolation_level=None,
        check_same_thread=False,
        timeout=_BUSY_SECONDS,
    )


def begin(store: sqlite3.Connection) -> None:
    """Makes the file ready for writing; what is there stays."""
    store.execute("PRAGMA journal_mode = WAL")
    store.execute("PRAGMA synchronous = FULL")
    store.execute(_TABLE)


def find(path: Path, key: bytes) -> bytes | None:
    """Returns the sealed payload; None when this month has none, or is damaged."""
    try:
        with guarded(path), closing(connect(path, "ro")) as store:
            # A file begun by a process that was killed then has no table yet.
            if not store.execute("SELECT 1 FROM sqlite_master WHERE name = 'blob'").fetchone():
                return None
            found = store.execute("SELECT sealed FROM blob WHERE digest = ?", (key,)).fetchone()
    except Damaged:
        return None
    return bytes(found[0]) if found else None


def rows(path: Path) -> Iterator[Row]:
    """Yields the rows of a month in the order in which they came; of a damaged one those before the damage."""
    try:
        with guarded(path), closing(connect(path, "ro")) as store:
            if store.execute("SELECT 1 FROM sqlite_master WHERE name = 'blob'").fetchone():
                yield from store.execute("SELECT digest, sealed, media_type, received_at FROM blob ORDER BY rowid")
    except Damaged as damage:
        telemetry.warned("archive damaged, what follows is not read", file=path.name, reason=str(damage))


def insert(store: sqlite3.Connection, rows: Sequence[Row]) -> None:
    store.execute("BEGIN IMMEDIATE")
    try:
        store.executemany(_INSERT, rows)
        store.execute("COMMIT")
    finally:
        if store.in_transaction:
            store.execute("ROLLBACK")


def set_aside(path: Path, now: datetime) -> Path:
    aside = path.with_name(f"{path.name}.damaged-{now.astimezone(UTC):%Y%m%dT%H%M%S.%fZ}")
    path.rename(aside)
    for end in ("-wal", "-shm"):
        path.with_name(path.name + end).unlink(missing_ok=True)
    return aside


def month_of(moment: datetime) -> str:
    return f"{moment.astimezone(SEOUL):%Y-%m}"


def last_day(month: str) -> date:
    year, number = map(int, month.split("-"))
    return (date(year, number, 28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)
