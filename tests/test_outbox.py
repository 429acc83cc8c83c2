"""The outbox: what is due goes out once, in order, and what became of it is known."""

from datetime import date, timedelta
from pathlib import Path

import pytest

from cases.model import By
from cases.outbox import Outbox, Outcome
from cases.store import CaseStore
from core.calendar import Calendar
from core.errors import Rejected
from core.wire import Seal, Ticket
from tests.casework import (
    SOFA,
    WASTE,
    Time,
    answered,
    at,
    claimed,
    delivered,
    dispatched,
    joins,
    mail,
    make_store,
    message,
    opened,
    settle,
)

OFFICER = By("박지훈")
EVENING, MORNING = at("2026-11-23 19:00"), at("2026-11-24 09:00")


def evening_question(store: CaseStore, time: Time) -> str:
    """Files a question after six whose acknowledgement is out; its answer waits for the morning."""
    time.now = EVENING
    number = opened(store, answered(message(SOFA, time), answer_at=MORNING))
    delivered(store, time)
    return number


def test_what_is_relayed_is_not_relayed_again(store: CaseStore, time: Time) -> None:
    """A row that is on its way is due no more."""
    opened(store, dispatched(message(WASTE, time)))
    store.outbox.relayed(store.outbox.due(time.now))

    assert [] == store.outbox.due(time.now)


def test_a_row_has_the_same_identity_until_it_was_tried(store: CaseStore, time: Time) -> None:
    """Killed before `relayed`, the relay gives the same ticket, which the log knows."""
    opened(store, dispatched(message(WASTE, time)))

    assert store.outbox.due(time.now)[0].identity == store.outbox.due(time.now)[0].identity


def test_a_ticket_that_got_lost_is_given_anew(store: CaseStore, time: Time) -> None:
    """When nothing came of a ticket for long, the row is due again."""
    opened(store, dispatched(message(WASTE, time)))
    due = store.outbox.due(time.now)
    store.outbox.relayed(due)
    time.moves(minutes=16)

    assert due == store.outbox.due(time.now)


def test_at_most_as_many_rows_as_asked_for(store: CaseStore, time: Time) -> None:
    """A backlog is taken in portions, oldest first."""
    store.record([dispatched(message(f"{n}번 가로등 고장", time)) for n in range(5)])
    first = store.outbox.due(time.now, 2)
    store.outbox.relayed(first)
    rest = store.outbox.due(time.now, 10)

    rows = [row.ticket.row for row in first + rest]
    assert sorted(rows) == rows
    assert (2, 3) == (len(first), len(rest))


def test_an_earlier_letter_goes_first(store: CaseStore, time: Time) -> None:
    """The result waits until the receipt is out."""
    number = opened(store, dispatched(message(WASTE, time)))
    store.officer.answer(number, "단속하였습니다.", OFFICER)

    assert [["notice"], ["result"]] == [[reply.kind for reply in delivered(store, time)] for _ in range(2)]


def test_a_letter_for_later_holds_nobody_up(store: CaseStore, time: Time) -> None:
    """A notice of the evening does not wait for the answer of the morning."""
    number = evening_question(store, time)
    store.record([joins(message("사진도 보냅니다", time), number, action="rate", rating=3)])

    assert ["notice"] == [reply.kind for reply in delivered(store, time)]


def test_the_next_time_to_look_is_known(store: CaseStore, time: Time) -> None:
    """With nothing waiting there is none; else it is when the next row is due."""
    idle = store.outbox.next_due()
    evening_question(store, time)

    assert idle is None
    assert timedelta(hours=14).total_seconds() == store.outbox.next_due()


def test_a_row_is_claimed_once(store: CaseStore, time: Time) -> None:
    """What was sent is left out when its ticket comes again."""
    opened(store, dispatched(message(WASTE, time)))
    (row,) = store.outbox.due(time.now)
    first = store.outbox.claim([row.ticket])
    settle(store, [first.ready[0].reply], "sent")
    again = store.outbox.claim([row.ticket])

    assert (1, False) == (first.ready[0].reply.attempt, first.ready[0].was_sending)
    assert ([], [], []) == (again.ready, again.unparked, again.unknown)


def test_an_interrupted_row_says_so(store: CaseStore, time: Time) -> None:
    """Killed between sending and writing that down, the row comes back marked, as the same try."""
    opened(store, dispatched(message(WASTE, time)))
    (row,) = store.outbox.due(time.now)
    store.outbox.claim([row.ticket])
    (again,) = store.outbox.claim([row.ticket]).ready

    assert (True, 1) == (again.was_sending, again.reply.attempt)


