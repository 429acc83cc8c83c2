"""/open311/v2: GeoReport v2, for client programs that report and follow what the city does."""

import asyncio
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from cases.model import OPEN, STATES
from cases.numbers import parse_number
from cases.requests import Filed, Shown
from config.schema import City
from core import hook, telemetry
from core.clock import SEOUL
from core.errors import Forged, Rejected, Unavailable
from web import georeport
from web.georeport import Form, refused, written
from web.passing import awaited, passed_on, read
from web.services import GeoReport, Services
from web.shown import as_citizen_sees

_PREFIX = "/open311/v2"
# Changes when what is answered here means something else.
_CHANGESET = "2026-11-23T00:00:00+09:00"
_WAIT_SECONDS, _BODY_SECONDS = 3.0, 20.0
_SAME_DAYS = 7
_MOST_DAYS = 90
_STATES = {"open": OPEN, "closed": tuple(state for state in STATES if state not in OPEN)}
_NOWHERE = "이 주소에는 아무것도 없습니다. discovery.json에 있는 주소를 써 주십시오."
_LATER = "지금은 처리할 수 없습니다. 잠시 뒤 같은 내용을 다시 보내 주십시오. 두 번 접수되지 않습니다."
_NO_SERVICE = "service_code: 이런 민원 종류가 없습니다."
_NO_REQUEST = "service_request_id: 이 번호로 볼 수 있는 민원이 없습니다."
_NOT_YET = "token: 이 값으로 접수된 민원이 아직 없습니다."


def routes(services: Services, hooks: ASGIApp) -> list[Route]:
    """Returns the routes; every answer is JSON or XML as the address says, every mistake a list of errors."""
    calls = _Calls(services, hooks)
    return [Route(_PREFIX + "/{rest:path}", calls.call, methods=["GET", "POST"])]


class _Calls:
    def __init__(self, services: Services, hooks: ASGIApp) -> None:
        self._with = services
        self._hooks = hooks

    async def call(self, request: Request) -> Response:
        """Finds what is asked for; whatever cannot be is said in the format that was asked for."""
        rest, _, ending = request.path_params["rest"].rpartition(".")
        # XML is the format that everybody has to understand.
        form: Form = "json" if ending == "json" else "xml"
        channel, (what, _, which) = self._with.georeport, rest.partition("/")
        if channel is None or ending not in ("json", "xml"):
            return refused(form, 404, _NOWHERE)
        try:
            self._check_jurisdiction(channel, request.query_params.get("jurisdiction_id", ""))
            if request.method == "POST":
                return await self._post(channel, form, request) if rest == "requests" else refused(form, 404, _NOWHERE)
            return await self._get(form, what, which, request)
        except Rejected as error:
            # GeoReport knows three: a resource that is not there, a key that is wrong, and everything else.
            status = 403 if isinstance(error, Forged) else error.status if error.status in (403, 404) else 400
            if request.method == "POST":
                telemetry.refused(channel=channel.name, reason="not a report", status=status)
            return refused(form, status, error.reason)
        except TimeoutError:
            return refused(form, 400, "보내는 데 너무 오래 걸렸습니다.", code=408)
        except Unavailable:
            return _later(form)

    def _check_jurisdiction(self, channel: GeoReport, named: str) -> None:
        if named and channel.jurisdiction_id and named != channel.jurisdiction_id:
            raise Rejected(f"jurisdiction_id: 이곳은 {channel.jurisdiction_id}입니다.", status=404)

    async def _get(self, form: Form, what: str, which: str, request: Request) -> Response:
        city = self._with.city
        if what == "requests" and which:
            return await self._one(form, which)
        if what == "requests":
            shown = await self._several(request.query_params)
            return written(form, "service_requests", [georeport.requested(one, city) for one in shown])
        if what == "tokens" and which:
            return await self._of_token(form, which)
        if what == "services" and which:
            if not georeport.is_service(which, city):
                raise Rejected(_NO_SERVICE, status=404)
            return written(form, "service_definition", {"service_code": which, "attributes": []})
        if what == "services":
            return written(form, "services", georeport.services(city))
        if what == "discovery" and not which and self._with.georeport:
            url = self._with.public_url + _PREFIX
            return written(form, "discovery", georeport.discovered(url, _CHANGESET, self._with.georeport.told))
        raise Rejected(_NOWHERE, status=404)

    async def _one(self, form: Form, which: str) -> Response:
        shown = await self._named([which])
        if not shown:
            raise Rejected(_NO_REQUEST, status=404)
        return written(form, "service_requests", [georeport.requested(shown[0], self._with.city)])

    async def _several(self, asked: Mapping[str, str]) -> list[Shown]:
        if named := list(_listed(asked, "service_request_id")):
            return await self._named(named)
        topics, states = list(_listed(asked, "service_code")), list(_listed(asked, "status"))
        if unknown := [state for state in states if state not in _STATES]:
            raise Rejected(f"status: open이나 closed를 보내 주십시오. '{unknown[0][:20]}'은(는) 없습니다.")
        since, until = _span(asked, self._with.clock())
        look = partial(
            self._with.store.requests.between,
            since,
            until,
            topics=_topics(topics, self._with.city) if topics else None,
            states=[one for state in states for one in _STATES[state]] or None,
        )
        return await asyncio.to_thread(look)

    async def _named(self, named: list[str]) -> list[Shown]:
        return await asyncio.to_thread(self._with.store.requests.named, set(_numbers(named)))

    async def _of_token(self, form: Form, token: str) -> Response:
        assert self._with.georeport is not None
        filed = await asyncio.to_thread(self._with.store.requests.filed, [self._with.georeport.name], [token])
        if filed is None or not filed.number:
            raise Rejected(_NOT_YET, status=404)
        return written(form, "service_requests", [{"service_request_id": filed.number, "token": token}])

    async def _post(self, channel: GeoReport, form: Form, request: Request) -> Response:
        async with asyncio.timeout(_BODY_SECONDS):
            body = await read(request, channel.most_bytes)
        if body is None:
            return refused(form, 400, "보낸 내용이 너무 큽니다.", code=413)
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
            return _later(form)
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


