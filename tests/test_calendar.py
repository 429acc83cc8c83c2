"""Working days and hours: weekends, public holidays of six years, the operator's own days."""

from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.calendar import Calendar
from core.clock import SEOUL, parse_instant
from core.errors import ConfigError

# Every public holiday, substitutes, elections and days set by the government included, as MMDD.
HOLIDAYS = {
    2024: "0101 0209 0210 0211 0212 0301 0410 0505 0506 0515 0606 0815 0916 0917 0918 1001 1003 1009 1225",
    2025: "0101 0127 0128 0129 0130 0301 0303 0505 0506 0603 0606 0815 1003 1005 1006 1007 1008 1009 1225",
    2026: (
        "0101 0216 0217 0218 0301 0302 0501 0505 0524 0525 0603 0606 0717 0815 0817 0924 0925 0926 1003 1005 1009 1225"
    ),
    2027: (
        "0101 0206 0207 0208 0209 0301 0501 0503 0505 0513 0606 0717 0719 0815 0816 0914 0915 0916 1003 1004 1009 1011 "
        "1225 1227"
    ),
    2028: "0101 0126 0127 0128 0301 0412 0501 0502 0505 0606 0717 0815 1002 1003 1004 1005 1009 1225",
    2029: "0101 0212 0213 0214 0301 0501 0505 0507 0520 0521 0606 0717 0815 0921 0922 0923 0924 1003 1009 1225",
}
CALENDAR = Calendar()
# A machine that is busy elsewhere fails no promise.
UNHURRIED = settings(deadline=None)
instants = st.datetimes(datetime(2024, 1, 1), datetime(2030, 1, 1)).map(lambda at: at.replace(tzinfo=UTC))  # noqa: DTZ001


@pytest.mark.parametrize("year", HOLIDAYS)
def test_public_holidays_are_no_working_days(year: int) -> None:
    """Monday to Friday are worked, but for exactly the public holidays of that year."""
    days = [date(year, 1, 1) + timedelta(days=n) for n in range(366)]
    weekdays = [day for day in days if day.weekday() < 5 and day.year == year]
    off = [f"{day:%m%d}" for day in weekdays if not CALENDAR.is_working_day(day)]

    assert [d for d in HOLIDAYS[year].split() if date(year, int(d[:2]), int(d[2:])).weekday() < 5] == off


@pytest.mark.parametrize(
    ("day", "name"),
    [
        (date(2026, 10, 5), "개천절 대체 휴일"),
        (date(2026, 5, 1), "노동절"),
        (date(2026, 7, 17), "제헌절"),
        (date(2026, 11, 21), "토요일"),
        (date(2026, 11, 22), "일요일"),
        (date(2026, 11, 23), ""),
        (date(2025, 5, 1), ""),
        (date(2025, 7, 17), ""),
    ],
)
def test_a_day_off_has_its_name(day: date, name: str) -> None:
    """A day off is named; Labour Day and Constitution Day are holidays since 2026 only."""
    assert name == CALENDAR.why_off(day)


def test_the_operator_adds_a_day_off() -> None:
    """A day that the operator names is off, with the operator's name."""
    calendar = Calendar(days_off={date(2026, 12, 31): "종무일"})

    assert "종무일" == calendar.why_off(date(2026, 12, 31))


def test_the_operator_opens_a_holiday() -> None:
    """A day that the operator declares worked is worked, also on a public holiday that is a Sunday."""
    calendar = Calendar(working_days=[date(2026, 5, 24)], days_off={date(2026, 5, 24): "휴무"})

    assert calendar.is_working_day(date(2026, 5, 24))


@pytest.mark.parametrize(
    ("at", "opening"),
    [
        ("2026-11-23T17:59:59", "2026-11-23T17:59:59"),
        ("2026-11-23T18:00:00", "2026-11-24T09:00:00"),
        ("2026-11-23T07:30:00", "2026-11-23T09:00:00"),
        ("2026-11-23T12:30:00", "2026-11-23T12:30:00"),
        ("2026-11-21T11:00:00", "2026-11-23T09:00:00"),
        ("2026-10-02T18:00:00", "2026-10-06T09:00:00"),
        ("2026-11-23T08:59:59+00:00", "2026-11-23T17:59:59"),
        ("2026-11-23T09:00:00+00:00", "2026-11-24T09:00:00"),
    ],
)
def test_next_opening(at: str, opening: str) -> None:
    """The next opening is now when open, else nine o'clock of the next working day in Seoul."""
    assert parse_instant(opening) == CALENDAR.next_opening(parse_instant(at))


def test_answers_are_in_seoul() -> None:
    """Whatever zone the question has, the answer has Seoul's."""
    assert SEOUL is CALENDAR.next_opening(datetime(2026, 11, 23, 1, tzinfo=UTC)).tzinfo


def test_an_instant_without_zone_is_refused() -> None:
    """An instant without a zone means nothing here."""
    with pytest.raises(ValueError, match="no zone"):
        CALENDAR.is_open(datetime(2026, 11, 23, 10))  # noqa: DTZ001


def test_lunch_can_be_left_out() -> None:
    """Without a lunch break the hours run through."""
    calendar = Calendar(lunch=None)

    assert parse_instant("2026-11-20T14:30") == calendar.add_working_hours(parse_instant("2026-11-20T11:30"), 3)


def test_hours_are_the_operators() -> None:
    """Opening and closing are what the operator says."""
    calendar = Calendar(opens=time(8, 30), closes=time(20), lunch=None)

    assert parse_instant("2026-11-24T08:30") == calendar.next_opening(parse_instant("2026-11-23T20:00"))


@pytest.mark.parametrize(
    ("opens", "closes", "lunch"),
    [(time(18), time(9), None), (time(9), time(18), (time(13), time(12))), (time(9), time(18), (time(8), time(9)))],
)
def test_impossible_hours_are_a_mistake(opens: time, closes: time, lunch: tuple[time, time] | None) -> None:
    """Hours that cannot be are told as a mistake in the configuration."""
    with pytest.raises(ConfigError, match=r"^hours: "):
        Calendar(opens=opens, closes=closes, lunch=lunch)


@UNHURRIED
@given(instants)
def test_the_next_opening_is_open(at: datetime) -> None:
    """The next opening is never in the past and always open."""
    opening = CALENDAR.next_opening(at)

    assert opening >= at
    assert CALENDAR.is_open(opening)


@UNHURRIED
@given(instants, st.integers(0, 100), st.integers(0, 100))
def test_working_hours_add_up(at: datetime, first: int, then: int) -> None:
    """Working on in two stretches ends when working on in one does."""
    once = CALENDAR.add_working_hours(at, first + then)

    assert first * then == 0 or once == CALENDAR.add_working_hours(CALENDAR.add_working_hours(at, first), then)


@UNHURRIED
@given(st.dates(date(2024, 1, 1), date(2029, 6, 1)), st.integers(1, 30))
def test_the_nth_working_day_is_the_nth(start: date, n: int) -> None:
    """From the first day to the n-th there are n working days, the ends included."""
    end = CALENDAR.add_working_days(start, n)
    worked = [day for d in range((end - start).days + 1) if CALENDAR.is_working_day(day := start + timedelta(days=d))]

    assert n == len(worked)
