"""The door for webhooks: what it says, when, and under a real server."""

import asyncio
import socket
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
import uvicorn
from structlog.testing import capture_logs

from connectors.base import ChannelSettings, Request, Response, Webhook
from core.errors import Forged, Rejected, Unavailable
from core.message import Arrival, Message
from web.hooks import Hooks

RECEIVED_AT = datetime(2026, 11, 23, 8, 59, 59, tzinfo=UTC)
PUBLIC_URL = "https://eungdapso.example"
Event = dict[str, Any]


class Plain(Webhook[ChannelSettings]):
    """A channel that takes the body as the text; the body says what goes wrong."""

    Settings = ChannelSettings
    most_bytes = 100

    def verify(self, request: Request, *, now: float) -> None:
        if request.body == b"forged":
            raise Forged("signature does not match")
        if request.body == b"verify breaks":
            raise TypeError("string indices must be integers")

    def parse(self, request: Request) -> list[Message]:
        text = request.body.decode()
        if text == "rejected":
            raise Rejected("data.text is missing", status=400)
        if text == "parse breaks":
            raise KeyError("a citizen's words")
        return [self._message(request, part) for part in text.split(",") if part]

    def acknowledge(self) -> Response:
        return Response(body=b"<Response/>", media_type="text/xml")

    def challenge(self, request: Request) -> Response | None:
        if request.query == "token=wrong":
            raise Rejected("wrong token", status=403)
        return Response(body=request.query.encode()) if request.query else None

    def _message(self, request: Request, text: str) -> Message:
        return Message(
            id="",
            channel=self.name,
            account="city",
            native_id=text,
            received_at=request.received_at,
            conversation=f"talk-{text}",
            text=request.url,
        )


class Log:
    """Takes arrivals, or says why it cannot."""

    def __init__(self, error: Exception | None = None) -> None:
        self.taken: list[Arrival] = []
        self._error = error

    async def accept(self, arrivals: Sequence[Arrival]) -> None:
        if self._error is not None:
            raise self._error
        self.taken.extend(arrivals)


def hooks_of(log: Log, *, body_seconds: float = 5.0) -> Hooks:
    part = Plain("plain", ChannelSettings())
    return Hooks({"plain": part}, log.accept, lambda: RECEIVED_AT, f"{PUBLIC_URL}/", body_seconds=body_seconds)


def _scope(method: str, path: str, query: bytes, headers: Mapping[str, str]) -> Event:
    return {
        "type": "http",
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "query_string": query,
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
    }


async def ask(
    body: bytes = b"", *, log: Log | None = None, method: str = "POST", path: str = "/hooks/plain", query: bytes = b""
) -> tuple[int, bytes, Mapping[bytes, bytes]]:
    """Returns status, body and headers of what the door says."""
    events: list[Any] = []

    async def receive() -> Event:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(event: Any) -> None:
        events.append(event)

    await hooks_of(log or Log())(_scope(method, path, query, {"content-type": "text/plain"}), receive, send)
    return events[0]["status"], events[1]["body"], dict(events[0]["headers"])


class Hasty(Plain):
    """A channel whose provider waits only a moment, and never tries again."""

    answer_seconds = 0.01

    def apology(self) -> Response:
        return Response(body=b"sorry")

    def late(self) -> Response:
        return Response(body=b"who knows")


async def test_who_cannot_wait_is_told_in_time() -> None:
    """Nobody is thanked for what is not durable yet; it goes on and is taken all the same."""
    may_go, taken, events = asyncio.Event(), list[Arrival](), list[Any]()

    async def accept(arrivals: Sequence[Arrival]) -> None:
        await may_go.wait()
        taken.extend(arrivals)

    async def receive() -> Event:
        return {"type": "http.request", "body": b"hello", "more_body": False}

    async def send(event: Any) -> None:
        events.append(event)

    hooks = Hooks({"plain": Hasty("plain", ChannelSettings())}, accept, lambda: RECEIVED_AT, PUBLIC_URL)
    await hooks(_scope("POST", "/hooks/plain", b"", {"content-type": "text/plain"}), receive, send)
    before = len(taken)
    may_go.set()
    async with asyncio.timeout(60):
        while not taken:
            await asyncio.sleep(0)

    assert (200, b"who knows", 0, 1) == (events[0]["status"], events[1]["body"], before, len(taken))


