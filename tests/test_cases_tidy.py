"""What is forgotten in time: words, names and addresses go, the record stays."""

from datetime import datetime, timedelta

import pytest
from structlog.testing import capture_logs

from cases.model import By
from cases.store import CaseStore
from core.message import Author, DeliveryReport
from core.wire import Seal
from tests.casework import (
    CITIZEN,
    SOFA,
    WASTE,
    Time,
    answered,
    claimed,
    delivered,
    dispatched,
    events,
    joins,
    mail,
    make_store,
    message,
    opened,
    settle,
)

OFFICER = By("박지훈")


def finished(store: CaseStore, time: Time, text: str = WASTE) -> str:
    """Returns the number of a case that an officer answered, with everything sent."""
    number = opened(store, dispatched(message(text, time)))
    delivered(store, time)
    store.officer.answer(number, "010-2222-3333으로 연락드려 치웠습니다.", OFFICER)
    delivered(store, time)
    return number


def later(time: Time, **by: float) -> datetime:
    time.moves(**by)
    return time.now - timedelta(days=30)


def everything(store: CaseStore) -> str:
    """Returns all that the store holds, opened where it is sealed."""
    found: list[str] = []
    seal = store._means.seal
    with store._means.database.read() as connection:
        for table in ("cases", "messages", "events", "outbox", "threads"):
            for row in connection.exec_driver_sql(f"SELECT * FROM {table}").mappings():
                found += [str(value) for value in row.values() if not isinstance(value, bytes)]
                found += [seal.open(row["sealed"]).decode(errors="replace")] if row.get("sealed") else []
    return "\n".join(found)


def test_words_and_names_of_an_old_case_are_gone(store: CaseStore, time: Time) -> None:
    """After its time nothing of what was written by anybody, and no address, is left anywhere in the store."""
    finished(store, time)
    before = everything(store)
    forgotten = store.tidy.forget(later(time, days=31))
    after = everything(store)

    assert 1 == forgotten
    for words in (WASTE, CITIZEN, "010-2222-3333", "역삼동"):
        assert words in before
        assert words not in after


def test_reasons_that_people_and_relays_gave_are_gone(store: CaseStore, time: Time) -> None:
    """A relay quotes the address that it refuses, an officer names the citizen: neither stays in the history."""
    number = opened(store, dispatched(mail(WASTE, time)))
    settle(store, [one.reply for one in claimed(store, time)], "failed", error="550 <kim@mail.example> unknown")
    store.officer.transfer(number, "jongno", OFFICER, why="김서연 님 댁은 종로입니다.")
    store.officer.extend(number, OFFICER, why="김서연 님이 출타 중입니다.")
    store.officer.close(number, OFFICER, why="김서연 님과 통화했습니다.")
    store.officer.reopen(number, OFFICER, why="김서연 님이 다시 전화했습니다.")
    store.officer.withdraw(number, OFFICER, why="김서연 님이 거두었습니다.")
    while letters := [one.reply for one in claimed(store, time)]:
        settle(store, letters, "sent")
    had, before = events(store, number), everything(store)
    store.tidy.forget(later(time, days=31))
    after = everything(store)

    for words in ("kim@mail.example", "김서연"):
        assert words in before
        assert words not in after
    assert [*had, "forgotten"] == events(store, number)


def test_why_a_machine_did_something_stays(store: CaseStore, time: Time) -> None:
    """The rule that decided, and what made an answer a person's, are nobody's words."""
    number = opened(store, answered(message(SOFA, time)))
    settle(store, [one.reply for one in claimed(store, time)], "failed", error="30003")
    store.officer.close(number, OFFICER, why="확인했습니다.")
    delivered(store, time)
    store.tidy.forget(later(time, days=31))
    why = {line.what: line.why for line in store.views.history(number)}

    assert ("faq", "the automatic answer is failed") == (why["received"], why["to a person"])
    assert ("", "") == (why["sending failed"], why["closed"])


