"""What every channel promises: parse purely, verify first, say yes only after the message is durable."""

import os
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import ClassVar, Generic, TypeVar

from core.clock import Clock
from core.hook import Accept, Request, Response
from core.message import Arrival, Message
from core.reply import Sender, Style
from core.settings import Secret, Settings

__all__ = ["Accept", "Connector", "Request", "Response", "Sender", "Server", "Style", "Webhook"]

S = TypeVar("S", bound=Settings)


class Connector(ABC, Generic[S]):
    """One channel of one name. Constructing connects to nothing and reads no secret.

    `missing` tells which secrets it cannot listen without; it then does not start and the rest runs.
    """

    Settings: ClassVar[type[Settings]]
    # Of the channel; an instance may set its own (a setting decides about links).
    style: Style = Style()

    def __init__(self, name: str, settings: S, *, environment: Mapping[str, str] = os.environ) -> None:
        self.name = name
        self.settings = settings
        self.environment = environment

    def secret(self, reference: Secret | None, key: str) -> Secret:
        """Returns the reference, or the one that the table's own name stands for: EUNGDAPSO_<NAME>_<KEY>."""
        return reference or Secret(env=f"EUNGDAPSO_{re.sub(r'[^A-Z0-9]', '_', self.name.upper())}_{key}")

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
