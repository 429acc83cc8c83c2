"""What every channel promises: parse purely, verify first, say yes only after the message is durable."""

import os
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Any, ClassVar, Generic, Protocol, TypeVar

import msgspec
from pydantic import Field

from core.announce import Announcement, Announcer
from core.clock import Clock, machine_clock
from core.errors import ConfigError
from core.hook import Accept, Request, Response
from core.message import Arrival, Attachment, Message
from core.reply import Pace, Reply, Sender, Style
from core.settings import Secret, Settings
from core.wire import Seal

__all__ = [
    "Accept",
    "Announcement",
    "Announcer",
    "Asked",
    "ChannelSettings",
    "Chat",
    "Connector",
    "Letter",
    "Located",
    "Locator",
    "Memory",
    "Pace",
    "Poller",
    "Request",
    "Response",
    "Sender",
    "Server",
    "Spoken",
    "Style",
    "Webhook",
    "Words",
]


class ChannelSettings(Settings):
    """What may stand in the table of every channel."""

    silent_hours: float = Field(default=0, ge=0)
    """After so many hours without a message somebody is told that the channel may be broken; 0: never."""
    sends_a_second: float = Field(default=0, ge=0)
    """Most messages that go out in a second; 0: what the provider allows."""
    secrets_expire: date | None = None
    """Day on which what the provider gave us ends; told from 30 days before. Left out: never."""


S = TypeVar("S", bound=ChannelSettings)


class Located(msgspec.Struct, frozen=True, kw_only=True):
    """Where a file can be fetched: `headers` are for that host alone. `trusted`: the operator named the host."""

    url: str
    headers: Mapping[str, str] = {}
    trusted: bool = False


class Locator(Protocol):
    """Knows where the provider keeps what a message names."""

    async def locate(self, attachment: Attachment) -> Located:
        """Raises `Rejected` (it is gone), `Unavailable`."""
        ...

    async def close(self) -> None: ...


class Spoken(msgspec.Struct, frozen=True, kw_only=True):
    """What a provider would post to say something: the path below the instance's address, body and headers."""

    path: str
    body: bytes
    headers: Mapping[str, str]


class Words(msgspec.Struct, frozen=True, kw_only=True):
    """What a citizen would say: `sender` is their number, id or address ("" for a made-up one); `public_url` is what
    signatures cover, `now` Unix time in seconds."""

    text: str
    sender: str
    public_url: str
    now: float


class Memory(Protocol):
    """What a channel keeps over restarts: a short text for each name, the same for all its processes."""

    def change(self, name: str, how: Callable[[str], str]) -> str:
        """Replaces the text ("" at first) by what `how` makes of it, in one step, and returns that; used from threads.
        Raises `Unavailable`."""
        ...


class Letter(Protocol):
    """A letter that is being shown."""

    @property
    def reply(self) -> Reply: ...
    @property
    def before(self) -> str: ...


L = TypeVar("L", bound=Letter)


class Chat(Protocol[L]):
    """The letters that a citizen is shown when they write (`cases.chat.Chat`); used from threads."""

    def look(self, message: Message) -> str: ...
    def take(self, message: Message, most: int) -> list[L]: ...
    def shown(self, letters: Sequence[L]) -> None: ...
    def put_back(self, letters: Sequence[L]) -> None: ...
    def other_ways(self, message: Message) -> frozenset[str]: ...


