"""X on loopback, as its documentation says: mentions in pages, posts, messages, a stream; and what it does wrong."""

import asyncio
import json
import time
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from aiohttp.typedefs import Handler
from oauthlib.oauth1.rfc5849 import signature
from yarl import URL

CITY, TRAFFIC = "1500000000000000120", "1500000000000000121"
CITIZEN, OTHER = "1500000000000000001", "1500000000000000002"
NAMES = {CITY: "Seoul_eds", TRAFFIC: "Seoulgyotong", CITIZEN: "citizen_one", OTHER: "citizen_two"}
SECRETS = {
    "EUNGDAPSO_X_CONSUMER_SECRET": "consumer-secret",
    "EUNGDAPSO_X_CONSUMER_KEY": "consumer-key",
    "EUNGDAPSO_X_BEARER_TOKEN": "bearer-token",
    "EUNGDAPSO_X_ACCESS_TOKEN": "1500-token",
    "EUNGDAPSO_X_ACCESS_TOKEN_SECRET": "token-secret",
}
_FIRST_ID = 2_080_765_813_578_191_000


@dataclass
class Trouble:
    """What is answered instead: a status, or "lost" for a connection that breaks after the work was done."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: str = "<html>over capacity</html>"
    is_lost: bool = False
    seconds: float = 0.0


@dataclass
class FakeX:
    """Everything that it knows can be looked at."""

    posts: list[dict[str, Any]] = field(default_factory=list)
    messages: list[dict[str, Any]] = field(default_factory=list)
    rules: list[dict[str, str]] = field(default_factory=list)
    # By method and the last word of the path: what goes wrong, one after the other.
    troubles: dict[str, deque[Trouble]] = field(default_factory=dict)
    asked: list[web.Request] = field(default_factory=list)
    page_size: int = 100
    # Of the stream: lines to say, when it was opened, and what it does when they are said.
    lines: asyncio.Queue[bytes] = field(default_factory=asyncio.Queue)
    streams: list[float] = field(default_factory=list)
    ends_after_lines: bool = False
    url: str = ""
    # Of OAuth 2.0: the refresh token that is taken next, once, and the tokens that were given.
    refresh: str = ""
    granted: list[str] = field(default_factory=list)
    # Of posts that are gone, by id.
    gone: set[str] = field(default_factory=set)

    def says(self, text: str, *, author: str = CITIZEN, **more: Any) -> dict[str, Any]:
        """A post of somebody, which names whom it names."""
        new = str(_FIRST_ID + len(self.posts))
        mentions = [{"username": name, "id": user} for user, name in NAMES.items() if f"@{name}" in text]
        post = {
            "id": new,
            "text": text,
            "author_id": author,
            "conversation_id": new,
            "created_at": "2026-11-23T01:00:00.000Z",
            "edit_history_tweet_ids": [new],
            "entities": {"mentions": mentions},
            **more,
        }
        self.posts.append(post)
        return post

    def replies_to(self, post: dict[str, Any]) -> list[str]:
        return [str(one["text"]) for one in self.posts if _parent(one) == post["id"]]

    def calls(self, name: str) -> int:
        return sum(_name(asked) == name for asked in self.asked)

    def fails(self, name: str, *troubles: Trouble) -> None:
        self.troubles[name] = deque(troubles)

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[str]:
        app = web.Application(middlewares=[self._watch])
        app.add_routes(
            [
                web.get("/2/users/{id}/mentions", self._mentions),
                web.get("/2/users/{id}/tweets", self._tweets),
                web.post("/2/tweets", self._post),
                web.get("/2/tweets", self._look_up),
                web.post("/2/oauth2/token", self._token),
                web.post("/2/dm_conversations/with/{id}/messages", self._message),
                web.get("/2/dm_conversations/with/{id}/dm_events", self._messages),
                web.get("/2/tweets/search/stream", self._stream),
                web.get("/2/tweets/search/stream/rules", self._rules),
                web.post("/2/tweets/search/stream/rules", self._change_rules),
            ]
        )
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            self.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
            yield self.url
        finally:
            await runner.cleanup()

    @web.middleware
    async def _watch(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        self.asked.append(request)
        trouble = next(iter(self.troubles.get(_name(request), ())), None)
        if trouble is None:
            return await handler(request)
        self.troubles[_name(request)].popleft()
        await asyncio.sleep(trouble.seconds)
        if trouble.status:
            return web.Response(status=trouble.status, headers=trouble.headers, text=trouble.body)
        answer = await handler(request)
        if trouble.is_lost:
            assert request.transport is not None
            request.transport.abort()
        return answer

    async def _mentions(self, asked: web.Request) -> web.Response:
        if asked.headers["Authorization"] != f"Bearer {SECRETS['EUNGDAPSO_X_BEARER_TOKEN']}":
            return _problem(401, "Unauthorized")
        after, user = int(asked.query.get("since_id", 0)), asked.match_info["id"]
        found = [post for post in self.posts if _names(post, user) and int(post["id"]) > after][::-1]
        start = int(asked.query.get("pagination_token", "0"))
        page, size = found[start : start + self.page_size], self.page_size
        meta: dict[str, Any] = {"result_count": len(page)}
        if page:
            meta |= {"newest_id": page[0]["id"], "oldest_id": page[-1]["id"]}
        if start + size < len(found):
            meta["next_token"] = str(start + size)
        users = [{"id": one, "name": "시민", "username": NAMES[one]} for one in {post["author_id"] for post in page}]
        return web.json_response({"data": page, "includes": {"users": users}, "meta": meta} if page else {"meta": meta})

    async def _tweets(self, asked: web.Request) -> web.Response:
        _check_signature(asked)
        found = [post for post in self.posts if post["author_id"] == asked.match_info["id"]][::-1]
        return web.json_response({"data": found, "meta": {"result_count": len(found)}})

    async def _post(self, asked: web.Request) -> web.Response:
        _check_signature(asked)
        given = await asked.json()
        parent = next((one for one in self.posts if one["id"] == given["reply"]["in_reply_to_tweet_id"]), None)
        if parent is None:
            return _problem(403, "You attempted to reply to a Tweet that is deleted or not visible to you.")
        if parent["author_id"] != CITY and not _names(parent, CITY):
            return _problem(403, "Reply is not allowed: the author has not mentioned or summoned you.")
        if any(one["author_id"] == CITY and one["text"] == given["text"] for one in self.posts):
            return _problem(403, "You are not allowed to create a Tweet with duplicate content.")
        others = [{"type": "replied_to", "id": parent["id"]}]
        made = self.says(given["text"], author=CITY, referenced_tweets=others)
        return web.json_response({"data": {"id": made["id"], "text": made["text"]}}, status=201)

    async def _message(self, asked: web.Request) -> web.Response:
        _check_signature(asked)
        new = {"id": str(_FIRST_ID + len(self.messages)), "event_type": "MessageCreate", "sender_id": CITY}
        self.messages.append({**new, "text": (await asked.json())["text"], "to": asked.match_info["id"]})
        return web.json_response({"data": {"dm_conversation_id": "1-2", "dm_event_id": new["id"]}}, status=201)

    async def _messages(self, asked: web.Request) -> web.Response:
        _check_signature(asked)
        found = [one for one in self.messages if one["to"] == asked.match_info["id"]][::-1]
        return web.json_response({"data": found, "meta": {"result_count": len(found)}})

    async def _token(self, asked: web.Request) -> web.Response:
        given = await asked.post()
        if asked.headers.get("Authorization") != "Basic Y2xpZW50OnNlY3JldA==" or given["refresh_token"] != self.refresh:
            return web.json_response({"error": "invalid_request"}, status=400)
        self.granted.append(f"access-{len(self.granted) + 1}")
        self.refresh = f"refresh-{len(self.granted) + 1}"
        made = {"token_type": "bearer", "expires_in": 7200, "access_token": self.granted[-1]}
        return web.json_response(made | {"refresh_token": self.refresh})

    async def _look_up(self, asked: web.Request) -> web.Response:
        ids = asked.query["ids"].split(",")
        found = [post for post in self.posts if post["id"] in ids and post["id"] not in self.gone]
        lost = [one for one in ids if one not in {post["id"] for post in found}]
        kind = {"title": "Not Found Error", "type": "https://api.twitter.com/2/problems/resource-not-found"}
        errors = [{"value": one, "resource_id": one, "resource_type": "tweet", **kind} for one in lost]
        return web.json_response({**({"data": found} if found else {}), **({"errors": errors} if errors else {})})

    async def _stream(self, asked: web.Request) -> web.StreamResponse:
        self.streams.append(time.monotonic())
        answer = web.StreamResponse()
        await answer.prepare(asked)
        while not (self.ends_after_lines and self.lines.empty()):
            await answer.write((await self.lines.get()) + b"\r\n")
        return answer

    async def _rules(self, _asked: web.Request) -> web.Response:
        return web.json_response({"data": self.rules, "meta": {}} if self.rules else {"meta": {}})

    async def _change_rules(self, asked: web.Request) -> web.Response:
        given = await asked.json()
        gone = given.get("delete", {}).get("ids", [])
        self.rules = [rule for rule in self.rules if rule["id"] not in gone]
        self.rules += [{**rule, "id": str(900 + place)} for place, rule in enumerate(given.get("add", []))]
        return web.json_response({"meta": {}}, status=201)


def _name(asked: web.Request) -> str:
    return f"{asked.method} {asked.path.rpartition('/')[2]}"


def _names(post: dict[str, Any], user: str) -> bool:
    return any(mention["id"] == user for mention in post["entities"]["mentions"])


def _parent(post: dict[str, Any]) -> str:
    return next((str(one["id"]) for one in post.get("referenced_tweets", ()) if one["type"] == "replied_to"), "")


def _problem(status: int, detail: str) -> web.Response:
    body = {"title": "Problem", "type": "about:blank", "status": status, "detail": detail}
    return web.Response(status=status, text=json.dumps(body), content_type="application/problem+json")


def _check_signature(asked: web.Request) -> None:
    """Raises 401 unless the request is signed by OAuth 1.0a with the known secrets, or carries a token of OAuth 2.0."""
    if asked.headers["Authorization"].startswith("Bearer access-"):
        return
    url = URL.build(scheme="http", host=asked.host.partition(":")[0], port=int(asked.host.partition(":")[2]))
    plain = f"{url}{asked.raw_path}"
    header = {"Authorization": asked.headers["Authorization"]}
    given = signature.collect_parameters(uri_query=asked.rel_url.raw_query_string, headers=header)
    named = signature.normalize_parameters(given)
    base = signature.signature_base_string(asked.method, signature.base_string_uri(plain), named)
    claimed = dict(signature.collect_parameters(headers=header, exclude_oauth_signature=False, with_realm=False))[
        "oauth_signature"
    ]
    secrets = SECRETS["EUNGDAPSO_X_CONSUMER_SECRET"], SECRETS["EUNGDAPSO_X_ACCESS_TOKEN_SECRET"]
    if signature.sign_hmac_sha1_with_client(base, _Client(*secrets)) != claimed:
        raise web.HTTPUnauthorized


@dataclass
class _Client:
    client_secret: str
    resource_owner_secret: str
