"""What goes out: which rows are due, who has taken one, and what became of it. Never silently twice."""

from collections.abc import Callable, Collection, Sequence
from datetime import datetime, timedelta
from operator import attrgetter
from typing import Any, Literal

import msgspec
from sqlalchemy import Connection, func, select, text, update

from cases.another_way import goes_another_way
from cases.database import anew
from cases.deferred import Deferred, rows_of, to_person
from cases.ledger import Ledger
from cases.means import Means
from cases.post import COLUMNS
from cases.presence import Hold, Presence, since_boot
from cases.schema import AGAIN, NEW, TROUBLE, UNSENT, from_stored, outbox, to_stored
from cases.sent import went_out
from core.calendar import Calendar
from core.errors import Rejected
from core.message import identity_of
from core.reply import Reply
from core.wire import Ticket

# A ticket that the log lost is given anew after this time; the log's own memory keeps it from being two.
_LOST_AFTER = timedelta(minutes=15)
_SHORTEST_WAIT_SECONDS = 0.2
# What every letter goes through stands here as SQL: made anew for every batch it costs more than it does.
# Other words than the index of what is unsent has: where the planner does not know yet how many wait, it would read all
# of them for each row, instead of the row by its id or its number.
_WAITS = "state IN ('queued', 'sending')"
# Whether something to the same person about the same case is still before this one.
_EARLIER = f"""EXISTS (SELECT 1 FROM outbox AS before WHERE before.number = outbox.number
AND before.recipient = outbox.recipient AND before.id < outbox.id AND before.{_WAITS}
AND before.not_before <= {{place}})"""
_DUE = "SELECT id, number, attempts, state FROM outbox WHERE"
# Ordered by what the index is of: by id the whole outbox would be read.
_DUE_AGAIN = f"{_DUE} {AGAIN} AND retry_at <= {{place}} AND NOT {_EARLIER} ORDER BY retry_at, id LIMIT {{place}}"
_DUE_NEW = f"{_DUE} {NEW} AND not_before <= {{place}} AND NOT {_EARLIER} ORDER BY not_before, id LIMIT {{place}}"
_DUE_LOST = f"{_DUE} {UNSENT} AND relayed_at < {{place}} AND retry_at IS NULL ORDER BY relayed_at, id LIMIT {{place}}"
# A wait that began meanwhile stays: another relay may have given the same ticket, and it was tried already.
_RELAYED = f"""UPDATE outbox SET relayed_at = {{place}}, retry_at = NULL
WHERE {_WAITS} AND (retry_at IS NULL OR retry_at <= {{place}}) AND id {{wanted}}"""
_CLAIMED = f"SELECT {COLUMNS} FROM outbox WHERE id {{wanted}} ORDER BY id"
_TAKEN = """UPDATE outbox SET state = 'sending', attempts = attempts + CASE state WHEN 'sending' THEN 0 ELSE 1 END,
parked = FALSE, retry_at = NULL, first_try_at = coalesce(first_try_at, {place}), claimed_by = {place}
WHERE state IN ('queued', 'failed', 'sending') AND id {wanted}"""
_RETAKEN = """UPDATE outbox SET claimed_by = {place} WHERE state = 'sending' AND claimed_by = {place} AND id {wanted}
RETURNING id"""
_STATES = "SELECT id, state, claimed_by FROM outbox WHERE id {wanted} ORDER BY id"
_TRIED_AGAIN = "UPDATE outbox SET state = 'queued', error = {place}, retry_at = {place} WHERE id = {place}"
# The number of the attempt stays taken: the log knows a ticket by it.
_WAITED = """UPDATE outbox SET state = 'queued', error = {place}, retry_at = {place}, waits = waits + 1,
first_try_at = CASE WHEN waits + 1 >= attempts THEN NULL ELSE first_try_at END WHERE id = {place}"""
# What somebody had taken, or given up where nobody saw it.
_TAKEN_ONCE = (
    f"""SELECT id, attempts, state, claimed_by FROM outbox
WHERE {UNSENT} AND state = 'sending' ORDER BY relayed_at, id LIMIT {{place}}""",
    f"""SELECT id, attempts, state, claimed_by FROM outbox
WHERE {TROUBLE} AND state = 'failed' AND NOT parked ORDER BY id LIMIT {{place}}""",
)
# In the order in which they were written, so far apart that they are no storm; none is put off by it. The order is said
# so that not the whole outbox is read in it.
_HASTENED = f"""UPDATE outbox SET retry_at = waiting.at FROM (
SELECT id, {{place}} + (row_number() OVER (ORDER BY id || '') - 1) * {{place}} AS at FROM outbox
WHERE {AGAIN} AND channel = {{place}} AND retry_at > {{place}}) AS waiting
WHERE outbox.id = waiting.id AND outbox.state = 'queued' AND outbox.retry_at > waiting.at RETURNING outbox.id"""
_MOST_LEFT = 20_000
State = Literal["sent", "queued", "failed", "uncertain"]


