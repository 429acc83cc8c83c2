"""The calls to the Bot API: letters out, updates asked for, files located, against a server that behaves as it does."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from connectors._telegram_rest import Letters
from connectors.telegram import Telegram, TelegramSettings
from core.errors import Rejected, Unavailable, Uncertain
from core.message import Arrival, Attachment
from core.reply import Reply
from tests.telegram_server import SECRET, TOKEN, BotApi, private

CITIZEN = 5_000_000_001
NOW = datetime(2026, 11, 23, 1, 15, tzinfo=UTC)
ENVIRONMENT = {"EUNGDAPSO_TELEGRAM_TOKEN": TOKEN, "EUNGDAPSO_TELEGRAM_SECRET_TOKEN": SECRET}
SENTENCE = "담당 부서가 현장을 확인하고 정비를 마쳤습니다. "


def bot(api: BotApi, **more: Any) -> Telegram:
    settings = {"api_url": api.url, "timeout_seconds": 2, "poll_seconds": 0, **more}
    return Telegram("telegram", TelegramSettings.model_validate(settings), environment=ENVIRONMENT)


def reply(text: str = "접수번호 20261123-000001-7, 강남구청에서 처리합니다.", **more: Any) -> Reply:
    made = Reply(
        id="row-1",
        channel="telegram",
        account="telegram",
        to=str(CITIZEN),
        text=text,
        kind="result",
        case="20261123-000001-7",
        created_at=NOW,
        in_reply_to=f"{CITIZEN}:21",
    )
    return msgspec.structs.replace(made, **more)


async def sent(api: BotApi, *replies: Reply, pauses: list[float] | None = None) -> list[Any]:
    """Returns for each reply its receipt, or the error that there was instead."""

    async def pause(seconds: float) -> None:
        if pauses is not None:
            pauses.append(seconds)

    letters = Letters(bot(api).settings, TOKEN, pause=pause)
    try:
        return await letters.send_all(replies)
    finally:
        await letters.close()


# Letters.


async def test_letter_answers_the_message_it_is_about() -> None:
    """A letter is one call: plain words, below the citizen's message, without a preview of the link to the case."""
    async with BotApi().listening() as api:
        receipts = await sent(api, reply())
        form = api.box.sent[0]

    assert [f"{CITIZEN}:501"] == [receipt.provider_id for receipt in receipts]
    assert (str(CITIZEN), reply().text) == (form["chat_id"], form["text"])
    assert {"message_id": 21, "allow_sending_without_reply": True} == msgspec.json.decode(form["reply_parameters"])
    assert {"is_disabled": True} == msgspec.json.decode(form["link_preview_options"])
    assert "parse_mode" not in form


async def test_longest_letter_goes_whole() -> None:
    """4,096 characters are one message."""
    async with BotApi().listening() as api:
        await sent(api, reply("가" * 4_096))

        assert ["가" * 4_096] == [form["text"] for form in api.box.sent]


async def test_long_letter_goes_in_parts() -> None:
    """A longer letter goes in parts with the wished second between, whole sentences in each, nothing lost."""
    text, pauses = SENTENCE * 500, list[float]()
    async with BotApi().listening() as api:
        await sent(api, reply(text), pauses=pauses)
        parts = [form["text"] for form in api.box.sent]

    assert text.split() == " ".join(parts).split()
    assert all(part.endswith("마쳤습니다.") for part in parts)
    assert [1.0] * (len(parts) - 1) == pauses


async def test_part_that_follows_waits_as_long_as_is_wished() -> None:
    """Once the first part is out, the next waits out what the provider wishes, and the letter is whole."""
    async with BotApi().listening() as api:
        api.retry_after, pauses = 7, list[float]()
        api.box.instead.extend([0, 429])
        await sent(api, reply(SENTENCE * 200), pauses=pauses)

        assert [1.0, 7.0] == pauses
        assert 2 == len(api.box.sent)


@pytest.mark.parametrize("instead", [[0, 500, 500, 500], [0, "lost"], [0, "refused"]])
async def test_letter_that_breaks_off_is_not_begun_again(instead: list[int | str]) -> None:
    """When a part that follows will not go, nobody may send the letter again from its start: a person decides."""
    async with BotApi().listening() as api:
        api.box.instead.extend(instead)
        error = (await sent(api, reply(SENTENCE * 200)))[0]

    assert isinstance(error, Uncertain)
    assert "part 2 of 2" in str(error)


