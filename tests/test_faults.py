"""Faults while it runs: killed processes, a locked log, a lost index, a store that does not answer."""

import asyncio
import os
import shutil
import signal
import sqlite3
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, MutableMapping, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from uvicorn.server import ServerState

from bench.instance import TOKEN, Instance
from bench.ledger import compare
from bench.load import offer, request
from core.errors import ConfigError, Unavailable
from core.message import Arrival
from core.wire import Seal
from pipeline import flow
from pipeline.decider import Decider, is_heard
from pipeline.desk import Desk, Outcome
from streams.base import INBOUND, ROUTED
from streams.embedded import Embedded
from web.app import Careful
from web.timely import Timely

SEAL = Seal(bytes(32))
LAMP = "불광천 산책로 가로등이 꺼졌습니다"


# --- The deciding process


class Mortal(Desk):
    """A desk whose process is killed under its first batches, as often as `deaths` says."""

    def __init__(self, folder: Path, deaths: int) -> None:
        self._folder = folder
        self._deaths = deaths

    def warm(self) -> None:
        """Has nothing to load."""

    def handle(self, bodies: Sequence[bytes]) -> list[Outcome]:
        died = len(list(self._folder.glob("death-*")))
        if died < self._deaths:
            (self._folder / f"death-{died}").touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return [Outcome(key="k", body=body, action="hold") for body in bodies]


def unmakeable() -> Any:
    raise ConfigError("routing.toml: a mistake that somebody saved a minute ago")


@pytest.fixture
async def stream(tmp_path: Path) -> AsyncIterator[Embedded]:
    made = Embedded(tmp_path / "log.sqlite", groups={INBOUND: ("router",), ROUTED: ("cases",)})
    await made.start()
    await flow.door(made, SEAL)(
        [Arrival(id="a", channel="sms", account="120", native_id="1", key="k", received_at=datetime.now(UTC))]
    )
    yield made
    await made.close()


async def lag_after_routing(stream: Embedded, decider: Decider) -> int:
    """Returns how many records came out of the router once it was done with everything."""
    routing = asyncio.create_task(flow.route(stream, decider))
    try:
        async with asyncio.timeout(300):
            async for batch in stream.read(ROUTED, "cases"):
                return len(batch.records)
    finally:
        routing.cancel()
        await asyncio.gather(routing, return_exceptions=True)
        await decider.close()
    return 0


async def test_who_was_alone_when_the_desk_was_killed_is_decided_all_the_same(stream: Embedded, tmp_path: Path) -> None:
    """A process that ends for reasons of its own parks nobody."""
    assert 1 == await lag_after_routing(stream, Decider(partial(Mortal, tmp_path, 2)))
    assert [] == await stream.parked()


async def test_a_desk_that_does_not_start_is_no_messages_fault() -> None:
    """A mistake in the files, or a locked case store, holds messages up and parks none; the reason is told."""
    decider = Decider(unmakeable)

    with pytest.raises(Unavailable, match="somebody saved"):
        await decider.handle([b"x"])


@pytest.mark.parametrize(
    ("speaks_at", "share", "is_heard_of", "waits"),
    [(1, 1.0, True, 1), (2, 1.0, False, 1), (2, 0.0, False, 1), (3, 0.2, True, 3), (99, 0.2, False, 5)],
    ids=["in time", "works and says nothing", "sleeps", "starved", "starved without end"],
)
def test_a_busy_machine_is_no_hang(*, speaks_at: int, share: float, is_heard_of: bool, waits: int) -> None:
    """A desk that works, and gets little of a processor, is waited for longer; who hangs is not, nor anybody for
    ever."""
    waited: list[float] = []

    def poll(seconds: float) -> bool:
        waited.append(seconds)
        return len(waited) >= speaks_at

    assert is_heard_of == is_heard(poll, lambda: share * sum(waited), 10)
    assert [10] * waits == waited


# --- Pages


