"""The case store: one transaction for a batch, each message once, joined where it belongs, found again."""

import multiprocessing
import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine

from cases import migrate, schema
from cases.database import Database
from cases.means import Options
from cases.model import By
from cases.numbers import parse_number
from cases.store import CaseStore
from core.decision import Context, Decision
from core.errors import ConfigError, Rejected, Unavailable
from core.message import Author, DeliveryReport
from core.wire import Routed, Seal
from tests.casework import (
    CITIZEN,
    FAQ,
    FORMS,
    SOFA,
    WASTE,
    Time,
    answered,
    at,
    claimed,
    delivered,
    dispatched,
    due,
    events,
    held,
    joins,
    mail,
    make_store,
    message,
    opened,
    place,
)

# What the file itself does.
of_files = pytest.mark.parametrize("url", ["sqlite"], indirect=True)
PLACELESS = "골목에 쓰레기가 쌓여 있어요. 치워 주세요."


# What a message becomes


def test_a_dispatched_message_stands_in_its_queue(store: CaseStore, time: Time) -> None:
    """The case has a valid number, the district's queue, its unit, its date, and is found by the message."""
    case = store.views.case(opened(store, dispatched(message(WASTE, time))))

    assert case.number == parse_number(case.number)
    assert ("received", "gangnam", "청소") == (case.state, case.queue, case.unit)
    assert due(time.now) == case.due_at


def test_the_citizen_gets_one_receipt(store: CaseStore, time: Time) -> None:
    """A dispatched message is acknowledged once, threaded to what the citizen wrote."""
    asked = message(WASTE, time)
    number = opened(store, dispatched(asked))

    (reply,) = delivered(store, time)
    assert ("notice", number, CITIZEN) == (reply.kind, reply.case, reply.to)
    assert asked.native_id == reply.in_reply_to
    assert "12월 1일(화)까지" in reply.text


def test_a_message_that_comes_again_changes_nothing(store: CaseStore, time: Time) -> None:
    """A redelivered message makes no second case and no second notice, in the same batch or later."""
    item = dispatched(message(WASTE, time))
    store.record([item, item])
    store.record([item])

    assert 1 == len(store.views.listed())
    assert 1 == len(delivered(store, time))


def test_numbers_follow_each_other_without_gaps(store: CaseStore, time: Time) -> None:
    """The counter goes on over batches, and messages that make no case take no number."""
    ignored = dispatched(message("부재중", time), action="ignore", reason="automatic mail")
    store.record([dispatched(message(WASTE, time)), ignored, dispatched(message(PLACELESS, time))])
    store.record([dispatched(message(SOFA, time))])

    numbers = sorted(case.number.split("-")[1] for case in store.views.listed())
    assert ["000001", "000002", "000003"] == numbers


def test_a_new_day_begins_at_one(store: CaseStore, time: Time) -> None:
    """At midnight in Seoul the counter begins again."""
    opened(store, dispatched(message(WASTE, time)))
    time.moves(hours=14)

    assert opened(store, dispatched(message(SOFA, time))).startswith("20261124-000001-")


def test_an_unsure_message_is_held_for_a_person(store: CaseStore, time: Time) -> None:
    """A held message waits in triage, and the citizen is told that a department is being sought."""
    case = store.views.case(opened(store, held(message("음…", time))))

    assert ("held", "triage") == (case.state, case.queue)
    assert "통합접수 담당" in delivered(store, time)[0].text


def test_a_message_without_a_place_waits_for_it(store: CaseStore, time: Time) -> None:
    """Where the place is missing, the citizen is asked for it."""
    case = store.views.case(opened(store, held(message(PLACELESS, time), ask="place")))

    assert ("waiting", True) == (case.state, case.awaits_place)
    assert "구·동 또는 도로명을 답장해 주십시오" in delivered(store, time)[0].text


def test_a_simple_question_is_answered_and_done(store: CaseStore, time: Time) -> None:
    """The answer goes out with the number and no separate receipt; then the case is answered."""
    number = opened(store, answered(message(SOFA, time)))
    before = store.views.case(number)
    (reply,) = delivered(store, time)

    assert ("answer", True) == (reply.kind, FAQ.short in reply.text)
    assert ("received", "answered") == (before.state, store.views.case(number).state)


