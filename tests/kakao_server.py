"""KakaoTalk on loopback: a chatbot that asks the skill within five seconds, and a dealer's service for 알림톡."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from aiohttp import ClientError, ClientSession, ClientTimeout, web

from tests.stand_in import StandIn, broken

SECRET = "the-header-of-nobody-0123456789"
DEALER_TOKEN = "theDealersTokenOfNobody"
BOT = "5f0000000000000000000001"


def payload(utterance: str, *, user: str = "citizen-21", bot: str = BOT, **asked: Any) -> dict[str, Any]:
    """Returns a skill request: a citizen says something to the bot."""
    block = {"id": "5f0000000000000000000a01", "name": "폴백 블록"}
    params = asked.pop("params", {})
    request = {
        "timezone": "Asia/Seoul",
        "params": {"surface": "Kakaotalk.plusfriend"},
        "block": block,
        "utterance": utterance,
        "lang": "ko",
        "user": {"id": user, "type": "botUserKey", "properties": {"botUserKey": user}},
        **asked,
    }
    action = {"id": "b01", "name": "민원 접수", "params": params, "detailParams": {}, "clientExtra": {}}
    return {"intent": block, "userRequest": request, "bot": {"id": bot, "name": "응답소"}, "action": action}


@dataclass
class Asked:
    """What the skill said to one request, and what came to its callback."""

    status: int
    seconds: float
    said: dict[str, Any]
    callback: str = ""


@dataclass
class Callback:
    given_at: float = field(default_factory=time.monotonic)
    is_used: bool = False
    templates: list[dict[str, Any]] = field(default_factory=list)


class Kakao(StandIn):
    """Gives callbacks for a minute and once; keeps what the skill posted to each."""

    def __init__(self) -> None:
        super().__init__()
        self.callbacks: dict[str, Callback] = {}
        # What the dealer was given, as it was posted.
        self.messages: list[dict[str, Any]] = []
        self.dealer_says: dict[str, Any] = {}
        self.seconds = 60.0
        # Posts to a callback that were read, whatever became of them.
        self.taken = 0

    def routes(self, app: web.Application) -> None:
        app.router.add_post("/v1/bots/{bot}/callback/{id}", self._called_back)
        app.router.add_post("/messages", self._message)

    def new_callback(self) -> str:
        name = f"{len(self.callbacks):012x}"
        self.callbacks[name] = Callback()
        return f"{self.url}/v1/bots/{BOT}/callback/{name}"

    def texts_at(self, url: str) -> list[str]:
        """What a citizen got by this callback."""
        templates = self.callbacks[url.rpartition("/")[2]].templates
        return [output["simpleText"]["text"] for said in templates for output in said["template"]["outputs"]]

    async def ask(self, hook: str, payloads: Sequence[dict[str, Any]], *, times: int = 1) -> list[Asked]:
        """Asks the skill side by side; a proxy in between repeats each request so many times."""
        async with ClientSession(timeout=ClientTimeout(total=5)) as session:
            return list(await asyncio.gather(*(self._ask(session, hook, one) for one in [*payloads] * times)))

    async def _ask(self, session: ClientSession, hook: str, asked: dict[str, Any]) -> Asked:
        begun, callback = time.monotonic(), asked["userRequest"].get("callbackUrl", "")
        headers = {"X-Eungdapso-Secret": SECRET}
        try:
            async with session.post(hook, json=asked, headers=headers) as answer:
                said = await answer.json()
                return Asked(answer.status, time.monotonic() - begun, said, callback)
        except (ClientError, TimeoutError, ValueError):
            return Asked(0, time.monotonic() - begun, {}, callback)

    async def _called_back(self, asked: web.Request) -> web.StreamResponse:
        self.taken += 1
        callback, said = self.callbacks.get(asked.match_info["id"]), await asked.json()
        instead = self.next_instead()
        if instead == "refused":
            return broken(asked)
        if isinstance(instead, int) and instead:
            return web.json_response({"status": "ERROR"}, status=instead)
        if callback is None or callback.is_used or time.monotonic() - callback.given_at > self.seconds:
            return web.json_response({"taskId": "t", "status": "FAIL", "message": "invalid callback"}, status=400)
        callback.is_used = True
        callback.templates.append(said)
        if instead:
            return broken(asked)
        return web.json_response({"taskId": f"task-{asked.match_info['id']}", "status": "SUCCESS", "message": "OK"})

    async def _message(self, asked: web.Request) -> web.StreamResponse:
        if asked.headers.get("Authorization") != f"Bearer {DEALER_TOKEN}":
            return web.json_response({"message": "who are you"}, status=401)
        instead = self.next_instead()
        if isinstance(instead, int) and instead:
            return web.json_response({}, status=instead)
        self.messages.append(await asked.json())
        return web.json_response(self.dealer_says or {"id": f"m-{len(self.messages)}"})
