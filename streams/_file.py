"""Opens the log's SQLite file: what it must look like, and what every error of the engine means to the caller."""

import errno
import os
import sqlite3
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from core.errors import ConfigError, Unavailable

# "EUNG": tells our file from every other SQLite file.
_APPLICATION = 0x45554E47
_VERSION = 1
_MAGIC = b"SQLite format 3\0"
# A whole check of a larger file would hold up the start; damage there shows when it is read.
_CHECKED_BYTES = 16 * 1024 * 1024
# What is left of the write-ahead log after it had to grow, for a long reader or a large burst.
_WAL_BYTES = 64 * 1024 * 1024
_FIRST_WAIT_SECONDS, _LONGEST_WAIT_SECONDS = 0.0002, 0.002
# An error's extended code carries its family in the lowest byte.
_FAMILY = 0xFF
_BUSY = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_PROTOCOL)
_FORBIDDEN = (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM, sqlite3.SQLITE_AUTH)
_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)

_TABLES = (
    "CREATE TABLE topic (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE)",
    "CREATE TABLE place (topic INTEGER, reader TEXT, at INTEGER NOT NULL, PRIMARY KEY (topic, reader)) WITHOUT ROWID",
    (
        "CREATE TABLE parked (id INTEGER PRIMARY KEY AUTOINCREMENT, topic TEXT NOT NULL, reader TEXT NOT NULL,"
        " key TEXT NOT NULL, reason TEXT NOT NULL, at REAL NOT NULL, body BLOB NOT NULL)"
    ),
    "CREATE TABLE fresh (id INTEGER PRIMARY KEY, keys BLOB NOT NULL)",
    "CREATE TABLE identity (id BLOB PRIMARY KEY, at INTEGER NOT NULL) WITHOUT ROWID",
    f"PRAGMA application_id = {_APPLICATION}",
    f"PRAGMA user_version = {_VERSION}",
)
_BLOCKS = "(last INTEGER PRIMARY KEY, count INTEGER NOT NULL, records BLOB NOT NULL)"

T = TypeVar("T")


def open_log(path: Path, topics: Sequence[str], *, busy_seconds: float) -> tuple[sqlite3.Connection, dict[str, int]]:
    """Opens the file, makes it when it is not there; returns the connection and each topic's number.

    Raises `ConfigError` when this is no log of ours or can never be used, `Unavailable` when it cannot be used now.
    """
    try:
        _make_file(path)
        db = connect(path)
        try:
            return db, patiently(lambda: _prepare(db, path, topics), busy_seconds)
        except BaseException:
            db.close()
            raise
    except PermissionError as error:
        raise ConfigError(f"{path}: may not be written ({error.strerror}). Give this user the folder") from error
    except (NotADirectoryError, IsADirectoryError, FileExistsError) as error:
        raise ConfigError(f"{path}: is no place for a file ({error.strerror}). Name another one") from error
    except (OSError, sqlite3.Error) as error:
        if family(error) in _DAMAGED:
            raise ConfigError(_damaged(path, error)) from error
        if family(error) in _FORBIDDEN:
            raise ConfigError(
                f"{path}: may not be written ({error}). Give this user the file and its folder"
            ) from error
        raise unavailable(path, error) from error


def connect(path: Path) -> sqlite3.Connection:
    """Returns a connection for one thread at a time, in autocommit; it makes no file and never waits for locks."""
    address = f"{path.absolute().as_uri()}?mode=rw"
    db = sqlite3.connect(address, uri=True, timeout=0, isolation_level=None, check_same_thread=False)
    db.execute("PRAGMA synchronous = FULL")
    db.execute(f"PRAGMA journal_size_limit = {_WAL_BYTES}")
    return db


