"""Calls that come again, doubled and in any order, by many connections, to an instance that may be gone for a while."""

import asyncio
import contextlib
import random
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from bench._channels_said import Call, Providers

_ANSWER_SECONDS = 30.0
# As patient as a provider would be, in a hurry.
_AGAIN_SECONDS = 0.2
# What is sent in one go meets no more than this many neighbours on its way: some of it is on its way twice at once.
_NEIGHBOURS = 8


@dataclass
class Tally:
    """What was said to the calls of each channel: yes, try again (503), nothing at all, anything else."""

    calls: Counter[str] = field(default_factory=Counter)
    again: Counter[str] = field(default_factory=Counter)
    silent: Counter[str] = field(default_factory=Counter)
    others: list[tuple[str, int, bytes]] = field(default_factory=list)
    acknowledged: set[str] = field(default_factory=set)


def shuffled(calls: Sequence[Call], chosen: random.Random) -> list[Call]:
    """Returns each call one to four times in any order; of some the copies leave right after one another."""
    places: list[tuple[float, Call]] = []
    for call in calls:
        at = chosen.random() * len(calls)
        for _ in range(chosen.randint(1, 4)):
            places.append((at, call))
            is_close = chosen.random() < 0.4
            at = at + chosen.random() * _NEIGHBOURS if is_close else chosen.random() * len(calls)
    places.sort(key=lambda place: place[0])
    return [call for _, call in places]


class Storm:
    """Offers calls until each was told yes as often as it was to be sent; every other answer makes it come again."""

    def __init__(self, providers: Providers, tally: Tally, seen: Callable[[], None]) -> None:
        self._providers = providers
        self._port = providers.instance.http
        self._tally = tally
        self._seen = seen
        self._waiting: deque[Call] = deque()
        self._open = 0

    async def offer(self, calls: Sequence[Call], *, connections: int, kill_after: int = 0) -> None:
        """Returns when all were told yes. After so many answers the instance is killed and started again; 0: never."""
        self._waiting.extend(calls)
        self._open = len(calls)
        killing_at = self._open - kill_after if kill_after else -1
        async with asyncio.TaskGroup() as group:
            for _ in range(connections):
                group.create_task(self._connection())
            if killing_at >= 0:
                group.create_task(self._kill(killing_at))

    async def _kill(self, left: int) -> None:
        while self._open > left:
            await asyncio.sleep(0.005)
        await asyncio.to_thread(self._providers.instance.kill)
        await asyncio.to_thread(self._providers.instance.start)

    async def _connection(self) -> None:
        line: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        while self._open:
            if not self._waiting:
                await asyncio.sleep(0.01)
                continue
            call = self._waiting.popleft()
            line = line or await self._connected()
            try:
                status, body = await _asked(*line, call.octets)
            except (OSError, asyncio.IncompleteReadError, TimeoutError):
                _closed(line)
                line, status, body = None, 0, b""
            await self._learned(call, status, body)
        _closed(line)

    async def _connected(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Returns a connection, as soon as somebody listens."""
        while True:
            with contextlib.suppress(OSError):
                return await asyncio.open_connection("127.0.0.1", self._port)
            await asyncio.sleep(_AGAIN_SECONDS)

    async def _learned(self, call: Call, status: int, body: bytes) -> None:
        self._tally.calls[call.channel] += 1
        if self._providers.is_yes(call.channel, status, body):
            self._tally.acknowledged.update(call.native_ids)
            self._open -= 1
        elif status and status != 503 and not 200 <= status < 300:
            # Nobody sends it again: it was refused for good.
            self._tally.others.append((call.channel, status, body[:200]))
            self._open -= 1
        else:
            (self._tally.again if status else self._tally.silent)[call.channel] += 1
            self._waiting.append(call)
            await asyncio.sleep(_AGAIN_SECONDS)
        self._seen()


async def _asked(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, octets: bytes) -> tuple[int, bytes]:
    async with asyncio.timeout(_ANSWER_SECONDS):
        writer.write(octets)
        head = await reader.readuntil(b"\r\n\r\n")
        fields = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:-2])
        return int(head[9:12]), await reader.readexactly(int(fields.get(b"content-length", b"0")))


def _closed(line: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None) -> None:
    if line is not None:
        with contextlib.suppress(OSError):
            line[1].close()