def _later(form: Form) -> Response:
    response = refused(form, 503, _LATER)
    response.headers["retry-after"] = "5"
    return response


def _listed(asked: Mapping[str, str], name: str) -> Iterator[str]:
    return (part for one in asked.get(name, "").split(",") if (part := one.strip()))


def _topics(codes: list[str], city: City) -> list[str]:
    """Returns the topics of those services that there are; a case about which nobody knows more has none."""
    return ["" if code == georeport.OTHER else code for code in codes if georeport.is_service(code, city)]


def _numbers(named: list[str]) -> Iterator[str]:
    for one in named:
        try:
            yield parse_number(one[:40])
        except Rejected:
            # Nobody has such a number.
            continue


def _jurisdiction(body: bytes) -> str:
    return parse_qs(body.decode("utf-8", "replace")).get("jurisdiction_id", [""])[-1]


def _span(asked: Mapping[str, str], now: datetime) -> tuple[datetime, datetime]:
    """Returns the time that is asked for, at most ninety days; the latest when none is named."""
    most = timedelta(days=_MOST_DAYS)
    start, end = _instant(asked, "start_date"), _instant(asked, "end_date")
    since = start or (end or now) - most
    until = end or (min(since + most, now) if start else now)
    if start and end and not start <= end <= start + most:
        raise Rejected(f"start_date, end_date: 시작이 끝보다 앞서고 {_MOST_DAYS}일을 넘지 않아야 합니다.")
    return since, until


def _instant(asked: Mapping[str, str], name: str) -> datetime | None:
    # A plus sign that was not encoded arrives as a blank.
    text = asked.get(name, "").strip().replace(" ", "+")
    if not text:
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise Rejected(f"{name}: 2026-11-23T00:00:00+09:00처럼 시간대가 있는 때를 보내 주십시오.") from error
    if not 1970 <= at.year < 2200:
        raise Rejected(f"{name}: 이 해에는 민원이 없습니다.")
    return (at if at.tzinfo else at.replace(tzinfo=SEOUL)).astimezone(UTC)
