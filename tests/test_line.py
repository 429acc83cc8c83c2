"""LINE: what its events become, what proves them, and how letters go out: once, and cheaply where that is possible."""

import time
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from connectors._few import few
from connectors._line_rest import Files, Letters
from connectors._post import Post
from connectors._tries import Tries
from connectors.base import Located, Request, Words
from connectors.line import Line, LineSettings
from core.errors import Forged, Rejected, Unavailable, Uncertain
from core.message import Attachment, Message
from core.reply import Receipt, Reply
from tests.line_server import SECRET, TOKEN, Platform, event, signed, user

NOW = datetime(2026, 11, 23, 1, 15, tzinfo=UTC)
ENVIRONMENT = {"EUNGDAPSO_LINE_SECRET": SECRET, "EUNGDAPSO_LINE_TOKEN": TOKEN}
GROUP = {"type": "group", "groupId": "C" + "3" * 32, "userId": "U" + "2" * 32}
NAMED = {"mentionees": [{"index": 0, "length": 4, "type": "user", "isSelf": True}]}
SENTENCE = "담당 부서가 현장을 확인하고 정비를 마쳤습니다. "


def account(**settings: Any) -> Line:
    return Line("line", LineSettings.model_validate(settings), environment=ENVIRONMENT)


def request(*events: dict[str, Any], body: bytes = b"", **headers: str) -> Request:
    made, own = signed(*events)
    return Request(
        method="POST",
        url="https://eungdapso.example/hooks/line",
        path="/hooks/line",
        query="",
        headers={name.lower(): value for name, value in own.items()} | headers,
        body=body or made,
        received_at=NOW,
    )


def said(**message: Any) -> dict[str, Any]:
    """Returns an event of one message, of a citizen in private."""
    return event(user(21), number=1, at=1_795_396_488, message={"id": "590000000000000001", "type": "text", **message})


def parsed(*events: dict[str, Any], **settings: Any) -> list[Message]:
    return account(**settings).parse(request(*events))


# Who calls.


def test_signature_of_another_secret_is_forged() -> None:
    """What is signed with another channel's secret is refused."""
    body, headers = signed(said(text="가로등"), secret="another")
    asked = request(body=body, **{"x-line-signature": headers["X-Line-Signature"]})

    with pytest.raises(Forged):
        account().verify(asked, now=0)


def test_signature_of_the_documentation_is_let_in() -> None:
    """The signature is base64 of the HMAC-SHA256 of the bytes as they came, blanks and escapes included."""
    body = b'{"destination":"U8e742f61d673b39c7fff3cecb7536ef0","events":[]}'
    part = Line("line", LineSettings(), environment={"EUNGDAPSO_LINE_SECRET": "8c570fa6dd201bb328f1c1eac23a96d8"})
    part.verify(request(body=body, **{"x-line-signature": "GhRKmvmHys4Pi8DxkF4+EayaH0OqtJtaZxgTD9fMDLs="}), now=0)

    assert [] == part.parse(request(body=body))


def test_what_send_says_is_let_in() -> None:
    """What `send` says is signed and is the citizen's message; said again, it is another one."""
    words = Words(text="가로등", sender="", public_url="https://eungdapso.example", now=1_795_396_500)
    spoken = [account().spoken(words) for _ in range(2)]
    asked = [request(body=one.body, **one.headers) for one in spoken]
    account().verify(asked[0], now=0)
    messages = [account().parse(one)[0] for one in asked]

    assert ["가로등"] * 2 == [message.text for message in messages]
    assert messages[0].identity != messages[1].identity


# What events become.


def test_batch_becomes_its_messages_in_order() -> None:
    """All events of one call are taken, in their order."""
    found = parsed(*(event(user(n), f"{n}번째 가로등", number=n) for n in range(3)))

    assert ["0번째 가로등", "1번째 가로등", "2번째 가로등"] == [message.text for message in found]


