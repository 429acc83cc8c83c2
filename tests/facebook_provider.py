"""The Graph API on loopback, as its documentation says: comments, private replies, messages; and what it does wrong."""

import asyncio
import hmac
import json
import threading
from collections import deque
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import ClientError, ClientSession, ClientTimeout, web
from aiohttp.typedefs import Handler

PAGE, MAYOR, CITIZEN, OTHER = "100000000000120", "100000000000121", "5000000000000001", "5000000000000002"
SECRETS = {
    "EUNGDAPSO_FACEBOOK_APP_SECRET": "00112233445566778899aabbccddeeff",
    "EUNGDAPSO_FACEBOOK_VERIFY_TOKEN": "verify-me",
    "EUNGDAPSO_FACEBOOK_PAGE_TOKEN": "EAAGpageToken",
    "EUNGDAPSO_FACEBOOK_PAGE_TOKEN_MAYOR_PAGE": "EAAGmayorsToken",
}
TOKENS = {PAGE: "EAAGpageToken", MAYOR: "EAAGmayorsToken"}
POST = f"{PAGE}_122100000000000010"
AT = 1_795_396_460


@dataclass
class Trouble:
    """What is answered instead: an error with this code, a status without one, a wait, or nothing after the work."""

    status: int = 0
    code: int = 0
    subcode: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    is_lost: bool = False
    seconds: float = 0.0


