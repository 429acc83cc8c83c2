"""Telegram: what its updates become, what proves them, and what is peculiar to its texts and settings."""

import json
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from connectors._parts import length, parts
from connectors.base import Request, Words
from connectors.telegram import Telegram, TelegramSettings
from core.errors import ConfigError, Forged, Rejected
from core.message import Message
from tests.telegram_server import SECRET, TOKEN, private

NOW = datetime(2026, 11, 23, 1, 15, tzinfo=UTC)
CITIZEN, NEIGHBOUR, GROUP = 5_000_000_001, 5_000_000_003, -1_001_500_000_001
BOT = {"id": 7_000_000_001, "is_bot": True, "first_name": "응답소", "username": "SeoulEungdapsoBot"}
ENVIRONMENT = {"EUNGDAPSO_TELEGRAM_TOKEN": TOKEN, "EUNGDAPSO_TELEGRAM_SECRET_TOKEN": SECRET}


def bot(*, environment: dict[str, str] = ENVIRONMENT, **settings: Any) -> Telegram:
    made = TelegramSettings.model_validate({"username": "SeoulEungdapsoBot", **settings})
    return Telegram("telegram", made, environment=environment)


def request(update: Any, **headers: str) -> Request:
    body = update if isinstance(update, bytes) else json.dumps(update).encode()
    return Request(
        method="POST",
        url="https://eungdapso.example/hooks/telegram",
        path="/hooks/telegram",
        query="",
        headers={name.replace("_", "-"): value for name, value in headers.items()},
        body=body,
        received_at=NOW,
    )


def all_parsed(update: dict[str, Any], **settings: Any) -> list[Message]:
    return bot(**settings).parse(request(update))


def parsed(text: str = "", *, chat: int = CITIZEN, **more: Any) -> Message:
    return all_parsed(private(910_000_021, chat, text, **more))[0]


def in_group(text: str, *, author: int = NEIGHBOUR, is_bot: bool = False, **more: Any) -> dict[str, Any]:
    """Returns an update: somebody says something in a group that the bot is in."""
    message = {
        "message_id": 311,
        "date": 1_795_396_499,
        "from": {"id": author, "is_bot": is_bot, "first_name": "서연"},
        "chat": {"id": GROUP, "type": "supergroup", "title": "망원동 이웃"},
        "text": text,
    }
    return {"update_id": 910_000_012, "message": {**message, **more}}


def entity(kind: str, offset: int, size: int, **more: Any) -> dict[str, Any]:
    return {"type": kind, "offset": offset, "length": size, **more}


# Who calls.


@pytest.mark.parametrize(
    "claimed", ["", SECRET[:-1], SECRET + "0", SECRET.upper(), f" {SECRET}", "é" * 10, SECRET.replace("_", "-")]
)
def test_another_secret_is_forged(claimed: str) -> None:
    """Whatever is not the secret itself is refused."""
    with pytest.raises(Forged):
        bot().verify(request({}, x_telegram_bot_api_secret_token=claimed), now=0)


@pytest.mark.parametrize("secret", ["", "with blank", "가나다", "a" * 257, "line\n"])
def test_secret_that_telegram_cannot_send_is_told(secret: str) -> None:
    """A secret that setWebhook would refuse keeps the channel from starting, and lets nobody in."""
    part = bot(environment={"EUNGDAPSO_TELEGRAM_SECRET_TOKEN": secret})

    assert part.missing()[0].startswith("EUNGDAPSO_TELEGRAM_SECRET_TOKEN")
    with pytest.raises(Forged):
        part.verify(request({}, x_telegram_bot_api_secret_token=secret), now=0)


def test_who_asks_needs_the_token() -> None:
    """A channel that asks by itself needs the bot's token and no secret."""
    part = bot(mode="poll", api_url="https://api.telegram.example", environment={})

    assert ("EUNGDAPSO_TELEGRAM_TOKEN",) == tuple(part.missing())


def test_who_asks_needs_an_address() -> None:
    """Asking without an address to ask at is a mistake in the file."""
    with pytest.raises(ValidationError, match="api_url"):
        bot(mode="poll")


def test_without_address_replies_go_to_files() -> None:
    """As long as no way out is configured there is neither sender nor locator."""
    part = bot()

    assert part.sender() is None
    assert part.locator() is None


