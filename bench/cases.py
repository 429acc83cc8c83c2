"""The case store on PostgreSQL among millions of cases: `python -m bench.cases --cases 1000000 10000000`.

Starts a server of its own, or takes the one that EUNGDAPSO_LIVE_POSTGRESQL names; every figure is of the store's own
calls. Nothing is left afterwards.
"""

import argparse
import itertools
import multiprocessing
import os
import random
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import quantiles
from uuid import uuid4

import psycopg
from rich.console import Console
from rich.table import Table

from bench.filled import READABLE_DAYS, fill
from bench.live import launcher
from cases.clock import parse_period
from cases.database import Database
from cases.letters import Letters
from cases.migrate import upgrade
from cases.model import By, Case
from cases.numbers import case_number
from cases.outbox import Outcome
from cases.store import CaseStore
from config.load import load_city
from config.schema import City
from core.calendar import Calendar
from core.decision import Answer, Decision
from core.ids import uuid7
from core.message import Author, Message
from core.wire import Routed, Seal

NOW = datetime(2026, 11, 23, 1, 0, tzinfo=UTC)
SEAL = Seal(bytes(range(32)))
# Of a server with 8 GB; everything that makes a write durable is as PostgreSQL ships it.
SETTINGS = {
    "shared_buffers": "2GB",
    "effective_cache_size": "6GB",
    "maintenance_work_mem": "768MB",
    "max_wal_size": "4GB",
    "checkpoint_timeout": "15min",
    "random_page_cost": "1.1",
    # What is filled in one transaction then needs no log; nothing that is measured is written that way.
    "wal_level": "minimal",
    "max_wal_senders": "0",
}
BATCH = 64
TARGETS = {"queue page, one state": 20, "claim of 1": 10, "claim of 32": 10}
_Measured = dict[str, list[float]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, nargs="+", default=[1_000_000], help="how many there are (1000000)")
    parser.add_argument("--times", type=int, default=200, help="how often each call is measured (200)")
    parser.add_argument("--keep", action="store_true", help="leaves the filled schemas on a server that you named")
    parser.add_argument("--schema", help="measures in this schema, which --keep has left, instead of filling one")
    parser.add_argument("--writers", type=int, nargs="+", default=[1, 2, 4], help="processes that record (1 2 4)")
    given = parser.parse_args()
    city = load_city(Path("config"))
    with ExitStack() as stack:
        server = stack.enter_context(_server())
        for count in given.cases:
            with _filled(server, count, city, given.schema, keep=given.keep or bool(given.schema)) as url:
                measured = _measure(url, city, given.times)
                Console(width=120).print(_table(count, measured))
                for writers in given.writers:
                    print(f"record by {writers} processes at once: {_together(url, writers):,.0f} messages/s")


@contextmanager
def _server() -> Iterator[str]:
    named = os.environ.get("EUNGDAPSO_LIVE_POSTGRESQL")
    if named:
        yield named
        return
    server = launcher("postgresql")
    server.prepare()
    try:
        url = server.start()
        with psycopg.connect(url, autocommit=True) as connection:
            for name, value in SETTINGS.items():
                connection.execute(f"ALTER SYSTEM SET {name} = '{value}'".encode())
        server.kill()
        yield server.again()
    finally:
        server.stop()


@contextmanager
def _filled(server: str, count: int, city: City, schema: str | None, *, keep: bool) -> Iterator[str]:
    """Lends the address of a store with so many cases."""
    name = schema or f"bench_{uuid4().hex[:8]}"
    url = f"{server}?options=-csearch_path%3D{name}"
    with psycopg.connect(server, autocommit=True) as connection:
        if not schema:
            sys.stderr.write(f"filling {count:,} cases into {name} …\n")
            connection.execute(f"CREATE SCHEMA {name}".encode())
    database = Database(url)
    database.open()
    upgrade(database)
    database.close()
    if not schema:
        seconds = fill(url, count, city=city, seal=SEAL, now=NOW)
        sys.stderr.write(f"filled in {seconds:.0f} s\n")
    yield url
    if not keep:
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(f"DROP SCHEMA {name} CASCADE".encode())


def _store(url: str, city: City) -> CaseStore:
    periods = dict.fromkeys(("inquiry", "recommendation", "grievance", "other"), "7d")
    made = CaseStore(
        url,
        seal=SEAL,
        clock=lambda: NOW,
        calendar=Calendar(),
        deadlines={kind: parse_period(period) for kind, period in periods.items()},
        letters=Letters(city, styles={}),
        public_url="https://eungdapso.example",
    )
    made.open()
    return made