def test_a_question_of_the_evening_is_answered_in_the_morning(store: CaseStore, time: Time) -> None:
    """After six the citizen is told when the answer comes, and it comes then."""
    time.now = at("2026-11-23 18:00")
    morning = at("2026-11-24 09:00")
    opened(store, answered(message(SOFA, time), answer_at=morning))
    told = delivered(store, time)
    time.now = morning

    assert ["acknowledgement"] == [reply.kind for reply in told]
    assert "11월 24일(화) 09:00" in told[0].text
    assert ["answer"] == [reply.kind for reply in delivered(store, time)]


def test_an_answer_whose_time_has_come_needs_no_announcement(store: CaseStore, time: Time) -> None:
    """A question of 17:59:59 that is worked on later, or next morning, gets its answer and nothing else."""
    asked = message(SOFA, time)
    time.moves(hours=20)
    opened(store, answered(asked))

    assert ["answer"] == [reply.kind for reply in delivered(store, time)]


def test_a_message_of_the_night_says_when_it_counts(store: CaseStore, time: Time) -> None:
    """Outside working hours the notice tells when it arrived and when it counts as received."""
    time.now = at("2026-11-21 22:10")
    opened(store, dispatched(message(WASTE, time)))
    text = delivered(store, time)[0].text

    assert "11월 21일(토) 22:10" in text
    assert "11월 23일(월) 09:00" in text


def test_an_emergency_reaches_the_duty_desk_at_once(store: CaseStore, time: Time) -> None:
    """Who is in danger reads the number to ring first; the duty desk of the district is told, without the words."""
    fire = dispatched(message("불이 났어요", time), queue="jongno", urgent=True, urgency="fire")
    number = opened(store, fire)
    duty, citizen = sorted(delivered(store, time), key=lambda reply: reply.kind)

    assert ("duty", "+821099990000") == (duty.kind, duty.to)
    assert number in duty.text
    assert "불이 났어요" not in duty.text
    assert citizen.text.startswith("불이 났으면 119로")
    assert "02-731-0112" in citizen.text


def test_an_emergency_without_a_queue_reaches_every_district_it_may_be(store: CaseStore, time: Time) -> None:
    """Held for a person, an emergency still rings where it may be."""
    opened(store, held(message("불이 났어요", time), urgent=True, urgency="fire", districts=("gangnam", "jongno")))

    assert ["+821099990000"] == [reply.to for reply in delivered(store, time) if reply.kind == "duty"]


def test_a_queue_without_a_duty_contact_leaves_a_trace(store: CaseStore, time: Time) -> None:
    """When nobody could be told of an emergency, the history says so."""
    number = opened(store, dispatched(message("불이 났어요", time), urgent=True, urgency="fire"))

    assert "duty not told" in events(store, number)


def test_a_confidential_report_is_told_nothing_but_its_number(store: CaseStore, time: Time) -> None:
    """The notice of a confidential report names neither department nor date."""
    report = dispatched(
        message("요양원에서 어르신을 때려요", time), queue="office.audit", kind="human-rights", confidential=True
    )
    number = opened(store, report)
    text = delivered(store, time)[0].text

    assert number in text
    assert "1577-1389" in text
    assert "감사" not in text
    assert "12월" not in text


def test_an_agencys_matter_promises_no_date(store: CaseStore, time: Time) -> None:
    """Who has to turn to another agency learns its name and telephone."""
    opened(store, dispatched(message("정전이에요", time), queue="agency.kepco"))
    text = delivered(store, time)[0].text

    assert "한국전력공사 123" in text
    assert "12월" not in text


@pytest.mark.parametrize(
    "why",
    [
        {"reply_to": "", "author": Author(handle=CITIZEN), "conversation": ""},
        {"replyable": False},
        {"signals": ("suppress: x-auto-response-suppress: all",)},
    ],
)
def test_what_cannot_be_answered_gets_no_mail_and_a_reason(
    store: CaseStore, time: Time, why: dict[str, object]
) -> None:
    """Nowhere to write to, or a sender that wants no automatic mail: the case is made, the history says why."""
    number = opened(store, dispatched(message(WASTE, time, **why)))

    assert [] == delivered(store, time)
    assert ["received", "nothing sent"] == events(store, number)


def test_an_answer_that_cannot_be_sent_stands_on_the_page(store: CaseStore, time: Time) -> None:
    """A question in the web form without an address is answered on the page of its case."""
    asked = message(SOFA, time, channel="form", reply_to="", author=Author(), conversation="")
    case = store.views.case(opened(store, answered(asked)))
    view = store.public.by_token(case.number, case.token)

    assert "answered" == view.state
    assert FAQ.short == view.answers[0][1]