async def test_yes_is_said_when_the_message_is_durable() -> None:
    """A provider gets its channel's yes, and the message has been made durable by then."""
    log = Log()
    status, body, headers = await ask("가로등".encode(), log=log)

    assert (200, b"<Response/>", b"text/xml") == (status, body, headers[b"content-type"])
    assert ["가로등"] == [arrival.native_id for arrival in log.taken]


async def test_arrival_carries_everything() -> None:
    """What is made durable holds the message under a new id, its key, the raw payload and its digest."""
    log = Log()
    await ask(b"lamp", log=log)
    arrival = log.taken[0]
    message = arrival.message

    assert message is not None
    assert ("plain", "city", "lamp", "plain|talk-lamp") == (
        arrival.channel,
        arrival.account,
        arrival.native_id,
        arrival.key,
    )
    assert (b"lamp", "text/plain", RECEIVED_AT) == (arrival.raw, arrival.media_type, arrival.received_at)
    assert (arrival.id, 36, 64) == (message.id, len(arrival.id), len(message.raw_digest))


async def test_several_messages_of_a_request_are_taken_together() -> None:
    """All messages of one request become durable at once, each under an id of its own."""
    log = Log()
    await ask(b"a,b,c", log=log)

    assert 3 == len({arrival.id for arrival in log.taken})


async def test_signature_covers_the_public_address() -> None:
    """A channel sees the address as the world writes it, path and query as they came."""
    log = Log()
    await ask(b"a", log=log, query=b"x=%20&y")
    message = log.taken[0].message

    assert message is not None
    assert f"{PUBLIC_URL}/hooks/plain?x=%20&y" == message.text


async def test_request_without_messages_is_acknowledged() -> None:
    """An authentic request that holds nothing for us is acknowledged, and nothing is stored."""
    log = Log()

    assert 200 == (await ask(b"", log=log))[0]
    assert [] == log.taken


@pytest.mark.parametrize("body", [b"forged", b"verify breaks"])
async def test_whatever_goes_wrong_while_verifying_is_a_refusal(body: bytes) -> None:
    """Nobody gets in by breaking the check of signatures."""
    log = Log()
    status, _, _ = await ask(body, log=log)

    assert (401, []) == (status, log.taken)


async def test_authentic_nonsense_is_refused_with_its_reason() -> None:
    """An authentic sender is told what is wrong with its payload."""
    status, body, _ = await ask(b"rejected")

    assert (400, b"data.text is missing\n") == (status, body)


async def test_backlog_is_told_to_try_again() -> None:
    """When the message cannot be made durable now, the provider is asked to come again, and when."""
    status, _, headers = await ask(b"a", log=Log(Unavailable("behind", retry_after_seconds=7.2)))

    assert (503, b"8") == (status, headers[b"retry-after"])


async def test_try_again_names_a_time_of_its_own() -> None:
    """Also without a wish of the log, the provider hears when to come again."""
    _, _, headers = await ask(b"a", log=Log(Unavailable("disk full")))

    assert headers[b"retry-after"].isdigit()


@pytest.mark.parametrize(("body", "log"), [(b"parse breaks", Log()), (b"lamp", Log(ZeroDivisionError()))])
async def test_fault_of_ours_is_never_a_no(body: bytes, log: Log) -> None:
    """A fault of ours after the signature was found good asks the provider to try again."""
    status, _, _ = await ask(body, log=log)

    assert 503 == status


async def test_fault_of_ours_is_logged_without_words() -> None:
    """The log says what broke and where, and nothing that a citizen wrote."""
    with capture_logs() as lines:
        await ask(b"parse breaks")

    assert "KeyError" in repr(lines)
    assert "citizen's words" not in repr(lines)


@pytest.mark.parametrize("path", ["/hooks/", "/hooks/nobody", "/hooks/plain/", "/hooks/../plain", "/other"])
async def test_unknown_hook_is_not_found(path: str) -> None:
    """An address that no channel has is answered with 404."""
    assert 404 == (await ask(b"a", path=path))[0]


@pytest.mark.parametrize("method", ["PUT", "DELETE", "HEAD", "GET"])
async def test_other_methods_are_not_allowed(method: str) -> None:
    """A hook is posted to; anything else is told so."""
    status, _, headers = await ask(method=method)

    assert (405, b"POST") == (status, headers[b"allow"])


