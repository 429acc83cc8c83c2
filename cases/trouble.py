"""What did not reach a citizen: somebody looks at it and decides."""

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


class Undelivered(msgspec.Struct, frozen=True):
    """A row that was given up, came back, or of which nobody can tell whether it went out."""

    row: str
    number: str
    channel: str
    kind: str
    state: str
    error: str
    created_at: datetime


class Trouble:
    """The undelivered rows, and the two things that a person can say about one."""

    def __init__(self, means: Means) -> None:
        self._means = means
        self._database = means.database

    def listed(self, limit: int = 100) -> list[Undelivered]:
        """Returns what somebody has to look at, oldest first."""
        columns = [outbox.c[name] for name in ("id", "number", "channel", "kind", "state", "error", "created_at")]
        statement = select(*columns).where(text(TROUBLE)).order_by(outbox.c.id).limit(limit)
        with self._database.read() as connection:
            return [Undelivered(*row) for row in connection.execute(statement)]

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
                raise Rejected(f"outbox row {row} is {state}; there is nothing to decide.", status=409)
            connection.execute(update(outbox).where(outbox.c.id == row).values(**values))
            ledger = self._means.ledger(connection)
            ledger.event(found[0].number, "delivery decided", who=by.name, why=why, row=row, state=values["state"])
            ledger.flush()