async def test_wish_to_wait_is_kept() -> None:
    """Too many requests: nothing was sent, and it is said how long to wait."""
    async with BotApi().listening() as api:
        api.retry_after = 17
        api.box.instead.append(429)
        error = (await sent(api, reply()))[0]

    assert (Unavailable, 17.0) == (type(error), error.retry_after_seconds)


async def test_who_blocked_the_bot_is_not_tried_again() -> None:
    """A citizen who blocked the bot cannot be reached here: that is final, and said."""
    async with BotApi().listening() as api:
        api.box.blocked_by.add(str(CITIZEN))
        error = (await sent(api, reply()))[0]

    assert isinstance(error, Rejected)
    assert "blocked by the user" in error.reason


async def test_group_that_moved_gets_its_answer() -> None:
    """A group that became a supergroup is answered where it is now."""
    async with BotApi().listening() as api:
        api.box.moved["-4001"] = -1_001_500_000_001
        receipts = await sent(api, reply(to="-4001", in_reply_to="-4001:7"))

    assert ["-1001500000001:501"] == [receipt.provider_id for receipt in receipts]


@pytest.mark.parametrize("to", ["", "시민", "5 0", "-", "9" * 40])
async def test_what_is_no_chat_is_rejected(to: str) -> None:
    """A recipient that is no chat is refused before anything is asked."""
    async with BotApi().listening() as api:
        errors = await sent(api, reply(to=to))

    assert [Rejected] == [type(error) for error in errors]


async def test_answer_that_repeats_the_address_shows_no_token() -> None:
    """The token stands in the address; a server that repeats it does not bring it into our words."""
    async with BotApi().listening() as api:
        api.box.instead.append(404)
        error = (await sent(api, reply()))[0]

    assert "knows no /bot…/sendMessage" in error.reason
    assert TOKEN not in error.reason


# Updates.


class Store:
    """Takes what comes, or says that it cannot."""

    def __init__(self, *, is_full: bool = False) -> None:
        self.arrivals: list[Arrival] = []
        self.is_full = is_full

    async def accept(self, arrivals: Sequence[Arrival]) -> None:
        if self.is_full:
            raise Unavailable("too far behind")
        self.arrivals.extend(arrivals)

    @property
    def texts(self) -> list[str]:
        return [arrival.message.text for arrival in self.arrivals if arrival.message]


def at(moment: datetime = NOW) -> Any:
    return lambda: moment


async def test_updates_are_kept_before_they_are_confirmed() -> None:
    """Asking takes what there is; only the next question, from the new place on, makes the provider forget it."""
    async with BotApi().listening() as api:
        api.box.updates = [private(100 + n, CITIZEN, f"가로등 {n}") for n in range(3)]
        part, store = bot(api, mode="poll"), Store()
        asked = await part.ask("", store.accept, at())
        held = len(api.box.updates)
        again = await part.ask(asked.place, store.accept, at())
        await part.close()

    assert ["가로등 0", "가로등 1", "가로등 2"] == store.texts
    assert 3 == held
    assert [None, 103] == api.box.offsets
    assert (asked.place, True) == (again.place, again.wait_seconds > 0)


async def test_what_could_not_be_kept_comes_again() -> None:
    """When nothing can be made durable the place stays, and the provider keeps everything."""
    async with BotApi().listening() as api:
        api.box.updates = [private(100, CITIZEN, "가로등")]
        part, store = bot(api, mode="poll"), Store(is_full=True)
        with pytest.raises(Unavailable):
            await part.ask("7000000001 99 1795396400", store.accept, at())
        store.is_full = False
        await part.ask("7000000001 99 1795396400", store.accept, at())
        await part.close()

    assert ["가로등"] == store.texts


async def test_update_that_comes_twice_is_one_message() -> None:
    """An update that comes again, also with another number, is known by its chat and message."""
    async with BotApi().listening() as api:
        one = private(100, CITIZEN, "가로등", message_id=7)
        api.box.updates = [one, {**one, "update_id": 101}]
        part, store = bot(api, mode="poll"), Store()
        await part.ask("", store.accept, at())
        await part.ask("", store.accept, at())
        await part.close()

    assert 4 == len(store.arrivals)
    assert 1 == len({arrival.identity for arrival in store.arrivals})


