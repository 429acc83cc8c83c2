"""The SMS hook at 32 connections, beside the smallest protocol server that verifies and decodes the same requests.

The limit is written by hand on uvloop and httptools, without ASGI, bounds, message, identity or durability: once
with what Python brings along (`parse_qsl`, `hmac`), once with the connector's own form reader, which is faster. All
servers run in processes of their own and take turns, so that a busy moment of the machine hits them alike.
"""

import asyncio
import hmac
import os
import random
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode

import httptools
import uvloop

from connectors._twilio_form import read_form, sign

CONNECTIONS = 32
PUBLIC_URL = "https://eungdapso.example"
TOKEN = "bench-token"
_PATH = "/hooks/sms"
_SEPARATOR = b"\0"
_ROOT = Path(__file__).resolve().parent.parent
_YES = b"HTTP/1.1 200 OK\r\ncontent-type: text/xml\r\ncontent-length: 11\r\n\r\n<Response/>"
_NO = b"HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\n\r\n"
_STREETS = ("역삼동 골목", "화곡동 놀이터 앞", "신림동 버스정류장", "연남동 공원 입구", "창동역 2번 출구")
_MATTERS = ("쓰레기 무단투기가 심해요 단속해주세요", "가로등이 꺼져서 무섭습니다", "불법주차 때문에 나갈 수가 없습니다")
_WRK = """
local all = {}
local at = 0
function init(args)
  local file = io.open(args[1], "rb")
  for one in string.gmatch(file:read("*a"), "[^%z]+") do all[#all + 1] = one end
  file:close()
end
function request()
  at = at % #all + 1
  return all[at]
end
"""


def rows(*, seconds: int = 3, rounds: int = 3, count: int = 60_000) -> list[dict[str, Any]]:
    """Returns the hook with the durable log behind it, and alone, each against the hand-written server."""
    taken: dict[str, list[tuple[float, float]]] = {kind: [] for kind in ("smallest", "quick", "durable", "alone")}
    with tempfile.TemporaryDirectory(prefix="eungdapso-bench-") as name:
        folder = Path(name)
        (folder / "requests").write_bytes(_SEPARATOR.join(_requests(count)))
        for turn in range(rounds):
            for kind, measured in taken.items():
                measured.append(_measured(kind, folder / f"{kind}-{turn}", folder / "requests", seconds))
    rates = {kind: statistics.median(rate for rate, _ in measured) for kind, measured in taken.items()}
    costs = {kind: statistics.median(cost for _, cost in measured) * 1e6 for kind, measured in taken.items()}
    return [
        _row("SMS hook, durable before yes; limit: smallest server by hand", "durable", "smallest", rates, costs),
        _row("SMS hook, durable before yes; limit: by hand with our form reader", "durable", "quick", rates, costs),
        _row("SMS hook without the log; limit: smallest server by hand", "alone", "smallest", rates, costs),
    ]


def _row(what: str, kind: str, limit: str, rates: dict[str, float], costs: dict[str, float]) -> dict[str, Any]:
    by = "wrk" if shutil.which("wrk") else "our own generator"
    return {
        "what": what,
        "ours": rates[kind],
        "peer": None,
        "limit": rates[limit],
        "unit": f"requests/s, {CONNECTIONS} connections",
        "ratio": rates[kind] / rates[limit],
        "note": f"{costs[kind]:.0f} against {costs[limit]:.0f} us of CPU a request; load by {by}",
    }


def _measured(kind: str, folder: Path, requests: Path, seconds: int) -> tuple[float, float]:
    """Returns requests a second and the server's CPU seconds for one request."""
    folder.mkdir()
    with _server(kind, folder) as (port, pid):
        load = _by_wrk if shutil.which("wrk") else _by_ourselves
        load(port, requests, 1)
        cpu, begun = _cpu_seconds(pid), time.perf_counter()
        answered = load(port, requests, seconds)
        took = time.perf_counter() - begun
        return answered / min(took, seconds * 1.1), (_cpu_seconds(pid) - cpu) / max(answered, 1)


@contextmanager
def _server(kind: str, folder: Path) -> Iterator[tuple[int, int]]:
    command = [sys.executable, "-m", "bench.hook", kind, str(folder)]
    with subprocess.Popen(command, cwd=_ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            port = process.stdout.readline().strip()
            if not port:
                raise RuntimeError(f"the server '{kind}' does not start")
            yield int(port), process.pid
        finally:
            process.kill()


def _cpu_seconds(pid: int) -> float:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    except FileNotFoundError:
        return float("nan")
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _by_wrk(port: int, requests: Path, seconds: int) -> int:
    script = requests.with_name("requests.lua")
    script.write_text(_WRK, encoding="ascii")
    url = f"http://127.0.0.1:{port}{_PATH}"
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "-s", str(script), url, "--", str(requests)]
    said = subprocess.run(command, capture_output=True, text=True, check=True, timeout=seconds + 30).stdout
    found = re.search(r"(\d+) requests in", said)
    if found is None or "Non-2xx" in said:
        raise RuntimeError(f"the server refused requests: {said}")
    return int(found[1])


def _by_ourselves(port: int, requests: Path, seconds: int) -> int:
    return uvloop.run(_ask(port, requests.read_bytes().split(_SEPARATOR), seconds))


async def _ask(port: int, requests: Sequence[bytes], seconds: int) -> int:
    loop, askers = asyncio.get_running_loop(), []
    for place in range(CONNECTIONS):
        _, asker = await loop.create_connection(partial(_Asker, requests[place::CONNECTIONS]), "127.0.0.1", port)
        askers.append(asker)
    await asyncio.sleep(seconds)
    if any(asker.refused for asker in askers):
        raise RuntimeError("the server refused requests")
    return sum(asker.answered for asker in askers)


