"""How what a page or a program posts goes through the one door of all channels, and what becomes of it is awaited."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import TypeVar
from urllib.parse import parse_qsl

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import ASGIApp, Message

T = TypeVar("T")
_BODY_SECONDS = 20.0
_MOST_SMALL_BYTES, _MOST_FIELDS = 16_384, 8
_SLOW = "보내는 데 너무 오래 걸렸습니다. 다시 보내 주십시오.\nThis took too long; please send it again.\n"
_LARGE = "보내신 내용이 너무 깁니다.\nThis is too long.\n"


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


async def read_soon(request: Request, most_bytes: int) -> bytes | None:
    """The same of what a browser sends from a page; tells it (408) when it takes too long."""
    try:
        async with asyncio.timeout(_BODY_SECONDS):
            return await read(request, most_bytes)
    except TimeoutError as error:
        raise HTTPException(408, _SLOW) from error


async def small_form(request: Request) -> Mapping[str, str]:
    """Returns the fields of a small form as browsers send ours: in UTF-8, without files; none of whatever else comes.

    Nobody may name an encoding of their own: there are some that take minutes to read, for everybody.
    """
    body = await read_soon(request, _MOST_SMALL_BYTES)
    if body is None:
        raise HTTPException(413, _LARGE)
    try:
        return dict(parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=_MOST_FIELDS))
    except ValueError:
        return {}


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
