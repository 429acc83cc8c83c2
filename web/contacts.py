"""The page where a citizen says where else answers may go: consent, a code that proves the address, taking it back."""

import asyncio
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from cases.letters import moment
from cases.numbers import parse_number
from cases.people import Contact
from core.errors import Rejected
from core.mask import mask_handle
from web.passing import small_form
from web.services import Services
from web.throttle import Throttle

_LONGEST = 200
_PLACES = {"tel": "휴대전화번호", "mail": "전자우편 주소"}
_NOT_AGREED = "동의하신다는 칸에 표시하셔야 등록할 수 있습니다. 원하지 않으시면 등록하지 않으셔도 됩니다."
_WRONG_CONTACT = "연락처를 알아볼 수 없습니다. 다시 확인해 주십시오."
_TOO_MANY = "여러 번 시도하셨습니다. 한 시간 뒤에 다시 시도하시거나 120으로 전화해 주십시오."
_OLD_CODE = "이 인증번호는 더 쓸 수 없습니다. 10분이 지났거나 다섯 번 틀리셨습니다. 다시 받아 주십시오."
_WRONG_CODE = "인증번호가 맞지 않습니다. 다시 확인해 주십시오."
_NOT_POSSIBLE = "이 연락처는 여기에서 등록할 수 없습니다. 120으로 문의해 주십시오."
_ADDED = "연락처를 등록하였습니다."
_REMOVED = "연락처를 지웠습니다."
# What else stands on the page: `wrong` is the field that the error is about.
_NOTHING_TOLD: Mapping[str, Any] = {"error": "", "done": "", "wrong": "", "written": "", "is_sent": False}
_SAID_OF_CONTACT = {409: _NOT_POSSIBLE, 422: _WRONG_CONTACT, 429: _TOO_MANY}
_SAID_OF_CODE = {409: _NOT_POSSIBLE, 410: _OLD_CODE, 422: _WRONG_CODE, 429: _TOO_MANY}


def routes(services: Services) -> list[Route]:
    """Returns the pages behind a case's private link."""
    pages = _Contacts(services)
    path = "/c/{number}/{token}/contacts"
    return [
        Route(path, pages.shown),
        Route(path, pages.ask, methods=["POST"]),
        Route(f"{path}/added", pages.added),
        Route(f"{path}/removed", pages.removed),
        Route(f"{path}/code", pages.sent),
        Route(f"{path}/code", pages.prove, methods=["POST"]),
        Route(f"{path}/remove", pages.remove, methods=["POST"]),
    ]


def consent_words(ways: frozenset[str], keep_days: int | None) -> tuple[tuple[str, str], ...]:
    """Returns what a citizen agrees to: what is collected, what for, how long, and that they may refuse."""
    what = " 또는 ".join(name for way, name in _PLACES.items() if way in ways)
    ends = f"민원이 끝나고 {keep_days:,}일이 지나" if keep_days else "보관 기간이 지나"
    purpose = (
        "민원을 보내신 곳으로 답변이나 안내를 보낼 수 없을 때 이 연락처로 보내 드리고, 이 연락처에서 보내신 글을 "
        "같은 분의 민원에 더합니다."
    )
    return (
        ("수집 항목", what),
        ("이용 목적", purpose),
        ("보유 기간", f"{ends} 민원 내용을 지울 때까지입니다. 이 화면에서 언제든지 지우실 수 있고, 바로 지워집니다."),
        ("거부하실 권리", "동의하지 않으셔도 됩니다. 민원은 똑같이 처리하고, 답변은 민원을 보내신 곳으로만 보냅니다."),
    )


