"""Who is sending now: lets several processes tell a row that is being sent from one whose sender was killed."""

import secrets
import select
import threading
import time
from collections.abc import Callable, Collection
from contextlib import suppress

from sqlalchemy import Connection, text
from sqlalchemy.exc import SQLAlchemyError

from cases.database import Database
from cases.engines import translated
from core.errors import Unavailable

_BITS = 62
# So long after the server was asked nothing is asked again. Shorter than what it takes until somebody else is given a
# ticket: Kafka calls no member gone before its session has timed out.
_SURE_SECONDS = 2.0
# An answer that came late says nothing about now.
_ASKED_MOST = 3
# Goes on while the machine sleeps, where the system has such a clock.
_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


def since_boot() -> float:
    return time.clock_gettime(_CLOCK)


class Presence:
    """A name that lives as long as its process does.

    On PostgreSQL it is a lock of a connection kept for it: the server lets go of it when the process ends, however it
    ends, and when it ends the connection of a process that lives. On SQLite one process sends at a time, holding its
    folder's lock however long it is paused, and what is found half sent is always left from before.
    """

    def __init__(self, database: Database, ticks: Callable[[], float] = since_boot) -> None:
        self._database = database
        self._ticks = ticks
        self._keeping = threading.Lock()
        self._connection: Connection | None = None
        self._name = 0
        # This one and those before it.
        self._names: set[int] = set()
        # When the server was asked last and said that the name is ours.
        self._asked = 0.0

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

    def is_sure(self, name: int | None) -> bool:
        """Whether this was the name a moment ago, and the server has not ended its connection since; asks nobody."""
        if name is None:
            return True
        # Who keeps it busy is asking, or taking another name.
        if not self._keeping.acquire(blocking=False):
            return False
        try:
            is_recent = name == self._name and self._ticks() - self._asked < _SURE_SECONDS
            return is_recent and self._connection is not None and _is_silent(self._connection)
        finally:
            self._keeping.release()

    def was(self, name: int | None) -> bool:
        """Whether this process took rows under this name, now or before."""
        return self._database.is_sqlite or name in self._names

    def elsewhere(self, connection: Connection, names: Collection[int]) -> set[int]:
        """Returns which of these names belong to others that live."""
        others = sorted(set(names) - self._names)
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
        # The answer is about a moment after this one, however long it takes to come.
        asked = self._ticks()
        try:
            self._connection.execute(text("SELECT 1"))
        except SQLAlchemyError:
            return False
        self._asked = asked
        return True

    def _take(self) -> None:
        self._let_go()
        with translated():
            connection = self._database.apart()
            # Never a name that was used: the server may not know yet that its owner is gone.
            self._name = secrets.randbits(_BITS)
            self._names.add(self._name)
            self._asked = self._ticks()
            connection.execute(text("SELECT pg_advisory_lock(:name)"), {"name": self._name})
            self._connection = connection

    def _let_go(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(SQLAlchemyError):
                # Not back into the pool: the lock goes with the connection.
                connection.invalidate()
            connection.close()


class Hold:
    """The rows that a claim took, for as long as they are ours; asked before each of them is sent.

    A process that was paused for long, and whose connection was ended meanwhile, learns before it sends that another
    one has its rows. Not promised: between the last look and what the provider does with a call there is a moment. It
    may last two seconds where the end of the connection cannot be seen, and as long as it likes for a process that is
    paused just there, or together with the machine's clock. Only a provider that refuses older claims could close it;
    one that knows a message by its id (`Sender.repeatable`) makes it harmless.
    """

    def __init__(
        self,
        presence: Presence,
        name: int | None,
        rows: Collection[str],
        retake: Callable[[int | None, int | None, Collection[str]], Collection[str]],
    ) -> None:
        self._presence = presence
        # Read beside `confirm`: one value, so that nobody sees the new name with the rows of the old one.
        self._held = (name, frozenset(rows))
        self._retake = retake

    @property
    def is_sure(self) -> bool:
        """Whether `has` can be believed now; asks nobody."""
        name, rows = self._held
        return not rows or self._presence.is_sure(name)

    def has(self, row: str) -> bool:
        return row in self._held[1]

    def confirm(self) -> None:
        """Asks the server, and makes sure. What nobody took meanwhile is ours again, what may be another's is let go.

        Not for several threads at once.
        """
        with suppress(Unavailable):
            for _ in range(_ASKED_MOST):
                before, rows = self._held
                now = self._presence.name()
                if now != before:
                    self._held = (now, frozenset(self._retake(before, now, rows)))
                if self.is_sure:
                    return
        self._held = (None, frozenset())


def _is_silent(connection: Connection) -> bool:
    """Whether nothing has come from the server unasked: mostly that is its good-bye."""
    waiting = select.poll()
    waiting.register(connection.connection.driver_connection.fileno(), select.POLLIN)  # type: ignore[union-attr]
    return not waiting.poll(0)
