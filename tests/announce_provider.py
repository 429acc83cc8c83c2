"""X, Facebook and Telegram on loopback as whoever posts there meets them: many accounts, refusals, what breaks."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from aiohttp import web
from aiohttp.typedefs import Handler

_ACCOUNT = web.RequestKey("account", str)
BOT_TOKEN = "7000000002:AAExampleExampleExampleExampleExample1"


@dataclass
class Trouble:
    """What an account meets: a status, an answer that comes late, or none at all though the work was done."""

    status: int = 0
    seconds: float = 0.0
    is_lost: bool = False
    # Until this is set there is no answer.
    until: asyncio.Event | None = None
    # So many times; below 0: until somebody clears it.
    times: int = -1


@dataclass
class Posted:
    """One post or repost that stands at a provider."""

    id: str
    account: str
    text: str = ""
    of: str = ""
    at: datetime = field(default_factory=lambda: datetime.now(UTC))


@dataclass
class Platforms:
    """Accounts are known by their tokens, as at the providers; `posted` is what stands there now, in order."""

    posted: list[Posted] = field(default_factory=list)
    # By "x:handle", "facebook:handle", "telegram:handle".
    troubles: dict[str, Trouble] = field(default_factory=dict)
    # When each account was asked to post, and every call by its name.
    calls: list[tuple[str, str, float]] = field(default_factory=list)
    removed: list[Posted] = field(default_factory=list)
    # X forbids the same words from several accounts: nothing of ours may ever stand here.
    copies: list[str] = field(default_factory=list)
    url: str = ""
    _number: int = 2_080_765_813_578_191_000

    def of(self, account: str) -> list[Posted]:
        return [one for one in self.posted if one.account == account]

    def made(self, account: str) -> int:
        """How many times something was posted there, also what was taken back."""
        return len([one for one in (*self.posted, *self.removed) if one.account == account])

    def hangs(self, account: str) -> asyncio.Event:
        """Lets an account's next calls wait until what is returned is set."""
        trouble = self.troubles[account] = Trouble(until=asyncio.Event())
        assert trouble.until is not None
        return trouble.until

    @asynccontextmanager
    async def listening(self) -> AsyncIterator["Platforms"]:
        app = web.Application(middlewares=[self._troubled])
        app.add_routes(
            [
                web.post("/x/2/tweets", self._x_post),
                web.delete("/x/2/tweets/{id}", self._x_delete),
                web.get("/x/2/users/{user}/tweets", self._x_list),
                web.post("/x/2/users/{user}/retweets", self._x_repost),
                web.delete("/x/2/users/{user}/retweets/{id}", self._x_unrepost),
                web.get("/x/2/users/{user}/mentions", _nothing),
                web.post("/facebook/v26.0/{page}/feed", self._facebook_post),
                web.get("/facebook/v26.0/{page}/feed", self._facebook_list),
                web.delete("/facebook/v26.0/{id}", self._facebook_delete),
                web.post("/telegram/bot{token}/sendMessage", self._telegram_post),
                web.post("/telegram/bot{token}/deleteMessage", self._telegram_delete),
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

    @web.middleware
    async def _troubled(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        account = await _account(request)
        request[_ACCOUNT] = account
        self.calls.append((account, request.method, time.monotonic()))
        trouble = self.troubles.get(account)
        if trouble is None or request.method == "GET" or not trouble.times:
            return await handler(request)
        trouble.times -= 1
        await asyncio.sleep(trouble.seconds)
        if trouble.until is not None:
            await trouble.until.wait()
        if trouble.status:
            return web.json_response({"title": "no", "detail": "no"}, status=trouble.status)
        answer = await handler(request)
        if trouble.is_lost:
            assert request.transport is not None
            request.transport.abort()
        return answer

    # X.

    async def _x_post(self, asked: web.Request) -> web.Response:
        text, account = (await asked.json())["text"], asked[_ACCOUNT]
        if any(one.text == text for one in self.of(account)):
            return _problem("You are not allowed to create a Tweet with duplicate content.")
        self.copies += [one.text for one in self.posted if one.account.startswith("x:") and one.text == text]
        return web.json_response({"data": {"id": self._keep(account, text=text).id, "text": text}}, status=201)

    async def _x_repost(self, asked: web.Request) -> web.Response:
        of, account = (await asked.json())["tweet_id"], asked[_ACCOUNT]
        if asked.match_info["user"] != number_of(account):
            return _problem("You may only retweet in the name of the authenticated user.")
        if not any(one.id == of and not one.of for one in self.posted):
            return web.json_response({"detail": "Could not find tweet"}, status=404)
        if any(one.of == of for one in self.of(account)):
            return _problem("You have already retweeted this Tweet.")
        self._keep(account, of=of)
        return web.json_response({"data": {"retweeted": True}})

    async def _x_list(self, asked: web.Request) -> web.Response:
        since = datetime.fromisoformat(asked.query["start_time"])
        found = [one for one in self.of(asked[_ACCOUNT]) if not one.of and one.at >= since][::-1]
        data = [{"id": one.id, "text": one.text, "created_at": one.at.isoformat()} for one in found]
        return web.json_response({"data": data, "meta": {"result_count": len(data)}} if data else {"meta": {}})

    async def _x_delete(self, asked: web.Request) -> web.Response:
        name, account = asked.match_info["id"], asked[_ACCOUNT]
        self._remove([one for one in self.of(account) if one.id == name])
        # What it was reposted as goes with it.
        self._remove([one for one in self.posted if one.of == name])
        return web.json_response({"data": {"deleted": True}})

    async def _x_unrepost(self, asked: web.Request) -> web.Response:
        self._remove([one for one in self.of(asked[_ACCOUNT]) if one.of == asked.match_info["id"]])
        return web.json_response({"data": {"retweeted": False}})

    # Facebook.

    async def _facebook_post(self, asked: web.Request) -> web.Response:
        page = asked.match_info["page"]
        made = self._keep(asked[_ACCOUNT], text=(await asked.json())["message"])
        made.id = f"{page}_{made.id}"
        return web.json_response({"id": made.id})

    async def _facebook_list(self, asked: web.Request) -> web.Response:
        since = datetime.fromtimestamp(int(asked.query["since"]), UTC)
        page = asked.match_info["page"]
        data = [
            {
                "id": one.id,
                "message": one.text,
                "created_time": f"{one.at:%Y-%m-%dT%H:%M:%S}+0000",
                "from": {"id": page},
            }
            for one in self.of(asked[_ACCOUNT])[::-1]
            if one.at >= since
        ]
        return web.json_response({"data": data})

    async def _facebook_delete(self, asked: web.Request) -> web.Response:
        found = [one for one in self.of(asked[_ACCOUNT]) if one.id == asked.match_info["id"]]
        if not found:
            gone = {"message": "Object does not exist", "type": "GraphMethodException", "code": 100}
            return web.json_response({"error": gone}, status=400)
        self._remove(found)
        return web.json_response({"success": True})

    # Telegram.

    async def _telegram_post(self, asked: web.Request) -> web.Response:
        form = await asked.post()
        chat = str(form["chat_id"])
        made = self._keep(asked[_ACCOUNT], text=str(form["text"]))
        made.id = str(len(self.posted) + 100)
        said = {"message_id": int(made.id), "date": int(time.time()), "text": made.text}
        return web.json_response({"ok": True, "result": {**said, "chat": {"id": chat_of(chat), "type": "channel"}}})

    async def _telegram_delete(self, asked: web.Request) -> web.Response:
        form = await asked.post()
        found = [one for one in self.posted if one.id == str(form["message_id"]) and one.account == asked[_ACCOUNT]]
        if not found:
            gone = {"ok": False, "error_code": 400, "description": "Bad Request: message to delete not found"}
            return web.json_response(gone, status=400)
        self._remove(found)
        return web.json_response({"ok": True, "result": True})

    def _keep(self, account: str, *, text: str = "", of: str = "") -> Posted:
        self._number += 1
        made = Posted(str(self._number), account, text, of, datetime.now(UTC) - timedelta(seconds=1))
        self.posted.append(made)
        return made

    def _remove(self, gone: list[Posted]) -> None:
        self.posted = [one for one in self.posted if one not in gone]
        self.removed += gone


_NUMBERS: dict[str, str] = {}


def number_of(account: str) -> str:
    """Returns the number that the provider knows an account by."""
    return _NUMBERS.setdefault(account, str(1_500_000_000_000_000_200 + len(_NUMBERS)))


def chat_of(name: str) -> int:
    """Returns the number of a channel that is called by its name."""
    return int(name) if name.lstrip("-").isdigit() else -1_000_000_000_000 - int(number_of(f"telegram:{name[1:]}")[-4:])


def token_of(account: str) -> str:
    """Returns what an account speaks with."""
    return f"token-of-{account.replace(':', '-').replace('.', '-')}"


async def _account(asked: web.Request) -> str:
    """Returns whose token it is; of Telegram, whose one bot posts everywhere, which channel is meant."""
    known = [account for account in _NUMBERS if not account.startswith("telegram:")]
    claimed = asked.query.get("access_token") or asked.headers.get("Authorization", "").removeprefix("Bearer ")
    if asked.path.startswith("/telegram/"):
        chat = str((await asked.post())["chat_id"])
        names = [one for one in _NUMBERS if one.startswith("telegram:")]
        return next((one for one in names if str(chat_of(f"@{one[9:]}")) == chat), f"telegram:{chat.lstrip('@')}")
    return next((account for account in known if token_of(account) == claimed), "")


async def _nothing(_asked: web.Request) -> web.Response:
    return web.json_response({"meta": {"result_count": 0}})


def _problem(detail: str) -> web.Response:
    return web.json_response({"title": "Forbidden", "status": 403, "detail": detail}, status=403)