class Calls:
    """What is measured, each as the program calls it."""

    def __init__(self, store: CaseStore, city: City, *, a_day: int = 1) -> None:
        self.store = store
        self._chosen = random.Random(7)
        self._queues = [district.id for district in city.districts]
        self._a_day = a_day
        self._numbers = itertools.count(time.time_ns())
        self._last: Case | None = None

    def reads(self) -> dict[str, Callable[[], object]]:
        store, views = self.store, self.store.views
        return {
            "queue page, one state": lambda: views.listed(queue=self._queue(), state="assigned"),
            "queue page, every state": lambda: views.listed(queue=self._queue()),
            "queue page, answered": lambda: views.listed(queue=self._queue(), state="answered"),
            "queue page, after 5,000 others": self._deep,
            "page of three queues": lambda: views.listed(by=By("", frozenset(self._chosen.sample(self._queues, 3)))),
            "page of everything": views.listed,
            "page of every queue, answered": lambda: views.listed(state="answered"),
            "case show": self._show,
            "contexts of 64": lambda: store.contexts([one.message for one in self.batch()]),
            "counts (status line)": views.counts,
            "states (monitor)": views.states,
            "monitor": store.public.monitor,
            "trouble": store.trouble.listed,
            "outbox due": lambda: store.outbox.due(NOW, 32),
            "outbox next due": store.outbox.next_due,
        }

    def batch(self) -> list[Routed]:
        return [self._routed(next(self._numbers)) for _ in range(BATCH)]

    def _queue(self) -> str:
        return self._chosen.choice(self._queues)

    def _deep(self) -> object:
        return self.store.views.listed(queue=self._queues[0], state="answered", after=self._last)

    def goes_deep(self) -> None:
        """Looks for the place from which a page far behind the first one is read."""
        for _ in range(5):
            page = self.store.views.listed(queue=self._queues[0], state="answered", limit=1000, after=self._last)
            self._last = page[-1] if page else self._last

    def _show(self) -> object:
        day = NOW - timedelta(days=self._chosen.randrange(1, READABLE_DAYS))
        number = case_number(f"{day + timedelta(hours=9):%Y%m%d}", self._chosen.randint(1, self._a_day))
        views = self.store.views
        return views.case(number), views.history(number), views.decisions(number)

    def _routed(self, n: int) -> Routed:
        author = f"+8210{n % 10**8:08d}"
        message = Message(
            id=uuid7(),
            channel="sms",
            account="+8225550120",
            native_id=f"SM{n}",
            received_at=NOW,
            conversation=author,
            author=Author(handle=author),
            text=f"{n}번지 앞 골목에 쓰레기가 쌓여 있습니다. 치워 주세요.",
            reply_to=author,
        )
        if n % 5 < 2:
            answer = Answer(faq="bulky-waste", version="1", text="누리집에 신고하고 내놓으십시오.", language="ko")
            return Routed(
                message=message,
                decision=Decision(action="answer", faq="bulky-waste", kind="inquiry", answer=answer, answer_at=NOW),
            )
        queue = self._queues[n % len(self._queues)]
        due = NOW + timedelta(days=9)
        decision = Decision(
            action="dispatch", queue=queue, district=queue, kind="other", topic="trash", accepted_at=NOW, due_at=due
        )
        return Routed(message=message, decision=decision)


def _measure(url: str, city: City, times: int) -> _Measured:
    store = _store(url, city)
    with psycopg.connect(url) as connection:
        asked = "SELECT max(number) FROM cases WHERE number < %s"
        (last,) = connection.execute(asked, (f"{NOW:%Y%m%d}",)).fetchone() or ("-1-",)
    calls = Calls(store, city, a_day=int(last.split("-")[1]))
    calls.goes_deep()
    measured: _Measured = {}
    # First what only reads: what is recorded leaves letters that wait.
    for name, call in (calls.reads() | {"record of 64": lambda: store.record(calls.batch())}).items():
        measured[name] = _timed(call, times)
    for size in (1, 32):
        _sending(store, size, times // 2, measured)
    store.close()
    return measured


def _timed(call: Callable[[], object], times: int) -> list[float]:
    """Returns milliseconds. What takes seconds is not measured as often; the first three calls warm up."""
    taken: list[float] = []
    begun = time.perf_counter()
    for _ in range(times + 3):
        begin = time.perf_counter()
        call()
        taken.append((time.perf_counter() - begin) * 1000)
        if begin - begun > 20 and len(taken) > 8:
            break
    return taken[3:]


def _sending(store: CaseStore, size: int, times: int, measured: _Measured) -> None:
    """Relays, claims and settles rows that wait, as many as the table has."""
    outbox = store.outbox
    names = [f"{verb} of {size}" for verb in ("relay", "claim", "settle")]
    for _ in range(times):
        due = outbox.due(NOW, size)
        if len(due) < size:
            return
        begin = time.perf_counter()
        outbox.relayed(due)
        relayed = time.perf_counter()
        ready = outbox.claim([row.ticket for row in due]).ready
        claimed = time.perf_counter()
        outbox.settle([Outcome(row=one.reply.id, state="sent", provider_id=one.reply.id) for one in ready])
        marks = (begin, relayed, claimed, time.perf_counter())
        for name, (before, after) in zip(names, itertools.pairwise(marks), strict=True):
            measured.setdefault(name, []).append((after - before) * 1000)


def _together(url: str, writers: int, seconds: float = 5.0) -> float:
    """Returns how many messages a second so many processes record side by side."""
    context = multiprocessing.get_context("spawn")
    with context.Pool(writers) as pool:
        counts = pool.starmap(_record_for, [(url, seconds, n) for n in range(writers)])
    return sum(counts)


def _record_for(url: str, seconds: float, writer: int) -> float:
    city = load_city(Path("config"))
    store = _store(url, city)
    calls = Calls(store, city)
    # Far from what the others write.
    calls._numbers = itertools.count(time.time_ns() + writer * 10**15)
    store.record(calls.batch())
    recorded, begun = 0, time.monotonic()
    while (taken := time.monotonic() - begun) < seconds:
        store.record(calls.batch())
        recorded += BATCH
    store.close()
    return recorded / taken


def _table(count: int, measured: _Measured) -> Table:
    table = Table("what", title=f"milliseconds among {count:,} cases")
    for name in ("p50", "p95", "p99", "target p95"):
        table.add_column(name, justify="right")
    for name, taken in measured.items():
        table.add_row(name, *(f"{value:.1f}" for value in _percentiles(taken)), str(TARGETS.get(name, "")))
    return table


def _percentiles(taken: Sequence[float]) -> tuple[float, float, float]:
    cuts = quantiles(taken, n=100, method="inclusive")
    return cuts[49], cuts[94], cuts[98]


if __name__ == "__main__":
    main()
