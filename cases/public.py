"""What is shown outside: to the citizen whose case it is, and on the live monitor, without confidential matters."""

import hmac
from collections.abc import Iterator, Sequence
from datetime import datetime

import msgspec
from sqlalchemy import Connection, and_, select, text

from cases.ledger import read_sealed
from cases.means import Means
from cases.model import Case, State, case_of
from cases.numbers import parse_number
from cases.schema import KEPT, cases, events, messages
from cases.views import no_such_case, row_of
from core.errors import Rejected
from core.mask import mask, mask_handle, mask_name
from core.message import Message

_MOST_LINES = 200
_MOST_HITS = 1000
_MOST_WORDS = 50
_SHORTEST_TELEPHONE = 8
# +8210, 010
_PREFIX_ABROAD, _PREFIX = 5, 3
# As `cases/officer.py` notes them.
_TOLD = ("transferred", "handed over", "kind changed", "extended", "closed", "withdrawn", "reopened")


class MonitorItem(msgspec.Struct, frozen=True, kw_only=True):
    """A line of the live monitor: no text, the author masked."""

    number: str
    channel: str
    account: str
    author: str
    received_at: datetime
    action: str
    kind: str
    topic: str | None
    queue: str | None
    state: str
    due_at: datetime | None
    answered_at: datetime | None


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """Something that was done with a case; `why` is the reason that the citizen was told, "" when there was none."""

    at: datetime
    what: str
    why: str


class CitizenView(msgspec.Struct, frozen=True, kw_only=True):
    """What the citizen sees of the own case, newest last: `answers`, and `steps`, which were also told by letter."""

    number: str
    state: State
    queue: str
    confidential: bool
    language: str
    received_at: datetime
    accepted_at: datetime | None
    due_at: datetime | None
    answered_at: datetime | None
    # When words and answers were deleted, because they had been kept long enough.
    forgotten_at: datetime | None = None
    answers: tuple[tuple[datetime, str], ...] = ()
    steps: tuple[Step, ...] = ()


class Similar(msgspec.Struct, frozen=True, kw_only=True):
    """A released case as everybody may read it: masked words, no number, no author."""

    topic: str
    text: str
    answer: str