def test_an_old_ticket_does_not_hurry_a_wait(store: CaseStore, time: Time) -> None:
    """While a row waits for its next try, the ticket of the try before means nothing."""
    opened(store, dispatched(message(WASTE, time)))
    (row,) = store.outbox.due(time.now)
    (one,) = store.outbox.claim([row.ticket]).ready
    settle(store, [one.reply], "queued", error="busy", retry_at=time.now + timedelta(minutes=5))

    assert [] == store.outbox.claim([row.ticket]).ready
    assert [] == store.outbox.due(time.now)


def test_a_row_is_due_again_after_its_wait(store: CaseStore, time: Time) -> None:
    """The next try is the second, under another ticket."""
    opened(store, dispatched(message(WASTE, time)))
    (one,) = claimed(store, time)
    settle(store, [one.reply], "queued", error="busy", retry_at=time.now + timedelta(minutes=5))
    wait = store.outbox.next_due()
    time.moves(minutes=5)

    assert 300.0 == wait
    assert [Ticket(row=one.reply.id, attempt=2)] == [row.ticket for row in store.outbox.due(time.now)]


def test_a_ticket_of_no_row_is_named(store: CaseStore) -> None:
    """A ticket that fits nothing is handed back."""
    assert [Ticket(row="nothing")] == store.outbox.claim([Ticket(row="nothing")]).unknown


def test_a_failed_row_can_be_tried_once_more_by_a_person(store: CaseStore, time: Time) -> None:
    """Retried from the dead letters, the ticket of one try more is taken; the old one only asks to be parked."""
    opened(store, dispatched(message(WASTE, time)))
    (one,) = claimed(store, time)
    settle(store, [one.reply], "failed", error="no such number")
    old = store.outbox.claim([Ticket(row=one.reply.id, attempt=1)])
    store.outbox.parked(one.reply.id)
    quiet = store.outbox.claim([Ticket(row=one.reply.id, attempt=1)])
    more = store.outbox.claim(old.unparked)

    assert [Ticket(row=one.reply.id, attempt=2)] == old.unparked
    assert ([], []) == (quiet.ready, quiet.unparked)
    assert [one.reply.id] == [c.reply.id for c in more.ready]


@pytest.mark.parametrize("state", ["failed", "uncertain"])
def test_an_automatic_answer_that_did_not_go_out_leaves_a_person(store: CaseStore, time: Time, state: str) -> None:
    """Nobody owned the case, so triage does; the history says why."""
    number = opened(store, answered(message(SOFA, time)))
    (one,) = claimed(store, time)
    settle(store, [one.reply], state, error="the carrier refuses")
    case = store.views.case(number)

    assert ("held", "triage") == (case.state, case.queue)
    assert 1 == store.views.counts()[state]
    assert "the carrier refuses" in [line.why for line in store.views.history(number)]


def test_an_answer_of_the_morning_is_dropped_when_an_officer_was_quicker(store: CaseStore, time: Time) -> None:
    """Answered by a person in the evening, nobody is answered again by the machine."""
    number = evening_question(store, time)
    store.officer.transfer(number, "gangnam", OFFICER, why="현장 확인")
    store.officer.answer(number, "내일 오전에 수거합니다.", OFFICER)
    time.now = MORNING

    assert "answer" not in [reply.kind for _ in range(3) for reply in delivered(store, time)]


def test_an_answer_on_its_way_is_looked_at_once_more(store: CaseStore, time: Time) -> None:
    """Also when its ticket is out already, an answer that is no longer wanted is dropped."""
    number = evening_question(store, time)
    time.now = MORNING
    due = store.outbox.due(time.now)
    store.officer.transfer(number, "gangnam", OFFICER, why="현장 확인")

    assert [] == store.outbox.claim([row.ticket for row in due]).ready


def test_an_answer_that_no_longer_holds_goes_to_a_person(url: str, time: Time) -> None:
    """When the FAQ was mended over night, nobody gets the old words."""
    store = make_store(url, time, still_valid=lambda _faq, _version: False)
    number = evening_question(store, time)
    time.now = MORNING
    went_out = delivered(store, time)
    case = store.views.case(number)
    store.close()

    assert [] == went_out
    assert ("held", "triage") == (case.state, case.queue)
    assert case.due_at is not None


def test_a_holiday_moves_the_answer(store: CaseStore, time: Time) -> None:
    """When tomorrow becomes a day off, the answer comes the day after."""
    number = evening_question(store, time)
    moved = store.outbox.replan(Calendar(days_off={date(2026, 11, 24): "임시공휴일"}))
    time.now = MORNING
    nothing = delivered(store, time)
    time.moves(days=1)

    assert (1, []) == (moved, nothing)
    assert ["answer"] == [reply.kind for reply in delivered(store, time)]
    assert "answer moved" in [line.what for line in store.views.history(number)]


