"""How each database is connected to, and what its errors mean to who asked."""

import sqlite3
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DataError, DBAPIError, IntegrityError, NoSuchModuleError, SQLAlchemyError

from core.errors import ConfigError, Rejected, Unavailable

BUSY_SECONDS = 10
# Connections kept open by a process, and how many more it may open for a while.
_CONNECTIONS, _MORE_CONNECTIONS = 8, 8
_POSTGRESQL = "postgresql+psycopg"
# A network that swallows packets is found out in half a minute, not in two hours; what the url says goes before.
_PATIENCE: Mapping[str, Any] = {
    "application_name": "eungdapso",
    "connect_timeout": 10,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,
}
# A plan made once for any values would be one for the whole table, where few rows are waiting.
_SESSION = (
    f"-clock_timeout={BUSY_SECONDS}s -cplan_cache_mode=force_custom_plan -cidle_in_transaction_session_timeout=5min"
)
# SQLSTATEs: two transactions in each other's way; a key that is there already; a value that no index holds.
_IN_THE_WAY = ("40001", "40P01")
_TAKEN = "23505"
_TOO_LARGE = "54"
# A store that was set back to an earlier time may give numbers again: nobody's message is to blame.
_NUMBERS = "cases_pkey"
# What libpq says when it is not let in, and what a person can do about it.
_ADVICE = {
    "certificate verify failed": "Check that ca_file in [postgresql] names who signed its certificate, and its dates",
    "does not match host name": "Write in cases the name that its certificate was made for",
    "does not support SSL": "Turn TLS on there, or leave ca_file out of [postgresql]",
    "password authentication failed": "Check the user in cases and the password in [postgresql]",
    "no password supplied": "Name its password in [postgresql]",
}


class Conflict(Unavailable):
    """Another transaction was in the way: the same again may work at once."""


class Taken(Rejected):
    """A key is there already; when another process has just written it, the same again finds it."""


def engine_of(url: str) -> Engine:
    """Returns what connects to this database, and connects to nothing; raises `ConfigError` for a url that is none."""
    try:
        made = make_url(url)
        return _sqlite(made) if made.get_backend_name() == "sqlite" else _postgresql(made)
    except (ArgumentError, NoSuchModuleError, ImportError, ValueError) as error:
        raise ConfigError(
            f"the case store's url is not one that can be used: {error}. "
            "Write postgresql://user@host:5432/name or sqlite:///…"
        ) from error


@contextmanager
def translated() -> Iterator[None]:
    """Raises what a database says as the error that tells the caller what to do."""
    try:
        yield
    except (UnicodeError, OverflowError) as error:
        # Lone surrogates, or a number that no column holds: the driver finds them before the database does.
        raise Rejected(f"the case store cannot hold this: {error}") from error
    except DBAPIError as error:
        raise _meaning(error) from error
    except SQLAlchemyError as error:
        raise Unavailable(f"the case store cannot be used now: {error}") from error


def _meaning(error: DBAPIError) -> Rejected | Unavailable:
    state = str(getattr(error.orig, "sqlstate", None) or "")
    said = _said(error)
    if state in _IN_THE_WAY:
        return Conflict(f"the case store is busy with the same case: {said}")
    if state == _TAKEN and _NUMBERS in said:
        return Unavailable(f"the counter of case numbers is behind; the next ones are taken: {said}")
    if state == _TAKEN:
        return Taken(f"the case store has this already: {said}")
    if isinstance(error, IntegrityError | DataError) or state.startswith(_TOO_LARGE):
        return Rejected(f"the case store refuses this: {said}")
    return Unavailable(f"the case store cannot be used now: {said}")


def _said(error: DBAPIError) -> str:
    """Returns what the database says, without the details, in which PostgreSQL repeats addresses of citizens."""
    diagnosis = getattr(error.orig, "diag", None)
    if diagnosis and diagnosis.message_primary:
        return str(diagnosis.message_primary)
    # The lines behind the first one say the same of another try, or guess.
    said = next((line.strip() for line in str(error.orig).splitlines() if line.strip()), type(error.orig).__name__)
    advice = next((advice for words, advice in _ADVICE.items() if words in said), "")
    return f"{said}. {advice}" if advice else said


def _postgresql(url: URL) -> Engine:
    if url.drivername in ("postgres", "postgresql"):
        url = url.set(drivername=_POSTGRESQL)
    if url.drivername != _POSTGRESQL:
        raise ArgumentError(f"{url.drivername} is not known here")
    return create_engine(
        url.update_query_dict({"options": _session(url)}),
        paramstyle="format",
        connect_args={name: value for name, value in _PATIENCE.items() if name not in url.query},
        # A connection that broke while nobody used it is replaced before anybody notices.
        pool_pre_ping=True,
        pool_use_lifo=True,
        pool_size=_CONNECTIONS,
        max_overflow=_MORE_CONNECTIONS,
        pool_timeout=BUSY_SECONDS,
        use_native_hstore=False,
    )


def _session(url: URL) -> str:
    """Returns the settings of every connection; what the url says comes last and wins."""
    said = url.query.get("options", ())
    return " ".join((_SESSION, *([said] if isinstance(said, str) else said)))


def _sqlite(url: URL) -> Engine:
    arguments = {
        "timeout": BUSY_SECONDS,
        "isolation_level": None,
        "check_same_thread": False,
        # Preparing a statement of many rows costs more than running it.
        "cached_statements": 1024,
    }
    # The connection that wrote last writes again: what the others keep of the file's pages is worth nothing then.
    engine = create_engine(url, paramstyle="qmark", connect_args=arguments, pool_use_lifo=True)
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    for setting in ("journal_mode=WAL", "synchronous=FULL", "cache_size=-4096", "wal_autocheckpoint=1000"):
        _set(connection, setting)


def _set(connection: Any, setting: str) -> None:
    """Waits while somebody else opens the same new file: SQLite itself does not here, however long it was told to."""
    deadline = time.monotonic() + BUSY_SECONDS
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
