"""What is peculiar to a domestic gateway: SMS or LMS by bytes, numbers as dialled at home, result codes in words."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

import pytest
from aiohttp import web
from msgspec.structs import replace

from connectors._gateway_settings import SmsDomesticSettings
from connectors.base import Request, Words
from connectors.sms_domestic import SmsDomestic
from core.contact import home_number
from core.errors import Rejected, Unavailable, Uncertain
from core.message import Attachment, Message
from core.reply import Picture, Receipt, Reply

CITIZEN = "+821000000001"
WORDS = "관악구 신림동 가로등이 꺼져 있습니다"
ENVIRONMENT = {"EUNGDAPSO_SMS_SECRET": "s", "EUNGDAPSO_SMS_KEY": "theKey"}
CODES = {"1000": "taken", "4100": "delivered", "3005": "sender", "7000": "later", "4409": "opted-out"}


def gateway(**settings: Any) -> SmsDomestic:
    made = SmsDomesticSettings.model_validate({"from_number": "0220000120", "codes": CODES, **settings})
    return SmsDomestic("sms", made, environment=ENVIRONMENT)


def parsed(payload: Any, content_type: str = "application/json", **settings: Any) -> list[Message]:
    body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    asked = Request(
        method="POST",
        url="https://eungdapso.example/hooks/sms",
        path="/hooks/sms",
        query="",
        headers={"content-type": content_type},
        body=body,
        received_at=datetime(2026, 11, 23, 1, tzinfo=UTC),
    )
    return gateway(**settings).parse(asked)


def reply(text: str = "접수번호 20261123-000001-7, 강남구청에서 처리합니다.", to: str = CITIZEN) -> Reply:
    return Reply(
        id="01930000-0000-7000-8000-000000000001",
        channel="sms",
        account="+8220000120",
        to=to,
        text=text,
        kind="notice",
        case="20261123-000001-7",
        created_at=datetime(2026, 11, 23, 1, tzinfo=UTC),
    )


class StandIn:
    """A gateway that answers each message in one way, and may hang up after it took it."""

    def __init__(self, answer: str = '{"code": "1000", "msgKey": "MT1"}', *, hangs_up: bool = False) -> None:
        self.taken: list[dict[str, Any]] = []
        self.pictures: list[dict[str, str]] = []
        self.keeps = 200
        self.authorization = ""
        self._answer, self._hangs_up = answer, hangs_up

    async def take(self, asked: web.Request) -> web.Response:
        self.taken.append(await asked.json())
        self.authorization = asked.headers["Authorization"]
        if self._hangs_up:
            assert asked.transport is not None
            asked.transport.abort()
        return web.Response(text=self._answer, content_type="application/json")

    async def keep(self, asked: web.Request) -> web.Response:
        self.pictures.append(await asked.json())
        return web.json_response({"code": "1000", "fileKey": f"F{len(self.pictures)}"}, status=self.keeps)

    async def tell(self, asked: web.Request) -> web.Response:
        found = [one for one in self.taken if one["refKey"] == asked.match_info["reference"]]
        return web.Response(text=self._answer) if found else web.Response(status=404)

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[str]:
        app = web.Application()
        app.add_routes([web.post("/v1/messages", self.take), web.get("/v1/messages/{reference}", self.tell)])
        app.add_routes([web.post("/v1/files", self.keep)])
        runner = web.AppRunner(app)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            yield f"http://127.0.0.1:{runner.addresses[0][1]}"
        finally:
            await runner.cleanup()


async def sent(stand_in: StandIn, what: Reply, **settings: Any) -> Receipt:
    async with stand_in.listening() as url:
        sender = gateway(api_url=url, **settings).sender()
        assert sender is not None
        try:
            return await sender.send(what)
        finally:
            await sender.close()


@pytest.mark.parametrize(
    ("text", "kind", "subject"), [("가" * 45, "SMS", None), ("가" * 46, "LMS", "[응답소] 20261123-000001-7")]
)
async def test_length_decides_between_sms_and_lms(text: str, kind: str, subject: str | None) -> None:
    """Ninety bytes of cp949 go as SMS, what is longer as LMS with a subject, to a number as it is dialled at home."""
    stand_in = StandIn()
    receipt = await sent(stand_in, reply(text))
    (taken,) = stand_in.taken

    assert "MT1" == receipt.provider_id
    assert (kind, subject, "0220000120", "01000000001") == (
        taken["type"],
        taken.get("subject"),
        taken["from"],
        taken["to"],
    )
    assert (text, reply().id, "Bearer theKey") == (taken["text"], taken["refKey"], stand_in.authorization)


PICTURES = (
    Picture(name="1.jpg", media_type="image/jpeg", data=b"\xff\xd81"),
    Picture(name="2.jpg", media_type="image/jpeg", data=b"\xff\xd82"),
)


async def test_answer_with_pictures_goes_as_mms() -> None:
    """Pictures are posted first, and the message names them; short words or long ones."""
    stand_in = StandIn()
    await sent(stand_in, replace(reply("고쳤습니다."), pictures=PICTURES), picture_path="/v1/files")
    (taken,) = stand_in.taken

    assert ("MMS", "[응답소] 20261123-000001-7", ["F1", "F2"]) == (taken["type"], taken["subject"], taken["fileKeys"])
    assert [("1.jpg", "/9gx"), ("2.jpg", "/9gy")] == [(one["fileName"], one["fileData"]) for one in stand_in.pictures]


async def test_without_the_pictures_nothing_goes() -> None:
    """A gateway that cannot take a picture now is asked again with all of it; words alone would be half an answer."""
    stand_in = StandIn()
    stand_in.keeps = 503
    with pytest.raises(Unavailable):
        await sent(stand_in, replace(reply(), pictures=PICTURES), picture_path="/v1/files")

    assert [] == stand_in.taken


def test_a_gateway_that_takes_no_pictures_says_so() -> None:
    """The officer is told before the answer is written."""
    assert (0, 3) == (gateway().pictures, gateway(picture_path="/v1/files").pictures)


async def test_names_of_another_gateway_are_settings() -> None:
    """What a gateway calls things is a table: no code for another one."""
    stand_in = StandIn()
    names = {"text": "content", "recipient": "phone", "reference": "refKey", "more": {"account": "seoul"}}
    await sent(stand_in, reply(), outgoing=names, authorization="Key {key}")
    (taken,) = stand_in.taken

    assert ("01000000001", "seoul", reply().text) == (taken["phone"], taken["account"], taken["content"])
    assert "Key theKey" == stand_in.authorization


@pytest.mark.parametrize(
    ("code", "words"), [("3005", "발신번호가 사전등록되어 있지 않습니다"), ("4409", "수신 거부"), ("9999", "9999")]
)
async def test_refusal_is_told_in_words(code: str, words: str) -> None:
    """A message that the gateway refuses is Rejected with its code and what it means to those who look after it."""
    with pytest.raises(Rejected, match=words):
        await sent(StandIn(json.dumps({"code": code})), reply())


async def test_gateway_may_ask_to_wait_by_its_code() -> None:
    """A code that means "later" is a bad time and no refusal."""
    with pytest.raises(Unavailable, match="7000"):
        await sent(StandIn('{"code": 7000}'), reply())


async def test_number_abroad_is_refused() -> None:
    """A domestic gateway reaches no number abroad, and is not asked."""
    stand_in = StandIn()
    with pytest.raises(Rejected, match="국내"):
        await sent(stand_in, reply(to="+14155550100"))

    assert [] == stand_in.taken


async def test_message_that_went_though_the_line_broke_is_found() -> None:
    """A gateway that can be asked by our own name of a message is asked, and the message is not sent again."""
    stand_in = StandIn(hangs_up=True)
    receipt = await sent(stand_in, reply(), find_path="/v1/messages/{reference}")

    assert "MT1" == receipt.provider_id
    assert 1 == len(stand_in.taken)


async def test_without_a_way_to_ask_it_stays_open() -> None:
    """A gateway that cannot be asked leaves it to a person whether a message went."""
    with pytest.raises(Uncertain):
        await sent(StandIn(hangs_up=True), reply())


async def test_yes_without_a_code_proves_nothing() -> None:
    """A page of a proxy in between is no proof that a message went."""
    with pytest.raises(Uncertain):
        await sent(StandIn("<html>OK</html>"), reply())


@pytest.mark.parametrize(
    ("number", "dialled"),
    [
        ("+821012345678", "01012345678"),
        ("+82220000120", "0220000120"),
        ("+8215881234", "15881234"),
        ("15881234", "15881234"),
        ("+14155550100", ""),
        ("SEOUL", ""),
        ("", ""),
    ],
)
def test_numbers_are_dialled_as_at_home(number: str, dialled: str) -> None:
    """A number of the world's plan becomes what is dialled in Korea; what cannot be is none."""
    assert dialled == home_number(number, "82")