async def test_challenge_is_answered() -> None:
    """A provider that asks with GET whether we are the ones gets its channel's answer."""
    assert (200, b"token=right") == (await ask(method="GET", query=b"token=right"))[:2]


async def test_wrong_challenge_is_forbidden() -> None:
    """A challenge with the wrong word is refused as the channel says."""
    assert 403 == (await ask(method="GET", query=b"token=wrong"))[0]


# Under the real server.


@asynccontextmanager
async def running(log: Log, *, body_seconds: float = 5.0) -> AsyncIterator[int]:
    listening = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(
        hooks_of(log, body_seconds=body_seconds), http="httptools", lifespan="off", log_config=None, ws="none"
    )
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve(sockets=[listening]))
    try:
        yield listening.getsockname()[1]
    finally:
        server.should_exit = True
        await task


async def spoken(port: int, *pieces: bytes, ends: bool = False) -> bytes:
    """Writes the pieces and returns all that comes back until the other side closes or has answered."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for piece in pieces:
        writer.write(piece)
        await writer.drain()
    if ends:
        writer.write_eof()
    try:
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 10)
    except asyncio.IncompleteReadError as error:
        head = error.partial
    writer.close()
    return head.partition(b"\r\n")[0]


HEAD = b"POST /hooks/plain HTTP/1.1\r\nHost: a\r\n"


@pytest.mark.parametrize(
    ("pieces", "answer"),
    [
        ([HEAD + b"Content-Length: 4\r\n\r\nlamp"], b"HTTP/1.1 200 OK"),
        ([HEAD + b"Content-Length: 4\r\n\r\n", b"la", b"mp"], b"HTTP/1.1 200 OK"),
        ([HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"4\r\nlamp\r\n0\r\n\r\n"], b"HTTP/1.1 200 OK"),
        ([HEAD + b"Content-Length: 101\r\n\r\n"], b"HTTP/1.1 413 Request Entity Too Large"),
        ([HEAD + b"Content-Length: 99999999999999999999\r\n\r\n"], b"HTTP/1.1 400 Bad Request"),
        ([HEAD + b"Content-Length: -1\r\n\r\nlamp"], b"HTTP/1.1 400 Bad Request"),
        (
            [HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"65\r\n" + b"a" * 101 + b"\r\n0\r\n\r\n"],
            b"HTTP/1.1 413 Request Entity Too Large",
        ),
        ([HEAD + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\nlamp"], b"HTTP/1.1 400 Bad Request"),
    ],
)
async def test_bodies_are_bounded(pieces: list[bytes], answer: bytes) -> None:
    """A body is taken whole in any pieces, and not at all beyond its bound, whatever is said about its length."""
    async with running(Log()) as port:
        said = await spoken(port, *pieces)

    assert answer.split()[1] == said.split()[1]


async def test_body_that_never_ends_is_given_up() -> None:
    """A sender that announces more than it sends is told that it was too slow."""
    log = Log()
    async with running(log, body_seconds=0.05) as port:
        said = await spoken(port, HEAD + b"Content-Length: 50\r\n\r\nhalf")

    assert b"408" == said.split()[1]
    assert [] == log.taken


async def test_sender_that_goes_away_leaves_nothing() -> None:
    """A request that breaks off in the middle is nobody's message."""
    log = Log()
    async with running(log) as port:
        said = await spoken(port, HEAD + b"Content-Length: 50\r\n\r\nhalf", ends=True)

    assert b"" == said
    assert [] == log.taken


async def test_slow_sender_does_not_hold_up_others() -> None:
    """Only who is too slow is cut off: another request, under way at the same time, is taken."""
    log = Log()
    async with running(log, body_seconds=0.5) as port:
        slow = asyncio.create_task(spoken(port, HEAD + b"Content-Length: 50\r\n\r\nhalf"))
        quick = await spoken(port, HEAD + b"Content-Length: 4\r\n\r\nlamp")
        said = await slow

    assert (b"200", b"408") == (quick.split()[1], said.split()[1])


def test_constructing_needs_no_loop() -> None:
    """A door is built before anything runs."""
    assert isinstance(hooks_of(Log()), Hooks)
