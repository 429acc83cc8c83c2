"""What staff do: each act changes the case, leaves a line of history, and tells the citizen."""

import unicodedata
from collections.abc import Callable
from datetime import date

import pytest

from cases.model import OPEN, STATES, By
from cases.store import CaseStore
from core.calendar import Calendar
from core.decision import Decision
from core.errors import Rejected
from core.message import Author
from core.wire import Routed
from tests.casework import (
    CITIZEN,
    WASTE,
    Time,
    at,
    delivered,
    dispatched,
    due,
    events,
    held,
    message,
    opened,
)

OFFICER = By("박지훈")
STRANGER = By("최민수", frozenset({"jongno"}))


@pytest.fixture
def number(store: CaseStore, time: Time) -> str:
    """Returns a case in Gangnam whose receipt is out."""
    made = opened(store, dispatched(message(WASTE, time)))
    delivered(store, time)
    return made


def test_an_answer_ends_the_case_and_reaches_the_citizen(store: CaseStore, time: Time, number: str) -> None:
    """The officer's words go out in the channel, as written by a person, and stand on the page."""
    case = store.officer.answer(number, "  단속하였습니다.  ", OFFICER)
    (reply,) = delivered(store, time)

    assert ("answered", time.now, "officer") == (case.state, case.answered_at, case.answered_by)
    assert ("result", CITIZEN, False) == (reply.kind, reply.to, reply.automatic)
    assert "단속하였습니다." in reply.text
    assert ((time.now, "단속하였습니다."),) == store.public.by_token(number, case.token).answers


def test_the_page_says_what_was_done_and_why(store: CaseStore, number: str) -> None:
    """Who left no address learns of a new department, an extension and the end, with their reasons, from the page."""
    store.officer.transfer(number, "jongno", OFFICER, why="종로구에서 관리하는 구간입니다.")
    store.officer.extend(number, OFFICER, why="현장을 한 번 더 확인해야 합니다.")
    case = store.officer.close(number, OFFICER, why="같은 민원을 이미 처리하고 있습니다.")
    steps = store.public.by_token(number, case.token).steps

    assert [
        ("transferred", "종로구에서 관리하는 구간입니다."),
        ("extended", "현장을 한 번 더 확인해야 합니다."),
        ("closed", "같은 민원을 이미 처리하고 있습니다."),
    ] == [(step.what, step.why) for step in steps]


def test_an_answer_says_who_gave_it(store: CaseStore, number: str) -> None:
    """The history names the officer and keeps the words."""
    store.officer.answer(number, "단속하였습니다.", OFFICER)
    (line,) = [line for line in store.views.history(number) if line.what == "answered"]

    assert ("박지훈", "단속하였습니다.") == (line.who, line.detail["text"])


def test_an_answered_case_is_not_answered_twice(store: CaseStore, time: Time, number: str) -> None:
    """A second click sends nothing; the refusal says what would work."""
    store.officer.answer(number, "단속하였습니다.", OFFICER)
    delivered(store, time)

    with pytest.raises(Rejected, match="is answered; answer works when it is held, received"):
        store.officer.answer(number, "단속하였습니다.", OFFICER)
    assert [] == delivered(store, time)


@pytest.mark.parametrize("words", ["", "   ", "가" * 20_001])
def test_an_answer_has_words(store: CaseStore, number: str, words: str) -> None:
    """An empty answer, or a book, is refused and changes nothing."""
    with pytest.raises(Rejected):
        store.officer.answer(number, words, OFFICER)

    assert "received" == store.views.case(number).state


def test_an_answer_with_nowhere_to_go_stands_on_the_page(store: CaseStore, time: Time) -> None:
    """Where nobody knows an address, the answer is read on the page of the case."""
    anonymous = message(WASTE, time, channel="form", reply_to="", author=Author(), conversation="")
    number = opened(store, dispatched(anonymous))
    case = store.officer.answer(number, "단속하였습니다.", OFFICER)

    assert [] == delivered(store, time)
    assert "단속하였습니다." == store.public.by_token(number, case.token).answers[0][1]
    assert 2 == events(store, number).count("nothing sent")


