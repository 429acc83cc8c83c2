"""Where the words of an officer's answer went: to the citizen, into public without the words, elsewhere, or nowhere."""

from typing import Literal

import msgspec
from sqlalchemy import Connection, select

from cases.handles import contact_key
from cases.means import Means
from cases.model import Case
from cases.people import contacts_of, own_of, person_of
from cases.schema import events, outbox

Way = Literal["private", "public", "contact", "nobody"]
# As `cases/act.py` notes them.
_INSTEAD = ("nothing sent", "sent by another way")


class Heard(msgspec.Struct, frozen=True, kw_only=True):
    """`public`: others can read it, so it says number, department and date, and no words. `contact`: to another one of
    the citizen's, by their consent; `nobody`: nothing was sent, with the reason. `else_by`: the channels of contacts
    that are tried, in this order, when it does not arrive."""

    way: Way
    channel: str = ""
    why: str = ""
    else_by: tuple[str, ...] = ()


def heard(means: Means, connection: Connection, case: Case) -> Heard | None:
    """Returns where the last answer of an officer went, None when there was none."""
    answered = select(events.c.cause).where(events.c.number == case.number, events.c.what == "answered")
    cause = connection.execute(answered.order_by(events.c.id.desc()).limit(1)).scalar()
    if not cause:
        return None
    named = (outbox.c.number == case.number, outbox.c.cause == cause, outbox.c.kind == "result")
    row = connection.execute(select(outbox).where(*named).order_by(outbox.c.id).limit(1)).first()
    told = (events.c.number == case.number, events.c.cause == cause, events.c.what.in_(_INSTEAD))
    why = connection.execute(select(events.c.why).where(*told).order_by(events.c.id)).scalar() or ""
    if row is None or why:
        return Heard(way="contact" if row else "nobody", channel=row.channel if row else "", why=why)
    way: Way = "public" if means.post.is_public(row) else "private"
    there = contact_key(means.seal, row.channel, row.account, row.recipient)
    known = contacts_of(means, connection, person_of(connection, own_of(means, connection, case).key))
    return Heard(way=way, channel=row.channel, else_by=tuple(one.channel for one in known if one.key != there))
