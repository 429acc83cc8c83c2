"""Ratings as people write them, and what is more than a rating."""

from datetime import UTC, datetime

import pytest

from bench.city import NOWHERE
from classifiers.rating import Rating, rating_of
from core.message import Message


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("5", 5),
        ("４점", 4),
        ("3점입니다", 3),
        ("5점 감사합니다!", 5),
        ("4/5", 4),
        ("★★★☆☆", 3),
        ("매우 만족합니다", 5),
        ("만족해요ㅎㅎ", 4),
        ("보통이에요", 3),
        ("별로예요", 2),
        ("불만족", 2),
        ("매우 불만족합니다", 1),
        ("최악입니다", 1),
        ("very satisfied", 5),
    ],
)
def test_a_rating_is_read(text: str, expected: int) -> None:
    """Numbers, stars and words from very dissatisfied to very satisfied are one to five."""
    assert expected == rating_of(text)


@pytest.mark.parametrize(
    "text",
    [
        "15",
        "6",
        "1번 출구 앞에 쓰레기가 쌓여 있습니다",
        "3시간 기다렸습니다",
        "만족합니다만 아직 그대로입니다",
        "만족도 조사는 언제 하나요",
        "네",
        "",
    ],
)
def test_what_says_more_is_no_rating(text: str) -> None:
    """Other numbers, and words with something behind them, are no rating."""
    assert rating_of(text) is None


def test_a_rating_is_a_finding() -> None:
    """The finding's value is the number, with the words that it was read from."""
    received = datetime(2026, 11, 23, 1, 0, tzinfo=UTC)
    message = Message(id="1", channel="sms", account="", native_id="1", received_at=received, text="만족")

    assert [("4", "'만족'")] == [(one.value, one.because) for one in Rating(NOWHERE).classify([message])[0]]
