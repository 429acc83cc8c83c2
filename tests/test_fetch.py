"""Fetching what a stranger named: from the open internet only, bounded in every way, secrets kept to their host."""

import asyncio
import gzip
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from aiohttp import ClientPayloadError, ClientSession, web

from connectors._post import whole
from core.errors import Rejected, Unavailable
from sinks._address import is_open
from sinks._fetch import Fetcher

PHOTO = b"\xff\xd8\xff\xe0" + bytes(range(256)) * 20
NOON = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Place(msgspec.Struct, frozen=True, kw_only=True):
    url: str
    headers: Mapping[str, str] = {}
    trusted: bool = False


class Host:
    """A server on loopback that answers as it is told, and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[web.Request] = []
        self.answers: dict[str, Handler] = {}
        self.port = 0

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(request)
        return await self.answers.get(request.path, _photo)(request)

    def url(self, path: str = "/photo.jpg", name: str = "127.0.0.1") -> str:
        return f"http://{name}:{self.port}{path}"


async def _photo(request: web.Request) -> web.Response:
    return web.Response(body=PHOTO, content_type="image/jpeg")


@pytest.fixture
async def host() -> AsyncIterator[Host]:
    made = Host()
    app = web.Application()
    app.router.add_route("*", "/{rest:.*}", made.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    made.port = runner.addresses[0][1]
    yield made
    await runner.cleanup()


def names(**known: str | list[str]) -> Callable[[str, int], list[Any]]:
    """Returns a look-up that knows these names (`_` for "."); of several addresses each look takes the next."""

    def look_up(name: str, port: int) -> list[Any]:
        found = known.get(name.replace(".", "_"))
        if found is None:
            raise socket.gaierror(socket.EAI_NONAME, "unknown")
        address = found if isinstance(found, str) else found.pop(0)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

    return look_up


def fetcher(host: Host, *allowed: str, **rest: Any) -> Fetcher:
    inside = allowed or (f"127.0.0.1:{host.port}",)
    return Fetcher(most_bytes=1_000_000, allow_hosts=inside, clock=lambda: NOON, **rest)


async def refused(made: Fetcher, url: str, **place: Any) -> str:
    """Returns why it is never fetched."""
    with pytest.raises(Rejected) as told:
        await made.fetch(Place(url=url, **place))
    await made.close()
    return told.value.reason


async def postponed(made: Fetcher, url: str) -> Unavailable:
    with pytest.raises(Unavailable) as told:
        await made.fetch(Place(url=url))
    await made.close()
    return told.value


@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0",
        "10.0.0.1",
        "100.64.0.1",
        "127.0.0.1",
        "127.255.255.254",
        "169.254.169.254",
        "172.16.0.1",
        "172.31.255.255",
        "192.0.0.8",
        "192.0.2.1",
        "192.88.99.1",
        "192.168.1.1",
        "198.18.0.1",
        "198.51.100.1",
        "203.0.113.1",
        "224.0.0.1",
        "239.255.255.250",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::127.0.0.1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "::ffff:169.254.169.254",
        "64:ff9b::7f00:1",
        "64:ff9b::a9fe:a9fe",
        "64:ff9b:1::1",
        "100::1",
        "2001::1",
        "2001:db8::1",
        "2002:7f00:1::1",
        "2002:a9fe:a9fe::",
        "3fff::1",
        "fc00::1",
        "fd12:3456::1",
        "fe80::1",
        "fe80::1%eth0",
        "fec0::1",
        "ff02::1",
        "2130706433",
        "0x7f.1",
        "127.1",
        "",
        "localhost",
    ],
)
def test_what_is_inside_is_not_open(address: str) -> None:
    """Private, loopback, link-local, shared, multicast, reserved, and whatever leads to them in IPv6."""
    assert not is_open(address)


@pytest.mark.parametrize(
    "address", ["1.1.1.1", "52.1.2.3", "223.255.255.255", "2404:6800:4004::1", "::ffff:1.1.1.1", "64:ff9b::101:101"]
)
def test_the_internet_is_open(address: str) -> None:
    """Other addresses may be asked."""
    assert is_open(address)


async def test_a_file_is_fetched_whole(host: Host) -> None:
    """Byte for byte, with what its host calls it; the address goes out as it came."""
    made = fetcher(host)
    got = await made.fetch(Place(url=host.url("/file/bot1%3AAB/p.jpg?X-Sig=a%2Fb+c")))
    await made.close()

    assert (PHOTO, "image/jpeg") == (got.body, got.media_type)
    assert "/file/bot1%3AAB/p.jpg?X-Sig=a%2Fb+c" == host.asked[0].raw_path


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:{port}/",
        "http://localhost:{port}/",
        "http://[::1]:{port}/",
        "http://[::ffff:127.0.0.1]:{port}/",
        "http://2130706433:{port}/",
        "http://127.1:{port}/",
        "http://0x7f000001:{port}/",
        "http://0:{port}/",
        "http://inside.example:{port}/",
        "http://127.0.0.1/",
        "http://169.254.169.254/latest/meta-data/",
        "http://[fe80::1%25lo]/",
        "http://inside.example/",
        "https://inside.example:8443/",
        "http://user:secret@1.1.1.1/",
        "file:///etc/passwd",
        "ftp://1.1.1.1/a",
        "gopher://1.1.1.1/a",
        "//127.0.0.1/a",
        "http://",
        "raw:2",
        "",
        "http://1.1.1.1:22/",
        "http://1.1.1.1:99999/",
        "http://[::1/",
        "http://\udcff/",
    ],
)
async def test_nothing_inside_is_asked(host: Host, url: str) -> None:
    """However it is written: nobody's word opens a connection into our own network."""
    made = Fetcher(most_bytes=100, look_up=names(inside_example="127.0.0.1", localhost="127.0.0.1"))

    assert await refused(made, url.format(port=host.port))
    assert [] == host.asked


