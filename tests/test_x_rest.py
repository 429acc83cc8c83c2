"""Answers go out at X: as replies within 280, as direct messages, and never twice."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from connectors._x_settings import XSettings
from connectors._x_windows import Windows
from connectors.x import X
from core.errors import Rejected, Unavailable, Uncertain, Waits
from core.reply import Receipt, Reply, Sender
from sinks._pace import Paced
from tests.x_provider import CITIZEN, CITY, SECRETS, FakeX, Trouble

TEXT = "접수번호 20261123-000001-7. 담당: 강남구청. 기한: 12월 1일."
SENTENCE = "역삼1동 골목의 폐기물은 12월 1일(화) 09:00까지 모두 치우겠습니다. "


def x(fake: FakeX, **settings: Any) -> X:
    given = {"accounts": {"Seoul_eds": {"id": CITY}}, "api_url": fake.url, "timeout_seconds": 0.5, **settings}
    return X("x", XSettings.model_validate(given), environment=SECRETS)


def sender(fake: FakeX, **settings: Any) -> Sender:
    made = x(fake, **settings).sender()
    assert made is not None
    return made


def reply(to_post: str = "", text: str = TEXT, **more: Any) -> Reply:
    made = Reply(
        id="row-1",
        channel="x",
        account="Seoul_eds",
        to=CITIZEN,
        text=text,
        kind="notice",
        case="20261123-000001-7",
        created_at=datetime(2026, 11, 23, 1, tzinfo=UTC),
        in_reply_to=to_post,
        public=bool(to_post),
    )
    return msgspec.structs.replace(made, **more)


async def test_reply_stands_below_the_post() -> None:
    """A reply is one signed post below the citizen's."""
    fake = FakeX()
    asked = fake.says("@Seoul_eds 가로등")
    async with fake.listening():
        receipt = await sender(fake).send(reply(asked["id"]))

    assert [TEXT] == fake.replies_to(asked)
    assert fake.posts[-1]["id"] == receipt.provider_id


async def test_direct_message_goes_to_its_author() -> None:
    """What was written in private is answered in private, whole."""
    fake = FakeX()
    async with fake.listening():
        receipt = await sender(fake).send(reply(text=SENTENCE * 40))

    assert [(CITIZEN, SENTENCE * 40)] == [(message["to"], message["text"]) for message in fake.messages]
    assert fake.messages[0]["id"] == receipt.provider_id


async def test_long_reply_is_a_thread() -> None:
    """What does not fit into one post goes out in a few, each below the one before."""
    fake = FakeX()
    asked = fake.says("@Seoul_eds 가로등")
    async with fake.listening():
        receipt = await sender(fake).send(reply(asked["id"], SENTENCE * 6))
    first, second = fake.posts[1], fake.posts[2]

    assert [[first["text"]], [second["text"]]] == [fake.replies_to(asked), fake.replies_to(first)]
    assert first["id"] == receipt.provider_id


async def test_very_long_reply_is_cut() -> None:
    """What would be too many posts is one, which says where the rest is to be had: the link where that is known."""
    fake = FakeX()
    first, second = fake.says("@Seoul_eds 가로등"), fake.says("@Seoul_eds 신호등")
    async with fake.listening():
        made = sender(fake)
        await made.send(reply(first["id"], SENTENCE * 20))
        await made.send(reply(second["id"], SENTENCE * 20, id="row-2", link="https://eungdapso.example/c/1"))

    assert fake.replies_to(first)[0].endswith("치우겠습니다. … 문의 120")
    assert fake.replies_to(second)[0].endswith("치우겠습니다. … https://eungdapso.example/c/1")


async def test_link_is_left_out_when_money_is_short() -> None:
    """An address makes a post thirteen times as dear: when half of the budget is spent there is none."""
    fake = FakeX()
    asked = fake.says("@Seoul_eds 가로등")
    async with fake.listening():
        part = x(fake, monthly_budget=1)
        await part._spent.count(Decimal("0.6"))
        made = part.sender()
        assert made is not None
        await made.send(reply(asked["id"], SENTENCE * 20, link="https://eungdapso.example/c/1"))

    assert fake.replies_to(asked)[0].endswith("… 문의 120")


