"""A TCP proxy on loopback that can fall silent, as a network does that carries nothing any more."""

import asyncio
import threading
from contextlib import suppress

_CHUNK = 64 * 1024


class Proxy:
    """Forwards to `target` from `port`, in a thread of its own, until `stop`."""

    def __init__(self, port: int, target: int) -> None:
        self._port = port
        self._target = target
        self._loop = asyncio.new_event_loop()
        self._carries = asyncio.Event()
        self._carries.set()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=(self._serve(),), daemon=True)

    def start(self) -> None:
        self._thread.start()
        self._ready.wait()

    def pause(self) -> None:
        """Nothing passes; connections stay, new ones are taken and hear nothing."""
        self._loop.call_soon_threadsafe(self._carries.clear)

    def resume(self) -> None:
        self._loop.call_soon_threadsafe(self._carries.set)

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join()

    async def _serve(self) -> None:
        self._end = asyncio.Event()
        server = await asyncio.start_server(self._connected, "127.0.0.1", self._port)
        self._ready.set()
        await self._end.wait()
        server.close()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            theirs, ours = await asyncio.open_connection("127.0.0.1", self._target)
            await asyncio.gather(self._carry(reader, ours), self._carry(theirs, writer))
        writer.close()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(_CHUNK):
                await self._carries.wait()
                writer.write(data)
                await writer.drain()
        writer.close()
