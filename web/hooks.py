"""The thin door for providers' webhooks: read within bounds, verify, parse, make durable, and only then say yes."""

import asyncio
import math
import time
from collections.abc import Awaitable, Callable, Mapping, MutableMapping, Sequence
from contextlib import suppress
from datetime import datetime
from traceback import extract_tb
from typing import Any

from core import telemetry
from core.clock import Clock
from core.errors import Forged, Rejected, Unavailable
from core.hook import Accept, Hook, Request, Response, arrivals
from core.message import Message

Scope = MutableMapping[str, Any]
Event = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Event]]
Send = Callable[[Event], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]

PREFIX = "/hooks/"
_RETRY_AFTER_SECONDS = 5.0


class Watch:
    """Ends what takes longer than `seconds` inside `with watch:` as too slow.

    One timer looks after all of them, late by at most a tenth: a timer for each request would cost more than
    reading it.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._begun: dict[asyncio.Task[Any], float] = {}
        self._overdue: set[asyncio.Task[Any]] = set()
        self._timer: asyncio.TimerHandle | None = None

    def __enter__(self) -> None:
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        assert task is not None
        self._begun[task] = loop.time()
        if self._timer is None:
            self._timer = loop.call_later(self._seconds / 10, self._look)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        task = asyncio.current_task()
        assert task is not None
        del self._begun[task]
        if task in self._overdue:
            self._overdue.discard(task)
            if task.uncancel() == 0 and kind is asyncio.CancelledError:
                raise Rejected("too slow", status=408) from error

    def _look(self) -> None:
        loop = asyncio.get_running_loop()
        latest = loop.time() - self._seconds
        for task in [task for task, begun in self._begun.items() if begun <= latest and task not in self._overdue]:
            self._overdue.add(task)
            task.cancel()
        self._timer = loop.call_later(self._seconds / 10, self._look) if self._begun else None


class _LateError(Exception):
    """The provider waits no longer."""


class Hooks:
    """An ASGI application for `POST /hooks/<connector>`.

    A provider is told yes when its messages are durable, "never" (4xx) only when it is its own fault, and "try
    again" (503) for whatever else: also when the fault is ours.
    """

    def __init__(
        self,
        connectors: Mapping[str, Hook],
        accept: Accept,
        clock: Clock,
        public_url: str,
        *,
        body_seconds: float = 20.0,
        unix_time: Callable[[], float] = time.time,
    ) -> None:
        self._connectors = connectors
        self._accept = accept
        self._clock = clock
        self._public_url = public_url.rstrip("/")
        self._unix_time = unix_time
        self._watch = Watch(body_seconds)
        # What each channel says to a message that it took: the same every time.
        self._thanks = {name: _events(part.acknowledge()) for name, part in connectors.items()}
        # What was not durable in time, and becomes so all the same.
        self._late: set[asyncio.Future[None]] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        connector = self._connectors.get(scope["path"].removeprefix(PREFIX))
        if connector is None:
            return await _say(send, 404, "there is no such hook")
        begun, received_at = asyncio.get_running_loop().time(), self._clock()
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        body: bytes | None = b""
        if scope["method"] == "POST":
            try:
                body = await self._body(headers, receive, connector.most_bytes)
            except Rejected as error:
                telemetry.refused(channel=connector.name, reason=error.reason, status=error.status)
                return await _say(send, error.status, error.reason, close=True)
        if body is None:
            return None
        request = self._request(scope, headers, body, received_at)
        if request.method == "POST":
            return await self._post(connector, request, send, until=begun + connector.answer_seconds)
        return await self._get(connector, request, send)

    async def _body(self, headers: Mapping[str, str], receive: Receive, most_bytes: int) -> bytes | None:
        """Returns the whole body, None when the sender went away."""
        announced = headers.get("content-length", "0")
        if announced.isdigit() and len(announced) < 20 and int(announced) > most_bytes:
            raise Rejected("too large", status=413)
        chunks: list[bytes] = []
        size, more = 0, True
        with self._watch:
            while more:
                event = await receive()
                if event["type"] == "http.disconnect":
                    return None
                chunk, more = event.get("body", b""), event.get("more_body", False)
                chunks.append(chunk)
                size += len(chunk)
                if size > most_bytes:
                    raise Rejected("too large", status=413)
        return chunks[0] if len(chunks) == 1 else b"".join(chunks)

    def _request(self, scope: Scope, headers: Mapping[str, str], body: bytes, received_at: datetime) -> Request:
        path = (scope.get("raw_path") or scope["path"].encode()).decode("latin-1")
        query = scope["query_string"].decode("latin-1")
        return Request(
            method=scope["method"],
            url=f"{self._public_url}{path}?{query}" if query else self._public_url + path,
            path=path,
            query=query,
            headers=headers,
            body=body,
            received_at=received_at,
        )

    async def _post(self, connector: Hook, request: Request, send: Send, *, until: float) -> None:
        is_verified = False
        try:
            connector.verify(request, now=self._unix_time())
            is_verified = True
            thanks = await self._taken(connector, request, until)
        except _LateError:
            telemetry.pushed_back(channel=connector.name, reason="not durable in time")
            return await _answer(send, connector.late() or Response(status=503))
        except Unavailable as error:
            telemetry.pushed_back(channel=connector.name, reason=error.reason)
            if (apology := connector.apology()) is not None:
                return await _answer(send, apology)
            return await _push_back(send, error.retry_after_seconds)
        # Whatever goes wrong while verifying is a refusal; whatever goes wrong later without a name is our fault,
        # and a fault of ours is never a provider's last word.
        except Exception as error:  # noqa: BLE001
            return await _refuse(connector.name, error, send, is_verified=is_verified)
        start, end = self._thanks[connector.name] if thanks is None else _events(thanks)
        await send(start)
        await send(end)
        if thanks is not None and thanks.then is not None:
            with suppress(Unavailable):
                await thanks.then()
        return None

    async def _taken(self, connector: Hook, request: Request, until: float) -> Response | None:
        """Returns what is said when all messages of an authentic request are durable."""
        messages = connector.parse(request)
        if messages:
            await self._made_durable(connector, request, messages, until)
        if not connector.answer_seconds:
            return connector.thanks(request, messages)
        left = until - asyncio.get_running_loop().time()
        return await connector.told(request, messages, max(0.0, left))

    async def _made_durable(self, connector: Hook, request: Request, messages: Sequence[Message], until: float) -> None:
        """Raises `_LateError` when the provider's time is over before it is; it goes on all the same."""
        media_type = request.headers.get("content-type", "application/octet-stream")
        parts = connector.pieces(request, messages) if len(messages) > 1 else None
        made = arrivals(connector.name, messages, request.body, media_type=media_type, pieces=parts)
        if not connector.answer_seconds:
            return await self._accept(made)
        accepting = asyncio.ensure_future(self._accept(made))
        left = until - asyncio.get_running_loop().time()
        if (await asyncio.wait([accepting], timeout=max(0.0, left)))[0]:
            return accepting.result()
        self._late.add(accepting)
        accepting.add_done_callback(self._ended_late)
        raise _LateError

    def _ended_late(self, accepting: asyncio.Future[None]) -> None:
        self._late.discard(accepting)
        if not accepting.cancelled() and (error := accepting.exception()) is not None:
            telemetry.warned("a late message was not taken", error=type(error).__name__)

    async def _get(self, connector: Hook, request: Request, send: Send) -> None:
        answer: Response | None = None
        if request.method == "GET":
            try:
                answer = connector.challenge(request)
            except Rejected as error:
                telemetry.refused(channel=connector.name, reason="challenge", status=error.status)
                return await _say(send, error.status, error.reason)
        if answer is None:
            return await _say(send, 405, "send POST", (b"allow", b"POST"))
        return await _answer(send, answer)


