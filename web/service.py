"""Alive, ready, measured: /healthz, /readyz, /metrics."""

from prometheus_client import CONTENT_TYPE_LATEST
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from web.services import Services


def routes(services: Services) -> list[Route]:
    async def healthz(_: Request) -> Response:
        return PlainTextResponse("ok\n")

    async def readyz(_: Request) -> Response:
        ready, says = await services.readiness()
        return JSONResponse({"ready": ready, **says}, status_code=200 if ready else 503)

    async def metrics(_: Request) -> Response:
        return Response(services.metrics(), media_type=CONTENT_TYPE_LATEST)

    return [Route("/healthz", healthz), Route("/readyz", readyz), Route("/metrics", metrics)]
