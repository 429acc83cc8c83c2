"""How a message joins a case that is there: more words, the place we asked for, a rating, a delivery report."""

from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Connection, or_, select, update

from cases.another_way import goes_another_way
from cases.clock import Pause, accepted_at
from cases.handles import is_address, known_by
from cases.ledger import CITIZEN, Ledger, read_sealed
from cases.means import Means
from cases.model import OPEN, TRIAGE, Case
from cases.opening import MayMail, no_mail_because
from cases.post import Address, address_of, facts_of
from cases.same import is_same, says
from cases.schema import messages, outbox, pauses
from cases.sent import MAYBE, went_out
from core.decision import Decision
from core.errors import Rejected
from core.message import Message
from core.wire import Routed, Seal

# What is reported moves a row forward only: from here to not arrived, which is final until a person decides; and from
# here to sent. What came late, or twice, changes nothing.
_MAY_FAIL = frozenset({"sending", "uncertain", "sent"})
_MAY_HAVE_GONE = frozenset({"queued", "sending", "uncertain"})


class Joining:
    """Adds messages to cases. Each verb returns the case as it is then, for the next message of the batch."""

    def __init__(self, means: Means, ledger: Ledger, may_mail: MayMail) -> None:
        self._means = means
        self._ledger = ledger
        self._may_mail = may_mail

    def follow_up(self, item: Routed, case: Case) -> Case:
        """Adds what a citizen wrote more; routes the case when its place was awaited, wakes it when it slept.

        Mail that a machine wrote, and the same words again, change nothing else.
        """
        message, decision = item.message, item.decision
        self._ledger.message(item, case.number)
        self._ledger.event(
            case.number, "follow-up", who=CITIZEN, why=decision.rule, cause=message.id, automatic=bool(message.signals)
        )
        if message.signals:
            return case
        if item.context.same_case == case.number and case.is_open:
            letter = "follow_up"
        elif case.awaits_place:
            case, letter = self._placed(item, case)
        elif not case.queue:
            case, letter = self._escalated(item, case)
        elif case.state not in OPEN:
            case, letter = self._reopened(item, case)
        else:
            letter = "follow_up"
        self._tell(letter, message, case)
        return case

    def again(self, item: Routed, case: Case) -> None:
        """Keeps the same words of the same author under the case that they opened."""
        self._ledger.message(item, case.number, reason="the same words again")
        why = "the same words again"
        self._ledger.event(case.number, "follow-up", who=CITIZEN, why=why, cause=item.message.id)
        self._tell("follow_up", item.message, case)

    def another(self, item: Routed, case: Case, was: str) -> Case:
        """Adds another version of a message, or another piece of an album; `was` is what the version before said.

        Nobody is told of small edits. One that says something else wakes a case that slept, and gives to a person
        what a machine answered: that answer was to other words.
        """
        message = item.message
        is_edit = message.change == "edit"
        self._ledger.message(item, case.number, reason="a piece of the same" if message.group else "another version")
        self._ledger.event(case.number, "edited" if is_edit else "joined", who=CITIZEN, cause=message.id)
        # What comes late was written before.
        if not is_edit or is_same(says(was), says(message.text)):
            return case
        if case.awaits_place and item.decision.action == "follow_up":
            case, letter = self._placed(item, case)
        elif not case.queue:
            case, letter = self._escalated(item, case)
        elif case.state not in OPEN:
            case, letter = self._reopened(item, case)
        else:
            return case
        self._tell(letter, message, case)
        return case

    def rate(self, item: Routed, case: Case) -> Case:
        """Keeps how satisfied the citizen is and says thank you."""
        message, decision = item.message, item.decision
        self._ledger.message(item, case.number)
        case = self._ledger.change(case, rating=decision.rating)
        self._ledger.event(case.number, "rated", who=CITIZEN, cause=message.id, rating=decision.rating)
        self._tell("rated", message, case)
        return case

    def kept(self, item: Routed, case: Case | None) -> None:
        """Keeps what makes no case and gets no answer, with its reason; under its case when it answers one."""
        self._ledger.message(item, case.number if case else None)
        if case:
            why = item.decision.reason
            self._ledger.event(case.number, "kept", who=CITIZEN, why=why, cause=item.message.id)

    def report(self, item: Routed, row: Any | None) -> None:
        """Changes the state of what we sent by what a mail system says became of it."""
        report = item.message.report
        reason = item.decision.reason or "a delivery report"
        if report is None or row is None:
            self._ledger.message(item, None, reason=f"{reason}; it names nothing that we sent")
            return
        self._ledger.message(item, row.number, reason=reason)
        said = f"{report.action} {report.status}".strip()
        if report.provider_id and row.provider_id not in (None, row.id, report.provider_id):
            self._ledger.event(row.number, "delivery report", why=f"an earlier try: {said}", cause=item.message.id)
            return
        has_failed = report.action == "failed"
        if has_failed and row.state in _MAY_FAIL:
            statement = update(outbox).where(outbox.c.id == row.id).values(state="undeliverable", error=said)
            self._ledger.connection.execute(statement)
        elif not has_failed and row.state in _MAY_HAVE_GONE:
            # A report about it proves that it went out.
            went_out(self._means, self._ledger, {row.id: row.provider_id or report.provider_id}, where=MAYBE)
        what = "undeliverable" if has_failed else "delivery report"
        self._ledger.event(row.number, what, why=said, cause=item.message.id, row=row.id, kind=row.kind)
        if has_failed and row.state in _MAY_FAIL:
            whole = self._ledger.connection.execute(select(outbox).where(outbox.c.id == row.id)).one()
            goes_another_way(self._means, self._ledger, whole, said)

    def _placed(self, item: Routed, case: Case) -> tuple[Case, str]:
        """Routes the case by the place that was asked for; the wait does not count. Unsure again: a person does."""
        decision, message = item.decision, item.message
        queue = decision.queue or TRIAGE
        self._ledger.connection.execute(
            pauses.insert().values(
                number=case.number, begins_at=case.received_at, ends_at=message.received_at, why="place asked for"
            )
        )
        kind = case.kind if decision.kind == "none" else decision.kind
        values = {
            "queue": queue,
            "unit": decision.unit or case.unit,
            "district": decision.district or case.district,
            "topic": decision.topic or case.topic,
            "kind": kind,
            "confidential": case.confidential or decision.confidential,
            "state": "held" if queue == TRIAGE else "received",
            "awaits_place": False,
            "due_at": self._due(kind, case, waited=(case.received_at, message.received_at)),
        }
        changed = self._ledger.change(case, **values)
        self._ledger.event(
            case.number, "routed", why=decision.rule, cause=message.id, **_difference(case, changed, "queue", "due_at")
        )
        return changed, "follow_up" if queue == TRIAGE else "agency" if queue.startswith("agency.") else "assigned"

    def _escalated(self, item: Routed, case: Case) -> tuple[Case, str]:
        """Gives a case that was answered by itself to a person, with its first time of receipt."""
        first = self._first_decision(case)
        queue = item.decision.queue or first.queue or TRIAGE
        kind = "inquiry" if case.kind == "none" else case.kind
        accepted = self._means.accepted(case)
        changed = self._ledger.change(
            case,
            queue=queue,
            unit=item.decision.unit or first.unit or "",
            kind=kind,
            state="held" if queue == TRIAGE else "received",
            accepted_at=accepted,
            due_at=self._due(kind, case),
            answered_at=None,
            answered_by="",
        )
        drop_deferred(self._ledger, case.number)
        self._ledger.event(
            case.number,
            "escalated",
            who=CITIZEN,
            why=item.decision.rule,
            cause=item.message.id,
            **_difference(case, changed, "state", "queue", "due_at"),
        )
        return changed, "escalated"

    def _reopened(self, item: Routed, case: Case) -> tuple[Case, str]:
        """Wakes a finished case; what was said anew has its own period."""
        accepted = accepted_at(item.message.received_at, self._means.calendar)
        changed = self._ledger.change(
            case,
            state="held" if case.queue == TRIAGE else "received",
            due_at=self._means.due(case.kind, accepted),
            answered_at=None,
            answered_by="",
            closed_at=None,
        )
        why = "the citizen wrote again"
        self._ledger.event(
            case.number, "reopened", why=why, cause=item.message.id, **_difference(case, changed, "state", "due_at")
        )
        return changed, "follow_up"

    def _due(self, kind: str, case: Case, *, waited: Pause | None = None) -> datetime | None:
        own, outages = known_pauses(self._ledger, case.number)
        pauses_ = [*own, waited] if waited and waited not in own else own
        return self._means.due(kind, self._means.accepted(case), pauses=pauses_, outages=outages)

    def _first_decision(self, case: Case) -> Decision:
        return decision_of(self._ledger.connection, self._means.seal, case.message)

    def _tell(self, letter: str, message: Message, case: Case) -> None:
        address = _within(address_of(message), message.author.handle, case)
        silence = no_mail_because(message, case.confidential, self._means.post.letters)
        silence = silence or (self._may_mail(address.to, letter) if address.to else "nobody knows where to answer to")
        if silence:
            self._ledger.event(case.number, "nothing sent", why=silence, cause=message.id)
            return
        facts = facts_of(case, link=self._means.link(case))
        # How this channel speaks and who reads it there; the case may have begun on another.
        facts = msgspec.structs.replace(facts, channel=message.channel, public=message.public)
        self._ledger.mail(self._means.post.row(letter, facts, address, cause=message.id, at=self._ledger.now))


