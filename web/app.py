"""One ASGI application: hooks straight through, everything else by Starlette."""

from pathlib import Path

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from web import api, pages, service
from web.services import Services

_SECURITY_HEADERS = [
    (b"content-security-policy", b"default-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
]


class Careful:
    """Adds to every page what keeps a browser from being used against its user."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def careful(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", []), *_SECURITY_HEADERS]
            await send(message)

        await self._app(scope, receive, careful)


def make_app(services: Services, hooks: ASGIApp) -> ASGIApp:
    """Returns the application; `hooks` answers everything under /hooks/."""
    site = Starlette(
        routes=[*service.routes(services), *api.routes(services), *pages.routes(services, hooks)],
        middleware=[Middleware(Careful)],
    )
    site.mount("/static", StaticFiles(directory=Path(__file__).with_name("static")))

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        to_hook = scope["type"] == "http" and scope["path"].startswith("/hooks/")
        await (hooks if to_hook else site)(scope, receive, send)

    return app
