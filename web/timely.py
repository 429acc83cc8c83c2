"""HTTP connections that must get to the point: a request's head is bounded in time and size."""

import asyncio
from typing import ClassVar

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol


class Timely(HttpToolsProtocol):
    """Closes a connection whose request's head has not come within `head_seconds`, or is larger than `head_bytes`:
    half requests would else hold a connection each for ever, until there is none left for anybody."""

    head_seconds: ClassVar[float] = 20.0
    head_bytes: ClassVar[int] = 131_072

    _timer: asyncio.TimerHandle | None = None
    _is_in_head = True
    _bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as the parent
        super().connection_made(transport)
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        self._wait_no_more()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if not self._is_in_head:
            self._wait_no_more()
            return
        self._bytes += len(data)
        if self._bytes > self.head_bytes:
            self.transport.abort()
        elif self._timer is None:
            self._wait()

    def on_message_begin(self) -> None:
        self._is_in_head = True
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._is_in_head = False
        self._bytes = 0
        super().on_headers_complete()

    def _wait(self) -> None:
        self._timer = self.loop.call_later(self.head_seconds, self.transport.abort)

    def _wait_no_more(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
