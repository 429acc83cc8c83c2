"""A process that was away while its connection was ended: what another one took meanwhile goes out once.

Runs where a server is: `python tests/live/postgres.py` prints the variable that names it.
"""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable, Collection, Iterator
from pathlib import Path

import psycopg
import pytest

from cases.outbox import Claimed, Outbox
from cases.presence import Hold, Presence
from cases.store import CaseStore
from core.errors import Rejected, Unavailable
from core.reply import Receipt, Reply, Sender
from core.wire import Ticket
from sinks._backoff import Backoff
from sinks.reply import Courier
from tests.casework import POSTGRESQL, Time, dispatched, make_store, message, place, settle

if not os.environ.get(POSTGRESQL):
    pytest.skip(f"{POSTGRESQL} names no server", allow_module_level=True)

MORNING = "2026-11-23 10:00"


class Provider(Sender):
    """Notes every call in a file, however many processes call, and can be asked; `then` happens after the first one.

    With `says` it refuses what is sent after that.
    """

    def __init__(
        self, book: Path, then: Callable[[], Awaitable[None]] | None = None, says: Rejected | None = None
    ) -> None:
        self._book = book
        self._then = then
        self._says = says

    async def send(self, reply: Reply) -> Receipt:
        with self._book.open("a") as book:
            book.write(f"{reply.id}\n")
        then, self._then = self._then, None
        if then is not None:
            await then()
        if self._says is not None:
            raise self._says
        return Receipt(provider_id=reply.id)

    async def find(self, reply: Reply) -> Receipt | None:
        return Receipt(provider_id=reply.id) if reply.id in self.calls() else None

    def calls(self) -> list[str]:
        return self._book.read_text().split() if self._book.exists() else []


class Load(Provider):
    """The same for a channel that takes many at once."""

    together = True


class Parking:
    """Keeps what was given up."""

    def __init__(self) -> None:
        self.tickets: list[Ticket] = []

    async def __call__(self, ticket: Ticket, case: str, reason: str) -> None:
        self.tickets.append(ticket)


@pytest.fixture
def time() -> Time:
    return Time(MORNING)


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    with place("postgresql", tmp_path) as made:
        yield made


@pytest.fixture
def stores(url: str, time: Time) -> Iterator[list[CaseStore]]:
    """Returns the case stores of two processes."""
    made = [make_store(f"{url}&application_name={name}", time) for name in ("away", "other")]
    yield made
    for one in made:
        one.close()


def courier(store: CaseStore, time: Time, sender: Sender, parking: Parking | None = None, most: int = 2) -> Courier:
    backoff = Backoff(side_by_side=most)
    return Courier(store.outbox, {"sms": sender}, parking or Parking(), backoff=backoff, machine=time)


def tickets_of(store: CaseStore, time: Time, count: int) -> list[Ticket]:
    store.record([dispatched(message(f"{n}번 가로등 고장", time)) for n in range(count)])
    due = store.outbox.due(time.now)
    store.outbox.relayed(due)
    return [row.ticket for row in due]


def end_connections(url: str, name: str = "away") -> None:
    """Ends whatever this application has open, as a server does that starts anew."""
    asked = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE application_name = %s"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(asked, (name,)).fetchall()


def unsent(store: CaseStore) -> int:
    return store.views.counts()["unsent"]


@pytest.mark.parametrize("most", [1, 4])
@pytest.mark.parametrize("kind", [Provider, Load])
async def test_what_another_took_meanwhile_goes_out_once(
    url: str, stores: list[CaseStore], time: Time, tmp_path: Path, kind: type[Provider], most: int
) -> None:
    """Between two replies of a batch the connection is ended and another process sends the rest: nothing goes twice."""
    away, other = stores
    tickets, book = tickets_of(away, time, 12), tmp_path / "calls"

    async def meanwhile() -> None:
        end_connections(url)
        await courier(other, time, kind(book)).write(tickets)

    await courier(away, time, kind(book, meanwhile), most=most).write(tickets)

    assert sorted(ticket.row for ticket in tickets) == sorted(kind(book).calls())
    assert 0 == unsent(other)


@pytest.mark.parametrize("kind", [Provider, Load])
async def test_what_nobody_took_is_still_ours(
    url: str, stores: list[CaseStore], time: Time, tmp_path: Path, kind: type[Provider]
) -> None:
    """After the connection was ended the batch goes on under a new name, without a wait and in nobody's way."""
    away, other = stores
    tickets, book = tickets_of(away, time, 12), tmp_path / "calls"

    async def meanwhile() -> None:
        end_connections(url)

    await courier(away, time, kind(book, meanwhile)).write(tickets)
    await courier(other, time, kind(book)).write(tickets)

    assert sorted(ticket.row for ticket in tickets) == sorted(kind(book).calls())
    assert 0 == unsent(other)


