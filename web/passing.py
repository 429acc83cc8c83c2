"""How what a page or a program posts goes through the one door of all channels, and what becomes of it is awaited."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from starlette.requests import Request
from starlette.types import ASGIApp, Message

T = TypeVar("T")


async def read(request: Request, most_bytes: int) -> bytes | None:
    """Returns the whole body, None when it is too large."""
    parts: list[bytes] = []
    size = 0
    async for part in request.stream():
        size += len(part)
        if size > most_bytes:
            return None
        parts.append(part)
    return b"".join(parts)


async def passed_on(hooks: ASGIApp, request: Request, path: str, body: bytes) -> tuple[int, str]:
    """Gives the body to a hook, as if it had been called; returns the status and what the hook said."""
    status = 503
    said = b""
    sent = False

    async def receive() -> Message:
        nonlocal sent
        if sent:
            return {"type": "http.disconnect"}
        sent = True
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Message) -> None:
        nonlocal status, said
        if message["type"] == "http.response.start":
            status = message["status"]
        elif message["type"] == "http.response.body":
            said += message.get("body", b"")

    scope = {**request.scope, "path": path, "raw_path": path.encode(), "query_string": b""}
    await hooks(scope, receive, send)
    return status, said.decode("utf-8", "replace").strip()


async def awaited(
    look: Callable[[], T | None], changed: Callable[[float], Awaitable[None]], wait_seconds: float
) -> T | None:
    """Returns what is seen, looking again after each change; None when the time is over."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + wait_seconds
    while True:
        found = await asyncio.to_thread(look)
        if found is not None or (left := deadline - loop.time()) <= 0:
            return found
        await changed(left)
