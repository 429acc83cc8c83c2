"""A citizen's other contacts: proved, consented to, taken back, and where a letter goes that cannot arrive."""

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest

from cases.contact_codes import Place
from cases.handles import is_address, known_by, written_as
from cases.means import Options
from cases.model import By
from cases.people import Contact
from cases.store import CaseStore
from core.errors import Rejected
from core.message import Assurance, Author, DeliveryReport, Message
from core.reply import Picture, Reply
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
NUMBER, ADDRESS = "+821087654321", "kim@home.example"
PHONE, MAIL = Place("sms", NUMBER), Place("email", ADDRESS)
AGREED = "수집 항목: 휴대전화번호 또는 전자우편 주소"
BY_PHONE = "전화로 동의"
CHAT = "telegram-4711"
RESULT = "현장을 확인하고 치웠습니다."


@pytest.fixture
def store(url: str, time: Time) -> Iterator[CaseStore]:
    """Returns a store whose citizens can be written to by SMS and by mail."""
    options = Options(ways={"tel": "sms", "mail": "email"}, named=frozenset({"email", "form", "sms", "telegram"}))
    made = make_store(url, time, options=options)
    yield made
    made.close()


def chat(text: str, time: Time, **more: Any) -> Message:
    """Returns a message of our citizen in a messenger that knows who they are."""
    author = Author(handle=CHAT, name="김서연", assurance=Assurance.CHANNEL_VERIFIED)
    given: dict[str, Any] = {"channel": "telegram", "account": "Seoul", "conversation": CHAT, "author": author}
    return message(text, time, **(given | {"reply_to": CHAT} | more))


def filed(store: CaseStore, what: Message, **more: Any) -> tuple[str, str]:
    """Returns number and token of the case that this message opens; its receipt is out."""
    number = opened(store, dispatched(what, **more))
    settle(store, [one.reply for one in claimed_of(store)], "sent")
    return number, store.views.case(number).token


def claimed_of(store: CaseStore) -> list[Any]:
    return claimed(store, store._means.clock)  # type: ignore[arg-type]  # the clock of these tests is a Time


def code_in(letters: list[Reply]) -> str:
    """Returns the code that a letter brings."""
    (found,) = [code[1] for letter in letters for code in re.finditer(r"인증번호:? (\d{6})", letter.text)]
    return found


def linked(store: CaseStore, time: Time, case: tuple[str, str], place: Place = PHONE) -> Contact:
    """Links this place as a citizen does, with everything sent that follows."""
    store.contacts.ask(*case, place, AGREED)
    found = store.contacts.prove(*case, code_in(delivered(store, time)))
    delivered(store, time)
    return found


def failing(store: CaseStore, time: Time, error: str = "blocked by the user") -> list[Reply]:
    """Tries what is due, all in vain; returns it."""
    replies = [one.reply for one in claimed(store, time)]
    settle(store, replies, "failed", error=error)
    return replies


def ways_of(replies: list[Reply]) -> list[tuple[str, str, str]]:
    return [(reply.channel, reply.to, reply.kind) for reply in replies]


def given(store: CaseStore, number: str) -> list[tuple[str, str]]:
    return [(one.channel, one.to) for one in store.contacts.of(number, OFFICER) if not one.is_own]


def test_a_code_goes_to_the_address_and_nowhere_else(store: CaseStore, time: Time) -> None:
    """It is six digits, and its letter says nothing of the case: the address may be a stranger's."""
    number, token = filed(store, chat(WASTE, time))
    store.contacts.ask(number, token, PHONE, AGREED)
    (letter,) = delivered(store, time)

    assert ("sms", NUMBER, 6) == (letter.channel, letter.to, len(code_in([letter])))
    assert number not in letter.text
    assert "강남구" not in letter.text
    assert "" == letter.link