ACTS: dict[str, Callable[[CaseStore, str, By], object]] = {
    "answer": lambda store, number, by: store.officer.answer(number, "답변", by),
    "assign": lambda store, number, by: store.officer.assign(number, by, unit="도로"),
    "set_kind": lambda store, number, by: store.officer.set_kind(number, "recommendation", by),
    "transfer": lambda store, number, by: store.officer.transfer(number, "jongno", by, why="관할"),
    "extend": lambda store, number, by: store.officer.extend(number, by, why="현장 확인"),
    "close": lambda store, number, by: store.officer.close(number, by, why="반복 민원"),
    "withdraw": lambda store, number, by: store.officer.withdraw(number, by),
}


@pytest.mark.parametrize("act", ACTS)
def test_nobody_acts_on_another_queues_case(store: CaseStore, number: str, act: str) -> None:
    """For an officer of another queue the case is not there."""
    before = store.views.case(number)

    with pytest.raises(Rejected) as caught:
        ACTS[act](store, number, STRANGER)
    assert 404 == caught.value.status
    assert before == store.views.case(number)


@pytest.mark.parametrize("act", ACTS)
def test_every_act_leaves_a_line_with_a_name(store: CaseStore, number: str, act: str) -> None:
    """Whatever is done, the history says who did it."""
    ACTS[act](store, number, OFFICER)

    assert "박지훈" in [line.who for line in store.views.history(number)]


@pytest.mark.parametrize("act", ACTS)
@pytest.mark.parametrize("end", ["close", "withdraw"])
def test_a_finished_case_stays_finished(store: CaseStore, number: str, end: str, act: str) -> None:
    """Nothing is done to a closed or withdrawn case before somebody takes it up again."""
    ACTS[end](store, number, OFFICER)

    with pytest.raises(Rejected):
        ACTS[act](store, number, OFFICER)


def test_a_case_is_given_to_a_unit_and_an_officer(store: CaseStore, time: Time, number: str) -> None:
    """Who has it stands in the case; within a queue the citizen is not told of it."""
    case = store.officer.assign(number, OFFICER, unit="도로", to="이도윤")

    assert ("assigned", "도로", "이도윤") == (case.state, case.unit, case.assignee)
    assert [] == delivered(store, time)


def test_nobody_is_no_assignment(store: CaseStore, number: str) -> None:
    """An assignment names somebody."""
    with pytest.raises(Rejected):
        store.officer.assign(number, OFFICER)


def test_a_slip_in_a_unit_is_refused(store: CaseStore, number: str) -> None:
    """A citizen would read it: the one that was meant and the others are named, and nothing changes."""
    before = store.views.case(number)

    with pytest.raises(Rejected, match=r"gangnam has no unit 청쇼\. Did you mean 청소\? Its units are 청소, 주차, "):
        store.officer.assign(number, OFFICER, unit="청쇼")
    assert before == store.views.case(number)


def test_a_unit_that_resembles_none_is_refused(store: CaseStore, number: str) -> None:
    """Where nothing is near, nothing is guessed; the units are named."""
    with pytest.raises(Rejected, match=r"gangnam has no unit Parks Dept\. Its units are 청소, "):
        store.officer.assign(number, OFFICER, unit="Parks Dept")


def test_a_department_has_no_units(store: CaseStore, number: str) -> None:
    """Only districts have them; in a department a case is given to an officer."""
    store.officer.transfer(number, "hq.bus", OFFICER, why="시내버스 노선")

    with pytest.raises(Rejected, match=r"hq\.bus is not divided into units; name an officer"):
        store.officer.assign(number, OFFICER, unit="청소")
    assert "이도윤" == store.officer.assign(number, OFFICER, to="이도윤").assignee


def test_a_unit_is_known_however_it_is_typed(store: CaseStore, number: str) -> None:
    """Hangul in parts, as some machines write it, and blanks around are the same unit."""
    typed = unicodedata.normalize("NFD", " 청소 ")

    assert "청소" == store.officer.assign(number, OFFICER, unit=typed).unit


def test_another_kind_is_another_date(store: CaseStore, time: Time, number: str) -> None:
    """Fourteen days instead of seven from the same first day; the citizen is told, the old date is kept."""
    case = store.officer.set_kind(number, "recommendation", OFFICER, why="제도 개선 건의")
    (reply,) = delivered(store, time)
    (line,) = [line for line in store.views.history(number) if line.what == "kind changed"]

    assert at("2026-12-10 18:00") == case.due_at
    assert "12월 10일(목)" in reply.text
    assert ["other", "recommendation"] == line.detail["kind"]


