"""Answers that wait for the next opening: looked at again when they go out, moved when a holiday comes."""

from typing import Any

from sqlalchemy import Connection, select, text, update

from cases.joining import decision_of
from cases.ledger import Ledger
from cases.means import Means
from cases.model import OPEN, TRIAGE
from cases.schema import NEW, cases, outbox
from core.calendar import Calendar


class Deferred:
    """Knows whether a deferred answer still holds. Works inside the caller's transaction."""

    def __init__(self, means: Means) -> None:
        self._means = means

    def still_wanted(self, connection: Connection, rows: list[Any]) -> list[Any]:
        """Returns the rows without deferred answers that are no longer wanted; those are dropped here.

        A case whose answer no longer holds goes to a person; a case that is in a person's hands needs none.
        """
        if not any(_is_deferred_answer(row) for row in rows):
            return rows
        ledger = self._means.ledger(connection)
        wanted = [row for row in rows if not _is_deferred_answer(row) or self._holds(ledger, row)]
        ledger.flush()
        return wanted

    def replan(self, ledger: Ledger, calendar: Calendar) -> int:
        """Moves what would go out when nobody works; returns how many."""
        waiting = select(outbox.c.id, outbox.c.number, outbox.c.not_before).where(
            text(NEW), outbox.c.not_before > ledger.now, outbox.c.deferred
        )
        moved = 0
        for row in ledger.connection.execute(waiting).all():
            opening = calendar.next_opening(row.not_before)
            if opening != row.not_before:
                moved += 1
                ledger.connection.execute(update(outbox).where(outbox.c.id == row.id).values(not_before=opening))
                ledger.event(row.number, "answer moved", not_before=[row.not_before, opening])
        ledger.flush()
        return moved

    def _holds(self, ledger: Ledger, row: Any) -> bool:
        case = ledger.connection.execute(select(cases).where(cases.c.number == row.number).with_for_update()).one()
        if case.queue or case.state not in OPEN:
            _drop(ledger, row, f"the case is {case.state} by now")
            return False
        answer = decision_of(ledger.connection, self._means.seal, case.message).answer
        if answer is not None and self._means.still_valid(answer.faq, answer.version):
            return True
        _drop(ledger, row, "the answer no longer holds")
        to_person(self._means, ledger, row.number, "the answer no longer holds")
        return False


def to_person(means: Means, ledger: Ledger, number: str, why: str) -> None:
    """Gives a case that nobody owns to triage, with its first time of receipt."""
    kept = select(cases).where(cases.c.number == number).with_for_update()
    row = ledger.connection.execute(kept).mappings().one()
    if row["queue"] or row["state"] not in OPEN:
        return
    accepted = row["accepted_at"] or means.calendar.next_opening(row["received_at"])
    due = row["due_at"] or means.due(row["kind"], accepted)
    values = {"queue": TRIAGE, "state": "held", "accepted_at": accepted, "due_at": due}
    ledger.connection.execute(update(cases).where(cases.c.number == number).values(**values))
    ledger.moved(row["state"], "held")
    ledger.event(number, "to a person", why=why, queue=TRIAGE)


def rows_of(connection: Connection, ids: list[str]) -> list[Any]:
    """Returns outbox rows, oldest first, kept for this transaction."""
    statement = select(outbox).where(outbox.c.id.in_(ids)).order_by(outbox.c.id)
    return list(connection.execute(statement.with_for_update()))


def _is_deferred_answer(row: Any) -> bool:
    return bool(row.deferred) and row.kind == "answer"


def _drop(ledger: Ledger, row: Any, why: str) -> None:
    ledger.connection.execute(update(outbox).where(outbox.c.id == row.id).values(state="dropped", error=why))
    ledger.event(row.number, "answer dropped", why=why, cause=row.cause, row=row.id)