def test_the_code_links_the_address(store: CaseStore, time: Time) -> None:
    """Consent, with the words that were agreed to and when, stands beside it."""
    case = filed(store, chat(WASTE, time))
    contact = linked(store, time, case)

    assert [("sms", NUMBER)] == given(store, case[0])
    assert ("citizen", time.now, False) == (contact.given_by, contact.consented_at, contact.is_own)
    assert "contact added" in events(store, case[0])


def test_the_citizen_hears_of_it_where_they_wrote_from(store: CaseStore, time: Time) -> None:
    """Whoever found the link of somebody else's case cannot add a contact unseen."""
    number, token = filed(store, chat(WASTE, time))
    store.contacts.ask(number, token, PHONE, AGREED)
    store.contacts.prove(number, token, code_in(delivered(store, time)))
    (letter,) = delivered(store, time)

    assert ("telegram", CHAT) == (letter.channel, letter.to)
    assert NUMBER not in letter.text
    assert "+82108765****" in letter.text


def test_nobody_is_told_where_nothing_arrives(store: CaseStore, time: Time) -> None:
    """Whom the letter before did not reach, a notice of the contact does not reach either: none is lost on the way."""
    number, _ = filed(store, chat(WASTE, time))
    store.officer.answer(number, RESULT, OFFICER)
    failing(store, time)
    store.contacts.link(number, PHONE, OFFICER, why=BY_PHONE)

    assert {("sms", NUMBER)} == {(reply.channel, reply.to) for reply in delivered(store, time)}


def test_nothing_is_linked_without_the_code(store: CaseStore, time: Time) -> None:
    """A wrong one says so; after five tries the right one is worth nothing either."""
    number, token = filed(store, chat(WASTE, time))
    store.contacts.ask(number, token, PHONE, AGREED)
    code = code_in(delivered(store, time))
    wrong = f"{(int(code) + 1) % 10**6:06d}"
    refused = [refusal(store, number, token, wrong) for _ in range(5)]

    assert [422] * 5 == refused
    assert 410 == refusal(store, number, token, code)
    assert [] == given(store, number)


def refusal(store: CaseStore, number: str, token: str, code: str) -> int | None:
    with pytest.raises(Rejected) as refused:
        store.contacts.prove(number, token, code)
    return refused.value.status


def test_a_code_is_good_for_ten_minutes(store: CaseStore, time: Time) -> None:
    """Then another one has to be asked for, which is the only one from then on."""
    number, token = filed(store, chat(WASTE, time))
    store.contacts.ask(number, token, PHONE, AGREED)
    first = code_in(delivered(store, time))
    time.moves(minutes=10, seconds=1)

    assert 410 == refusal(store, number, token, first)
    assert PHONE.to == linked(store, time, (number, token)).to


def test_a_code_serves_once_and_for_its_case(store: CaseStore, time: Time) -> None:
    """Used, it is gone; with another case it never was one."""
    case, other = filed(store, chat(WASTE, time)), filed(store, mail("가로등이 고장 났어요", time))
    store.contacts.ask(*case, PHONE, AGREED)
    code = code_in(delivered(store, time))

    assert 410 == refusal(store, *other, code)
    assert NUMBER == store.contacts.prove(*case, code).to
    assert 410 == refusal(store, *case, code)


def test_without_the_link_of_the_case_nothing_is_done(store: CaseStore, time: Time) -> None:
    """A wrong token is answered like a case that does not exist."""
    number, _ = filed(store, chat(WASTE, time))
    with pytest.raises(Rejected) as refused:
        store.contacts.ask(number, "0" * 32, PHONE, AGREED)

    assert 404 == refused.value.status
    assert [] == delivered(store, time)


def test_nobody_is_rung_without_end(store: CaseStore, time: Time) -> None:
    """Five codes to an address a day, however many cases ask for it; and five an hour for one case."""
    cases = [filed(store, mail(f"{n}번 가로등이 고장 났어요", time)) for n in range(6)]
    for case in cases[:5]:
        store.contacts.ask(*case, PHONE, AGREED)
    with pytest.raises(Rejected) as refused:
        store.contacts.ask(*cases[5], PHONE, AGREED)
    time.moves(hours=25)
    store.contacts.ask(*cases[5], PHONE, AGREED)

    assert 429 == refused.value.status


