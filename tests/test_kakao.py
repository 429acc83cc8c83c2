"""KakaoTalk: what is said at once, what a request becomes, and the two ways out: its callback, then a telephone."""

import asyncio
import json
import threading
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from pydantic import ValidationError

from cases.chat import Letter
from connectors._kakao_message import may_call
from connectors._kakao_rest import Answers, Later
from connectors._kakao_settings import KakaoSettings
from connectors.base import Request, Words
from connectors.kakao import Kakao
from core.contact import korean_mobile
from core.errors import Forged, Rejected, Unavailable, Uncertain
from core.message import Message
from core.reply import Receipt, Reply
from tests.kakao_server import BOT, DEALER_TOKEN, SECRET, payload
from tests.kakao_server import Kakao as Provider
from web.hooks import Hooks

NOW = datetime(2026, 11, 23, 1, 15, tzinfo=UTC)
ENVIRONMENT = {"EUNGDAPSO_KAKAO_SECRET": SECRET}
API = {"api_url": "https://bot-api.kakao.com"}
CALLBACK = f"https://bot-api.kakao.com/v1/bots/{BOT}/callback/0a1b"
SENTENCE = "담당 부서가 현장을 확인하고 정비를 마쳤습니다. "


def bot(**settings: Any) -> Kakao:
    return Kakao("kakao", KakaoSettings.model_validate(settings), environment=ENVIRONMENT)


def request(asked: Any, *, seconds: float = 0, **headers: str) -> Request:
    return Request(
        method="POST",
        url="https://eungdapso.example/hooks/kakao",
        path="/hooks/kakao",
        query="",
        headers={name.replace("_", "-"): value for name, value in headers.items()},
        body=json.dumps(asked).encode(),
        received_at=NOW + timedelta(seconds=seconds),
    )


def parsed(
    utterance: str = "가로등이 꺼졌어요", *, seconds: float = 0, part: Kakao | None = None, **asked: Any
) -> Message:
    return (part or bot()).parse(request(payload(utterance, **asked), seconds=seconds))[0]


def thanked(part: Kakao, utterance: str, **asked: Any) -> dict[str, Any]:
    """Returns what the citizen reads at once."""
    made = request(payload(utterance, **asked))
    answer = part.thanks(made, part.parse(made))

    assert (200, "application/json; charset=utf-8") == (answer.status, answer.media_type)
    return dict(json.loads(answer.body))


# Who calls.


@pytest.mark.parametrize("claimed", ["", SECRET[:-1], SECRET + "0", SECRET.upper(), f" {SECRET}", "é" * 10])
def test_another_secret_is_forged(claimed: str) -> None:
    """Whatever is not the secret itself is refused."""
    with pytest.raises(Forged):
        bot().verify(request({}, x_eungdapso_secret=claimed), now=0)


@pytest.mark.parametrize("secret", ["with blank", "가나다", "line\n", "a" * 257])
def test_secret_that_no_header_can_carry_is_told(secret: str) -> None:
    """A secret that cannot stand in a header keeps the channel from starting, and lets nobody in."""
    part = Kakao("kakao", KakaoSettings(), environment={"EUNGDAPSO_KAKAO_SECRET": secret})

    assert part.missing()[0].startswith("EUNGDAPSO_KAKAO_SECRET")
    with pytest.raises(Forged):
        part.verify(request({}, x_eungdapso_secret=secret), now=0)


def test_what_send_says_is_let_in() -> None:
    """What `send` says carries the secret and is the citizen's message."""
    spoken = bot().spoken(Words(text="가로등", sender="citizen-7", public_url="https://x.example", now=0))
    asked = msgspec.structs.replace(request({}), body=spoken.body, headers=spoken.headers)
    bot().verify(asked, now=0)

    assert [("가로등", "citizen-7")] == [(m.text, m.author.handle) for m in bot().parse(asked)]


def test_send_can_leave_a_number() -> None:
    """Where the block has a parameter for it, a sender who is a telephone number is one who left it."""
    part = bot(phone_param="phone")
    spoken = part.spoken(Words(text="가로등", sender="+82 10-1234-5678", public_url="https://x.example", now=0))
    asked = msgspec.structs.replace(request({}), body=spoken.body, headers=spoken.headers)

    assert ["01012345678"] == [m.reply_to for m in part.parse(asked)]


# What is said at once.


