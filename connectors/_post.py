"""One JSON call to a provider, and what became of it: it never went, it was refused for now, or nobody answered."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import aiohttp
import msgspec

from core.errors import Rejected, Unavailable, Uncertain
from core.wishes import wished_seconds

# No provider says more than this about one message.
_MOST_BYTES = 65_536


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What the provider said, with the wait that it wishes for, if it names one."""

    status: int
    body: bytes = b""
    retry_after_seconds: float | None = None

    def said(self, name: str) -> str:
        """Returns what stands under this name in a JSON object, as text; "" when nothing does."""
        found = _object(self.body).get(name, "")
        return found if isinstance(found, str) else msgspec.json.encode(found).decode()

    def first_id(self, name: str) -> str:
        """Returns the id of the first object in the list of this name, "" when there is none."""
        found = _object(self.body).get(name)
        first = found[0] if isinstance(found, list) and found else None
        return str(first.get("id", "")) if isinstance(first, dict) else ""

    def must_be_taken(self) -> None:
        """Raises `Unavailable` for "not now" and `Rejected` for "never"; returns when the provider said yes."""
        if self.status in {408, 425, 429} or self.status >= 500:
            raise Unavailable(f"the provider answered {self.status}", retry_after_seconds=self.retry_after_seconds)
        if self.status >= 300:
            raise Rejected(f"the provider refused with {self.status}: {self.said('message')[:200]}".rstrip(": "))


class Post:
    """Posts JSON and follows no redirect. Every call has a connection of its own: one that was kept may be closed by
    the other side at any moment, and then nobody could tell whether the message went."""

    def __init__(self, timeout_seconds: float) -> None:
        self._timeout = aiohttp.ClientTimeout(
            total=3 * timeout_seconds, connect=timeout_seconds, sock_read=timeout_seconds
        )
        self._session: aiohttp.ClientSession | None = None

    async def __call__(self, url: str, payload: Any, headers: Mapping[str, str]) -> Answer:
        """Raises `Rejected` for what cannot be asked, `Unavailable` when the request surely did not go out, `Uncertain`
        when nobody can tell."""
        return await self._ask(
            "POST", url, msgspec.json.encode(payload), {**headers, "Content-Type": "application/json"}
        )

    async def get(self, url: str, headers: Mapping[str, str]) -> Answer:
        """Asks for something and changes nothing; errors as above."""
        return await self._ask("GET", url, b"", headers)

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def _ask(self, method: str, url: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        try:
            asked = self._opened().request(method, url, data=body or None, headers=headers, allow_redirects=False)
            async with asked as answer:
                said = await _read(answer)
                return Answer(status=answer.status, body=said, retry_after_seconds=wish_of(answer.headers))
        except ValueError as error:
            # Among them what is no address; an environment variable that ends with a line end is no header.
            raise Rejected(f"this is nothing that can be asked: {type(error).__name__}") from error
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            raise Unavailable(f"the provider cannot be reached: {type(error).__name__}") from error
        except (aiohttp.ClientError, TimeoutError) as error:
            raise Uncertain(f"no answer to the request: {type(error).__name__}") from error

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                timeout=self._timeout,
                connector=aiohttp.TCPConnector(force_close=True),
                cookie_jar=aiohttp.DummyCookieJar(),
            )
        return self._session


async def whole(answer: aiohttp.ClientResponse, most_bytes: int = 4_194_304) -> bytes:
    """Returns all that was answered; one that does not end is, beyond so many bytes, as one that broke off
    (`ClientPayloadError`)."""
    body = bytearray()
    async for chunk in answer.content.iter_chunked(_MOST_BYTES):
        body += chunk
        if len(body) > most_bytes:
            raise aiohttp.ClientPayloadError(f"the answer is larger than {most_bytes:,} bytes")
    return bytes(body)


def wish_of(headers: Mapping[str, str]) -> float | None:
    """Returns for how many seconds a provider wants to be left alone, None when it does not say (Retry-After)."""
    after = headers.get("Retry-After", "") or headers.get("retry-after", "")
    return wished_seconds(after, datetime.now(UTC))


async def _read(answer: aiohttp.ClientResponse) -> bytes:
    """Returns how the answer begins: a status that came says what became of the request."""
    body = bytearray()
    async for chunk in answer.content.iter_chunked(_MOST_BYTES):
        body += chunk
        if len(body) > _MOST_BYTES:
            break
    return bytes(body[:_MOST_BYTES])


def _object(body: bytes) -> Mapping[str, Any]:
    try:
        return msgspec.json.decode(body, type=dict[str, Any])
    except (msgspec.DecodeError, ValueError, RecursionError):
        return {}
