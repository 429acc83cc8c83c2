"""The same message again: what counts as the same, and what becomes of it."""

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.languages import SPLITS, is_joined, pairs
from cases.model import By
from cases.recurring import PLACES
from cases.same import is_same, says
from cases.store import CaseStore
from core.decision import Context
from core.message import Attachment, Author, Location
from tests.casework import (
    CITIZEN,
    WASTE,
    Time,
    answered,
    delivered,
    dispatched,
    events,
    held,
    joins,
    mail,
    make_store,
    message,
    opened,
)

DUMPED = "역삼동 골목에 쓰레기 무단투기가 심합니다. 단속 부탁드립니다."
LAMP = "관악구 신림동 가로등이 꺼졌어요"
ADDRESS = "kim@mail.example"
BY_MAIL = Author(handle=ADDRESS)
GREETINGS = st.sampled_from(
    ["안녕하세요", "수고하십니다.", "ㅠㅠ", "ㅋㅋㅋ", "!!", "😀", "\n", "감사합니다", "빨리요", "…"]
)
PLACES_OF_TOWN = ("신림동", "봉천동", "역삼역 3번 출구", "역삼역 4번 출구", "성산로 12", "성산로 21", "남산공원 정문")
THINGS = ("가로등", "보안등", "보도블록", "현수막", "맨홀 뚜껑")
WRONGS = ("꺼졌어요", "부서졌습니다", "떨어졌어요", "흔들립니다")
PIECES = st.sampled_from(
    [
        "신림동",
        "3번",
        "안",
        "가로등이",
        "쓰레기가",
        "무단투기",
        "무단투가",
        "쌓여 있어요",
        "심해요",
        "많습니다",
        "치워주세요",
        "단속",
        "좀",
        "도와주세요",
    ]
)
MATTERS = st.builds(lambda *w: " ".join(w), *(st.sampled_from(words) for words in (PLACES_OF_TOWN, THINGS, WRONGS)))


@pytest.fixture
def stores(url: str, time: Time) -> Iterator[list[CaseStore]]:
    """Returns four case stores, as four processes have them."""
    made = [make_store(url, time) for _ in range(4)]
    yield made
    for one in made:
        one.close()


def same(one: str, other: str) -> bool:
    return is_same(says(one), says(other))


def at_once(acts: Sequence[Callable[[], None]]) -> None:
    """Does all of these at the same time, each in its thread; raises what one raised."""
    gate = threading.Barrier(len(acts))

    def act(one: Callable[[], None]) -> None:
        gate.wait()
        one()

    with ThreadPoolExecutor(len(acts)) as threads:
        list(threads.map(act, acts))


# What counts as the same


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (LAMP, "신림동 가로등 꺼짐 관악구"),
        (LAMP, "관악구신림동가로등이꺼졌어요ㅠㅠ"),
        (LAMP, "안녕하세요, 관악구 신림동 가로등이 꺼져 있습니다. 빠른 조치 부탁드립니다!!"),
        (WASTE, "강남구 역삼동 골목 쓰레기 무단투기가 너무 심합니다 단속 바랍니다"),
        (WASTE, "강남구 역삼동 골목에 쓰레기 무단투가가 심해요. 단속해주세요"),
        ("공원 벤치가 부서졌습니다 수리해 주세요", "공원 벤치가 부서졌어요 고쳐 주세요"),
        ("역삼역 3번 출구 앞 킥보드가 길을 막고 있어요", "역삼역 3번출구 앞 킥보드가 길을 막고있습니다 치워주세요"),
        ("The street light on Teheran-ro 152 is broken.", "Hello, street light on Teheran-ro 152 is broken! Thanks"),
        ("감사합니다", "감사합니다!!"),
    ],
)
def test_reworded_slightly_is_the_same(one: str, other: str) -> None:
    """Endings, blanks, courtesies, order, a slip of the hand: the matter stays the same."""
    assert same(one, other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (LAMP, "관악구 봉천동 가로등이 꺼졌어요"),
        (LAMP, "관악구 신림동 보안등이 꺼졌어요"),
        ("신림동 10-3 앞 불법주차", "신림동 10-5 앞 불법주차"),
        ("역삼역 3번 출구 앞 킥보드 치워주세요", "역삼역 4번 출구 앞 킥보드 치워주세요"),
        ("역삼역 3번 출구 앞 킥보드 치워주세요", "역삼역 3번 출구 뒤 킥보드 치워주세요"),
        ("어제 공사 소음이 심했어요", "오늘 공사 소음이 심했어요"),
        ("강남역에서 잠실역 가는 버스 늘려주세요", "잠실역에서 강남역 가는 버스 늘려주세요"),
        ("한신아파트 층간소음 심해요", "한진아파트 층간소음 심해요"),
        ("12가3456 불법주차 신고합니다", "12가3457 불법주차 신고합니다"),
        ("쓰레기를 안 치워요", "쓰레기를 치워요"),
        ("흰색 차량이 인도를 막고 있어요", "검은색 차량이 인도를 막고 있어요"),
        ("가로등 고장 신고합니다", "가로등 고장 신고는 어디에 하나요?"),
        ("가로등이 고장났어요", "가로등이 고장났어요 불이 났어요"),
        ("감사합니다", "안녕하세요"),
        ("도와주세요", "치워주세요"),
        ("", ""),
    ],
)
def test_another_place_time_number_or_thing_is_another_matter(one: str, other: str) -> None:
    """The same template filled in anew is a new matter, and so is what became an emergency."""
    assert not same(one, other)


