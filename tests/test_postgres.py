"""The case store on PostgreSQL: many processes at once, broken connections, and plans for millions of cases.

Runs where a server is: `python tests/live/postgres.py` prints the variable that names it.
"""

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import msgspec
import psycopg
import pytest
from sqlalchemy import Connection, event

from cases import schema
from cases.database import anew
from cases.engines import Conflict
from cases.model import By, Case
from cases.outbox import Due
from cases.store import CaseStore
from core.errors import ConfigError, Rejected, Unavailable
from core.message import Author
from core.wire import Routed
from tests.casework import (
    POSTGRESQL,
    WASTE,
    Time,
    answered,
    at,
    delivered,
    dispatched,
    held,
    joins,
    mail,
    make_store,
    message,
    opened,
    place,
    settle,
)
from tests.live.postgres import Postgres

if not os.environ.get(POSTGRESQL):
    pytest.skip(f"{POSTGRESQL} names no server", allow_module_level=True)

MANY = 200_000
FILLED = """
INSERT INTO cases (number, state, queue, kind, topic, district, action, channel, author, reply_to, message, received_at,
  accepted_at, due_at, token, sameness)
SELECT 'c' || n, CASE WHEN mod(n, 40) > 0 THEN 'answered' WHEN mod(n, 80) = 0 THEN 'received' ELSE 'assigned' END,
  'queue' || mod(n, 30), 'other', 'illegal-dumping', 'queue' || mod(n, 30), 'dispatch', 'sms', '+8210' || n,
  '+8210' || n, 'm' || n, {since} + n * {step}, {since} + n * {step},
  {since} + (n / 1000) * 1000 * {step} + 604800000000, 't' || n, CASE WHEN mod(n, 40) = 0 THEN n * 7919 END
FROM generate_series({first}::bigint, {last}) AS n;
INSERT INTO messages (id, identity, number, channel, account, author, native_id, reference, action, received_at, sealed)
SELECT 'm' || n, decode(md5(n::text), 'hex'), 'c' || n, 'sms', '+8225550120', '+8210' || n, 'SM' || n, 'SM' || n,
  'dispatch', {since} + n * {step}, decode(repeat(md5(n::text), 10), 'hex')
FROM generate_series({first}::bigint, {last}) AS n;
INSERT INTO events (number, at, who, what, cause)
SELECT 'c' || n, {since} + n * {step}, 'citizen', CASE k WHEN 0 THEN 'received' ELSE 'answered' END, 'm' || n
FROM generate_series({first}::bigint, {last}) AS n, generate_series(0, 1) AS k;
INSERT INTO outbox (id, number, kind, recipient, cause, letter, channel, account, sealed, state, not_before, created_at,
  relayed_at, provider_id)
SELECT 'o' || n || '-' || k, 'c' || n, CASE k WHEN 0 THEN 'notice' ELSE 'result' END, '+8210' || n, 'm' || n, 'receipt',
  'sms', '+8225550120', decode(repeat(md5(n::text), 6), 'hex'), 'sent', {since} + n * {step}, {since} + n * {step},
  {since} + n * {step}, 'SMo' || n || '-' || k
FROM generate_series({first}::bigint, {last}) AS n, generate_series(0, 1) AS k;
INSERT INTO threads (conversation, number, at)
SELECT n, 'c' || n, {since} + n * {step} FROM generate_series({first}::bigint, {last}) AS n WHERE mod(n, 20) = 0;
"""


@pytest.fixture
def time() -> Time:
    return Time("2026-11-23 10:00")


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    with place("postgresql", tmp_path) as made:
        yield made


@pytest.fixture
def stores(url: str, time: Time) -> Iterator[list[CaseStore]]:
    """Returns four case stores, as four processes have them."""
    made = [make_store(url, time) for _ in range(4)]
    yield made
    for one in made:
        one.close()


@pytest.fixture
def store(stores: list[CaseStore]) -> CaseStore:
    return stores[0]


