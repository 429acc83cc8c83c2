"""How a decided message becomes a case: its row, the first line of its history, and what goes out at once."""

from collections.abc import Callable
from datetime import datetime
from functools import lru_cache
from typing import Any

import msgspec

from cases.ledger import CITIZEN, Ledger
from cases.letters import Facts, Letters
from cases.means import Means
from cases.model import TRIAGE, State
from cases.post import Address, address_of
from cases.schema import to_stored
from core.decision import Decision
from core.ids import RandomBytes
from core.message import Message, Settled
from core.wire import Routed

# Whoever has it reads the case: as long as a key.
_token = RandomBytes(16)
_json = msgspec.json.Encoder().encode
# Returns why no automatic mail may go to this address now, "" when one may.
MayMail = Callable[[str, str], str]


def opens_case(item: Routed) -> bool:
    return item.decision.action in ("answer", "dispatch", "hold") and item.message.report is None


def may_recur(item: Routed, now: datetime) -> bool:
    """Whether the same words again would join the case: not when its answer goes out at once, or was given."""
    if item.message.settled is not None:
        return False
    return item.decision.action != "answer" or _is_deferred(item.decision, now)


class Opening:
    """Opens one case: `write` adds all its rows to the ledger."""

    def __init__(self, means: Means, ledger: Ledger, item: Routed, number: str) -> None:
        self._means = means
        self._ledger = ledger
        self._item = item
        self._number = number
        self._token = _token().hex()
        self._queue, self._state = _place(item)

    def write(self, may_mail: MayMail, *, sameness: int | None, identity: bytes) -> dict[str, Any]:
        """Returns the case's row."""
        message, decision = self._item.message, self._item.decision
        ledger, number = self._ledger, self._number
        ledger.message(self._item, number, identity=identity)
        self._first_event()
        silence = no_mail_because(message, decision.confidential, self._means.post.letters) or may_mail(
            message.reply_to, "receipt"
        )
        # Where nothing can be sent, the automatic answer stands on the case's page at once.
        row = self._row(sameness, answered=not self._queue and bool(silence))
        if silence and decision.ask:
            # Nobody can be asked, so nobody is waited for.
            row |= {"state": "held", "awaits_place": False}
        if message.settled is not None:
            row |= self._settled(message.settled)
        ledger.case(row)
        if silence:
            ledger.event(number, "nothing sent", why=silence, cause=message.id)
        else:
            self._mail()
        if decision.urgent:
            self._call_duty()
        if decision.action == "answer" or decision.ask:
            ledger.thread(message.channel, message.account, message.conversation, message.author.handle, number)
        return row

    def _settled(self, settled: Settled) -> dict[str, Any]:
        """Notes who answered by word of mouth and what; returns what that changes in the case's row."""
        cause = self._item.message.id
        self._ledger.event(self._number, "answered", who=settled.by, words=settled.answer, cause=cause)
        answered = {"answered_at": to_stored(self._ledger.now), "answered_by": "officer"}
        return {"state": "answered", "awaits_place": False, **answered}

    def _first_event(self) -> None:
        decision = self._item.decision
        detail = _first_detail(self._queue, self._state, decision.kind, decision.faq or "")
        self._ledger.line(
            self._number, "received", who=CITIZEN, why=decision.rule, cause=self._item.message.id, detail=detail
        )

    def _row(self, sameness: int | None, *, answered: bool) -> dict[str, Any]:
        decision, message = self._item.decision, self._item.message
        return {
            "number": self._number,
            "state": "answered" if answered else self._state,
            "queue": self._queue,
            "unit": decision.unit or "",
            "action": decision.action,
            "kind": decision.kind,
            "topic": decision.topic or "",
            "district": decision.district or "",
            "faq": decision.faq or "",
            "confidential": decision.confidential,
            "urgent": decision.urgent,
            "urgency": decision.urgency,
            "language": decision.language,
            "accepted_at": _stored(decision.accepted_at),
            "due_at": _stored(decision.due_at),
            "answered_at": to_stored(self._ledger.now) if answered else None,
            "answered_by": "faq" if answered else "",
            "awaits_place": bool(decision.ask),
            "token": self._token,
            "sameness": sameness,
            "channel": message.channel,
            "account": message.account,
            "author": message.author.handle,
            "author_name": message.author.name,
            "conversation": message.conversation,
            "reply_to": message.reply_to if message.replyable else "",
            "public": message.public,
            "message": message.id,
            "native_id": message.native_id,
            "received_at": to_stored(message.received_at),
        }

    def _mail(self) -> None:
        decision, message, now = self._item.decision, self._item.message, self._ledger.now
        address = address_of(message)
        facts = self._facts()
        if self._queue:
            self._send(_notice(self._queue, decision, self._is_outside_hours()), facts, address)
            return
        if _is_deferred(decision, now):
            self._send("acknowledgement", facts, address)
        self._send("answer", facts, address, not_before=decision.answer_at)

    def _send(self, letter: str, facts: Facts, address: Address, *, not_before: datetime | None = None) -> None:
        row = self._means.post.row(
            letter, facts, address, cause=self._item.message.id, at=self._ledger.now, not_before=not_before
        )
        self._ledger.mail(row)

    def _facts(self) -> Facts:
        message, decision = self._item.message, self._item.decision
        letters = self._means.post.letters
        outside = self._is_outside_hours()
        return Facts(
            number=self._number,
            channel=message.channel,
            language=decision.language,
            public=message.public,
            confidential=decision.confidential,
            on_duty=decision.urgent,
            queue=self._queue,
            unit=decision.unit or "",
            received_at=message.received_at if outside else None,
            accepted_at=decision.accepted_at if outside else None,
            due_at=decision.due_at,
            answer_at=decision.answer_at,
            answer=decision.answer.text if decision.answer else "",
            hint=letters.hint(decision.urgency, decision.kind, decision.language),
            link=self._means.post.link(self._number, self._token),
            question=letters.question(decision.faq or "", decision.language),
        )

    def _call_duty(self) -> None:
        """Tells the duty desk of the queue, the city's where it has none, and of every district that it may be."""
        decision, message, letters = self._item.decision, self._item.message, self._means.post.letters
        own = letters.desk(self._queue).duty_contact
        # Secrets are for their own queue: whoever is near may be the one who is feared.
        alone = decision.confidential or (own and self._queue != TRIAGE)
        places = [] if alone else [decision.district or "", *decision.districts]
        near = [letters.desk(place).duty_contact for place in places if place]
        contacts = [own or letters.desk(TRIAGE).duty_contact, *near]
        called = [contact for contact in dict.fromkeys(contacts) if ":" in contact]
        facts = msgspec.structs.replace(self._facts(), language="ko", public=False, received_at=message.received_at)
        for contact in called:
            channel, _, to = contact.partition(":")
            self._send("duty", msgspec.structs.replace(facts, channel=channel), Address(channel, "", to))
        if not called:
            why = "no duty contact is set for this queue"
            self._ledger.event(self._number, "duty not told", why=why, cause=message.id)

    def _is_outside_hours(self) -> bool:
        accepted = self._item.decision.accepted_at
        return accepted is not None and accepted > self._item.message.received_at


