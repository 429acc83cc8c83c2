"""Letters go out at Facebook: below the comment, privately, by Messenger; each once, and only while they may."""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from structlog.testing import capture_logs

from connectors._facebook_graph import wait_seconds
from connectors._facebook_rest import FacebookSender
from connectors._facebook_settings import FacebookSettings
from connectors.facebook import Facebook
from core.errors import Rejected, Unavailable, Uncertain
from core.reply import Receipt, Reply, Sender
from tests.facebook_provider import CITIZEN, MAYOR, PAGE, POST, SECRETS, FakeGraph, Trouble

COMMENT = "122100000000000010_1200000000000301"
ASKED_AT = datetime(2026, 11, 23, 1, 15, tzinfo=UTC)
TEXT = "접수번호 20261123-000001-7. 담당: 강남구청. 기한: 12월 1일."
SENTENCE = "역삼1동 골목의 폐기물은 12월 1일(화) 09:00까지 모두 치우겠습니다. "
ACCOUNTS = {"Seoul_eungdapso": {"id": PAGE}, "mayor.page": {"id": MAYOR}}


def sender(fake: FakeGraph, *, later: timedelta = timedelta(), **settings: Any) -> Sender:
    given = {"accounts": ACCOUNTS, "api_url": fake.url, "timeout_seconds": 0.5, **settings}
    part = Facebook("facebook", FacebookSettings.model_validate(given), environment=SECRETS)
    part.clock = lambda: ASKED_AT + later
    made = part.sender()
    assert made is not None
    return made


def patient(fake: FakeGraph, pauses: list[float]) -> Sender:
    """Returns one that only notes down how long it would wait."""

    async def pause(seconds: float) -> None:
        pauses.append(seconds)

    given = {"accounts": ACCOUNTS, "api_url": fake.url, "timeout_seconds": 0.5}
    part = Facebook("facebook", FacebookSettings.model_validate(given), environment=SECRETS)
    return FacebookSender(part.settings, part.page_of, lambda: ASKED_AT, pause=pause)


def reply(in_reply_to: str = "", text: str = TEXT, **more: Any) -> Reply:
    made = Reply(
        id="row-1",
        channel="facebook",
        account="Seoul_eungdapso",
        to=CITIZEN,
        text=text,
        kind="notice",
        case="20261123-000001-7",
        created_at=ASKED_AT,
        in_reply_to=in_reply_to,
        public=bool(in_reply_to),
        asked_at=ASKED_AT,
    )
    return msgspec.structs.replace(made, **more)


RESULT: dict[str, Any] = {"kind": "result", "automatic": False, "public": False}


async def outcome(fake: FakeGraph, letter: Reply, **more: Any) -> Any:
    """Returns the receipt, or the error that there was instead."""
    [found] = await sender(fake, **more).send_all([letter])
    return found


# Which way.


async def test_notice_stands_below_the_comment() -> None:
    """What others can read is one comment of the page below the citizen's."""
    async with FakeGraph().listening() as fake:
        receipt = await sender(fake).send(reply(COMMENT))

    assert [TEXT] == fake.below(COMMENT)
    assert fake.comments[0]["id"] == receipt.provider_id
    assert [] == fake.messages


async def test_result_of_a_comment_goes_privately() -> None:
    """What is for the citizen alone goes to the author of the comment, without anything below it."""
    async with FakeGraph().listening() as fake:
        await sender(fake).send(reply(COMMENT, **RESULT))

    assert {"recipient": {"comment_id": COMMENT}, "message": {"text": TEXT}} == fake.messages[0]["as"]
    assert [] == fake.comments


async def test_result_of_a_visitors_post_goes_privately() -> None:
    """A post on the page is answered privately by its own name."""
    async with FakeGraph().listening() as fake:
        await sender(fake).send(reply(POST, **RESULT))

    assert {"post_id": POST} == fake.messages[0]["as"]["recipient"]