def test_the_record_of_an_old_case_stays(store: CaseStore, time: Time) -> None:
    """What was decided, done and sent, and when, can still be shown."""
    number = finished(store, time)
    decided = store.views.decisions(number)[0].decision
    had = events(store, number)
    store.tidy.forget(later(time, days=31))
    case, (kept,) = store.views.case(number), store.views.decisions(number)

    assert ("answered", "gangnam", "other") == (case.state, case.queue, case.kind)
    assert time.now == case.forgotten_at
    assert (decided.queue, decided.rule, "") == (kept.decision.queue, kept.decision.rule, kept.message.text)
    assert [*had, "forgotten"] == events(store, number)
    assert 2 == sum(line.what == "sent" for line in store.views.history(number))


def test_the_citizens_page_stays(store: CaseStore, time: Time) -> None:
    """The link of a forgotten case still shows its state, and says when the words were deleted."""
    number = finished(store, time)
    token = store.views.case(number).token
    store.tidy.forget(later(time, days=31))
    view = store.public.by_token(number, token)

    assert ("answered", (), time.now) == (view.state, view.answers, view.forgotten_at)


def test_a_forgotten_message_is_known_for_ever(store: CaseStore, time: Time) -> None:
    """When a channel gives it again years later, no second case is made."""
    item = dispatched(message(WASTE, time))
    number = opened(store, item)
    delivered(store, time)
    store.officer.close(number, OFFICER, why="확인했습니다.")
    delivered(store, time)
    store.tidy.forget(later(time, days=31))
    store.record([item])

    assert [number] == [case.number for case in store.views.listed()]


def test_what_is_open_or_young_is_kept(store: CaseStore, time: Time) -> None:
    """Only what ended that long ago is forgotten: not what is open, not what was answered lately."""
    first = opened(store, dispatched(message(WASTE, time)))
    late = opened(store, dispatched(message("가로등 고장", time)))
    delivered(store, time)
    before = later(time, days=31)
    store.officer.answer(late, "고쳤습니다.", OFFICER)
    delivered(store, time)

    assert 0 == store.tidy.forget(before)
    assert [WASTE] == [one.text for one in store.views.messages(first)]


def test_what_still_goes_out_is_kept(store: CaseStore, time: Time) -> None:
    """A case with a letter that was not sent yet keeps its words until it was."""
    number = opened(store, dispatched(message(WASTE, time)))
    delivered(store, time)
    store.officer.answer(number, "치웠습니다.", OFFICER)
    unsent = store.tidy.forget(later(time, days=31))
    (letter,) = delivered(store, time)

    assert 0 == unsent
    assert "치웠습니다." in letter.text
    assert 1 == store.tidy.forget(time.now)


def test_messages_without_a_case_are_forgotten(store: CaseStore, time: Time) -> None:
    """Also what only was recorded loses its words in time."""
    store.record([dispatched(message("광고입니다 특가", time), action="ignore", queue=None, reason="bulk")])
    forgotten = store.tidy.forget(later(time, days=31))

    assert 1 == forgotten
    assert "특가" not in everything(store)


def test_forgetting_goes_on_until_nothing_is_left(store: CaseStore, time: Time) -> None:
    """A call takes a few; the next one takes others, until there are none."""
    for n in range(5):
        finished(store, time, f"{n}번 가로등 고장")
    before = later(time, days=31)

    assert [2, 2, 1, 0] == [store.tidy.forget(before, most=2) for _ in range(4)]


def test_with_the_wrong_key_nothing_is_forgotten(url: str, store: CaseStore, time: Time) -> None:
    """Where nothing opens, not even what was decided could be kept: it waits for the right key, and says so."""
    finished(store, time)
    before = everything(store)
    other = make_store(url, time, seal=Seal(bytes(32)))
    with capture_logs() as lines:
        forgotten = other.tidy.forget(later(time, days=31))
    other.close()

    assert (0, before) == (forgotten, everything(store))
    assert [("warning", 1)] == [(line["log_level"], line["messages"]) for line in lines]
    assert 1 == store.tidy.forget(time.now - timedelta(days=30))


def test_what_another_key_sealed_is_forgotten_with_others(url: str, store: CaseStore, time: Time) -> None:
    """Words that cannot be read among others that can are deleted all the same."""
    number = finished(store, time)
    other = make_store(url, time, seal=Seal(bytes(32)))
    finished(other, time, "가로등 고장")
    forgotten = other.tidy.forget(later(time, days=31))

    # Nothing is left that only the first key opens.
    left = everything(other)

    assert 2 == forgotten
    assert "가로등" not in left
    assert "answered" == store.views.case(number).state
    other.close()


