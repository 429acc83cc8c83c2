"""The promises of `Sender`, tested on every channel that replies, against a real server that misbehaves.

`[reply]` in `fixtures/connectors/<name>/suite.toml` says whom the reply is for, what the provider answers when it
takes it, and the settings that point to the server: "{url}" and "{port}" stand for where it listens.
"""

import asyncio
import gc
import re
import socket
import tomllib
import warnings
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from connectors.base import Connector
from core.errors import Rejected, Unavailable, Uncertain
from core.reply import Receipt, Reply
from pipeline.parts import find, names
from tests.fixtures.smallest.smallest import Smallest

FIXTURES = Path(__file__).with_name("fixtures") / "connectors"
# The last one, which docs/adding-a-channel.md begins with, is no part of the product.
SMALLEST = FIXTURES.parent / "smallest"
CHANNELS = [*names("connectors"), SMALLEST.name]


@cache
def suite_of(channel: str) -> dict[str, Any]:
    path = (SMALLEST if channel == SMALLEST.name else FIXTURES / channel) / "suite.toml"
    return tomllib.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


def connector_of(channel: str, port: int) -> Any:
    suite = suite_of(channel)
    part: Any = Smallest if channel == SMALLEST.name else find("connectors", suite.get("type", channel), Connector)
    filled = _filled(suite.get("reply", {}).get("settings", {}), port)
    made = part.Settings.model_validate({**suite.get("settings", {}), **filled})
    return part(channel, made, environment=suite.get("environment", {}))


Answer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Any]