@given(MATTERS, MATTERS)
def test_a_matter_is_itself_and_no_other(one: str, other: str) -> None:
    """Of two matters that differ in place or thing, neither swallows the other; whichever comes first."""
    assert (one == other) == same(one, other) == same(other, one)


@given(MATTERS, st.lists(GREETINGS, max_size=4), st.lists(GREETINGS, max_size=4))
def test_courtesies_around_it_do_not_matter(matter: str, before: list[str], after: list[str]) -> None:
    """However politely or crossly it is said again, it is the same."""
    assert same(matter, " ".join([*before, matter, *after]))


@given(MATTERS)
def test_blanks_do_not_matter(matter: str) -> None:
    """Written without a single blank it is the same."""
    assert same(matter, matter.replace(" ", ""))


@given(st.lists(PIECES, max_size=6), st.lists(PIECES, max_size=6))
def test_it_is_the_same_both_ways(one: list[str], other: list[str]) -> None:
    """Whichever comes first, the answer is the same; of the words in another order, too, unless they are courtesies
    alone."""
    here, there = " ".join(one), " ".join(other)
    turned = " ".join(reversed(one)) if says(here).firm or says(here).loose else here

    assert same(here, there) == same(there, turned)


@given(st.text(max_size=60), st.text(max_size=60))
def test_any_two_texts_agree_on_it(one: str, other: str) -> None:
    """Whatever is written, the comparison ends, says the same both ways, and a text that says something is itself."""
    assert same(one, other) == same(other, one)
    assert same(one, one) == bool(says(one).whole)


@given(MATTERS, st.integers(0, 9_999), st.integers(0, 9_999))
def test_a_changed_number_matters(matter: str, one: int, other: int) -> None:
    """A number is compared as it stands, wherever it stands."""
    assert (one == other) == same(f"{matter} {one}", f"{matter} {other}")


@pytest.mark.parametrize("split", SPLITS)
def test_of_real_pairs_none_is_joined_wrongly(split: str) -> None:
    """Pairs written by hand: templates filled in anew stay apart, all of them; most that are the same are found."""
    made = pairs(split)
    found = [pair for pair in made if is_joined(pair)]

    assert [] == [pair for pair in found if pair.label == "other"]
    assert len(found) >= 0.75 * sum(pair.label == "same" for pair in made)


# What becomes of it


def test_near_the_same_joins_the_open_case(store: CaseStore, time: Time) -> None:
    """Reworded, a matter is one case with two messages; each time the citizen hears one word."""
    number = opened(store, dispatched(message(DUMPED, time)))
    again = opened(store, dispatched(message("역삼동 골목 쓰레기 무단투기 너무 심해요 단속해주세요!!", time)))

    assert (number, 1) == (again, len(store.views.listed()))
    assert ["notice", "notice"] == [r.kind for _ in range(3) for r in delivered(store, time)]


def test_another_place_is_another_case(store: CaseStore, time: Time) -> None:
    """The same words about two places are two cases."""
    first = opened(store, dispatched(message("신림동 가로등이 꺼졌어요", time)))

    assert first != opened(store, dispatched(message("봉천동 가로등이 꺼졌어요", time)))


def test_near_the_same_is_known_beforehand(store: CaseStore, time: Time) -> None:
    """The router learns which open case says nearly the same, and of somebody else's none."""
    number = opened(store, dispatched(message(DUMPED, time)))
    stranger = Author(handle="+821077776666")
    mine, theirs = store.contexts([message(f"{DUMPED} 감사합니다", time), message(DUMPED, time, author=stranger)])

    assert (number, "") == (mine.same_case, theirs.same_case)