def test_receipt_says_that_it_was_taken() -> None:
    """Who cannot be answered in the chat is told at once that the words were taken, with buttons for what is next."""
    said = thanked(bot(), "가로등이 꺼졌어요")
    template = said["template"]

    assert "2.0" == said["version"]
    assert "접수" in template["outputs"][0]["simpleText"]["text"]
    assert [("민원 진행 상황", "message")] == [(one["label"], one["action"]) for one in template["quickReplies"]]
    assert "useCallback" not in said


def test_callback_is_announced() -> None:
    """Who is answered by callback is asked to wait for it."""
    said = thanked(bot(**API), "가로등이 꺼졌어요", callbackUrl=CALLBACK)

    assert ("2.0", True) == (said["version"], said["useCallback"])
    assert said["data"]["text"]
    assert "template" not in said


def test_callback_that_nobody_will_use_is_not_announced() -> None:
    """Without a way out, or with an address that is not Kakao's, nobody is asked to wait."""
    elsewhere = "https://bot-api.kakao.example/callback"

    assert "useCallback" not in thanked(bot(), "가로등", callbackUrl=CALLBACK)
    assert "useCallback" not in thanked(bot(**API), "가로등", callbackUrl=elsewhere)


def test_who_left_a_number_is_told_where_the_answer_comes() -> None:
    """Who left a telephone number reads that the answer goes there."""
    part = bot(phone_param="phone", later="alimtalk", alimtalk={"api_url": "https://dealer.example/messages"})
    said = thanked(part, "가로등", params={"phone": "010-0000-0021"})

    assert "번호로" in said["template"]["outputs"][0]["simpleText"]["text"]


def test_wordless_request_is_greeted() -> None:
    """A block that somebody opened without a word is answered with what to send, and is no message."""
    asked = request(payload("  "))

    assert [] == bot().parse(asked)
    assert "무엇을" in bot().thanks(asked, []).body.decode()


def test_apology_is_a_polite_answer() -> None:
    """When nothing can be taken the citizen reads so, politely, instead of Kakao's error."""
    answer = bot().apology()
    text = json.loads(answer.body)["template"]["outputs"][0]["simpleText"]["text"]

    assert 200 == answer.status
    assert "죄송합니다" in text


async def test_citizen_reads_the_apology_when_nothing_can_be_kept() -> None:
    """While nothing can be made durable the door says yes to Kakao and sorry to the citizen."""
    events: list[Any] = []

    async def accept(_: Any) -> None:
        raise Unavailable("the log is full")

    async def receive() -> Any:
        return {"type": "http.request", "body": json.dumps(payload("가로등")).encode(), "more_body": False}

    async def send(event: Any) -> None:
        events.append(event)

    hooks = Hooks({"kakao": bot()}, accept, lambda: NOW, "https://eungdapso.example", unix_time=lambda: 0.0)
    headers = [(b"x-eungdapso-secret", SECRET.encode())]
    scope = {"type": "http", "method": "POST", "path": "/hooks/kakao", "query_string": b"", "headers": headers}
    await hooks(scope, receive, send)

    assert 200 == events[0]["status"]
    assert bot().apology().body == events[1]["body"]


class Waiting:
    """The letters that wait for a citizen, and a store that may not answer."""

    def __init__(self, *letters: Reply, before: str = "failed", look: str = "none", ways: tuple[str, ...] = ()) -> None:
        self.letters = [Letter(one, before) for one in letters]
        self.ends: list[tuple[str, list[str]]] = []
        self.looks, self.ways = look, frozenset(ways)
        self.answers = threading.Event()
        self.answers.set()

    def look(self, message: Message) -> str:
        self.answers.wait(30)
        return self.looks

    def take(self, message: Message, most: int) -> list[Letter]:
        self.answers.wait(30)
        taken, self.letters = self.letters[:most], self.letters[most:]
        return taken

    def shown(self, letters: Sequence[Letter]) -> None:
        self.ends.append(("shown", [letter.reply.id for letter in letters]))

    def put_back(self, letters: Sequence[Letter]) -> None:
        self.ends.append(("put back", [letter.reply.id for letter in letters]))

    def other_ways(self, message: Message) -> frozenset[str]:
        return self.ways


async def told(chat: Waiting, utterance: str = "가로등이 꺼졌어요", **asked: Any) -> list[str]:
    """Returns what the citizen reads, bubble by bubble, and lets it be written down that they did."""
    part, made = bot(**API), request(payload(utterance, **asked))
    part.chat = chat
    answer = await part.told(made, part.parse(made), 30)
    if answer.then is not None:
        await answer.then()
    return [one["simpleText"]["text"] for one in json.loads(answer.body)["template"]["outputs"]]