def test_one_case_asks_five_times_an_hour(store: CaseStore, time: Time) -> None:
    """For whatever addresses."""
    case = filed(store, chat(WASTE, time))
    for n in range(5):
        store.contacts.ask(*case, Place("sms", f"+82101111222{n}"), AGREED)
    with pytest.raises(Rejected) as refused:
        store.contacts.ask(*case, PHONE, AGREED)

    assert 429 == refused.value.status


def test_what_is_kept_of_a_code_is_no_code(store: CaseStore, time: Time) -> None:
    """Whoever reads the table finds neither the code nor the address."""
    number, token = filed(store, chat(WASTE, time))
    store.contacts.ask(number, token, PHONE, AGREED)
    code = code_in(delivered(store, time))
    with store._means.database.read() as connection:
        (row,) = connection.exec_driver_sql("SELECT code, sealed FROM contact_codes").all()

    assert code.encode() not in bytes(row.code) + bytes(row.sealed)
    assert NUMBER.encode() not in bytes(row.sealed)


def test_two_known_citizens_are_never_made_one(store: CaseStore, time: Time) -> None:
    """A number that belongs to somebody else's handle stays there; what was known before still is."""
    one, other = filed(store, chat(WASTE, time)), filed(store, mail("가로등이 고장 났어요", time))
    linked(store, time, one)
    linked(store, time, other, Place("email", "kim@office.example"))
    store.contacts.ask(*other, PHONE, AGREED)
    with pytest.raises(Rejected) as refused:
        store.contacts.prove(*other, code_in(delivered(store, time)))

    assert 409 == refused.value.status
    assert [("sms", NUMBER)] == given(store, one[0])
    assert [("email", "kim@office.example")] == given(store, other[0])


def test_a_known_contact_is_asked_for_like_an_unknown_one(store: CaseStore, time: Time) -> None:
    """Nobody learns from the page whether an address is known: a code goes there in both cases."""
    one, other = filed(store, chat(WASTE, time)), filed(store, mail("가로등이 고장 났어요", time))
    linked(store, time, one)
    linked(store, time, other, MAIL)
    store.contacts.ask(*other, PHONE, AGREED)
    known = delivered(store, time)
    store.contacts.ask(*other, Place("sms", "+821000000001"), AGREED)
    unknown = delivered(store, time)

    assert [("sms", "notice")] * 2 == [(letter.channel, letter.kind) for letter in (*known, *unknown)]


def test_a_page_proves_nobodys_address(store: CaseStore, time: Time) -> None:
    """Who files with somebody else's address in the form may link to that case alone, not to that citizen."""
    form = {"channel": "form", "account": "form", "author": Author(handle="kim@mail.example")}
    page = filed(store, mail("보도블록이 깨졌습니다.", time, **form))
    theirs = filed(store, mail("가로등이 고장 났어요", time))
    linked(store, time, page)

    assert [("sms", NUMBER)] == given(store, page[0])
    assert [] == given(store, theirs[0])


def test_an_officer_writes_consent_down(store: CaseStore, time: Time) -> None:
    """How the citizen consented has to be said; who wrote it down stands beside it."""
    number, _ = filed(store, chat(WASTE, time))
    with pytest.raises(Rejected):
        store.contacts.link(number, PHONE, OFFICER, why=" ")
    contact = store.contacts.link(number, PHONE, OFFICER, why=BY_PHONE)

    assert (OFFICER.name, NUMBER) == (contact.given_by, contact.to)


