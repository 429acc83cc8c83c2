"""Text messages there and back, by Twilio and by a domestic gateway: a running instance, gateways that misbehave."""

import hashlib
import hmac
import json
import random
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from typing import Any
from urllib.parse import urlencode

import pytest
from sqlalchemy import create_engine, func, select

from bench.instance import TOKEN, Instance
from cases.schema import cases, outbox
from connectors._twilio_form import read_form, sign
from tests.stand_in import running
from tests.text_gateways import Gateways

SECRET = "the-key-of-a-gateway-that-is-none"
WASTE = "강남구 역삼동 골목에 쓰레기 무단투기가 심해요 단속해주세요"
QUESTION = "대형폐기물은 어떻게 버리나요?"
ENVIRONMENT = {
    "EUNGDAPSO_NOW": "2026-11-23T10:00:00",
    "EUNGDAPSO_CLOCK": "frozen",
    "EUNGDAPSO_SMS_ACCOUNT_SID": "AC1",
    "EUNGDAPSO_DOMESTIC_SECRET": SECRET,
    "EUNGDAPSO_DOMESTIC_KEY": "theKey",
}
TABLES = """[connectors.sms]
api_url = "{url}"
timeout_seconds = 3

[connectors.domestic]
type = "sms_domestic"
api_url = "{url}"
find_path = "/v1/messages/{reference}"
timeout_seconds = 3
codes = { 1000 = "taken", 4100 = "delivered", 6600 = "delivered", 4410 = "number" }

[replies]
first_seconds = 0.2
"""


@pytest.fixture(scope="module")
def gateways() -> Iterator[Gateways]:
    with Gateways().in_thread() as made:
        yield made


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory, gateways: Gateways) -> Iterator[Instance]:
    """A running pipeline with one channel for each dialect."""
    tables = TABLES.replace("{url}", gateways.url)
    with running(tmp_path_factory.mktemp("city"), ENVIRONMENT, "sms", tables) as instance:
        yield instance


def by_twilio(city: Instance, query: str = "", **fields: str) -> int:
    """Posts as Twilio does; returns what was answered."""
    body, path = urlencode({"To": "+8220000120", "AccountSid": "AC1", **fields}).encode(), f"/hooks/sms{query}"
    signature = sign(TOKEN.encode(), city.base + path, read_form(body).signed).decode()
    headers = {"content-type": "application/x-www-form-urlencoded", "x-twilio-signature": signature}
    return post(city.base + path, body, headers)


def by_gateway(city: Instance, **fields: str) -> int:
    """Posts as the domestic gateway does; returns what was answered."""
    body, now = json.dumps(fields).encode(), int(time.time())
    signature = hmac.new(SECRET.encode(), b"%d.%s" % (now, body), hashlib.sha256).hexdigest()
    headers = {"content-type": "application/json", "x-gateway-timestamp": str(now), "x-gateway-signature": signature}
    return post(f"{city.base}/hooks/domestic", body, headers)


def post(url: str, body: bytes, headers: dict[str, str]) -> int:
    try:
        with urllib.request.urlopen(urllib.request.Request(url, data=body, headers=headers), timeout=20) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def until(look: Callable[[], Any]) -> Any:
    """Returns the first thing seen; gives up after half a minute."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        if found := look():
            return found
        time.sleep(0.05)
    raise AssertionError("it did not come")


def counted(city: Instance, statement: Any) -> int:
    engine = create_engine(city.cases_url)
    with engine.connect() as connection:
        found = connection.execute(statement).scalar_one()
    engine.dispose()
    return int(found)


def opened(city: Instance, channel: str) -> int:
    return counted(city, select(func.count()).select_from(cases).where(cases.c.channel == channel))


def in_state(city: Instance, channel: str, state: str) -> int:
    return counted(
        city,
        select(func.count()).select_from(outbox).where(outbox.c.channel == channel, outbox.c.state == state),
    )


def shuffled(calls: Sequence[Callable[[], int]], times: int) -> set[int]:
    """Makes every call so many times, in any order; returns the answers."""
    every = [call for call in calls for _ in range(times)]
    random.Random(7).shuffle(every)
    return {call() for call in every}


def test_twilio_there_and_back(city: Instance, gateways: Gateways) -> None:
    """Ten citizens whose messages come three times in any order get one letter each, though Twilio says 429, 500, hangs
    up and is slow; receipts in any order leave two letters with staff."""

    def says(n: int) -> Callable[[], int]:
        text = WASTE if n % 2 else QUESTION
        return lambda: by_twilio(city, MessageSid=f"SMin{n}", From=f"+82100000000{n}", Body=text, NumMedia="0")

    gateways.instead.extend([429, 500, "hang up", "slow", 503])
    answers = shuffled([says(n) for n in range(10)], 3)
    until(lambda: 10 <= len(gateways.twilio))
    city.drain()

    assert {200} == answers
    assert sorted(f"+82100000000{n}" for n in range(10)) == sorted(sent["To"] for sent in gateways.twilio)
    assert (10, 10) == (opened(city, "sms"), in_state(city, "sms", "sent"))

    def tells(sent: dict[str, str], status: str) -> Callable[[], int]:
        reply = sent["StatusCallback"].rpartition("=")[2]
        fields = {"MessageSid": f"SM{reply.replace('-', '')}", "From": sent["From"], "To": sent["To"]}
        return lambda: by_twilio(city, f"?reply={reply}", **fields, MessageStatus=status, ErrorCode="30003")

    steps = ("queued", "sending", "sent")
    lasts = ["undelivered" if n < 2 else "delivered" for n in range(10)]
    told = [tells(sent, step) for sent, last in zip(gateways.twilio, lasts, strict=True) for step in (*steps, last)]
    answers = shuffled(told, 2)
    until(lambda: 2 == in_state(city, "sms", "undeliverable"))
    city.drain()

    assert {200} == answers
    assert (10, 8, 2) == (
        len(gateways.twilio),
        in_state(city, "sms", "sent"),
        in_state(city, "sms", "undeliverable"),
    )


def test_domestic_gateway_there_and_back(city: Instance, gateways: Gateways) -> None:
    """The same by a gateway of another kind behind the same contract: one letter each, by length as SMS or LMS."""

    def says(n: int) -> Callable[[], int]:
        number = f"0101000000{n}"
        return lambda: by_gateway(city, msgKey=f"MO{n}", **{"from": number}, to="0220000120", text=WASTE)

    gateways.instead.extend(["hang up", 429, 500, "slow"])
    answers = shuffled([says(n) for n in range(6)], 3)
    until(lambda: 6 <= len(gateways.domestic))
    city.drain()

    assert {200} == answers
    assert sorted(f"0101000000{n}" for n in range(6)) == sorted(sent["to"] for sent in gateways.domestic)
    assert (6, 6) == (opened(city, "domestic"), in_state(city, "domestic", "sent"))
    assert {"SMS", "LMS"} >= {sent["type"] for sent in gateways.domestic}

    def tells(sent: dict[str, str], result: str) -> Callable[[], int]:
        fields = {"msgKey": f"MT{sent['refKey']}", "refKey": sent["refKey"], "from": sent["from"], "to": sent["to"]}
        return lambda: by_gateway(city, **fields, result=result)

    answers = shuffled([tells(sent, "4410" if n < 1 else "6600") for n, sent in enumerate(gateways.domestic)], 2)
    until(lambda: 1 == in_state(city, "domestic", "undeliverable"))
    city.drain()

    assert {200} == answers
    assert (6, 5) == (len(gateways.domestic), in_state(city, "domestic", "sent"))