def test_form_in_cp949_is_read() -> None:
    """Older gateways post forms in cp949; a syllable that EUC-KR lacks is read too."""
    fields = {"msgKey": "1", "from": "01000000001", "to": "0220000120", "text": "뷁 문의합니다"}
    body = urlencode(fields, encoding="cp949").encode()

    assert "뷁 문의합니다" == parsed(body, "application/x-www-form-urlencoded", charset="cp949")[0].text


def test_several_come_in_one_call() -> None:
    """Receipts and messages may come as a list; one that cannot be read harms no other."""
    items = [
        {"msgKey": "MT1", "refKey": reply().id, "from": "0220000120", "to": "01000000001", "result": 4100},
        {"msgKey": "MO1", "from": "01000000002", "to": "0220000120", "text": "문의합니다"},
        {"msgKey": "MO2", "from": "", "to": "0220000120", "text": "누구"},
    ]
    found = parsed({"reports": items}, incoming={"items": "reports"})

    assert ["MT1", "MO1"] == [message.native_id for message in found]
    assert "delivered" == found[0].report.action if found[0].report else ""


def test_unknown_result_is_shown_to_staff() -> None:
    """A result code that nobody explained is taken for a message that did not arrive, with the code."""
    item = {"msgKey": "MT1", "refKey": reply().id, "from": "0220000120", "to": "01000000001", "result": "4777"}
    report = parsed(item)[0].report

    assert report is not None
    assert ("failed", "4777: 문자 사업자가 받지 않았습니다") == (report.action, report.status)