def test_a_case_of_another_queue_is_not_found(store: CaseStore, time: Time) -> None:
    """An officer sees and changes the contacts of the own queues' cases alone."""
    number, _ = filed(store, chat(WASTE, time))
    stranger = By("이하은", frozenset({"jongno"}))
    with pytest.raises(Rejected) as refused:
        store.contacts.link(number, PHONE, stranger, why=BY_PHONE)

    assert 404 == refused.value.status


@pytest.mark.parametrize(
    ("written", "place"),
    [
        ("010-8765-4321", PHONE),
        ("+82 10-8765-4321", PHONE),
        ("sms:01087654321", PHONE),
        ("Kim@Home.example", MAIL),
        ("email:kim@home.example", MAIL),
    ],
)
def test_a_contact_is_understood_as_people_write_it(store: CaseStore, written: str, place: Place) -> None:
    """With blanks and dashes, with or without the country, in any case."""
    assert place == store.contacts.place_of(written)


@pytest.mark.parametrize(
    "written", ["", "김서연", "email:01087654321", "sms:kim@home.example", "x:1", "12345", "@", ":"]
)
def test_what_is_no_contact_is_said(store: CaseStore, written: str) -> None:
    """And so is a channel that does not carry it."""
    with pytest.raises(Rejected) as refused:
        store.contacts.place_of(written)

    assert 422 == refused.value.status


def test_a_letter_that_cannot_arrive_goes_another_way(store: CaseStore, time: Time) -> None:
    """Blocked in the messenger, the result comes by SMS: short, as SMS are, with the officer's words."""
    case = filed(store, chat(WASTE, time))
    linked(store, time, case)
    store.officer.answer(case[0], RESULT, OFFICER)
    failing(store, time)
    (letter,) = delivered(store, time)

    assert ("sms", NUMBER, "result", "") == (letter.channel, letter.to, letter.kind, letter.link)
    assert RESULT in letter.text
    assert "소중한 말씀" not in letter.text
    assert "sent by another way" in [line.what for line in store.views.history(case[0])]


def test_its_pictures_go_along(store: CaseStore, time: Time) -> None:
    """What an officer put beside the words goes with them, by whatever way."""
    picture = Picture(name="1.jpg", media_type="image/jpeg", data=b"\xff\xd8")
    case = filed(store, chat(WASTE, time))
    linked(store, time, case)
    store.officer.answer(case[0], RESULT, OFFICER, pictures=(picture,))
    failing(store, time)
    (letter,) = delivered(store, time)

    assert ("sms", (picture,)) == (letter.channel, letter.pictures)


def test_staff_see_what_went_another_way(store: CaseStore, time: Time) -> None:
    """The row that failed stays in the list of trouble, and says where its letter went."""
    case = filed(store, chat(WASTE, time))
    linked(store, time, case)
    store.officer.answer(case[0], RESULT, OFFICER)
    failing(store, time)
    (trouble,) = store.trouble.listed()

    assert ("failed", "blocked by the user; sent by another way: sms") == (trouble.state, trouble.error)


def test_without_another_contact_staff_alone_see_it(store: CaseStore, time: Time) -> None:
    """Nothing is guessed: a number that stands in a message is no contact."""
    number, _ = filed(store, chat(f"{WASTE} 제 번호는 010-8765-4321입니다.", time))
    store.officer.answer(number, RESULT, OFFICER)
    failing(store, time)

    assert [] == delivered(store, time)
    assert ["failed"] == [one.state for one in store.trouble.listed()]


def test_each_contact_gets_a_letter_once(store: CaseStore, time: Time) -> None:
    """One after the other; when the last one failed too, it ends."""
    case = filed(store, chat(WASTE, time))
    linked(store, time, case)
    time.moves(minutes=1)
    linked(store, time, case, MAIL)
    store.officer.answer(case[0], RESULT, OFFICER)
    tried = [ways_of(failing(store, time)) for _ in range(4)]

    result = [[("telegram", CHAT, "result")], [("sms", NUMBER, "result")], [("email", ADDRESS, "result")]]
    assert [*result, []] == tried


