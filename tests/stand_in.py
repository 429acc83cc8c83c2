"""What stands in for a provider: a server on loopback beside a test, which waits in its own thread or loop."""

import asyncio
import re
import threading
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Self

from aiohttp import ClientError, ClientSession, web

from bench.instance import Instance


class StandIn(ABC):
    """`instead` is what the next calls get instead of an answer: a status, "lost" (taken, and the line breaks), or
    "refused" (the line breaks, and nothing is taken)."""

    def __init__(self) -> None:
        self.url = ""
        self.instead: deque[int | str] = deque()

    @abstractmethod
    def routes(self, app: web.Application) -> None:
        """Adds what is answered."""

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[Self]:
        app = web.Application()
        self.routes(app)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        try:
            site = web.TCPSite(runner, "127.0.0.1", 0)
            await site.start()
            self.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
            yield self
        finally:
            await runner.cleanup()

    @contextmanager
    def in_thread(self) -> Iterator[Self]:
        """Listens beside a test that waits for other processes."""
        ready, end = threading.Event(), asyncio.Event()
        loop = asyncio.new_event_loop()

        async def serve() -> None:
            async with self.listening():
                ready.set()
                await end.wait()

        thread = threading.Thread(target=lambda: loop.run_until_complete(serve()))
        thread.start()
        ready.wait(10)
        try:
            yield self
        finally:
            loop.call_soon_threadsafe(end.set)
            thread.join(10)
            loop.close()

    def next_instead(self) -> int | str:
        return self.instead.popleft() if self.instead else 0


def broken(asked: web.Request) -> web.Response:
    """Breaks the line before anything is answered."""
    assert asked.transport is not None
    asked.transport.abort()
    return web.Response()


async def posted(session: ClientSession, url: str, body: bytes, headers: dict[str, str], *, tries: int) -> int:
    """Posts until it is taken; returns the last status, 0 for none."""
    status = 0
    for _ in range(tries):
        try:
            async with session.post(url, data=body, headers=headers) as answer:
                status = answer.status
        except (ClientError, TimeoutError):
            status = 0
        if 200 <= status < 300:
            break
        await asyncio.sleep(0.1)
    return status


@contextmanager
def running(folder: Path, environment: dict[str, str], channel: str, tables: str) -> Iterator[Instance]:
    """A running pipeline; these tables stand in place of the channel's own."""
    instance = Instance(folder, environment)
    written = instance.config.read_text(encoding="utf-8")
    changed = re.sub(rf"(?m)^\[connectors\.{channel}\].*$", lambda _: tables, written)
    instance.config.write_text(changed, encoding="utf-8")
    instance.start()
    try:
        yield instance
    finally:
        instance.stop()
