"""Restarts every process of every role, one after the other, while citizens write: `python -m bench.rolling`.

Two of each role on Kafka, PostgreSQL and Elasticsearch of our own. A provider that one door does not answer tries the
other, as a load balancer does. Afterwards the ledgers are compared, and how long each answer took is told.
"""

import argparse
import http.client
import itertools
import secrets
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from rich.console import Console
from rich.table import Table
from sqlalchemy import NullPool, create_engine, text

from bench.faults import started
from bench.instance import SEAL, TOKEN, Instance
from bench.ledger import compare
from bench.live import launcher
from bench.load import request
from bench.texts import texts

_ROLES = ("intake", "router", "sinks", "web")
_SENDERS = 8
_TIMEOUT_SECONDS, _AGAIN_SECONDS = 5, 0.2
_CLEAR_SECONDS = 120
# From the door until what is sent at once has been sent, in seconds.
_DELAYS = """
SELECT (o.sent_at - m.received_at) / 1e6 FROM outbox o JOIN cases c ON c.number = o.number
JOIN messages m ON m.id = c.message WHERE o.sent_at IS NOT NULL AND NOT o.deferred ORDER BY 1
"""


class Fleet:
    """`each` processes of every role; all share engines and key."""

    def __init__(self, folder: Path, each: int) -> None:
        seal = {SEAL: secrets.token_hex(32)}
        self.members = [
            Instance(folder / f"{role}{number}", role=role, name="fleet", extra=seal)
            for role in _ROLES
            for number in range(each)
        ]

    def of(self, role: str) -> list[Instance]:
        return [member for member in self.members if member.role == role]

    def start(self) -> None:
        for place, member in enumerate(self.members):
            member.is_prepared = place > 0
            member.start()

    def stop(self) -> None:
        for member in self.members:
            if member.is_running:
                member.stop()


class Provider:
    """Sends at a rate until told to stop; tries again, at the next door, until it hears yes."""

    def __init__(self, doors: Sequence[Instance], per_second: float) -> None:
        self.acknowledged: list[str] = []
        self.retries = 0
        self._doors = doors
        self._every = _SENDERS / per_second
        self._numbers = itertools.count()
        self._texts = texts(1000)
        self._stop = threading.Event()

    @contextmanager
    def sending(self) -> Iterator[None]:
        senders = [threading.Thread(target=self._send_on) for _ in range(_SENDERS)]
        for sender in senders:
            sender.start()
        try:
            yield
        finally:
            self._stop.set()
            for sender in senders:
                sender.join()

    def _send_on(self) -> None:
        due = time.monotonic()
        while not self._stop.is_set():
            number = next(self._numbers)
            sid = f"SM{number:032d}"
            for place in itertools.count(number):
                if self._is_taken(self._doors[place % len(self._doors)], number, sid):
                    break
                self.retries += 1
                time.sleep(_AGAIN_SECONDS)
            self.acknowledged.append(sid)
            due += self._every
            time.sleep(max(0.0, due - time.monotonic()))

    def _is_taken(self, door: Instance, number: int, sid: str) -> bool:
        said = f"{self._texts[number % len(self._texts)]} {number}"
        head, _, body = request(door.base, TOKEN, sid, f"+8210{number:08d}", said).partition(b"\r\n\r\n")
        headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n")[1:])
        connection = http.client.HTTPConnection("127.0.0.1", door.http, timeout=_TIMEOUT_SECONDS)
        try:
            connection.request("POST", "/hooks/sms", body, headers)
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()


def rolling(folder: Path, *, each: int, per_second: float) -> bool:
    with ExitStack() as stack:
        for name in ("kafka", "postgresql", "elasticsearch"):
            started(stack, launcher(name))
        fleet = Fleet(folder, each)
        stack.callback(fleet.stop)
        fleet.start()
        provider = Provider(fleet.of("intake"), per_second)
        with provider.sending():
            for member in fleet.members:
                stopped, ready = member.stop(), member.start()
                sys.stderr.write(f"{member.folder.name}: stopped in {stopped:.1f} s, ready in {ready:.1f} s\n")
        fleet.of("web")[0].drain(wait_seconds=_CLEAR_SECONDS)
        fleet.stop()
        url = fleet.members[0].cases_url
        verdict = compare(url, folder, provider.acknowledged)
        delays = _delays(url)
        Console(width=100).print(_table(provider, delays))
        print(verdict)
        return verdict.is_clean


def _delays(url: str) -> list[float]:
    engine = create_engine(url, poolclass=NullPool)
    with engine.connect() as database:
        return [float(row[0]) for row in database.execute(text(_DELAYS))]


def _table(provider: Provider, delays: Sequence[float]) -> Table:
    table = Table("what", "figure", title="a rolling restart of every role")
    table.add_row("acknowledged", f"{len(provider.acknowledged):,}")
    table.add_row("tried again at another door", f"{provider.retries:,}")
    for share, name in ((0.5, "median"), (0.99, "99th percentile"), (1.0, "slowest")):
        table.add_row(f"answer or notice sent after, {name}", f"{delays[int(share * (len(delays) - 1))]:.1f} s")
    return table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--each", type=int, default=2, help="processes of each role (2)")
    parser.add_argument("--per-second", type=float, default=50, help="messages a second that are offered (50)")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="eungdapso-rolling-") as folder:
        is_clean = rolling(Path(folder), each=given.each, per_second=given.per_second)
    sys.exit(0 if is_clean else 1)


if __name__ == "__main__":
    main()
