"""A LINE Platform on loopback that behaves as its documentation says; what it was told stands in lists."""

import asyncio
import hmac
import json
import time
from base64 import b64encode
from collections.abc import Sequence
from typing import Any

from aiohttp import ClientSession, ClientTimeout, web

from tests.stand_in import StandIn, broken, posted

SECRET = "the-channel-secret-of-nobody-0000"
TOKEN = "theChannelAccessTokenOfNobody"
BOT = "U" + "f" * 32


def user(number: int) -> dict[str, str]:
    return {"type": "user", "userId": f"U{number:032d}"}


def event(
    source: dict[str, str], text: str = "", *, number: int, at: float | None = None, **more: Any
) -> dict[str, Any]:
    """Returns an event: somebody says something. Its reply token is not known to the platform yet."""
    made: dict[str, Any] = {
        "type": "message",
        "message": {"id": f"{590_000_000_000_000_000 + number}", "type": "text", "text": text, "quoteToken": "q"},
        "webhookEventId": f"01KAP6J2D{number:017d}",
        "deliveryContext": {"isRedelivery": False},
        "timestamp": int((time.time() if at is None else at) * 1000),
        "source": source,
        "replyToken": f"{number:032d}",
        "mode": "active",
    }
    return {**made, **more}


def signed(*events: dict[str, Any], secret: str = SECRET) -> tuple[bytes, dict[str, str]]:
    """Returns the body of a webhook call and its headers."""
    body = json.dumps({"destination": BOT, "events": list(events)}, ensure_ascii=False).encode()
    signature = b64encode(hmac.digest(secret.encode(), body, "sha256")).decode()
    return body, {"Content-Type": "application/json; charset=utf-8", "X-Line-Signature": signature}


class Platform(StandIn):
    """Speaks as much of the Messaging API as is used."""

    def __init__(self) -> None:
        super().__init__()
        # Reply tokens that may still be used.
        self.tokens: set[str] = set()
        # What citizens got: to whom, or by which token, and the texts.
        self.pushed: list[tuple[str, list[str]]] = []
        self.replied: list[tuple[str, list[str]]] = []
        self.keys: list[str] = []
        # Every call that was read, whatever became of it.
        self.calls: list[str] = []
        self.files: dict[str, bytes] = {}
        self.fetched: list[str] = []
        self.getting_ready: set[str] = set()
        self._sent = 0
        self._asked_by: dict[str, str] = {}

    def routes(self, app: web.Application) -> None:
        app.router.add_post("/v2/bot/message/{way:reply|push}", self._message)
        app.router.add_get("/v2/bot/message/{id}/content", self._content)
        app.router.add_get("/v2/bot/message/{id}/content/transcoding", self._transcoding)

    def texts_of(self, number: int) -> list[str]:
        """What a citizen got, by whichever way."""
        citizen = user(number)["userId"]
        told = [texts for to, texts in self.pushed if to == citizen]
        told += [texts for token, texts in self.replied if self._asked_by.get(token) == citizen]
        return [text for texts in told for text in texts]

    async def deliver(self, hook: str, events: Sequence[dict[str, Any]], *, times: int = 1) -> set[int]:
        """Posts events to the webhook side by side, two in a call, each call until it is taken and so many times."""
        # A token that was used up stays so.
        self.tokens |= {one["replyToken"] for one in events} - self._asked_by.keys()
        self._asked_by |= {one["replyToken"]: one["source"].get("userId", "") for one in events}
        again = [{**one, "deliveryContext": {"isRedelivery": True}} for one in events]
        batches = [given[at : at + 2] for given in [events] + [again] * (times - 1) for at in range(0, len(events), 2)]
        async with ClientSession(timeout=ClientTimeout(total=20)) as session:
            calls = [posted(session, hook, *signed(*batch), tries=100) for batch in batches]
            return set(await asyncio.gather(*calls))

    async def _message(self, asked: web.Request) -> web.StreamResponse:
        if asked.headers.get("Authorization") != f"Bearer {TOKEN}":
            return _no(401, "Authentication failed due to the following reason: invalid token.")
        way, said = asked.match_info["way"], await asked.json()
        self.calls.append(way)
        texts = [message["text"] for message in said["messages"]]
        if not 1 <= len(texts) <= 5 or any(len(text.encode("utf-16-le")) > 10_000 or not text for text in texts):
            return _no(400, "The request body has 1 error(s)")
        instead = self.next_instead()
        if instead == "refused":
            return broken(asked)
        if isinstance(instead, int) and instead:
            return _no(instead, "The API rate limit has been exceeded. Try again later.")
        answer = self._replied(asked, said, texts) if way == "reply" else self._pushed(asked, said, texts)
        return broken(asked) if instead else answer

    def _replied(self, asked: web.Request, said: dict[str, Any], texts: list[str]) -> web.Response:
        if "X-Line-Retry-Key" in asked.headers:
            return _no(400, "The retry key is not supported")
        if said["replyToken"] not in self.tokens:
            return _no(400, "Invalid reply token")
        self.tokens.discard(said["replyToken"])
        self.replied.append((said["replyToken"], texts))
        return self._yes(len(texts))

    def _pushed(self, asked: web.Request, said: dict[str, Any], texts: list[str]) -> web.Response:
        key = asked.headers.get("X-Line-Retry-Key", "")
        if key in self.keys:
            return web.json_response({"message": "The retry key is already accepted", "sentMessages": []}, status=409)
        self.keys.append(key)
        self.pushed.append((said["to"], texts))
        return self._yes(len(texts))

    def _yes(self, count: int) -> web.Response:
        self._sent += count
        first = 561_230_000_000_000_000 + self._sent
        return web.json_response({"sentMessages": [{"id": str(first + n), "quoteToken": "q"} for n in range(count)]})

    async def _content(self, asked: web.Request) -> web.Response:
        name = asked.match_info["id"]
        if asked.headers.get("Authorization") != f"Bearer {TOKEN}" or name not in self.files:
            return _no(404, "Not found")
        if name in self.getting_ready:
            return web.Response(status=202)
        self.fetched.append(name)
        return web.Response(body=self.files[name], content_type="image/jpeg")

    async def _transcoding(self, asked: web.Request) -> web.Response:
        name = asked.match_info["id"]
        if name not in self.files:
            return _no(404, "Not found")
        return web.json_response({"status": "processing" if name in self.getting_ready else "succeeded"})


def _no(status: int, message: str) -> web.Response:
    return web.json_response({"message": message}, status=status)
