"""Legal periods: how a period is written, when it begins and when it is over."""

import re
from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from typing import Literal

import msgspec

from core.calendar import Calendar
from core.clock import SEOUL

# One day of a period is eight working hours (처리규정 19①), however long the counter is open.
_HOURS_A_DAY = 8
_MOST_DAYS_IN_HOURS = 5
_MOST_DAYS = 3660
_WRITTEN = re.compile(r"(\d{1,5}) ?(h|d|calendar days?)")

Pause = tuple[datetime, datetime]


class Period(msgspec.Struct, frozen=True):
    """A length of time with its own way of counting: working hours, working days or calendar days."""

    amount: int
    unit: Literal["hours", "days", "calendar days"]


def parse_period(text: str) -> Period:
    """Returns the period that "3h", "7d" or "30 calendar days" means; raises ValueError with what to write instead."""
    found = _WRITTEN.fullmatch(text.strip().lower())
    amount = int(found[1]) if found else 0
    if found is None or not 0 < amount <= _MOST_DAYS:
        raise ValueError(
            f'"{text}" is not a period. Write "3h" (working hours), "7d" (working days) or "30 calendar days".'
        )
    unit: Literal["hours", "days", "calendar days"] = (
        "hours" if found[2] == "h" else "days" if found[2] == "d" else "calendar days"
    )
    return Period(amount, unit)


def accepted_at(received_at: datetime, calendar: Calendar) -> datetime:
    """Returns when a matter counts as received (접수): on arrival when the city works, else at the next opening."""
    return calendar.next_opening(received_at)


def due_at(
    period: Period,
    accepted_at: datetime,
    calendar: Calendar,
    *,
    pauses: Sequence[Pause] = (),
    outages: Sequence[Pause] = (),
) -> datetime:
    """Returns when the period is over, in Asia/Seoul.

    Up to five days count in working hours of eight a day; from six days on in working days, the first included, to
    closing time. Calendar days include the first day too, as everywhere in petitions law; the last one moves to the
    next working day when it is none (Civil Act 161), and the days between count as they are.

    `pauses` (waiting for a supplement: request sent, supplement arrived) take away whole days, both ends included.
    `outages` (begin, end) take away their working hours. What begins after the period is over moves nothing.
    """
    waited: list[Pause] = []
    due = _due(period, accepted_at, calendar, waited, outages)
    for pause in sorted(pauses):
        if pause[0] > due:
            break
        waited.append(pause)
        due = _due(period, accepted_at, calendar, waited, outages)
    return due


def _due(
    period: Period, accepted_at: datetime, calendar: Calendar, pauses: Sequence[Pause], outages: Sequence[Pause]
) -> datetime:
    skip = {day for pause in pauses for day in _days(*pause)}
    first = accepted_at.astimezone(SEOUL).date()
    if period.unit == "calendar days":
        due = calendar.closing(_calendar_day(period.amount, first, calendar, skip))
    elif period.unit == "days" and period.amount > _MOST_DAYS_IN_HOURS:
        due = calendar.closing(calendar.add_working_days(first, period.amount, skip=skip))
    else:
        hours = period.amount * (_HOURS_A_DAY if period.unit == "days" else 1)
        return _worked(timedelta(hours=hours), accepted_at, calendar, skip, outages)
    lost = _lost(accepted_at, due, calendar, skip, outages)
    return _worked(lost, due, calendar, skip, outages) if lost else due


def _calendar_day(amount: int, first: date, calendar: Calendar, skip: set[date]) -> date:
    day = first
    while (amount := amount - (day not in skip)) > 0:
        day += timedelta(days=1)
    return calendar.add_working_days(day, 1, skip=skip)


def _worked(
    left: timedelta, start: datetime, calendar: Calendar, skip: set[date], outages: Sequence[Pause]
) -> datetime:
    """Returns when `left` of working time from `start` on, outages not counted, is over."""
    for stretch in calendar.working_time(start, skip=skip):
        for begin, end in _without(stretch, outages):
            if left <= end - begin:
                return begin + left
            left -= end - begin
    raise AssertionError("working time never ends")


def _lost(start: datetime, end: datetime, calendar: Calendar, skip: set[date], outages: Sequence[Pause]) -> timedelta:
    """Returns the working time between two instants that outages took away."""
    lost = timedelta()
    if not outages:
        return lost
    for begin, until in calendar.working_time(start, skip=skip):
        if begin >= end:
            break
        lost += (until - begin) - sum((e - b for b, e in _without((begin, until), outages)), timedelta())
    return lost


def _without(stretch: Pause, outages: Sequence[Pause]) -> Iterator[Pause]:
    """Yields what outages leave of a stretch of time."""
    begin, end = stretch
    cuts = sorted((max(b, begin), min(e, end)) for b, e in outages if b < end and e > begin)
    reached = begin
    for cut_begin, cut_end in cuts:
        if cut_begin > reached:
            yield reached, cut_begin
        reached = max(reached, cut_end)
    if reached < end:
        yield reached, end


def _days(begin: datetime, end: datetime) -> Iterator[date]:
    day, last = begin.astimezone(SEOUL).date(), end.astimezone(SEOUL).date()
    while day <= last:
        yield day
        day += timedelta(days=1)