@pytest.mark.parametrize("handle", [CITIZEN, "010-1234-5678", "01012345678"])
def test_a_telephone_number_is_one_citizen_on_every_channel(store: CaseStore, time: Time, handle: str) -> None:
    """What was sent as a text message and then by the form is one case, however the number is written."""
    number = opened(store, dispatched(message(DUMPED, time)))
    form = message(DUMPED, time, channel="form", author=Author(handle=handle), reply_to=handle, conversation="t")

    assert number == opened(store, dispatched(form))


def test_a_mail_address_is_one_citizen_on_every_channel(store: CaseStore, time: Time) -> None:
    """What was mailed and then sent by the form is one case; both words go to where they came from."""
    number = opened(store, dispatched(mail(DUMPED, time, subject="무단투기 신고")))
    form = message(f"무단투기 신고. {DUMPED}", time, channel="form", author=BY_MAIL, reply_to=ADDRESS, conversation="t")

    assert number == opened(store, dispatched(form))
    assert [("email", ADDRESS), ("form", ADDRESS)] == [(r.channel, r.to) for _ in "ab" for r in delivered(store, time)]


@pytest.mark.parametrize("subject", ["문의합니다", "민원 신고", "(제목 없음)", "Re: 문의드립니다"])
def test_a_subject_of_any_mail_says_nothing(store: CaseStore, time: Time, subject: str) -> None:
    """What mail calls an inquiry and the form does not is the same matter."""
    number = opened(store, dispatched(mail(DUMPED, time, subject=subject)))

    assert number == opened(store, dispatched(mail(DUMPED, time)))


def test_a_subject_that_names_another_place_tells(store: CaseStore, time: Time) -> None:
    """The same text below another subject is another matter."""
    first, second = (
        opened(store, dispatched(mail("쓰레기가 쌓였어요", time, subject=s))) for s in ("망원동", "합정동")
    )

    assert first != second


def test_who_only_claims_an_address_joins_nothing(store: CaseStore, time: Time) -> None:
    """A mail in somebody's name that wants its answer elsewhere learns nothing of their case."""
    number = opened(store, dispatched(mail(DUMPED, time)))
    forged = mail(DUMPED, time, reply_to="thief@mail.example")

    assert "" == store.contexts([forged])[0].same_case
    assert number != opened(store, dispatched(forged))


def test_ids_of_two_services_are_two_people(store: CaseStore, time: Time) -> None:
    """An id that is neither number nor address means something on its own channel only."""
    theirs = {"author": Author(handle="10123456"), "reply_to": "10123456"}
    first = opened(store, dispatched(message(DUMPED, time, channel="talk", **theirs)))

    assert first != opened(store, dispatched(message(DUMPED, time, channel="chat", **theirs)))


def test_another_picture_is_another_matter(store: CaseStore, time: Time) -> None:
    """The same words with the picture of another car are a new case; sent again without one they are not."""
    cars = [(Attachment(name="car.jpg", digest=digest),) for digest in ("aa", "bb")]
    first, second = (opened(store, dispatched(message("불법주차 신고", time, attachments=car))) for car in cars)

    assert first != second
    assert second == opened(store, dispatched(message("불법주차 신고합니다", time)))


def test_a_place_sent_with_it_is_told(store: CaseStore, time: Time) -> None:
    """The same words with another place on the map are a new matter, with the same place they are not."""
    here, there = Location(37.4842, 126.9297), Location(37.5665, 126.978)
    first = opened(store, dispatched(message(LAMP, time, location=here)))

    assert first == opened(store, dispatched(message(LAMP, time, location=here)))
    assert first != opened(store, dispatched(message(LAMP, time, location=there)))


def test_of_very_many_open_cases_the_latest_are_compared(store: CaseStore, time: Time) -> None:
    """Who has more open cases than places joins the latest ones; the work stays bounded."""
    store.record([dispatched(message(f"{n}번 가로등 고장", time)) for n in range(3 * PLACES)])
    time.moves(seconds=1)
    last, first = store.contexts([message(f"{n}번 가로등이 고장입니다", time) for n in (3 * PLACES - 1, 0)])

    assert (True, "") == (bool(last.same_case), first.same_case)
    assert 3 * PLACES == len(store.views.listed(limit=200))