async def test_private_reply_is_one_message() -> None:
    """Facebook takes one: what is longer ends with where the rest is."""
    link = "https://eungdapso.example/c/20261123-000001-7/AbCdEf"
    async with FakeGraph().listening() as fake:
        await sender(fake).send(reply(COMMENT, SENTENCE * 90 + link, **RESULT, link=link))
        await sender(fake).send(reply(POST, SENTENCE * 90, **RESULT))
    with_link, without = (one["message"] for one in fake.messages)

    assert with_link.endswith(f"\n… {link}")
    assert without.endswith("까지 모두 치우겠습니다.\n… 문의 120")
    assert max(len(with_link), len(without)) <= 2_000


async def test_private_reply_after_a_week_is_rejected() -> None:
    """After seven days a comment is not answered privately, and an officer reads why."""
    async with FakeGraph().listening() as fake:
        early = await outcome(fake, reply(COMMENT, **RESULT), later=timedelta(days=7))
        late = await outcome(fake, reply(COMMENT, **RESULT), later=timedelta(days=7, seconds=1))

    assert isinstance(early, Receipt)
    assert isinstance(late, Rejected)
    assert "7일이 지났습니다" in late.reason
    assert 1 == len(fake.messages)


async def test_second_private_reply_is_rejected() -> None:
    """A comment takes one private reply; the second is told as such."""
    async with FakeGraph().listening() as fake:
        await sender(fake).send(reply(COMMENT, **RESULT))
        second = await outcome(fake, reply(COMMENT, "다시 답변드립니다.", **RESULT))

    assert isinstance(second, Rejected)
    assert "이미 한 번" in second.reason


@pytest.mark.parametrize(
    ("hours", "automatic", "expected"),
    [
        (0, True, "RESPONSE"),
        (24, True, "RESPONSE"),
        (24, False, "RESPONSE"),
        (24.01, True, "24시간"),
        (24.01, False, "MESSAGE_TAG"),
        (168, False, "MESSAGE_TAG"),
        (168.01, False, "7일"),
        (168.01, True, "24시간"),
    ],
)
async def test_messenger_is_answered_while_it_may_be(hours: float, automatic: bool, expected: str) -> None:
    """Within a day anything goes, within a week what an officer wrote; after that an officer reads why not."""
    letter = reply(automatic=automatic, kind="notice" if automatic else "result")
    async with FakeGraph().listening() as fake:
        found = await outcome(fake, letter, later=timedelta(hours=hours))
    told = [one["as"]["messaging_type"] for one in fake.messages] or [getattr(found, "reason", "")]

    assert expected in told[0]


async def test_without_the_permission_nothing_goes_by_tag() -> None:
    """An app that has no permission for the tag keeps to the day."""
    async with FakeGraph().listening() as fake:
        found = await outcome(fake, reply(**RESULT), later=timedelta(days=2), officer_days=0)

    assert isinstance(found, Rejected)
    assert [] == fake.asked


async def test_facebook_knows_better_when_its_day_is_over() -> None:
    """When Facebook finds it too late, what an officer wrote goes by the tag, once; a notice does not."""
    async with FakeGraph(late={CITIZEN}).listening() as fake:
        result, notice = await outcome(fake, reply(**RESULT)), await outcome(fake, reply())

    assert isinstance(result, Receipt)
    assert isinstance(notice, Rejected)
    assert "시간이 지났습니다" in notice.reason
    assert ["HUMAN_AGENT"] == [one["as"].get("tag") for one in fake.messages]


async def test_each_page_speaks_with_its_own_token() -> None:
    """A page's own token comes before the one that stands for all, and every call proves the app's secret."""
    async with FakeGraph().listening() as fake:
        await sender(fake).send(reply(account="mayor.page"))
        await sender(fake).send(reply(account=""))

    assert [MAYOR, PAGE] == [one["from"] for one in fake.messages]
    assert ["EAAGmayorsToken", "EAAGpageToken"] == [asked.query["access_token"] for asked in fake.asked]


