"""Who is sending now: lets several processes tell a row that is being sent from one whose sender was killed."""

import secrets
import threading
from collections.abc import Collection
from contextlib import suppress

from sqlalchemy import Connection, text
from sqlalchemy.exc import SQLAlchemyError

from cases.database import Database
from cases.engines import translated

_BITS = 62


class Presence:
    """A name that lives as long as its process does.

    On PostgreSQL it is a lock of a connection kept for it: the server lets go of it when the process ends, however it
    ends. On SQLite one process sends at a time, and what is found half sent is always left from before.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._keeping = threading.Lock()
        self._connection: Connection | None = None
        self._name = 0

    def name(self) -> int | None:
        """Returns the name under which this process takes rows, None where nobody else does.

        It is another one after the connection was lost. Raises `Unavailable`.
        """
        if self._database.is_sqlite:
            return None
        with self._keeping:
            if not self._is_kept():
                self._take()
            return self._name

    def elsewhere(self, connection: Connection, names: Collection[int]) -> set[int]:
        """Returns which of these names belong to others that live."""
        others = sorted(set(names) - {self._name})
        if not others:
            return set()
        # Shared: who asks at the same time is not taken for the owner.
        asked = text(
            "SELECT name FROM unnest(CAST(:names AS BIGINT[])) AS name WHERE NOT pg_try_advisory_xact_lock_shared(name)"
        )
        return set(connection.execute(asked, {"names": others}).scalars())

    def close(self) -> None:
        """Gives the name up; may be called twice."""
        with self._keeping:
            self._let_go()

    def _is_kept(self) -> bool:
        if self._connection is None:
            return False
        try:
            self._connection.execute(text("SELECT 1"))
        except SQLAlchemyError:
            return False
        return True

    def _take(self) -> None:
        self._let_go()
        with translated():
            connection = self._database.apart()
            # Never a name that was used: the server may not know yet that its owner is gone.
            self._name = secrets.randbits(_BITS)
            connection.execute(text("SELECT pg_advisory_lock(:name)"), {"name": self._name})
            self._connection = connection

    def _let_go(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(SQLAlchemyError):
                # Not back into the pool: the lock goes with the connection.
                connection.invalidate()
            connection.close()
