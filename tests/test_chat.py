"""Letters that wait in a chat: shown once, when their citizen writes, and to nobody else."""

from collections.abc import Iterator

import pytest
from msgspec import structs

from cases.model import By
from cases.outbox import Outcome
from cases.store import CaseStore
from core.message import Assurance, Author, Message
from tests.casework import SOFA, Time, answered, at, claimed, make_store, message, opened, settle
from tests.test_reply import relay, states

RESULT = "소파는 대형폐기물로 신고하시면 됩니다."


@pytest.fixture
def store(url: str, time: Time) -> Iterator[CaseStore]:
    made = make_store(url, time)
    yield made
    made.close()


def said(text: str, time: Time, who: str = "one") -> Message:
    author = Author(handle=who, assurance=Assurance.CHANNEL_VERIFIED)
    return message(text, time, channel="kakao", account="bot", author=author, reply_to=who, conversation=f"bot|{who}")


def undelivered(store: CaseStore, time: Time, who: str = "one") -> str:
    """Opens a case whose letters nobody could bring; returns its number."""
    number = opened(store, answered(said(SOFA, time, who)))
    replies = [one.reply for one in claimed(store, time)]
    settle(store, replies, "failed", error="nobody can be written to in this chat")
    return number


def texts(store: CaseStore, asked: Message) -> list[str]:
    """Returns what is shown, and that it was."""
    letters = store.chat.take(asked, 3)
    store.chat.shown(letters)
    return [letter.reply.text for letter in letters]


def test_what_could_not_be_brought_is_shown_once(store: CaseStore, time: Time) -> None:
    """The citizen reads it when they write again, on the same account; no other citizen does."""
    number = undelivered(store, time)
    other = texts(store, said("안녕하세요", time, "two"))
    elsewhere = texts(store, structs.replace(said("안녕하세요", time), account="another bot"))
    mine, again = (texts(store, said("안녕하세요", time)) for _ in range(2))

    assert ([], [], []) == (other, elsewhere, again)
    assert 1 == len(mine)
    assert ["sent"] == states(store, number)


def test_the_answer_to_this_very_message_is_shown(store: CaseStore, time: Time) -> None:
    """As soon as it is recorded, before anybody tries to bring it; the ticket that comes then sends nothing."""
    asked = said(SOFA, time)
    before = store.chat.look(asked)
    number = opened(store, answered(asked))
    tickets = relay(store, time)
    there, shown = store.chat.look(asked), texts(store, asked)

    assert ("unknown", "there", "none") == (before, there, store.chat.look(asked))
    assert (1, ["sent"]) == (len(shown), states(store, number))
    assert [] == store.outbox.claim(tickets).ready


def test_what_is_being_sent_is_not_shown(store: CaseStore, time: Time) -> None:
    """One of the two brings it, never both."""
    asked = said(SOFA, time)
    opened(store, answered(asked))
    store.outbox.claim(relay(store, time))

    assert ("under way", []) == (store.chat.look(asked), texts(store, asked))


def test_what_nobody_saw_is_brought_after_all(store: CaseStore, time: Time) -> None:
    """Put back, a letter is as it was: one that was due is sent by the courier, with a ticket of its own."""
    asked = said(SOFA, time)
    number = opened(store, answered(asked))
    first = relay(store, time)
    store.chat.put_back(store.chat.take(asked, 3))
    second = relay(store, time)

    assert ([1], [2]) == ([one.attempt for one in first], [one.attempt for one in second])
    assert [] == store.outbox.claim(first).ready
    (one,) = store.outbox.claim(second).ready
    store.outbox.settle([Outcome(row=one.reply.id, state="sent")])
    assert ["sent"] == states(store, number)


def test_killed_while_it_is_shown_a_person_decides(store: CaseStore, time: Time) -> None:
    """Nobody can tell whether the citizen read it."""
    number = undelivered(store, time)
    store.chat.take(said("안녕하세요", time), 3)

    assert (["uncertain"], ["uncertain"]) == (states(store, number), [one.state for one in store.trouble.listed()])


def test_what_waits_for_the_morning_waits(store: CaseStore, time: Time) -> None:
    """An answer that goes out at the next opening is not shown before."""
    asked = said(SOFA, time)
    opened(store, answered(asked, answer_at=at("2026-11-24 09:00")))

    assert RESULT not in texts(store, asked)
    assert "none" == store.chat.look(asked)


def test_an_officers_words_are_shown_with_what_came_before(store: CaseStore, time: Time) -> None:
    """In the order in which they were written."""
    number = undelivered(store, time)
    store.officer.answer(number, RESULT, By("박지훈"))
    settle(store, [one.reply for one in claimed(store, time)], "failed", error="nobody can be written to")
    shown = texts(store, said("안녕하세요", time))

    assert (2, True) == (len(shown), RESULT in shown[1])
