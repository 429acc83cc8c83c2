"""Keeps a channel's measure: no more than its provider takes, and one at a time as long as it fails."""

import asyncio
import time
from collections.abc import Callable
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

from core import telemetry
from core.errors import Rejected, Unavailable, Uncertain, Waits
from core.reply import Pace, Receipt, Reply, Sender
from sinks._turns import Turns

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

# How long a message waits here for room before it goes back to the outbox.
_ROOM_SECONDS = 2.0


def alone() -> int:
    """Nobody else sends."""
    return 1


class Paced(Sender):
    """A sender that is asked no oftener than `pace` says, by `share` processes together.

    What has to wait raises `Waits`: nothing was asked of the provider, and the outbox brings it again. A provider's
    Retry-After holds the whole channel; one that fails several times in a row, or does not answer, is asked by one
    message at a time, less and less often, until it is back. `degraded` tells for as long.
    """

    def __init__(
        self,
        name: str,
        sender: Sender,
        pace: Pace,
        *,
        ticks: Callable[[], float] = time.monotonic,
        degraded: dict[str, str] | None = None,
        share: Callable[[], int] = alone,
    ) -> None:
        self.repeatable = sender.repeatable
        self._name = name
        self._sender = sender
        self._turns = Turns(pace)
        self._share = share
        self._ticks = ticks
        self._degraded = {} if degraded is None else degraded
        self._moved = asyncio.Event()
        self._is_back = False

    @property
    def trouble(self) -> str:
        """Why the provider is left alone now, "" while it is not."""
        return self._turns.why

    async def send(self, reply: Reply) -> Receipt:
        await self._room()
        self._turns.divide(self._share())
        self._turns.take(reply.id, reply.to, self._ticks())
        async with self._watched():
            return await self._sender.send(reply)

    async def find(self, reply: Reply) -> Receipt | None:
        # Not held back: whoever is told to wait here would be sent later without having been looked for.
        return await self._sender.find(reply)

    def is_back(self) -> bool:
        is_back, self._is_back = self._is_back, False
        return is_back

    async def close(self) -> None:
        await self._sender.close()

    async def _room(self) -> None:
        """Waits a little while enough are on their way; of one that is away nobody waits for the end."""
        with suppress(TimeoutError):
            async with asyncio.timeout(_ROOM_SECONDS):
                while not (self._turns.has_room or self._turns.is_away):
                    self._moved.clear()
                    await self._moved.wait()

    @asynccontextmanager
    async def _watched(self) -> "AsyncIterator[None]":
        """Learns from what becomes of one message."""
        try:
            yield
        except Waits:
            # The channel has a finer measure of its own, such as one for each account: nothing was asked.
            raise
        except Rejected:
            self._worked()
            raise
        except Unavailable as error:
            self._failed(error.retry_after_seconds, error.reason)
            raise
        except (Uncertain, asyncio.CancelledError) as error:
            self._failed(None, str(error) or "no answer in time")
            raise
        else:
            self._worked()
        finally:
            self._turns.ended()
            self._moved.set()

    def _worked(self) -> None:
        if self._turns.why:
            self._is_back = True
            telemetry.recovered(part=f"replies.{self._name}")
            self._degraded.pop(f"replies.{self._name}", None)
        self._turns.worked()
        telemetry.left_alone(channel=self._name, seconds=0)

    def _failed(self, wish: float | None, reason: str) -> None:
        seconds = self._turns.failed(self._ticks(), wish, reason)
        if seconds:
            telemetry.waiting(part=f"replies.{self._name}", reason=reason, seconds=seconds)
            telemetry.left_alone(channel=self._name, seconds=seconds)
            self._degraded[f"replies.{self._name}"] = f"not sent by it for {seconds:.0f} s: {reason}"