class _Contacts:
    def __init__(self, services: Services) -> None:
        self._with = services
        # The case store bounds codes and tries by itself; this keeps guesses from its door.
        self._throttle = Throttle(most=20, seconds=900)
        self._templates = Environment(
            loader=FileSystemLoader(Path(__file__).with_name("templates")), autoescape=True, undefined=StrictUndefined
        )

    async def shown(self, request: Request) -> Response:
        return await self._page(request)

    async def sent(self, request: Request) -> Response:
        return await self._page(request, is_sent=True)

    async def added(self, request: Request) -> Response:
        return await self._page(request, done=_ADDED)

    async def removed(self, request: Request) -> Response:
        return await self._page(request, done=_REMOVED)

    async def ask(self, request: Request) -> Response:
        form = await small_form(request)
        written = str(form.get("contact", ""))[:_LONGEST]
        if not self._allows(request):
            return await self._page(request, 429, error=_TOO_MANY)
        if form.get("consent") != "yes":
            return await self._page(request, 422, error=_NOT_AGREED, wrong="consent", written=written)

        def act() -> None:
            store = self._with.store.contacts
            words = consent_words(store.ways, self._with.keep_days)
            said = "\n".join(f"{name}: {text}" for name, text in words)
            store.ask(*_case(request), store.place_of(written), said)

        refused = await self._refusal(act)
        if refused is not None:
            said = _SAID_OF_CONTACT.get(refused, _WRONG_CONTACT)
            return await self._page(request, refused, error=said, wrong="contact", written=written)
        self._with.ring()
        return _goes_to(request, "/code")

    async def prove(self, request: Request) -> Response:
        form = await small_form(request)
        if not self._allows(request):
            return await self._page(request, 429, error=_TOO_MANY)
        code = str(form.get("code", ""))[:_LONGEST]
        refused = await self._refusal(lambda: self._with.store.contacts.prove(*_case(request), code))
        if refused is not None:
            said = _SAID_OF_CODE.get(refused, _WRONG_CODE)
            return await self._page(request, refused, error=said, is_sent=said == _WRONG_CODE)
        self._with.ring()
        return _goes_to(request, "/added")

    def _allows(self, request: Request) -> bool:
        """However a number is spelt, it is one case; what is none of a case counts together."""
        try:
            return self._throttle.allows(parse_number(request.path_params["number"]))
        except Rejected:
            return self._throttle.allows("")

    async def remove(self, request: Request) -> Response:
        key = str((await small_form(request)).get("key", ""))[:_LONGEST]
        refused = await self._refusal(lambda: self._with.store.contacts.take_back(*_case(request), key))
        self._with.ring()
        return _goes_to(request, "/removed" if refused is None else "")

    async def _refusal(self, act: Callable[[], Any]) -> int | None:
        """Does it; returns the status when it is refused."""
        try:
            await asyncio.to_thread(act)
        except Rejected as error:
            return error.status
        return None

    async def _page(self, request: Request, status: int = 200, **told: Any) -> Response:
        store, number = self._with.store.contacts, request.path_params["number"]
        try:
            known = await asyncio.to_thread(store.seen, *_case(request))
        except Rejected:
            # The case's own page says what is wrong with this address.
            return RedirectResponse(_path(request), status_code=303)
        page = self._templates.get_template("contacts.html").render(
            number=number,
            link=_path(request),
            contacts=[_as_shown(one) for one in known],
            places=" 또는 ".join(name for way, name in _PLACES.items() if way in store.ways),
            words=consent_words(store.ways, self._with.keep_days),
            **{**_NOTHING_TOLD, **told},
        )
        return HTMLResponse(page, status_code=status, headers={"cache-control": "no-store"})


def _case(request: Request) -> tuple[str, str]:
    return request.path_params["number"], request.path_params["token"]


def _path(request: Request) -> str:
    return "/c/{}/{}".format(*(quote(part, safe="") for part in _case(request)))


def _goes_to(request: Request, step: str = "") -> Response:
    return RedirectResponse(f"{_path(request)}/contacts{step}", status_code=303)


def _as_shown(one: Contact) -> dict[str, Any]:
    return {"key": one.key, "to": _at_home(one.to), "since": moment(one.consented_at), "is_own": one.is_own}


def _at_home(address: str) -> str:
    """Returns it with its end hidden; a number of ours as it is dialled, 010-1234-****."""
    hidden = mask_handle(address)
    if not re.fullmatch(r"\+8210\d{4}\*{4}", hidden):
        return hidden
    return f"010-{hidden[5:9]}-{hidden[9:]}"