def at_once(acts: Sequence[Callable[[], Any]]) -> list[Any]:
    """Does all of these at the same time, each in its thread; returns what each gave, or raises what one raised."""
    gate = threading.Barrier(len(acts))

    def act(one: Callable[[], Any]) -> Any:
        gate.wait()
        return one()

    with ThreadPoolExecutor(len(acts)) as threads:
        return list(threads.map(act, acts))


def fill(connection: Connection, count: int, *, first: int = 1) -> None:
    """Adds so many cases of a year, with their messages, histories and letters; one in forty is open."""
    since, year = schema.to_stored(at("2025-11-23 00:00")), 365 * 86_400 * 1_000_000
    for statement in FILLED.format(since=since, step=year // count, first=first, last=first + count - 1).split(";\n"):
        if statement.strip():
            connection.exec_driver_sql(statement)


# Many at once


def test_many_writers_make_one_case_of_a_message(stores: list[CaseStore], time: Time) -> None:
    """Recorded by four at once in overlapping batches, each message has one case, a number of its own, one notice."""
    items = [dispatched(message(f"{n}번 가로등 고장", time)) for n in range(200)]
    batches = [(items * 2)[begin : begin + 125] for begin in (0, 50, 100, 150)]

    def writes(store: CaseStore, mine: list[Routed]) -> None:
        for begin in range(0, len(mine), 25):
            store.record(mine[begin : begin + 25])

    at_once([lambda s=store, m=mine: writes(s, m) for store, mine in zip(stores, batches, strict=True)])  # type: ignore[misc]
    listed = stores[0].views.listed(limit=1000)
    rows = [row.ticket.row for row in stores[0].outbox.due(time.now, 1000)]

    assert (200, 200) == (len(listed), len({case.number for case in listed}))
    assert (200, 200) == (len(rows), len(set(rows)))


def test_no_batch_waits_for_another_one(stores: list[CaseStore], time: Time) -> None:
    """While one process is in the middle of recording, another one records, with other numbers."""
    first, second, *_ = stores
    with first._means.database.write() as connection:
        numbers = first._means.numbers.given(connection, time.now)
        numbers.need(2)
        number = opened(second, dispatched(message(WASTE, time)))

        assert ("000001", "000003") == (numbers.next()[9:15], number[9:15])


def test_the_numbers_of_a_batch_that_failed_are_given_to_nobody(stores: list[CaseStore], time: Time) -> None:
    """A server that is killed may forget that they were taken, and give them out anew."""
    store, other, *_ = stores
    bad = dispatched(message("가로등 고장", time, account="\0"))
    with pytest.raises(Rejected):
        store.record([dispatched(message(f"{n}번 가로등 고장", time)) for n in range(3)] + [bad])
    theirs = opened(other, dispatched(message("보도블록 파손", time)))
    store.record([dispatched(message(f"{n}번 가로등 고장", time)) for n in range(2)])
    numbers = {case.number[9:15] for case in store.views.listed()}

    assert "000005" == theirs[9:15]
    assert {"000005", "000006", "000007"} == numbers


def test_a_counter_that_was_set_back_stops_nobody(stores: list[CaseStore], time: Time) -> None:
    """Numbers that are taken are passed by, a batch at each try; no message is refused for it."""
    store, *_ = stores
    store.record([dispatched(message(f"{n}번 가로등 고장", time)) for n in range(3)])
    with store._means.database.write() as connection:
        connection.exec_driver_sql("UPDATE counters SET given = 0")
    late = [dispatched(message(f"{n}번 보도블록 파손", time)) for n in range(2)]

    for _ in range(2):
        with pytest.raises(Unavailable):
            store.record(late)
    store.record(late)
    assert 5 == len({case.number for case in store.views.listed()})


def test_the_same_words_at_the_same_time_are_one_case(stores: list[CaseStore], time: Time) -> None:
    """A double click that two processes record at once is one case with two messages."""
    at_once([lambda s=store: s.record([dispatched(message(WASTE, time))]) for store in stores])  # type: ignore[misc]
    (case,) = stores[0].views.listed()

    assert len(stores) == len(stores[0].views.messages(case.number))


def test_no_row_is_claimed_by_two(stores: list[CaseStore], time: Time) -> None:
    """Four that relay and claim side by side share the rows among them: none goes out twice, none is left."""
    stores[0].record([dispatched(message(f"{n}번 가로등 고장", time)) for n in range(200)])

    def sends(store: CaseStore) -> list[str]:
        mine: list[str] = []
        while due := store.outbox.due(time.now, 32):
            store.outbox.relayed(due)
            mine += [one.reply.id for one in store.outbox.claim([row.ticket for row in due]).ready]
        return mine

    claimed = [row for rows in at_once([lambda s=store: sends(s) for store in stores]) for row in rows]  # type: ignore[misc]

    assert (200, 200) == (len(claimed), len(set(claimed)))


def test_a_ticket_that_comes_twice_is_left_to_who_sends_it(stores: list[CaseStore], time: Time) -> None:
    """While its sender lives, a row that is being sent is nobody else's; what becomes of it is kept."""
    first, second, *_ = stores
    opened(first, dispatched(message(WASTE, time)))
    tickets = [row.ticket for row in first.outbox.due(time.now)]
    (mine,) = first.outbox.claim(tickets).ready
    twice = second.outbox.claim(tickets)
    settle(first, [mine.reply], "sent")

    assert ([], [], []) == (twice.ready, twice.unparked, twice.unknown)
    assert 0 == first.views.counts()["unsent"]


def test_what_a_killed_process_was_sending_is_taken_over(stores: list[CaseStore], time: Time) -> None:
    """When its sender is gone, whoever gets the ticket next learns that the row was being sent."""
    first, second, *_ = stores
    opened(first, dispatched(message(WASTE, time)))
    tickets = [row.ticket for row in first.outbox.due(time.now)]
    first.outbox.claim(tickets)
    first.close()
    (taken,) = second.outbox.claim(tickets).ready

    assert (True, 1) == (taken.was_sending, taken.reply.attempt)


def test_a_relay_that_is_late_ends_no_wait(stores: list[CaseStore], time: Time) -> None:
    """The same ticket relayed by two, tried and put off: the second relay does not lose the time of the next try."""
    first, second, *_ = stores
    opened(first, dispatched(message(WASTE, time)))
    due: list[Due] = second.outbox.due(time.now)
    (mine,) = first.outbox.claim([row.ticket for row in due]).ready
    settle(first, [mine.reply], "queued", error="busy", retry_at=time.now.replace(minute=5))
    second.outbox.relayed(due)

    assert 300.0 == second.outbox.next_due()


def test_officers_and_citizens_at_once_lose_nothing(stores: list[CaseStore], time: Time) -> None:
    """Assigned, written to and sent about at the same moment, a case ends with all of it."""
    numbers = [opened(stores[0], dispatched(message(f"{n}번 가로등 고장", time))) for n in range(10)]
    first, second, third, _ = stores
    acts = [
        lambda: [first.officer.assign(number, By("박지훈"), unit="도로") for number in numbers],
        lambda: second.record([joins(message("추가합니다", time), number) for number in reversed(numbers)]),
        lambda: delivered(third, time),
    ]
    at_once(acts)

    assert {"assigned"} == {case.state for case in first.views.listed()}
    assert [2] * 10 == [len(first.views.messages(number)) for number in numbers]


def test_two_in_each_others_way_are_told(stores: list[CaseStore]) -> None:
    """Of two transactions that wait for each other one is undone, and may be done anew."""
    gate = threading.Barrier(2)
    days = [("20261123", "20261124"), ("20261124", "20261123")]

    def cross(store: CaseStore, first: str, second: str) -> str:
        with suppress(Conflict), store._means.database.write() as connection:
            connection.exec_driver_sql("SET LOCAL deadlock_timeout = '50ms'")
            connection.exec_driver_sql("UPDATE counters SET given = given + 1 WHERE day = %s", (first,))
            gate.wait()
            connection.exec_driver_sql("UPDATE counters SET given = given + 1 WHERE day = %s", (second,))
            return "done"
        return "conflict"

    with stores[0]._means.database.write() as connection:
        connection.exec_driver_sql("INSERT INTO counters VALUES ('20261123', 0), ('20261124', 0)")
    ends = at_once([lambda s=s, d=d: cross(s, *d) for s, d in zip(stores, days, strict=False)])  # type: ignore[misc]

    assert ["conflict", "done"] == sorted(ends)


def test_what_was_in_the_way_is_done_anew() -> None:
    """An act that meets another transaction is repeated from its beginning; for ever in the way, it says so."""
    tries: list[int] = []

    @anew
    def act(needs: int) -> int:
        tries.append(needs)
        if len(tries) < needs:
            raise Conflict("busy")
        return len(tries)

    assert 3 == act(3)
    with pytest.raises(Unavailable):
        act(1000)


# What cannot be kept, and what cannot be reached


@pytest.mark.parametrize("poison", [{"native_id": "SM\0"}, {"account": "\0"}, {"author": Author(handle="\0+82")}])
def test_what_postgresql_cannot_hold_is_rejected(store: CaseStore, time: Time, poison: dict[str, Any]) -> None:
    """A NUL character is refused for ever, and nothing is left of the batch."""
    bad = msgspec.structs.replace(message(WASTE, time), **poison)
    with pytest.raises(Rejected):
        store.record([dispatched(message("가로등 고장", time)), dispatched(bad)])

    assert [] == store.views.listed()


def test_a_nul_in_what_is_sealed_harms_nothing(store: CaseStore, time: Time) -> None:
    """What is kept sealed may hold any character."""
    number = opened(store, dispatched(message("가로\0등", time)))

    assert "가로\0등" == store.views.messages(number)[0].text


def test_a_strange_reference_finds_nothing(store: CaseStore, time: Time) -> None:
    """A reference that no id can be is passed over; the message is decided as any other."""
    number = opened(store, dispatched(mail(WASTE, time, native_id="<first@mail.example>")))
    answer = mail("추가", time, in_reply_to="<\0>", references=("<first@mail.example>", "\ud800"))

    assert number == store.contexts([answer])[0].reply_to_case


def test_an_endless_id_is_no_endless_retry(store: CaseStore, time: Time) -> None:
    """What no index can hold is refused for ever, or kept out of it."""
    endless = "".join(f"{n:x}" for n in range(5000))
    kept = opened(store, dispatched(mail(WASTE, time, native_id=f"<{endless}@mail.example>")))

    assert kept
    with pytest.raises(Rejected):
        store.record([dispatched(mail("가로등 고장", time, reply_to=endless))])


def test_a_lock_that_lasts_says_try_again(url: str, time: Time) -> None:
    """While somebody keeps the counter nothing is lost and nothing half done; after that it works by itself."""
    store = make_store(f"{url}%20-clock_timeout%3D50ms", time)
    store.record([dispatched(message(WASTE, time))])
    with psycopg.connect(url) as other:
        other.execute("SELECT * FROM counters FOR UPDATE")
        with pytest.raises(Unavailable):
            store.record([dispatched(message("가로등 고장", time))])
    store.record([dispatched(message("가로등 고장", time))])
    found = len(store.views.listed())
    store.close()

    assert 2 == found


@contextmanager
def cut(url: str, name: str) -> Iterator[Callable[[], None]]:
    """Gives what breaks every connection of this application."""
    asked = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE application_name = %s"
    with psycopg.connect(url, autocommit=True) as other:

        def breaks() -> None:
            other.execute(asked, (name,)).fetchall()

        yield breaks


def half_done(store: CaseStore, then: Callable[[], None]) -> None:
    with store._means.database.write() as connection:
        connection.exec_driver_sql("INSERT INTO counters VALUES ('20261123', 41)")
        then()


def test_a_broken_connection_is_replaced(url: str, time: Time) -> None:
    """Broken inside a transaction it says try again and leaves nothing; broken between two, nobody notices."""
    store = make_store(f"{url}&application_name=cut", time)
    with cut(url, "cut") as breaks:
        with pytest.raises(Unavailable):
            half_done(store, breaks)
        number = opened(store, dispatched(message(WASTE, time)))
        breaks()
        went_out = delivered(store, time)
        breaks()
        again = delivered(store, time)
    store.close()

    assert number.startswith("20261123-000001-")
    assert (1, 0) == (len(went_out), len(again))


def test_a_server_that_was_killed_has_what_was_recorded(time: Time) -> None:
    """Without a server the store says try again; with it, everything that was recorded is there and work goes on."""
    server = Postgres()
    store = make_store(server.start(), time)
    try:
        number = opened(store, dispatched(message(WASTE, time)))
        tickets = [row.ticket for row in store.outbox.due(time.now)]
        store.outbox.claim(tickets)
        server.kill()
        with pytest.raises(Unavailable):
            store.record([dispatched(message("가로등 고장", time))])
        server.again()
        (interrupted,) = store.outbox.claim(tickets).ready
        next_one = opened(store, dispatched(message("가로등 고장", time)))
    finally:
        store.close()
        server.stop()

    assert interrupted.was_sending
    assert ["20261123-000001", "20261123-000002"] == [number[:15], next_one[:15]]


@pytest.mark.parametrize("wrong", ["postgresql+asyncpg://here/x", "postgresql://here:port/x", "mysql://here/x"])
def test_an_address_that_is_none_is_a_mistake(wrong: str, time: Time) -> None:
    """A wrong address of the store is the operator's to mend."""
    with pytest.raises(ConfigError):
        make_store(wrong, time)


def test_nobody_at_the_address_says_try_again(time: Time) -> None:
    """A server that is not there yet is waited for by who started us."""
    with pytest.raises(Unavailable):
        make_store("postgresql://nobody@127.0.0.1:1/cases", time)


# The tables, and plans


def _indexes(connection: Connection) -> set[tuple[str, str]]:
    asked = "SELECT schemaname, indexname, indexdef FROM pg_indexes WHERE schemaname = current_schema()"
    rows = connection.exec_driver_sql(asked).all()
    return {(name, told.replace(f"{where}.", "")) for where, name, told in rows if name != "alembic_version_pkc"}


def test_the_migrations_make_exactly_the_indexes(tmp_path: Path, store: CaseStore) -> None:
    """What the migrations index, with its conditions, is what the program believes in."""
    with store._means.database.read() as connection:
        made = _indexes(connection)
    with store._means.database.write() as connection:
        connection.exec_driver_sql("DROP TABLE alembic_version")
        schema.metadata.drop_all(connection)
        schema.metadata.create_all(connection)
        believed = _indexes(connection)

    assert believed == made


class Plans:
    """Explains every statement that the store runs."""

    def __init__(self, store: CaseStore) -> None:
        self._database = store._means.database
        self._seen: list[tuple[str, Any]] = []

    def of(self, act: Callable[[], object]) -> str:
        """Returns the plans of what this does."""
        engine = self._database._engine
        event.listen(engine, "before_cursor_execute", self._keep)
        act()
        event.remove(engine, "before_cursor_execute", self._keep)
        with self._database.write() as connection:
            plans = [connection.exec_driver_sql(f"EXPLAIN {text}", values).scalars() for text, values in self._seen]
            return "\n".join(line for plan in plans for line in plan)

    def _keep(self, _connection: Any, _cursor: Any, text: str, values: Any, *_more: Any) -> None:
        # Many at once: one is as good as the other.
        values = values[0] if isinstance(values, list) else values
        if text.lstrip().startswith(("SELECT", "UPDATE", "WITH")):
            self._seen.append((text, values))


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CaseStore]:
    """Returns a store with many cases and the little that waits among them."""
    time = Time("2026-11-23 10:00")
    with place("postgresql", tmp_path_factory.mktemp("full")) as url:
        store = make_store(url, time)
        with store._means.database.write() as connection:
            fill(connection, MANY)
        store.record([dispatched(message(f"{n}번 가로등 고장", time)) for n in range(300)])
        store.record([answered(mail(f"{n}번 질문입니다", time)) for n in range(20)])
        with store._means.database.write() as connection:
            # Of the oldest: where nothing opens with the key, nothing is forgotten.
            opens = "(SELECT sealed FROM messages ORDER BY received_at DESC LIMIT 1)"
            connection.exec_driver_sql(f"UPDATE messages SET sealed = {opens} WHERE id = 'm1'")
        with store._means.database.apart() as connection:
            connection.exec_driver_sql("VACUUM ANALYZE")
        yield store
        store.close()


