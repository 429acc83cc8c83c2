"""Signed webhooks there and back: Standard Webhooks and a plain HMAC dialect that only a table describes."""

import base64
import hashlib
import hmac
import json
import random
import time
import urllib.error
import urllib.request
from typing import Any

import pytest
from sqlalchemy import create_engine, func, select
from standardwebhooks import Webhook as Official

from bench.instance import Instance
from cases.schema import cases
from tests.text_gateways import Gateways
from tests.town import CHAT_SECRET, WEBHOOK_KEY, Town
from tests.waiting import until

WASTE = "강남구 역삼동 골목에 쓰레기 무단투기가 심해요 단속해주세요"


@pytest.fixture(scope="module")
def receiver(town: Town) -> Gateways:
    return town.gateways


@pytest.fixture(scope="module")
def city(town: Town) -> Instance:
    return town.instance


def post(url: str, body: bytes, headers: dict[str, str]) -> tuple[int, bytes]:
    asked = urllib.request.Request(url, data=body, headers={"content-type": "application/json", **headers})
    try:
        with urllib.request.urlopen(asked, timeout=120) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def standard(city: Instance, n: int) -> tuple[int, bytes]:
    body, now = json.dumps({"data": {"text": WASTE, "author": {"id": f"citizen-{n}"}}}).encode(), int(time.time())
    signed = b"msg_%d.%d.%s" % (n, now, body)
    signature = base64.b64encode(hmac.new(b"k" * 24, signed, hashlib.sha256).digest()).decode()
    headers = {"webhook-id": f"msg_{n}", "webhook-timestamp": str(now), "webhook-signature": f"v1,{signature}"}
    return post(f"{city.base}/hooks/webhook", body, headers)


def chat(city: Instance, payload: dict[str, Any], *, late_seconds: int = 0) -> tuple[int, bytes]:
    body, now = json.dumps(payload).encode(), int(time.time()) - late_seconds
    signature = hmac.new(CHAT_SECRET.encode(), b"v0:%d:%s" % (now, body), hashlib.sha256).hexdigest()
    headers = {"X-Chat-Request-Timestamp": str(now), "X-Chat-Signature": f"v0={signature}"}
    return post(f"{city.base}/hooks/chat", body, headers)


def event(n: int, **more: str) -> dict[str, Any]:
    said = {"type": "message", "user": f"U{n}", "channel": "C1", "text": WASTE, **more}
    return {"type": "event_callback", "event_id": f"Ev{n}", "event_time": 1_795_396_498, "event": said}


def opened(city: Instance, channel: str) -> int:
    engine = create_engine(city.cases_url)
    with engine.connect() as connection:
        wanted = select(func.count()).select_from(cases).where(cases.c.channel == channel)
        found = connection.execute(wanted).scalar_one()
    engine.dispose()
    return int(found)


def told(receiver: Gateways, address: str) -> dict[str, list[tuple[bytes, dict[str, str]]]]:
    """Returns what was posted to citizens whose ids begin so, by the id that a receiver knows repetitions by."""
    found: dict[str, list[tuple[bytes, dict[str, str]]]] = {}
    for body, headers in receiver.replies:
        if json.loads(body)["data"]["to"].startswith(address):
            found.setdefault(headers["webhook-id"], []).append((body, headers))
    return found


def test_standard_webhooks_there_and_back(city: Instance, receiver: Gateways) -> None:
    """Six citizens whose messages come three times in any order get one reply each that the official library verifies,
    though the source says 429 and 500 and is slow."""
    receiver.instead.extend([429, 500, "slow"])
    order = [n for n in range(6) for _ in range(3)]
    random.Random(7).shuffle(order)
    answers = {standard(city, n)[0] for n in order}
    until(lambda: 6 <= len(told(receiver, "citizen")))
    city.drain()
    replies = [Official(WEBHOOK_KEY).verify(body, headers) for ((body, headers),) in told(receiver, "citizen").values()]

    assert {200} == answers
    assert 6 == opened(city, "webhook")
    assert [f"citizen-{n}" for n in range(6)] == sorted(reply["data"]["to"] for reply in replies)


def test_plain_dialect_there_and_back(city: Instance, receiver: Gateways) -> None:
    """A source that a table describes is understood, each citizen gets one reply signed in its own dialect; what is
    old, forged, its own or no message opens nothing."""
    receiver.instead.extend([500, 429, "hang up"])
    order = [n for n in range(6) for _ in range(3)]
    random.Random(7).shuffle(order)
    answers = {chat(city, event(n))[0] for n in order}
    others = [
        chat(city, event(90), late_seconds=400)[0],
        post(f"{city.base}/hooks/chat", json.dumps(event(91)).encode(), {"X-Chat-Signature": "v0=00"})[0],
        chat(city, event(92, bot_id="B1"))[0],
        chat(city, {"type": "event_callback", "event_id": "Ev93", "event": {"type": "reaction_added"}})[0],
    ]
    challenge = chat(city, {"type": "url_verification", "challenge": "say this"})
    until(lambda: 6 <= len(told(receiver, "U")))
    city.drain()
    replies = [posted[0] for posted in told(receiver, "U").values()]

    assert ({200}, [401, 401, 200, 200], (200, b"say this")) == (answers, others, challenge)
    assert 6 == opened(city, "chat")
    assert [f"U{n}" for n in range(6)] == sorted(json.loads(body)["data"]["to"] for body, _ in replies)
    assert all(is_signed(body, headers) for body, headers in replies)


def is_signed(body: bytes, headers: dict[str, str]) -> bool:
    named = {name.lower(): value for name, value in headers.items()}
    signed = f"v0:{named['x-chat-request-timestamp']}:".encode() + body
    return named["x-chat-signature"] == "v0=" + hmac.new(CHAT_SECRET.encode(), signed, hashlib.sha256).hexdigest()