def no_mail_because(message: Message, confidential: bool, letters: Letters) -> str:
    """Returns why this message gets no automatic letter, "" when it may have one."""
    if message.settled is not None:
        return "it was answered by word of mouth"
    if message.signals:
        return f"automatic mail is not answered ({message.signals[0]})"
    if letters.is_mute(message.channel, message.account):
        return f"nothing is written in the name of the account {message.account}"
    if not message.replyable:
        return "this channel cannot be answered"
    if not message.reply_to:
        return "nobody knows where to answer to"
    if message.public and confidential:
        return "a confidential matter is not answered where others can read it"
    return ""


def _place(item: Routed) -> tuple[str, State]:
    """Returns the queue and the state that a case begins with; an automatic answer belongs to no queue."""
    decision = item.decision
    if decision.action == "answer":
        # What others can read carries no answer: a person writes to the citizen alone.
        return (TRIAGE, "held") if item.message.public or decision.answer is None else ("", "received")
    queue = decision.queue or TRIAGE
    if decision.action == "hold":
        return queue, "waiting" if decision.ask else "held"
    return queue, "held" if queue == TRIAGE else "received"


def _notice(queue: str, decision: Decision, outside_hours: bool) -> str:
    """Returns which letter says that a matter has arrived; what must be known first comes first."""
    rows = (
        (decision.urgent, "urgent"),
        (decision.confidential, "confidential"),
        (decision.ask, "ask_place"),
        (queue.startswith("agency."), "agency"),
        (queue == TRIAGE, "receipt_triage"),
        (outside_hours, "receipt_night"),
    )
    return next((letter for applies, letter in rows if applies), "receipt")


@lru_cache(maxsize=4096)
def _first_detail(queue: str, state: str, kind: str, faq: str) -> str:
    return _json({"queue": queue, "state": state, "kind": kind} | ({"faq": faq} if faq else {})).decode()


def _is_deferred(decision: Decision, now: datetime) -> bool:
    return decision.answer_at is not None and decision.answer_at > now


def _stored(moment: datetime | None) -> int | None:
    return None if moment is None else to_stored(moment)