def test_a_place_among_many_is_given_on_to_the_next(store: CaseStore, time: Time) -> None:
    """Written one by one, the newest case takes the place of the oldest."""
    texts = [f"{n}번 가로등 고장" for n in range(PLACES + 2)]
    for text in texts:
        opened(store, dispatched(message(text, time)))
        time.moves(minutes=1)
    found = [bool(c.same_case) for c in store.contexts([message(text, time) for text in texts])]

    assert [False, False, *[True] * PLACES] == found


def test_an_answered_question_makes_room(store: CaseStore, time: Time) -> None:
    """What was answered at once is no open case: the same question again is answered again."""
    first = opened(store, answered(message("소파는 어떻게 버리나요?", time)))

    assert first != opened(store, answered(message("소파는 어떻게 버리나요?", time)))


def test_said_again_while_an_officer_answers_it_wakes_the_case(store: CaseStore, time: Time) -> None:
    """What was the same when it was decided, and came after the answer, is not lost on a finished case."""
    number = opened(store, dispatched(message(DUMPED, time)))
    again = joins(message(DUMPED, time), number, rule="the same matter again", context=Context(same_case=number))
    store.officer.answer(number, "단속하였습니다.", By("박지훈"))
    store.record([again])

    assert "received" == store.views.case(number).state
    assert "reopened" in events(store, number)


def test_a_place_that_comes_with_the_same_words_is_news(store: CaseStore, time: Time) -> None:
    """Who repeats the matter together with the place that was asked for answers the question."""
    number = opened(store, held(message("가로등이 고장났어요", time), ask="place"))
    (context,) = store.contexts([message("신림동 가로등이 고장났어요", time)])

    assert (number, "", True) == (context.reply_to_case, context.same_case, context.awaits_place)


def test_the_same_again_without_a_place_is_asked_once(store: CaseStore, time: Time) -> None:
    """Who repeats the matter instead of naming the place keeps one case that waits for it."""
    number = opened(store, held(message("가로등이 고장났어요", time), ask="place"))
    again = opened(store, held(message("가로등 고장입니다 고쳐주세요", time), ask="place"))

    assert (number, "waiting") == (again, store.views.case(number).state)


# In which language


def test_the_language_of_an_open_case_is_known(store: CaseStore, time: Time) -> None:
    """Whoever wrote Vietnamese before is known to, whatever comes next; of a stranger nothing is."""
    opened(store, dispatched(message("Đèn đường bị hỏng", time), language="vi"))
    mine, theirs = store.contexts([message("👍", time), message("👍", time, author=Author(handle="+821077776666"))])

    assert ("vi", "") == (mine.language, theirs.language)


def test_the_language_of_the_case_that_is_answered_comes_first(store: CaseStore, time: Time) -> None:
    """A reply is in the language of its own case, not of another one that its author has."""
    number = opened(store, held(message("street light is broken", time), ask="place", language="en"))
    delivered(store, time)
    opened(store, dispatched(message(DUMPED, time), language="ko"))
    context = store.contexts([message("OK", time)])[0]

    assert (number, "en") == (context.reply_to_case, context.language)


# Many at once


@pytest.mark.parametrize("where", PLACES_OF_TOWN)
def test_nearly_the_same_at_the_same_time_is_one_case(stores: list[CaseStore], time: Time, where: str) -> None:
    """What four processes record at once, worded in four ways and from two channels, is one case."""
    said = [
        f"{where} 가로등이 꺼졌어요",
        f"안녕하세요 {where} 가로등 꺼졌습니다",
        f"{where} 가로등이 꺼져 있어요!!",
        f"가로등 꺼짐 {where}",
    ]
    batches = [[dispatched(message(text, time, channel=c))] for text, c in zip(said, ("sms", "form") * 2, strict=True)]
    at_once([partial(store.record, batch) for store, batch in zip(stores, batches, strict=True)])
    (case,) = stores[0].views.listed()

    assert 4 == len(stores[0].views.messages(case.number))


def test_many_matters_of_one_citizen_at_the_same_time_are_as_many_cases(stores: list[CaseStore], time: Time) -> None:
    """However many processes write for one citizen, each matter becomes a case and nothing is refused."""
    batches = [[dispatched(message(f"{n * 4 + k}번 가로등 고장", time)) for n in range(30)] for k in range(4)]
    at_once([partial(store.record, batch) for store, batch in zip(stores, batches, strict=True)])

    assert 120 == len(stores[0].views.listed(limit=200))
