"""Elasticsearch behind TLS that asks who we are. The server that Maven Central has knows no security: a gate in front
of it ends TLS and looks at what the client shows."""

import asyncio
import base64
import secrets
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from bench.instance import ROOT
from core.errors import ConfigError, Unavailable
from pipeline.engines import Engines
from pipeline.settings import PipelineSettings
from sinks.elastic import Elastic, Server
from tests.authority import Authority
from tests.engine import URL, drop, refresh
from tests.test_cli import eungdapso
from tests.test_search import found, routed

pytestmark = pytest.mark.skipif(not URL, reason="make live runs what needs Elasticsearch")

KEY = "VnVhQ2ZHY0JDZGJrUW0tZTVhT3g6dWkybHAyYXhUTm1zeWFrdzl0dk5udw=="
USER, PASSWORD = "eungdapso", "p@ss:w/ord %41 가로등"
REFUSED = '{"error":{"type":"security_exception","reason":"missing authentication credentials"},"status":%d}'


def basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


class Gate:
    """Lets in whoever shows what is `allowed`; others get 401, and 403 who is `known` and may nothing."""

    def __init__(self, certificate: tuple[Path, Path]) -> None:
        self.allowed = {f"ApiKey {KEY}", basic(USER, PASSWORD)}
        self.known: set[str] = set()
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(*certificate)
        self._sessions: set[asyncio.Task[None]] = set()

    async def open(self) -> None:
        self._server = await asyncio.start_server(self._session, "127.0.0.1", 0, ssl=self._context)
        self.url = f"https://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def close(self) -> None:
        self._server.close()
        for session in self._sessions:
            session.cancel()
        await asyncio.gather(*self._sessions, return_exceptions=True)

    async def _session(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        session = asyncio.current_task()
        assert session is not None
        self._sessions.add(session)
        session.add_done_callback(self._sessions.discard)
        with suppress(OSError, asyncio.IncompleteReadError):
            # A connection shows the same with everything that it asks.
            head = await reader.readuntil(b"\r\n\r\n")
            lines = head.decode("latin-1").split("\r\n")
            shown = next((line.partition(": ")[2] for line in lines if line.lower().startswith("authorization:")), "")
            if shown in self.allowed:
                await self._passed(head, reader, writer)
            else:
                await self._refused(403 if shown in self.known else 401, writer)
        writer.close()

    async def _passed(self, head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        behind = urlsplit(URL)
        answers, asks = await asyncio.open_connection(behind.hostname, behind.port)
        asks.write(head)
        ways = [asyncio.create_task(_pour(reader, asks)), asyncio.create_task(_pour(answers, writer))]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            asks.close()

    async def _refused(self, status: int, writer: asyncio.StreamWriter) -> None:
        body = REFUSED % status
        head = f"HTTP/1.1 {status} No\r\nX-Elastic-Product: Elasticsearch\r\nContent-Type: application/json\r\n"
        writer.write(f"{head}Content-Length: {len(body)}\r\nConnection: close\r\n\r\n{body}".encode())
        await writer.drain()


async def _pour(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while piece := await reader.read(65_536):
            writer.write(piece)
            await writer.drain()


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def names() -> tuple[str, ...]:
    return ("127.0.0.1",)


@pytest.fixture
def expired() -> bool:
    return False


@pytest.fixture
async def gate(authority: Authority, names: tuple[str, ...], expired: bool) -> AsyncIterator[Gate]:
    made = Gate(authority.issue(*names, expired=expired))
    await made.open()
    yield made
    await made.close()


@pytest.fixture
def index() -> Iterator[str]:
    name = f"test-{secrets.token_hex(6)}"
    yield name
    drop(name)


async def refused(server: Server, said: str) -> None:
    """Whatever is asked of it ends with the same line, and no secret in it."""
    sink = Elastic(server, index="nobody")
    for ask in (sink.setup(), asyncio.to_thread(found, sink, "가로등")):
        with pytest.raises(Unavailable, match=said) as told:
            await ask
        assert "\n" not in told.value.reason
        assert not any(secret in told.value.reason for secret in (server.api_key, server.password) if secret)
    await sink.close()


@pytest.mark.parametrize("who", [{"api_key": KEY}, {"user": USER, "password": PASSWORD}])
async def test_what_is_written_is_found(gate: Gate, authority: Authority, index: str, who: dict[str, Any]) -> None:
    """A key works, and so do user and password, with the certificates of one's own authority."""
    sink = Elastic(Server(url=gate.url, ca_file=authority.ca_file, find_timeout_seconds=10, **who), index=index)
    await sink.setup()
    await sink.write([routed("a", "가로등 고장")])
    await asyncio.to_thread(refresh, index)

    assert ["a"] == await asyncio.to_thread(found, sink, "가로등")
    await sink.close()


@pytest.mark.parametrize("who", [{}, {"api_key": "bm90OmlU"}, {"user": USER, "password": "not-it-at-all"}])
async def test_who_is_not_known_hears_it(gate: Gate, authority: Authority, who: dict[str, Any]) -> None:
    """401 says what to check."""
    server = Server(url=gate.url, ca_file=authority.ca_file, **who)

    await refused(server, r"refused us \(401\)\. Check api_key, or user and password")


async def test_who_may_not_hears_it(gate: Gate, authority: Authority) -> None:
    """403 says what to check."""
    gate.allowed, gate.known = set(), {f"ApiKey {KEY}"}

    await refused(Server(url=gate.url, api_key=KEY, ca_file=authority.ca_file), r"refused us \(403\)\. Check")


async def test_rights_that_come_later_are_used(gate: Gate, authority: Authority, index: str) -> None:
    """Whoever waits for the engine goes on by itself once it is let in."""
    allowed, gate.allowed = gate.allowed, set()
    sink = Elastic(Server(url=gate.url, api_key=KEY, ca_file=authority.ca_file), index=index)
    with pytest.raises(Unavailable):
        await sink.setup()
    gate.allowed = allowed
    await sink.setup()

    assert {} == await sink.write([routed("a", "가로등 고장")])
    await sink.close()


async def test_an_authority_that_is_not_ours_is_told(gate: Gate, tmp_path: Path) -> None:
    await refused(Server(url=gate.url, api_key=KEY, ca_file=Authority(tmp_path).ca_file), "certificate")
    await refused(Server(url=gate.url, api_key=KEY), "certificate")


@pytest.mark.parametrize("expired", [True])
async def test_an_expired_certificate_is_told(gate: Gate, authority: Authority) -> None:
    await refused(Server(url=gate.url, api_key=KEY, ca_file=authority.ca_file), "certificate has expired")


@pytest.mark.parametrize("names", [("search.seoul.example",)])
async def test_a_certificate_for_another_host_is_told(gate: Gate, authority: Authority) -> None:
    await refused(Server(url=gate.url, api_key=KEY, ca_file=authority.ca_file), "not valid for '127.0.0.1'")


async def test_tls_is_not_taken_back(gate: Gate, authority: Authority) -> None:
    """Plain HTTP to a port with TLS, and TLS to one without, are told; nothing is shown to either."""
    plain = gate.url.replace("https", "http")
    await refused(Server(url=plain, api_key=KEY), "cannot be reached")
    await refused(Server(url=URL.replace("http:", "https:"), api_key=KEY, ca_file=authority.ca_file), "TLS|SSL")


async def test_operations_prepare_a_secured_index(gate: Gate, authority: Authority, index: str, tmp_path: Path) -> None:
    """`setup` makes the index; with a wrong key it ends with 1 and one line."""
    config = tmp_path / "pipeline.toml"
    config.write_text(
        f'city = "{ROOT / "config"}"\nsearch = "{gate.url.replace("https", "elasticsearchs")}"\n[elasticsearch]\n'
        f'index = "{index}"\napi_key = {{ env = "EUNGDAPSO_SEARCH_KEY" }}\nca_file = "{authority.ca_file}"\n',
        encoding="utf-8",
    )
    asked = ("setup", "--config", str(config))
    done = await asyncio.to_thread(eungdapso, *asked, EUNGDAPSO_SEARCH_KEY=KEY)
    failed = await asyncio.to_thread(eungdapso, *asked, EUNGDAPSO_SEARCH_KEY="bm90OmlU")

    assert (0, "") == (done.returncode, done.stderr)
    assert (1, 1) == (failed.returncode, len(failed.stderr.splitlines()))
    assert "refused us (401)" in failed.stderr
    assert "bm90OmlU" not in failed.stderr


def test_a_missing_file_is_a_mistake_of_the_settings() -> None:
    chosen = {"search": "elasticsearchs://a:9200", "elasticsearch": {"ca_file": "missing.pem"}}
    settings = PipelineSettings.model_validate(chosen)
    with pytest.raises(ConfigError, match=r"elasticsearch\.ca_file: there is no file .*missing\.pem"):
        Engines(settings=settings, home=ROOT, var=ROOT, environment={}, groups={}).server()
