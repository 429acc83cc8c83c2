"""Answers to what others can read: privately where the channel takes that, and only so long as it does."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from cases.means import Options
from cases.model import By
from cases.store import CaseStore
from core.reply import Reply
from tests.casework import WASTE, Time, at, delivered, dispatched, make_store, message, opened

OFFICER = By("박지훈")
RESULT = "단속하였습니다."
COMMENT = "122100000000000010_1200000000000301"


@pytest.fixture
def time() -> Time:
    return Time("2026-11-23 10:00")


@pytest.fixture
def store(tmp_path: Path, time: Time) -> Iterator[CaseStore]:
    """A store with a channel that takes private answers for a week, and others that do not."""
    made = make_store(tmp_path, time, options=Options(private_days={"facebook": 7.0}))
    yield made
    made.close()


def answer(store: CaseStore, time: Time, channel: str, when: str) -> Reply:
    """Returns what goes out when an officer answers a public message at that time."""
    number = opened(store, dispatched(message(WASTE, time, channel=channel, public=True, native_id=COMMENT)))
    delivered(store, time)
    time.now = at(when)
    store.officer.answer(number, RESULT, OFFICER)
    (reply,) = delivered(store, time)
    return reply


def test_answer_to_a_comment_is_for_its_author_alone(store: CaseStore, time: Time) -> None:
    """Within the week an officer's words go privately, with the link, as an answer to the comment."""
    reply = answer(store, time, "facebook", "2026-11-30 10:00")

    assert not reply.public
    assert RESULT in reply.text
    assert "/c/" in reply.text
    assert (COMMENT, at("2026-11-23 10:00")) == (reply.in_reply_to, reply.asked_at)


def test_answer_after_the_week_says_nothing_in_public(store: CaseStore, time: Time) -> None:
    """When the week is over the letter is public again, and says number, department and telephone only."""
    reply = answer(store, time, "facebook", "2026-11-30 10:01")

    assert reply.public
    assert RESULT not in reply.text
    assert "11월 30일(월)에 담당부서가 답변하였습니다" in reply.text


def test_other_channels_stay_as_they_are(store: CaseStore, time: Time) -> None:
    """Where there are no private answers to what others can read, not even the same instant makes one."""
    reply = answer(store, time, "x", "2026-11-23 10:00")

    assert reply.public
    assert RESULT not in reply.text


def test_receipt_of_a_comment_is_public(store: CaseStore, time: Time) -> None:
    """What says only number, department and date stands where it was asked."""
    opened(store, dispatched(message(WASTE, time, channel="facebook", public=True, native_id=COMMENT)))
    (reply,) = delivered(store, time)

    assert reply.public
    assert "notice" == reply.kind
