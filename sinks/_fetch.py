"""Fetches a file from an address that a stranger named: never from inside, never too much, never for long."""

import asyncio
import re
import socket
import zlib
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol

import aiohttp
import msgspec
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from core.clock import Clock, machine_clock
from core.errors import Rejected, Unavailable
from core.wishes import wished_seconds
from sinks._address import is_open

_PORTS = frozenset({80, 443, 8443})
_MOST_REDIRECTS = 3
_CONNECT_SECONDS, _SILENT_SECONDS = 10.0, 15.0
_CHUNK = 65_536
# Names are looked up beside everything else: a slow answer holds up nobody but this channel.
_NAMES_AT_ONCE = 4
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_LATER = frozenset({408, 425, 429})
# A file that the provider has not put there yet, or a link that ran out: nobody can tell them apart.
_ABSENT = frozenset({401, 403, 404})
_PLAIN_URL = re.compile(r"[!-~]+")
_HEADERS = {"User-Agent": "eungdapso", "Accept": "*/*", "Accept-Encoding": "identity"}


# Name and port to what `socket.getaddrinfo` returns; called in a thread.
LookUp = Callable[[str, int], list[Any]]


def _look_up(host: str, port: int) -> list[Any]:
    return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)


class Located(Protocol):
    """Where a file can be fetched: `headers` are for that host alone. `trusted`: the operator named the host."""

    @property
    def url(self) -> str: ...
    @property
    def headers(self) -> Mapping[str, str]: ...
    @property
    def trusted(self) -> bool: ...


class Content(msgspec.Struct, frozen=True, kw_only=True):
    """What was fetched; `media_type` is what its host calls it, "" when it says nothing."""

    body: bytes
    media_type: str = ""


class Fetcher:
    """Asks one channel's addresses. `allow_hosts` are names ("host" or "host:port") that may lie inside."""

    def __init__(
        self,
        *,
        most_bytes: int,
        allow_hosts: Collection[str] = (),
        most_seconds: float = 120.0,
        clock: Clock = machine_clock,
        look_up: LookUp = _look_up,
    ) -> None:
        self._most_bytes = most_bytes
        self._allowed = frozenset(host.lower() for host in allow_hosts)
        self._most_seconds = most_seconds
        self._clock = clock
        self._look_up = look_up
        self._pool: ThreadPoolExecutor | None = None

    async def fetch(self, located: Located) -> Content:
        """Returns the file. Raises `Unavailable`, or `Rejected`: never; with 404 it is not there, perhaps not yet."""
        try:
            async with asyncio.timeout(self._most_seconds):
                return await self._fetched(located)
        except TimeoutError as error:
            raise Unavailable(f"not whole within {self._most_seconds:g} seconds") from error
        except (aiohttp.InvalidURL, aiohttp.NonHttpUrlClientError) as error:
            raise Rejected("the address is none of a file") from error
        except (aiohttp.ClientError, OSError) as error:
            raise Unavailable(f"cannot be fetched now: {type(error).__name__}") from error
        except (ValueError, zlib.error) as error:
            raise Rejected(f"what came cannot be read: {type(error).__name__}") from error

    async def close(self) -> None:
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)
            self._pool = None

    async def _fetched(self, located: Located) -> Content:
        url = _url(located.url)
        origin = url.origin()
        allowed = self._allowed | ({_place(url)} if located.trusted else frozenset())
        names = _Names(self._resolve, allowed)
        async with names.session() as session:
            for _ in range(_MOST_REDIRECTS + 1):
                names.must_be_allowed(url)
                # Who the file is with may send us on; our secrets stay with the first.
                headers = located.headers if url.origin() == origin else {}
                async with session.get(url, headers=headers, allow_redirects=False) as answer:
                    if answer.status not in _REDIRECTS:
                        return await self._content(answer)
                    url = _url(answer.headers.get("Location", ""), base=url)
        raise Rejected(f"sent on more than {_MOST_REDIRECTS} times")

    async def _content(self, answer: aiohttp.ClientResponse) -> Content:
        self._must_be_there(answer)
        length = answer.headers.get("Content-Length", "")
        if length.isascii() and length.isdigit() and int(length[:18]) > self._most_bytes:
            raise self._too_large()
        unpack = _unpacking(answer.headers.get("Content-Encoding", ""))
        body = bytearray()
        async for chunk in answer.content.iter_chunked(_CHUNK):
            body += unpack(chunk, self._most_bytes + 1 - len(body))
            if len(body) > self._most_bytes:
                raise self._too_large()
        media_type = answer.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        return Content(body=bytes(body), media_type=media_type)

    def _must_be_there(self, answer: aiohttp.ClientResponse) -> None:
        status = answer.status
        if status in _LATER or status >= 500:
            wish = wished_seconds(answer.headers.get("Retry-After", ""), self._clock())
            raise Unavailable(f"the provider answered {status}", retry_after_seconds=wish)
        if status != 200:
            raise Rejected(f"the provider answered {status}", status=404 if status in _ABSENT else 422)

    def _too_large(self) -> Rejected:
        return Rejected(f"larger than {self._most_bytes:,} bytes, the most that is kept")

    async def _resolve(self, host: str, port: int) -> list[Any]:
        if self._pool is None:
            self._pool = ThreadPoolExecutor(_NAMES_AT_ONCE, thread_name_prefix="names")
        return await asyncio.get_running_loop().run_in_executor(self._pool, self._look_up, host, port)