def test_what_send_says_is_let_in() -> None:
    """What `send` says carries the secret and is the citizen's message; said again, it is another one."""
    words = Words(text="가로등", sender="77", public_url="https://eungdapso.example", now=1_795_396_500)
    said = [bot().spoken(words) for _ in range(2)]
    asked = [msgspec.structs.replace(request(one.body), headers=one.headers) for one in said]
    bot().verify(asked[0], now=0)
    messages = [bot().parse(one)[0] for one in asked]

    assert [("가로등", "77")] * 2 == [(message.text, message.author.handle) for message in messages]
    assert messages[0].identity != messages[1].identity


@pytest.mark.parametrize("sender", ["민서", "-5", "1" * 16])
def test_only_users_speak(sender: str) -> None:
    """`send` speaks for a user's number and for nothing else."""
    words = Words(text="가로등", sender=sender, public_url="https://eungdapso.example", now=0)

    with pytest.raises(ConfigError):
        bot().spoken(words)


# What is said.


def test_number_of_the_delivery_does_not_count() -> None:
    """A message is known by its chat and its number in it, whatever the delivery's number."""
    one = private(1, CITIZEN, "가로등", message_id=7)
    again = {**one, "update_id": 2}

    assert all_parsed(one)[0].identity == all_parsed(again)[0].identity


def test_citizens_have_conversations_of_their_own() -> None:
    """Two who write to the bot, and two in one group, are never in one conversation."""
    group = [
        in_group("/ask 가로등", author=author, entities=[entity("bot_command", 0, 4)])
        for author in (CITIZEN, NEIGHBOUR)
    ]
    said = [parsed("가로등"), parsed("가로등", chat=NEIGHBOUR), *(all_parsed(update)[0] for update in group)]

    assert 4 == len({message.conversation for message in said})


def test_largest_photo_is_taken() -> None:
    """Of a photo's sizes the largest is kept, in whatever order they come."""
    sizes = [
        {"file_id": "large", "width": 960, "height": 1280},
        {"file_id": "small", "width": 90, "height": 67, "file_size": 10},
    ]

    assert ["large"] == [attachment.place for attachment in parsed(photo=sizes).attachments]


def test_animation_is_one_file() -> None:
    """An animation, which comes as a document too, is one attachment."""
    file = {"file_id": "CgAC", "file_name": "골목.mp4", "mime_type": "video/mp4"}

    assert ["골목.mp4"] == [attachment.name for attachment in parsed(animation=file, document=file).attachments]


def test_where_a_link_leads_is_kept() -> None:
    """A link behind words is said out."""
    link = entity("text_link", 0, 2, url="https://news.example/7")

    assert "기사 보세요\nhttps://news.example/7" == parsed("기사 보세요", entities=[link]).text


def test_edit_is_another_version() -> None:
    """An edit is another version of the same message; two within a second are two."""
    said = private(1, CITIZEN, "가로등")["message"]
    edits = [
        all_parsed({"update_id": 2 + n, "edited_message": {**said, "text": text, "edit_date": 1_795_396_490}})[0]
        for n, text in enumerate(["가로등 2개", "가로등 3개"])
    ]

    assert 1 == len({edit.native_id for edit in edits} | {parsed("가로등", message_id=1).native_id})
    assert [("edit", edits[0].native_id)] * 2 == [(edit.change, edit.in_reply_to) for edit in edits]
    assert 3 == len({edit.version for edit in edits} | {"1"})


@pytest.mark.parametrize(
    ("text", "size"), [("/start", 6), ("/start gu-gangnam_7", 6), ("/help", 5), ("/start@SeoulEungdapsoBot", 24)]
)
def test_command_alone_is_nothing_to_answer(text: str, size: int) -> None:
    """Who opens the bot, by a deep link too, or sends a command alone has not said anything yet: recorded, no case."""
    message = parsed(text, entities=[entity("bot_command", 0, size)])

    assert text == message.text
    assert message.signals[0].startswith("automatic: ")
    assert not message.replyable


def test_words_after_a_command_are_a_message() -> None:
    """What a citizen writes after a command is what they say."""
    message = parsed("/start 가로등이 꺼졌어요", entities=[entity("bot_command", 0, 6)])

    assert ("가로등이 꺼졌어요", ()) == (message.text, message.signals)


