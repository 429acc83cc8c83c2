"""A Bot API on loopback that behaves as its documentation says; what it was told stands in lists."""

import asyncio
import json
from collections import deque
from dataclasses import dataclass, field
from typing import Any

from aiohttp import ClientError, ClientSession, ClientTimeout, web

from tests.stand_in import StandIn

TOKEN = "7000000001:AAExampleExampleExampleExampleExample0"
SECRET = "eungdapso-example-secret_0123456789"


def private(number: int, chat: int, text: str, **more: Any) -> dict[str, Any]:
    """Returns an update: a citizen writes to the bot."""
    citizen = {"id": chat, "is_bot": False, "first_name": "민서", "language_code": "ko"}
    message = {"message_id": number % 100_000, "date": 1_795_396_488, "text": text, **more}
    return {
        "update_id": number,
        "message": {**message, "from": citizen, "chat": {"id": chat, "type": "private", "first_name": "민서"}},
    }


@dataclass
class Mailbox:
    """What the server holds of one bot."""

    updates: list[dict[str, Any]] = field(default_factory=list)
    # What was sent: the form of each sendMessage that was taken.
    sent: list[dict[str, str]] = field(default_factory=list)
    webhook: str = ""
    secret: str = ""
    blocked_by: set[str] = field(default_factory=set)
    moved: dict[str, int] = field(default_factory=dict)
    # What the next calls of sendMessage get instead: a status, "lost" (taken, no answer), "refused" (not taken).
    instead: deque[int | str] = field(default_factory=deque)
    offsets: list[int | None] = field(default_factory=list)
    files: dict[str, bytes] = field(default_factory=dict)
    asking: int = 0