class Connector(ABC, Generic[S]):
    """One channel of one name. Constructing connects to nothing and reads no secret.

    `missing` tells which secrets it cannot listen without; it then does not start and the rest runs.
    """

    Settings: ClassVar[type[Settings]]
    # Of the channel; an instance may set its own (a setting decides about links).
    style: Style = Style()
    # How many pictures its letters may carry.
    pictures: int = 0
    # How much may be sent, by the provider's rules.
    pace: Pace = Pace()
    # Its messages are named again by later ones: replies, quotes.
    names_earlier: ClassVar[bool] = False
    # Its messages may be written anew or taken back by their authors.
    edited: ClassVar[bool] = False
    # The addresses of its files run out soon: of those that wait, the newest are fetched first.
    links_expire: ClassVar[bool] = False
    # Only what names a message of ours belongs to its case: being in one conversation is not enough.
    is_threaded: ClassVar[bool] = False
    # What others can read may be answered once in private, for so many days: with the officer's own words.
    private_days: float = 0.0
    # Given when the case store is there; None: what should be kept is forgotten with the process.
    memory: Memory | None = None
    # Given with the case store: where nobody can be written to first, letters wait there until the citizen writes.
    chat: "Chat[Any] | None" = None
    # Where providers and citizens reach this instance, without a slash at its end; given before anything is sent.
    public_url: str = ""
    # Given with the seal: what it makes of bytes, nobody without this instance's key can make. None: there is no seal.
    mark: Callable[[bytes], bytes] | None = None
    # Given with the case store: what closes what a channel keeps that is nobody else's business. None: there is none.
    seal: Seal | None = None
    # The business clock, given with the case store: some channels may be answered only for so long.
    clock: Clock = staticmethod(machine_clock)

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

    def spent(self) -> tuple[float, float] | None:
        """Returns what its provider charges for this month, all processes together, and what it may cost (0: as much as
        it likes), in dollars; None: nothing is charged. Called in a thread; raises `Unavailable`."""
        return None

    def locator(self) -> Locator | None:
        """Returns what knows where attachments are; None: their places are addresses that anybody may ask."""
        return None

    def announcer(self) -> Announcer | None:
        """Returns what posts for everybody who follows an account; None: this channel cannot, set up or not."""
        return None

    def parser(self) -> Callable[[Arrival], Message] | None:
        """Returns what reads arrivals that were made durable as they came; None: they all carry their message."""
        return None

    def opener(self) -> Callable[[bytes], Callable[[str], bytes]] | None:
        """Returns what opens a raw payload and gives the attachments that lie in it, by their `place` ("raw:2"); None:
        there are none in it."""
        return None

    def as_file(self) -> Callable[[Reply], bytes] | None:
        """Returns what writes a reply as this channel's own kind of file too, where replies go to files; None: none."""
        return None


class Webhook(Connector[S]):
    """A channel whose provider calls us by POST; a GET is answered by `challenge`."""

    most_bytes: ClassVar[int] = 1_048_576
    # Who waits no longer than that is answered by then, whatever the stores do; 0: they wait as long as it takes.
    answer_seconds: ClassVar[float] = 0.0

    @abstractmethod
    def verify(self, request: Request, *, now: float) -> None:
        """Raises `Forged` unless the provider made this request; `now` is the machine's Unix time in seconds."""

    @abstractmethod
    def parse(self, request: Request) -> list[Message]:
        """Returns the messages in an authentic request, `id` left ""; raises `Rejected` when it is none. Pure."""

    def pieces(self, request: Request, messages: Sequence[Message]) -> Sequence[bytes] | None:
        """Returns for each of several messages its own part of the payload; None: each is kept with the whole."""
        return None

    def acknowledge(self) -> Response:
        """What the provider is told when all messages are durable."""
        return Response()

    def thanks(self, request: Request, messages: Sequence[Message]) -> Response | None:
        """What it is told instead where that depends on the request; None: `acknowledge` says it."""
        return None

    async def told(self, request: Request, messages: Sequence[Message], seconds: float) -> Response | None:
        """As `thanks`, with so many seconds to look for something better; asked where `answer_seconds` are few."""
        return self.thanks(request, messages)

    def apology(self) -> Response | None:
        """What a provider that never tries again is told when nothing can be taken now; None: 503, as all others."""
        return None

    def late(self) -> Response | None:
        """What it is told when its time is over and nobody knows yet whether the messages are durable."""
        return self.apology()

    def spoken(self, words: Words) -> Spoken:
        """Returns the request that the provider would make, signed as it signs. Raises `ConfigError`."""
        raise ConfigError(f"--channel {self.name}: send cannot speak for it")

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

    def parser(self) -> Callable[[Arrival], Message] | None:
        return self.parse


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """How far a poller has got, and how long it need not ask again."""

    place: str
    wait_seconds: float = 0.0
    # What an operator has to know though it goes on, e.g. one of several accounts is refused; "" for nothing.
    note: str = ""


class Poller(Connector[S]):
    """A channel that is asked for messages, by one process at a time."""

    # Longest that one `ask` may take; whoever takes longer loses its turn.
    turn_seconds: ClassVar[float] = 90.0

    @property
    def polls(self) -> bool:
        """Whether it is to be asked: some providers can call us instead."""
        return True

    @property
    def whom(self) -> str:
        """Whom it asks, as the start says it."""
        return str(getattr(self.settings, "api_url", "")) or self.name

    @abstractmethod
    async def ask(self, place: str, accept: Accept, clock: Clock) -> Asked:
        """Asks once, makes what came durable by `accept`, and only then returns the new place ("" at the very first).

        Whatever was accepted after a place may come again: messages are known by their native ids. Raises
        `Unavailable` (asked again later, from the same place) or `Rejected` (nothing comes before an operator acts).
        """

    async def close(self) -> None:  # most hold nothing open
        """Lets go of connections."""