class Hostile:
    """A server on loopback that counts the requests that it read whole, and answers each in one way."""

    def __init__(self, status: int, body: str = "", *, act: str = "answer") -> None:
        self.status, self.body, self.act = status, body, act
        self.taken = 0
        self.port = 0

    @asynccontextmanager
    async def listening(self, speak: Answer) -> AsyncIterator["Hostile"]:
        open_ones: set[asyncio.StreamWriter] = set()

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            open_ones.add(writer)
            try:
                await speak(reader, writer)
            except (ConnectionError, asyncio.IncompleteReadError):
                pass
            finally:
                writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            for writer in open_ones:
                writer.transport.abort()

    async def http(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        length = re.search(rb"content-length: (\d+)", head)
        await reader.readexactly(int(length[1]) if length else 0)
        self.taken += head.startswith(b"post")
        await self._end(
            reader, writer, f"HTTP/1.1 {self.status} X\r\ncontent-length: {len(self.body)}\r\n\r\n{self.body}"
        )

    async def smtp(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 hostile\r\n")
        while line := (await reader.readline()).upper():
            if line.startswith(b"DATA"):
                writer.write(b"354 go on\r\n")
                await reader.readuntil(b"\r\n.\r\n")
                self.taken += 1
                await self._end(reader, writer, f"{self.status} so be it\r\n")
            else:
                writer.write(b"221 bye\r\n" if line.startswith(b"QUIT") else b"250 fine\r\n")

    async def _end(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, words: str) -> None:
        if self.act == "reset":
            writer.transport.abort()
        elif self.act == "silence":
            await reader.read()
        else:
            writer.write(words.encode())
            await writer.drain()


def replying() -> list[str]:
    return [channel for channel in CHANNELS if "reply" in suite_of(channel)]


def is_mail(channel: str) -> bool:
    return any((FIXTURES / channel).glob("*.raw.eml"))


def reply_to(channel: str) -> Reply:
    described = suite_of(channel)["reply"]
    return Reply(
        id="018f0000-0000-7000-8000-000000000001",
        channel=channel,
        account=described["account"],
        to=described["to"],
        text="접수번호 20261123-000001-7. 담당: 강남구청. 기한: 12월 2일.",
        kind="notice",
        case="20261123-000001-7",
        created_at=datetime(2026, 11, 23, 1, 15, tzinfo=UTC),
    )


def _filled(value: Any, port: int) -> Any:
    if isinstance(value, dict):
        return {key: _filled(inner, port) for key, inner in value.items()}
    if value == "{port}":
        return port
    return value.replace("{url}", f"http://127.0.0.1:{port}") if isinstance(value, str) else value


async def sent(channel: str, port: int) -> Receipt | Exception:
    sender = connector_of(channel, port).sender()
    try:
        receipt: Receipt = await sender.send(reply_to(channel))
    except (Rejected, Unavailable, Uncertain) as error:
        return error
    else:
        return receipt
    finally:
        await sender.close()


async def answered(channel: str, hostile: Hostile) -> Receipt | Exception:
    async with hostile.listening(hostile.smtp if is_mail(channel) else hostile.http):
        return await sent(channel, hostile.port)


def may_repeat(channel: str) -> bool:
    sender = connector_of(channel, 9).sender()
    return bool(sender.repeatable)


@pytest.mark.parametrize("channel", replying())
async def test_reply_that_is_taken_is_sent_once(channel: str) -> None:
    """A reply that the provider takes goes out in exactly one request, and gives its proof."""
    described = suite_of(channel)["reply"]
    hostile = Hostile(described["status"], described["body"])
    receipt = await answered(channel, hostile)

    assert 1 == hostile.taken
    assert isinstance(receipt, Receipt)
    assert receipt.provider_id


@pytest.mark.parametrize("channel", replying())
@pytest.mark.parametrize("status", [400, 401, 403, 404])
async def test_refused_reply_is_rejected(channel: str, status: int) -> None:
    """A reply that the provider refuses for good is Rejected, after one request."""
    hostile = Hostile(550 if is_mail(channel) else status)
    error = await answered(channel, hostile)

    assert (Rejected, 1) == (type(error), hostile.taken)


@pytest.mark.parametrize("channel", replying())
@pytest.mark.parametrize("status", [429, 500, 503])
async def test_reply_at_a_bad_time_is_unavailable(channel: str, status: int) -> None:
    """A reply that the provider cannot take now is Unavailable: somebody else decides when to try again."""
    hostile = Hostile(451 if is_mail(channel) else status)
    error = await answered(channel, hostile)

    assert (Unavailable, 1) == (type(error), hostile.taken)


@pytest.mark.parametrize("channel", replying())
@pytest.mark.parametrize("act", ["reset", "silence"])
async def test_reply_without_answer_is_never_called_sent(channel: str, act: str) -> None:
    """A reply that nobody answers for may be tried again only where that leaves the citizen with one message."""
    hostile = Hostile(200, act=act)
    error = await answered(channel, hostile)

    assert (Unavailable if may_repeat(channel) else Uncertain) is type(error)
    assert 1 == hostile.taken


@pytest.mark.parametrize("channel", replying())
async def test_closed_sender_leaves_nothing_open(channel: str) -> None:
    """`close` of a sender closes what it sent by: its `Post`, its client, its session."""
    described = suite_of(channel)["reply"]
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always", ResourceWarning)
        await answered(channel, Hostile(described["status"], described["body"]))
        gc.collect()

    assert [] == [str(one.message) for one in told if "Unclosed" in str(one.message)]


@pytest.mark.parametrize("channel", replying())
async def test_reply_to_nobody_is_unavailable(channel: str) -> None:
    """A provider that cannot be reached has not got the reply: it is Unavailable, never Uncertain."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        error = await sent(channel, closed.getsockname()[1])

    assert Unavailable is type(error)


@pytest.mark.parametrize("channel", CHANNELS)
async def test_secrets_show_nowhere(channel: str) -> None:
    """No secret stands in what a channel, its settings, its sender or its errors say of themselves."""
    suite = suite_of(channel)
    connector = connector_of(channel, 9)
    error = await sent(channel, 9) if "reply" in suite else None
    shown = f"{connector!r} {connector.settings!r} {connector.sender()!r} {connector.missing()!r} {error!r} {error}"

    assert [] == [secret for secret in " ".join(suite.get("environment", {}).values()).split() if secret in shown]