def test_an_unchanged_calendar_moves_nothing(store: CaseStore, time: Time) -> None:
    """Planning again with the same days is harmless."""
    evening_question(store, time)

    assert 0 == store.outbox.replan(Calendar())


def test_what_is_uncertain_waits_for_a_person(store: CaseStore, time: Time) -> None:
    """An uncertain row is neither sent nor forgotten; a person sends it again or lets it be."""
    opened(store, dispatched(message(WASTE, time)))
    (one,) = claimed(store, time)
    settle(store, [one.reply], "uncertain", error="the connection broke")
    time.moves(days=2)
    still = store.outbox.due(time.now)
    (seen,) = store.trouble.listed()
    store.trouble.again(seen.row, OFFICER)

    assert ([], "uncertain") == (still, seen.state)
    assert [2] == [c.reply.attempt for c in claimed(store, time)]


def test_a_person_can_let_it_be(store: CaseStore, time: Time) -> None:
    """What was settled otherwise is no trouble any more, and there is nothing to decide twice."""
    opened(store, dispatched(message(WASTE, time)))
    (one,) = claimed(store, time)
    settle(store, [one.reply], "failed", error="no such number")
    store.trouble.let_be(one.reply.id, OFFICER, "전화로 안내함")

    assert [] == store.trouble.listed()
    with pytest.raises(Rejected):
        store.trouble.let_be(one.reply.id, OFFICER, "다시")


def test_nobody_sends_what_is_settled(store: CaseStore, time: Time) -> None:
    """A ticket that goes back to the stream when its letter is settled is done with, and is not parked again."""
    opened(store, dispatched(message(WASTE, time)))
    (one,) = claimed(store, time)
    settle(store, [one.reply], "failed", error="blocked")
    store.outbox.parked(one.reply.id)
    store.trouble.let_be(one.reply.id, OFFICER, "전화로 답변")
    claims = store.outbox.claim([Ticket(row=one.reply.id, attempt=2)])

    assert ([], [], []) == (claims.ready, claims.unparked, claims.unknown)


def test_a_letter_that_cannot_be_read_harms_no_other(url: str, time: Time) -> None:
    """A row that was sealed with another key is given up; the rest goes out."""
    other = make_store(url, time, seal=Seal(bytes(32)))
    opened(other, dispatched(message(WASTE, time)))
    other.close()
    store = make_store(url, time)
    opened(store, dispatched(message("종로구 가로등 고장", time)))
    went_out = delivered(store, time)
    failed = store.views.counts()["failed"]
    store.close()

    assert (1, 1) == (len(went_out), failed)


def test_an_early_report_is_not_overwritten(store: CaseStore, time: Time) -> None:
    """A row that is not being sent is not changed by a late outcome."""
    opened(store, dispatched(mail(WASTE, time)))
    (reply,) = delivered(store, time)
    settle(store, [reply], "failed", error="late")
    store.outbox.settle([Outcome(row="unknown", state="failed")])

    assert 0 == store.views.counts()["failed"]


def test_rows_that_were_just_taken_are_ours(store: CaseStore, time: Time) -> None:
    """Directly after a claim nobody has to be asked whether its rows are still ours; rows of others never were."""
    opened(store, dispatched(message(WASTE, time)))
    (row,) = store.outbox.due(time.now)
    hold = store.outbox.claim([row.ticket]).hold

    assert (True, True, False) == (hold.is_sure, hold.has(row.ticket.row), hold.has("another"))


def test_who_sends_alone_asks_nobody(tmp_path: Path, time: Time) -> None:
    """On SQLite one process sends at a time: what it took is its own, however long it was away."""
    store, now = make_store(tmp_path, time), [0.0]
    opened(store, dispatched(message(WASTE, time)))
    outbox = Outbox(store._means, ticks=lambda: now[0])
    hold = outbox.claim([row.ticket for row in outbox.due(time.now)]).hold
    now[0] = 3600.0
    store.close()

    assert hold.is_sure


def test_what_is_left_as_it_is_is_named(store: CaseStore, time: Time) -> None:
    """An outcome for a row that is not being sent changes nothing, and its sender is told so."""
    opened(store, dispatched(message(WASTE, time)))
    (reply,) = delivered(store, time)

    assert {reply.id} == store.outbox.settle([Outcome(row=reply.id, state="failed", error="late")])