class _Names(AbstractResolver):
    """Looks names up, lets through what may be asked, and sees that exactly that is connected to."""

    def __init__(self, look_up: Callable[[str, int], Any], allowed: Collection[str]) -> None:
        self._look_up = look_up
        self._allowed = allowed
        self._checked: set[str] = set()

    def session(self) -> aiohttp.ClientSession:
        connector = aiohttp.TCPConnector(
            resolver=self, use_dns_cache=False, force_close=True, socket_factory=self._socket
        )
        return aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            trust_env=False,
            headers=_HEADERS,
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT_SECONDS, sock_read=_SILENT_SECONDS),
        )

    def must_be_allowed(self, url: URL) -> None:
        """Raises `Rejected` for what can be refused before its name is looked up."""
        host, port = url.host or "", url.port or 0
        is_exempt = self._is_exempt(host, port)
        if not is_exempt and port not in _PORTS:
            open_ports = ", ".join(map(str, sorted(_PORTS)))
            raise Rejected(f'port {port} is none of {open_ports}; [security] allow_hosts = ["host:port"] lets it')
        # What is an address already is never looked up.
        if re.fullmatch(r"[0-9.]+|.*:.*", host):
            self._check(host, is_exempt=is_exempt)

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        found = []
        for kind, _, proto, _, address in await self._look_up(host, port):
            self._check(address[0], is_exempt=self._is_exempt(host, port))
            found.append(
                ResolveResult(
                    hostname=host, host=address[0], port=port, family=kind, proto=proto, flags=socket.AI_NUMERICHOST
                )
            )
        return found

    async def close(self) -> None:
        """Nothing is held open."""

    def _check(self, address: str, *, is_exempt: bool) -> None:
        if not (is_exempt or is_open(address)):
            raise Rejected("its host lies inside a network; [security] allow_hosts may name it")
        self._checked.add(address)

    def _is_exempt(self, host: str, port: int) -> bool:
        return host.lower() in self._allowed or f"{host.lower()}:{port}" in self._allowed

    def _socket(self, info: Any) -> socket.socket:
        family, kind, proto, _, address = info
        if address[0] not in self._checked:
            raise OSError("an address that nobody has checked")
        return socket.socket(family=family, type=kind, proto=proto)


def _url(text: str, base: URL | None = None) -> URL:
    # As it came where it can be: what is signed must not be spelt anew.
    url = URL(text, encoded=_PLAIN_URL.fullmatch(text) is not None)
    url = base.join(url) if base is not None else url
    if url.scheme not in {"http", "https"} or not url.host:
        raise Rejected("only http and https addresses are fetched")
    if url.user is not None or url.password is not None:
        raise Rejected("an address with a password in it is not fetched")
    return url.with_fragment(None)


def _place(url: URL) -> str:
    return f"{(url.host or '').lower()}:{url.port}"


def _unpacking(encoding: str) -> Callable[[bytes, int], bytes]:
    """Returns what gives the plain bytes of a chunk, at most so many."""
    plain = encoding.strip().lower()
    if plain in {"", "identity"}:
        return lambda chunk, most: chunk[:most]
    if plain not in {"gzip", "x-gzip", "deflate"}:
        raise Rejected("packed in a way that nobody asked for")
    packed = zlib.decompressobj(wbits=47 if plain != "deflate" else 15)
    return packed.decompress