async def _refuse(channel: str, error: Exception, send: Send, *, is_verified: bool) -> None:
    if not is_verified:
        reason = error.reason if isinstance(error, Forged) else "could not be verified"
        telemetry.refused(channel=channel, reason=reason, status=401)
        return await _say(send, 401, reason)
    if isinstance(error, Rejected):
        status = error.status if 400 <= error.status < 500 else 422
        telemetry.refused(channel=channel, reason="not a message", status=status)
        return await _say(send, status, error.reason)
    # Where it happened, and nothing of what was in it.
    frame = extract_tb(error.__traceback__)[-1]
    telemetry.warned("hook failed", channel=channel, error=type(error).__name__, at=f"{frame.filename}:{frame.lineno}")
    telemetry.pushed_back(channel=channel, reason="a fault of ours")
    return await _push_back(send, None)


async def _push_back(send: Send, retry_after_seconds: float | None) -> None:
    seconds = math.ceil(retry_after_seconds or _RETRY_AFTER_SECONDS)
    await _say(send, 503, "try again", (b"retry-after", b"%d" % seconds))


async def _say(send: Send, status: int, words: str, *more: tuple[bytes, bytes], close: bool = False) -> None:
    headers = [*more, (b"connection", b"close")] if close else list(more)
    await _answer(send, Response(status=status, body=f"{words}\n".encode("utf-8", "replace")), headers)


async def _answer(send: Send, response: Response, headers: Headers | None = None) -> None:
    for event in _events(response, headers):
        await send(event)


def _events(response: Response, headers: Headers | None = None) -> tuple[Event, Event]:
    start = [(b"content-type", response.media_type.encode()), (b"content-length", b"%d" % len(response.body))]
    return (
        {"type": "http.response.start", "status": response.status, "headers": start + (headers or [])},
        {"type": "http.response.body", "body": response.body},
    )
