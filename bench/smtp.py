"""Mail at the door and in the worker: ours beside a bare aiosmtpd that only counts, and beside the standard parser.

Ours includes everything that 250 promises: identity, sealing and the fsynced log of the embedded stream.
"""

import asyncio
import base64
import email
import email.policy
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
from pathlib import Path
from statistics import median
from typing import Any

import uvloop
from aiosmtpd.smtp import SMTP

from connectors.email import Email, EmailSettings
from core.message import Envelope
from core.wire import Seal
from pipeline.flow import door
from streams.base import INBOUND
from streams.embedded import Embedded

TO = "minwon@eungdapso.example"
SESSIONS = 20
SECONDS = 3.0
ROUNDS = 3
_WORDS = "강남구 역삼동 골목에 쓰레기 무단투기가 심합니다. 단속해 주시고 언제 치우는지 알려 주세요.\n"


def rows() -> list[dict[str, Any]]:
    """Returns the rows of this suite."""
    reused, fresh = _door(reused=True), _door(reused=False)
    return [
        _row("mail taken, 20 sessions, reused connections", *reused, "peer: bare aiosmtpd that only counts; aim 0.8"),
        _row("mail taken, 20 sessions, a new one each", *fresh, "peer: bare aiosmtpd that only counts"),
        _row("mail read to a message, 5 kB, text and HTML", *_reading(), "peer: email.policy.default, parts decoded"),
    ]


def _row(what: str, ours: float, peer: float, note: str) -> dict[str, Any]:
    ratio = ours / peer if peer else None
    return {"what": what, "ours": ours, "peer": peer, "limit": None, "unit": "mails/s", "ratio": ratio, "note": note}


def _door(*, reused: bool) -> tuple[float, float]:
    """Returns the median rates of both servers, measured by turns."""
    with tempfile.TemporaryDirectory() as folder, _Served("ours", folder) as ours, _Served("bare", folder) as bare:
        rates = [[uvloop.run(_load(port, reused=reused)) for port in (ours, bare)] for _ in range(ROUNDS)]
    return median(own for own, _ in rates), median(other for _, other in rates)


def _reading() -> tuple[float, float]:
    raw = _mail(0)
    connector = Email("email", EmailSettings(addresses=(TO,)))
    arrival = connector.arrival(raw, Envelope(sender="a@example.kr", recipients=(TO,)), datetime.now(UTC))
    return _rate(lambda: connector.parse(arrival)), _rate(lambda: _read_by_standard(raw))


def _read_by_standard(raw: bytes) -> list[Any]:
    mail = email.message_from_bytes(raw, policy=email.policy.default)
    heads = [str(mail[name]) for name in ("From", "To", "Subject", "Date", "Message-ID")]
    return heads + [part.get_content() for part in mail.walk() if not part.is_multipart()]


def _rate(work: Callable[[], object]) -> float:
    rates = []
    for _ in range(5):
        begun, done = time.perf_counter(), 0
        while time.perf_counter() - begun < 0.3:
            work()
            done += 1
        rates.append(done / (time.perf_counter() - begun))
    return median(rates)


def _mail(number: int) -> bytes:
    """Returns a mail of about 5 kB, each with another Message-ID."""
    mail = MIMEMultipart("alternative", boundary="=_bench")
    mail["From"] = "=?utf-8?b?" + base64.b64encode("시민".encode()).decode() + "?= <a@example.kr>"
    mail["To"] = TO
    mail["Subject"] = "쓰레기 무단투기 신고합니다"
    mail["Date"] = "Fri, 20 Nov 2026 10:00:00 +0900"
    mail["Message-ID"] = f"<{number}.{time.time_ns()}@example.kr>"
    mail.attach(MIMEText(_WORDS * 12, "plain", "utf-8"))
    mail.attach(MIMEText("<html><body><p>" + "</p><p>".join([_WORDS] * 12) + "</p></body></html>", "html", "utf-8"))
    return mail.as_bytes().replace(b"\n", b"\r\n")


class _Served:
    """One of the servers in a process of its own."""

    def __init__(self, which: str, folder: str) -> None:
        self._command = [sys.executable, "-m", "bench.smtp", which, folder]
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> int:
        self._process = subprocess.Popen(self._command, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        return int(self._process.stdout.readline())

    def __exit__(self, *_: object) -> None:
        assert self._process is not None
        assert self._process.stdout is not None
        self._process.terminate()
        self._process.wait(20)
        self._process.stdout.close()


async def _load(port: int, *, reused: bool) -> float:
    """Returns how many mails a second all sessions together had accepted."""
    until = time.perf_counter() + SECONDS
    begun = time.perf_counter()
    counts = await asyncio.gather(*(_session(port, until, number, reused=reused) for number in range(SESSIONS)))
    return sum(counts) / (time.perf_counter() - begun)


async def _session(port: int, until: float, number: int, *, reused: bool) -> int:
    head, _, rest = _mail(number).partition(b"Message-ID: <")
    rest = rest.partition(b">")[2]
    sent = 0
    while time.perf_counter() < until:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        await _answered(reader, b"220")
        await _ask(reader, writer, b"EHLO bench.example\r\n", b"250")
        while time.perf_counter() < until:
            sent += 1
            unique = b"Message-ID: <%d.%d.%d@example.kr>" % (number, sent, time.time_ns())
            await _ask(reader, writer, b"MAIL FROM:<citizen%d@example.kr>\r\n" % number, b"250")
            await _ask(reader, writer, b"RCPT TO:<%s>\r\n" % TO.encode(), b"250")
            await _ask(reader, writer, b"DATA\r\n", b"354")
            await _ask(reader, writer, head + unique + rest + b"\r\n.\r\n", b"250")
            if not reused:
                break
        writer.close()
        await writer.wait_closed()
    return sent


async def _ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, line: bytes, code: bytes) -> None:
    writer.write(line)
    await _answered(reader, code)


async def _answered(reader: asyncio.StreamReader, code: bytes) -> None:
    while True:
        line = await reader.readline()
        if not line.startswith(code):
            raise RuntimeError(f"the server said {line!r}, not {code.decode()}")
        if line[3:4] == b" ":
            return


class _Counting:
    """The bare handler."""

    def __init__(self) -> None:
        self.count = 0

    async def handle_DATA(self, *_: object) -> str:  # noqa: N802 -- aiosmtpd's name
        self.count += 1
        return "250 OK"


async def _serve_bare(_folder: Path) -> None:
    handler = _Counting()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: SMTP(handler, enable_SMTPUTF8=True, hostname="bench", loop=loop), "127.0.0.1", 0
    )
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.create_future()


async def _serve_ours(folder: Path) -> None:
    stream = Embedded(folder / "log.db", groups={INBOUND: ["router"]}, lag_limit=100_000_000)
    await stream.start()
    connector = Email("email", EmailSettings(addresses=(TO,), port=0))
    accept = door(stream, Seal(bytes(32)))
    await connector.serve(accept, lambda: datetime.now(UTC), lambda at: print(at.rpartition(":")[2], flush=True))


_SERVERS: dict[str, Callable[[Path], Awaitable[None]]] = {"ours": _serve_ours, "bare": _serve_bare}


def main() -> None:
    async def serve() -> None:
        await _SERVERS[sys.argv[1]](Path(sys.argv[2]))

    uvloop.run(serve())


if __name__ == "__main__":
    main()