def test_a_question_in_public_gets_no_answer_in_public(store: CaseStore, time: Time) -> None:
    """What others can read carries number and department; a person answers the citizen alone."""
    case = store.views.case(opened(store, answered(message(SOFA, time, public=True))))
    (reply,) = delivered(store, time)

    assert ("held", "triage") == (case.state, case.queue)
    assert FAQ.short not in reply.text
    assert case.token not in reply.text


# What joins a case


def test_a_large_batch_that_comes_again_changes_nothing(store: CaseStore, time: Time) -> None:
    """However many messages one transaction holds, each is known when it comes again."""
    batch = [dispatched(message(f"{n}번 가로등 고장", time)) for n in range(700)]
    store.record(batch)
    store.record([*batch[350:], dispatched(message(WASTE, time))])

    assert 701 == len(store.outbox.due(time.now, 1000))


def test_the_same_words_again_join_the_open_case(store: CaseStore, time: Time) -> None:
    """Sent twice by the same person, with other blanks, a matter is one case; the second time is confirmed."""
    number = opened(store, dispatched(message("강남구 쓰레기 단속", time)))
    time.moves(days=6)
    again = opened(store, dispatched(message("강남구  쓰레기단속", time)))

    assert number == again
    assert 1 == len(store.views.listed())
    assert ["notice"] == [reply.kind for reply in delivered(store, time)]
    assert ["notice"] == [reply.kind for reply in delivered(store, time)]


def test_the_same_words_in_one_batch_are_one_case(store: CaseStore, time: Time) -> None:
    """A double click makes one case, whatever batch it falls into."""
    store.record([held(message(PLACELESS, time), ask="place"), held(message(PLACELESS, time), ask="place")])

    (case,) = store.views.listed()
    assert "waiting" == case.state
    assert 2 == len(store.views.messages(case.number))


@pytest.mark.parametrize(
    "other",
    [
        {"author": Author(handle="+821077776666")},
        {"author": Author()},
        {"channel": "talk", "author": Author(handle="u-7"), "reply_to": "u-7"},
    ],
)
def test_the_same_words_of_somebody_else_are_another_case(
    store: CaseStore, time: Time, other: dict[str, object]
) -> None:
    """Two people with the same complaint are two cases; so are two nobody knows."""
    first = opened(store, dispatched(message(WASTE, time, **other)))
    mine = opened(store, dispatched(message(WASTE, time)))
    another = opened(store, dispatched(message(WASTE, time, author=Author())))

    assert 3 == len({first, mine, another})


def test_the_same_words_after_a_week_or_an_end_are_a_new_case(store: CaseStore, time: Time) -> None:
    """An old matter, and one that is done, does not swallow a new one."""
    first = opened(store, dispatched(message(WASTE, time)))
    time.moves(days=8)
    second = opened(store, dispatched(message(WASTE, time)))
    store.officer.answer(second, "단속하였습니다.", By("박지훈"))

    assert 3 == len({first, second, opened(store, dispatched(message(WASTE, time)))})


def test_the_place_that_was_asked_for_routes_the_case(store: CaseStore, time: Time) -> None:
    """The reply with the place gives the same case to its district; the days of waiting do not count."""
    number = opened(store, held(message(PLACELESS, time), ask="place"))
    before = store.views.case(number)
    delivered(store, time)
    time.moves(days=1)
    store.record([joins(message("강남구 역삼동이요", time), number, queue="gangnam", unit="청소", district="gangnam")])
    case = store.views.case(number)

    assert ("received", "gangnam", "청소", False) == (case.state, case.queue, case.unit, case.awaits_place)
    assert before.received_at == case.received_at
    # Monday and Tuesday, both ends of the wait, are two working days.
    assert at("2026-12-03 18:00") == case.due_at
    assert "강남구" in delivered(store, time)[0].text


def test_a_place_that_says_nothing_goes_to_a_person(store: CaseStore, time: Time) -> None:
    """Asked once is enough: still unsure, a person takes it."""
    number = opened(store, held(message(PLACELESS, time), ask="place"))
    store.record([joins(message("우리 집 앞이요", time), number, queue="triage")])
    case = store.views.case(number)

    assert ("held", "triage", False) == (case.state, case.queue, case.awaits_place)