@pytest.mark.parametrize("kind", ["sticker", "dice"])
def test_sticker_is_no_matter(kind: str) -> None:
    """A sticker is kept as its emoji and opens no case."""
    said: dict[str, Any] = {kind: {"emoji": "🎲", "file_id": "x"}}
    message = parsed(**said)

    assert ("🎲", ("automatic: a sticker",)) == (message.text, message.signals)


def test_answer_to_a_letter_names_it() -> None:
    """A reply to a letter of ours names it as the receipt of the letter does."""
    answered = {"message_id": 501, "from": BOT, "chat": {"id": CITIZEN, "type": "private"}, "date": 0}

    assert f"{CITIZEN}:501" == parsed("감사합니다", reply_to_message=answered).in_reply_to


@pytest.mark.parametrize(
    "update",
    [
        {"channel_post": {"message_id": 1, "date": 1, "chat": {"id": -100, "type": "channel"}, "text": "공지"}},
        {"callback_query": {"id": "1", "data": "x"}},
        {"poll": {"id": "1"}},
        {"something_new": True},
        private(1, CITIZEN, "", pinned_message={"message_id": 3}),
        private(1, CITIZEN, "", chat_shared={"request_id": 1}),
    ],
)
def test_what_is_nobodys_word_to_us_is_none(update: dict[str, Any]) -> None:
    """Posts of channels, notes of the service and kinds that we do not know are taken, and are no message."""
    assert [] == all_parsed({"update_id": 1, **update})


def test_our_own_words_are_dropped() -> None:
    """What the bot says itself never comes back in."""
    update = in_group("접수되었습니다 @SeoulEungdapsoBot", author=int(str(BOT["id"])), is_bot=True)

    assert [] == all_parsed(update)


def test_path_of_a_citizen_is_not_followed() -> None:
    """A live position is a place once; where its sender walks is not kept."""
    moved = private(1, CITIZEN, "", location={"latitude": 37.5, "longitude": 127.0, "live_period": 900})["message"]

    assert [] == all_parsed({"update_id": 2, "edited_message": {**moved, "edit_date": 1_795_396_500}})


def test_citizen_who_comes_back_is_recorded() -> None:
    """Who blocked the bot and lets it in again is recorded, and gets no answer."""
    person = {"id": CITIZEN, "is_bot": False, "first_name": "민서"}
    standing = {"chat": {"id": CITIZEN, "type": "private"}, "from": person, "date": 1_795_396_500}
    update = {"update_id": 1, "my_chat_member": {**standing, "new_chat_member": {"status": "member", "user": BOT}}}
    message = all_parsed(update)[0]

    assert ("automatic: lets the bot in again",) == message.signals
    assert not message.replyable


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"null", b'{"update_id": "1"}', b"[" * 100_000])
def test_what_is_no_update_is_rejected(body: bytes) -> None:
    """An authentic call without an update in it is refused by name."""
    with pytest.raises(Rejected) as refusal:
        bot().parse(request(body))

    assert 400 == refusal.value.status


# Groups.


@pytest.mark.parametrize(
    ("text", "more"),
    [
        ("@SeoulEungdapsoBot 가로등", {"entities": [entity("mention", 0, 18)]}),
        ("가로등 @seouleungdapsobot", {"entities": [entity("mention", 4, 18)]}),
        ("/ask@SeoulEungdapsoBot 가로등", {"entities": [entity("bot_command", 0, 22)]}),
        ("/ask 가로등", {"entities": [entity("bot_command", 0, 4)]}),
        ("응답소 가로등", {"entities": [entity("text_mention", 0, 3, user=BOT)]}),
        ("가로등", {"reply_to_message": {"message_id": 7, "from": BOT, "date": 0}}),
    ],
)
def test_in_groups_who_addresses_us_is_heard(text: str, more: dict[str, Any]) -> None:
    """In a group, a message is to us when it names the bot, is a command, or answers us; others read it."""
    message = all_parsed(in_group(text, **more))[0]

    assert "가로등" == message.text
    assert message.public
    assert str(GROUP) == message.reply_to