async def test_a_name_with_one_address_inside_is_refused(host: Host) -> None:
    """Of several addresses nobody chooses the good one."""

    def look_up(name: str, port: int) -> list[Any]:
        return [
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("1.1.1.1", port)),
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port)),
        ]

    assert "inside a network" in await refused(Fetcher(most_bytes=100, look_up=look_up), "http://two.example/")


async def test_a_redirect_inside_is_refused(host: Host) -> None:
    """Who may be asked may not send us where nobody may go, by address or by a name that changes its meaning."""

    async def onward(request: web.Request) -> web.Response:
        raise web.HTTPFound(request.query["to"])

    host.answers["/go"] = onward
    allowed = f"shop.example:{host.port}"
    reasons = []
    for to in (host.url("/secret"), "http://169.254.169.254/", "file:///etc/passwd", "http://changes.example/"):
        made = fetcher(host, allowed, look_up=names(shop_example="127.0.0.1", changes_example=["10.0.0.1"]))
        reasons.append(await refused(made, host.url(f"/go?to={to}", "shop.example")))

    assert 4 == len(list(filter(None, reasons)))
    assert {"/go"} == {request.path for request in host.asked}


async def test_redirects_end(host: Host) -> None:
    """Three times at most."""

    async def round_and_round(request: web.Request) -> web.Response:
        raise web.HTTPFound("/again")

    host.answers["/again"] = round_and_round

    assert "more than 3" in await refused(fetcher(host), host.url("/again"))
    assert 4 == len(host.asked)


async def test_secrets_stay_with_their_host(host: Host) -> None:
    """The provider sends on to its store of files; that learns neither account nor token."""

    async def onward(request: web.Request) -> web.Response:
        raise web.HTTPTemporaryRedirect(f"http://store.example:{host.port}/photo.jpg")

    host.answers["/media/1"] = onward
    look_up = names(api_example="127.0.0.1", store_example="127.0.0.1")
    made = fetcher(host, f"api.example:{host.port}", f"store.example:{host.port}", look_up=look_up)
    got = await made.fetch(Place(url=host.url("/media/1", "api.example"), headers={"Authorization": "Basic c2VjcmV0"}))
    await made.close()

    assert PHOTO == got.body
    assert ["Basic c2VjcmV0", None] == [request.headers.get("Authorization") for request in host.asked]


async def test_a_host_that_the_operator_named_may_be_inside(host: Host) -> None:
    """`trusted` holds for that host and port, and for nothing that it sends on to."""

    async def onward(request: web.Request) -> web.Response:
        raise web.HTTPFound(f"http://localhost:{host.port}/secret")

    host.answers["/go"] = onward
    got = await Fetcher(most_bytes=10_000).fetch(Place(url=host.url(), trusted=True))
    reason = await refused(Fetcher(most_bytes=10_000), host.url("/go"), trusted=True)

    assert (PHOTO, ["/photo.jpg", "/go"]) == (got.body, [request.path for request in host.asked])
    assert "port" in reason