def test_a_kind_with_the_same_period_is_no_news(store: CaseStore, time: Time, number: str) -> None:
    """Where the date stays, nobody is told."""
    store.officer.set_kind(number, "grievance", OFFICER)

    assert [] == delivered(store, time)


def test_a_kind_that_is_none_is_refused(store: CaseStore, number: str) -> None:
    """A slip of the pen changes nothing; the kinds are listed."""
    with pytest.raises(Rejected, match="grievance"):
        store.officer.set_kind(number, "griveance", OFFICER)


def test_a_wrong_queue_is_put_right(store: CaseStore, time: Time, number: str) -> None:
    """The next queue has the case with the same date, nobody in it has it yet, and the citizen learns who has it."""
    store.officer.assign(number, OFFICER, unit="도로", to="이도윤")
    case = store.officer.transfer(number, "jongno", OFFICER, why="종로구 관할")
    (reply,) = delivered(store, time)

    assert ("received", "jongno", "", "") == (case.state, case.queue, case.unit, case.assignee)
    assert due(at("2026-11-23 10:00")) == case.due_at
    assert "종로구" in reply.text


def test_from_triage_the_citizen_hears_who_has_it(store: CaseStore, time: Time) -> None:
    """The second notice comes when a department has the matter."""
    number = opened(store, held(message("음…", time)))
    delivered(store, time)
    store.officer.transfer(number, "gangnam", OFFICER, why="확인")

    assert "강남구" in delivered(store, time)[0].text


def test_another_agencys_matter_takes_two_steps(store: CaseStore, time: Time, number: str) -> None:
    """First the city's transfer officer has eight working hours; once handed over, the citizen is told so."""
    first = store.officer.transfer(number, "agency.kepco", OFFICER, why="전력 설비")
    told = delivered(store, time)
    second = store.officer.transfer(number, "agency.kepco", OFFICER, why="공문 2026-11")
    done = delivered(store, time)

    assert ("received", at("2026-11-24 10:00")) == (first.state, first.due_at)
    assert "transferred" == second.state
    assert "이송하고 알려 드립니다" in told[0].text
    assert "이송하였습니다" in done[0].text


@pytest.mark.parametrize("queue", ["gangnam", "nowhere"])
def test_a_transfer_to_nowhere_is_refused(store: CaseStore, number: str, queue: str) -> None:
    """Neither the same queue nor one that does not exist takes the case."""
    with pytest.raises(Rejected):
        store.officer.transfer(number, queue, OFFICER, why="관할")


@pytest.mark.parametrize("act", ["transfer", "extend", "close"])
def test_what_the_citizen_is_told_has_a_reason(store: CaseStore, number: str, act: str) -> None:
    """These three are not done without saying why."""
    verbs: dict[str, Callable[[], object]] = {
        "transfer": lambda: store.officer.transfer(number, "jongno", OFFICER, why=" "),
        "extend": lambda: store.officer.extend(number, OFFICER, why=""),
        "close": lambda: store.officer.close(number, OFFICER, why=""),
    }

    with pytest.raises(Rejected, match="the reason is empty"):
        verbs[act]()


def test_a_period_is_extended_once(store: CaseStore, time: Time, number: str) -> None:
    """By its own length, from the day after the old date; a second time is refused."""
    case = store.officer.extend(number, OFFICER, why="현장 확인이 필요함")
    (reply,) = delivered(store, time)

    assert at("2026-12-10 18:00") == case.due_at
    assert "현장 확인이 필요함" in reply.text
    with pytest.raises(Rejected, match="consent"):
        store.officer.extend(number, OFFICER, why="다시")


def test_a_closing_tells_its_reason(store: CaseStore, time: Time, number: str) -> None:
    """Who is not answered learns why."""
    case = store.officer.close(number, OFFICER, why="같은 내용으로 두 번 답변드림")

    assert "closed" == case.state
    assert "같은 내용으로 두 번 답변드림" in delivered(store, time)[0].text


def test_a_case_is_taken_up_again(store: CaseStore, number: str) -> None:
    """A closed case can be opened by a person, with a reason, in its queue."""
    store.officer.close(number, OFFICER, why="오인")
    case = store.officer.reopen(number, OFFICER, why="오인하여 종결함")

    assert ("received", "gangnam", None) == (case.state, case.queue, case.closed_at)