class PublicViews:
    """Reads; changes nothing. Used from threads."""

    def __init__(self, means: Means) -> None:
        self._means = means
        self._database = means.database

    def by_token(self, number: str, token: str) -> CitizenView:
        """Returns the citizen's view; raises `Rejected` (404) alike for a wrong number and a wrong token."""
        with self._database.read() as connection:
            row = row_of(connection, parse_number(number))
            expected = row["token"] if row is not None else ""
            # Compared in any case, so that the time tells nothing.
            right = hmac.compare_digest(expected.encode(), token.encode())
            if row is None or not expected or not right:
                raise no_such_case()
            return self._citizen_view(connection, case_of(row))

    def words(self, number: str, token: str) -> list[tuple[datetime, str]]:
        """Returns what the citizen wrote, masked, oldest first, to who has the case's link; nothing of a confidential
        case or a forgotten one, and of what was written anew only the last.

        Only what was said in the conversation that opened the case: a form opens one in anybody's name, and what that
        person says elsewhere is not shown to whoever filled it in. Raises `Rejected` (404) as `by_token` does.
        """
        view = self.by_token(number, token)
        if view.confidential or view.forgotten_at is not None:
            return []
        mine = (messages.c.number == view.number, ~messages.c.forgotten)
        oldest = (messages.c.received_at, messages.c.id)
        statement = select(messages.c.sealed).where(*mine).order_by(*oldest).limit(_MOST_WORDS)
        opened = select(messages.c.sealed).join(cases, cases.c.message == messages.c.id)
        with self._database.read() as connection:
            first = self._readable(connection.execute(opened.where(cases.c.number == view.number)).scalar() or b"")
            said = [self._readable(row.sealed) for row in connection.execute(statement)]
        if first is None:
            return []
        own = [message for message in said if message is not None and _own(message) == _own(first)]
        return [(message.received_at, mask(message.text)) for message in _latest(own) if message.text]

    def _readable(self, sealed: bytes) -> Message | None:
        # Sealed with another key, it is no reason to show nothing of the case.
        try:
            return read_sealed(self._means.seal, sealed).message
        except Rejected:
            return None

    def by_phone(self, number: str, last_four: str) -> CitizenView:
        """Returns the view to who knows the number and the last four digits of the telephone. Throttle the caller."""
        with self._database.read() as connection:
            row = row_of(connection, parse_number(number))
            digits = _telephone(row["author"]) or _telephone(row["reply_to"]) if row is not None else ""
            right = hmac.compare_digest(digits[-4:].encode(), last_four.strip().encode())
            if row is None or not digits or not right or row["confidential"]:
                raise no_such_case()
            return self._citizen_view(connection, case_of(row))

    def filed(self, channel: str, native_id: str) -> tuple[str, str] | None:
        """Returns number and token of the case that this message opened, None while it has none."""
        # By number, which every database has an index of.
        opened = messages.join(cases, and_(cases.c.number == messages.c.number, cases.c.message == messages.c.id))
        statement = select(cases.c.number, cases.c.token).select_from(opened)
        named = statement.where(messages.c.reference == native_id, messages.c.channel == channel)
        with self._database.read() as connection:
            row = connection.execute(named).first()
        return (row.number, row.token) if row is not None else None

    def released(self, message_ids: Sequence[str], limit: int = 5) -> list[Similar]:
        """Returns answered cases whose masked text somebody released, in the order of the messages given."""
        conditions = (cases.c.released, ~cases.c.confidential, cases.c.answered_at.is_not(None))
        opened = messages.join(cases, and_(cases.c.number == messages.c.number, cases.c.message == messages.c.id))
        with self._database.read() as connection:
            hits = messages.c.id.in_(message_ids[:_MOST_HITS])
            found = select(cases).select_from(opened).where(hits, *conditions)
            rows = {row["message"]: case_of(row) for row in connection.execute(found).mappings()}
            chosen = [rows[id_] for id_ in message_ids if id_ in rows][:limit]
            return [self._similar(connection, case) for case in chosen]

    def _similar(self, connection: Connection, case: Case) -> Similar:
        sealed = connection.execute(select(messages.c.sealed).where(messages.c.id == case.message)).scalar_one()
        answers = self._answers(connection, case)
        asked = read_sealed(self._means.seal, sealed).message.text
        return Similar(topic=case.topic, text=mask(asked), answer=mask(answers[-1][1]) if answers else "")

    def monitor(self, limit: int = 50) -> list[MonitorItem]:
        """Returns the newest cases for the live monitor; confidential matters are absent."""
        # Newest by the index of what was not forgotten.
        shown = select(cases).where(text(KEPT), ~cases.c.confidential)
        statement = shown.order_by(cases.c.received_at.desc(), cases.c.number.desc())
        with self._database.read() as connection:
            rows = connection.execute(statement.limit(max(1, min(limit, _MOST_LINES)))).mappings().all()
        return [_monitored(case_of(row)) for row in rows]

    def _citizen_view(self, connection: Connection, case: Case) -> CitizenView:
        return CitizenView(
            number=case.number,
            state=case.state,
            # Who has a confidential matter is told to nobody by a page.
            queue="" if case.confidential else case.queue,
            confidential=case.confidential,
            language=case.language,
            received_at=case.received_at,
            accepted_at=case.accepted_at,
            due_at=None if case.confidential else case.due_at,
            answered_at=case.answered_at,
            forgotten_at=case.forgotten_at,
            answers=tuple(self._answers(connection, case)),
            steps=tuple(_steps(connection, case)),
        )

    def _answers(self, connection: Connection, case: Case) -> list[tuple[datetime, str]]:
        found: list[tuple[datetime, str]] = []
        if case.faq and case.answered_by == "faq" and case.answered_at is not None:
            sealed = connection.execute(select(messages.c.sealed).where(messages.c.id == case.message)).scalar_one()
            answer = read_sealed(self._means.seal, sealed).decision.answer
            found += [(case.answered_at, answer.text)] if answer else []
        said = select(events.c.at, events.c.sealed).where(events.c.number == case.number, events.c.what == "answered")
        rows = connection.execute(said.order_by(events.c.id))
        return found + [(row.at, self._means.seal.open(row.sealed).decode()) for row in rows if row.sealed]


def _latest(said: Sequence[Message]) -> list[Message]:
    """Returns what was said without what was written anew afterwards."""
    anew = {message.native_id: message.id for message in said if message.change}
    return [message for message in said if anew.get(message.native_id, message.id) == message.id]


def _own(message: Message) -> tuple[str, str, str, str, str]:
    """Returns what one conversation of one citizen has in common."""
    return message.channel, message.account, message.conversation, message.author.handle, message.reply_to


def _steps(connection: Connection, case: Case) -> Iterator[Step]:
    """Yields what a citizen without an address learns from the page alone."""
    told = select(events).where(events.c.number == case.number, events.c.what.in_(_TOLD)).order_by(events.c.id)
    for row in connection.execute(told):
        # Where a confidential matter went, and why, is told to nobody by a page.
        yield Step(at=row.at, what=row.what, why="" if case.confidential else row.why)


def _monitored(case: Case) -> MonitorItem:
    return MonitorItem(
        number=case.number,
        channel=case.channel,
        account=case.account,
        author=mask_name(case.author_name) if case.author_name else _masked(case.author),
        received_at=case.received_at,
        action=case.action,
        kind=case.kind,
        topic=case.topic or None,
        queue=case.queue or None,
        state=case.state,
        due_at=case.due_at,
        answered_at=case.answered_at,
    )


def _masked(handle: str) -> str:
    """Returns an author's handle as everybody may see it: of a telephone number only how all of its kind begin, for its
    end opens the case and the rest says whose it is."""
    if not _telephone(handle):
        return mask_handle(handle)
    kept = _PREFIX_ABROAD if handle.startswith("+") else _PREFIX
    return handle[:kept] + "".join("*" if character.isdecimal() else character for character in handle[kept:])


def _telephone(handle: str) -> str:
    """Returns the digits of a telephone number, "" when this is none."""
    digits = "".join(character for character in handle if character.isdecimal())
    return digits if len(digits) >= _SHORTEST_TELEPHONE and not handle.strip("+0123456789-() ") else ""