def test_redelivery_is_the_same_message() -> None:
    """A redelivered event is the same message, whatever else the call says."""
    first = said(text="가로등")
    again = {**first, "deliveryContext": {"isRedelivery": True}, "replyToken": "another"}

    assert parsed(first)[0].identity == parsed(again)[0].identity


def test_unreadable_event_harms_no_other() -> None:
    """An event that cannot be read is kept as it came, without a case, and those beside it are taken."""
    found = parsed({"type": 7}, said(text="가로등"))

    assert ["", "가로등"] == [message.text for message in found]
    assert ("automatic: an event that cannot be read",) == found[0].signals


@pytest.mark.parametrize(
    "kind", ["join", "leave", "memberJoined", "postback", "beacon", "accountLink", "videoPlayComplete", "tomorrow"]
)
def test_what_nobody_said_makes_no_message(kind: str) -> None:
    """Who joined, what was tapped or watched, and what LINE thinks of next is no word to the city."""
    assert [] == parsed(event(user(21), number=1, type=kind))


def test_talk_in_a_group_is_not_ours() -> None:
    """In a group only what mentions the account is said to the city, unless everything there is to count."""
    talk = event(GROUP, "오늘 저녁 뭐 먹지", number=1)

    assert [] == parsed(talk)
    assert ["오늘 저녁 뭐 먹지"] == [message.text for message in parsed(talk, groups="all")]


def test_two_people_in_a_group_are_two_conversations() -> None:
    """What two people say in one group is public, and never one conversation."""
    message = {"id": "1", "type": "text", "text": "@응답소 도로가 파였어요", "mention": NAMED}
    found = parsed(*(event({**GROUP, "userId": f"U{n}"}, number=n, message=message) for n in range(2)))

    assert [True, True] == [one.public for one in found]
    assert 2 == len({one.conversation for one in found})
    assert {GROUP["groupId"]} == {one.reply_to for one in found}


def test_mention_that_lies_cuts_nothing() -> None:
    """A place of the name that is none leaves the text whole."""
    mention = {"mentionees": [{"index": 3, "length": 5, "isSelf": True}]}

    assert "도로가 파였어요" == parsed(said(text="도로가 파였어요", mention=mention))[0].text


def test_unsent_message_is_taken_back() -> None:
    """A citizen who unsends a message takes it back: the same message, without words."""
    gone = event(user(21), number=2, type="unsend", unsend={"messageId": "590000000000000001"})
    first, removal = parsed(said(text="가로등"), gone)

    assert ("removal", "removed", "", first.native_id) == (
        removal.change,
        removal.version,
        removal.text,
        removal.in_reply_to,
    )
    assert first.native_id == removal.native_id


# The way out.


def reply(text: str = "접수번호 20261123-000001-7, 강남구청에서 처리합니다.", **more: Any) -> Reply:
    made = Reply(
        id="018f0000-0000-7000-8000-000000000001",
        channel="line",
        account="line",
        to=user(21)["userId"],
        text=text,
        kind="notice",
        case="20261123-000001-7",
        created_at=NOW,
    )
    return msgspec.structs.replace(made, **more)


def fresh(token: str = "a-token", *, seconds: float = 1) -> str:
    """Returns what a message that came so long ago gives for its one answer."""
    return f"{int((time.time() - seconds) * 1000)} {token}"


async def sent(platform: Platform, *replies: Reply, tries: Tries | None = None) -> list[Any]:
    """Returns for each reply, one after the other, its receipt or the error that there was instead."""
    settings = LineSettings(api_url=platform.url, timeout_seconds=2)
    letters = Letters(settings, Post(2), TOKEN, tries or Tries("line tries", lambda: None))
    try:
        return [(await letters.send_all([one]))[0] for one in replies]
    finally:
        await letters.close()