async def test_post_that_did_not_summon_us_cannot_be_answered() -> None:
    """X refuses; staff see why."""
    fake = FakeX()
    asked = fake.says("서울시 가로등")
    async with fake.listening():
        with pytest.raises(Rejected, match="did not summon"):
            await sender(fake).send(reply(asked["id"]))


async def test_limit_says_how_long_to_wait() -> None:
    """X says until when; the longest of its limits counts."""
    fake = FakeX()
    asked = fake.says("@Seoul_eds 가로등")
    now = int(datetime.now(UTC).timestamp())
    headers = {
        "x-rate-limit-reset": str(now + 100),
        "x-user-limit-24hour-remaining": "0",
        "x-user-limit-24hour-reset": str(now + 900),
    }
    fake.fails("POST tweets", Trouble(status=429, headers=headers))
    async with fake.listening():
        with pytest.raises(Unavailable) as busy:
            await sender(fake).send(reply(asked["id"]))

    assert busy.value.retry_after_seconds is not None
    assert 890 < busy.value.retry_after_seconds <= 900


def test_each_account_has_its_own_measure() -> None:
    """Sixteen messages in a quarter of an hour are one too many for an account; others, and posts, go on."""
    now = 0.0
    windows = Windows(monotonic=lambda: now)
    for _ in range(15):
        windows.take("Seoul_eds", "message")
    now = 100.0
    with pytest.raises(Waits) as wait:
        windows.take("Seoul_eds", "message")
    windows.take("Seoulgyotong", "message")
    windows.take("Seoul_eds", "post")
    now = 900.0
    windows.take("Seoul_eds", "message")

    assert 800.0 == wait.value.retry_after_seconds


async def test_account_that_must_wait_holds_up_no_other() -> None:
    """What waits for its own account's measure is no failure of X."""
    fake = FakeX()
    async with fake.listening():
        made = Paced("x", sender(fake), X.pace)
        for number in range(15):
            await made.send(reply(id=f"row-{number}"))
        with pytest.raises(Waits):
            await made.send(reply(id="row-15"))
        asked = fake.says("@Seoul_eds 가로등")
        await made.send(reply(asked["id"]))

    assert "" == made.trouble
    assert [TEXT] == fake.replies_to(asked)


async def test_post_whose_answer_was_lost_is_found() -> None:
    """When the line breaks after X took a post it is looked for, found, and not posted again."""
    fake = FakeX()
    asked = fake.says("@Seoul_eds 가로등")
    fake.fails("POST tweets", Trouble(is_lost=True))
    async with fake.listening():
        receipt = await sender(fake).send(reply(asked["id"]))

    assert [TEXT] == fake.replies_to(asked)
    assert fake.posts[-1]["id"] == receipt.provider_id


async def test_post_that_x_knows_already_counts_as_sent() -> None:
    """When X refuses the same words as posted before, and they stand where they belong, they were sent."""
    fake = FakeX()
    asked = fake.says("@Seoul_eds 가로등")
    async with fake.listening():
        made = sender(fake)
        first, second = await made.send(reply(asked["id"])), await made.send(reply(asked["id"]))

    assert first == second
    assert [TEXT] == fake.replies_to(asked)


async def test_same_words_below_another_post_are_refused() -> None:
    """What X calls a repetition, and is none of this reply, was not sent."""
    fake = FakeX()
    first, second = fake.says("@Seoul_eds 가로등"), fake.says("@Seoul_eds 신호등")
    async with fake.listening():
        made = sender(fake)
        await made.send(reply(first["id"]))
        with pytest.raises(Rejected, match="posted before"):
            await made.send(reply(second["id"], id="row-2"))


async def test_thread_goes_on_where_it_stopped() -> None:
    """When X wants us to wait in the middle of a thread, the next try posts the rest alone."""
    fake = FakeX()
    asked = fake.says("@Seoul_eds 가로등")
    fake.fails("POST tweets", Trouble(seconds=0), Trouble(status=429))
    async with fake.listening():
        made = sender(fake)
        with pytest.raises(Unavailable):
            await made.send(reply(asked["id"], SENTENCE * 6))
        await made.send(reply(asked["id"], SENTENCE * 6))

    assert 2 == len(fake.posts) - 1
    assert 1 == len(fake.replies_to(fake.posts[1]))


