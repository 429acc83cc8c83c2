"""/open311/v2: GeoReport v2, for client programs that report and follow what the city does."""

import asyncio
import time
from collections.abc import Mapping
from datetime import timedelta
from functools import partial
from typing import Any
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from cases.requests import Filed, Shown
from core import hook, telemetry
from core.errors import Forged, Rejected, Unavailable
from web import georeport, georeport_query
from web.georeport import Form, form_of, not_now, refused, written
from web.passing import awaited, passed_on, read
from web.services import GeoReport, Services
from web.shown import as_citizen_sees
from web.throttle import Rate, caller

_ROOT, _PREFIX = "/open311", "/open311/v2"
# Changes when what is answered here means something else.
_CHANGESET = "2026-11-23T00:00:00+09:00"
_WAIT_SECONDS, _BODY_SECONDS = 3.0, 20.0
_SAME_DAYS = 7
# Lists that are made at once; whoever comes when so many are waits a moment.
_LISTS, _LIST_WAIT_SECONDS = 2, 3.0
_NOWHERE = "이 주소에는 아무것도 없습니다. discovery.json에 있는 주소를 써 주십시오."
_TOO_OFTEN = "목록을 너무 자주 물으셨습니다. Retry-After에 적힌 초가 지난 뒤 다시 물어 주십시오."
_WRONG_METHOD = "이 주소에서는 할 수 없는 요청입니다. Allow에 적힌 방법으로 보내 주십시오."
_TOO_LARGE, _TOO_SLOW = "보낸 내용이 너무 큽니다.", "보내는 데 너무 오래 걸렸습니다."
_NO_SERVICE = "service_code: 이런 민원 종류가 없습니다."
_NO_REQUEST = "service_request_id: 이 번호로 볼 수 있는 민원이 없습니다."
_NOT_YET = "token: 이 값으로 접수된 민원이 아직 없습니다."


def routes(services: Services, hooks: ASGIApp) -> list[Route]:
    """Returns the routes; every answer is JSON or XML as the address says, every mistake a list of errors."""
    return [Route(_ROOT + "/{rest:path}", _Calls(services, hooks), include_in_schema=False)]


