"""/api/v1/broadcasts: what everybody was told, for everybody; drafting, approving and sending for who holds a key."""

import asyncio
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from cases.broadcast_model import Broadcast, Draft, Target, Told
from core.errors import ConfigError, Rejected
from web.answers import as_json, key_of, limit_of, refusal
from web.passing import read
from web.services import Services
from web.shown import in_seoul

_MOST_BYTES, _MOST_CAUSE = 65_536, 200
_NO_KEY = "send 'Authorization: Bearer <key>'; `eungdapso key add --queue broadcasts --for NAME` makes one"


class Asked(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a caller may say; which of it is needed depends on the verb."""

    text: str = ""
    title: str = ""
    short: str = ""
    group: str = ""
    dry_run: bool = False
    why: str = ""
    account: str = ""
    is_there: bool | None = None
    post: str = ""


_asked = msgspec.json.Decoder(Asked).decode


def routes(services: Services) -> list[Route]:
    """Returns the routes; every answer is JSON, every mistake `{"error": …}`."""
    calls = _Calls(services)
    return [
        Route("/api/v1/broadcasts", calls.listed, methods=["GET"]),
        Route("/api/v1/broadcasts", calls.draft, methods=["POST"]),
        Route("/api/v1/broadcasts/{id}", calls.one, methods=["GET"]),
        Route("/api/v1/broadcasts/{id}/{verb}", calls.act, methods=["POST"]),
    ]


class _Calls:
    """Who acts is the holder of the key: two approvals need two keys of two officers."""

    def __init__(self, services: Services) -> None:
        self._with = services

    async def listed(self, request: Request) -> Response:
        """Without a key what was sent and not taken back; with one all, as staff see them."""
        limit, broadcasts = limit_of(request, default=50), self._with.store.broadcasts
        if "authorization" not in request.headers:
            return as_json({"results": [as_told(one) for one in await asyncio.to_thread(broadcasts.told, limit=limit)]})
        if not await self._holder(request):
            return refusal(401, _NO_KEY)
        found = await asyncio.to_thread(broadcasts.listed, limit=limit)
        return as_json({"results": [as_staff_sees(one) for one in found]})

    async def one(self, request: Request) -> Response:
        if not await self._holder(request):
            return refusal(401, _NO_KEY)
        return await _answered(lambda: self._with.store.broadcasts.get(request.path_params["id"]))

    async def draft(self, request: Request) -> Response:
        return await self._written(request, "")

    async def act(self, request: Request) -> Response:
        name, verb = request.path_params["id"], request.path_params["verb"]
        if verb == "correct":
            return await self._written(request, name)
        holder = await self._holder(request)
        if not holder:
            return refusal(401, _NO_KEY)
        broadcasts = self._with.store.broadcasts
        try:
            asked = await _read(request)
        except Rejected as error:
            return refusal(error.status, error.reason)
        verbs: Mapping[str, Callable[[], Broadcast]] = {
            "approve": lambda: broadcasts.approve(name, holder),
            "send": lambda: broadcasts.send(name, holder),
            "recall": lambda: broadcasts.recall(name, holder, asked.why),
            "retry": lambda: broadcasts.again(name, holder, asked.account),
            "settle": lambda: broadcasts.settle(
                name, holder, asked.account, is_there=_said(asked.is_there), provider_id=asked.post
            ),
        }
        if verb not in verbs:
            return refusal(404, f"there is no verb '{verb}'; there are correct, {', '.join(verbs)}")
        return await _answered(verbs[verb])

    async def _written(self, request: Request, corrects: str) -> Response:
        """Keeps a draft; the header `Idempotency-Key` makes one of several that are the same."""
        holder = await self._holder(request)
        if not holder:
            return refusal(401, _NO_KEY)
        try:
            asked = await _read(request)
            given = _draft(asked, corrects, request.headers.get("idempotency-key", ""), holder)
            new = await asyncio.to_thread(self._with.written, given)
        except (Rejected, ConfigError) as error:
            return refusal(getattr(error, "status", 422), str(error))
        if asked.dry_run:
            return as_json({"posts": [as_targeted(target) for target in new.targets]})
        return await _answered(lambda: self._with.store.broadcasts.draft(new, holder), status=201)

    async def _holder(self, request: Request) -> str:
        key = key_of(request)
        return await asyncio.to_thread(self._with.store.keys.holder, key) if key else ""


def as_told(one: Told) -> dict[str, Any]:
    """Returns a line of the public list."""
    values = {"id": one.id, "title": one.title, "text": one.text, "at": in_seoul(one.at)}
    return {**values, "corrects": one.corrects or None}


def as_staff_sees(one: Broadcast) -> dict[str, Any]:
    """Returns the whole, with how far every account has come."""
    values = msgspec.structs.asdict(one)
    posts = [msgspec.structs.asdict(post) for post in one.posts]
    for post in posts:
        for name in ("claimed_by", "place", "first_try_at", "tried_at", "is_linked"):
            del post[name]
    times = {name: in_seoul(value) for name, value in values.items() if isinstance(value, datetime)}
    acts = [{**msgspec.structs.asdict(act), "at": in_seoul(act.at)} for act in one.acts]
    return {**values, **times, "counts": one.counts, "posts": [_local(post) for post in posts], "acts": acts}


def as_targeted(target: Target) -> dict[str, Any]:
    """Returns where a draft would go, and what it would say there."""
    return msgspec.structs.asdict(target)


def _local(values: dict[str, Any]) -> dict[str, Any]:
    return {name: in_seoul(value) if isinstance(value, datetime) else value for name, value in values.items()}


async def _answered(act: Callable[[], Broadcast], *, status: int = 200) -> Response:
    try:
        return as_json(as_staff_sees(await asyncio.to_thread(act)), status=status)
    except Rejected as error:
        return refusal(error.status, error.reason)


async def _read(request: Request) -> Asked:
    """Returns what stands in the body; raises `Rejected` for what cannot be meant."""
    body = await read(request, _MOST_BYTES)
    if body is None:
        raise Rejected("the body is too large", status=413)
    try:
        return _asked(body) if body else Asked()
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise Rejected(f"the body is not what is asked for: {error}", status=400) from error


def _draft(asked: Asked, corrects: str, cause: str, holder: str) -> Draft:
    return Draft(
        audience=asked.group,
        title=asked.title,
        text=asked.text,
        short=asked.short,
        corrects=corrects,
        # One officer's name for a draft is none of another's.
        cause=f"{holder}|{cause[:_MOST_CAUSE]}" if cause else "",
        targets=(),
    )


def _said(is_there: bool | None) -> bool:
    if is_there is None:
        raise Rejected('say whether the post stands there: {"account": "x:Seoul_eds", "is_there": true}')
    return is_there