def test_a_row_that_a_person_sends_again_brings_no_second_letter(store: CaseStore, time: Time) -> None:
    """It fails once more, and the contact had it already."""
    case = filed(store, chat(WASTE, time))
    linked(store, time, case)
    store.officer.answer(case[0], RESULT, OFFICER)
    failing(store, time)
    delivered(store, time)
    store.trouble.again(store.trouble.listed()[0].row, OFFICER)
    again = failing(store, time)

    assert [("telegram", CHAT, "result")] == ways_of(again)
    assert [] == delivered(store, time)


def test_a_bounce_sends_it_another_way(store: CaseStore, time: Time) -> None:
    """A delivery report days later does the same as a channel that refuses; twice reported is once."""
    case = filed(store, mail(WASTE, time))
    linked(store, time, case)
    store.officer.answer(case[0], RESULT, OFFICER)
    (result,) = delivered(store, time)
    for _ in range(2):
        store.record([dispatched(bounce(result, time), action="ignore", queue=None)])

    assert [("sms", NUMBER, "result")] == ways_of(delivered(store, time))
    assert ["undeliverable"] == [one.state for one in store.trouble.listed()]


def bounce(reply: Reply, time: Time) -> Message:
    report = DeliveryReport(action="failed", status="5.1.1", original_id=f"<{reply.id}@eungdapso.example>")
    return mail("Undelivered", time, report=report, author=Author(), reply_to="", signals=("auto-submitted",))


def test_an_automatic_answer_that_goes_another_way_ends_its_case(store: CaseStore, time: Time) -> None:
    """No person is asked for as long as there is a contact; the case is answered when the words are out."""
    number, token = filed(store, chat(WASTE, time))
    linked(store, time, (number, token))
    question = opened(store, answered(chat(SOFA, time)))
    failing(store, time)
    before = store.views.case(question)
    (letter,) = delivered(store, time)
    after = store.views.case(question)

    assert ("received", "") == (before.state, before.queue)
    assert ("answered", "faq") == (after.state, after.answered_by)
    assert "동주민센터에 신고하고" in letter.text


def test_an_automatic_answer_without_any_way_becomes_a_persons(store: CaseStore, time: Time) -> None:
    """When the last contact failed as well, triage has it, as without contacts."""
    case = filed(store, chat(WASTE, time))
    linked(store, time, case)
    question = opened(store, answered(chat(SOFA, time)))
    failing(store, time)
    failing(store, time)

    assert ("held", "triage") == (store.views.case(question).state, store.views.case(question).queue)


def test_a_receipt_says_in_another_way_what_it_said(store: CaseStore, time: Time) -> None:
    """Number, department and date; and a mail has its subject."""
    case = filed(store, chat(WASTE, time))
    linked(store, time, case, MAIL)
    second = opened(store, dispatched(chat("가로등이 고장 났어요", time)))
    failing(store, time)
    (letter,) = delivered(store, time)

    assert ("email", ADDRESS, "notice") == (letter.channel, letter.to, letter.kind)
    assert f"[응답소] 접수 안내 ({second})" == letter.subject
    assert "담당부서: 강남구 청소 담당" in letter.text


def test_the_reason_that_was_told_is_told_again(store: CaseStore, time: Time) -> None:
    """An officer's words follow their letter."""
    case = filed(store, chat(WASTE, time))
    linked(store, time, case)
    store.officer.extend(case[0], OFFICER, why="현장 조사가 더 필요합니다.")
    failing(store, time)

    assert "사유: 현장 조사가 더 필요합니다." in delivered(store, time)[0].text


def test_a_contact_that_is_found_by_telephone_brings_what_was_lost(store: CaseStore, time: Time) -> None:
    """The officer rings the citizen, writes the contact down, and the result that had failed goes out."""
    number, _ = filed(store, chat(WASTE, time))
    store.officer.answer(number, RESULT, OFFICER)
    failing(store, time)
    store.contacts.link(number, PHONE, OFFICER, why=BY_PHONE)
    sent = delivered(store, time)

    assert ("sms", NUMBER, "result") in ways_of(sent)