@pytest.mark.parametrize(
    ("text", "more"),
    [
        ("다들 식사하셨어요?", {}),
        ("@OtherBot 날씨", {"entities": [entity("mention", 0, 9)]}),
        ("/weather@OtherBot", {"entities": [entity("bot_command", 0, 17)]}),
        ("맞아요", {"reply_to_message": {"message_id": 7, "from": {"id": 9, "is_bot": True}, "date": 0}}),
        ("오늘 주제", {"message_thread_id": 7, "reply_to_message": {"message_id": 7, "from": BOT, "date": 0}}),
        ("공지", {"is_automatic_forward": True, "entities": [entity("mention", 0, 18)]}),
        ("가로등", {"entities": [entity("mention", 900, 10**9)]}),
    ],
)
def test_talk_of_others_is_not_kept(text: str, more: dict[str, Any]) -> None:
    """What people in a group say to each other is none of the city's business and is not kept."""
    assert [] == all_parsed(in_group(text, **more))


def test_who_hides_behind_a_group_is_nobody_twice() -> None:
    """Who speaks for a group is not known: no name is believed, and no two messages are one conversation."""
    hidden = {"id": 1_087_968_824, "is_bot": True, "first_name": "Group", "username": "GroupAnonymousBot"}
    as_group: dict[str, Any] = {
        "from": hidden,
        "sender_chat": {"id": GROUP, "type": "supergroup", "title": "망원동 이웃"},
    }
    command: dict[str, Any] = {"entities": [entity("bot_command", 0, 4)]}
    said = [all_parsed(in_group("/ask 가로등", message_id=n, **as_group, **command))[0] for n in (1, 2)]

    assert ["anonymous", "anonymous"] == [message.author.assurance for message in said]
    assert 2 == len({message.conversation for message in said})


def test_bots_are_not_talked_to() -> None:
    """What another bot says to us is recorded and not answered."""
    update = in_group("/ask 날씨", is_bot=True, entities=[entity("bot_command", 0, 4)])

    assert ("automatic: a bot",) == all_parsed(update)[0].signals


# Long letters.


def test_letter_is_parted_between_paragraphs() -> None:
    """A long letter is parted between paragraphs where that leaves no part half empty."""
    text = "가" * 300 + "\n\n" + "나" * 300

    assert ["가" * 300, "나" * 300] == parts(text, 400)


def test_date_is_not_parted() -> None:
    """A date with points in it is no end of a sentence."""
    text = "확인했습니다. " + "처리 기한은 2026. 12. 1. 오후 6시입니다 " * 20

    assert not any(part.endswith(("2026.", "12.")) for part in parts(text, 256))


def test_link_is_not_parted() -> None:
    """A link stands whole in one part."""
    link = "https://eungdapso.example/c/20261123-000001-7/" + "a" * 40
    text = "자세한 내용을 확인해 주세요 " * 14 + link

    assert link in parts(text, 256)[-1]


@pytest.mark.parametrize("one", ["👨‍👩‍👧‍👦", "🇰🇷", "👍🏽", "\u1100\u1161\u11a8", "e\u0301", "1️⃣", "🏴󠁧󠁢󠁥󠁮󠁧󠁿"])
def test_what_is_read_as_one_is_not_parted(one: str) -> None:
    """A word too long for one message is cut between what is read as one character."""
    found = parts(one * 400, 256)

    assert {""} == {part.replace(one, "") for part in found}


@given(st.text(max_size=2_000), st.integers(256, 600))
def test_every_letter_fits(text: str, most: int) -> None:
    """Whatever is to be said goes out in parts that fit, with nothing but blanks lost."""
    found = parts(text, most)

    assert all(0 < length(part) <= most for part in found)
    assert "".join(text.split()) == "".join("".join(found).split())


def test_pile_of_accents_is_cut() -> None:
    """A pile of accents longer than a message is no character, and no reason to stop."""
    assert [256, 256, 89] == [length(part) for part in parts("a" + "\u0301" * 600, 256)]


def test_edit_survives_the_wire() -> None:
    """What came in is carried unchanged: a message without an edit is not called one."""
    message = parsed("가로등")

    assert "" == message.change
    assert message == msgspec.json.decode(msgspec.json.encode(message), type=Message)
