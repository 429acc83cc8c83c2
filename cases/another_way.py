"""A letter that cannot arrive goes to the citizen's next contact, in the words that its channel wants."""

from typing import Any

import msgspec
from sqlalchemy import Connection, select, update

from cases.handles import contact_key
from cases.ledger import Ledger, read_sealed
from cases.letters import Facts
from cases.means import Means
from cases.model import Case, case_of
from cases.people import Contact, contacts_of, own_of, person_of, thread_of_contact
from cases.post import Address, facts_of
from cases.schema import cases, events, from_stored, messages, outbox
from core.errors import Rejected

CODE, LINKED = "contact_code", "contact_linked"
_KINDS = frozenset({"answer", "result", "notice", "acknowledgement"})
# What is about a contact itself is nobody else's.
_NEVER = frozenset({CODE, LINKED})
# Whose reasons the citizen is told, as `cases/officer.py` notes them.
_REASONED = frozenset({"transferred", "handed over", "kind changed", "extended", "closed", "withdrawn"})
_INSTANTS = ("not_before", "created_at")


def goes_another_way(means: Means, ledger: Ledger, row: Any, error: str) -> bool:
    """Writes the letter of an outbox row that ended without arriving to the citizen's next contact, each of which gets
    it once; returns whether there was one. A machine's answer is no longer sent when a person has the case."""
    if row.kind not in _KINDS or row.letter in _NEVER:
        return False
    case = _case(ledger.connection, row.number)
    if case is None or (row.kind == "answer" and case.queue):
        return False
    try:
        contact = _next(means, ledger.connection, case, row)
        facts = _facts(means, ledger.connection, case, row) if contact else None
    except Rejected:
        # Sealed with another key: nobody can say to whom, or what.
        return False
    if contact is None or facts is None:
        return False
    _write(means, ledger, row, contact, facts)
    told = f"{error}; sent by another way: {contact.channel}".removeprefix("; ")
    ledger.connection.execute(update(outbox).where(outbox.c.id == row.id).values(error=told))
    return True


def undelivered(means: Means, ledger: Ledger, case: Case) -> int:
    """Sends again what did not reach the citizen of this case: answers, and of notices the last, for the others are
    past. Returns how many letters found a way."""
    lost = select(outbox).where(outbox.c.number == case.number, outbox.c.state.in_(("failed", "undeliverable")))
    rows = ledger.connection.execute(lost.order_by(outbox.c.id)).all()
    wanted = [row for row in rows if row.kind in ("answer", "result") or row is rows[-1]]
    alone = [row for row in wanted if not _has_another(ledger.connection, row)]
    return sum(goes_another_way(means, ledger, row, row.error) for row in alone)


def _case(connection: Connection, number: str) -> Case | None:
    row = connection.execute(select(cases).where(cases.c.number == number)).mappings().one_or_none()
    return None if row is None or row["forgotten_at"] is not None else case_of(row)


def _next(means: Means, connection: Connection, case: Case, row: Any) -> Contact | None:
    person = person_of(connection, own_of(means, connection, case).key)
    known = contacts_of(means, connection, person)
    if not known:
        return None
    same = (outbox.c.number == row.number, outbox.c.kind == row.kind, outbox.c.cause == row.cause)
    tried = connection.execute(select(outbox.c.channel, outbox.c.account, outbox.c.recipient).where(*same)).all()
    had = {contact_key(means.seal, one.channel, one.account, one.recipient) for one in tried}
    return next((contact for contact in known if contact.key not in had), None)


def _has_another(connection: Connection, row: Any) -> bool:
    """Whether this letter is on its way elsewhere, or arrived there."""
    same = (outbox.c.number == row.number, outbox.c.kind == row.kind, outbox.c.cause == row.cause)
    well = outbox.c.state.in_(("queued", "sending", "sent", "uncertain"))
    return connection.execute(select(outbox.c.id).where(*same, well)).first() is not None


def _write(means: Means, ledger: Ledger, row: Any, contact: Contact, facts: Facts) -> None:
    facts = msgspec.structs.replace(facts, channel=contact.channel, public=False)
    address = Address(contact.channel, contact.account, contact.to)
    made = means.post.row(row.letter, facts, address, cause=row.cause, at=ledger.now)
    made |= {name: from_stored(made[name]) for name in _INSTANTS}
    # At once, so that a letter that fails twice in one transaction does not choose the same contact.
    means.database.insert_new(ledger.connection, outbox, **made)
    way = {"row": row.id, "kind": row.kind, "channel": contact.channel}
    ledger.event(row.number, "sent by another way", cause=row.cause, **way)
    if row.kind in ("answer", "result") or row.letter == "ask_place":
        ledger.thread(*thread_of_contact(contact.key), row.number)


def _facts(means: Means, connection: Connection, case: Case, row: Any) -> Facts | None:
    """Returns what the letter says, as the case stands now; None when its words are not known any more."""
    noted = select(events).where(events.c.number == row.number, events.c.cause == row.cause).order_by(events.c.id)
    lines = connection.execute(noted).all() if row.cause else []
    words = next((line for line in lines if line.what == "answered" and line.sealed), None)
    if row.kind == "result" and words is None:
        return None
    reason = next((line.why for line in lines if line.what in _REASONED), "")
    text = means.seal.open(words.sealed).decode() if words is not None else ""
    officer = case.assignee or (words.who if words is not None else "")
    facts = facts_of(case, link=means.link(case), reason=reason, officer=officer, text=text)
    facts = msgspec.structs.replace(facts, pictures=means.post.pictures(row))
    return facts if row.cause != case.message else _first(means, connection, case, facts)


def _first(means: Means, connection: Connection, case: Case, facts: Facts) -> Facts:
    """Adds what only the letters say that follow from the first message."""
    sealed = connection.execute(select(messages.c.sealed).where(messages.c.id == case.message)).scalar() or b""
    decision, letters = read_sealed(means.seal, sealed).decision, means.post.letters
    return msgspec.structs.replace(
        facts,
        on_duty=case.urgent,
        answer_at=decision.answer_at,
        answer=decision.answer.text if decision.answer else "",
        hint=letters.hint(case.urgency, case.kind, case.language),
        question=letters.question(case.faq, case.language),
    )
