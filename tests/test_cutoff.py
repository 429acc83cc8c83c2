"""The promise of the same day, by the time of receipt."""

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.calendar import Calendar
from core.clock import SEOUL, parse_instant
from router.cutoff import answer_at

CALENDAR = Calendar()
# A machine that is busy elsewhere fails no promise.
UNHURRIED = settings(deadline=None)
instants = st.datetimes(datetime(2024, 1, 1), datetime(2029, 12, 1)).map(lambda at: at.replace(tzinfo=UTC))  # noqa: DTZ001


@pytest.mark.parametrize(
    "received", ["2026-11-23T17:59:59.999", "2026-11-23T07:30", "2026-11-23T12:30", "2026-11-23T00:00"]
)
def test_before_closing_means_at_once(received: str) -> None:
    """Received on a working day strictly before six, before nine too: answered with the time of receipt."""
    assert parse_instant(received) == answer_at(parse_instant(received), CALENDAR, after_cutoff="acknowledge")


@pytest.mark.parametrize(
    ("received", "answered"),
    [
        ("2026-11-23T18:00:00", "2026-11-24T09:00"),
        ("2026-11-20T19:00:00", "2026-11-23T09:00"),
        ("2026-11-21T10:00:00", "2026-11-23T09:00"),
        ("2026-10-05T10:00:00", "2026-10-06T09:00"),
        ("2026-09-23T18:00:00", "2026-09-28T09:00"),
        ("2026-11-23T09:00:00+00:00", "2026-11-24T09:00"),
    ],
)
def test_later_means_the_next_opening(received: str, answered: str) -> None:
    """Received at six or later, or on a day off: answered when the city next opens."""
    assert parse_instant(answered) == answer_at(parse_instant(received), CALENDAR, after_cutoff="acknowledge")


def test_the_operator_may_answer_always() -> None:
    """With after_cutoff "answer" a question at night is answered at once."""
    received = parse_instant("2026-11-21T23:00")

    assert received == answer_at(received, CALENDAR, after_cutoff="answer")


def test_some_questions_cannot_wait() -> None:
    """A question that is answered at any hour is answered at once on a holiday."""
    received = parse_instant("2026-10-05T03:00")

    assert received == answer_at(received, CALENDAR, after_cutoff="acknowledge", anytime=True)


@UNHURRIED
@given(instants)
def test_an_answer_never_precedes_its_question(received: datetime) -> None:
    """The answer goes out at receipt or at an opening, never before, always on a working day, in Seoul."""
    answered = answer_at(received, CALENDAR, after_cutoff="acknowledge")

    assert answered >= received
    assert SEOUL is answered.tzinfo
    assert CALENDAR.is_working_day(answered.date())
