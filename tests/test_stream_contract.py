"""What streams/base.py promises, tried on every stream found in the folder."""

import asyncio
import importlib
import os
import pkgutil
import shutil
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing
from itertools import chain
from pathlib import Path
from typing import NamedTuple

import pytest
import uvloop
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

import streams
from core.errors import Unavailable
from core.message import identity_of
from streams._cluster import Access, create_topics
from streams.base import INBOUND, ROUTED, Batch, Entry, Record, Stream
from streams.embedded import Embedded
from streams.kafka import Kafka

GROUPS: Mapping[str, Sequence[str]] = {INBOUND: ("router",), ROUTED: ("cases", "search")}
LAG_LIMIT = 50
PATIENCE_SECONDS = 10


def _embedded(folder: Path) -> Stream:
    return Embedded(folder / "log.db", groups=GROUPS, holding=("router", "cases"), lag_limit=LAG_LIMIT)


def _kafka(folder: Path) -> Stream:
    """A folder stands for topics of its own."""
    return Kafka(_access(folder), groups=GROUPS, holding=("router", "cases"), lag_limit=LAG_LIMIT)


def _access(folder: Path) -> Access:
    return Access(url=os.environ[LIVE_KAFKA], prefix=f"{identity_of(str(folder)).hex()}.")


async def _make_topics(folder: Path) -> None:
    await create_topics(_access(folder), list(GROUPS), partitions=1, replication=1, in_sync=1, keep_days=1)


async def _nothing(_folder: Path) -> None:
    """A file makes itself."""


class Kind(NamedTuple):
    """How one is made in an empty folder; a second one made there continues where the first one was."""

    make: Callable[[Path], Stream]
    prepare: Callable[[Path], Awaitable[None]] = _nothing
    # A member of a Kafka group that only lies there keeps its partitions until it is missed.
    lies_there: bool = True
    examples: int = 30
    steps: int = 30
    # Where a step takes its time, looking for a shorter way to a failure looks like a test that hangs.
    phases: tuple[Phase, ...] = tuple(Phase)


LIVE_KAFKA = "EUNGDAPSO_LIVE_KAFKA"
KINDS = {
    "embedded": Kind(_embedded),
    "kafka": Kind(_kafka, _make_topics, lies_there=False, examples=3, steps=15, phases=(Phase.generate,)),
}
# A real broker is tried when somebody says where one is.
TRIED = sorted(KINDS) if LIVE_KAFKA in os.environ else ["embedded"]


def _found() -> set[str]:
    names = {module.name for module in pkgutil.iter_modules(streams.__path__) if not module.name.startswith("_")}
    return {name for name in names - {"base"} if _has_stream(f"streams.{name}")}


def _has_stream(module: str) -> bool:
    parts = vars(importlib.import_module(module)).values()
    return any(isinstance(p, type) and issubclass(p, Stream) and p.__module__ == module for p in parts)


class House:
    """Where the streams of one test live: each `open` is another process on the same log."""

    def __init__(self, kind: Kind, folder: Path) -> None:
        self._kind = kind
        self._folder = folder
        self._opened: list[Stream] = []

    def make(self) -> Stream:
        stream = self._kind.make(self._folder)
        self._opened.append(stream)
        return stream

    async def open(self) -> Stream:
        if not self._opened:
            await self._kind.prepare(self._folder)
        stream = self.make()
        await stream.start()
        return stream

    async def close(self) -> None:
        for stream in self._opened:
            await stream.close()


