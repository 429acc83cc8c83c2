"""A citizen's other contact in a running instance: blocked in the messenger, the answer comes by SMS."""

import http.client
import re
from urllib.parse import urlencode

import pytest

from bench.instance import Instance
from tests.commands import asked
from tests.telegram_server import BotApi, deliver, private
from tests.text_gateways import Gateways
from tests.town import Town
from tests.waiting import until

CITIZEN = "+821012345678"
CHAT = 5_100
WASTE = "강남구 역삼동 골목에 쓰레기 무단투기가 심해요 단속해주세요"
RESULT = "현장을 확인하고 치웠습니다."


@pytest.fixture(scope="module")
def city(town: Town) -> Instance:
    return town.instance


@pytest.fixture(scope="module")
def api(town: Town) -> BotApi:
    return town.telegram


@pytest.fixture(scope="module")
def gateways(town: Town) -> Gateways:
    return town.gateways


def posted(instance: Instance, path: str, **fields: str) -> int:
    """Returns the status of what a browser would post."""
    connection = http.client.HTTPConnection("127.0.0.1", instance.http, timeout=120)
    try:
        headers = {"content-type": "application/x-www-form-urlencoded"}
        connection.request("POST", path, urlencode(fields), headers)
        return connection.getresponse().status
    finally:
        connection.close()


async def test_blocked_in_the_messenger_it_comes_by_sms(city: Instance, api: BotApi, gateways: Gateways) -> None:
    """Linked on the page with a code, told in the chat, used once when the chat is closed; a reply joins the case."""
    await deliver(api.box, [private(900, CHAT, WASTE)])
    receipt = until(
        lambda: [form["text"] for form in api.box.sent if form["chat_id"] == str(CHAT) and "/c/" in form["text"]]
    )[0]
    link = re.findall(r"/c/[\w-]+/\w+", receipt)[0]
    number = link.split("/")[2]

    asked_for = posted(city, f"{link}/contacts", contact="010-1234-5678", consent="yes")
    sent = until(lambda: [form["Body"] for form in gateways.twilio if "인증번호" in form["Body"]])[0]
    proved = posted(city, f"{link}/contacts/code", code=re.findall(r"인증번호 (\d{6})", sent)[0])
    told = until(
        lambda: [form for form in api.box.sent if form["chat_id"] == str(CHAT) and "다른 연락처를 등록" in form["text"]]
    )
    api.box.blocked_by.add(str(CHAT))
    answer = asked(city, "case", "answer", number, RESULT)
    until(lambda: [form for form in gateways.twilio if RESULT in form["Body"]])
    words = f"접수번호 {number} 고맙습니다. 옆 골목도 보아 주십시오."
    reply = asked(city, "send", "--channel", "sms", "--from", CITIZEN, words)
    city.drain()
    shown = asked(city, "case", "show", number)

    assert (303, 303, 0, 0) == (asked_for, proved, answer.exit_code, reply.exit_code)
    assert 1 == len(told)
    assert [CITIZEN] == [form["To"] for form in gateways.twilio if RESULT in form["Body"]]
    assert "옆 골목도 보아 주십시오." in shown.output
    assert "sent by another way" in shown.output


def test_an_officer_lists_adds_and_removes_contacts(city: Instance) -> None:
    """From the terminal: how the citizen consented is asked for, addresses are shown with their end hidden."""
    asked(city, "send", "--channel", "email", "해시계가 고장 났습니다. 종로구 삼봉로 43")
    city.drain()
    number = re.findall(r"\d{8}-\d{6}-\d", asked(city, "case", "list", "--search", "해시계").output)[0]
    unsaid = asked(city, "case", "contact", number, "sms:+821087654321")
    added = asked(city, "case", "contact", number, "sms:010-8765-4321", "--why", "전화로 동의", "--by", "박지훈")
    nothing = asked(city, "case", "contact", number, "kakao:x", "--why", "전화로 동의")
    removed = asked(city, "case", "contact", number, "sms:+821087654321", "--remove", "--why", "전화로 철회")

    assert (1, 0, 1, 0) == (unsaid.exit_code, added.exit_code, nothing.exit_code, removed.exit_code)
    assert "how did the citizen consent?" in unsaid.output
    assert "+82108765****" in added.output
    assert "given by 박지훈" in added.output
    assert "+821087654321" not in added.output
    assert "no other contact is known" in removed.output
