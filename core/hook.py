"""What a hook is asked and what it answers: the words between a channel and the HTTP that carries it."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import Protocol

import msgspec

from core.message import Arrival, Message

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
    """What the provider is told."""

    status: int = 200
    body: bytes = b""
    media_type: str = "text/plain; charset=utf-8"


class Hook(Protocol):
    """A channel whose provider calls us, as HTTP sees it (connectors.base.Webhook)."""

    name: str

    @property
    def most_bytes(self) -> int: ...
    def verify(self, request: Request, *, now: float) -> None: ...
    def parse(self, request: Request) -> list[Message]: ...
    def acknowledge(self) -> Response: ...
    def challenge(self, request: Request) -> Response | None: ...