def test_a_report_about_a_forgotten_case_is_forgotten_too(store: CaseStore, time: Time) -> None:
    """A mail system that answers after the words are gone brings the address again: it goes again."""
    number = opened(store, dispatched(mail(WASTE, time)))
    (letter,) = delivered(store, time)
    store.officer.close(number, OFFICER, why="확인했습니다.")
    delivered(store, time)
    store.tidy.forget(later(time, days=31))
    told = DeliveryReport(action="failed", status="5.1.1", original_id=f"<{letter.id}@eungdapso.example>")
    author = Author(handle="kim-bounce@mail.example")
    store.record([dispatched(mail("550 <kim@mail.example> unknown", time, report=told, author=author))])
    late = everything(store)
    forgotten = store.tidy.forget(later(time, days=31))

    assert 1 == forgotten
    assert "kim-bounce@mail.example" in late
    assert "kim" not in everything(store)
    assert "undeliverable" in events(store, number)
    assert 0 == store.tidy.forget(time.now)


def test_a_forgotten_case_that_is_reopened_is_forgotten_again(store: CaseStore, time: Time) -> None:
    """What an officer answers after all is kept while it is young, and goes in its turn."""
    number = finished(store, time)
    store.tidy.forget(later(time, days=31))
    reopened = store.officer.reopen(number, OFFICER, why="010-2222-3333이 다시 전화했습니다.")
    store.officer.answer(number, "010-2222-3333으로 연락드렸습니다.", OFFICER)
    young = store.tidy.forget(time.now - timedelta(days=30))
    known = everything(store)
    old = store.tidy.forget(later(time, days=31))

    assert (None, 0, 1) == (reopened.forgotten_at, young, old)
    assert "010-2222-3333" in known
    assert "010-2222-3333" not in everything(store)
    assert time.now == store.views.case(number).forgotten_at


@pytest.mark.parametrize("action", ["follow_up", "rate", "ignore"])
def test_a_word_that_comes_after_forgetting_is_forgotten_too(store: CaseStore, time: Time, action: str) -> None:
    """What was decided while the case was known, and is recorded later, does not stay for ever."""
    number = finished(store, time)
    late = joins(message("역삼동 김서연입니다", time), number, action=action, rating=5)
    store.tidy.forget(later(time, days=31))
    store.record([late])
    known = everything(store)
    if store.views.case(number).is_open:
        store.officer.close(number, OFFICER, why="확인했습니다.")
    delivered(store, time)
    forgotten = store.tidy.forget(later(time, days=31))

    assert 1 == forgotten
    assert "김서연" in known
    assert "김서연" not in everything(store)
    assert CITIZEN not in everything(store)


def test_a_forgotten_case_is_not_decided_anew(store: CaseStore, time: Time) -> None:
    """What has no words any more is passed over where stored messages are read again."""
    finished(store, time)
    begun = time.now
    store.tidy.forget(later(time, days=31))

    assert [] == store.views.since(begun)


def test_a_word_to_a_forgotten_case_is_a_new_case(store: CaseStore, time: Time) -> None:
    """Nobody knows any more whose it was: what its citizen writes stands for itself."""
    finished(store, time)
    store.tidy.forget(later(time, days=31))

    assert "" == store.contexts([message("아직 그대로입니다", time)])[0].reply_to_case


def test_an_automatic_answer_is_kept(store: CaseStore, time: Time) -> None:
    """The city's own words of an FAQ are nobody's: the page shows them as before."""
    number = opened(store, answered(message(SOFA, time)))
    delivered(store, time)
    token = store.views.case(number).token
    shown = store.public.by_token(number, token).answers
    store.tidy.forget(later(time, days=31))

    assert shown == store.public.by_token(number, token).answers


def test_old_conversations_are_let_go(store: CaseStore, time: Time) -> None:
    """A thread that no word can join any more takes no room."""
    number = opened(store, answered(message(SOFA, time)))
    store.record([joins(message("고맙습니다", time), number, action="ignore", reason="thanks")])
    early = store.tidy.let_threads_go()
    time.moves(days=31)

    assert (0, 1, 0) == (early, store.tidy.let_threads_go(), store.tidy.let_threads_go())
