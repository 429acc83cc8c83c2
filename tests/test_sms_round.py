"""Text messages there and back, by Twilio and by a domestic gateway: a running instance, gateways that misbehave."""

import hashlib
import hmac
import json
import random
import re
import time
import urllib.error
import urllib.request
from base64 import b64decode
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from sqlalchemy import create_engine, func, select

from bench.instance import TOKEN, Instance
from cases.schema import cases, outbox
from connectors._twilio_form import read_form, sign
from tests.commands import asked
from tests.test_photo import photograph
from tests.text_gateways import Gateways
from tests.town import ACCOUNT_SID, GATEWAY_SECRET, Town
from tests.waiting import until

WASTE = "강남구 역삼동 골목에 쓰레기 무단투기가 심해요 단속해주세요"
QUESTION = "대형폐기물은 어떻게 버리나요?"


@pytest.fixture(scope="module")
def gateways(town: Town) -> Gateways:
    return town.gateways


@pytest.fixture(scope="module")
def city(town: Town) -> Instance:
    return town.instance


def by_twilio(city: Instance, query: str = "", **fields: str) -> int:
    """Posts as Twilio does; returns what was answered."""
    body, path = urlencode({"To": "+8220000120", "AccountSid": ACCOUNT_SID, **fields}).encode(), f"/hooks/sms{query}"
    signature = sign(TOKEN.encode(), city.base + path, read_form(body).signed).decode()
    headers = {"content-type": "application/x-www-form-urlencoded", "x-twilio-signature": signature}
    return post(city.base + path, body, headers)


def by_gateway(city: Instance, **fields: str) -> int:
    """Posts as the domestic gateway does; returns what was answered."""
    body, now = json.dumps(fields).encode(), int(time.time())
    signature = hmac.new(GATEWAY_SECRET.encode(), b"%d.%s" % (now, body), hashlib.sha256).hexdigest()
    headers = {"content-type": "application/json", "x-gateway-timestamp": str(now), "x-gateway-signature": signature}
    return post(f"{city.base}/hooks/domestic", body, headers)


def post(url: str, body: bytes, headers: dict[str, str]) -> int:
    try:
        with urllib.request.urlopen(urllib.request.Request(url, data=body, headers=headers), timeout=120) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def counted(city: Instance, statement: Any) -> int:
    engine = create_engine(city.cases_url)
    with engine.connect() as connection:
        found = connection.execute(statement).scalar_one()
    engine.dispose()
    return int(found)


def opened(city: Instance, citizens: Sequence[str]) -> int:
    """How many cases these citizens have."""
    return counted(city, select(func.count()).select_from(cases).where(cases.c.author.in_(citizens)))


def in_state(city: Instance, citizens: Sequence[str], state: str) -> int:
    """How many letters to these citizens are so far."""
    theirs = outbox.c.number.in_(select(cases.c.number).where(cases.c.author.in_(citizens)))
    return counted(city, select(func.count()).select_from(outbox).where(theirs, outbox.c.state == state))


def shuffled(calls: Sequence[Callable[[], int]], times: int) -> set[int]:
    """Makes every call so many times, in any order; returns the answers."""
    every = [call for call in calls for _ in range(times)]
    random.Random(7).shuffle(every)
    return {call() for call in every}