async def asked(error: Exception, path: str) -> tuple[int, dict[bytes, bytes]]:
    """Returns status and headers of a page whose making raises this."""
    said: list[MutableMapping[str, Any]] = []

    async def broken(_scope: Any, _receive: Any, _send: Any) -> None:
        raise error

    async def receive() -> MutableMapping[str, Any]:
        return {"type": "http.disconnect"}

    async def send(event: MutableMapping[str, Any]) -> None:
        said.append(event)

    scope = {"type": "http", "method": "GET", "path": path, "headers": [], "query_string": b""}
    await Careful(broken)(scope, receive, send)
    return said[0]["status"], dict(said[0]["headers"])


@pytest.mark.parametrize("path", ["/", "/api/v1/similar"])
@pytest.mark.parametrize("error", [Unavailable("there is no search index yet"), ValueError("김철수")])
async def test_no_page_says_500(path: str, error: Exception) -> None:
    """Whatever fails on our side is 'try again', with the headers of every page."""
    status, headers = await asked(error, path)

    assert (503, b"5", b"nosniff") == (status, headers[b"retry-after"], headers[b"x-content-type-options"])


# --- A whole instance


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Instance]:
    instance = Instance(tmp_path_factory.mktemp("city"))
    instance.start()
    try:
        yield instance
    finally:
        instance.kill()


def send(city: Instance, numbers: range) -> list[str]:
    """Sends text messages with these numbers; returns those that were acknowledged."""
    named = [(f"SM{n:032d}", f"+8210{n:08d}") for n in numbers]
    payloads = [(sid, request(city.base, TOKEN, sid, sender, f"{LAMP} {sid}")) for sid, sender in named]
    report: Awaitable[Any] = offer(city.http, payloads, per_second=200, connections=1)
    return list(asyncio.run(report).acknowledged)  # type: ignore[arg-type]  # a coroutine


def until(holds: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + 300
    while not holds() and time.monotonic() < deadline:
        time.sleep(0.1)
    return holds()


def test_nothing_is_accepted_while_the_log_cannot_be_written(city: Instance) -> None:
    """Another program holds the log: told to try again; when it lets go, it works again by itself."""
    with sqlite3.connect(city.var / "log.sqlite", isolation_level=None) as other:
        other.execute("BEGIN EXCLUSIVE")
        refused = send(city, range(1, 2))
        other.execute("ROLLBACK")

    assert ([], 5) == (refused, len(send(city, range(2, 7))))


def test_half_a_request_does_not_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    """A head that does not come to its end, or has none, ends the connection; whole requests on it are answered."""
    monkeypatch.setattr(Timely, "head_seconds", 0.2)

    assert [b"200", b""] == asyncio.run(_answers(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"GET / HTTP/1.1\r\nX: "))
    assert [b""] == asyncio.run(_answers(b"GET / HTTP/1.1\r\nX: " + b"x" * 200_000))


async def _answers(*requests: bytes) -> list[bytes]:
    """Sends these to a server on one connection; returns the status of each answer, empty for a closed connection."""

    async def app(_scope: Any, _receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body", "body": b""})

    config = uvicorn.Config(app, lifespan="off", log_config=None)
    config.load()
    make = partial(Timely, config=config, server_state=ServerState(), app_state={})
    server = await asyncio.get_running_loop().create_server(make, "127.0.0.1", 0)
    async with server, asyncio.timeout(300):
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        answers = [await _answer(reader, writer, one) for one in requests]
        writer.close()
    return answers


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, sent: bytes) -> bytes:
    try:
        writer.write(sent)
        return (await reader.readuntil(b"\r\n\r\n"))[9:12]
    except (asyncio.IncompleteReadError, ConnectionError):
        return b""


def test_a_search_index_that_is_deleted_comes_back_whole(city: Instance) -> None:
    """Older messages are found again without a restart."""
    city.drain()
    shutil.rmtree(city.var / "search")

    def is_whole() -> bool:
        index = city.var / "search"
        return (index / "meta.json").exists() and not (index / "needs-rebuild").exists()

    assert until(lambda: is_whole() and not city.readiness()["degraded"])


def test_what_was_acknowledged_before_a_kill_is_there_once(city: Instance) -> None:
    """The whole instance is killed under load: every yes is kept, and answered once."""
    kept = send(city, range(100, 140))
    city.kill()
    city.start()
    city.drain()
    city.stop()
    verdict = compare(city.cases_url, city.var / "outbox", kept)

    assert (40, True) == (len(kept), verdict.is_clean), str(verdict)