def test_what_is_past_is_not_brought_again(store: CaseStore, time: Time) -> None:
    """Of notices that were lost only the last still says something."""
    number = opened(store, dispatched(chat(WASTE, time)))
    failing(store, time)
    store.officer.extend(number, OFFICER, why="현장 조사가 더 필요합니다.")
    failing(store, time)
    store.contacts.link(number, PHONE, OFFICER, why=BY_PHONE)
    brought = [letter for letter in delivered(store, time) if letter.to == NUMBER]

    assert [True] == ["연장" in letter.text for letter in brought]


def test_nothing_is_kept_with_a_forgotten_case(store: CaseStore, time: Time) -> None:
    """Nobody would ever forget it."""
    number, _ = filed(store, chat(WASTE, time))
    store.officer.close(number, OFFICER, why="처리를 마쳤습니다.")
    delivered(store, time)
    time.moves(days=31)
    store.tidy.forget(time.now - timedelta(days=30))
    with pytest.raises(Rejected) as refused:
        store.contacts.link(number, PHONE, OFFICER, why=BY_PHONE)

    assert 409 == refused.value.status


def test_what_is_public_is_brought_in_private(store: CaseStore, time: Time) -> None:
    """The comment could not be answered; the citizen's own telephone gets the words themselves."""
    number, _ = filed(store, chat(WASTE, time, public=True))
    store.contacts.link(number, PHONE, OFFICER, why=BY_PHONE)
    store.officer.answer(number, RESULT, OFFICER)
    failing(store, time)
    (letter,) = delivered(store, time)

    assert RESULT in letter.text
    assert not letter.public


def test_who_left_no_address_is_written_to_where_they_agreed(store: CaseStore, time: Time) -> None:
    """A citizen of the form adds a number to the case: the answer goes there, and the officer is told so."""
    number, _ = filed(store, message(WASTE, time, channel="form", reply_to="", author=Author(), conversation=""))
    store.contacts.link(number, PHONE, OFFICER, why=BY_PHONE)
    store.officer.answer(number, RESULT, OFFICER)
    (letter,) = delivered(store, time)
    heard = store.officer.heard(number, OFFICER)

    assert ("sms", NUMBER, True) == (letter.channel, letter.to, RESULT in letter.text)
    assert heard
    assert ("contact", "sms") == (heard.way, heard.channel)


def test_no_public_handle_is_ever_a_contact(store: CaseStore, time: Time) -> None:
    """What others can read links nothing but its own case: no letter goes back there from elsewhere."""
    number, _ = filed(store, chat(WASTE, time, public=True))
    store.contacts.link(number, PHONE, OFFICER, why=BY_PHONE)

    assert [("sms", NUMBER)] == [(one.channel, one.to) for one in store.contacts.of(number, OFFICER)]


def test_a_code_never_goes_another_way(store: CaseStore, time: Time) -> None:
    """It proves the one address that it was sent to."""
    case = filed(store, chat(WASTE, time))
    linked(store, time, case)
    store.contacts.ask(*case, MAIL, AGREED)
    failing(store, time)

    assert [] == delivered(store, time)


def test_taken_back_it_is_gone(store: CaseStore, time: Time) -> None:
    """With it goes what waited to go there, and who is left with nothing is known no more."""
    case = filed(store, chat(WASTE, time))
    contact = linked(store, time, case)
    store.officer.answer(case[0], RESULT, OFFICER)
    failing(store, time)
    store.contacts.take_back(*case, contact.key)
    with store._means.database.read() as connection:
        left = connection.exec_driver_sql("SELECT count(*) FROM contacts").scalar()

    assert [] == store.contacts.seen(*case)
    assert [] == delivered(store, time)
    assert 0 == left