def test_twilio_there_and_back(city: Instance, gateways: Gateways) -> None:
    """Ten citizens whose messages come three times in any order get one letter each, though Twilio says 429, 500, hangs
    up and is slow; receipts in any order leave two letters with staff."""

    citizens = [f"+82100000000{n}" for n in range(10)]

    def says(n: int) -> Callable[[], int]:
        text = WASTE if n % 2 else QUESTION
        return lambda: by_twilio(city, MessageSid=f"SMin{n}", From=citizens[n], Body=text, NumMedia="0")

    def letters() -> list[dict[str, str]]:
        return [sent for sent in gateways.twilio if sent["To"] in citizens]

    gateways.instead.extend([429, 500, "hang up", "slow", 503])
    answers = shuffled([says(n) for n in range(10)], 3)
    until(lambda: 10 <= len(letters()))
    city.drain()

    assert {200} == answers
    assert citizens == sorted(sent["To"] for sent in letters())
    assert (10, 10) == (opened(city, citizens), in_state(city, citizens, "sent"))

    def tells(sent: dict[str, str], status: str) -> Callable[[], int]:
        reply = sent["StatusCallback"].rpartition("=")[2]
        fields = {"MessageSid": f"SM{reply.replace('-', '')}", "From": sent["From"], "To": sent["To"]}
        return lambda: by_twilio(city, f"?reply={reply}", **fields, MessageStatus=status, ErrorCode="30003")

    steps = ("queued", "sending", "sent")
    lasts = ["undelivered" if n < 2 else "delivered" for n in range(10)]
    told = [tells(sent, step) for sent, last in zip(letters(), lasts, strict=True) for step in (*steps, last)]
    answers = shuffled(told, 2)
    until(lambda: 2 == in_state(city, citizens, "undeliverable"))
    city.drain()

    assert {200} == answers
    assert (10, 8, 2) == (
        len(letters()),
        in_state(city, citizens, "sent"),
        in_state(city, citizens, "undeliverable"),
    )


def test_domestic_gateway_there_and_back(city: Instance, gateways: Gateways) -> None:
    """The same by a gateway of another kind behind the same contract: one letter each, by length as SMS or LMS."""

    citizens = [f"+82101000000{n}" for n in range(6)]

    def says(n: int) -> Callable[[], int]:
        number = f"0101000000{n}"
        return lambda: by_gateway(city, msgKey=f"MO{n}", **{"from": number}, to="0220000120", text=WASTE)

    gateways.instead.extend(["hang up", 429, 500, "slow"])
    answers = shuffled([says(n) for n in range(6)], 3)
    until(lambda: 6 <= len(gateways.domestic))
    city.drain()

    assert {200} == answers
    assert sorted(f"0101000000{n}" for n in range(6)) == sorted(sent["to"] for sent in gateways.domestic)
    assert (6, 6) == (opened(city, citizens), in_state(city, citizens, "sent"))
    assert {"SMS", "LMS"} >= {sent["type"] for sent in gateways.domestic}

    def tells(sent: dict[str, str], result: str) -> Callable[[], int]:
        fields = {"msgKey": f"MT{sent['refKey']}", "refKey": sent["refKey"], "from": sent["from"], "to": sent["to"]}
        return lambda: by_gateway(city, **fields, result=result)

    answers = shuffled([tells(sent, "4410" if n < 1 else "6600") for n, sent in enumerate(gateways.domestic)], 2)
    until(lambda: 1 == in_state(city, citizens, "undeliverable"))
    city.drain()

    assert {200} == answers
    assert (6, 5) == (len(gateways.domestic), in_state(city, citizens, "sent"))


def test_an_answer_with_a_picture_goes_as_mms(city: Instance, gateways: Gateways, tmp_path: Path) -> None:
    """By the gateway that carries pictures, which is busy at first; an officer is told where there is no such way."""
    (tmp_path / "고친 곳.jpg").write_bytes(photograph())
    with_picture = ("--picture", str(tmp_path / "고친 곳.jpg"), "--by", "박지훈")
    by_gateway(city, msgKey="MOpicture", **{"from": "01020000001"}, to="0220000120", text=f"해바라기 {WASTE}")
    by_twilio(city, MessageSid="SMpicture", From="+821020000002", Body=f"코스모스 {WASTE}", NumMedia="0")
    city.drain()
    numbers = [
        re.findall(r"\d{8}-\d{6}-\d", asked(city, "case", "list", "--search", word).output)[0]
        for word in ("해바라기", "코스모스")
    ]
    gateways.instead.extend([503])
    done = asked(city, "case", "answer", numbers[0], "치웠습니다.", *with_picture)
    sent = until(lambda: [one for one in gateways.domestic if one["type"] == "MMS"])
    refused = asked(city, "case", "answer", numbers[1], "치웠습니다.", *with_picture)

    assert (0, 2) == (done.exit_code, refused.exit_code)
    assert "sms carries no pictures" in refused.output
    assert [("01020000001", ["F1"])] == [(one["to"], one["fileKeys"]) for one in sent]
    assert b"Exif" not in b64decode(gateways.pictures[0]["fileData"])
