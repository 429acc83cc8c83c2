"""What did not reach a citizen: somebody looks at it and decides."""

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import select, text, update

from cases.database import anew
from cases.deferred import rows_of
from cases.means import Means
from cases.model import By
from cases.schema import TROUBLE, outbox
from core.errors import Rejected

_DECIDABLE = ("failed", "uncertain", "undeliverable")
# What is written behind the reason of a row whose letter goes to another contact (cases/another_way.py), as a pattern.
ANOTHER_WAY = "%sent by another way: %"
_ELSEWHERE = ANOTHER_WAY.strip("%")
_COLUMNS = [outbox.c[name] for name in ("id", "number", "channel", "kind", "state", "error", "created_at")]
# The beginning of a row's id that somebody typed.
_BEGINNING = re.compile(r"[0-9a-f-]{4,36}")


class Undelivered(msgspec.Struct, frozen=True):
    """A row that was given up, came back, or of which nobody can tell whether it went out."""

    row: str
    number: str
    channel: str
    kind: str
    state: str
    error: str
    created_at: datetime

    @property
    def is_open(self) -> bool:
        """Whether there is something to decide; not for what was sent or settled meanwhile."""
        return self.state in _DECIDABLE

    @property
    def is_elsewhere(self) -> bool:
        """Whether its letter goes by another way."""
        return _ELSEWHERE in self.error


class Trouble:
    """The undelivered rows, and the two things that a person can say about one."""

    def __init__(self, means: Means) -> None:
        self._means = means
        self._database = means.database

    def listed(self, limit: int = 100) -> list[Undelivered]:
        """Returns what somebody has to look at, oldest first."""
        statement = select(*_COLUMNS).where(text(TROUBLE)).order_by(outbox.c.id).limit(limit)
        with self._database.read() as connection:
            return [Undelivered(*row) for row in connection.execute(statement)]

    def of(self, rows: Sequence[str]) -> dict[str, Undelivered]:
        """Returns by their ids what these rows are by now, whatever became of them."""
        with self._database.read() as connection:
            found = connection.execute(select(*_COLUMNS).where(outbox.c.id.in_(rows)))
            return {row.id: Undelivered(*row) for row in found}

    def named(self, beginning: str) -> Undelivered:
        """Returns the row with this id, or the only one in trouble whose id begins so; raises `Rejected`."""
        if known := self.of([beginning]):
            return known[beginning]
        begun = select(*_COLUMNS).where(text(TROUBLE), outbox.c.id.startswith(beginning)).limit(2)
        found = []
        if _BEGINNING.fullmatch(beginning):
            with self._database.read() as connection:
                found = [Undelivered(*row) for row in connection.execute(begun)]
        if len(found) > 1:
            raise Rejected(f"several letters begin with {beginning}; write more of the id", status=409)
        if not found:
            raise Rejected(f"there is nothing under {beginning}. `eungdapso dead list` gives the ids", status=404)
        return found[0]

    def again(self, row: str, by: By) -> None:
        """Sends it once more, although it may then arrive twice."""
        values = {"state": "queued", "retry_at": None, "relayed_at": None, "parked": False, "error": ""}
        self._decide(row, by, "sent again", values)

    def let_be(self, row: str, by: By, why: str) -> None:
        """Ends the matter: the citizen was told otherwise, or cannot be reached."""
        self._decide(row, by, why, {"state": "settled"})

    @anew
    def _decide(self, row: str, by: By, why: str, values: dict[str, Any]) -> None:
        with self._database.write() as connection:
            found = rows_of(connection, [row])
            if not found or found[0].state not in _DECIDABLE:
                state = found[0].state if found else "unknown"
                raise Rejected(
                    f"the letter {row} is {state}; there is nothing to decide. `eungdapso dead list` gives the ids",
                    status=409,
                )
            connection.execute(update(outbox).where(outbox.c.id == row).values(**values))
            ledger = self._means.ledger(connection)
            ledger.event(found[0].number, "delivery decided", who=by.name, why=why, row=row, state=values["state"])
            ledger.flush()
