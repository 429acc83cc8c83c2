"""/api/v1: FAQ search, similar cases, a citizen's case, an officer's search, the monitor."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from cases.model import STATES, By
from core.errors import Rejected, Unavailable
from web.answers import as_json, key_of, limit_of, refusal
from web.services import Services
from web.shown import as_citizen_sees, as_found, as_monitored

_MOST_HITS = 1_000
_MOST_WORDS = 500
_HEARTBEAT_SECONDS = 15.0
_encode = msgspec.json.Encoder().encode


def routes(services: Services) -> list[Route]:
    """Returns the routes; every answer is JSON, every mistake `{"error": …}`."""
    calls = _Calls(services)
    return [
        Route("/api/v1/faq", calls.faq),
        Route("/api/v1/similar", calls.similar),
        Route("/api/v1/cases", calls.search),
        Route("/api/v1/cases/{number}", calls.case),
        Route("/api/v1/monitor", calls.monitor),
        Route("/api/v1/monitor/events", calls.events),
    ]


class _Calls:
    def __init__(self, services: Services) -> None:
        self._with = services

    async def faq(self, request: Request) -> Response:
        language, limit = request.query_params.get("lang", "ko"), limit_of(request, default=5)
        return as_json({"results": await asyncio.to_thread(self._with.faqs, _words(request), language, limit)})

    async def similar(self, request: Request) -> Response:
        ids = await asyncio.to_thread(self._with.find, _words(request), _MOST_HITS)
        released = await asyncio.to_thread(self._with.store.public.released, ids, limit_of(request, default=5))
        return as_json({"results": released})

    async def case(self, request: Request) -> Response:
        number, token = request.path_params["number"], request.query_params.get("token", "")
        try:
            view = await asyncio.to_thread(self._with.store.public.by_token, number, token)
        except Rejected as error:
            return refusal(404, error.reason)
        return as_json(as_citizen_sees(view, self._with.city))

    async def search(self, request: Request) -> Response:
        key = key_of(request)
        queues = await asyncio.to_thread(self._with.store.keys.check, key) if key else frozenset()
        if not queues:
            return refusal(401, "send 'Authorization: Bearer <key>'; `eungdapso key add --queue Q` makes one")
        asked, state = request.query_params.get("queue"), request.query_params.get("state")
        if asked is not None and asked not in queues:
            return refusal(403, f"this key is not for the queue '{asked}'")
        if state is not None and state not in STATES:
            return refusal(422, f"there is no state '{state}'; there are {', '.join(STATES)}")
        by = By("api", frozenset({asked}) if asked else queues)
        return as_json({"results": await asyncio.to_thread(self._found, request, by, state)})

    def _found(self, request: Request, by: By, state: Any) -> list[dict[str, Any]]:
        words, limit = _words(request), limit_of(request, default=50)
        views = self._with.store.views
        if not words:
            return [as_found(case) for case in views.listed(state=state, by=by, limit=limit)]
        hits = views.found(self._with.find(words, _MOST_HITS), by)
        return [as_found(hit.case or hit) for hit in hits if state in (None, hit.state)][:limit]

    async def monitor(self, request: Request) -> Response:
        return as_json(await asyncio.to_thread(self._monitored, limit_of(request, default=50)))

    async def events(self, request: Request) -> Response:
        return StreamingResponse(self._changes(), media_type="text/event-stream", headers={"cache-control": "no-store"})

    async def _changes(self) -> AsyncIterator[bytes]:
        while True:
            # The next change brings what cannot be read now.
            with suppress(Unavailable):
                yield b"event: monitor\ndata: " + _encode(await asyncio.to_thread(self._monitored, 50)) + b"\n\n"
            await self._with.changed(_HEARTBEAT_SECONDS)

    def _monitored(self, limit: int) -> dict[str, Any]:
        items = [as_monitored(item) for item in self._with.store.public.monitor(limit)]
        return {"items": items, "counts": self._with.store.views.states()}


def _words(request: Request) -> str:
    return request.query_params.get("q", "")[:_MOST_WORDS]