async def test_update_that_cannot_be_read_holds_nobody_up() -> None:
    """An update that we cannot read is kept with its bytes, makes no case, and those beside it come through."""
    async with BotApi().listening() as api:
        api.box.updates = [{"update_id": 100, "message": {"date": "gestern"}}, private(101, CITIZEN, "가로등")]
        part, store = bot(api, mode="poll"), Store()
        asked = await part.ask("", store.accept, at())
        await part.close()
    unread = store.arrivals[0]

    assert ["", "가로등"] == store.texts
    assert b"gestern" in unread.raw
    assert unread.message is not None
    assert unread.message.signals
    assert asked.place.startswith("7000000001 102 ")


@pytest.mark.parametrize(("bot_id", "days"), [(7_000_000_001, 8), (7_000_000_009, 0)])
async def test_numbers_may_begin_anew(bot_id: int, days: int) -> None:
    """After a week without updates, or with another bot, a high number says nothing: what waits is taken."""
    async with BotApi().listening() as api:
        api.box.updates = [private(5, CITIZEN, "가로등")]
        part, store = bot(api, mode="poll"), Store()
        place = f"{bot_id} 900000 {int((NOW - timedelta(days=days)).timestamp())}"
        asked = await part.ask(place, store.accept, at())
        await part.close()

    assert ["가로등"] == store.texts
    assert asked.place.startswith("7000000001 6 ")


async def test_webhook_that_is_set_is_told() -> None:
    """While updates go to a webhook nothing can be asked for, and an operator is told what to do."""
    async with BotApi().listening() as api:
        api.box.webhook = "https://eungdapso.example/hooks/telegram"
        part = bot(api, mode="poll")
        with pytest.raises(Rejected, match="deleteWebhook"):
            await part.ask("", Store().accept, at())
        await part.close()


async def test_two_that_ask_are_no_fault_of_the_file() -> None:
    """Who is pushed aside by another question tries again later."""
    async with BotApi().listening() as api:
        first, second = bot(api, mode="poll", poll_seconds=5), bot(api, mode="poll")
        early = asyncio.create_task(first.ask("", Store().accept, at()))
        while not api.box.asking:
            await asyncio.sleep(0.01)
        await second.ask("", Store().accept, at())
        with pytest.raises(Unavailable, match="other getUpdates"):
            await early
        await first.close()
        await second.close()


async def test_wrong_token_is_told() -> None:
    """A token that the provider does not know is for an operator."""
    async with BotApi("1:other").listening() as api:
        part = bot(api, mode="poll")
        with pytest.raises(Rejected, match="Unauthorized"):
            await part.ask("", Store().accept, at())
        await part.close()


async def test_provider_that_is_away_is_asked_later() -> None:
    """A provider that does not answer is asked later, from the same place."""
    part = Telegram(
        "telegram",
        TelegramSettings(mode="poll", api_url="http://127.0.0.1:9", timeout_seconds=0.5),
        environment=ENVIRONMENT,
    )
    with pytest.raises(Unavailable):
        await part.ask("", Store().accept, at())
    await part.close()


# Files.


async def located(api: BotApi, file_id: str) -> str:
    locator = bot(api).locator()
    assert locator is not None
    try:
        return (await locator.locate(Attachment(place=file_id))).url
    finally:
        await locator.close()


async def test_file_is_located_by_its_id() -> None:
    """The provider is asked where a file is; in the address the token's colon and blanks are encoded."""
    async with BotApi().listening() as api:
        api.box.files["AgACAgUAAxkBAAMWy"] = b"\xff\xd8\xff"
        url = await located(api, "AgACAgUAAxkBAAMWy")

    assert f"{api.url}/file/bot{TOKEN.replace(':', '%3A')}/photos/AgACAgUAAxkBAAMWy%201.jpg" == url


@pytest.mark.parametrize(("file_id", "why"), [("gone", "file_id"), ("large", "too big")])
async def test_file_that_nobody_gets_is_rejected(file_id: str, why: str) -> None:
    """A file that is gone, or larger than 20 MB, is refused with the provider's words."""
    async with BotApi().listening() as api:
        api.box.files["large"] = bytes(20 * 1024 * 1024 + 1)
        with pytest.raises(Rejected, match=why):
            await located(api, file_id)