@dataclass
class FakeGraph:
    """Everything that it knows can be looked at."""

    # What stands below what, and what lies in each conversation.
    comments: list[dict[str, Any]] = field(default_factory=list)
    messages: list[dict[str, Any]] = field(default_factory=list)
    asked: list[web.Request] = field(default_factory=list)
    # By method and the last word of the path: what goes wrong, one after the other.
    troubles: dict[str, deque[Trouble]] = field(default_factory=dict)
    # Whom nothing but an officer's words reach any more, and whom nothing does.
    late: set[str] = field(default_factory=set)
    gone: set[str] = field(default_factory=set)
    # Where what happens on the page is told, what the page itself does included.
    hook: str = ""
    told: list[int] = field(default_factory=list)
    url: str = ""

    def below(self, comment: str) -> list[str]:
        return [one["message"] for one in self.comments if one["parent"] == comment]

    def said_to(self, person: str) -> list[str]:
        return [one["message"] for one in self.messages if one["to"] == person]

    def fails(self, name: str, *troubles: Trouble) -> None:
        self.troubles[name] = deque(troubles)

    @asynccontextmanager
    async def listening(self) -> AsyncIterator["FakeGraph"]:
        app = web.Application(middlewares=[self._watch])
        app.add_routes(
            [
                web.post("/v26.0/{id}/comments", self._comment),
                web.get("/v26.0/{id}/comments", self._comments),
                web.post("/v26.0/{id}/messages", self._message),
                web.get("/v26.0/{id}/conversations", self._conversations),
                web.get("/v26.0/{id}", self._object),
            ]
        )
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            self.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
            yield self
        finally:
            await runner.cleanup()

    @contextmanager
    def in_thread(self) -> Iterator["FakeGraph"]:
        """Listens beside a test that waits for other processes."""
        ready, end, loop = threading.Event(), asyncio.Event(), asyncio.new_event_loop()

        async def serve() -> None:
            async with self.listening():
                ready.set()
                await end.wait()

        thread = threading.Thread(target=lambda: loop.run_until_complete(serve()))
        thread.start()
        ready.wait(10)
        try:
            yield self
        finally:
            loop.call_soon_threadsafe(end.set)
            thread.join(10)
            loop.close()

    @web.middleware
    async def _watch(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        self.asked.append(request)
        name = f"{request.method} {request.path.rpartition('/')[2]}"
        trouble = self.troubles[name].popleft() if self.troubles.get(name) else Trouble()
        await asyncio.sleep(trouble.seconds)
        if trouble.code:
            return _error(trouble.status or 400, trouble.code, trouble.subcode, trouble.headers)
        if trouble.status:
            return web.Response(status=trouble.status, headers=trouble.headers, text="<html>sorry</html>")
        token = request.query.get("access_token", "")
        proof = hmac.digest(SECRETS["EUNGDAPSO_FACEBOOK_APP_SECRET"].encode(), token.encode(), "sha256").hex()
        if token not in TOKENS.values():
            return _error(401, 190, 463)
        if request.query.get("appsecret_proof") != proof:
            return _error(400, 100)
        answer = await handler(request)
        if trouble.is_lost:
            assert request.transport is not None
            request.transport.abort()
        return answer

    def _page(self, asked: web.Request) -> str:
        return next(page for page, token in TOKENS.items() if token == asked.query["access_token"])

    async def _comment(self, asked: web.Request) -> web.Response:
        parent, page, text = asked.match_info["id"], self._page(asked), (await asked.json())["message"]
        if parent in self.gone:
            return _error(400, 100, 33)
        if len(text) > 8_000 or not text:
            return _error(400, 100)
        if any((one["parent"], one["message"], one["from"]) == (parent, text, page) for one in self.comments):
            return _error(400, 506, 1_455_006)
        new = f"{parent.rpartition('_')[0] or parent}_{9_000_000 + len(self.comments)}"
        self.comments.append({"id": new, "parent": parent, "message": text, "from": page})
        value = comment(new, text, author=page, parent=parent)
        await self._tell({"id": page, "time": AT, "changes": [{"field": "feed", "value": value}]})
        return web.json_response({"id": new})

    async def _comments(self, asked: web.Request) -> web.Response:
        below = [one for one in self.comments if one["parent"] == asked.match_info["id"]][::-1]
        data = [{"id": one["id"], "message": one["message"], "from": {"id": one["from"]}} for one in below]
        return web.json_response({"data": data, "paging": {}})

    async def _object(self, asked: web.Request) -> web.Response:
        return web.json_response({"id": asked.match_info["id"]})

    async def _message(self, asked: web.Request) -> web.Response:
        given, page = await asked.json(), self._page(asked)
        to, text = given["recipient"], given["message"]["text"]
        if asked.match_info["id"] != page or not text or len(text) > 2_000:
            return _error(400, 100)
        person = to.get("id") or f"whoever wrote {to.get('comment_id') or to['post_id']}"
        if person in self.gone:
            return _error(400, 551, 1_545_041)
        if "id" not in to and self.said_to(person):
            return _error(400, 10_900)
        if person in self.late and given.get("tag") != "HUMAN_AGENT":
            return _error(400, 10, 2_018_278)
        new = {"id": f"m_{len(self.messages):04}", "to": person, "message": text, "from": page, "as": given}
        self.messages.append(new)
        await self._tell(
            {"id": page, "time": AT, "messaging": [message(new["id"], text, sender=page, page=person, is_echo=True)]}
        )
        return web.json_response({"recipient_id": to.get("id", CITIZEN), "message_id": new["id"]})

    async def _conversations(self, asked: web.Request) -> web.Response:
        found = [one for one in self.messages if one["to"] == asked.query["user_id"]][::-1]
        data = [{"id": one["id"], "message": one["message"], "from": {"id": one["from"]}} for one in found]
        return web.json_response({"data": [{"messages": {"data": data}, "id": "t_1"}] if data else []})

    async def _tell(self, *entries: dict[str, Any]) -> None:
        if self.hook:
            self.told += await deliver(self.hook, [batch(*entries)])


def comment(native_id: str, text: str, *, author: str = CITIZEN, parent: str = POST, **more: Any) -> dict[str, Any]:
    """Returns what a webhook says of a new comment."""
    return {
        "from": {"id": author, "name": "시민"},
        "message": text,
        "post_id": POST,
        "comment_id": native_id,
        "parent_id": parent,
        "created_time": AT,
        "item": "comment",
        "verb": "add",
        **more,
    }


def message(mid: str, text: str, *, sender: str = CITIZEN, page: str = PAGE, **more: Any) -> dict[str, Any]:
    """Returns what a webhook says of a new message."""
    parties = {"sender": {"id": sender}, "recipient": {"id": page}, "timestamp": AT * 1_000}
    return {**parties, "message": {"mid": mid, "text": text, **more}}


def feed(*values: dict[str, Any], page: str = PAGE) -> dict[str, Any]:
    return {"id": page, "time": AT, "changes": [{"field": "feed", "value": value} for value in values]}


def messaging(*events: dict[str, Any], page: str = PAGE) -> dict[str, Any]:
    return {"id": page, "time": AT * 1_000, "messaging": list(events)}


def batch(*entries: dict[str, Any]) -> bytes:
    """Returns entries as Facebook writes them, other scripts and slashes escaped."""
    return json.dumps({"object": "page", "entry": list(entries)}).replace("/", "\\/").encode()


def signed(body: bytes) -> dict[str, str]:
    digest = hmac.digest(SECRETS["EUNGDAPSO_FACEBOOK_APP_SECRET"].encode(), body, "sha256").hex()
    return {"x-hub-signature-256": f"sha256={digest}", "content-type": "application/json"}


async def deliver(hook: str, bodies: list[bytes], *, times: int = 1) -> list[int]:
    """Posts batches side by side, each until it is taken, and `times` times; returns the last answers."""
    async with ClientSession(timeout=ClientTimeout(total=20)) as session:

        async def one(body: bytes) -> int:
            status = 0
            for _ in range(100):
                try:
                    async with session.post(hook, data=body, headers=signed(body)) as answer:
                        status = answer.status
                except (ClientError, TimeoutError):
                    status = 0
                if 200 <= status < 300:
                    return status
                await asyncio.sleep(0.1)
            return status

        return list(await asyncio.gather(*(one(body) for body in bodies * times)))


def _error(status: int, code: int, subcode: int = 0, headers: dict[str, str] | None = None) -> web.Response:
    said = {"message": "(#) it did not work", "type": "OAuthException", "code": code, "fbtrace_id": "A1b2"}
    body = {"error": {**said, "error_subcode": subcode} if subcode else said}
    return web.json_response(body, status=status, headers=headers)