def patiently(attempt: Callable[[], T], seconds: float) -> T:
    """Returns what `attempt` returns, trying again for so long while another process holds the lock.

    SQLite's own waiting sleeps up to 100 ms at a time, which two busy writers feel.
    """
    pause, deadline = _FIRST_WAIT_SECONDS, 0.0
    while True:
        try:
            return attempt()
        except sqlite3.OperationalError as error:
            deadline = deadline or time.monotonic() + seconds
            if family(error) not in _BUSY or time.monotonic() > deadline:
                raise
        time.sleep(pause)
        pause = min(pause * 1.5, _LONGEST_WAIT_SECONDS)


def unavailable(path: Path, error: Exception) -> Unavailable:
    """Returns the error as the caller of a stream gets it: where, what, what now."""
    code = family(error)
    if code in _BUSY:
        return Unavailable(f"{path}: another program holds its lock; it goes on when that one lets go")
    if code == sqlite3.SQLITE_FULL or getattr(error, "errno", None) == errno.ENOSPC:
        return Unavailable(f"{path}: the disk is full; make room, and it goes on by itself")
    if code in _DAMAGED or isinstance(error, msgspec.DecodeError):
        return Unavailable(_damaged(path, error))
    return Unavailable(f"{path}: {str(error) or type(error).__name__}; it is tried again by itself")


def family(error: Exception) -> int:
    """Returns SQLite's primary result code, 0 for an error of somebody else."""
    return int(getattr(error, "sqlite_errorcode", 0) or 0) & _FAMILY


def _damaged(path: Path, error: Exception) -> str:
    return (
        f"{path}: the message log is damaged ({error}). Stop, and restore the last backup; or move this file, its "
        "-wal and its -shm away and begin empty, which loses what was accepted and not yet handled"
    )


def _make_file(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    # The keys of records name conversations: nobody else on the machine reads them.
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    with path.open("rb") as file:
        magic = file.read(len(_MAGIC))
    if magic and magic != _MAGIC:
        raise ConfigError(f"{path}: is not a message log but some other file. Move it away or name another file")


def _prepare(db: sqlite3.Connection, path: Path, topics: Sequence[str]) -> dict[str, int]:
    _check_owner(db, path)
    if _value(db, "PRAGMA journal_mode") != "wal":
        db.execute("PRAGMA journal_mode = WAL")
    numbers = _numbers(db) if _value(db, "PRAGMA user_version") else {}
    # Beside a running instance nothing is missing, and its lock is not asked for.
    return numbers if numbers.keys() >= set(topics) else _make_tables(db, topics)


def _make_tables(db: sqlite3.Connection, topics: Sequence[str]) -> dict[str, int]:
    db.execute("BEGIN IMMEDIATE")
    try:
        if not _value(db, "PRAGMA user_version"):
            for statement in _TABLES:
                db.execute(statement)
        db.executemany("INSERT OR IGNORE INTO topic (name) VALUES (?)", [(name,) for name in topics])
        numbers = _numbers(db)
        for number in numbers.values():
            db.execute(f"CREATE TABLE IF NOT EXISTS log_{number} {_BLOCKS}")
        db.execute("COMMIT")
    finally:
        if db.in_transaction:
            db.execute("ROLLBACK")
    return numbers


def _numbers(db: sqlite3.Connection) -> dict[str, int]:
    return {str(name): int(number) for number, name in db.execute("SELECT id, name FROM topic")}


def _check_owner(db: sqlite3.Connection, path: Path) -> None:
    owner, version = _value(db, "PRAGMA application_id"), _value(db, "PRAGMA user_version")
    if owner != _APPLICATION and _value(db, "SELECT count(*) FROM sqlite_schema"):
        raise ConfigError(f"{path}: is a database of another program. Move it away or name another file")
    if version > _VERSION:
        raise ConfigError(f"{path}: was written by a newer version of this program ({version}). Run that one")
    if path.stat().st_size <= _CHECKED_BYTES and (wrong := _value(db, "PRAGMA quick_check(1)")) != "ok":
        raise ConfigError(_damaged(path, sqlite3.DatabaseError(wrong)))


def _value(db: sqlite3.Connection, question: str) -> Any:
    return db.execute(question).fetchone()[0]