async def test_letter_about_it_is_shown_at_once() -> None:
    """Without a callback the answer itself is what the citizen reads, when it is there in time."""
    chat = Waiting(reply(), before="queued", look="there")

    assert [reply().text] == await told(chat)
    assert [("shown", [reply().id])] == chat.ends


async def test_what_was_answered_meanwhile_comes_first() -> None:
    """Before the receipt for what was said now the citizen reads what nobody could bring them before."""
    texts = await told(Waiting(reply("가로등을 고쳤습니다.", kind="result")))

    assert ("가로등을 고쳤습니다.", 2) == (texts[0], len(texts))
    assert "접수" in texts[1]


async def test_receipt_says_where_the_answer_will_be() -> None:
    """In the chat, or where the citizen has another contact by consent."""
    alone, elsewhere = await told(Waiting()), await told(Waiting(ways=("sms",)))

    assert "답변 보기" in alone[0]
    assert "연락처" in elsewhere[0]


async def test_who_asks_for_answers_says_nothing() -> None:
    """The button is no message; it shows what there is, or says that there is nothing yet."""
    asked = request(payload("답변 보기"))
    shown, nothing = await told(Waiting(reply()), "답변 보기"), await told(Waiting(), "답변 보기")

    assert [] == bot().parse(asked)
    assert [reply().text] == shown
    assert "아직" in nothing[0]


async def test_store_that_does_not_answer_keeps_nobody_waiting() -> None:
    """When the time is over the receipt is said without it; what was taken too late is put back."""
    part, made, chat = bot(**API), request(payload("가로등이 꺼졌어요")), Waiting(reply())
    part.chat = chat
    chat.answers.clear()
    answer = await part.told(made, part.parse(made), 0.01)
    chat.answers.set()
    async with asyncio.timeout(60):
        while not chat.ends:
            await asyncio.sleep(0.01)

    assert "답변 보기" in json.loads(answer.body)["template"]["outputs"][0]["simpleText"]["text"]
    assert ([("put back", [reply().id])], None) == (chat.ends, answer.then)


async def test_who_left_a_number_is_not_kept_waiting() -> None:
    """Their letters go to the telephone; nothing is looked for in the chat."""
    part = bot(phone_param="phone", later="alimtalk", alimtalk={"api_url": "https://dealer.example/messages"})
    made, part.chat = request(payload("가로등", params={"phone": "010-0000-0021"})), Waiting(reply())
    answer = await part.told(made, part.parse(made), 30)

    assert part.thanks(made, part.parse(made)).body == answer.body


# What a request becomes.


def test_same_words_within_the_window_are_one() -> None:
    """A request that comes again within the ten seconds is the same message; other words or another citizen are not."""
    first = parsed()

    assert first.identity == parsed(seconds=9).identity
    assert first.identity != parsed("보도블록이 깨졌어요").identity
    assert first.identity != parsed(user="citizen-22").identity
    assert first.identity != parsed(seconds=10).identity


def test_callback_tells_requests_apart_over_any_edge() -> None:
    """A request with a callback is the same whenever it comes again, and another callback is another request."""
    part = bot(**API)
    first = parsed(part=part, callbackUrl=CALLBACK)

    assert first.identity == parsed(part=part, callbackUrl=CALLBACK, seconds=11).identity
    assert first.identity != parsed(part=part, callbackUrl=CALLBACK + "2").identity


def test_check_of_a_parameter_is_no_message() -> None:
    """What Kakao asks in the middle of a form, whether a value fits, is refused with the reason."""
    with pytest.raises(Rejected, match="parameter"):
        parsed("01000000021", isInSlotFilling=True, value={"origin": "01000000021", "resolved": "01000000021"})


def test_link_that_somebody_shares_stays_in_the_words() -> None:
    """Only addresses on Kakao's hosts for files are photographs."""
    message = parsed("https://map.kakao.com/?q=1 여기예요")

    assert ("https://map.kakao.com/?q=1 여기예요", ()) == (message.text, message.attachments)


