"""What goes out: which rows are due, who has taken one, and what became of it. Never silently twice."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Literal

import msgspec
from sqlalchemy import ColumnElement, Connection, and_, exists, func, literal, or_, select, text, update

from cases.deferred import Deferred, rows_of, to_person
from cases.ledger import Ledger
from cases.means import Means
from cases.model import OPEN
from cases.schema import AGAIN, NEW, UNSENT, Instant, cases, outbox, to_stored
from core.calendar import Calendar
from core.errors import Rejected
from core.message import identity_of
from core.reply import Reply
from core.wire import Ticket

# A ticket that the log lost is given anew after this time; the log's own memory keeps it from being two.
_LOST_AFTER = timedelta(minutes=15)
_SHORTEST_WAIT_SECONDS = 0.2
State = Literal["sent", "queued", "failed", "uncertain"]


class Due(msgspec.Struct, frozen=True):
    """A row that is to go out now, as it is put on [outbound]."""

    ticket: Ticket
    key: str

    @property
    def identity(self) -> bytes:
        return identity_of("outbox", self.ticket.row, str(self.ticket.attempt))


class Claimed(msgspec.Struct, frozen=True):
    """A row that the caller has to send. `was_sending`: somebody began to before and was killed."""

    reply: Reply
    was_sending: bool
    first_try_at: datetime


class Claims(msgspec.Struct, frozen=True):
    """`ready` to be sent; `unparked` were given up for good and nobody has seen them yet; `unknown` are no rows."""

    ready: list[Claimed]
    unparked: list[Ticket]
    unknown: list[Ticket]


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a try: `queued` again from `retry_at` (the machine's clock) on, or an end."""

    row: str
    state: State
    provider_id: str = ""
    error: str = ""
    retry_at: datetime | None = None


