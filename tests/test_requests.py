"""What client programs are told of cases: nothing that nobody may know, nothing that nobody released."""

from datetime import timedelta

import pytest

from cases.model import By
from cases.store import CaseStore
from core.message import Settled
from tests.casework import WASTE, Time, answered, delivered, dispatched, held, joins, message, opened

OFFICER = By("박지훈")
REPORT = {"channel": "form", "native_id": "b98-1", "account": "safety-app"}


def test_a_recorded_message_is_found_by_its_id(store: CaseStore, time: Time) -> None:
    """With the case that it opened, and what opens that."""
    number = opened(store, dispatched(message(WASTE, time, **REPORT)))
    found = store.requests.filed(["form"], ["b98-0", "b98-1"])

    assert found is not None
    assert (number, "safety-app") == (found.number, found.account)
    assert store.public.by_token(number, found.token).number == number


def test_who_only_wrote_the_same_does_not_get_the_token(store: CaseStore, time: Time) -> None:
    """A message that joined somebody's case tells its number, and opens nothing."""
    number = opened(store, dispatched(message(WASTE, time)))
    store.record([joins(message("아직 그대로입니다", time, **REPORT), number)])
    found = store.requests.filed(["form"], ["b98-1"])

    assert found is not None
    assert (number, "") == (found.number, found.token)


@pytest.mark.parametrize(
    ("channels", "ids", "accounts"),
    [
        (["sms"], ["b98-1"], None),
        (["form"], ["b98-2"], None),
        (["form"], ["b98-1"], ["mapo"]),
        (["form"], ["\0"], None),
    ],
)
def test_what_is_not_there_is_not_found(
    store: CaseStore, time: Time, channels: list[str], ids: list[str], accounts: list[str] | None
) -> None:
    """Neither by another channel, nor another id, nor another office; and whatever is no id is asked for in vain."""
    opened(store, dispatched(message(WASTE, time, **REPORT)))

    assert store.requests.filed(channels, ids, accounts) is None


def test_cases_of_a_time_are_shown_newest_first(store: CaseStore, time: Time) -> None:
    """With their queue, their state and until when they are answered."""
    first = opened(store, dispatched(message(WASTE, time)))
    time.moves(hours=1)
    second = opened(store, held(message("음…", time, reply_to="+821011112222"), topic=None))
    shown = store.requests.between(time.now - timedelta(days=90), time.now)

    assert [second, first] == [one.number for one in shown]
    assert ("received", "gangnam", "illegal-dumping") == (shown[1].state, shown[1].queue, shown[1].topic)
    assert shown[1].due_at is not None


def test_cases_are_chosen_by_topic_state_and_time(store: CaseStore, time: Time) -> None:
    """Each condition leaves the others out."""
    number = opened(store, dispatched(message(WASTE, time)))
    since = time.now - timedelta(days=1)
    find = store.requests.between

    assert [number] == [one.number for one in find(since, time.now, topics=["illegal-dumping"], states=["received"])]
    assert [] == find(since, time.now, topics=["bus"])
    assert [] == find(since, time.now, states=["answered"])
    assert [] == find(since, since)


def test_confidential_matters_are_absent(store: CaseStore, time: Time) -> None:
    """Nobody learns that they exist, not even by their number."""
    secret = message("복지관에서 학대를 당했습니다", time)
    number = opened(store, dispatched(secret, kind="human-rights", confidential=True))

    assert [] == store.requests.named([number])
    assert [] == store.requests.between(time.now - timedelta(days=1), time.now)


def test_words_are_shown_only_when_released(store: CaseStore, time: Time) -> None:
    """And then masked."""
    number = opened(store, dispatched(message(f"{WASTE} 제 번호는 010-1234-5678입니다.", time)))
    store.officer.answer(number, "치웠습니다.", OFFICER)
    before = store.requests.named([number])[0].text
    store.officer.release(number, OFFICER, released=True)
    after = store.requests.named([number])[0].text

    assert "" == before
    assert "쓰레기 무단투기" in after
    assert "1234-5678" not in after


def test_a_change_moves_the_time_of_change(store: CaseStore, time: Time) -> None:
    """Of a case that is open by its history, of one that ended by its end."""
    number = opened(store, dispatched(message(WASTE, time)))
    time.moves(hours=2)
    store.officer.assign(number, OFFICER, to="이순신")
    assigned = store.requests.named([number])[0].updated_at
    time.moves(hours=2)
    store.officer.answer(number, "치웠습니다.", OFFICER)

    assert time.now - timedelta(hours=2) == assigned
    assert time.now == store.requests.named([number])[0].updated_at


def test_what_was_answered_by_word_of_mouth_is_an_answered_case(store: CaseStore, time: Time) -> None:
    """It stands answered, with the record of what was said; no letter goes out, and nobody is asked anything."""
    told = Settled(by="박주무관", answer="여권과 2층으로 안내하였습니다.")
    number = opened(store, dispatched(message("여권 재발급 문의", time, settled=told), ask="place"))
    case = store.views.case(number)
    history = store.views.history(number)

    assert ("answered", "officer", time.now, False) == (
        case.state,
        case.answered_by,
        case.answered_at,
        case.awaits_place,
    )
    assert [("박주무관", "여권과 2층으로 안내하였습니다.")] == [
        (line.who, line.detail["text"]) for line in history if line.what == "answered"
    ]
    assert [] == delivered(store, time)


def test_an_emergency_told_by_word_of_mouth_calls_the_duty_desk(store: CaseStore, time: Time) -> None:
    """Whoever answered may have called already; once too often is right."""
    told = message("불이 났습니다", time, settled=Settled(by="박주무관", answer="119로 안내함"))
    opened(store, dispatched(told, queue="jongno", district="jongno", urgent=True, urgency="fire"))

    assert [("duty", "+821099990000")] == [(letter.kind, letter.to) for letter in delivered(store, time)]


def test_answers_by_word_of_mouth_are_cases_of_their_own(store: CaseStore, time: Time) -> None:
    """The same question of the same caller joins nothing that is open: it was answered."""
    first = opened(store, dispatched(message(WASTE, time)))
    second = opened(store, dispatched(message(WASTE, time, settled=Settled(by="박주무관"))))

    assert first != second
    assert {"received": 1, "answered": 1} == {k: v for k, v in store.views.states().items() if v}


def test_an_automatic_answer_is_shown_without_a_queue(store: CaseStore, time: Time) -> None:
    """What the city answered by itself belongs to nobody."""
    number = opened(store, answered(message("소파는 어떻게 버리나요?", time), topic="bulky-waste"))

    assert "" == store.requests.named([number])[0].queue