def test_a_wrong_automatic_answer_opens_the_case(store: CaseStore, time: Time) -> None:
    """Who asks for an officer gets one, counted from the first time of receipt."""
    number = opened(store, answered(message(SOFA, time)))
    delivered(store, time)
    time.moves(days=1)
    store.record([joins(message("담당자", time), number, queue="gangnam", unit="청소")])
    case = store.views.case(number)

    assert ("received", "gangnam", None) == (case.state, case.queue, case.answered_at)
    assert due(at("2026-11-23 10:00")) == case.due_at
    assert "직접 답변드립니다" in delivered(store, time)[0].text


def test_an_officer_asked_for_before_the_answer_takes_it_back(store: CaseStore, time: Time) -> None:
    """An automatic answer that waits for the morning is dropped when the citizen asks for an officer."""
    time.now = at("2026-11-23 19:00")
    number = opened(store, answered(message(SOFA, time), answer_at=at("2026-11-24 09:00")))
    store.record([joins(message("담당자", time), number)])
    time.now = at("2026-11-24 09:00")

    assert "answer" not in [reply.kind for reply in delivered(store, time)]
    assert ("held", "triage") == (store.views.case(number).state, store.views.case(number).queue)


def test_a_word_to_a_finished_case_wakes_it(store: CaseStore, time: Time) -> None:
    """What is still open after an answer stands in the queue again, with a date of its own."""
    number = opened(store, dispatched(message(WASTE, time)))
    store.officer.answer(number, "단속하였습니다.", By("박지훈"))
    time.moves(days=1)
    store.record([joins(message("아직 그대로입니다", time), number)])
    case = store.views.case(number)

    assert ("received", "gangnam") == (case.state, case.queue)
    assert due(time.now) == case.due_at


def test_a_word_to_an_open_case_is_added_and_confirmed(store: CaseStore, time: Time) -> None:
    """More words change neither queue nor date."""
    number = opened(store, dispatched(message(WASTE, time)))
    before = store.views.case(number)
    store.record([joins(message("사진도 있습니다", time), number)])

    assert before == store.views.case(number)
    assert [WASTE, "사진도 있습니다"] == [said.text for said in store.views.messages(number)]


def test_a_machines_reply_is_kept_and_nothing_else(store: CaseStore, time: Time) -> None:
    """An out-of-office mail joins its case, wakes nothing and gets no answer."""
    number = opened(store, held(mail(PLACELESS, time), ask="place"))
    delivered(store, time)
    store.record([joins(mail("부재중입니다", time, signals=("auto-submitted: auto-replied",)), number)])

    assert "waiting" == store.views.case(number).state
    assert [] == delivered(store, time)


def test_a_rating_is_kept_and_thanked_for(store: CaseStore, time: Time) -> None:
    """How satisfied the citizen is stands at the case."""
    number = opened(store, dispatched(message(WASTE, time)))
    store.officer.answer(number, "단속하였습니다.", By("박지훈"))
    store.record([joins(message("5", time), number, action="rate", rating=5)])

    assert 5 == store.views.case(number).rating
    assert "answered" == store.views.case(number).state


def test_what_makes_no_case_is_recorded_with_its_reason(store: CaseStore, time: Time) -> None:
    """Automatic mail is found again, without a number, and says why it is no case."""
    note = mail("부재중입니다", time)
    store.record([dispatched(note, action="ignore", reason="automatic mail")])
    (found,) = store.views.found([note.id])

    assert (None, "recorded", "automatic mail") == (found.number, found.state, found.reason)


def test_thanks_are_kept_under_the_case(store: CaseStore, time: Time) -> None:
    """A word that needs no answer is kept with the case that it answers."""
    number = opened(store, dispatched(message(WASTE, time)))
    thanks = message("감사합니다", time)
    ignored = dispatched(thanks, action="ignore", reason="thanks")
    store.record([msgspec.structs.replace(ignored, context=Context(reply_to_case=number))])

    assert number == store.views.found([thanks.id])[0].number


def test_a_delivery_report_marks_what_did_not_arrive(store: CaseStore, time: Time) -> None:
    """Mail that came back makes no case; it shows at the case and in the counts."""
    number = opened(store, dispatched(mail(WASTE, time)))
    (reply,) = delivered(store, time)
    report = DeliveryReport(action="failed", status="5.1.1", original_id=f"<{reply.id}@eungdapso.example>")
    store.record([dispatched(mail("returned", time, report=report), action="ignore", reason="delivery report")])

    assert 1 == store.views.counts()["undeliverable"]
    assert "undeliverable" in [line.what for line in store.views.history(number)]
    assert 1 == len(store.views.listed())


