"""The way back to a source of webhooks: replies go out as webhooks, signed as the source signs."""

import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

import aiohttp
import msgspec

from connectors._post import wish_of
from core.errors import Rejected, Unavailable
from core.reply import Receipt, Reply, Sender

# Makes the headers that sign a body: the message's id, Unix time in seconds, the body.
Sign = Callable[[str, int, bytes], Mapping[str, str]]


class Back(Sender):
    """Posts replies to one address. The reply's id is the `webhook-id`, so the receiver takes a repetition once."""

    repeatable = True

    def __init__(
        self, url: str, sign: Sign, timeout_seconds: float, *, unix_time: Callable[[], float] = time.time
    ) -> None:
        self._url = url
        self._sign = sign
        self._timeout = aiohttp.ClientTimeout(total=timeout_seconds)
        self._unix_time = unix_time
        self._session: aiohttp.ClientSession | None = None

    async def send(self, reply: Reply) -> Receipt:
        now = int(self._unix_time())
        body = _payload(reply, now)
        signed = self._sign(reply.id, now, body)
        headers = {"content-type": "application/json", "webhook-id": reply.id, "webhook-timestamp": str(now), **signed}
        try:
            async with self._opened().post(self._url, data=body, headers=headers, allow_redirects=False) as answer:
                _refuse(answer)
        except (aiohttp.ClientError, TimeoutError) as error:
            raise Unavailable(f"no answer from the source: {type(error).__name__}") from error
        return Receipt(provider_id=reply.id)

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=self._timeout)
        return self._session


def _payload(reply: Reply, now: int) -> bytes:
    data = {name: getattr(reply, name) for name in ("to", "text", "subject", "kind", "case", "in_reply_to", "link")}
    data["id"] = reply.id
    moment = datetime.fromtimestamp(now, UTC).isoformat()
    return msgspec.json.encode({"type": f"reply.{reply.kind}", "timestamp": moment, "data": data})


def _refuse(answer: aiohttp.ClientResponse) -> None:
    """Raises what the caller does about a status that is no success."""
    if answer.status in {408, 425, 429} or answer.status >= 500:
        raise Unavailable(f"the source answered {answer.status}", retry_after_seconds=wish_of(answer.headers))
    if answer.status >= 300:
        raise Rejected(f"the source refused the reply with {answer.status}")