@pytest.mark.parametrize("says", [True, False])
async def test_what_is_too_large_is_left(host: Host, says: bool) -> None:
    """By what it says of itself, and by what it is."""

    async def large(request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse(headers={"Content-Length": "2000000"} if says else {})
        await answer.prepare(request)
        try:
            for _ in range(20):
                await answer.write(bytes(100_000))
        except ConnectionError:
            pass
        return answer

    host.answers["/large"] = large

    assert "larger than 1,000,000 bytes" in await refused(fetcher(host), host.url("/large"))


async def test_a_bomb_does_not_go_off(host: Host) -> None:
    """A gigabyte of nothing, packed into a megabyte, is left as soon as it is too large; what is small is unpacked."""

    def packed(body: bytes) -> Handler:
        async def answer(request: web.Request) -> web.Response:
            return web.Response(body=body, headers={"Content-Encoding": "gzip", "Content-Type": "image/jpeg"})

        return answer

    host.answers["/bomb"] = packed(gzip.compress(bytes(200_000_000)))
    host.answers["/small"] = packed(gzip.compress(PHOTO))
    made = fetcher(host)

    assert PHOTO == (await made.fetch(Place(url=host.url("/small")))).body
    assert "larger than" in await refused(made, host.url("/bomb"))


@pytest.mark.parametrize("encoding", ["br", "zstd", "gzip, gzip", "compress"])
async def test_other_packings_are_refused(host: Host, encoding: str) -> None:
    """Nobody asked for them."""

    async def odd(request: web.Request) -> web.Response:
        return web.Response(body=b"x", headers={"Content-Encoding": encoding})

    host.answers["/odd"] = odd

    assert await refused(fetcher(host), host.url("/odd"))


async def test_a_drip_ends(host: Host) -> None:
    """A byte now and then holds nobody for longer than the whole may take."""

    async def drip(request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse()
        await answer.prepare(request)
        try:
            while True:
                await answer.write(b"x")
                await asyncio.sleep(0.02)
        except (ConnectionError, asyncio.CancelledError):
            return answer

    host.answers["/drip"] = drip

    assert "not whole within" in str(await postponed(fetcher(host, most_seconds=0.3), host.url("/drip")))


@pytest.mark.parametrize(
    ("status", "after", "wish"),
    [
        (429, "30", 30),
        (503, "Mon, 23 Nov 2026 03:01:00 GMT", 60),
        (500, "", None),
        (502, "soon", None),
        (429, "-5", None),
        (503, "Mon, 23 Nov 2020 03:01:00 GMT", 0),
        (503, "Mon, 23 Nov 2026 03:01:00 +9999999999999999", None),
    ],
)
async def test_who_is_busy_is_asked_later(host: Host, status: int, after: str, wish: float | None) -> None:
    """With the wait that the provider wishes, in either of its forms."""

    async def busy(request: web.Request) -> web.Response:
        return web.Response(status=status, headers={"Retry-After": after} if after else {})

    host.answers["/busy"] = busy

    assert wish == (await postponed(fetcher(host), host.url("/busy"))).retry_after_seconds


@pytest.mark.parametrize(("status", "kind"), [(404, 404), (403, 404), (401, 404), (410, 422), (400, 422), (204, 422)])
async def test_what_is_not_there_is_told_apart(host: Host, status: int, kind: int) -> None:
    """Absent may mean not yet; gone is gone."""

    async def absent(request: web.Request) -> web.Response:
        return web.Response(status=status)

    host.answers["/absent"] = absent
    with pytest.raises(Rejected) as told:
        await fetcher(host).fetch(Place(url=host.url("/absent")))

    assert kind == told.value.status


async def test_whoever_is_away_is_asked_later(host: Host) -> None:
    """An unknown name, a closed door, an answer broken off: all may be better in a while."""

    async def broken(request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse(headers={"Content-Length": "1000"})
        await answer.prepare(request)
        await answer.write(b"half")
        assert request.transport is not None
        request.transport.abort()
        return answer

    host.answers["/broken"] = broken
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    found = [
        await postponed(fetcher(host, look_up=names()), "http://nobody.example/"),
        await postponed(fetcher(host, "127.0.0.1"), f"http://127.0.0.1:{port}/"),
        await postponed(fetcher(host), host.url("/broken")),
    ]

    assert 3 == len(found)


async def test_an_answer_without_an_end_is_no_answer(host: Host) -> None:
    """What a provider says about one call is read so far, and memory is not filled with more."""
    async with ClientSession() as session, session.get(host.url()) as answer:
        read = await whole(answer, len(PHOTO))
    async with ClientSession() as session, session.get(host.url()) as answer:
        with pytest.raises(ClientPayloadError):
            await whole(answer, len(PHOTO) - 1)

    assert PHOTO == read


async def test_what_speaks_no_http_harms_nobody() -> None:
    """Whatever listens there, the answer is one of ours."""

    async def rude(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail.example ESMTP\r\n" + b"\x00\xff" * 5_000)
        writer.close()

    server = await asyncio.start_server(rude, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    made = Fetcher(most_bytes=100, allow_hosts=("127.0.0.1",))
    with pytest.raises((Rejected, Unavailable)):
        await made.fetch(Place(url=f"http://127.0.0.1:{port}/"))
    server.close()
    await server.wait_closed()


async def test_another_port_says_how_it_is_let() -> None:
    """An operator who reads it in the log or in the case's history knows which setting to write."""
    told = await refused(Fetcher(most_bytes=100), "http://1.1.1.1:28199/a.jpg")

    assert 'port 28199 is none of 80, 443, 8443; [security] allow_hosts = ["host:port"] lets it' == told