def test_a_delivery_report_about_nothing_of_ours_is_only_recorded(store: CaseStore, time: Time) -> None:
    """A report that names no mail of ours changes nothing."""
    returned = mail("returned", time, report=DeliveryReport(action="failed", original_id="<forged@mail.example>"))
    store.record([dispatched(returned, action="ignore", reason="delivery report")])

    assert "names nothing that we sent" in store.views.found([returned.id])[0].reason
    assert 0 == store.views.counts()["undeliverable"]


def test_two_mail_systems_do_not_answer_each_other_for_ever(url: str, time: Time) -> None:
    """Above the bound of a day, an address gets one automatic mail an hour; every message still makes its case."""
    store = make_store(url, time, options=Options(automatic_mails_a_day=3))
    store.record([dispatched(mail(f"{n}번째 민원입니다", time)) for n in range(10)])
    many = delivered(store, time)
    time.moves(hours=2)
    store.record([dispatched(mail(f"다시 {n}번째입니다", time)) for n in range(5)])
    later = delivered(store, time)
    store.close()

    assert (3, 1) == (len(many), len(later))


def test_telephones_have_no_such_bound(url: str, time: Time) -> None:
    """Text messages do not loop; each is answered."""
    store = make_store(url, time, options=Options(automatic_mails_a_day=3))
    store.record([dispatched(message(f"{n}번째 민원입니다", time)) for n in range(10)])
    many = delivered(store, time)
    store.close()

    assert 10 == len(many)


# What cannot be recorded


def test_a_batch_with_an_impossible_message_leaves_nothing(store: CaseStore, time: Time) -> None:
    """All of a batch is written or nothing of it."""
    with pytest.raises(Rejected):
        store.record([dispatched(message(WASTE, time)), joins(message("더", time), "20261123-999999-0")])

    assert [] == store.views.listed()


