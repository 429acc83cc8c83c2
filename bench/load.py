"""An open-loop load generator for the SMS hook: requests leave at a fixed rate whether or not answers come."""

import asyncio
import hmac
import time
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

ACCOUNT = "+8225550120"


@dataclass
class Report:
    """`seconds` of each acknowledgement, counted from the moment the request was due to leave."""

    seconds: list[float] = field(default_factory=list)
    acknowledged: list[str] = field(default_factory=list)
    refused: int = 0

    def percentile(self, share: float) -> float:
        ordered = sorted(self.seconds)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else float("nan")


def request(base: str, token: str, sid: str, sender: str, text: str) -> bytes:
    """Returns one signed request as Twilio sends it."""
    fields = {
        "AccountSid": "AC" + "0" * 32,
        "ApiVersion": "2010-04-01",
        "Body": text,
        "From": sender,
        "MessageSid": sid,
        "NumMedia": "0",
        "SmsStatus": "received",
        "To": ACCOUNT,
    }
    url = f"{base}/hooks/sms"
    signed = url + "".join(name + fields[name] for name in sorted(fields))
    signature = b64encode(hmac.digest(token.encode(), signed.encode(), "sha1")).decode()
    body = urlencode(fields).encode()
    head = (
        f"POST /hooks/sms HTTP/1.1\r\nHost: {base.partition('//')[2]}\r\nX-Twilio-Signature: {signature}\r\n"
        f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


class _Connection(asyncio.Protocol):
    """One kept-alive connection; answers come in the order of the requests."""

    def __init__(self, report: Report, free: asyncio.Queue["_Connection"]) -> None:
        self._report = report
        self._free = free
        self._due = 0.0
        self._sid = ""
        self._buffer = b""
        self.transport: Any = None
        self.is_waiting = False

    def connection_made(self, transport: Any) -> None:
        # uvloop's transports are no asyncio.Transport, though they do the same.
        self.transport = transport

    def ask(self, due: float, sid: str, payload: bytes) -> None:
        assert self.transport is not None
        self._due, self._sid, self.is_waiting = due, sid, True
        self.transport.write(payload)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, end, body = self._buffer.partition(b"\r\n\r\n")
        if not end or len(body) < _length(head):
            return
        self._buffer = b""
        self.is_waiting = False
        if head.startswith(b"HTTP/1.1 200"):
            self._report.seconds.append(time.perf_counter() - self._due)
            self._report.acknowledged.append(self._sid)
        else:
            self._report.refused += 1
        self._free.put_nowait(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self.transport = None
        self.is_waiting = False
        # Whoever waits for a free connection sees that there are none any more.
        self._free.put_nowait(self)


def _length(head: bytes) -> int:
    for line in head.split(b"\r\n"):
        if line[:15].lower() == b"content-length:":
            return int(line[15:])
    return 0


async def offer(
    port: int, requests: Sequence[tuple[str, bytes]], *, per_second: float, connections: int = 64
) -> Report:
    """Sends every request at its time; returns when all are answered or the connections are gone."""
    loop = asyncio.get_running_loop()
    report = Report()
    free: asyncio.Queue[_Connection] = asyncio.Queue()
    made = []
    for _ in range(connections):
        _, connection = await loop.create_connection(lambda: _Connection(report, free), "127.0.0.1", port)
        made.append(connection)
        free.put_nowait(connection)
    begun = time.perf_counter()
    for place, (sid, payload) in enumerate(requests):
        due = begun + place / per_second
        ahead = due - time.perf_counter()
        if ahead > 0.001:
            await asyncio.sleep(ahead)
        connection = await free.get()
        if connection.transport is None:
            break
        connection.ask(due, sid, payload)
    await _settled(made)
    for connection in made:
        if connection.transport is not None:
            connection.transport.close()
    return report


async def _settled(made: Sequence[_Connection]) -> None:
    """Waits until every request that left is answered, or its connection gone."""
    deadline = time.perf_counter() + 10
    while any(connection.is_waiting for connection in made) and time.perf_counter() < deadline:
        await asyncio.sleep(0.01)