@pytest.mark.parametrize("incoming", [{}, {"items": "messages", "text": "body.plain"}])
def test_gateway_can_be_spoken(incoming: dict[str, str]) -> None:
    """What `send` says in the gateway's name is let in and says what was to be said."""
    connector = gateway(incoming=incoming)
    said = connector.spoken(Words(text=WORDS, sender="", public_url="https://eungdapso.example", now=1_795_396_500))
    asked = Request(
        method="POST",
        url="https://eungdapso.example/hooks/sms",
        path=said.path,
        query="",
        headers=said.headers,
        body=said.body,
        received_at=datetime(2026, 11, 23, 1, tzinfo=UTC),
    )
    connector.verify(asked, now=1_795_396_500)

    assert [WORDS] == [message.text for message in connector.parse(asked)]


@pytest.mark.parametrize(
    ("place", "is_shown"),
    [
        ("https://gw.example/f/1", True),
        ("https://gw.example.evil.example/f/1", False),
        ("http://gw.example/f/1", False),
    ],
)
async def test_key_is_shown_to_the_gateway_alone(place: str, is_shown: bool) -> None:
    """Pictures on the gateway's own host are asked for with the key, all others without."""
    located = await gateway(api_url="https://gw.example/api").locator().locate(Attachment(place=place))

    assert (is_shown, is_shown) == (bool(located.headers), located.trusted)
