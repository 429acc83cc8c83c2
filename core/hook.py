"""What a hook is asked and what it answers: the words between a channel and the HTTP that carries it."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from hashlib import sha256
from typing import Protocol

import msgspec
from msgspec import structs

from core.ids import uuid7
from core.message import Arrival, Message

_LONGEST_TYPE, _UNKNOWN_TYPE = 200, "application/octet-stream"
# Makes arrivals durable; raises `Unavailable` when that cannot be now. Ids and metrics are given there.
Accept = Callable[[Sequence[Arrival]], Awaitable[None]]


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """One HTTP request to a hook, raw. `url` is `public_url` + path + query exactly as received; `headers` have
    lower-case names (of a repeated name, the last); `received_at` is the business clock at the door."""

    method: str
    url: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes
    received_at: datetime


class Response(msgspec.Struct, frozen=True, kw_only=True):
    """What the provider is told; `then` is done when it was."""

    status: int = 200
    body: bytes = b""
    media_type: str = "text/plain; charset=utf-8"
    then: Callable[[], Awaitable[None]] | None = None


def arrivals(
    channel: str,
    messages: Sequence[Message],
    raw: bytes,
    *,
    media_type: str = "application/json",
    pieces: Sequence[bytes] | None = None,
) -> list[Arrival]:
    """Returns messages that were parsed at the door as what is made durable; `raw` is the payload they came in, of
    which `pieces` are the parts that belong to each: a thousand times the whole is more than anybody can keep."""
    if pieces is not None:
        each = zip(messages, pieces, strict=True)
        return [one for message, own in each for one in arrivals(channel, [message], own, media_type=media_type)]
    digest = sha256(raw).hexdigest()
    # What a header says is kept only where it can be a media type.
    media_type = media_type if media_type.isascii() and len(media_type) <= _LONGEST_TYPE else _UNKNOWN_TYPE
    return [
        Arrival(
            id=(new := uuid7()),
            channel=channel,
            account=message.account,
            native_id=message.native_id,
            key=f"{channel}|{message.conversation or message.native_id}",
            received_at=message.received_at,
            version=message.version,
            raw=raw,
            media_type=media_type,
            message=structs.replace(message, id=new, raw_digest=digest),
        )
        for message in messages
    ]


class Hook(Protocol):
    """A channel whose provider calls us, as HTTP sees it (connectors.base.Webhook)."""

    name: str

    @property
    def most_bytes(self) -> int: ...
    @property
    def answer_seconds(self) -> float: ...
    def verify(self, request: Request, *, now: float) -> None: ...
    def parse(self, request: Request) -> list[Message]: ...
    def pieces(self, request: Request, messages: Sequence[Message]) -> Sequence[bytes] | None: ...
    def acknowledge(self) -> Response: ...
    def thanks(self, request: Request, messages: Sequence[Message]) -> Response | None: ...
    async def told(self, request: Request, messages: Sequence[Message], seconds: float) -> Response | None: ...
    def apology(self) -> Response | None: ...
    def late(self) -> Response | None: ...
    def challenge(self, request: Request) -> Response | None: ...