def _within(address: Address, author: str, case: Case) -> Address:
    """Returns where a letter about a case goes, for its link opens the case: a mail may come from another than whom it
    names, and what answers such a one goes to where the case is answered."""
    who, to = known_by(author), known_by(address.to)
    is_typed = is_address(who) and case.channel == address.channel
    return msgspec.structs.replace(address, to=case.reply_to) if is_typed and to != who else address


def drop_deferred(ledger: Ledger, number: str) -> int:
    """Takes back an answer that waits for the next opening; returns how many were."""
    statement = update(outbox).where(
        outbox.c.number == number, outbox.c.deferred, outbox.c.kind == "answer", outbox.c.state == "queued"
    )
    return ledger.connection.execute(statement.values(state="dropped", error="no longer needed")).rowcount


def decision_of(connection: Connection, seal: Seal, message: str) -> Decision:
    """Returns what was decided about a message."""
    sealed = connection.execute(select(messages.c.sealed).where(messages.c.id == message)).scalar_one()
    return read_sealed(seal, sealed).decision


def known_pauses(ledger: Ledger, number: str) -> tuple[list[Pause], list[Pause]]:
    """Returns when the clock of this case stood still: its own pauses, and the outages of the whole system."""
    own: list[Pause] = []
    outages: list[Pause] = []
    statement = select(pauses.c.number, pauses.c.begins_at, pauses.c.ends_at).where(
        or_(pauses.c.number == number, pauses.c.number.is_(None))
    )
    for row in ledger.connection.execute(statement):
        (outages if row.number is None else own).append((row.begins_at, row.ends_at or ledger.now))
    return own, outages


def must(case: Case | None, item: Routed) -> Case:
    """Returns the case that a decision names; raises `Rejected` when there is none."""
    if case is None:
        raise Rejected(f"{item.decision.action}: there is no case {item.decision.case or '(none named)'}")
    return case


def _difference(before: Case, after: Case, *fields: str) -> dict[str, Any]:
    pairs = {field: (getattr(before, field), getattr(after, field)) for field in fields}
    return {field: pair for field, pair in pairs.items() if pair[0] != pair[1]}