@pytest.fixture(params=TRIED)
async def house(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[House]:
    house = House(KINDS[request.param], tmp_path)
    yield house
    await house.close()


@pytest.fixture
async def stream(house: House) -> Stream:
    return await house.open()


def entry(body: str, *, topic: str = INBOUND, identity: str = "", key: str = "sms:+821012345678") -> Entry:
    return Entry(topic=topic, key=key, body=body.encode(), identity=identity.encode().rjust(16) if identity else b"")


def record(body: str, *, topic: str = "outbound") -> Record:
    return Record(topic=topic, offset=7, key="form:1", body=body.encode())


async def read_once(
    stream: Stream, group: str = "router", *, topic: str = INBOUND, most: int = 256, at_least: int = 1
) -> Batch:
    """Returns a batch; where `at_least` so many are to be there, as many batches as that takes, as one."""
    records: tuple[Record, ...] = ()
    async with aclosing(stream.read(topic, group, most=most)) as batches:  # type: ignore[type-var]  # is a generator
        while len(records) < at_least:
            records += (await asyncio.wait_for(anext(batches), PATIENCE_SECONDS)).records
    return Batch(topic=topic, group=group, records=records)


async def bodies(stream: Stream, group: str = "router", *, topic: str = INBOUND, at_least: int = 1) -> list[str]:
    batch = await read_once(stream, group, topic=topic, at_least=at_least)
    return [item.body.decode() for item in batch.records]


def test_every_stream_in_the_folder_is_tried() -> None:
    """Whoever adds a stream says here how one is made, and the contract is tried on it."""
    assert set(KINDS) == _found()


async def test_what_was_published_is_read_in_order(stream: Stream) -> None:
    """A reader gets records whole, in the order in which they were published, with growing offsets."""
    await stream.publish(entry("가로등이 꺼졌어요"), entry("언제 고치나요"))
    await stream.publish(entry("불법주차 신고합니다", key="form:역삼동"))

    batch = await read_once(stream, at_least=3)

    assert ["가로등이 꺼졌어요", "언제 고치나요", "불법주차 신고합니다"] == [r.body.decode() for r in batch.records]
    assert ["sms:+821012345678", "sms:+821012345678", "form:역삼동"] == [r.key for r in batch.records]
    assert sorted({r.offset for r in batch.records}) == [r.offset for r in batch.records]
    assert (INBOUND, "router") == (batch.topic, batch.group)


@pytest.mark.parametrize("size", [0, 1, 65_536, 3_000_000])
async def test_bodies_come_back_byte_for_byte(stream: Stream, size: int) -> None:
    """A body is opaque bytes of any size."""
    body = (bytes(range(256)) * (size // 256 + 1))[:size]
    await stream.publish(Entry(topic=INBOUND, key="email:a1", body=body))

    assert body == (await read_once(stream)).records[0].body


async def test_nothing_to_publish(stream: Stream) -> None:
    """Publishing nothing does nothing."""
    assert [] == await stream.publish()


async def test_a_known_identity_is_not_published_again(stream: Stream) -> None:
    """Two entries of a topic with the same identity are one, in one call and in two."""
    first = await stream.publish(entry("a", identity="1"), entry("b", identity="1"), entry("c"), entry("d"))
    second = await stream.publish(entry("e", identity="2"), entry("f", identity="1"))

    assert [True, False, True, True] == first
    assert [True, False] == second
    assert ["a", "c", "d", "e"] == await bodies(stream, at_least=4)


async def test_identities_of_two_topics_are_two(stream: Stream) -> None:
    """The same identity in another topic is another record."""
    assert [True, True] == await stream.publish(entry("a", identity="1"), entry("b", topic=ROUTED, identity="1"))


async def test_an_identity_outlives_its_record(house: House, stream: Stream) -> None:
    """An identity is known after its record was committed, and after a restart."""
    await stream.publish(entry("a", identity="1"))
    await stream.commit(await read_once(stream))
    await stream.close()
    again = await house.open()

    assert [not again.remembers] == await again.publish(entry("a", identity="1"))
    assert (0 if again.remembers else 1) == (await again.lags())["router"]


async def test_a_batch_has_no_more_than_most(stream: Stream) -> None:
    """`most` bounds a batch; the records behind it come with the next one, asked for before any commit."""
    await stream.publish(*[entry(str(i)) for i in range(5)])
    got: list[list[str]] = []
    async with aclosing(stream.read(INBOUND, "router", most=2)) as batches:  # type: ignore[type-var]
        while sum(map(len, got)) < 5:
            got.append([r.body.decode() for r in (await anext(batches)).records])

    # A server may hand over fewer than it has.
    assert ["0", "1", "2", "3", "4"] == [body for batch in got for body in batch]
    assert 2 >= max(map(len, got))


async def test_a_reader_that_waits_is_woken(stream: Stream) -> None:
    """A reader at the end gets what is published later."""
    waiting = asyncio.ensure_future(bodies(stream))
    await asyncio.sleep(0)
    await stream.publish(entry("나중에 온 민원"))

    assert ["나중에 온 민원"] == await waiting


async def test_a_reader_is_woken_by_commits_of_others(stream: Stream) -> None:
    """What a commit publishes wakes the next stage."""
    await stream.publish(entry("a"))
    waiting = asyncio.ensure_future(bodies(stream, "cases", topic=ROUTED))
    await stream.commit(await read_once(stream), publish=[entry("routed", topic=ROUTED)])

    assert ["routed"] == await waiting


async def test_another_process_sees_it(house: House, stream: Stream) -> None:
    """A second stream on the same log wakes for what the first publishes."""
    other = await house.open()
    waiting = asyncio.ensure_future(bodies(other))
    await asyncio.sleep(0)
    await stream.publish(entry("a"))

    assert ["a"] == await waiting


async def test_what_was_not_committed_comes_again(house: House, stream: Stream) -> None:
    """After a restart a group begins behind what it committed."""
    await stream.publish(*[entry(str(i)) for i in range(4)])
    await stream.commit(await read_once(stream, most=2))
    await read_once(stream)
    await stream.close()

    assert ["2", "3"] == await bodies(await house.open(), at_least=2)


async def test_groups_read_at_their_own_pace(stream: Stream) -> None:
    """What one group commits changes nothing for another one."""
    await stream.publish(entry("a", topic=ROUTED), entry("b", topic=ROUTED))
    await stream.commit(await read_once(stream, "cases", topic=ROUTED, at_least=2))

    assert {"router": 0, "cases": 0, "search": 2} == await stream.lags()
    assert ["a", "b"] == await bodies(stream, "search", topic=ROUTED, at_least=2)


async def test_a_commit_does_all_it_says(stream: Stream) -> None:
    """One commit publishes, parks with the reason, and moves the group's place."""
    await stream.publish(entry("good"), entry("bad"))
    batch = await read_once(stream, at_least=2)
    await stream.commit(batch, publish=[entry("routed", topic=ROUTED)], park=[(batch.records[1], "읽을 수 없음")])

    (parked,) = await stream.parked()
    assert (INBOUND, "router", "bad", "읽을 수 없음") == (
        parked.topic,
        parked.group,
        parked.body.decode(),
        parked.reason,
    )
    assert {"router": 0, "cases": 1, "search": 1} == await stream.lags()


async def test_an_older_commit_changes_nothing(stream: Stream) -> None:
    """Committing a batch again neither moves the place back nor publishes nor parks."""
    await stream.publish(*[entry(str(i)) for i in range(4)])
    async with aclosing(stream.read(INBOUND, "router", most=2)) as batches:  # type: ignore[type-var]
        first, second = await anext(batches), await anext(batches)
    await stream.commit(second)
    await stream.commit(first, publish=[entry("x", topic=ROUTED)], park=[(first.records[0], "again")])
    await stream.commit(second, publish=[entry("x", topic=ROUTED)])

    assert {"router": 0, "cases": 0, "search": 0} == await stream.lags()
    assert [] == await stream.parked()


async def test_parked_records_are_shown_newest_first(stream: Stream) -> None:
    """`parked` shows the newest first, at most so many, with ids that `park` told; then those before the last one."""
    ids = [await stream.park(record(body), group="reply", reason="no such number") for body in "abc"]

    assert [ids[2], ids[1]] == [parked.id for parked in await stream.parked(most=2)]
    assert [ids[0]] == [parked.id for parked in await stream.parked(most=2, before=ids[1])]
    assert [] == await stream.parked(before=ids[0])


async def test_parked_records_are_counted(stream: Stream) -> None:
    """The count is of all that is parked; what was put back is out of it."""
    record = Record(topic=INBOUND, offset=0, key="k", body=b"b")
    ids = [await stream.park(record, group="router", reason="because") for _ in range(3)]
    await stream.retry(ids[:1])

    assert 2 == await stream.parked_count()


async def test_a_parked_record_is_retried(stream: Stream) -> None:
    """`retry` publishes parked records again, whatever their identity, and takes them out of `parked`."""
    await stream.publish(entry("a", identity="1"), entry("b", identity="2"))
    batch = await read_once(stream, at_least=2)
    await stream.commit(batch, park=[(r, "down") for r in batch.records])
    ids = [parked.id for parked in await stream.parked()]

    assert 2 == await stream.retry(ids)
    assert ["a", "b"] == await bodies(stream, at_least=2)
    assert [] == await stream.parked()
    assert 0 == await stream.retry(ids)


async def test_what_is_parked_survives(house: House, stream: Stream) -> None:
    """Parked records and their ids are durable."""
    number = await stream.park(record("a", topic=ROUTED), group="cases", reason="why")
    await stream.close()
    again = await house.open()

    assert [number] == [parked.id for parked in await again.parked()]
    assert 1 == await again.retry([number])


async def test_backlog_refuses_what_comes_from_outside(stream: Stream) -> None:
    """Over the limit `inbound` is told to try again; what is inside flows on, and with the lag the refusal ends."""
    await stream.publish(*[entry(str(i)) for i in range(LAG_LIMIT + 1)])
    with pytest.raises(Unavailable, match="router"):
        await stream.publish(entry("refused"))
    await stream.publish(entry("inside", topic=ROUTED))
    batch = await read_once(stream, at_least=LAG_LIMIT + 1)
    await stream.commit(batch, publish=[entry("also inside", topic=ROUTED)])

    assert [True] == await stream.publish(entry("accepted"))
    assert ["accepted"] == await bodies(stream)


async def test_only_holding_groups_hold(stream: Stream) -> None:
    """A slow group that is not in `holding` never holds up what comes from outside."""
    await stream.publish(*[entry(str(i), topic=ROUTED) for i in range(LAG_LIMIT + 1)])
    await stream.commit(await read_once(stream, "cases", topic=ROUTED, at_least=LAG_LIMIT + 1))

    assert [True] == await stream.publish(entry("accepted"))


async def test_everybody_at_once(stream: Stream) -> None:
    """Of many that publish at once each record is there once, and each publisher's own come in its order."""

    async def citizen(name: str) -> None:
        for i in range(10):
            await stream.publish(entry(f"{name}{i}", topic=ROUTED, identity=f"{name}{i}"))

    await asyncio.gather(*[citizen(name) for name in "가나다라마"])
    got = await bodies(stream, "search", topic=ROUTED, at_least=50)

    assert 50 == len(got)
    assert sorted(got) == [body for name in "가나다라마" for body in got if body[0] == name]


async def test_a_cancelled_publish_is_done_or_not(stream: Stream) -> None:
    """Cancelling leaves nothing half: the same identity published again gives one record."""
    task = asyncio.ensure_future(stream.publish(entry("a", identity="1"), entry("b", identity="2")))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await stream.publish(entry("a", identity="1"), entry("b", identity="2"))

    assert ["a", "b"] == await bodies(stream, at_least=2)


async def test_closing_finishes_what_was_begun(house: House, stream: Stream) -> None:
    """What was handed over before `close` is durable; a reader that waits comes to its end."""
    reading = asyncio.ensure_future(_all(stream))
    publishing = asyncio.ensure_future(stream.publish(entry("a", topic=ROUTED)))
    await asyncio.sleep(0)
    await stream.close()

    assert [True] == await publishing
    assert [] == await reading
    assert ["a"] == await bodies(await house.open(), "cases", topic=ROUTED)


async def test_a_closed_stream_says_so(stream: Stream) -> None:
    """Closing twice is fine; afterwards everything raises `Unavailable`."""
    await stream.close()
    await stream.close()

    with pytest.raises(Unavailable):
        await stream.publish(entry("a"))
    with pytest.raises(Unavailable):
        await stream.lags()


async def test_a_stream_may_be_closed_before_it_was_started(house: House) -> None:
    """Constructing connects to nothing, so there is nothing to let go of; until `start` nothing is taken."""
    stream = house.make()
    await stream.close()

    with pytest.raises(Unavailable):
        await stream.publish(entry("a"))


async def _all(stream: Stream) -> list[Batch]:
    return [batch async for batch in stream.read(INBOUND, "router")]


_bodies = st.binary(max_size=40)
_identities = st.sampled_from([b"", *[bytes([i]) * 16 for i in range(4)]])
_topics = st.sampled_from([INBOUND, ROUTED])
_entries = st.lists(
    st.builds(Entry, topic=_topics, key=st.sampled_from(["sms:1", "form:가"]), body=_bodies, identity=_identities),
    max_size=4,
)
_readers = st.sampled_from([(topic, group) for topic, groups in GROUPS.items() for group in groups])


class Model(RuleBasedStateMachine):
    """A stream beside plain lists that say what it must hold."""

    def __init__(self, kind: Kind) -> None:
        super().__init__()
        self.kind = kind
        self.folder = Path(tempfile.mkdtemp(prefix="stream-model-"))
        self.runner = asyncio.Runner(loop_factory=uvloop.new_event_loop)
        self.house = House(kind, self.folder)
        self.log: dict[str, list[tuple[str, bytes]]] = {INBOUND: [], ROUTED: []}
        # Where what came at once stands in the log: in which order, a server decides.
        self.at_once: list[tuple[str, range]] = []
        # How much of it was read: that has an order.
        self.seen = {INBOUND: 0, ROUTED: 0}
        self.known: set[tuple[str, bytes]] = set()
        self.parked: dict[int, tuple[str, str, bytes]] = {}
        self.places: dict[tuple[str, str], int] = {}
        self.begin()

    def begin(self) -> None:
        self.stream = self.runner.run(self.house.open())
        if not self.stream.remembers:
            self.known.clear()
        self.readers: dict[tuple[str, str], AsyncIterator[Batch]] = {}
        self.read_up_to = dict(self.places)
        self.batches: list[tuple[Batch, int]] = []

    def expect_published(self, entries: Sequence[Entry]) -> list[bool]:
        is_new = []
        for item in entries:
            name = (item.topic, item.identity)
            is_new.append(not item.identity or name not in self.known)
            if is_new[-1]:
                self.log[item.topic].append((item.key, item.body))
                self.known.add(name)
        return is_new

    @rule(entries=_entries)
    def publish(self, entries: list[Entry]) -> None:
        got = self.runner.run(self.stream.publish(*entries))

        assert self.expect_published(entries) == got

    @rule(entries=st.lists(_entries, min_size=2, max_size=4))
    def publish_together(self, entries: list[list[Entry]]) -> None:
        async def together() -> list[list[bool]]:
            return await asyncio.gather(*[self.stream.publish(*some) for some in entries])

        got = self.runner.run(together())

        if self.stream.remembers:
            assert [self.expect_published(some) for some in entries] == got
        else:
            self.expect_in_some_order(list(zip(chain(*entries), chain(*got), strict=True)))

    def expect_in_some_order(self, results: list[tuple[Entry, bool]]) -> None:
        """Each identity that was unknown is new once; what is new stands in the log."""
        ends = {topic: len(log) for topic, log in self.log.items()}
        new = [item for item, is_new in results if is_new]
        named = [(item.topic, item.identity) for item, _ in results if item.identity]

        assert sorted(set(named) - self.known) == sorted((i.topic, i.identity) for i in new if i.identity)
        assert all(is_new for item, is_new in results if not item.identity)
        self.known.update(named)
        for item in new:
            self.log[item.topic].append((item.key, item.body))
        self.at_once += [(topic, range(end, len(self.log[topic]))) for topic, end in ends.items()]

    def learn_order(self, topic: str, place: int, record: tuple[str, bytes]) -> None:
        """Puts a record of some that came at once where it was seen first."""
        log = self.log[topic]
        together = next((part for name, part in self.at_once if name == topic and place in part), range(0))
        found = next((other for other in together if other >= place and log[other] == record), place)
        log[place], log[found] = log[found], log[place]

    @rule(reader=_readers, most=st.integers(1, 4))
    def read(self, reader: tuple[str, str], most: int) -> None:
        begin = self.read_up_to.get(reader, 0)
        if begin == len(self.log[reader[0]]):
            return
        if reader not in self.readers:
            self.readers[reader] = self.stream.read(*reader, most=most)
        batch = self.runner.run(self.next_of(self.readers[reader]))
        end = begin + len(batch.records)
        for place in range(max(begin, self.seen[reader[0]]), end):
            record = batch.records[place - begin]
            self.learn_order(reader[0], place, (record.key, record.body))
        self.seen[reader[0]] = max(self.seen[reader[0]], end)
        self.read_up_to[reader] = end
        self.batches.append((batch, end))

        assert self.log[reader[0]][begin:end] == [(r.key, r.body) for r in batch.records]

    @precondition(lambda self: self.batches)
    @rule(data=st.data(), publish=_entries, parks=st.booleans())
    def commit(self, data: st.DataObject, publish: list[Entry], parks: bool) -> None:
        batch, end = data.draw(st.sampled_from(self.batches))
        park = [(batch.records[-1], "why")] if parks else []
        before = {parked.id for parked in self.runner.run(self.stream.parked())}
        self.runner.run(self.stream.commit(batch, publish=publish, park=park))
        reader = (batch.topic, batch.group)
        if self.places.get(reader, 0) >= end:
            return
        self.places[reader] = end
        self.expect_published(publish)
        added = {parked.id for parked in self.runner.run(self.stream.parked())} - before
        for number, (item, _) in zip(added, park, strict=True):
            self.parked[number] = (batch.topic, item.key, item.body)

    @rule(topic=_topics, body=_bodies)
    def park(self, topic: str, body: bytes) -> None:
        item = Record(topic=topic, offset=1, key="k", body=body)
        self.parked[self.runner.run(self.stream.park(item, group="cases", reason="why"))] = (topic, "k", body)

    @precondition(lambda self: self.parked)
    @rule(data=st.data())
    def retry(self, data: st.DataObject) -> None:
        ids = data.draw(st.lists(st.sampled_from(sorted(self.parked)), unique=True))

        assert len(ids) == self.runner.run(self.stream.retry(ids))
        for number in sorted(ids):
            topic, key, body = self.parked.pop(number)
            self.log[topic].append((key, body))

    @rule()
    def restart(self) -> None:
        self.runner.run(self.stream.close())
        self.begin()

    @rule()
    def crash(self) -> None:
        """The next one begins while the one before lies there as it was left."""
        if not self.kind.lies_there:
            self.runner.run(self.stream.close())
        self.begin()

    @invariant()
    def lags(self) -> None:
        expected = {r[1]: len(self.log[r[0]]) - self.places.get(r, 0) for r in _all_readers()}

        assert expected == self.runner.run(self.stream.lags())
        assert set(self.parked) == {parked.id for parked in self.runner.run(self.stream.parked())}

    def teardown(self) -> None:
        self.runner.run(self.house.close())
        self.runner.close()
        shutil.rmtree(self.folder)

    async def next_of(self, batches: AsyncIterator[Batch]) -> Batch:
        return await asyncio.wait_for(anext(batches), PATIENCE_SECONDS)


def _all_readers() -> list[tuple[str, str]]:
    return [(topic, group) for topic, groups in GROUPS.items() for group in groups]


@pytest.mark.parametrize("name", TRIED)
def test_a_stream_does_what_its_model_does(name: str) -> None:
    """Published, read, committed, retried, crashed, restarted in any order: it holds what plain lists would hold."""
    hypothesis_settings = settings(
        max_examples=KINDS[name].examples,
        stateful_step_count=KINDS[name].steps,
        phases=KINDS[name].phases,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        database=None,
    )
    # Any callable that makes a machine will do, says its documentation.
    run_state_machine_as_test(lambda: Model(KINDS[name]), settings=hypothesis_settings)  # type: ignore[arg-type]