class BotApi(StandIn):
    """Speaks as much of it as is used: form-encoded POST to /bot<token>/<method>."""

    def __init__(self, *tokens: str) -> None:
        super().__init__()
        self.boxes = {token: Mailbox() for token in tokens or (TOKEN,)}
        # Paths as they came, still encoded.
        self.fetched: list[str] = []
        self.retry_after = 1

    @property
    def box(self) -> Mailbox:
        return next(iter(self.boxes.values()))

    def routes(self, app: web.Application) -> None:
        app.router.add_route("*", "/bot{token}/{method}", self._method)
        app.router.add_get("/file/bot{token}/{path:.+}", self._file)

    async def _method(self, asked: web.Request) -> web.StreamResponse:
        fields = {**asked.query, **{name: str(value) for name, value in (await asked.post()).items()}}
        box = self.boxes.get(asked.match_info["token"])
        if box is None:
            return _no(401, "Unauthorized")
        # Names of methods are the same in any case.
        method = getattr(self, f"_{asked.match_info['method'].lower()}", None)
        if method is None:
            return _no(404, "Not Found: method not found")
        answer: web.StreamResponse = await method(asked, box, fields)
        return answer

    async def _sendmessage(self, asked: web.Request, box: Mailbox, fields: dict[str, str]) -> web.StreamResponse:
        chat, text = fields.get("chat_id", ""), fields.get("text", "")
        if (refusal := self._refusal(box, chat, text)) is not None:
            return refusal
        instead = box.instead.popleft() if box.instead else 0
        if instead == 429:
            return _no(429, f"Too Many Requests: retry after {self.retry_after}", retry_after=self.retry_after)
        if isinstance(instead, int) and instead:
            return web.Response(status=instead, text=f"<html>a proxy in between knows no {asked.path}</html>")
        if instead != "refused":
            box.sent.append(fields)
        if instead:
            assert asked.transport is not None
            asked.transport.abort()
        result = {"message_id": 500 + len(box.sent), "date": 1_795_396_500, "text": text}
        return _yes({**result, "chat": {"id": int(chat), "type": "private"}})

    def _refusal(self, box: Mailbox, chat: str, text: str) -> web.Response | None:
        if chat in box.moved:
            moved = "Bad Request: group chat was upgraded to a supergroup chat"
            return _no(400, moved, migrate_to_chat_id=box.moved[chat])
        if chat in box.blocked_by:
            return _no(403, "Forbidden: bot was blocked by the user")
        if not text:
            return _no(400, "Bad Request: message text is empty")
        too_long = len(text.encode("utf-16-le")) > 2 * 4096
        return _no(400, "Bad Request: message is too long") if too_long else None

    async def _getupdates(self, _asked: web.Request, box: Mailbox, fields: dict[str, str]) -> web.Response:
        if box.webhook:
            active = (
                "can't use getUpdates method while webhook is active; use deleteWebhook to delete the webhook first"
            )
            return _no(409, f"Conflict: {active}")
        offset = int(fields["offset"]) if "offset" in fields else None
        box.offsets.append(offset)
        box.asking += 1
        mine = box.asking
        # Asking from a place on confirms, and forgets, everything before it.
        box.updates = [update for update in box.updates if offset is None or update["update_id"] >= offset]
        for _ in range(20 * int(fields.get("timeout", "0"))):
            if box.updates or box.asking != mine:
                break
            await asyncio.sleep(0.05)
        if box.asking != mine:
            only = "terminated by other getUpdates request; make sure that only one bot instance is running"
            return _no(409, f"Conflict: {only}")
        return _yes(box.updates[: int(fields.get("limit", "100"))])

    async def _getfile(self, _asked: web.Request, box: Mailbox, fields: dict[str, str]) -> web.Response:
        content = box.files.get(fields.get("file_id", ""))
        if content is None:
            return _no(400, "Bad Request: wrong file_id or the file is temporarily unavailable")
        if len(content) > 20 * 1024 * 1024:
            return _no(400, "Bad Request: file is too big")
        name = fields["file_id"]
        described = {"file_id": name, "file_unique_id": name, "file_size": len(content)}
        return _yes({**described, "file_path": f"photos/{name} 1.jpg"})

    async def _setwebhook(self, _asked: web.Request, box: Mailbox, fields: dict[str, str]) -> web.Response:
        box.webhook, box.secret = fields.get("url", ""), fields.get("secret_token", "")
        return _yes(True)

    async def _deletewebhook(self, _asked: web.Request, box: Mailbox, _fields: dict[str, str]) -> web.Response:
        box.webhook = ""
        return _yes(True)

    async def _file(self, asked: web.Request) -> web.Response:
        self.fetched.append(asked.raw_path)
        box = self.boxes.get(asked.match_info["token"])
        name = asked.match_info["path"].removeprefix("photos/").removesuffix(" 1.jpg")
        if box is None or name not in box.files:
            return web.Response(status=404)
        return web.Response(body=box.files[name])


async def deliver(box: Mailbox, updates: list[dict[str, Any]], *, times: int = 1) -> list[int]:
    """Posts updates to the bot's webhook side by side, as the provider does with more than one connection; each until
    it is taken, and `times` times. Returns the last answers."""
    headers = {"X-Telegram-Bot-Api-Secret-Token": box.secret, "Content-Type": "application/json"}
    async with ClientSession(timeout=ClientTimeout(total=20)) as session:

        async def one(update: dict[str, Any]) -> int:
            status = 0
            for _ in range(100):
                try:
                    async with session.post(box.webhook, data=json.dumps(update), headers=headers) as answer:
                        status = answer.status
                except (ClientError, TimeoutError):
                    status = 0
                if 200 <= status < 300:
                    return status
                await asyncio.sleep(0.1)
            return status

        return list(await asyncio.gather(*(one(update) for update in updates * times)))


def _yes(result: Any) -> web.Response:
    return web.json_response({"ok": True, "result": result})


def _no(status: int, description: str, **parameters: int) -> web.Response:
    body: dict[str, Any] = {"ok": False, "error_code": status, "description": description}
    return web.json_response({**body, "parameters": parameters} if parameters else body, status=status)