@of_files
def test_a_locked_store_says_try_again(store: CaseStore, tmp_path: Path, time: Time) -> None:
    """While something else holds the file nothing is lost and nothing half done; after that it works by itself."""
    with store._means.database.read() as connection:
        # The connection is used again by who comes next: it shall not wait its ten seconds here.
        connection.exec_driver_sql("PRAGMA busy_timeout = 0")
    with closing(sqlite3.connect(tmp_path / "cases.sqlite", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(Unavailable, match="locked"):
            store.record([dispatched(message(WASTE, time))])

    assert [] == store.views.listed()
    assert opened(store, dispatched(message(WASTE, time)))


@of_files
def test_a_full_disk_says_try_again(store: CaseStore, time: Time) -> None:
    """Without room nothing is half written; with room it works by itself."""
    long = message("가" * 2_000_000, time)
    with store._means.database.read() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages + 10}")
    with pytest.raises(Unavailable, match="full"):
        store.record([dispatched(message(WASTE, time)), dispatched(long)])
    with store._means.database.read() as connection:
        connection.exec_driver_sql("PRAGMA max_page_count = 1000000")

    assert [] == store.views.listed()
    assert opened(store, dispatched(long))


@pytest.mark.parametrize("poison", [{"account": "\ud800"}, {"text": "\udfff"}, {"native_id": "\ud800"}])
def test_what_is_no_text_is_rejected(store: CaseStore, time: Time, poison: dict[str, object]) -> None:
    """Broken characters are refused for ever, not tried for ever."""
    with pytest.raises(Rejected):
        store.record([dispatched(msgspec.structs.replace(message(WASTE, time), **poison))])


def test_nobody_is_waited_for_who_cannot_be_asked(store: CaseStore, time: Time) -> None:
    """Without an address the question for the place cannot go out; a person looks for it."""
    anonymous = message(PLACELESS, time, channel="form", reply_to="", author=Author(), conversation="")
    case = store.views.case(opened(store, held(anonymous, ask="place")))

    assert ("held", False) == (case.state, case.awaits_place)


def test_a_closed_store_says_try_again(store: CaseStore, time: Time) -> None:
    """Closing twice is harmless, and who comes after is told."""
    store.close()
    store.close()

    with pytest.raises(Unavailable):
        store.contexts([message(WASTE, time)])


def test_an_address_that_is_none_is_a_mistake(tmp_path: Path, time: Time) -> None:
    """A wrong address of the store is the operator's to mend."""
    database = Database("nosuchdatabase://here")

    with pytest.raises(ConfigError):
        database.open()


# What is known before a decision


def test_a_reply_finds_its_case_by_our_message_id(store: CaseStore, time: Time) -> None:
    """A mail that answers a letter of ours belongs to its case."""
    number = opened(store, dispatched(mail(WASTE, time)))
    (reply,) = delivered(store, time)
    answer = mail("추가합니다", time, in_reply_to=f"<{reply.id}@eungdapso.example>")

    assert Context(reply_to_case=number, language="ko") == store.contexts([answer])[0]


def test_a_reply_finds_its_case_before_the_sending_is_written_down(store: CaseStore, time: Time) -> None:
    """The id of the row inside the Message-ID is enough."""
    number = opened(store, dispatched(mail(WASTE, time)))
    (one,) = claimed(store, time)
    answer = mail("추가합니다", time, references=("<other@x.example>", f"<{one.reply.id}@eungdapso.example>"))

    assert number == store.contexts([answer])[0].reply_to_case


def test_a_reply_finds_its_case_by_the_citizens_own_mail(store: CaseStore, time: Time) -> None:
    """Who answers the own first mail goes on with the case."""
    first = mail(WASTE, time)
    number = opened(store, dispatched(first))

    assert number == store.contexts([mail("추가", time, references=(first.native_id,))])[0].reply_to_case


def test_a_strangers_reply_is_no_reply(store: CaseStore, time: Time) -> None:
    """Naming our Message-ID is not enough: only who takes part in a case can add to it."""
    opened(store, dispatched(mail(WASTE, time)))
    (reply,) = delivered(store, time)
    stranger = Author(handle="mallory@mail.example")
    answer = mail("취하합니다", time, in_reply_to=f"<{reply.id}@eungdapso.example>", author=stranger)

    assert Context() == store.contexts([answer])[0]


def test_a_text_message_answers_what_we_asked(store: CaseStore, time: Time) -> None:
    """Where there is no threading, the next word belongs to the case that awaits a place; its text comes along."""
    number = opened(store, held(message(PLACELESS, time), ask="place"))
    other = opened(store, dispatched(message(WASTE, time)))
    (context,) = store.contexts([message("역삼동이요", time)])

    assert number != other
    assert Context(reply_to_case=number, language="ko", awaits_place=True, case_text=PLACELESS) == context


def test_after_a_month_a_conversation_is_over(store: CaseStore, time: Time) -> None:
    """An old question does not catch a new matter."""
    opened(store, held(message(PLACELESS, time), ask="place"))
    time.moves(days=31)

    assert Context() == store.contexts([message("역삼동이요", time)])[0]


def test_whoever_writes_in_anothers_name_is_not_sent_the_link(store: CaseStore, time: Time) -> None:
    """A mail that names the citizen and was brought by somebody else is confirmed to the citizen."""
    number = opened(store, dispatched(mail(WASTE, time)))
    delivered(store, time)
    store.record([joins(mail("언제 되나요?", time, reply_to="else@evil.example"), number)])

    assert ["kim@mail.example"] == [reply.to for reply in delivered(store, time)]


def test_a_new_mail_is_no_reply(store: CaseStore, time: Time) -> None:
    """On mail only threading tells a reply; a new mail of the same person is a new matter."""
    opened(store, held(mail(PLACELESS, time, conversation="kim"), ask="place"))

    assert "" == store.contexts([mail("역삼동 가로등 고장", time, conversation="kim")])[0].reply_to_case


def test_a_word_after_an_automatic_answer_says_so(store: CaseStore, time: Time) -> None:
    """The router learns that the last answer was automatic, also while it still waits for the morning."""
    number = opened(store, answered(message(SOFA, time)))
    (waiting,) = store.contexts([message("담당자", time)])
    delivered(store, time)
    (after,) = store.contexts([message("담당자", time)])

    assert Context(reply_to_case=number, language="ko", answered_by_faq=True, case_text=SOFA) == waiting
    assert waiting == after


def test_a_rating_can_follow_an_officers_answer(store: CaseStore, time: Time) -> None:
    """After an officer's answer a rating belongs to it, once."""
    number = opened(store, dispatched(message(WASTE, time)))
    store.officer.answer(number, "단속하였습니다.", By("박지훈"))

    assert Context(reply_to_case=number, language="ko", rating_asked=True) == store.contexts([message("5", time)])[0]


def test_the_same_words_are_known_beforehand(store: CaseStore, time: Time) -> None:
    """The router learns which open case says the same."""
    number = opened(store, dispatched(message(WASTE, time)))

    assert [number, ""] == [c.same_case for c in store.contexts([message(WASTE, time), message(SOFA, time)])]


def test_contexts_come_in_order(store: CaseStore, time: Time) -> None:
    """One context for each message, in the order asked."""
    number = opened(store, dispatched(message(WASTE, time)))
    batch = [message(f"새 민원 {n}", time) for n in range(300)]
    batch[177] = message(WASTE, time)

    assert {177: number} == {n: c.same_case for n, c in enumerate(store.contexts(batch)) if c.same_case}


# What is shown


def test_the_citizen_sees_the_case_with_the_token(store: CaseStore, time: Time) -> None:
    """Number and token open the case; a wrong one of either is not found."""
    case = store.views.case(opened(store, dispatched(message(WASTE, time))))

    assert "gangnam" == store.public.by_token(case.number, case.token).queue
    assert len(case.token) >= 24
    for number, token in ((case.number, ""), (case.number, "x" * 32), ("20261123-000009-3", case.token)):
        with pytest.raises(Rejected) as caught:
            store.public.by_token(number, token)
        assert 404 == caught.value.status


def test_the_citizen_sees_the_case_with_the_telephone(store: CaseStore, time: Time) -> None:
    """Who wrote by SMS looks up with the last four digits of the telephone."""
    number = opened(store, dispatched(message(WASTE, time)))

    assert number == store.public.by_phone(number, "5678").number
    with pytest.raises(Rejected):
        store.public.by_phone(number, "1234")


def test_a_confidential_case_is_not_opened_by_four_digits(store: CaseStore, time: Time) -> None:
    """Four digits are too few for what must stay secret; by token the department stays unnamed."""
    secret = dispatched(message("학대 신고", time), queue="office.audit", kind="human-rights", confidential=True)
    case = store.views.case(opened(store, secret))

    assert ("", None) == (
        store.public.by_token(case.number, case.token).queue,
        store.public.by_token(case.number, case.token).due_at,
    )
    with pytest.raises(Rejected):
        store.public.by_phone(case.number, "5678")


def test_the_monitor_shows_no_person_and_nothing_confidential(store: CaseStore, time: Time) -> None:
    """Newest first, authors masked, confidential matters absent."""
    opened(store, dispatched(mail(WASTE, time)))
    time.moves(minutes=1)
    opened(store, dispatched(message("학대 신고", time), kind="human-rights", confidential=True))
    opened(store, dispatched(message(SOFA, time)))
    newest, oldest = store.public.monitor()

    assert "김*연" == oldest.author
    assert "5678" not in newest.author
    assert newest.received_at > oldest.received_at


def test_the_monitor_shows_of_a_telephone_only_how_all_begin(store: CaseStore, time: Time) -> None:
    """Its end opens the case to who asks for it, and the rest says whose it is."""
    opened(store, dispatched(message(WASTE, time)))
    (shown,) = store.public.monitor()

    assert "+8210********" == shown.author


def test_an_officer_sees_own_queues_only(store: CaseStore, time: Time) -> None:
    """A case of another queue is not found, neither by number nor in lists nor by search."""
    asked = message(WASTE, time)
    number = opened(store, dispatched(asked))
    stranger = By("최민수", frozenset({"jongno"}))

    assert [] == store.views.listed(by=stranger)
    assert [] == store.views.found([asked.id], stranger)
    with pytest.raises(Rejected):
        store.views.case(number, stranger)


def test_the_counts_say_what_somebody_has_to_do(store: CaseStore, time: Time) -> None:
    """Open, unowned in triage, overdue."""
    store.record([dispatched(message(WASTE, time)), held(message("음…", time))])
    time.moves(days=20)
    counts = store.views.counts()

    assert (2, 1, 2) == (counts["open"], counts["triage"], counts["overdue"])


def test_lists_are_by_the_next_date(store: CaseStore, time: Time) -> None:
    """What is due first stands first."""
    late = opened(store, dispatched(message(WASTE, time), due_at=time.now + timedelta(days=9)))
    soon = opened(store, dispatched(message(SOFA, time), due_at=time.now + timedelta(days=2)))

    assert [soon, late] == [case.number for case in store.views.listed(queue="gangnam", state="received")]


def test_everything_that_was_decided_can_be_explained(store: CaseStore, time: Time) -> None:
    """The case keeps each message with its decision and what it rests on; the raw payload is elsewhere."""
    item = dispatched(message(WASTE, time), because=("topic: '무단투기'",))
    number = opened(store, msgspec.structs.replace(item, raw=b"From=..."))

    assert [item] == store.views.decisions(number)


@of_files
def test_nothing_that_was_written_rests_in_the_clear(store: CaseStore, tmp_path: Path, time: Time) -> None:
    """Neither what the citizen wrote nor what we answered can be read from the file."""
    number = opened(store, dispatched(message("비밀스러운 이야기", time)))
    store.officer.answer(number, "은밀한 답변", By("박지훈"))
    store.close()
    bytes_on_disk = b"".join(path.read_bytes() for path in tmp_path.iterdir())

    assert "비밀스러운".encode() not in bytes_on_disk
    assert "은밀한".encode() not in bytes_on_disk


def test_another_key_opens_nothing(url: str, store: CaseStore, time: Time) -> None:
    """With a wrong key the texts stay closed, and the rest still works."""
    number = opened(store, held(message(PLACELESS, time), ask="place"))
    other = make_store(url, time, seal=Seal(bytes(32)))

    assert (
        Context(reply_to_case=number, language="ko", awaits_place=True) == other.contexts([message("역삼동", time)])[0]
    )
    with pytest.raises(Rejected):
        other.views.messages(number)
    other.close()


# The tables


def test_the_migrations_make_exactly_the_tables(store: CaseStore) -> None:
    """What the migrations build is what the program believes in."""
    with store._means.database.read() as connection:
        differences = compare_metadata(MigrationContext.configure(connection), schema.metadata)

    assert [] == differences


def _indexes(path: Path) -> set[tuple[str, str]]:
    with closing(sqlite3.connect(path)) as file:
        rows = file.execute("SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL")
        return {(name, " ".join(sql.split())) for name, sql in rows}


@of_files
def test_the_migrations_make_exactly_the_indexes(tmp_path: Path, store: CaseStore) -> None:
    """Conditions of indexes are not compared by alembic; a query that says other words would not be served."""
    engine = create_engine(f"sqlite:///{tmp_path / 'believed.sqlite'}")
    schema.metadata.create_all(engine)
    engine.dispose()

    assert _indexes(tmp_path / "believed.sqlite") == _indexes(tmp_path / "cases.sqlite")


def test_the_newest_migration_is_the_one_that_is_looked_for() -> None:
    """A start without work asks for no more than the version, so the version has to be right."""
    config = Config()
    config.set_main_option("script_location", str(Path(migrate.__file__).with_name("migrations")))

    assert migrate.HEAD == ScriptDirectory.from_config(config).get_current_head()


def _open_once(url: str, gate: "multiprocessing.synchronize.Barrier") -> None:
    database = Database(url)
    database.open()
    gate.wait()
    migrate.upgrade(database)
    database.close()


@pytest.mark.parametrize("form", FORMS)
def test_two_processes_that_start_together_build_the_tables_once(form: str, tmp_path: Path) -> None:
    """Both come up, whoever was first."""
    context = multiprocessing.get_context("spawn")
    gate = context.Barrier(2)
    with place(form, tmp_path) as url:
        (tmp_path / "cases.sqlite").unlink(missing_ok=True)
        both = [context.Process(target=_open_once, args=(url, gate)) for _ in range(2)]
        for process in both:
            process.start()
        for process in both:
            process.join(60)

    assert [0, 0] == [process.exitcode for process in both]


def test_a_store_of_a_newer_program_is_left_alone(url: str, store: CaseStore, time: Time) -> None:
    """A program that is too old says so instead of writing."""
    with store._means.database.write() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")

    with pytest.raises(ConfigError):
        make_store(url, time)


def test_hostile_words_are_only_words(store: CaseStore, time: Time) -> None:
    """Quotes, braces and a megabyte are kept as they are."""
    hostile = "'); DROP TABLE cases; -- {number} {{" + "가" * 300_000
    number = opened(store, Routed(message=message(hostile, time), decision=Decision(action="hold", queue="triage")))

    assert hostile == store.views.messages(number)[0].text


def test_nothing_is_written_in_the_name_of_who_does_not_answer(store: CaseStore, time: Time) -> None:
    """Neither a receipt nor an officer's answer: the history tells, and staff find another way."""
    what = message(WASTE, time, channel="x", account="mayor", public=True)
    number = opened(store, dispatched(what))
    store.officer.answer(number, "치웠습니다.", By("박지훈"))

    assert [] == delivered(store, time)
    assert 2 == events(store, number).count("nothing sent")
