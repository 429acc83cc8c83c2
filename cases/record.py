"""One transaction for a batch of decided messages: cases with numbers, their history, and what goes out."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, RowMapping, func, select, text

from cases.database import anew
from cases.engines import Conflict, Taken
from cases.joining import Joining, must
from cases.ledger import CITIZEN, Ledger, wordless
from cases.means import Means
from cases.model import Case, case_of
from cases.numbering import Given
from cases.opening import Opening, may_recur, opens_case
from cases.post import is_guarded
from cases.recurring import Recurring
from cases.replies import is_of_channel, rows_named
from cases.schema import GUARDED, cases, from_stored, outbox
from cases.versions import TAKEN_BACK, Original, Versions, empty, thread_group
from core.wire import Routed

_PAST = "UPDATE cases SET sameness = NULL WHERE number {wanted}"
_DAY, _HOUR = timedelta(days=1), timedelta(hours=1)
_INSTANTS = ("received_at", "accepted_at", "due_at", "answered_at", "closed_at")


def record(means: Means, routed: Sequence[Routed]) -> None:
    """Makes the whole batch durable, or nothing of it. A message that is known already changes nothing.

    Raises `Rejected` when one of them can never be recorded, `Unavailable` when the store cannot be written now.
    """
    try:
        _record(means, routed, recurring=True)
    except (Taken, Conflict):
        # Where very many write for one citizen at once, nobody waits: the same again finds other cases of theirs.
        _record(means, routed, recurring=False)


@anew
def _record(means: Means, routed: Sequence[Routed], *, recurring: bool) -> None:
    with means.database.write() as connection:
        ledger = means.ledger(connection)
        new = _unknown(means, connection, routed)
        if new:
            numbers = means.numbers.given(connection, ledger.now)
            _Recording(means, ledger, numbers, new, recurring=recurring).run()


class _Recording:
    """The work of one transaction; its look-ups are made for the whole batch at once."""

    def __init__(
        self, means: Means, ledger: Ledger, numbers: Given, new: Mapping[bytes, Routed], *, recurring: bool
    ) -> None:
        self._is_recurring = recurring
        self._means = means
        self._connection = connection = ledger.connection
        self._new = new
        self._items = items = list(new.values())
        self._ledger = ledger
        self._guard = _Guard(means, connection, self._ledger.now, items)
        self._joining = Joining(means, self._ledger, self._guard.why_not)
        self._numbers = numbers
        self._versions = Versions(means, connection, items)
        self._kin = self._versions.kin(items)
        related = self._kin.joining | self._kin.gone
        alone = [i for i in items if opens_case(i) and i.message.id not in related]
        self._joined_by, self._sameness, self._past = self._look_back(alone)
        self._cases = self._known_cases()
        self._opened: dict[str, dict[str, Any]] = {}
        self._taken_back: list[Original] = []
        self._reported = rows_named(connection, {i.message.report.original_id for i in items if i.message.report})

    def run(self) -> None:
        self._numbers.need(len(self._sameness))
        self._means.database.each(self._connection, _PAST, sorted(self._past))
        for identity, item in self._new.items():
            self._take(item, identity)
        self._ledger.flush()
        for original in self._taken_back:
            empty(self._means, self._connection, original)

    def _look_back(self, opening: Sequence[Routed]) -> tuple[dict[str, str], dict[str, int | None], set[str]]:
        """Returns which case each message joins (one that this batch opens goes by the message that opens it), the
        sameness of each case that is opened, and the cases that give theirs up."""
        recurring = Recurring(self._means, self._connection, [i.message for i in opening])
        joined: dict[str, str] = {}
        sameness: dict[str, int | None] = {}
        past: set[str] = set()
        for item in opening:
            message, awaited = item.message, may_recur(item, self._ledger.now)
            if awaited and (case := recurring.case_of(message)):
                joined[message.id] = case
                continue
            sameness[message.id], gives_up = recurring.opens(message, message.id) if awaited else (None, "")
            if not self._is_recurring:
                sameness[message.id], gives_up = None, ""
            if gives_up in sameness:
                sameness[gives_up] = None
            elif gives_up:
                past.add(gives_up)
        return joined, sameness, past

    def _take(self, item: Routed, identity: bytes) -> None:
        message = item.message
        if message.report is not None:
            named = self._reported.get(message.report.original_id, ())
            mail = self._means.options.threaded
            self._joining.report(item, next((row for row in named if is_of_channel(row, message, mail)), None))
        elif message.change == "removal":
            self._versions.remember(message, self._take_back(item))
        elif message.id in self._kin.gone:
            self._ledger.message(wordless(item), None, reason=TAKEN_BACK, identity=identity)
        elif message.id in self._kin.joining:
            self._versions.remember(message, self._another(item))
        else:
            self._versions.remember(message, self._decided(item, identity))

    def _decided(self, item: Routed, identity: bytes) -> str:
        """Does what was decided; returns the number of the case that the message is in now, "" for none."""
        decision = item.decision
        if decision.action == "follow_up":
            return self._joined(item, must(self._cases.get(decision.case or ""), item))
        if decision.action == "rate":
            case = must(self._cases.get(decision.case or ""), item)
            self._cases[case.number] = self._joining.rate(item, case)
            return case.number
        if decision.action == "ignore":
            kept = self._cases.get(decision.case or item.context.reply_to_case)
            self._joining.kept(item, kept)
            return kept.number if kept else ""
        return self._open_or_join(item, identity)

    def _take_back(self, item: Routed) -> str:
        """Shows no longer what its author took back; the case stays, and its history tells."""
        original = self._versions.original_of(item.message)
        number = original.number if original else ""
        self._ledger.message(item, number or None, reason=TAKEN_BACK)
        self._taken_back += self._versions.all_of(item.message)
        if number:
            self._ledger.event(number, "taken back", who=CITIZEN, cause=item.message.id)
        return number

    def _another(self, item: Routed) -> str:
        """Adds another version of a message, or another piece of an album, to the case of the first."""
        original = self._versions.original_of(item.message)
        number = original.number if original and original.number else self._versions.case_of_group(item.message)
        case = self._cases.get(number) or _case_of_new(self._row_of(number))
        was = self._versions.text_of(original, self._items) if original else ""
        self._cases[number] = self._joining.another(item, case, was)
        return number

    def _row_of(self, number: str) -> dict[str, Any]:
        return next(row for row in self._opened.values() if row["number"] == number)

    def _open_or_join(self, item: Routed, identity: bytes) -> str:
        message = item.message
        if earlier := self._joined_by.get(message.id):
            case = self._cases.get(earlier) or _case_of_new(self._opened[earlier])
            self._joining.again(item, case)
            thread_group(self._ledger, message, case.number)
            return case.number
        opening = Opening(self._means, self._ledger, item, self._numbers.next())
        sameness = self._sameness[message.id]
        row = self._opened[message.id] = opening.write(self._guard.why_not, sameness=sameness, identity=identity)
        thread_group(self._ledger, message, row["number"])
        return str(row["number"])

    def _joined(self, item: Routed, case: Case) -> str:
        self._cases[case.number] = self._joining.follow_up(item, case)
        return case.number

    def _known_cases(self) -> dict[str, Case]:
        """Returns the cases that this batch names or joins, kept for this transaction."""
        again = {case for case in self._joined_by.values() if case not in self._sameness}
        named = {i.decision.case or i.context.reply_to_case for i in self._items} | again | self._versions.numbers
        known = {row["number"]: case_of(row) for row in self._rows(named - {""})}
        if ended := [number for number in again if not (number in known and known[number].is_open)]:
            raise Conflict(f"case {ended[0]} was just ended by somebody else")
        return known

    def _rows(self, numbers: Collection[str]) -> Iterable[RowMapping]:
        if not numbers:
            return ()
        wanted = select(cases).where(cases.c.number.in_(numbers)).order_by(cases.c.number)
        return self._connection.execute(wanted.with_for_update()).mappings().all()


class _Guard:
    """Stops two mail systems that answer each other: above a bound a day, one automatic mail an hour."""

    def __init__(self, means: Means, connection: Connection, now: datetime, items: Sequence[Routed]) -> None:
        self._now = now
        self._most = means.options.automatic_mails_a_day
        wanted = {i.message.reply_to for i in items if is_guarded("", i.message.reply_to)}
        self._sent = _sent_since(connection, now - _DAY, wanted)

    def why_not(self, to: str, letter: str) -> str:
        """Returns why nothing may be sent to this address now; "" counts as sent."""
        if not is_guarded(letter, to):
            return ""
        count, last = self._sent.get(to, (0, None))
        if count >= self._most and last is not None and self._now - last < _HOUR:
            return f"{count} automatic mails went to this address within a day; more would feed a loop"
        self._sent[to] = (count + 1, self._now)
        return ""


def _sent_since(
    connection: Connection, since: datetime, wanted: Collection[str]
) -> dict[str, tuple[int, datetime | None]]:
    if not wanted:
        return {}
    statement = (
        select(outbox.c.recipient, func.count(), func.max(outbox.c.created_at))
        .where(text(GUARDED), outbox.c.recipient.in_(wanted), outbox.c.created_at >= since)
        .group_by(outbox.c.recipient)
    )
    return {to: (count, last) for to, count, last in connection.execute(statement)}


def _unknown(means: Means, connection: Connection, routed: Sequence[Routed]) -> dict[bytes, Routed]:
    """Returns the messages that were not recorded before, each once, in order, by their identity."""
    fresh: dict[bytes, Routed] = {}
    for item in routed:
        fresh.setdefault(item.message.identity, item)
    statement = "SELECT identity FROM messages WHERE identity {wanted}"
    for (identity,) in means.database.each(connection, statement, fresh):
        del fresh[bytes(identity)]
    return fresh


def _case_of_new(row: dict[str, Any]) -> Case:
    instants = {name: from_stored(row[name]) for name in _INSTANTS if row.get(name) is not None}
    rest = dict.fromkeys(_INSTANTS) | {"assignee": "", "extended": False, "released": False, "rating": None}
    return case_of(rest | {**row, "closed_at": None, "forgotten_at": None} | instants)