async def test_fresh_token_answers_for_nothing() -> None:
    """A letter soon after its message goes by the reply token, which costs no message of the month."""
    async with Platform().listening() as platform:
        platform.tokens.add("a-token")
        receipts = await sent(platform, reply(callback=fresh()))

    assert [Receipt(provider_id="561230000000000001")] == receipts
    assert ["reply"] == platform.calls


async def test_second_letter_about_a_message_is_pushed() -> None:
    """A reply token is used up by one letter; the next one about the same message is pushed."""
    async with Platform().listening() as platform:
        platform.tokens.add("a-token")
        await sent(platform, reply(callback=fresh()), reply(id="another", callback=fresh()))

    assert (1, 1) == (len(platform.replied), len(platform.pushed))


async def test_old_token_is_not_tried() -> None:
    """A letter that comes later than the token lives is pushed at once."""
    async with Platform().listening() as platform:
        await sent(platform, reply(callback=fresh(seconds=50)))

    assert ["push"] == platform.calls


@pytest.mark.parametrize("instead", ["lost", "refused", 500])
async def test_lost_push_is_repeated_without_harm(instead: int | str) -> None:
    """A push that nobody answered for may be sent again: the citizen gets one, and the second answer is a proof."""
    async with Platform().listening() as platform:
        platform.instead.append(instead)
        first, second = await sent(platform, reply(), reply())

    assert (Unavailable, Receipt) == (type(first), type(second))
    assert 1 == len(platform.pushed)


async def test_lost_reply_that_went_is_never_pushed_again() -> None:
    """When a reply went and its answer was lost, a person decides: the letter does not go a second time by itself."""
    tries = Tries("line tries", lambda: None)
    async with Platform().listening() as platform:
        platform.tokens.add("a-token")
        platform.instead.append("lost")
        letter = reply(callback=fresh(seconds=40))
        first, second = await sent(platform, letter, letter, tries=tries)
        later = await sent(platform, msgspec.structs.replace(letter, callback=fresh(seconds=50)), tries=tries)

    assert [Unavailable, Uncertain, Uncertain] == [type(error) for error in (first, second, *later)]
    assert (1, 0) == (len(platform.replied), len(platform.pushed))


async def test_reply_that_did_not_go_goes_by_its_token() -> None:
    """When the line broke before a reply was taken, the same token takes it the next time."""
    async with Platform().listening() as platform:
        platform.tokens.add("a-token")
        platform.instead.append("refused")
        first, second = await sent(platform, reply(callback=fresh()), reply(callback=fresh()))

    assert (Unavailable, Receipt) == (type(first), type(second))
    assert (1, 0) == (len(platform.replied), len(platform.pushed))


async def test_reply_at_a_bad_time_may_be_pushed_later() -> None:
    """A reply that LINE surely did not take, 429, is pushed when its token has run out meanwhile."""
    tries = Tries("line tries", lambda: None)
    async with Platform().listening() as platform:
        platform.tokens.add("a-token")
        platform.instead.append(429)
        first, second = await sent(
            platform, reply(callback=fresh(seconds=44)), reply(callback=fresh(seconds=50)), tries=tries
        )

    assert (Unavailable, Receipt) == (type(first), type(second))
    assert (0, 1) == (len(platform.replied), len(platform.pushed))


class Kept:
    """What the case store keeps for a channel."""

    def __init__(self) -> None:
        self.notes: dict[str, str] = {}

    def change(self, name: str, how: Any) -> str:
        self.notes[name] = how(self.notes.get(name, ""))
        return self.notes[name]


async def test_restart_does_not_repeat_a_reply() -> None:
    """A process that is killed after a reply went, before that was written down, leaves it to a person."""
    kept, letter = Kept(), reply(callback=fresh(seconds=40))
    async with Platform().listening() as platform:
        platform.tokens.add("a-token")
        await sent(platform, letter, tries=Tries("line tries", lambda: kept))
        again = await sent(platform, letter, tries=Tries("line tries", lambda: kept))

    assert [Uncertain] == [type(error) for error in again]
    assert (1, 0) == (len(platform.replied), len(platform.pushed))


