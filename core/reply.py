"""What flows out: one outgoing message with its unique row, and the proof that it went."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Sequence
from datetime import datetime
from typing import Literal

import msgspec

from core.errors import Rejected, Unavailable, Uncertain

ReplyKind = Literal["answer", "notice", "result", "acknowledgement", "duty", "survey"]


class Style(msgspec.Struct, frozen=True, kw_only=True):
    """How a channel wants to be spoken to. `short`: with the short wording; `link`: a link to the case may stand
    in the text."""

    short: bool = False
    link: bool = True


class Pace(msgspec.Struct, frozen=True, kw_only=True):
    """How much a provider lets us send; 0: as much as we like. `burst` may go at once before the rate counts."""

    a_second: float = 0.0
    burst: int = 1
    # Least time between two messages to the same address.
    each_seconds: float = 0.0
    a_day: int = 0


class Picture(msgspec.Struct, frozen=True, kw_only=True):
    """A photograph that goes with an answer, small enough for whatever carries it."""

    name: str
    media_type: str
    data: bytes


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """An outgoing message: the same `id` for every try. `to` is the plain address, number or id.

    `in_reply_to` and `references` are native ids of the channel (for mail: Message-IDs with angle brackets).
    """

    id: str
    channel: str
    account: str
    to: str
    text: str
    kind: ReplyKind
    case: str
    created_at: datetime
    subject: str = ""
    in_reply_to: str = ""
    references: tuple[str, ...] = ()
    link: str = ""
    # True for what no person wrote: mail then uses the null return path and says Auto-Submitted.
    automatic: bool = True
    # Others can read it where it goes.
    public: bool = False
    # When the citizen wrote last: some channels may be answered only for so long.
    asked_at: datetime | None = None
    # Where the channel takes one answer at once (`core.message.Message.callback`).
    callback: str = ""
    # Only for channels that carry them (`Connector.pictures`).
    pictures: tuple[Picture, ...] = ()
    attempt: int = 1


class Receipt(msgspec.Struct, frozen=True, kw_only=True):
    """Proof of one sent reply: the provider's id for it, the Message-ID, or the file's name."""

    provider_id: str = ""


# What becomes of a reply that was sent together with others.
Verdict = Receipt | Rejected | Unavailable | Uncertain


class Sender(ABC):
    """Takes replies out to one channel.

    `repeatable`: sending the same reply (same id) again leaves the citizen with one message (a file of the same
    name, a mail of the same Message-ID, a provider with an idempotency key).
    `together`: whoever has many replies hands them over at once.
    """

    repeatable: bool = False
    together: bool = False

    @abstractmethod
    async def send(self, reply: Reply) -> Receipt:
        """Raises `Rejected` (never works), `Unavailable` (nothing was sent, try later) or `Uncertain`."""

    async def find(self, reply: Reply) -> Receipt | None:
        """Returns the proof that this reply was sent before, None when it surely was not; raises `Uncertain`."""
        raise Uncertain("this channel cannot be asked what became of a message")

    async def send_all(self, replies: Sequence[Reply]) -> list[Verdict]:
        """Sends these side by side; returns for each, in order, its proof or why there is none.

        A channel for which many together cost less than one by one says `together` and has its own.
        """
        return list(await asyncio.gather(*(self._verdict(reply) for reply in replies)))

    async def _verdict(self, reply: Reply) -> Verdict:
        try:
            return await self.send(reply)
        except (Rejected, Unavailable, Uncertain) as error:
            return error

    def is_back(self) -> bool:
        """Whether the provider was away and works again, said once: what waits for it may go now."""
        return False

    async def close(self) -> None:  # noqa: B027  # most channels hold nothing open
        """Lets go of connections."""