class Outbox:
    """The rows of the case store that a citizen, or a duty desk, is to receive. Used from threads."""

    def __init__(self, means: Means) -> None:
        self._means = means
        self._database = means.database
        self._deferred = Deferred(means)

    def due(self, now: datetime, limit: int = 256) -> list[Due]:
        """Returns rows that may go out now, oldest first; none while an earlier one to the same person is unsent."""
        machine = self._means.machine()
        columns = (outbox.c.id, outbox.c.number, outbox.c.attempts, outbox.c.state)
        first = select(*columns).where(text(NEW), outbox.c.not_before <= now, ~_earlier(now))
        again = select(*columns).where(text(AGAIN), outbox.c.retry_at <= machine, ~_earlier(now))
        lost = select(*columns).where(
            text(UNSENT), outbox.c.relayed_at < machine - _LOST_AFTER, outbox.c.retry_at.is_(None)
        )
        found: list[Any] = []
        # Ordered by what the index is of: by id the whole outbox would be read.
        queries = (
            again.order_by(outbox.c.retry_at),
            first.order_by(outbox.c.not_before),
            lost.order_by(outbox.c.relayed_at),
        )
        with self._database.read() as connection:
            for query in queries:
                if len(found) < limit:
                    found += connection.execute(query.order_by(outbox.c.id).limit(limit - len(found))).all()
        return [Due(Ticket(row=r.id, attempt=r.attempts + (r.state == "queued")), r.number) for r in found]

    def relayed(self, rows: Sequence[Due]) -> None:
        """Remembers that these tickets are on [outbound]."""
        statement = update(outbox).where(outbox.c.id.in_([row.ticket.row for row in rows]), text(UNSENT))
        with self._database.write() as connection:
            connection.execute(statement.values(relayed_at=self._means.machine(), retry_at=None))

    def next_due(self) -> float | None:
        """Returns in how many seconds `due` is worth asking again, None when nothing waits."""
        with self._database.read() as connection:
            first = connection.execute(select(func.min(outbox.c.not_before)).where(text(NEW))).scalar()
            again = connection.execute(select(func.min(outbox.c.retry_at)).where(text(AGAIN))).scalar()
        waits = [first - self._means.clock()] if first else []
        waits += [again - self._means.machine()] if again else []
        return max(_SHORTEST_WAIT_SECONDS, min(waits).total_seconds()) if waits else None

    def claim(self, tickets: Sequence[Ticket]) -> Claims:
        """Takes these rows to send them; what was sent, given up or taken back meanwhile is left out.

        A deferred answer is looked at again: it is dropped when the case is in a person's hands by now, and becomes
        a person's when its FAQ no longer holds.
        """
        wanted = {ticket.row: ticket for ticket in tickets}
        with self._database.write() as connection:
            found = rows_of(connection, list(wanted))
            known = {row.id for row in found}
            taken = [row for row in found if _may_claim(row, wanted[row.id])]
            taken = self._deferred.still_wanted(connection, taken)
            _take(connection, [row.id for row in taken], self._means.machine())
            ready = self._readable(connection, taken)
        return Claims(
            ready,
            [_one_more(r) for r in found if r.state == "failed" and not r.parked and not _may_claim(r, wanted[r.id])],
            [ticket for ticket in tickets if ticket.row not in known],
        )

    def settle(self, outcomes: Sequence[Outcome]) -> None:
        """Writes down what became of claimed rows, all or none. An answer that went out ends its case.

        An automatic answer that failed leaves its case to a person.
        """
        with self._database.write() as connection:
            ledger = self._means.ledger(connection)
            self._sent(ledger, [outcome for outcome in outcomes if outcome.state == "sent"])
            for outcome in outcomes:
                if outcome.state != "sent":
                    self._not_sent(ledger, outcome)
            ledger.flush()

    def parked(self, row: str) -> None:
        """Remembers that a person can see this failed row among the dead letters."""
        with self._database.write() as connection:
            connection.execute(update(outbox).where(outbox.c.id == row).values(parked=True))

    def replan(self, calendar: Calendar) -> int:
        """Moves deferred answers that would go out when nobody works, e.g. after a holiday was added; how many."""
        with self._database.write() as connection:
            return self._deferred.replan(self._means.ledger(connection), calendar)

    def _readable(self, connection: Connection, rows: list[Any]) -> list[Claimed]:
        """Returns what can be read; a row that was sealed with another key is given up and harms no other."""
        ledger, ready = self._means.ledger(connection), []
        for row in rows:
            try:
                ready.append(self._claimed(row))
            except Rejected as error:
                self._not_sent(ledger, Outcome(row=row.id, state="failed", error=error.reason))
        ledger.flush()
        return ready

    def _claimed(self, row: Any) -> Claimed:
        was_sending = row.state == "sending"
        attempt = row.attempts if was_sending else row.attempts + 1
        reply = self._means.post.reply(row, attempt=attempt)
        return Claimed(reply, was_sending, row.first_try_at or self._means.machine())

    def _sent(self, ledger: Ledger, outcomes: Sequence[Outcome]) -> None:
        if not outcomes:
            return
        rows = [{"id": outcome.row, "provider_id": outcome.provider_id} for outcome in outcomes]
        sent_at = to_stored(ledger.now)
        where = "outbox.state = 'sending'"
        self._database.update_many(
            ledger.connection, outbox, rows, where=where, state="sent", error="", sent_at=sent_at
        )
        answers = select(outbox.c.number).where(outbox.c.id.in_([row["id"] for row in rows]), outbox.c.kind == "answer")
        ended = update(cases).where(cases.c.number.in_(answers), cases.c.queue == "", cases.c.state.in_(OPEN))
        ledger.connection.execute(
            ended.values(state="answered", answered_by="faq", answered_at=ledger.now, sameness=None)
        )

    def _not_sent(self, ledger: Ledger, outcome: Outcome) -> None:
        found = rows_of(ledger.connection, [outcome.row])
        if not found or found[0].state != "sending":
            return
        row = found[0]
        values: dict[str, Any] = {"state": outcome.state, "error": outcome.error, "retry_at": outcome.retry_at}
        ledger.connection.execute(update(outbox).where(outbox.c.id == row.id).values(**values))
        if outcome.state == "queued":
            return
        ledger.event(
            row.number, f"sending {outcome.state}", why=outcome.error, cause=row.cause, row=row.id, kind=row.kind
        )
        if row.kind == "answer":
            to_person(self._means, ledger, row.number, f"the automatic answer is {outcome.state}")


def _earlier(now: datetime) -> ColumnElement[bool]:
    """Whether something to the same person about the same case is still before this one."""
    before = outbox.alias("before")
    return exists().where(
        before.c.number == outbox.c.number,
        before.c.recipient == outbox.c.recipient,
        before.c.id < outbox.c.id,
        before.c.state.in_(("queued", "sending")),
        before.c.not_before <= now,
    )


def _may_claim(row: Any, ticket: Ticket) -> bool:
    """Whether this ticket stands for the row's next try, or for the one that was interrupted."""
    if row.state == "sending":
        return bool(ticket.attempt == row.attempts)
    # After a row failed for good, a person may ask for one more try.
    return row.state in ("queued", "failed") and bool(ticket.attempt == row.attempts + 1)


def _one_more(row: Any) -> Ticket:
    """Returns the ticket by which a person asks for one try more."""
    return Ticket(row=row.id, attempt=row.attempts + 1)


def _take(connection: Connection, ids: list[str], machine_now: datetime) -> None:
    mine = outbox.c.id.in_(ids)
    fresh = and_(mine, or_(outbox.c.state == "queued", outbox.c.state == "failed"))
    connection.execute(
        update(outbox)
        .where(fresh)
        .values(
            state="sending",
            attempts=outbox.c.attempts + 1,
            parked=False,
            retry_at=None,
            first_try_at=func.coalesce(outbox.c.first_try_at, literal(machine_now, Instant)),
        )
    )
