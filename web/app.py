"""One ASGI application: hooks straight through, everything else by Starlette."""

from pathlib import Path
from traceback import extract_tb

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from core import telemetry
from web import api, broadcasts, contacts, georeport, notices, open311, pages, records, service
from web.services import Services

_SECURITY_HEADERS = [
    (b"content-security-policy", b"default-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
]


_NOWHERE = "찾으시는 화면이 없습니다. 주소를 확인하시거나 처음 화면으로 가 주십시오.\nThere is no such page.\n"
_BUSY = "지금은 처리할 수 없습니다. 잠시 뒤 다시 시도해 주십시오.\nNot now; please try again later.\n"


class Careful:
    """Adds to every page what keeps a browser from being used against its user, and says "try again" (503) for
    whatever cannot be now, also when the fault is ours."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        has_begun = False

        async def careful(message: Message) -> None:
            nonlocal has_begun
            has_begun = True
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", []), *_SECURITY_HEADERS]
            await send(message)

        try:
            await self._app(scope, receive, careful)
        # A page's exception would be a 500, which promises nobody that the next try can work.
        except Exception as error:  # noqa: BLE001
            # Where it happened, and nothing of what was in it.
            frame = extract_tb(error.__traceback__)[-1]
            name, at = type(error).__name__, f"{frame.filename}:{frame.lineno}"
            telemetry.warned("page failed", error=name, at=at)
            if not has_begun:
                await _try_later(scope)(scope, receive, careful)


def _try_later(scope: Scope) -> ASGIApp:
    headers = {"retry-after": "5"}
    if scope["path"].startswith("/api/"):
        return JSONResponse({"error": "not now; try again"}, status_code=503, headers=headers)
    if scope["path"].startswith("/open311/"):
        return georeport.not_now(georeport.form_of(scope["path"]))
    return PlainTextResponse(_BUSY, status_code=503, headers=headers)


async def _not_there(request: Request, _error: Exception) -> Response:
    if request.url.path.startswith("/api/"):
        return JSONResponse({"error": "there is no such address"}, status_code=404)
    return PlainTextResponse(_NOWHERE, status_code=404)


def make_app(services: Services, hooks: ASGIApp) -> ASGIApp:
    """Returns the application; `hooks` answers everything under /hooks/."""
    site = Starlette(
        routes=[
            *service.routes(services.readiness, services.metrics),
            *api.routes(services),
            *broadcasts.routes(services),
            *records.routes(services),
            *open311.routes(services, hooks),
            *contacts.routes(services),
            *notices.routes(services),
            *pages.routes(services, hooks),
        ],
        middleware=[Middleware(Careful)],
        exception_handlers={404: _not_there},
    )
    site.mount("/static", StaticFiles(directory=Path(__file__).with_name("static")))

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        to_hook = scope["type"] == "http" and scope["path"].startswith("/hooks/")
        await (hooks if to_hook else site)(scope, receive, send)

    return app