def _claims(store: CaseStore) -> None:
    tickets = [row.ticket for row in store.outbox.due(at("2026-11-23 10:00"))]
    ready = store.outbox.claim(tickets).ready
    settle(store, [one.reply for one in ready], "sent")


NOW = Time("2026-11-23 10:00")
MANY_QUEUES = By("", frozenset({"queue3", "queue4"}))
PAGES = {
    "queue page": lambda store: store.views.listed(queue="queue3", state="received"),
    "queue page of every state": lambda store: store.views.listed(by=By("", frozenset({"queue3"}))),
    "page of several queues": lambda store: store.views.listed(state="received", by=MANY_QUEUES),
    "page of several queues, every state": lambda store: store.views.listed(by=MANY_QUEUES),
    "deep page": lambda store: store.views.listed(queue="queue3", state="answered", after=deep(store)),
}
# What is asked, and the indexes that are meant for it.
QUICK: dict[str, tuple[Callable[[CaseStore], object], tuple[str, ...]]] = {
    **{what: (page, ("ix_cases_page",)) for what, page in PAGES.items()},
    "list of all": (lambda store: store.views.listed(), ("ix_cases_state_due_at",)),
    "outbox due": (
        lambda store: store.outbox.due(NOW.now, 1000),
        ("ix_outbox_new", "ix_outbox_again", "ix_outbox_unsent", "uq_outbox_number_kind_recipient_cause"),
    ),
    "outbox next due": (lambda store: store.outbox.next_due(), ("ix_outbox_new", "ix_outbox_again")),
    "relay": (lambda store: store.outbox.relayed(store.outbox.due(NOW.now, 2)), ("outbox_pkey",)),
    "outbox claim and settle": (_claims, ("outbox_pkey", "cases_pkey")),
    "contexts": (
        lambda store: store.contexts([message(f"{n}번 가로등 고장", NOW) for n in range(256)]),
        ("ix_cases_sameness",),
    ),
    "contexts of replies": (
        lambda store: store.contexts([message("더", NOW, references=(f"SM{n}",)) for n in range(256)]),
        ("ix_messages_reference", "ix_outbox_provider_id", "cases_pkey"),
    ),
    "record": (
        lambda store: store.record([dispatched(message(f"{n}번 가로등이 깜빡", NOW)) for n in range(64)]),
        ("uq_messages_identity", "ix_cases_sameness"),
    ),
    "record a mail": (
        lambda store: store.record([held(mail("가로등이 어둡습니다", NOW))]),
        ("uq_messages_identity", "ix_outbox_guarded"),
    ),
    "look-up by number": (lambda store: store.views.case(some(store)), ("cases_pkey",)),
    "history": (
        lambda store: store.views.history(some(store)),
        ("ix_events_number", "uq_outbox_number_kind_recipient_cause"),
    ),
    "what was said": (lambda store: store.views.messages(some(store)), ("ix_messages_number",)),
    "search hits": (lambda store: store.views.found([f"m{n}" for n in range(100)]), ("messages_pkey", "cases_pkey")),
    "similar cases": (lambda store: store.public.released([f"m{n}" for n in range(100)]), ("messages_pkey",)),
    "a form that was filed": (lambda store: store.public.filed("form", "SM77"), ("ix_messages_reference",)),
    "monitor": (lambda store: store.public.monitor(), ("ix_cases_kept",)),
    "letters that wait in a chat": (
        lambda store: store.chat.take(message("안녕하세요", NOW), 2),
        ("uq_messages_identity",),
    ),
    "what a killed process left": (lambda store: store.outbox.left_behind(), ("ix_outbox_unsent", "ix_outbox_trouble")),
    "trouble": (lambda store: store.trouble.listed(), ("ix_outbox_trouble",)),
    "status line": (
        lambda store: store.views.counts(),
        ("ix_cases_page", "ix_cases_state_due_at", "ix_outbox_unsent", "ix_outbox_trouble"),
    ),
    "forgetting": (
        lambda store: store.tidy.forget(at("2025-11-24 00:00"), most=20),
        ("ix_cases_kept", "ix_messages_caseless", "ix_messages_number", "ix_events_number"),
    ),
}
# A handful of rows, which no index would find sooner; of contacts one is looked for, whichever.
SMALL = ("counters", "tallies", "threads", "contacts")


