"""The public page: search before filing, file, look one's case up. Works without a script in the browser."""

import asyncio
import hmac
import re
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from cases.letters import moment
from cases.numbers import parse_number
from cases.public import CitizenView
from core.errors import Rejected
from web.notices import latest
from web.passing import awaited, passed_on, read_soon, small_form
from web.services import Services
from web.shown import as_citizen_sees
from web.throttle import Throttle, caller

_FILED_WAIT_SECONDS = 3.0
# Ten thousand syllables of Hangul, as a browser encodes them, are 90 kB.
_MOST_FORM_BYTES = 262_144
# A form's token and what says that it was filed.
_RECEIPT = re.compile(r"([\w.-]{1,200})\.[\w-]{1,100}", re.ASCII)
_INPUTS = ("text", "place", "name", "contact")
_NEVER_FILED = "이 주소로 접수된 민원이 없습니다. 주소를 확인하시거나 접수번호로 조회해 주십시오."
_NO_SUCH_CASE = "접수번호와 확인값이 맞는 민원이 없습니다. 다시 확인해 주십시오."
_TOO_MANY_TRIES = "이 접수번호를 여러 번 조회하셨습니다. 15분 뒤에 다시 조회하시거나 120으로 전화해 주십시오."
_SAID = {
    400: "보내신 내용을 읽을 수 없습니다. 다시 적어 주십시오.",
    401: "이 화면을 연 지 오래되어 보내지 못했습니다. 내용을 확인하시고 다시 접수해 주십시오.",
    413: "내용이 너무 깁니다. 줄여서 다시 적어 주십시오.",
    422: "내용이 비어 있거나 읽을 수 없습니다. 다시 적어 주십시오.",
    503: "접수되었는지 지금은 확인할 수 없습니다. 잠시 뒤 이 화면에서 다시 보내 주시거나 120으로 전화해 주십시오. "
    "다시 보내셔도 두 번 접수되지 않습니다.",
}


def routes(services: Services, hooks: ASGIApp) -> list[Route]:
    """Returns the pages; a filled-in form goes through `hooks` like every other message."""
    pages = _Pages(services, hooks)
    return [
        Route("/", pages.home),
        Route("/file", pages.file, methods=["POST"]),
        Route("/filed/{receipt}", pages.filed),
        Route("/case", pages.look_up, methods=["POST"]),
        Route("/c/{number}/{token}", pages.case),
        Route("/favicon.ico", pages.icon),
    ]