async def test_thread_that_is_refused_in_the_middle_is_for_a_person() -> None:
    """Half of an answer is neither sent nor unsent."""
    fake = FakeX()
    asked = fake.says("@Seoul_eds 가로등")
    fake.fails("POST tweets", Trouble(seconds=0), Trouble(status=403))
    async with fake.listening():
        with pytest.raises(Uncertain, match="1 of 2 posts"):
            await sender(fake).send(reply(asked["id"], SENTENCE * 6))


async def test_what_became_of_a_reply_is_found_out() -> None:
    """Asked later, X tells whether a reply or a message went out, or that it did not."""
    fake = FakeX()
    asked = fake.says("@Seoul_eds 가로등")
    async with fake.listening():
        made = sender(fake)
        before = await made.find(reply(asked["id"])), await made.find(reply())
        sent = await made.send(reply(asked["id"], SENTENCE * 6)), await made.send(reply())
        after = await made.find(reply(asked["id"], SENTENCE * 6)), await made.find(reply())

    assert (None, None) == before
    assert sent == after


async def test_message_whose_answer_was_lost_is_found() -> None:
    """A direct message that X took before the line broke is not sent again."""
    fake = FakeX()
    fake.fails("POST messages", Trouble(is_lost=True))
    async with fake.listening():
        receipt = await sender(fake).send(reply())

    assert Receipt(provider_id=fake.messages[0]["id"]) == receipt
    assert 1 == len(fake.messages)


async def test_when_the_budget_is_spent_nothing_is_sent() -> None:
    """The channel then only reads: staff see why, and X hears nothing."""
    fake = FakeX()
    asked = fake.says("@Seoul_eds 가로등")
    async with fake.listening():
        made = sender(fake, monthly_budget=0.012)
        await made.send(reply(asked["id"]))
        with pytest.raises(Rejected, match="monthly budget is spent"):
            await made.send(reply(asked["id"], "두 번째 안내입니다.", id="row-2"))

    assert 1 == fake.calls("POST tweets")


async def test_what_was_not_sent_costs_nothing() -> None:
    """What X refuses, or cannot take now, is not counted."""
    fake = FakeX()
    asked = fake.says("@Seoul_eds 가로등")
    fake.fails("POST tweets", Trouble(status=500), Trouble(status=403))
    async with fake.listening():
        part = x(fake)
        made = part.sender()
        assert made is not None
        for error in (Unavailable, Rejected):
            with pytest.raises(error):
                await made.send(reply(asked["id"]))

    assert 0 == part._spent._last.micros


async def test_account_speaks_with_its_own_token() -> None:
    """An account's own token of OAuth 2.0 is used where there is none of OAuth 1.0a."""
    fake = FakeX()
    secrets = {"EUNGDAPSO_X_USER_TOKEN_SEOUL_EDS": "own", "EUNGDAPSO_X_USER_TOKEN": "common"}
    settings = XSettings.model_validate({"accounts": {"Seoul_eds": {"id": CITY}}, "api_url": "http://127.0.0.1:9"})
    async with fake.listening():
        settings = settings.model_copy(update={"api_url": fake.url})
        made = X("x", settings, environment=secrets).sender()
        assert made is not None
        fake.fails("POST messages", Trouble(status=503), Trouble(status=503))
        for account in ("Seoul_eds", "Seoulmania"):
            with pytest.raises(Unavailable):
                await made.send(reply(account=account))

    assert ["Bearer own", "Bearer common"] == [asked.headers["Authorization"] for asked in fake.asked]


async def test_reply_to_nothing_is_refused() -> None:
    """Nobody is addressed in public who did not write there."""
    with pytest.raises(Rejected, match="no post"):
        await sender(FakeX(url="http://127.0.0.1:9")).send(reply(public=True))


async def test_secret_of_an_account_shows_nowhere() -> None:
    """No token stands in what is said of them."""
    part = x(FakeX(url="http://127.0.0.1:9"))

    assert "Token()" == repr(await part._tokens.of("Seoul_eds"))
