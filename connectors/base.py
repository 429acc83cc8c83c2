"""What every channel promises: parse purely, verify first, say yes only after the message is durable."""

import os
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import ClassVar, Generic, TypeVar

import msgspec

from core.clock import Clock
from core.message import Arrival, Message
from core.reply import Sender, Style
from core.settings import Settings

S = TypeVar("S", bound=Settings)

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


class Connector(ABC, Generic[S]):
    """One channel of one name. Constructing connects to nothing and reads no secret.

    `missing` tells which secrets it cannot listen without; it then does not start and the rest runs.
    """

    Settings: ClassVar[type[Settings]]
    style: ClassVar[Style] = Style()

    def __init__(self, name: str, settings: S, *, environment: Mapping[str, str] = os.environ) -> None:
        self.name = name
        self.settings = settings
        self.environment = environment

    def missing(self) -> Sequence[str]:
        """Returns the environment variables that must be set before this channel can listen."""
        return ()

    def sender(self) -> Sender | None:
        """Returns what takes replies out, or None: not configured, replies then go to files."""
        return None


class Webhook(Connector[S]):
    """A channel whose provider calls us by POST; a GET is answered by `challenge`."""

    most_bytes: ClassVar[int] = 1_048_576

    @abstractmethod
    def verify(self, request: Request, *, now: float) -> None:
        """Raises `Forged` unless the provider made this request; `now` is the machine's Unix time in seconds."""

    @abstractmethod
    def parse(self, request: Request) -> list[Message]:
        """Returns the messages in an authentic request, `id` left ""; raises `Rejected` when it is none. Pure."""

    def acknowledge(self) -> Response:
        """What the provider is told when all messages are durable."""
        return Response()

    def challenge(self, request: Request) -> Response | None:
        """Answers a provider's GET (Facebook, X); None: GET is not for this hook."""
        return None


class Server(Connector[S]):
    """A channel that listens on a port of its own. `parse` runs later, in the worker."""

    @abstractmethod
    async def serve(self, accept: Accept, clock: Clock, started: Callable[[str], None]) -> None:
        """Listens until cancelled, then closes cleanly; calls `started` with its address once it listens.
        Raises `ConfigError` when the port cannot be used."""

    @abstractmethod
    def parse(self, arrival: Arrival) -> Message:
        """Returns the message in the raw bytes; raises `Rejected` when there is none. Pure."""
