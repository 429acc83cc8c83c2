"""X, there and back: a whole instance, and X on loopback with its limits, failures, repetitions and slowness."""

import asyncio
import base64
import hmac
import json
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

from bench.instance import Instance
from tests.test_end_to_end import command
from tests.x_provider import CITIZEN, CITY, OTHER, SECRETS, FakeX, Trouble

WASTE = "강남구 역삼동 골목에 쓰레기 무단투기가 심해요 단속해주세요"
LAMP = "송파구 잠실동 석촌호수 산책로 가로등이 꺼졌어요 고쳐주세요"
HOLE = "마포구 망원동 도로에 포트홀이 생겼어요 메워주세요"


@asynccontextmanager
async def running(folder: Path, fake: FakeX) -> AsyncIterator[Instance]:
    """A pipeline that asks this X ten times a second."""
    instance = Instance(folder, {**SECRETS, "EUNGDAPSO_NOW": "2026-11-23T10:00:00", "EUNGDAPSO_CLOCK": "frozen"})
    table = f'api_url = "{fake.url}"\npoll_seconds = 0.1\ntimeout_seconds = 2\naccounts.Seoul_eds.id = "{CITY}"\n'
    text = instance.config.read_text(encoding="utf-8")
    text = re.sub(r"(?m)^\[connectors\.x\].*\n", rf"[connectors.x]\n{table}", text)
    instance.config.write_text(f"{text}\n[replies]\nfirst_seconds = 0.2\n", "utf-8")
    await asyncio.to_thread(instance.start)
    try:
        yield instance
    finally:
        await asyncio.to_thread(instance.stop)


async def until(look: Callable[[], Any]) -> None:
    async with asyncio.timeout(300):
        while not look():
            await asyncio.sleep(0.03)


async def post(instance: Instance, payload: dict[str, Any], kind: str) -> int:
    """Tells the instance of an event, signed as X signs."""
    data = {"event_uuid": "-7", "filter": {"user_id": CITY}, "event_type": kind, "payload": payload, "includes": {}}
    body = json.dumps({"data": data}).encode()
    digest = hmac.digest(SECRETS["EUNGDAPSO_X_CONSUMER_SECRET"].encode(), body, "sha256")
    headers = {"x-twitter-webhooks-signature": f"sha256={base64.b64encode(digest).decode()}"}
    async with aiohttp.ClientSession() as session:
        answer = await session.post(
            f"{instance.base}/hooks/x", data=body, headers={**headers, "content-type": "application/json"}
        )
        return answer.status


def direct(text: str) -> dict[str, Any]:
    create = {"target": {"recipient_id": CITY}, "sender_id": OTHER, "message_data": {"text": text}}
    event = {"type": "message_create", "id": "77", "created_timestamp": "1795396460123", "message_create": create}
    return {"direct_message_events": [event], "users": {OTHER: {"id": OTHER, "name": "시민", "screen_name": "c2"}}}


async def test_round_trip(tmp_path: Path) -> None:
    """Whatever goes wrong at X, each post and message is received once and answered once, where it was written;
    what its author took back is no longer shown."""
    fake = FakeX(page_size=1)
    first, second = fake.says(f"@Seoul_eds {WASTE}"), fake.says(f"@Seoul_eds {LAMP}", author=OTHER)
    fake.fails("GET mentions", Trouble(status=503), Trouble(), Trouble(status=500), Trouble(seconds=0.5))
    limit = Trouble(status=429, headers={"retry-after": "1"})
    fake.fails("POST tweets", limit, Trouble(is_lost=True), Trouble(status=503), Trouble(seconds=0.3))
    fake.fails("POST messages", Trouble(status=500), Trouble(is_lost=True))
    async with fake.listening(), running(tmp_path / "one", fake) as instance:
        # By webhook too, twice, and the later one first.
        told = [await post(instance, one, "post.mention.create") for one in (second, first, first, second)]
        told += [await post(instance, direct(HOLE), "dm.received") for _ in range(2)]
        await until(lambda: fake.replies_to(first) and fake.replies_to(second) and fake.messages)
        await asyncio.to_thread(instance.drain)
        told.append(await post(instance, {"id": first["id"], "author_id": CITIZEN}, "post.delete"))
        polled = fake.calls("GET mentions")
        await until(lambda: fake.calls("GET mentions") > polled + 3)
        await asyncio.to_thread(instance.drain)
        readiness = await asyncio.to_thread(instance.readiness)
        async with aiohttp.ClientSession() as session, session.get(f"{instance.base}/metrics") as answer:
            metrics = await answer.text()
        number = re.search(r"\d{8}-\d{6,}-\d", fake.replies_to(first)[0])
        assert number is not None
        shown = await asyncio.to_thread(command, instance, "case", "show", number[0], "--json")

    assert {200} == set(told)
    assert [1, 1] == [len(fake.replies_to(one)) for one in (first, second)]
    assert [OTHER] == [message["to"] for message in fake.messages]
    assert "gangnam" in shown
    assert "무단투기가" not in shown
    assert "/c/" not in fake.replies_to(first)[0]
    assert "/c/" in fake.messages[0]["text"]
    assert "connectors.x" not in str(readiness["degraded"])
    # Told by one process, though both that are there spend.
    assert 'eungdapso_budget_dollars{channel="x"} 500.0' in metrics.splitlines()