@pytest.mark.parametrize(
    "url",
    [
        "http://bot-api.kakao.com/v1/callback/1",
        "https://bot-api.kakao.com.example/v1",
        "https://bot-api.kakao.com@10.0.0.1/v1",
        "https://bot-api.kakao.com:8443/v1",
        "https://bot-api.kakao.com\\@10.0.0.1/v1",
        "https://bot-api.kakao.com/\n/v1",
        "https://169.254.169.254/latest/meta-data",
        "https://BOT-API.KAKAO.COM.evil/",
        "file:///etc/passwd",
        "//bot-api.kakao.com/v1",
        "https://bot-api.kakao.com",
        "",
    ],
)
def test_address_of_a_stranger_is_no_callback(url: str) -> None:
    """Only addresses on Kakao's host, by https and on its port, are ever called."""
    assert not may_call(url, KakaoSettings.model_validate(API))


def test_host_that_is_named_may_be_called() -> None:
    """A host that the settings name is called as well, by https alone."""
    settings = KakaoSettings.model_validate({**API, "callback_hosts": ["bot-api-dev.kakao.com"]})

    assert may_call("https://bot-api-dev.kakao.com/v1/callback/1", settings)
    assert not may_call("http://bot-api-dev.kakao.com/v1/callback/1", settings)


@pytest.mark.parametrize(
    ("said", "number"),
    [
        ("010-0000-0021", "01000000021"),
        ("+82 10 0000 0021", "01000000021"),
        ("821000000021", "01000000021"),
        ("02-120", ""),
        ("0100000002100000", ""),
        ("٠١٠٠٠٠٠٠٠٢١", ""),
        ("", ""),
    ],
)
def test_telephone_number(said: str, number: str) -> None:
    """A mobile number of this country is known in its spellings, and nothing else is one."""
    assert number == korean_mobile(said)


def test_way_for_later_needs_an_address() -> None:
    """To choose a way for later answers without saying where it is, is a mistake in the file."""
    with pytest.raises(ValidationError, match="api_url"):
        bot(later="alimtalk")


def test_button_longer_than_kakao_shows_is_a_mistake() -> None:
    """What stands on a button has fourteen characters at most."""
    with pytest.raises(ValidationError):
        bot(quick_replies={"열네 글자보다 더 긴 단추입니다": "네"})


# The way out.


def reply(text: str = "접수번호 20261123-000001-7, 강남구청에서 처리합니다.", **more: Any) -> Reply:
    made = Reply(
        id="018f0000-0000-7000-8000-000000000001",
        channel="kakao",
        account="kakao",
        to="citizen-21",
        text=text,
        kind="notice",
        case="20261123-000001-7",
        created_at=NOW + timedelta(seconds=1),
        asked_at=NOW,
    )
    return msgspec.structs.replace(made, **more)


async def sent(provider: Provider, one: Reply, *, seconds: float = 2, **settings: Any) -> Receipt | Exception:
    """Sends so many seconds after the citizen wrote."""
    made = KakaoSettings.model_validate({"api_url": provider.url, "timeout_seconds": 2, **settings})
    answers = Answers(made, Later(made, DEALER_TOKEN, "a-profile"), lambda: NOW + timedelta(seconds=seconds))
    try:
        verdict = (await answers.send_all([one]))[0]
    finally:
        await answers.close()
    return verdict


def alimtalk(provider: Provider, **more: Any) -> dict[str, Any]:
    service = {"api_url": f"{provider.url}/messages", "template": "EUNGDAPSO_01", **more}
    return {"later": "alimtalk", "alimtalk": service}


async def test_answer_within_the_minute_goes_by_callback() -> None:
    """An answer that is ready in time is posted to the request's callback, as a template, once."""
    async with Provider().listening() as provider:
        url = provider.new_callback()
        receipt = await sent(provider, reply(callback=url))

        assert Receipt(provider_id="task-000000000000") == receipt
        assert [reply().text] == provider.texts_at(url)


async def test_long_answer_is_three_bubbles_at_most() -> None:
    """A long answer goes in up to three bubbles of a thousand characters; the last says where the rest is."""
    link = "https://eungdapso.example/c/20261123-000001-7/0123456789abcdef"
    async with Provider().listening() as provider:
        url = provider.new_callback()
        await sent(provider, reply(SENTENCE * 200, callback=url, link=link))
        texts = provider.texts_at(url)

    assert 3 == len(texts)
    assert max(map(len, texts)) <= 1_000
    assert texts[-1].endswith(link)


async def test_result_can_be_rated_by_one_touch() -> None:
    """What asks for a rating has buttons for it, each short enough to be shown."""
    async with Provider().listening() as provider:
        url = provider.new_callback()
        await sent(provider, reply(callback=url, kind="result"))
        buttons = provider.callbacks["000000000000"].templates[0]["template"]["quickReplies"]

    assert ["5점", "4점", "3점", "2점", "1점"] == [one["messageText"] for one in buttons]
    assert max(len(one["label"]) for one in buttons) <= 14


