"""The pages where everybody reads what the city told everybody: newest first, corrected and taken back ones marked."""

import asyncio
import re
from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from cases.broadcast_model import Told
from cases.letters import moment
from core.clock import SEOUL
from core.errors import Rejected, Unavailable
from web.services import Services

_A_PAGE = 20
_MOST_PAGES = 500
_NAME = re.compile(r"B[0-9]{8}-[0-9]{1,6}")
# What stands on the front page: so many, and not older.
_LATEST, _LATEST_HOURS = 3, 48
# Nobody who wants to file waits longer for it.
_LATEST_WAIT_SECONDS = 3.0


def routes(services: Services) -> list[Route]:
    """Returns the list and the page of each."""
    pages = _Notices(services)
    return [Route("/broadcasts", pages.listed), Route("/broadcasts/{name}", pages.one)]


async def latest(services: Services) -> Sequence[dict[str, Any]]:
    """Returns what the front page tells; nothing when the store does not answer: the page is there all the same."""
    since = services.clock() - timedelta(hours=_LATEST_HOURS)
    try:
        async with asyncio.timeout(_LATEST_WAIT_SECONDS):
            found = await asyncio.to_thread(partial(services.store.broadcasts.told, limit=_LATEST))
    except (Unavailable, Rejected, TimeoutError):
        return ()
    return [as_read(one) for one in found if one.at >= since]


class _Notices:
    def __init__(self, services: Services) -> None:
        self._with = services
        self._templates = Environment(
            loader=FileSystemLoader(Path(__file__).with_name("templates")), autoescape=True, undefined=StrictUndefined
        )

    async def listed(self, request: Request) -> Response:
        page = _page(request.query_params.get("page", ""))
        found = await self._told(limit=_A_PAGE + 1, offset=(page - 1) * _A_PAGE)
        return self._page(found[:_A_PAGE], page=page, has_more=len(found) > _A_PAGE and page < _MOST_PAGES)

    async def one(self, request: Request) -> Response:
        name = request.path_params["name"].upper()
        found = await self._told(limit=1, name=name) if _NAME.fullmatch(name) else []
        return self._page(found, 200 if found else 404, single=name)

    async def _told(self, **which: Any) -> list[Told]:
        return await asyncio.to_thread(partial(self._with.store.broadcasts.told, with_recalled=True, **which))

    def _page(self, found: Sequence[Told], status: int = 200, **values: Any) -> Response:
        given = {"single": "", "page": 1, "has_more": False} | values
        page = self._templates.get_template("broadcasts.html").render(notices=[as_read(one) for one in found], **given)
        # What is taken back must not live on in a cache.
        return HTMLResponse(page, status_code=status, headers={"cache-control": "no-cache"})


def as_read(one: Told) -> dict[str, Any]:
    """Returns a broadcast as citizens read it."""
    return {
        "id": one.id,
        "title": one.title,
        "rest": _rest(one),
        "year": one.at.astimezone(SEOUL).year,
        "at": moment(one.at),
        "machine_at": one.at.astimezone(SEOUL).isoformat(timespec="minutes"),
        "corrects": one.corrects,
        "corrected_by": one.corrected_by,
        "recalled": moment(one.recalled_at),
    }


def _rest(one: Told) -> str:
    """Returns what the title does not say already: often it is the text's first line."""
    first, _, rest = one.text.partition("\n")
    return rest.strip() if first.strip() == one.title else one.text


def _page(text: str) -> int:
    return max(1, min(_MOST_PAGES, int(text))) if text.isascii() and text.isdigit() and len(text) < 10 else 1
