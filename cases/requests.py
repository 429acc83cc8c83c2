"""What client programs ask: what became of a message of theirs, and all that everybody may know of cases."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Connection, func, select, text

from cases.ledger import read_message
from cases.means import Means
from cases.model import Case, State, case_of
from cases.schema import KEPT, cases, events, messages
from core.mask import mask
from core.message import Message

_MOST = 1_000


class Filed(msgspec.Struct, frozen=True, kw_only=True):
    """A recorded message: `number` is its case, "" for none; `token` opens it, "" unless this message opened it."""

    native_id: str
    account: str
    number: str
    token: str
    received_at: datetime
    message: Message


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """A case as everybody may know it: no author, no place; `text` masked, "" unless an officer released it."""

    number: str
    state: State
    topic: str
    queue: str
    district: str
    received_at: datetime
    updated_at: datetime
    due_at: datetime | None
    text: str = ""


class Requests:
    """Reads; changes nothing. Used from threads."""

    def __init__(self, means: Means) -> None:
        self._means = means
        self._database = means.database

    def filed(
        self, channels: Collection[str], native_ids: Sequence[str], accounts: Collection[str] | None = None
    ) -> Filed | None:
        """Returns the newest message of these ids, None while none is recorded. For channels whose messages are named
        again (`Options.named`)."""
        # Nothing else is an id of anybody, and not every database may be asked for it.
        wanted = [one for one in native_ids if one.isprintable()]
        joined = messages.outerjoin(cases, cases.c.number == messages.c.number)
        columns = (messages, cases.c.message.label("first"), cases.c.token)
        conditions: list[ColumnElement[bool]] = [messages.c.reference.in_(wanted), messages.c.channel.in_(channels)]
        if accounts is not None:
            conditions.append(messages.c.account.in_(accounts))
        statement = select(*columns).select_from(joined).where(*conditions).order_by(messages.c.id.desc()).limit(1)
        with self._database.read() as connection:
            row = connection.execute(statement).first()
        return None if row is None else self._filed(row)

    def named(self, numbers: Collection[str]) -> list[Shown]:
        """Returns the cases of these numbers that everybody may know of, the newest first."""
        return self._shown(cases.c.number.in_(list(numbers)[:_MOST])) if numbers else []

    def between(
        self,
        since: datetime,
        until: datetime,
        *,
        topics: Collection[str] | None = None,
        states: Collection[str] | None = None,
        limit: int = _MOST,
        offset: int = 0,
    ) -> list[Shown]:
        """Returns the newest cases of a time behind the first so many, at most a thousand; `None` for whatever topic,
        or state."""
        conditions: list[ColumnElement[bool]] = [cases.c.received_at >= since, cases.c.received_at <= until]
        if topics is not None:
            conditions.append(cases.c.topic.in_(topics))
        if states is not None:
            # Written so that no index of states serves it: most cases are closed, and only the newest are wanted.
            conditions.append((cases.c.state + "").in_(states))
        return self._shown(*conditions, limit=limit, offset=offset)

    def _shown(self, *conditions: ColumnElement[bool], limit: int = _MOST, offset: int = 0) -> list[Shown]:
        known = select(cases).where(text(KEPT), ~cases.c.confidential, *conditions)
        newest = known.order_by(cases.c.received_at.desc(), cases.c.number.desc())
        newest = newest.limit(min(limit, _MOST)).offset(offset)
        with self._database.read() as connection:
            found = [case_of(row) for row in connection.execute(newest).mappings()]
            if not found:
                return []
            changed, said = self._changed(connection, found), self._released(connection, found)
        return [_shown(case, changed.get(case.number, case.received_at), said.get(case.message, "")) for case in found]

    def _changed(self, connection: Connection, found: Sequence[Case]) -> dict[str, datetime]:
        """Returns when something happened last with each."""
        last = select(events.c.number, func.max(events.c.at).label("at")).group_by(events.c.number)
        rows = connection.execute(last.where(events.c.number.in_([case.number for case in found])))
        return {row.number: row.at for row in rows}

    def _released(self, connection: Connection, found: Sequence[Case]) -> dict[str, str]:
        """Returns the masked words of those cases that an officer released, by their message."""
        released = [case.message for case in found if case.released and case.answered_at is not None]
        rows = connection.execute(select(messages.c.id, messages.c.sealed).where(messages.c.id.in_(released)))
        return {row.id: mask(read_message(self._means.seal, row.sealed).text) for row in rows}

    def _filed(self, row: Any) -> Filed:
        return Filed(
            native_id=row.reference,
            account=row.account,
            number=row.number or "",
            token=row.token if row.first == row.id else "",
            received_at=row.received_at,
            message=read_message(self._means.seal, row.sealed),
        )


def _shown(case: Case, updated_at: datetime, said: str) -> Shown:
    return Shown(
        number=case.number,
        state=case.state,
        topic=case.topic,
        queue=case.queue,
        district=case.district,
        received_at=case.received_at,
        updated_at=max(case.closed_at or case.answered_at or updated_at, case.received_at),
        due_at=case.due_at,
        text=said,
    )