async def test_answer_after_the_minute_asks_no_callback() -> None:
    """When the minute is over the callback is left alone, and staff see that the answer did not go."""
    async with Provider().listening() as provider:
        error = await sent(provider, reply(callback=provider.new_callback()), seconds=55)

    assert (Rejected, 0) == (type(error), provider.taken)


@pytest.mark.parametrize(("callback", "why"), [(False, "there is no callback"), (True, "its minute over")])
async def test_staff_read_why_nothing_arrived(callback: bool, why: str) -> None:
    """Whether there was a callback at all, or it came too late."""
    async with Provider().listening() as provider:
        late = reply(callback=provider.new_callback() if callback else "", attempt=2)
        error = await sent(provider, late, seconds=55)

    assert why in str(error)


async def test_letter_of_the_next_morning_asks_no_callback() -> None:
    """A letter that was written later than the minute does not try the callback, whatever clock the house has."""
    async with Provider().listening() as provider:
        late = reply(callback=provider.new_callback(), created_at=NOW + timedelta(hours=15))
        error = await sent(provider, late, seconds=0)

    assert (Rejected, 0) == (type(error), provider.taken)


async def test_later_answer_goes_to_the_telephone() -> None:
    """A later answer goes to the number that the citizen left, in the dealer's own words for it."""
    one = '{"no": "{to}", "text": "{text}", "ref": "{number}", "n": 1}'
    body = f'{{"key": "{{sender_key}}", "list": [{one}], "t": "{{template}}"}}'
    async with Provider().listening() as provider:
        receipt = await sent(provider, reply('"{to}" 입니다', to="01000000021"), **alimtalk(provider, body=body))

    assert Receipt(provider_id="m-1") == receipt
    assert [
        {
            "key": "a-profile",
            "list": [{"no": "01000000021", "text": '"{to}" 입니다', "ref": "20261123-000001-7", "n": 1}],
            "t": "EUNGDAPSO_01",
        }
    ] == provider.messages


async def test_used_callback_gives_way_to_the_telephone() -> None:
    """An answer whose callback Kakao does not take any more goes to the telephone instead."""
    async with Provider().listening() as provider:
        url = provider.new_callback()
        for _ in range(2):
            await sent(provider, reply(to="01000000021", callback=url), **alimtalk(provider))

        assert (1, 1) == (len(provider.texts_at(url)), len(provider.messages))


async def test_without_a_number_staff_see_it() -> None:
    """Without a telephone number a later answer is final, with the reason for staff."""
    async with Provider().listening() as provider:
        errors = [await sent(provider, reply(attempt=attempt), **alimtalk(provider)) for attempt in (1, 2)]

    # At first its door may still show it.
    assert ["Waits", "Rejected"] == [type(error).__name__ for error in errors]
    assert "telephone" in str(errors[1])


async def test_dealer_that_says_no_within_a_yes_is_believed() -> None:
    """A dealer that answers 200 and says no in the body refused the message."""
    async with Provider().listening() as provider:
        provider.dealer_says = {"code": "3015", "id": "1"}
        settings = alimtalk(provider, ok_field="code", ok_value="0000")
        error = await sent(provider, reply(to="01000000021"), **settings)

    assert Rejected is type(error)


@pytest.mark.parametrize(
    ("instead", "error", "got"),
    [(429, Unavailable, 0), (503, Unavailable, 0), ("refused", Uncertain, 0), ("lost", Uncertain, 1)],
)
async def test_callback_at_a_bad_time(instead: int | str, error: type[Exception], got: int) -> None:
    """A callback that cannot take it now is tried again; one that does not answer is nobody's guess."""
    async with Provider().listening() as provider:
        provider.instead.append(instead)
        url = provider.new_callback()
        verdict = await sent(provider, reply(to="01000000021", callback=url), **alimtalk(provider))

        assert error is type(verdict)
        assert (got, []) == (len(provider.texts_at(url)), provider.messages)


async def test_address_of_a_stranger_is_never_called() -> None:
    """A callback that lies elsewhere, however it came into a reply, is not called."""
    async with Provider().listening() as provider, Provider().listening() as stranger:
        error = await sent(provider, reply(callback=stranger.new_callback()))

    assert (Rejected, 0) == (type(error), stranger.taken)
