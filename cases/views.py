"""What staff look at: a case and its history, queues, search hits, and the counts that somebody has to watch."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    TextClause,
    and_,
    func,
    literal,
    select,
    text,
    tuple_,
    union_all,
)

from cases import tallies
from cases.ledger import read_sealed
from cases.means import Means
from cases.model import OPEN, RECORDED, STATES, TRIAGE, By, Case, Entry, State, case_of
from cases.numbers import parse_number
from cases.schema import CASELESS, TROUBLE, UNSENT, URGENT, Instant, cases, events, messages, outbox
from cases.trouble import ANOTHER_WAY
from core.errors import Rejected
from core.message import Message
from core.wire import Routed

_MOST = 1000
# Of a list that is put together; beyond that, a queue by itself is not asked for.
_MOST_PARTS = 32
# However long a provider is away, a look at how it goes stays quick.
_MOST_COUNTED = 100_000
_EVERYONE = By("")
_Term = ColumnElement[bool] | TextClause
_OTHERS = text("NOT (urgent AND state IN ({}))".format(", ".join(f"'{state}'" for state in OPEN)))


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """What a search hit is: the case that the message belongs to, or a recorded message without one."""

    message: str
    number: str | None
    state: str
    reason: str = ""
    case: Case | None = None


class Caseless(msgspec.Struct, frozen=True):
    """A message that was recorded and made no case, with the reason."""

    item: Routed
    reason: str


class Views:
    """Reads; changes nothing. Used from threads."""

    def __init__(self, means: Means) -> None:
        self._means = means
        self._database = means.database

    def case(self, number: str, by: By = _EVERYONE) -> Case:
        """Returns the case; raises `Rejected` (404) when there is none in the queues of who asks."""
        with self._database.read() as connection:
            return find(connection, number, by)

    def listed(
        self,
        *,
        queue: str | None = None,
        state: State | None = None,
        numbers: Collection[str] | None = None,
        by: By = _EVERYONE,
        limit: int = 50,
        after: Case | None = None,
    ) -> list[Case]:
        """Returns cases: emergencies that wait for somebody, then the next due; confidential ones only to who may see
        their queue by name.

        With the last case of a page as `after` it returns the page that follows.
        """
        queues = _queues(queue, by)
        most = min(limit, _MOST)
        if numbers is not None:
            named = cases.c.number.in_(list(numbers))
            return self._cases(_soonest(select(cases).where(named, *_is(queues, state)), most))
        states = STATES if state is None else (state,)
        is_first = after is None or (after.urgent and after.state in OPEN)
        waiting = [one for one in states if one in OPEN] if is_first else []
        first = self._page(_parts(queues, waiting), text(URGENT), after, most)
        if len(first) == most:
            return first
        return first + self._page(_parts(queues, states), _OTHERS, None if is_first else after, most - len(first))

    def _page(
        self, among: Iterable[list[ColumnElement[bool]]], sort: TextClause, after: Case | None, most: int
    ) -> list[Case]:
        """Returns the next due ones of one sort; each part is read in the order of an index."""
        parts: list[list[_Term]] = [[*part, sort, *rest] for part in among for rest in _behind(after)]
        if not parts:
            return []
        conditions = parts[0] if len(parts) == 1 else [cases.c.number.in_(_firsts(parts, most))]
        return self._cases(_soonest(select(cases).where(*conditions), most))

    def found(self, message_ids: Sequence[str], by: By = _EVERYONE) -> list[Found]:
        """Returns what search hits are, in their order; recorded messages without a case belong to triage."""
        statement = select(messages.c.id, messages.c.number, messages.c.reason).where(
            messages.c.id.in_(message_ids[:_MOST])
        )
        with self._database.read() as connection:
            rows = {row.id: row for row in connection.execute(statement)}
        known = {
            c.number: c for c in self.listed(numbers={r.number for r in rows.values() if r.number}, by=by, limit=_MOST)
        }
        hits = (_hit(rows[id_], known, by) for id_ in message_ids if id_ in rows)
        return [hit for hit in hits if hit is not None]

    def messages(self, number: str, by: By = _EVERYONE) -> list[Message]:
        """Returns what the citizen wrote in this case, oldest first."""
        return [item.message for item in self.decisions(number, by)]

    def decisions(self, number: str, by: By = _EVERYONE) -> list[Routed]:
        """Returns the messages of a case with what was decided about each and why."""
        with self._database.read() as connection:
            case = find(connection, number, by)
            statement = select(messages.c.sealed).where(messages.c.number == case.number).order_by(messages.c.id)
            return [read_sealed(self._means.seal, row.sealed) for row in connection.execute(statement)]

    def since(self, moment: datetime, *, limit: int = _MOST, after: str = "") -> list[Routed]:
        """Returns stored messages received from then on, oldest id first, those above the id `after`; what cannot be
        read any more, or was forgotten, is passed over."""
        written = (messages.c.received_at >= moment, ~messages.c.forgotten)
        statement = select(messages.c.id, messages.c.sealed).where(*written)
        while True:
            with self._database.read() as connection:
                more = statement.where(messages.c.id > after).order_by(messages.c.id).limit(limit)
                rows = connection.execute(more).all()
            readable = list(self._readable([row.sealed for row in rows]))
            if readable or not rows:
                return readable
            after = rows[-1].id

    def caseless(self, limit: int = 50) -> list[Caseless]:
        """Returns what came and made no case, newest first: for who looks after triage. What was forgotten, and what
        cannot be read any more, is passed over."""
        newest = (messages.c.received_at.desc(), messages.c.id.desc())
        statement = select(messages.c.sealed, messages.c.reason).where(text(CASELESS)).order_by(*newest)
        with self._database.read() as connection:
            rows = connection.execute(statement.limit(min(limit, _MOST))).all()
        return [Caseless(item, row.reason) for row in rows for item in self._readable([row.sealed])]

    def _readable(self, sealed: Iterable[bytes]) -> Iterator[Routed]:
        for one in sealed:
            # One damaged row is no reason to find none of the others.
            with suppress(Rejected):
                yield read_sealed(self._means.seal, one)

    def history(self, number: str, by: By = _EVERYONE) -> list[Entry]:
        """Returns everything that happened, oldest first: acts, changes, and what was sent."""
        with self._database.read() as connection:
            case = find(connection, number, by)
            acts = connection.execute(select(events).where(events.c.number == case.number).order_by(events.c.id)).all()
            sent = connection.execute(select(outbox).where(outbox.c.number == case.number).order_by(outbox.c.id)).all()
        lines = [self._act(row) for row in acts] + [_sending(row) for row in sent]
        return sorted(lines, key=lambda line: line.at)

    def counts(self) -> dict[str, int]:
        """Returns the numbers for the status line: open, triage, overdue, unsent (at most 100,000), undelivered without
        what went another way; `parked` are letters that lie among the dead records, too."""
        overdue = and_(cases.c.state.in_(OPEN), cases.c.due_at < self._means.clock())
        # Whoever takes a case makes it assigned; asked this way, the index alone knows.
        unowned = and_(cases.c.queue == TRIAGE, cases.c.state.in_(("held", "received", "waiting")))
        late = (
            select(outbox.c.not_before)
            .where(text(UNSENT), outbox.c.not_before <= self._means.clock())
            .limit(_MOST_COUNTED)
            .subquery()
        )
        elsewhere = outbox.c.error.like(ANOTHER_WAY).label("elsewhere")
        # Sorted in a query of its own: what is grouped by must be columns, and no pattern that is given twice.
        sort = select(outbox.c.state, outbox.c.parked, elsewhere).where(text(TROUBLE)).subquery().c
        trouble = select(*sort, func.count()).group_by(*sort)
        with self._database.read() as connection:
            totals = tallies.totals(self._database, connection)
            counted = {"open": sum(totals.get(state, 0) for state in OPEN)} | {
                name: connection.execute(select(func.count()).select_from(table).where(condition)).scalar_one()
                for name, table, condition in (("triage", cases, unowned), ("overdue", cases, overdue))
            }
            unsent = connection.execute(select(func.count()).select_from(late)).scalar_one()
            found = [(row[0], bool(row[1]), bool(row[2]), int(row[3])) for row in connection.execute(trouble)]
        alone: dict[str, int] = Counter()
        for state, _, is_elsewhere, count in found:
            alone[state] += 0 if is_elsewhere else count
        parked = sum(count for state, is_parked, _, count in found if is_parked and state == "failed")
        undelivered = {name: alone[name] for name in ("undeliverable", "failed", "uncertain")}
        return counted | {"unsent": unsent, "parked": parked} | undelivered

    def states(self) -> dict[str, int]:
        """Returns how many cases are in each state."""
        with self._database.read() as connection:
            return tallies.totals(self._database, connection)

    def _cases(self, statement: Select[Any]) -> list[Case]:
        with self._database.read() as connection:
            return [case_of(row) for row in connection.execute(statement).mappings()]

    def _act(self, row: Any) -> Entry:
        detail = msgspec.json.decode(row.detail) if row.detail else {}
        if row.sealed:
            detail["text"] = self._means.seal.open(row.sealed).decode()
        return Entry(at=row.at, who=row.who, what=row.what, why=row.why, detail=detail)


def _queues(queue: str | None, by: By) -> frozenset[str] | None:
    """Returns the queues that a list is of, None for all."""
    asked = None if queue is None else frozenset({queue})
    return asked if by.queues is None else by.queues if asked is None else asked & by.queues


def _is(queues: Collection[str] | None, state: State | None) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if queues is not None:
        conditions.append(cases.c.queue.in_(queues))
    if state is not None:
        conditions.append(cases.c.state == state)
    return conditions


def _parts(queues: frozenset[str] | None, states: Sequence[State]) -> Iterator[list[ColumnElement[bool]]]:
    """Yields the conditions of the parts of a list, of which each is read in the order of an index."""
    for state in states:
        if queues and len(queues) * len(states) <= _MOST_PARTS:
            yield from ([cases.c.queue == queue, cases.c.state == state] for queue in sorted(queues))
        else:
            yield _is(queues, state)


def _behind(last: Case | None) -> list[list[ColumnElement[bool]]]:
    """Returns the conditions of the parts of what comes after this case; what has no date comes last."""
    if last is None:
        return [[]]
    dateless = cases.c.due_at.is_(None)
    if last.due_at is None:
        return [[dateless, cases.c.number > last.number]]
    place = tuple_(literal(last.due_at, Instant()), literal(last.number))
    return [[tuple_(cases.c.due_at, cases.c.number) > place], [dateless]]


def _firsts(parts: Sequence[Sequence[_Term]], most: int) -> Select[tuple[str]]:
    """Returns the numbers of the first: of each part the index alone says which those are."""
    place = (cases.c.number, cases.c.due_at)
    firsts = [_soonest(select(*place).where(*part), most).subquery() for part in parts]
    among = union_all(*[select(first.c.number, first.c.due_at) for first in firsts]).subquery()
    return select(among.c.number).order_by(among.c.due_at.asc().nulls_last(), among.c.number).limit(most)


def _soonest(statement: Select[Any], most: int) -> Select[Any]:
    """Limits a list of cases to those that are due first; what has no date comes last."""
    return statement.order_by(cases.c.due_at.asc().nulls_last(), cases.c.number).limit(most)


def find(connection: Connection, number: str, by: By, *, to_change: bool = False) -> Case:
    """Returns the case; raises `Rejected` (404) when there is none in the queues of who asks."""
    row = row_of(connection, parse_number(number), to_change=to_change)
    # A case of another queue is not found, so that nobody learns that it exists.
    if row is None or not by.may_see(row["queue"]):
        raise no_such_case()
    return case_of(row)


def row_of(connection: Connection, number: str, *, to_change: bool = False) -> Mapping[Any, Any] | None:
    statement = select(cases).where(cases.c.number == number)
    return connection.execute(statement.with_for_update() if to_change else statement).mappings().one_or_none()


def no_such_case() -> Rejected:
    return Rejected("there is no such case; check the number and what you gave with it", status=404)


def _hit(row: Any, known: Mapping[str, Case], by: By) -> Found | None:
    if row.number is None:
        return Found(message=row.id, number=None, state=RECORDED, reason=row.reason) if by.may_see(TRIAGE) else None
    case = known.get(row.number)
    return Found(message=row.id, number=case.number, state=case.state, case=case) if case else None


def _sending(row: Any) -> Entry:
    detail = {"row": row.id, "kind": row.kind, "letter": row.letter, "channel": row.channel, "attempts": row.attempts}
    return Entry(at=row.sent_at or row.created_at, who="system", what=row.state, why=row.error, detail=detail)