def test_a_released_case_is_shown_masked(store: CaseStore, time: Time) -> None:
    """What an officer released can be read by who asks the same, without what points to a person."""
    asked = message("제 번호는 010-2345-6789입니다. 가로등 고장", time)
    number = opened(store, dispatched(asked))
    store.officer.answer(number, "수리하였습니다.", OFFICER)
    before = store.public.released([asked.id])
    store.officer.release(number, OFFICER)
    (shown,) = store.public.released([asked.id])

    assert [] == before
    assert "수리하였습니다." == shown.answer
    assert "6789" not in shown.text.replace("010-****-6789", "")


def test_a_confidential_case_is_never_released(store: CaseStore, time: Time) -> None:
    """No officer can show a confidential matter to others."""
    number = opened(store, dispatched(message("학대 신고", time), confidential=True, kind="human-rights"))
    store.officer.answer(number, "조사하였습니다.", OFFICER)

    with pytest.raises(Rejected):
        store.officer.release(number, OFFICER)


def test_a_holiday_moves_dates_only_when_applied(store: CaseStore, time: Time, number: str) -> None:
    """First the changes are listed; applied, the date moves and the citizen is told."""
    calendar = Calendar(days_off={date(2026, 11, 30): "임시공휴일"})
    listed = store.dates.replan(OFFICER, calendar=calendar, why="임시공휴일", apply=False)
    before = store.views.case(number).due_at
    applied = store.dates.replan(OFFICER, calendar=calendar, why="임시공휴일", apply=True)

    assert listed == applied
    assert (at("2026-12-01 18:00"), at("2026-12-02 18:00")) == (before, store.views.case(number).due_at)
    assert "임시공휴일" in delivered(store, time)[0].text


def test_an_outage_gives_its_hours_back(store: CaseStore, number: str) -> None:
    """Three working hours in which nobody could work are added to the period."""
    store.dates.note_outage(at("2026-11-24 09:00"), at("2026-11-24 12:00"), OFFICER, why="정전")
    (change,) = store.dates.replan(OFFICER, why="정전", apply=False)

    assert at("2026-12-02 12:00") == change.after


def test_a_key_opens_its_queue(store: CaseStore) -> None:
    """A key is known by what it opens, and no other is."""
    key = store.keys.add("gangnam", by="박지훈")

    assert frozenset({"gangnam"}) == store.keys.check(key)
    assert frozenset() == store.keys.check(key + "x")


@pytest.mark.parametrize("by_itself", [False, True])
def test_a_key_that_was_taken_back_opens_nothing(store: CaseStore, time: Time, by_itself: bool) -> None:
    """Named by its id, or by itself when that is all that one found; the other keys stay."""
    lost = store.keys.add("gangnam", by="박지훈")
    time.moves(seconds=1)
    kept = store.keys.add("gangnam", by="이도윤")
    first, second = store.keys.listed()
    gone = store.keys.revoke(lost if by_itself else first.id)

    assert (first, "gangnam", "박지훈") == (gone, gone.queue, gone.created_by)
    assert frozenset() == store.keys.check(lost)
    assert frozenset({"gangnam"}) == store.keys.check(kept)
    assert [second] == store.keys.listed()


def test_a_key_is_not_found_by_half_its_id(store: CaseStore) -> None:
    """What names no key, or only begins like one, takes none back."""
    store.keys.add("gangnam")
    (only,) = store.keys.listed()

    with pytest.raises(Rejected):
        store.keys.revoke(only.id[:-1])
    assert [only] == store.keys.listed()


def test_a_key_is_for_a_queue_that_exists(store: CaseStore) -> None:
    """A key for nothing is not made."""
    with pytest.raises(Rejected):
        store.keys.add("nowhere")


def test_every_state_is_open_or_an_end() -> None:
    """Four states ask for somebody to act, four do not."""
    assert 4 == len(OPEN)
    assert 8 == len(STATES)


def test_a_case_without_a_kind_gets_a_date_when_it_gets_a_kind(store: CaseStore, time: Time) -> None:
    """What was held without any period has one as soon as a person says what it is."""
    bare = Routed(message=message("음…", time), decision=Decision(action="hold", queue="triage"))
    number = opened(store, bare)

    assert due(time.now) == store.officer.set_kind(number, "inquiry", OFFICER).due_at