async def test_notes_of_tries_do_not_grow_for_ever() -> None:
    """What was tried is forgotten after four days: as many notes are kept as these have hours."""
    kept = Kept()
    tries = Tries("line tries", lambda: kept)
    for hour in range(0, 300, 3):
        await tries.once(f"letter {hour}", hour * 3600.0, _never, is_fresh=False, is_refused=bool)

    assert len(kept.notes) <= 96
    assert max(map(len, kept.notes.values())) < 100


async def _never() -> Any:
    raise AssertionError("it is too old to be tried")


async def test_long_letter_is_one_call() -> None:
    """A long letter goes as up to five messages in one call; what is longer still says so at its end."""
    async with Platform().listening() as platform:
        await sent(platform, reply(SENTENCE * 300), reply(SENTENCE * 2_000, id="another"))
    (_, long), (_, longest) = platform.pushed

    assert (SENTENCE * 300).split() == " ".join(long).split()
    assert (2, 5) == (len(long), len(longest))
    assert longest[4].endswith(" …")
    assert max(map(len, longest)) <= 5_000


def test_words_about_the_rest_leave_room_for_the_letter() -> None:
    """However long an address is, what is cut still begins with the letter."""
    link = "https://eungdapso.example/" + "a" * 200

    assert ["담당 부서가 현장을 확인하고 정비를 마쳤습니다. …"] == few(SENTENCE * 9, 40, 1, rest=link)


async def test_month_without_messages_is_final() -> None:
    """When the month's messages are used up, trying again is of no use: staff see it at once."""
    answers = {"message": "You have reached your monthly limit."}

    class Spent(Platform):
        async def _message(self, asked: Any) -> Any:
            from aiohttp import web

            return web.json_response(answers, status=429)

    async with Spent().listening() as platform:
        error = (await sent(platform, reply()))[0]

    assert Rejected is type(error)


async def test_token_that_is_no_header_is_told() -> None:
    """A token with a line end in it, as files have them, is refused by name before anything is asked."""
    async with Platform().listening() as platform:
        letters = Letters(LineSettings(api_url=platform.url), Post(2), f"{TOKEN}\n", Tries("line", lambda: None))
        verdict = (await letters.send_all([reply()]))[0]
        await letters.close()

    assert (Rejected, []) == (type(verdict), platform.calls)


# Files.


async def located(platform: Platform, place: str) -> Located:
    files = Files(LineSettings(api_url=platform.url), Post(2), TOKEN)
    try:
        return await files.locate(Attachment(place=place))
    finally:
        await files.close()


async def test_photo_is_where_the_token_opens() -> None:
    """A photo is fetched by its message's id, with the token for the provider alone."""
    async with Platform().listening() as platform:
        found = await located(platform, "image:590000000000000004")

    assert f"{platform.url}/v2/bot/message/590000000000000004/content" == found.url
    assert ({"Authorization": f"Bearer {TOKEN}"}, True) == (found.headers, found.trusted)


async def test_film_is_waited_for() -> None:
    """A film that LINE has not got ready is asked for later."""
    async with Platform().listening() as platform:
        platform.files["7"] = b"film"
        platform.getting_ready.add("7")
        with pytest.raises(Unavailable):
            await located(platform, "video:7")
        platform.getting_ready.clear()

        assert (await located(platform, "video:7")).trusted


async def test_file_from_elsewhere_gets_no_token() -> None:
    """What a message brings from another host is fetched like any stranger's address."""
    found = await located(Platform(), "https://photos.example/1.jpg")

    assert Located(url="https://photos.example/1.jpg") == found


def test_files_of_line_lie_on_a_host_of_their_own() -> None:
    """With LINE itself files come from its other host."""
    files = Files(LineSettings(api_url="https://api.line.me"), Post(2), TOKEN)

    assert files._url == "https://api-data.line.me"