def test_an_answer_that_waited_for_a_contact_becomes_a_persons(store: CaseStore, time: Time) -> None:
    """Taken back in between, the contact gets nothing, and nobody is left without an answer."""
    case = filed(store, chat(WASTE, time))
    contact = linked(store, time, case)
    question = opened(store, answered(chat(SOFA, time)))
    failing(store, time)
    store.contacts.unlink(question, contact.key, OFFICER)

    assert "triage" == store.views.case(question).queue
    assert [] == delivered(store, time)


def test_a_linked_handle_belongs_to_the_case_that_it_names(store: CaseStore, time: Time) -> None:
    """From the telephone, with the number: the case of the messenger. A stranger's opens nothing."""
    case = filed(store, chat(WASTE, time))
    linked(store, time, case)
    words = f"접수번호 {case[0]} 아직도 그대로입니다."
    theirs = message(words, time, reply_to=NUMBER)
    strangers = message(words, time, reply_to="+821055556666")
    contexts = store.contexts([theirs, strangers])

    assert [case[0], ""] == [context.reply_to_case for context in contexts]


def test_an_answer_to_a_letter_that_went_another_way_joins(store: CaseStore, time: Time) -> None:
    """Mail by its thread, SMS by coming next: without a number too."""
    case = filed(store, chat(WASTE, time))
    linked(store, time, case)
    store.officer.answer(case[0], RESULT, OFFICER)
    failing(store, time)
    delivered(store, time)
    (context,) = store.contexts([message("고맙습니다. 한 가지만 더요.", time, reply_to=NUMBER)])
    store.record([joins(message("고맙습니다.", time, reply_to=NUMBER), case[0])])

    assert case[0] == context.reply_to_case
    assert 2 == len(store.views.messages(case[0]))


def test_who_claims_a_linked_address_joins_nothing(store: CaseStore, time: Time) -> None:
    """Anybody can write a sender into a mail; when the answer would go elsewhere, it is a stranger's."""
    case = filed(store, chat(WASTE, time))
    linked(store, time, case, MAIL)
    claim = mail(f"{case[0]} 어떻게 되었나요?", time, author=Author(handle=ADDRESS), reply_to="evil@else.example")
    form = mail(f"{case[0]} 어떻게 되었나요?", time, channel="form", author=Author(handle=ADDRESS), reply_to=ADDRESS)
    aloud = chat(f"{case[0]} 어떻게 되었나요?", time, public=True)

    assert [""] * 3 == [context.reply_to_case for context in store.contexts([claim, form, aloud])]


def test_one_citizens_words_are_not_shown_on_another_handle(store: CaseStore, time: Time) -> None:
    """That two handles are one citizen opens no case: the telephone knows nothing of what the messenger said."""
    case = filed(store, chat(WASTE, time))
    linked(store, time, case)
    (context,) = store.contexts([message("제 민원이 어떻게 되었나요?", time, reply_to=NUMBER)])

    assert ("", "", "") == (context.reply_to_case, context.same_case, context.case_text)


def test_a_forgotten_case_takes_its_contacts_along(store: CaseStore, time: Time) -> None:
    """When words and names go, so do the contacts that were given with them."""
    case = filed(store, chat(WASTE, time))
    linked(store, time, case)
    store.officer.answer(case[0], RESULT, OFFICER)
    delivered(store, time)
    time.moves(days=31)
    store.tidy.forget(time.now - timedelta(days=30))
    with store._means.database.read() as connection:
        left = [connection.exec_driver_sql(f"SELECT count(*) FROM {t}").scalar() for t in ("contacts", "contact_codes")]

    assert [0, 0] == left


def test_codes_that_nobody_used_are_gone_in_the_night(store: CaseStore, time: Time) -> None:
    """And with them the addresses, which may be anybody's."""
    case = filed(store, chat(WASTE, time))
    store.contacts.ask(*case, PHONE, AGREED)
    time.moves(minutes=11)
    store.tidy.let_threads_go()
    with store._means.database.read() as connection:
        left = connection.exec_driver_sql("SELECT count(*) FROM contact_codes").scalar()

    assert 0 == left