async def test_without_the_store_nothing_more_is_sent(stores: list[CaseStore], time: Time, tmp_path: Path) -> None:
    """While nobody can say whose the rows are they wait; what went out is written down when the store is back."""
    away, _ = stores
    tickets, book = tickets_of(away, time, 12), tmp_path / "calls"

    async def meanwhile() -> None:
        away.close()

    sink = courier(away, time, Provider(book, meanwhile), most=1)
    with pytest.raises(Unavailable):
        await sink.write(tickets)
    away.open()
    await sink.write(tickets)

    assert (1, 11) == (len(Provider(book).calls()), unsent(away))


async def test_a_late_refusal_changes_nothing(url: str, stores: list[CaseStore], time: Time, tmp_path: Path) -> None:
    """Who was away neither parks nor fails what another process is sending."""
    away, other = stores
    tickets, parking = tickets_of(away, time, 1), Parking()
    theirs: list[Claimed] = []

    async def meanwhile() -> None:
        end_connections(url)
        theirs.extend(other.outbox.claim(tickets).ready)

    late = Provider(tmp_path / "calls", meanwhile, Rejected("no such number"))
    await courier(away, time, late, parking).write(tickets)
    settle(other, [one.reply for one in theirs], "sent")

    assert ([], 0, 0) == (parking.tickets, other.views.counts()["failed"], unsent(other))


def test_that_it_went_out_is_true_whoever_has_the_row(url: str, stores: list[CaseStore], time: Time) -> None:
    """A reply that was on its way when its sender was lost counts as sent as soon as that is known."""
    away, other = stores
    tickets = tickets_of(away, time, 1)
    mine = away.outbox.claim(tickets).ready
    end_connections(url)
    other.outbox.claim(tickets)
    settle(away, [one.reply for one in mine], "sent")

    assert 0 == unsent(other)


def test_while_it_is_asked_nobody_is_sure(url: str, stores: list[CaseStore]) -> None:
    """Between the new name and the rows that are left under it, the rows of before are believed by nobody."""
    away, _ = stores
    presence, seen = Presence(away._means.database), []

    def retake(before: int | None, now: int | None, rows: Collection[str]) -> list[str]:
        seen.append((before != now, hold.is_sure, sorted(rows)))
        return []

    hold = Hold(presence, presence.name(), ["row"], retake)
    end_connections(url)
    hold.confirm()
    presence.close()

    assert [(True, False, ["row"])] == seen
    assert not hold.has("row")


def test_after_a_while_the_server_is_asked(stores: list[CaseStore], time: Time) -> None:
    """Where the connection's end cannot be seen, time says that it is to be asked; the rows are ours as before."""
    away, _ = stores
    now = [0.0]
    outbox = Outbox(away._means, ticks=lambda: now[0])
    hold = outbox.claim(tickets_of(away, time, 1)).hold
    at_once, now[0] = hold.is_sure, 20.0
    later = hold.is_sure
    hold.confirm()
    outbox.close()

    assert (True, False) == (at_once, later)


def test_an_answer_that_came_late_is_none(stores: list[CaseStore], time: Time) -> None:
    """When seconds pass between each question and its answer, the rows are let go."""
    away, _ = stores
    now = iter(range(0, 1000, 3))
    outbox = Outbox(away._means, ticks=lambda: float(next(now)))
    (ticket,) = tickets_of(away, time, 1)
    hold = outbox.claim([ticket]).hold
    hold.confirm()
    outbox.close()

    assert (True, False) == (hold.is_sure, hold.has(ticket.row))


def test_a_stopped_process_sends_nothing_again(url: str, time: Time, tmp_path: Path) -> None:
    """Stopped between two replies, with its connection ended, a process goes on and repeats no reply of another."""
    store, book = make_store(url, time), tmp_path / "calls"
    tickets = tickets_of(store, time, 12)
    rows = [ticket.row for ticket in tickets]
    command = [sys.executable, "-m", "tests.test_paused_live", f"{url}&application_name=away", str(book), *rows]
    with subprocess.Popen(command) as stopped:
        os.waitid(os.P_PID, stopped.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)
        first = Provider(book).calls()
        end_connections(url)
        asyncio.run(courier(store, time, Provider(book)).write(tickets))
        stopped.send_signal(signal.SIGCONT)
    left = unsent(store)
    store.close()

    assert (1, 0, 0) == (len(first), stopped.returncode, left)
    assert sorted(rows) == sorted(Provider(book).calls())


def main(url: str, book: str, *rows: str) -> None:
    """Sends these rows, and stops itself after the first."""

    async def stop() -> None:
        os.kill(os.getpid(), signal.SIGSTOP)

    time = Time(MORNING)
    store = make_store(url, time)
    sink = courier(store, time, Provider(Path(book), stop), most=1)
    asyncio.run(sink.write([Ticket(row=row) for row in rows]))
    store.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