class _Pages:
    def __init__(self, services: Services, hooks: ASGIApp) -> None:
        self._with = services
        self._hooks = hooks
        # Ten thousand four-digit endings stand before a number: five tries a quarter of an hour open none of them.
        self._throttle = Throttle(most=5, seconds=900)
        # Numbers can be counted up: whoever tries each a few times is to get nowhere either.
        self._guesses = Throttle(most=20, seconds=60)
        self._templates = Environment(
            loader=FileSystemLoader(Path(__file__).with_name("templates")), autoescape=True, undefined=StrictUndefined
        )

    def _page(self, name: str, status: int = 200, **values: Any) -> Response:
        return HTMLResponse(self._templates.get_template(name).render(**values), status_code=status)

    async def _home(
        self, status: int = 200, *, written: Mapping[str, str] | None = None, token: str = "", **values: Any
    ) -> Response:
        token = token or (self._with.form_token() if self._with.form_token else "")
        told = {"q": "", "faqs": (), "not_found": "", "error": ""} | values
        kept = dict.fromkeys(_INPUTS, "") | dict(written or {})
        notices = await latest(self._with)
        return self._page("home.html", status, form_token=token, written=kept, notices=notices, **told)

    async def home(self, request: Request) -> Response:
        words = request.query_params.get("q", "")[:200]
        faqs = await asyncio.to_thread(self._with.faqs, words, "ko", 3) if words.strip() else ()
        return await self._home(q=words, faqs=faqs)

    async def file(self, request: Request) -> Response:
        body = await read_soon(request, _MOST_FORM_BYTES)
        if body is None:
            return await self._home(413, error=_SAID[413])
        status, reason = await passed_on(self._hooks, request, "/hooks/form", body)
        if status != 200:
            # What the form refuses (422), it explains to a citizen; what was written is not to be written again.
            error = reason if status == 422 and reason else _SAID.get(status, _SAID[400])
            # What could not be said to be durable may be so all the same: sent again with its token it is the same.
            token = _token(body) if status == 503 else ""
            return await self._home(status, written=_written(body), error=error, token=token)
        token = _token(body)
        receipt = self._with.form_receipt(token) if self._with.form_receipt else token
        return RedirectResponse(f"/filed/{quote(receipt, safe='')}", status_code=303)

    async def filed(self, request: Request) -> Response:
        receipt = _RECEIPT.fullmatch(request.path_params["receipt"])
        if receipt is None:
            return await self._home(404, not_found=_NEVER_FILED)
        # Signed with another key, as after a restart without one of its own, what was filed still has its case.
        is_ours = self._is_ours(receipt)
        case = await self._case_of(receipt[1], _FILED_WAIT_SECONDS if is_ours else 0)
        if case is None:
            return self._page("filed.html", number="") if is_ours else await self._home(404, not_found=_NEVER_FILED)
        view = as_citizen_sees(await asyncio.to_thread(self._with.store.public.by_token, *case), self._with.city)
        return self._page("filed.html", case=view, number=case[0], link="/c/{}/{}".format(*case))

    def _is_ours(self, receipt: re.Match[str]) -> bool:
        made = self._with.form_receipt(receipt[1]) if self._with.form_receipt else ""
        return hmac.compare_digest(made, receipt[0])

    async def _case_of(self, token: str, wait_seconds: float) -> tuple[str, str] | None:
        """Returns number and token of what was filed; the case is made moments after the message is durable."""
        look = partial(self._with.store.public.filed, "form", token)
        return await awaited(look, self._with.changed, wait_seconds)

    async def look_up(self, request: Request) -> Response:
        form = await small_form(request)
        # People paste the whole link.
        key = form.get("key", "").strip().rstrip("/").rpartition("/")[2]
        try:
            number = parse_number(form.get("number", ""))
        except Rejected:
            return await self._home(404, not_found=_NO_SUCH_CASE)
        by_phone = key.isdigit() and len(key) == 4
        # However it is spelt, it is one number.
        if not self._throttle.allows(number) or (by_phone and not self._guesses.allows(caller(request))):
            return await self._home(429, not_found=_TOO_MANY_TRIES)
        public = self._with.store.public
        return await self._shown(public.by_phone if by_phone else public.by_token, number, key)

    async def case(self, request: Request) -> Response:
        number, token = request.path_params["number"], request.path_params["token"]
        link = f"/c/{quote(number, safe='')}/{quote(token, safe='')}"
        return await self._shown(self._with.store.public.by_token, number, token, link)

    async def icon(self, _request: Request) -> Response:
        """For browsers that show what has no head to name it in."""
        icon = Path(__file__).with_name("static") / "icon.svg"
        return Response(await asyncio.to_thread(icon.read_bytes), media_type="image/svg+xml")

    async def _shown(self, look: Callable[[str, str], CitizenView], number: str, key: str, link: str = "") -> Response:
        public = self._with.store.public
        try:
            view = await asyncio.to_thread(look, number, key)
            # Behind the private address alone: four digits of a telephone show nobody's words.
            words = await asyncio.to_thread(public.words, number, key) if link else []
        except Rejected:
            return await self._home(404, not_found=_NO_SUCH_CASE)
        more = link if view.forgotten_at is None and self._with.store.contacts.ways else ""
        said = [{"at": moment(at), "text": text} for at, text in words]
        response = self._page("case.html", case=as_citizen_sees(view, self._with.city), link=more, words=said)
        response.headers["cache-control"] = "no-store"
        return response


def _token(body: bytes) -> str:
    # Of several the hook takes the last.
    return parse_qs(body.decode("utf-8", "replace")).get("token", [""])[-1]


def _written(body: bytes) -> dict[str, str]:
    fields = parse_qs(body.decode("utf-8", "replace"))
    return {name: fields[name][0] for name in _INPUTS if name in fields}