def some(store: CaseStore) -> str:
    return store.views.listed(queue="gangnam")[0].number


def deep(store: CaseStore) -> Case:
    return store.views.listed(queue="queue3", state="answered", limit=1000)[-1]


@pytest.mark.parametrize("what", QUICK)
def test_what_is_asked_often_goes_by_the_index_meant(full: CaseStore, what: str) -> None:
    """Among many cases each look-up of a batch or a page uses the indexes made for it, and reads no whole table."""
    act, meant = QUICK[what]
    plan = Plans(full).of(lambda: act(full))

    assert [] == [index for index in meant if f" {index} " not in plan]
    assert [] == [line for line in plan.splitlines() if "Seq Scan" in line and not any(t in line for t in SMALL)]


def test_a_relay_goes_by_id_when_nobody_knew_how_many_would_wait(full: CaseStore) -> None:
    """When hardly anything waited the last time that PostgreSQL looked, rows are found by their ids all the same."""
    with full._means.database.apart() as connection:
        connection.exec_driver_sql("UPDATE outbox SET state = 'sent' WHERE state = 'queued'")
        connection.exec_driver_sql("VACUUM ANALYZE outbox")
    full.record([dispatched(message(f"{n}번 신호등 고장", NOW)) for n in range(300)])
    due = full.outbox.due(NOW.now, 32)
    plan = Plans(full).of(lambda: (full.outbox.relayed(due), full.outbox.due(NOW.now, 32)))

    assert "outbox_pkey" in plan
    assert "ix_outbox_unsent" not in plan


def test_the_totals_are_not_counted(full: CaseStore) -> None:
    """How many cases are in each state is asked of nothing but the sums."""
    plan = Plans(full).of(full.views.states)

    assert "tallies" in plan
    assert "on cases" not in plan


def test_what_was_sent_is_cleaned_up_soon(store: CaseStore) -> None:
    """A fifth of a large table, at which PostgreSQL cleans up by itself, would be millions of dead entries."""
    asked = "SELECT array_to_string(reloptions, ' ') FROM pg_class WHERE oid = to_regclass(%s)"
    with store._means.database.read() as connection:
        options = [connection.exec_driver_sql(asked, (table,)).scalar_one() for table in ("cases", "outbox")]

    assert ["autovacuum_vacuum_scale_factor=0.01 autovacuum_analyze_scale_factor=0.01"] * 2 == options