@pytest.mark.parametrize(
    "letter", [reply(account="nobody"), reply(to="citizen"), reply(text=" "), reply(public=True), reply(to="")], ids=str
)
async def test_what_cannot_be_sent_asks_nobody(letter: Reply) -> None:
    """A page, a person or words that are none are rejected before Facebook is asked."""
    async with FakeGraph().listening() as fake:
        found = await outcome(fake, letter)

    assert isinstance(found, Rejected)
    assert [] == fake.asked


def test_without_address_or_token_letters_go_to_files() -> None:
    """Nothing goes out while there is no address, or no token of any page."""
    there = FacebookSettings.model_validate({"accounts": ACCOUNTS, "api_url": "http://127.0.0.1:9"})

    assert Facebook("facebook", FacebookSettings(), environment=SECRETS).sender() is None
    assert Facebook("facebook", there, environment={}).sender() is None
    assert Facebook("facebook", there, environment=SECRETS).sender() is not None


# Long letters.


async def test_long_letter_goes_in_parts() -> None:
    """A letter longer than a message goes in parts, in order, cut between sentences, with nothing lost."""
    text = "\n\n".join([SENTENCE * 20] * 4).strip()
    async with FakeGraph().listening() as fake:
        receipt = await sender(fake).send(reply(text=text))
    said = fake.said_to(CITIZEN)

    assert len(said) > 1
    assert all(len(part) <= 2_000 and part.endswith("치우겠습니다.") for part in said)
    assert text.split() == " ".join(said).split()
    assert "m_0000" == receipt.provider_id


async def test_part_that_has_to_wait_is_tried_again() -> None:
    """When the limit is reached between two parts, the second goes after the wait that was wished for."""
    pauses: list[float] = []
    async with FakeGraph().listening() as fake:
        usage = '{"1": [{"type": "messenger", "estimated_time_to_regain_access": 0.1}]}'
        limit = Trouble(code=613, headers={"X-Business-Use-Case-Usage": usage})
        fake.fails("POST messages", Trouble(), limit, Trouble(status=503))
        await patient(fake, pauses).send(reply(text=SENTENCE * 60))

    assert [6.0, 12.0] == pauses
    assert 2 == len(fake.said_to(CITIZEN))


async def test_letter_that_broke_off_is_uncertain() -> None:
    """A letter whose later part does not go is never begun again: a person decides, and reads how far it got."""
    async with FakeGraph().listening() as fake:
        fake.fails("POST messages", Trouble(), *[Trouble(status=500)] * 3)
        with pytest.raises(Uncertain, match="part 2 of 2"):
            await patient(fake, []).send(reply(text=SENTENCE * 60))

    assert 1 == len(fake.said_to(CITIZEN))


# What goes wrong.


@pytest.mark.parametrize("code", [1, 2, 4, 17, 32, 613, 80_001, 80_006, 190, 368])
async def test_what_passes_is_unavailable(code: int) -> None:
    """Limits, faults, a token that ended and a block lose nothing: it is tried again."""
    async with FakeGraph().listening() as fake:
        fake.fails("POST messages", Trouble(code=code))
        found = await outcome(fake, reply())

    assert isinstance(found, Unavailable)
    assert [] == fake.messages


@pytest.mark.parametrize("code", [10, 100, 200, 230, 551, 10_900, 10_903, 10_904, 999])
async def test_what_does_not_pass_is_rejected(code: int) -> None:
    """What Facebook refuses for good is rejected, with its number and words that an officer understands."""
    async with FakeGraph().listening() as fake:
        fake.fails("POST messages", Trouble(code=code))
        found = await outcome(fake, reply())

    assert isinstance(found, Rejected)
    assert f"(Facebook {code})" in found.reason
    assert "습니다" in found.reason


async def test_ended_token_is_told() -> None:
    """A token that ended is told with the page's name and what to do; the token itself is not."""
    async with FakeGraph().listening() as fake:
        fake.fails("POST messages", Trouble(status=401, code=190, subcode=463))
        with capture_logs() as lines:
            found = await outcome(fake, reply())

    assert isinstance(found, Unavailable)
    assert ["Seoul_eungdapso"] == [line["account"] for line in lines]
    assert "Seoul_eungdapso" in found.reason
    assert "EAAG" not in found.reason


