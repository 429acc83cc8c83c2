"""Alive, ready, measured: /healthz, /readyz, /metrics."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from prometheus_client import CONTENT_TYPE_LATEST
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

Readiness = Callable[[], Awaitable[tuple[bool, Mapping[str, Any]]]]


def routes(readiness: Readiness, measured: Callable[[], bytes]) -> list[Route]:
    async def healthz(_: Request) -> Response:
        return PlainTextResponse("ok\n")

    async def readyz(_: Request) -> Response:
        ready, says = await readiness()
        return JSONResponse({"ready": ready, **says}, status_code=200 if ready else 503)

    async def metrics(_: Request) -> Response:
        return Response(measured(), media_type=CONTENT_TYPE_LATEST)

    return [Route("/healthz", healthz), Route("/readyz", readyz), Route("/metrics", metrics)]