class _Asker(asyncio.Protocol):
    """One connection that asks again as soon as it is answered; answers are small and come in one piece."""

    def __init__(self, requests: Sequence[bytes]) -> None:
        self._requests = requests
        self.answered = self.refused = 0

    # uvloop's transports are of no class that asyncio knows.
    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        transport.write(self._requests[0])

    def data_received(self, data: bytes) -> None:
        if not data.endswith(b"<Response/>"):
            self.refused += not data.startswith(b"HTTP/1.1 200")
            return
        self.answered += 1
        self._transport.write(self._requests[self.answered % len(self._requests)])


def _requests(count: int) -> list[bytes]:
    """Returns different requests with all the fields that Twilio sends."""
    chosen = random.Random(7)
    return [_request(chosen, number) for number in range(count)]


def _request(chosen: random.Random, number: int) -> bytes:
    sid = f"SM{number:032x}"
    places = {f"{side}{part}": "" for side in ("From", "To") for part in ("City", "State", "Zip")}
    fields = {
        **places,
        "AccountSid": "AC" + "0" * 32,
        "ApiVersion": "2010-04-01",
        "Body": f"{chosen.choice(_STREETS)} {number}번지 {chosen.choice(_MATTERS)}",
        "From": f"+8210{number:08d}",
        "FromCountry": "KR",
        "MessageSid": sid,
        "NumMedia": "0",
        "NumSegments": "1",
        "SmsMessageSid": sid,
        "SmsSid": sid,
        "SmsStatus": "received",
        "To": "+8220000120",
        "ToCountry": "KR",
    }
    body = urlencode(fields).encode()
    signature = sign(TOKEN.encode(), PUBLIC_URL + _PATH, read_form(body).signed)
    head = (
        b"POST /hooks/sms HTTP/1.1\r\nHost: eungdapso.example\r\nUser-Agent: TwilioProxy/1.1\r\nAccept: */*\r\n"
        b"Content-Type: application/x-www-form-urlencoded; charset=UTF-8\r\nI-Twilio-Idempotency-Token: %s\r\n"
        b"X-Twilio-Signature: %s\r\nContent-Length: %d\r\n\r\n"
    )
    return head % (sid.encode(), signature, len(body)) + body


class _ByHand(asyncio.Protocol):
    """Parses HTTP, verifies, decodes, keeps the last ones, says yes."""

    def __init__(self, read: Callable[[bytes], tuple[dict[str, str], bytes]]) -> None:
        self._read = read
        self._kept: deque[tuple[str, str, str]] = deque(maxlen=1000)

    # uvloop's transports are of no class that asyncio knows.
    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        self._parser = httptools.HttpRequestParser(self)

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_message_begin(self) -> None:
        self._url, self._signature, self._body = b"", b"", b""

    def on_url(self, url: bytes) -> None:
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        if name.lower() == b"x-twilio-signature":
            self._signature = value

    def on_body(self, chunk: bytes) -> None:
        self._body += chunk

    def on_message_complete(self) -> None:
        fields, signed = self._read(self._body)
        expected = sign(TOKEN.encode(), PUBLIC_URL + self._url.decode(), signed)
        if not hmac.compare_digest(expected, self._signature):
            self._transport.write(_NO)
            return
        self._kept.append((fields["MessageSid"], fields["From"], fields["Body"]))
        self._transport.write(_YES)


def _read_plainly(body: bytes) -> tuple[dict[str, str], bytes]:
    fields = dict(parse_qsl(body.decode(), keep_blank_values=True))
    return fields, "".join([name + fields[name] for name in sorted(fields)]).encode()


def _read_as_ours(body: bytes) -> tuple[dict[str, str], bytes]:
    form = read_form(body)
    return dict(form.fields), form.signed


async def _serve_by_hand(listening: socket.socket, kind: str) -> None:
    read = _read_plainly if kind == "smallest" else _read_as_ours
    server = await asyncio.get_running_loop().create_server(lambda: _ByHand(read), sock=listening)
    await server.serve_forever()


async def _serve_ours(listening: socket.socket, folder: Path, *, durable: bool) -> None:
    import uvicorn

    from connectors.sms import Sms, SmsSettings
    from core.clock import machine_clock
    from web.hooks import Hooks

    sms = Sms("sms", SmsSettings(), environment={"EUNGDAPSO_SMS_TOKEN": TOKEN})
    accept = await _door(folder) if durable else _forget
    hooks = Hooks({"sms": sms}, accept, machine_clock, PUBLIC_URL)
    config = uvicorn.Config(
        hooks,
        loop="none",
        http="httptools",
        ws="none",
        lifespan="off",
        access_log=False,
        log_config=None,
        proxy_headers=False,
    )
    await uvicorn.Server(config).serve(sockets=[listening])


async def _forget(_: object) -> None:
    return


async def _door(folder: Path) -> Any:
    from core.wire import KEY_BYTES, Seal
    from pipeline.flow import door
    from streams.embedded import Embedded

    # Nobody reads behind it: what is measured is the way in, not the backlog.
    stream = Embedded(folder / "log.sqlite", groups={"inbound": ("router",)}, lag_limit=10**9)
    await stream.start()
    return door(stream, Seal(bytes(KEY_BYTES)))


def main() -> None:
    kind, folder = sys.argv[1], Path(sys.argv[2])
    listening = socket.create_server(("127.0.0.1", 0), backlog=1024)
    print(listening.getsockname()[1], flush=True)
    by_hand = kind in {"smallest", "quick"}
    uvloop.run(
        _serve_by_hand(listening, kind) if by_hand else _serve_ours(listening, folder, durable=kind == "durable")
    )


if __name__ == "__main__":
    main()
