"""How many processes send, so that each keeps to its part of what a provider takes from all of them together."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Protocol

import msgspec

from core import telemetry
from core.clock import Clock
from core.errors import Unavailable
from core.ids import uuid7

_NAME = "senders"
_BEAT_SECONDS = 10.0
# Who was not heard for so long is gone: its part is the others'.
_GONE_AFTER = timedelta(seconds=35)


class Memory(Protocol):
    """What all processes share (`cases.places.Places`)."""

    def change(self, name: str, how: Callable[[str], str]) -> str: ...


class Shares:
    """Says now and then that this process sends, and counts who says so.

    A process that comes counts itself before it sends; the others notice within ten seconds, and that one is gone,
    within half a minute. Until then more may go than the provider takes, and it says so itself (429), or less.
    """

    def __init__(self, memory: Memory, machine: Clock) -> None:
        self._memory = memory
        self._machine = machine
        self._me = uuid7()
        self.count = 1

    def beat(self) -> int:
        """Says that this process sends; returns how many do. Raises `Unavailable`; for a thread."""
        return self._say(self._machine())

    def leave(self) -> None:
        """Gives this process's part to the others at once; for a thread."""
        with suppress(Unavailable):
            self._say(None)

    async def watch(self) -> None:
        while True:
            try:
                await asyncio.to_thread(self.beat)
            except Unavailable as error:
                telemetry.waiting(part="shares", reason=error.reason, seconds=_BEAT_SECONDS)
            await asyncio.sleep(_BEAT_SECONDS)

    def _say(self, at: datetime | None) -> int:
        now = self._machine()

        def said(text: str) -> str:
            heard = {who: when for who, when in _read(text).items() if now - when < _GONE_AFTER and who != self._me}
            return msgspec.json.encode(heard | ({self._me: at} if at else {})).decode()

        self.count = max(1, len(_read(self._memory.change(_NAME, said))))
        return self.count


def _read(text: str) -> dict[str, datetime]:
    try:
        return msgspec.json.decode(text, type=dict[str, datetime]) if text else {}
    except (msgspec.DecodeError, ValueError):
        return {}
