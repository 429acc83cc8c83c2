"""How long another side wants to be left alone, as Retry-After says it."""

from datetime import UTC, datetime

import pytest

from connectors._post import wish_of
from core.wishes import wished_seconds

NOW = datetime(2026, 11, 23, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("17", 17),
        ("0", 0),
        (" 5 ", 5),
        ("604800", 604_800),
        ("Mon, 23 Nov 2026 01:02:00 GMT", 120),
        ("Mon, 23 Nov 2026 00:00:00 GMT", 0),
        ("Mon, 23 Nov 2026 10:00:30 +0900", 30),
    ],
)
def test_seconds_and_dates_are_wishes(text: str, seconds: float) -> None:
    """Seconds are a wish, and so is a date of HTTP; one that is over wishes for nothing more."""
    assert seconds == wished_seconds(text, NOW)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "soon",
        "-5",
        "1.5",
        "inf",
        "٣",
        "²",
        "604801",
        "9" * 400,
        "Mon, 23 Nov 2099 01:02:00 GMT",
        "Mon, 99 Nov 2026 01:02:00 GMT",
        "Mon, 23 Nov 2026 01:02:00 +999999999",
    ],
)
def test_what_nobody_can_mean_is_no_wish(text: str) -> None:
    """What is negative, absurd or no number of ours is as if nothing had been said."""
    assert wished_seconds(text, NOW) is None


@pytest.mark.parametrize("name", ["Retry-After", "retry-after"])
def test_header_is_found_in_small_letters(name: str) -> None:
    """However a client spells the header, the wish is found; without it there is none."""
    assert (7, None) == (wish_of({name: "7"}), wish_of({}))
