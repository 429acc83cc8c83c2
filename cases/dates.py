"""Dates of open cases when the calendar changes or a system stood still: list what moves, then move it."""

from collections.abc import Iterator
from datetime import datetime

import msgspec
from sqlalchemy import select

from cases.act import Act
from cases.database import anew
from cases.joining import known_pauses
from cases.means import Means
from cases.model import OPEN, By
from cases.schema import cases, pauses
from cases.views import find
from core.calendar import Calendar
from core.errors import Rejected


class Change(msgspec.Struct, frozen=True):
    """A legal date that a holiday or an outage moves."""

    number: str
    before: datetime
    after: datetime


class Dates:
    """Adding a public holiday or an outage is routine: look at the changed dates, then apply them."""

    def __init__(self, means: Means) -> None:
        self._means = means
        self._database = means.database

    def note_outage(self, begins: datetime, ends: datetime, by: By, *, why: str) -> None:
        """Records a time in which nobody could work because a system failed; `replan` then moves the dates."""
        if begins >= ends:
            raise Rejected("an outage ends after it begins.")
        with self._database.write() as connection:
            name = f"{why} ({by.name})"
            connection.execute(pauses.insert().values(number=None, begins_at=begins, ends_at=ends, why=name))

    @anew
    def replan(self, by: By, *, calendar: Calendar | None = None, why: str, apply: bool) -> list[Change]:
        """Returns which legal dates another calendar or an outage moves; with `apply`, moves them and tells.

        A date that was extended stays.
        """
        calendar = calendar or self._means.calendar
        running = select(cases.c.number).where(cases.c.state.in_(OPEN), cases.c.due_at.is_not(None), ~cases.c.extended)
        changes: list[Change] = []
        with self._database.write() as connection:
            ledger = self._means.ledger(connection)
            for number in connection.execute(running.order_by(cases.c.number)).scalars().all():
                act = Act(self._means, ledger, find(connection, number, by, to_change=True), by)
                changes += self._replanned(act, calendar, why, apply=apply)
            ledger.flush()
        return changes

    def _replanned(self, act: Act, calendar: Calendar, why: str, *, apply: bool) -> Iterator[Change]:
        case = act.case
        own, outages = known_pauses(act.ledger, case.number)
        accepted = self._means.accepted(case)
        after = self._means.due(case.kind, accepted, pauses=own, outages=outages, calendar=calendar)
        if case.due_at is None or after is None or after == case.due_at:
            return
        if apply:
            act.change(due_at=after)
            act.note("period changed", why=why, due_at=[case.due_at, after])
            act.tell("period_changed", reason=why)
        yield Change(case.number, case.due_at, after)