class _Calls:
    """An ASGI application, so that it also answers whatever method nobody thought of."""

    def __init__(self, services: Services, hooks: ASGIApp) -> None:
        self._with = services
        self._hooks = hooks
        self._rate = Rate(most=services.georeport.lists_a_minute if services.georeport else 0, seconds=60)
        self._lists = asyncio.Semaphore(_LISTS)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        response = await self.call(Request(scope, receive, send))
        await response(scope, receive, send)

    async def call(self, request: Request) -> Response:
        """Finds what is asked for; whatever cannot be is said in the format that was asked for."""
        path: str = request.scope["path"]
        form = form_of(path)
        rest, _, ending = path.removeprefix(_PREFIX + "/").rpartition(".")
        channel, (what, _, which) = self._with.georeport, rest.partition("/")
        is_ours = path.startswith(_PREFIX + "/") and ending in ("json", "xml")
        allowed = _allowed(what, which) if is_ours else ()
        if channel is None or not allowed:
            return refused(form, 404, _NOWHERE)
        if request.method not in allowed:
            return refused(form, 405, _WRONG_METHOD, {"allow": ", ".join(allowed)})
        try:
            self._check_jurisdiction(channel, request.query_params.get("jurisdiction_id", ""))
            if request.method == "POST":
                return await self._post(channel, form, request)
            return await self._get(channel, form, what, which, request)
        except Rejected as error:
            if request.method == "POST":
                telemetry.refused(channel=channel.name, reason="not a report", status=_status(error))
            return refused(form, _status(error), error.reason)
        except Unavailable:
            return not_now(form)

    def _check_jurisdiction(self, channel: GeoReport, named: str) -> None:
        if named and channel.jurisdiction_id and named != channel.jurisdiction_id:
            raise Rejected(f"jurisdiction_id: 이곳은 {channel.jurisdiction_id}입니다.", status=404)

    async def _get(self, channel: GeoReport, form: Form, what: str, which: str, request: Request) -> Response:
        city = self._with.city
        if what == "requests" and which:
            return await self._one(form, which)
        if what == "requests":
            if (seconds := self._rate.wait(caller(request))) > 0:
                return not_now(form, status=429, words=_TOO_OFTEN, seconds=seconds)
            shown = await self._several(request.query_params)
            return written(form, "service_requests", [georeport.requested(one, city) for one in shown])
        if what == "tokens" and which:
            return await self._of_token(channel, form, which)
        if what == "services" and which:
            if not georeport.is_service(which, city):
                raise Rejected(_NO_SERVICE, status=404)
            return written(form, "service_definition", {"service_code": which, "attributes": []})
        if what == "services":
            return written(form, "services", georeport.services(city))
        if what == "discovery" and not which:
            url = self._with.public_url + _PREFIX
            return written(form, "discovery", georeport.discovered(url, _CHANGESET, channel.contacts))
        raise Rejected(_NOWHERE, status=404)

    async def _one(self, form: Form, which: str) -> Response:
        shown = await self._named([which])
        if not shown:
            raise Rejected(_NO_REQUEST, status=404)
        return written(form, "service_requests", [georeport.requested(shown[0], self._with.city)])

    async def _several(self, asked: Mapping[str, str]) -> list[Shown]:
        if named := georeport_query.named(asked):
            return await self._named(named)
        query = georeport_query.read(asked, self._with.city, self._with.clock())
        look = partial(
            self._with.store.requests.between,
            query.since,
            query.until,
            topics=query.topics,
            states=query.states,
            limit=query.limit,
            offset=query.offset,
        )
        try:
            async with asyncio.timeout(_LIST_WAIT_SECONDS):
                await self._lists.acquire()
        except TimeoutError as error:
            raise Unavailable("too many lists at once") from error
        try:
            return await asyncio.to_thread(look)
        finally:
            self._lists.release()

    async def _named(self, named: list[str]) -> list[Shown]:
        return await asyncio.to_thread(self._with.store.requests.named, set(georeport_query.numbers(named)))

    async def _of_token(self, channel: GeoReport, form: Form, token: str) -> Response:
        filed = await asyncio.to_thread(self._with.store.requests.filed, [channel.name], [token])
        if filed is None or not filed.number:
            raise Rejected(_NOT_YET, status=404)
        return written(form, "service_requests", [{"service_request_id": filed.number, "token": token}])

    async def _post(self, channel: GeoReport, form: Form, request: Request) -> Response:
        try:
            async with asyncio.timeout(_BODY_SECONDS):
                body = await read(request, channel.most_bytes)
        except TimeoutError as error:
            raise Rejected(_TOO_SLOW, status=408) from error
        if body is None:
            raise Rejected(_TOO_LARGE, status=413)
        asked = self._asked(request, body)
        channel.verify(asked, now=time.time())
        if not georeport.is_service(channel.service_of(asked), self._with.city):
            raise Rejected(_NO_SERVICE, status=404)
        self._check_jurisdiction(channel, _jurisdiction(body))
        names = channel.names(asked)
        look = partial(self._with.store.requests.filed, [channel.name], names)
        known = await asyncio.to_thread(look)
        if known is not None and self._is_same(known, names[0]):
            return await self._said(form, known, names[0], status=200)
        status, reason = await passed_on(self._hooks, request, f"/hooks/{channel.name}", body)
        if status == 503:
            return not_now(form)
        if status != 200:
            raise Rejected(reason, status=status)
        only = partial(self._with.store.requests.filed, [channel.name], names[:1])
        return await self._said(form, await awaited(only, self._with.changed, _WAIT_SECONDS), names[0], status=201)

    def _is_same(self, known: Filed, name: str) -> bool:
        """Whether the same report within a week is known already."""
        return known.native_id == name or self._with.clock() - known.received_at < timedelta(days=_SAME_DAYS)

    def _asked(self, request: Request, body: bytes) -> hook.Request:
        headers = {name.lower(): value for name, value in request.headers.items()}
        at = self._with.clock()
        return hook.Request(
            method="POST", url="", path=request.url.path, query="", headers=headers, body=body, received_at=at
        )

    async def _said(self, form: Form, filed: Filed | None, name: str, *, status: int) -> Response:
        """Answers a report: with its number when it has one, else with the token that will open it."""
        if filed is None or not filed.number:
            token = filed.native_id if filed else name
            answer: dict[str, Any] = {"token": token, "service_notice": None, "account_id": None}
        else:
            told = await asyncio.to_thread(self._notice, filed)
            answer = {"service_request_id": filed.number, "service_notice": told, "account_id": None}
        return written(form, "service_requests", [answer], status)

    def _notice(self, filed: Filed) -> str | None:
        """Returns what is told to who reported, and to nobody who only wrote the same."""
        if not filed.token:
            return None
        view = self._with.store.public.by_token(filed.number, filed.token)
        seen, case = as_citizen_sees(view, self._with.city), self._with.store.views.case(filed.number)
        told = (
            georeport.hint(case, self._with.city),
            seen["answer"] or georeport.notice(seen["queue_name"], view.due_at),
            f"{self._with.public_url}/c/{filed.number}/{filed.token}",
        )
        return "\n".join(part for part in told if part)


def _allowed(what: str, which: str) -> tuple[str, ...]:
    """Returns what may be done with it, () when there is no such address."""
    if what == "requests":
        return ("GET", "HEAD") if which else ("GET", "HEAD", "POST")
    is_there = what == "services" or (what == "discovery" and not which) or (what == "tokens" and which)
    return ("GET", "HEAD") if is_there else ()


def _status(error: Rejected) -> int:
    """GeoReport knows three: a resource that is not there, a key that is wrong, and everything else; the transport has
    its own."""
    if isinstance(error, Forged):
        return 403
    return error.status if error.status in (403, 404, 408, 413, 429) else 400


def _jurisdiction(body: bytes) -> str:
    return parse_qs(body.decode("utf-8", "replace")).get("jurisdiction_id", [""])[-1]