class Due(msgspec.Struct, frozen=True):
    """A row that is to go out now, as it is put on [outbound]."""

    ticket: Ticket
    key: str

    @property
    def identity(self) -> bytes:
        return identity_of("outbox", self.ticket.row, str(self.ticket.attempt))


class Claimed(msgspec.Struct, frozen=True):
    """A row that the caller has to send. `was_sending`: somebody began to before and was killed. `waits`: so many of
    its attempts were no tries."""

    reply: Reply
    was_sending: bool
    first_try_at: datetime
    waits: int = 0

    @property
    def tries(self) -> int:
        return self.reply.attempt - self.waits


class Claims(msgspec.Struct, frozen=True):
    """`ready` to be sent while the `hold` has them; `unparked` were given up for good and nobody has seen them yet;
    `unknown` are no rows."""

    ready: list[Claimed]
    unparked: list[Ticket]
    unknown: list[Ticket]
    hold: Hold


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a try: `queued` again from `retry_at` (the machine's clock) on, or an end. `is_try` is False when
    nothing was asked of the channel: its turn had not come."""

    row: str
    state: State
    provider_id: str = ""
    error: str = ""
    retry_at: datetime | None = None
    is_try: bool = True


class Outbox:
    """The rows of the case store that a citizen, or a duty desk, is to receive. Used from threads."""

    def __init__(self, means: Means, *, ticks: Callable[[], float] = since_boot) -> None:
        self._means = means
        self._database = means.database
        self._deferred = Deferred(means)
        self._presence = Presence(means.database, ticks)

    def due(self, now: datetime, limit: int = 256) -> list[Due]:
        """Returns rows that may go out now, oldest first; none while an earlier one to the same person is unsent."""
        machine = self._means.machine()
        until, again, lost = to_stored(now), to_stored(machine), to_stored(machine - _LOST_AFTER)
        queries = ((_DUE_AGAIN, (again, until)), (_DUE_NEW, (until, until)), (_DUE_LOST, (lost,)))
        found: list[Any] = []
        with self._database.read() as connection:
            for query, values in queries:
                if len(found) < limit:
                    found += self._database.rows(connection, query, *values, limit - len(found))
        return [Due(Ticket(row=r.id, attempt=r.attempts + (r.state == "queued")), r.number) for r in found]

    @anew
    def relayed(self, rows: Sequence[Due]) -> None:
        """Remembers that these tickets are on [outbound]."""
        with self._database.write() as connection:
            ids = sorted(row.ticket.row for row in rows)
            machine = to_stored(self._means.machine())
            self._database.each(connection, _RELAYED, ids, machine, machine)

    def next_due(self) -> float | None:
        """Returns in how many seconds `due` is worth asking again, None when nothing waits."""
        with self._database.read() as connection:
            first = connection.execute(select(func.min(outbox.c.not_before)).where(text(NEW))).scalar()
            again = connection.execute(select(func.min(outbox.c.retry_at)).where(text(AGAIN))).scalar()
        waits = [first - self._means.clock()] if first else []
        waits += [again - self._means.machine()] if again else []
        return max(_SHORTEST_WAIT_SECONDS, min(waits).total_seconds()) if waits else None

    @anew
    def left_behind(self) -> list[Ticket]:
        """Returns tickets for what processes that are gone had taken, or had given up and nobody has seen."""
        # Without a name of our own nobody could tell ours from theirs.
        self._presence.name()
        with self._database.write() as connection:
            taken, given_up = (self._database.rows(connection, query, _MOST_LEFT) for query in _TAKEN_ONCE)
            senders = {row.claimed_by for row in (*taken, *given_up)} - {None}
            busy = self._presence.elsewhere(connection, senders) if senders else set()
        tickets = [
            Ticket(row=row.id, attempt=row.attempts) for row in (*taken, *given_up) if row.claimed_by not in busy
        ]
        return sorted(tickets, key=attrgetter("row"))

    @anew
    def hasten(self, channel: str, apart_seconds: float) -> int:
        """Brings forward what waits for another try by this channel; returns how many."""
        now, apart = to_stored(self._means.machine()), round(apart_seconds * 1_000_000)
        with self._database.write() as connection:
            return len(self._database.rows(connection, _HASTENED, now, apart, channel, now))

    def close(self) -> None:
        """Lets go of what this process keeps for as long as it sends; may be called twice."""
        self._presence.close()

    @anew
    def claim(self, tickets: Sequence[Ticket]) -> Claims:
        """Takes these rows to send them; what was sent, given up or taken back meanwhile is left out, and so is what
        another process is sending now.

        A deferred answer is looked at again: it is dropped when the case is in a person's hands by now, and becomes
        a person's when its FAQ no longer holds.
        """
        wanted = {ticket.row: ticket for ticket in tickets}
        me = self._presence.name()
        with self._database.write() as connection:
            found = self._database.each(connection, _CLAIMED + self._database.locked(), sorted(wanted))
            found.sort(key=attrgetter("id"))
            known = {row.id for row in found}
            taken = self._free(connection, [row for row in found if _may_claim(row, wanted[row.id])])
            taken = self._deferred.still_wanted(connection, taken)
            machine = to_stored(self._means.machine())
            self._database.each(connection, _TAKEN, [row.id for row in taken], machine, me)
            ready = self._readable(connection, taken)
        return Claims(
            ready,
            [_one_more(r) for r in found if r.state == "failed" and not r.parked and not _may_claim(r, wanted[r.id])],
            [ticket for ticket in tickets if ticket.row not in known],
            Hold(self._presence, me, [one.reply.id for one in ready], self._retake),
        )

    @anew
    def settle(self, outcomes: Sequence[Outcome]) -> set[str]:
        """Writes down what became of claimed rows, all or none. An answer that went out ends its case.

        An automatic answer that failed leaves its case to a person. Returns the rows that were not sent and are left as
        they are: they ended already, or another process has them by now.
        """
        with self._database.write() as connection:
            ledger = self._means.ledger(connection)
            # Whoever has the row by now: that the citizen has the words is true.
            sent = {outcome.row: outcome.provider_id for outcome in outcomes if outcome.state == "sent"}
            went_out(self._means, ledger, sent)
            left = self._wait_again(connection, [outcome for outcome in outcomes if outcome.state == "queued"])
            ended = [outcome for outcome in outcomes if outcome.state in ("failed", "uncertain")]
            left |= {outcome.row for outcome in ended if not self._not_sent(ledger, outcome)}
            ledger.flush()
            return left

    @anew
    def parked(self, row: str) -> None:
        """Remembers that a person can see this failed row among the dead letters."""
        with self._database.write() as connection:
            connection.execute(update(outbox).where(outbox.c.id == row).values(parked=True))

    @anew
    def replan(self, calendar: Calendar) -> int:
        """Moves deferred answers that would go out when nobody works, e.g. after a holiday was added; how many."""
        with self._database.write() as connection:
            return self._deferred.replan(self._means.ledger(connection), calendar)

    @anew
    def _retake(self, before: int | None, now: int | None, rows: Collection[str]) -> list[str]:
        """Takes anew, under the name of now, what is still claimed under the one before; returns these rows."""
        with self._database.write() as connection:
            return [row.id for row in self._database.each(connection, _RETAKEN, sorted(rows), now, before)]

    def _free(self, connection: Connection, rows: list[Any]) -> list[Any]:
        """Returns the rows without those that another process, which lives, is sending."""
        senders = {row.claimed_by for row in rows if row.state == "sending"} - {None}
        busy = self._presence.elsewhere(connection, senders) if senders else set()
        return [row for row in rows if row.state != "sending" or row.claimed_by not in busy]

    def _readable(self, connection: Connection, rows: list[Any]) -> list[Claimed]:
        """Returns what can be read; a row that was sealed with another key is given up and harms no other."""
        ledger, machine, ready = self._means.ledger(connection), self._means.machine(), []
        for row in rows:
            try:
                ready.append(self._claimed(row, machine))
            except Rejected as error:
                self._not_sent(ledger, Outcome(row=row.id, state="failed", error=error.reason))
        ledger.flush()
        return ready

    def _claimed(self, row: Any, machine: datetime) -> Claimed:
        was_sending = row.state == "sending"
        attempt = row.attempts if was_sending else row.attempts + 1
        reply = self._means.post.reply(row, attempt=attempt)
        first = row.first_try_at
        return Claimed(reply, was_sending, machine if first is None else from_stored(first), row.waits)

    def _wait_again(self, connection: Connection, outcomes: Sequence[Outcome]) -> set[str]:
        """Writes down what is tried again later; returns the rows that are none of ours any more. In few statements: of
        a channel that is away thousands wait."""
        if not outcomes:
            return set()
        rows = sorted({outcome.row for outcome in outcomes})
        found = self._database.each(connection, _STATES + self._database.locked(), rows)
        ours = {row.id for row in found if row.state == "sending" and self._presence.was(row.claimed_by)}
        for is_try, statement in ((True, _TRIED_AGAIN), (False, _WAITED)):
            again = [
                (outcome.error, to_stored(outcome.retry_at) if outcome.retry_at else None, outcome.row)
                for outcome in outcomes
                if outcome.is_try == is_try and outcome.row in ours
            ]
            self._database.many(connection, statement, again)
        return set(rows) - ours

    def _not_sent(self, ledger: Ledger, outcome: Outcome) -> bool:
        """Returns whether it was written down; not for a row that is not being sent, or by another process."""
        found = rows_of(ledger.connection, [outcome.row])
        if not found or found[0].state != "sending" or not self._presence.was(found[0].claimed_by):
            return False
        row = found[0]
        values = {"state": outcome.state, "error": outcome.error, "retry_at": None}
        ledger.connection.execute(update(outbox).where(outbox.c.id == row.id).values(**values))
        ledger.event(
            row.number, f"sending {outcome.state}", why=outcome.error, cause=row.cause, row=row.id, kind=row.kind
        )
        is_failed = outcome.state == "failed"
        if is_failed and goes_another_way(self._means, ledger, row, outcome.error):
            return True
        if row.kind == "answer":
            to_person(self._means, ledger, row.number, f"the automatic answer is {outcome.state}")
        return True


def _may_claim(row: Any, ticket: Ticket) -> bool:
    """Whether this ticket stands for the row's next try, or for the one that was interrupted."""
    if row.state == "sending":
        return bool(ticket.attempt == row.attempts)
    # After a row failed for good, a person may ask for one more try.
    return row.state in ("queued", "failed") and bool(ticket.attempt == row.attempts + 1)


def _one_more(row: Any) -> Ticket:
    """Returns the ticket by which a person asks for one try more."""
    return Ticket(row=row.id, attempt=row.attempts + 1)
