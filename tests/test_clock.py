"""Legal periods: the law's own examples, waiting, outages, and what must hold for every instant."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cases.clock import Pause, Period, accepted_at, due_at, parse_period
from core.calendar import Calendar
from core.clock import SEOUL, parse_instant

CALENDAR = Calendar()
# A machine that is busy elsewhere fails no promise.
UNHURRIED = settings(deadline=None)
instants = st.datetimes(datetime(2024, 1, 1), datetime(2029, 6, 1)).map(lambda at: at.replace(tzinfo=UTC))  # noqa: DTZ001
periods = st.sampled_from(["1h", "3h", "8h", "1d", "3d", "5d", "6d", "7d", "14d", "30 calendar days"]).map(parse_period)


def due(period: str, received: str, *, pauses: tuple[Pause, ...] = (), outages: tuple[Pause, ...] = ()) -> str:
    accepted = accepted_at(parse_instant(received), CALENDAR)
    return due_at(parse_period(period), accepted, CALENDAR, pauses=pauses, outages=outages).isoformat()[:16]


def span(begin: str, end: str) -> Pause:
    return parse_instant(begin), parse_instant(end)


@pytest.mark.parametrize(
    ("period", "received", "expected"),
    [
        ("3h", "2026-11-20T16:30", "2026-11-23T10:30"),
        ("3h", "2026-11-20T10:30", "2026-11-20T14:30"),
        ("3h", "2026-11-20T15:00", "2026-11-20T18:00"),
        ("3h", "2026-11-21T20:00", "2026-11-23T12:00"),
        ("3h", "2026-11-20T11:30", "2026-11-20T15:30"),
        ("1h", "2026-11-20T11:30", "2026-11-20T13:30"),
        ("8h", "2026-11-20T17:00", "2026-11-23T17:00"),
        ("8h", "2026-12-24T15:00", "2026-12-28T15:00"),
        ("3d", "2026-12-23T16:00", "2026-12-29T16:00"),
        ("5d", "2026-09-22T09:00", "2026-09-30T18:00"),
    ],
)
def test_up_to_five_days_count_in_hours(period: str, received: str, expected: str) -> None:
    """Up to five days a period counts in working hours from receipt, lunch left out, eight a day."""
    assert expected == due(period, received)


@pytest.mark.parametrize(
    ("period", "received", "expected"),
    [
        ("7d", "2026-11-23T17:59", "2026-12-01"),
        ("7d", "2026-11-23T09:00", "2026-12-01"),
        ("7d", "2026-11-21T11:00", "2026-12-01"),
        ("7d", "2026-11-20T18:30", "2026-12-01"),
        ("7d", "2026-09-21T10:00", "2026-10-01"),
        ("14d", "2026-09-21T10:00", "2026-10-14"),
        ("7d", "2026-04-29T10:00", "2026-05-11"),
        ("7d", "2026-07-15T10:00", "2026-07-24"),
        ("14d", "2026-12-18T14:00", "2027-01-08"),
        ("7d", "2027-02-04T10:00", "2027-02-16"),
        ("7d", "2025-01-24T10:00", "2025-02-07"),
        ("7d", "2025-10-02T10:00", "2025-10-17"),
    ],
)
def test_from_six_days_on_count_in_days(period: str, received: str, expected: str) -> None:
    """From six days on a period counts in working days, the first included, and ends at closing time."""
    assert f"{expected}T18:00" == due(period, received)


@pytest.mark.parametrize(
    ("received", "expected"),
    [
        ("2026-11-23T10:00", "2026-12-22T18:00"),
        ("2026-11-26T10:00", "2026-12-28T18:00"),
        ("2026-11-27T10:00", "2026-12-28T18:00"),
        ("2026-09-05T10:00", "2026-10-06T18:00"),
    ],
)
def test_calendar_days_count_as_they_are(received: str, expected: str) -> None:
    """Thirty calendar days include the first and all days off; only the last one moves, to a working day."""
    assert expected == due("30 calendar days", received)


@pytest.mark.parametrize(
    ("period", "received", "pause", "expected"),
    [
        ("7d", "2026-11-23T10:00", span("2026-11-24T15:00", "2026-11-26T10:00"), "2026-12-04T18:00"),
        ("7d", "2026-11-23T10:00", span("2026-11-27T15:00", "2026-11-29T10:00"), "2026-12-02T18:00"),
        ("8h", "2026-11-23T14:00", span("2026-11-23T16:00", "2026-11-24T10:00"), "2026-11-25T18:00"),
        ("30 calendar days", "2026-11-23T10:00", span("2026-11-24T15:00", "2026-11-24T16:00"), "2026-12-23T18:00"),
    ],
)
def test_waiting_takes_away_whole_days(period: str, received: str, pause: Pause, expected: str) -> None:
    """From the day a supplement is asked for to the day it arrives, both included, nothing counts."""
    assert expected == due(period, received, pauses=(pause,))


def test_a_late_pause_moves_nothing() -> None:
    """A supplement asked for after the period was over does not make it timely again."""
    assert "2026-11-20T14:30" == due("3h", "2026-11-20T10:30", pauses=(span("2026-11-20T15:00", "2026-11-23T10:00"),))


@pytest.mark.parametrize(
    ("period", "received", "outage", "expected"),
    [
        ("3h", "2026-11-20T10:30", span("2026-11-20T11:00", "2026-11-20T13:30"), "2026-11-20T16:00"),
        ("3h", "2026-11-20T16:30", span("2026-11-20T17:00", "2026-11-23T10:00"), "2026-11-23T13:30"),
        ("7d", "2026-11-23T10:00", span("2026-11-24T09:00", "2026-11-24T18:00"), "2026-12-02T18:00"),
        ("7d", "2026-11-23T10:00", span("2026-11-24T16:00", "2026-11-25T10:00"), "2026-12-02T12:00"),
        ("7d", "2026-11-23T10:00", span("2026-11-21T00:00", "2026-11-22T12:00"), "2026-12-01T18:00"),
        ("7d", "2026-11-23T10:00", span("2026-12-01T17:00", "2026-12-02T10:00"), "2026-12-02T11:00"),
    ],
)
def test_outages_take_away_their_hours(period: str, received: str, outage: Pause, expected: str) -> None:
    """While nothing can be worked on, no working hour counts."""
    assert expected == due(period, received, outages=(outage,))


def test_overlapping_outages_count_once() -> None:
    """Two outages at the same time take away the same hours once."""
    outages = (span("2026-11-20T11:00", "2026-11-20T12:00"), span("2026-11-20T11:30", "2026-11-20T13:30"))

    assert "2026-11-20T16:00" == due("3h", "2026-11-20T10:30", outages=outages)


def test_a_new_holiday_moves_the_date() -> None:
    """A day off that the operator adds moves what lies behind it."""
    calendar = Calendar(days_off={date(2026, 11, 26): "임시공휴일"})
    moved = due_at(parse_period("7d"), parse_instant("2026-11-23T10:00"), calendar)

    assert parse_instant("2026-12-02T18:00") == moved


@pytest.mark.parametrize(
    ("text", "period"),
    [
        ("7d", Period(7, "days")),
        (" 3 H ", Period(3, "hours")),
        ("30 calendar days", Period(30, "calendar days")),
        ("1 calendar day", Period(1, "calendar days")),
    ],
)
def test_how_periods_are_written(text: str, period: Period) -> None:
    """A period is a number and its unit."""
    assert period == parse_period(text)


@pytest.mark.parametrize("text", ["", "7", "d", "0d", "-1d", "7 days", "1.5h", "99999d", "７d일"])
def test_other_writings_are_refused(text: str) -> None:
    """Anything else is refused with what to write instead."""
    with pytest.raises(ValueError, match=r'Write "3h" \(working hours\)'):
        parse_period(text)


@UNHURRIED
@given(periods, instants, st.timedeltas(timedelta(0), timedelta(days=9)))
def test_later_receipt_is_never_due_earlier(period: Period, received: datetime, later: timedelta) -> None:
    """Who writes later is never promised an earlier date."""
    first = due_at(period, accepted_at(received, CALENDAR), CALENDAR)
    second = due_at(period, accepted_at(received + later, CALENDAR), CALENDAR)

    assert first <= second


@UNHURRIED
@given(periods, instants)
def test_nothing_is_due_on_a_day_off(period: Period, received: datetime) -> None:
    """Every period ends on a working day, in Seoul, not after closing time."""
    end = due_at(period, accepted_at(received, CALENDAR), CALENDAR)

    assert SEOUL is end.tzinfo
    assert CALENDAR.is_working_day(end.date())
    assert CALENDAR.opens < end.time() <= CALENDAR.closes


@UNHURRIED
@given(
    periods, instants, st.timedeltas(timedelta(0), timedelta(days=20)), st.timedeltas(timedelta(0), timedelta(days=9))
)
def test_waiting_never_makes_it_earlier(period: Period, received: datetime, begin: timedelta, long: timedelta) -> None:
    """Neither a pause nor an outage brings a date forward."""
    accepted = accepted_at(received, CALENDAR)
    plain = due_at(period, accepted, CALENDAR)
    away = ((accepted + begin, accepted + begin + long),)

    assert plain <= due_at(period, accepted, CALENDAR, pauses=away)
    assert plain <= due_at(period, accepted, CALENDAR, outages=away)