def test_linked_twice_at_once_it_is_one_citizen(store: CaseStore, url: str, time: Time) -> None:
    """Two officers at two machines write the same contact down: nothing fails, nobody is doubled."""
    number, _ = filed(store, chat(WASTE, time))
    other = make_store(url, time, options=store._means.options)
    with ThreadPoolExecutor(2) as threads:
        at_once = [threads.submit(one.contacts.link, number, PHONE, OFFICER, why=BY_PHONE) for one in (store, other)]
        keys = {done.result().key for done in at_once}
    other.close()

    assert 1 == len(keys)
    assert [("sms", NUMBER)] == given(store, number)


def test_a_contact_that_a_newer_case_renewed_stays(store: CaseStore, time: Time) -> None:
    """It is kept with the case that it was last agreed to with."""
    first = filed(store, chat(WASTE, time))
    linked(store, time, first)
    store.officer.answer(first[0], RESULT, OFFICER)
    delivered(store, time)
    time.moves(days=31)
    second = filed(store, chat("가로등이 고장 났어요", time))
    linked(store, time, second)
    store.tidy.forget(time.now - timedelta(days=30))

    assert [("sms", NUMBER)] == given(store, second[0])


def test_five_contacts_are_enough(store: CaseStore, time: Time) -> None:
    """More are refused until one is taken back."""
    number, _ = filed(store, chat(WASTE, time))
    for n in range(5):
        store.contacts.link(number, Place("sms", f"+82101111222{n}"), OFFICER, why=BY_PHONE)
    with pytest.raises(Rejected) as refused:
        store.contacts.link(number, PHONE, OFFICER, why=BY_PHONE)

    assert 409 == refused.value.status
    assert 5 == len(given(store, number))


def test_the_citizens_own_number_is_no_other_way(store: CaseStore, time: Time) -> None:
    """What was refused there once is not tried there again, by whichever channel."""
    number = opened(store, dispatched(message(WASTE, time)))
    delivered(store, time)
    store.contacts.link(number, Place("sms", CITIZEN), OFFICER, why=BY_PHONE)
    delivered(store, time)
    store.officer.answer(number, RESULT, OFFICER)
    failing(store, time)

    assert [] == delivered(store, time)


@pytest.mark.parametrize(
    ("written", "country_code", "way"),
    [
        ("010-1234-5678", "82", ("tel", "+821012345678")),
        ("090-1234-5678", "81", ("tel", "+819012345678")),
        ("+81 90-1234-5678", "81", ("tel", "+819012345678")),
        ("+81 90-1234-5678", "82", ("", "")),
        ("+88 213 1234 5678", "82", ("", "")),
        ("1588-1234", "82", ("", "")),
        ("٠١٠١٢٣٤٥٦٧٨", "82", ("", "")),
        ("Kim@Home.example ", "82", ("mail", "kim@home.example")),
    ],
)
def test_contact_is_written_with_its_country(written: str, country_code: str, way: tuple[str, str]) -> None:
    """A number belongs to the country of the channel that goes there; what is of another one is no contact."""
    assert way == written_as(written, country_code)


@pytest.mark.parametrize("handle", ["+821012345678", "+819012345678", "+14155550100"])
def test_number_with_its_country_is_one_person_s(handle: str) -> None:
    """A number that names its country is the same citizen on every channel, whichever country it is."""
    assert (handle, True) == (known_by(f" {handle}"), is_address(handle))


@pytest.mark.parametrize("handle", ["01012345", "00821012345678", "1012345678", "kim"])
def test_name_that_is_no_number_stays(handle: str) -> None:
    """What is no number of a person is compared as it is, and is known on its own channel alone."""
    assert (handle, False) == (known_by(handle), is_address(handle))