async def test_wish_of_the_limit_is_kept() -> None:
    """The longest time after which Facebook lets us again, in its own header, is what we wait."""
    usage = (
        '{"1":[{"estimated_time_to_regain_access":0},{"estimated_time_to_regain_access":19}],"2":[{"call_count":100}]}'
    )
    async with FakeGraph().listening() as fake:
        fake.fails("POST messages", Trouble(code=80_006, headers={"X-Business-Use-Case-Usage": usage}))
        found = await outcome(fake, reply())

    assert isinstance(found, Unavailable)
    assert 19 * 60 == found.retry_after_seconds


@pytest.mark.parametrize("usage", ["", "{", "[]", '{"1": 7}', '{"1":[{"estimated_time_to_regain_access":"soon"}]}'])
def test_unreadable_usage_is_no_wish(usage: str) -> None:
    """A header that says nothing is passed over."""
    assert wait_seconds({"X-Business-Use-Case-Usage": usage}) is None
    assert 7.0 == wait_seconds({"X-Business-Use-Case-Usage": usage, "Retry-After": "7"})


# What nobody answered for.


@pytest.mark.parametrize("letter", [reply(COMMENT), reply(POST), reply()], ids=["comment", "post", "message"])
async def test_lost_answer_is_looked_for(letter: Reply) -> None:
    """When the line breaks after a letter went out, it is found, and the citizen has it once."""
    async with FakeGraph().listening() as fake:
        fake.fails("POST comments", Trouble(is_lost=True))
        fake.fails("POST messages", Trouble(is_lost=True))
        receipt = await sender(fake).send(letter)

    assert 1 == len(fake.comments) + len(fake.messages)
    assert receipt.provider_id in [one["id"] for one in fake.comments + fake.messages]


async def test_lost_private_reply_is_uncertain() -> None:
    """A private reply that nobody can see yet is left to a person, and is never said to be unsent."""
    async with FakeGraph().listening() as fake:
        fake.fails("POST messages", Trouble(is_lost=True))
        found = await outcome(fake, reply(COMMENT, **RESULT))
        with pytest.raises(Uncertain):
            await sender(fake).find(reply(COMMENT, **RESULT))

    assert isinstance(found, Uncertain)
    assert 1 == len(fake.messages)


async def test_same_comment_again_is_found() -> None:
    """Facebook refuses the same words twice: that proves that they stand there."""
    async with FakeGraph().listening() as fake:
        first = await sender(fake).send(reply(COMMENT))
        again = await sender(fake).send(reply(COMMENT))

    assert first == again
    assert 1 == len(fake.comments)


async def test_what_was_sent_is_found_later() -> None:
    """Asked after an interruption, also long after, Facebook says what went out and what did not."""
    letters = [reply(COMMENT), reply(), reply(text=SENTENCE * 60)]
    async with FakeGraph().listening() as fake:
        receipts = [await sender(fake).send(letter) for letter in letters]
        later = sender(fake, later=timedelta(days=30))
        found = [await later.find(letter) for letter in letters]
        nothing = [await later.find(msgspec.structs.replace(one, text="다른 글")) for one in letters]

    assert receipts == found
    assert [None, None, None] == nothing


async def test_part_of_a_letter_is_uncertain_later() -> None:
    """A letter of which only the first part went out is a person's to decide about."""
    async with FakeGraph().listening() as fake:
        fake.fails("POST messages", Trouble(), *[Trouble(status=500)] * 3)
        with pytest.raises(Uncertain):
            await patient(fake, []).send(reply(text=SENTENCE * 60))
        with pytest.raises(Uncertain, match="only a part"):
            await sender(fake).find(reply(text=SENTENCE * 60))


async def test_facebook_that_cannot_be_asked_leaves_it_uncertain() -> None:
    """Who cannot be asked has said nothing."""
    async with FakeGraph().listening() as fake:
        fake.fails("GET conversations", Trouble(status=503), Trouble(code=190), Trouble(code=200))
        for _ in range(3):
            with pytest.raises(Uncertain):
                await sender(fake).find(reply())
