"""The measure of a channel: what a provider takes, what it asks for, and how one that fails is let be."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from cases.model import By
from cases.store import CaseStore
from core.errors import Rejected, Unavailable, Uncertain, Waits
from core.reply import Pace, Receipt, Reply, Sender
from sinks._backoff import Backoff
from sinks._pace import Paced
from sinks._shares import Shares
from sinks.reply import Courier
from tests.casework import WASTE, Time, at, dispatched, make_store, message, opened, place
from tests.test_reply import Parking, relay, states


class Provider(Sender):
    """Takes messages, or does what it is told, and notes when it was asked for what."""

    def __init__(self, time: Time) -> None:
        self.time = time
        self.asked: list[tuple[float, Reply]] = []
        self.taken: list[Reply] = []
        self.does: Exception | None = None

    def ticks(self) -> float:
        return self.time.now.timestamp()

    async def send(self, reply: Reply) -> Receipt:
        self.asked.append((self.time.now.timestamp(), reply))
        await asyncio.sleep(0)
        if self.does is not None:
            raise self.does
        self.taken.append(reply)
        return Receipt(provider_id=f"SM-{reply.id}")


@pytest.fixture
def time() -> Time:
    return Time("2026-11-23 10:00")


@pytest.fixture
def provider(time: Time) -> Provider:
    return Provider(time)


def paced(provider: Provider, **pace: float) -> Paced:
    return Paced("sms", provider, Pace(**pace), ticks=provider.ticks)  # type: ignore[arg-type]


def reply(row: str, to: str = "+821012345678") -> Reply:
    return Reply(
        id=row,
        channel="sms",
        account="",
        to=to,
        text="접수되었습니다.",
        kind="notice",
        case="20261123-000001-0",
        created_at=at("2026-11-23 10:00"),
    )


async def wait_of(channel: Sender, one: Reply) -> float:
    """Returns how long this message is told to wait, 0 when it went."""
    try:
        await channel.send(one)
    except Waits as error:
        return error.retry_after_seconds or 0.0
    return 0.0


async def test_no_more_go_than_the_provider_takes(provider: Provider) -> None:
    """After the burst each of those that come has a time of its own, one after the other."""
    channel = paced(provider, a_second=0.5, burst=2)
    waits = [await wait_of(channel, reply(str(row))) for row in range(5)]

    assert [0, 0, 2, 4, 6] == waits


async def test_who_was_promised_a_time_goes_before_who_came_later(provider: Provider, time: Time) -> None:
    """A busy channel starves nobody."""
    channel = paced(provider, a_second=0.5)
    await wait_of(channel, reply("1"))
    promised = await wait_of(channel, reply("2"))
    time.moves(seconds=promised)
    later = await wait_of(channel, reply("3"))
    then = await wait_of(channel, reply("2"))

    assert (2, 2, 0) == (promised, later, then)


async def test_what_comes_back_late_is_no_storm(provider: Provider, time: Time) -> None:
    """A process that slept through everybody's time sends no more at once than the measure allows."""
    channel = paced(provider, a_second=0.5)
    for row in range(50):
        await wait_of(channel, reply(str(row)))
    time.moves(hours=1)
    gone = sum([await wait_of(channel, reply(str(row))) == 0 for row in range(1, 50)])

    assert 1 == gone


async def test_one_address_is_not_flooded(provider: Provider, time: Time) -> None:
    """Between two messages to the same address lies the provider's time; others do not wait for it."""
    channel = paced(provider, each_seconds=3)
    waits = [await wait_of(channel, reply(row, to)) for row, to in (("1", "a"), ("2", "a"), ("3", "b"))]
    time.moves(seconds=3)

    assert [0, 3, 0, 0] == [*waits, await wait_of(channel, reply("2", "a"))]


async def test_a_days_measure_lasts_a_day(provider: Provider, time: Time) -> None:
    """When it is full, nothing goes before it is sure that a day has passed."""
    channel = paced(provider, a_day=2)
    waits = [await wait_of(channel, reply(str(row))) for row in range(3)]
    time.moves(hours=24)
    still = await wait_of(channel, reply("2"))
    time.moves(seconds=still)

    assert ([0, 0, 25 * 3600], 3600, 0) == (waits, still, await wait_of(channel, reply("2")))


async def test_retry_after_holds_the_whole_channel(provider: Provider, time: Time) -> None:
    """Who says Retry-After is asked by nobody before, whomever the next message is for."""
    channel = paced(provider)
    provider.does = Unavailable("429", retry_after_seconds=600)
    with pytest.raises(Unavailable, match="429"):
        await channel.send(reply("1"))
    provider.does = None
    wait = await wait_of(channel, reply("2", "+821099998888"))
    time.moves(seconds=599)
    early = await wait_of(channel, reply("3", "+821099998888"))
    time.moves(seconds=1)

    assert 600 < wait < 601
    assert (True, 0) == (early > 0, await wait_of(channel, reply("2")))


async def test_an_absurd_wish_is_bounded(provider: Provider, time: Time) -> None:
    """No provider silences a channel for longer than a day."""
    channel = paced(provider)
    provider.does = Unavailable("429", retry_after_seconds=1e12)
    with pytest.raises(Unavailable):
        await channel.send(reply("1"))

    assert await wait_of(channel, reply("2")) < 86_402


@pytest.mark.parametrize("error", [Unavailable("500"), Uncertain("no answer")])
async def test_one_asks_whether_a_dead_provider_is_back(provider: Provider, time: Time, error: Exception) -> None:
    """After a few failures in a row everybody waits, and one message at a time finds out."""
    channel = paced(provider)
    provider.does = error
    for row in range(3):
        with pytest.raises((Unavailable, Uncertain)):
            await channel.send(reply(str(row)))
    waits = [await wait_of(channel, reply(str(row))) for row in range(3, 20)]
    time.moves(seconds=5)
    results = await asyncio.gather(*(channel.send(reply(str(row))) for row in range(20)), return_exceptions=True)

    assert min(waits) > 5
    assert (4, 19) == (len(provider.asked), sum(isinstance(result, Waits) for result in results))
    assert "left alone" in channel.trouble


async def test_a_refusal_is_an_answer(provider: Provider) -> None:
    """A provider that refuses one message is there for the others."""
    channel = paced(provider)
    provider.does = Rejected("blocked")
    for row in range(5):
        with pytest.raises(Rejected):
            await channel.send(reply(str(row)))

    assert ("", 5) == (channel.trouble, len(provider.asked))


async def test_many_at_once_go_when_the_provider_is_well(provider: Provider) -> None:
    """Caution costs nothing where nothing fails: hundreds that come together all go."""
    channel = paced(provider)
    await asyncio.gather(*(channel.send(reply(str(row))) for row in range(300)))

    assert 300 == len(provider.taken)


@pytest.fixture
def store(tmp_path: Path, time: Time) -> Iterator[CaseStore]:
    with place("sqlite", tmp_path) as url:
        made = make_store(url, time)
        yield made
        made.close()


class Desk:
    """A town whose replies go out by one provider, second by second of a clock that is moved."""

    def __init__(self, store: CaseStore, provider: Provider, pace: Pace) -> None:
        self.store = store
        self.time = provider.time
        self.parking = Parking()
        self.channel = Paced("sms", provider, pace, ticks=provider.ticks)
        # Fewer tries than a dead hour has: only what asked the provider may count.
        backoff = Backoff(most_tries=20, most_seconds=900, patience_seconds=60)
        self.courier = Courier(
            store.outbox, {"sms": self.channel}, self.parking, backoff=backoff, machine=provider.time
        )

    async def passes(self, seconds: int, *, step: float = 1.0) -> None:
        for _ in range(int(seconds / step)):
            while tickets := relay(self.store, self.time):
                await self.courier.write(tickets)
            self.time.moves(seconds=step)


async def test_a_provider_that_fails_for_an_hour_loses_nothing(
    store: CaseStore, time: Time, provider: Provider
) -> None:
    """Nothing is lost, nothing goes twice, the order in each conversation is kept, and nobody storms: neither while it
    is away nor when it is back."""
    desk = Desk(store, provider, Pace())
    numbers = [
        opened(store, dispatched(message(f"{WASTE} {n}번지", time, reply_to=f"+8210{n:08}"))) for n in range(100)
    ]
    for number in numbers:
        store.officer.answer(number, "현장을 확인하고 수거했습니다.", By("박지훈"))
    provider.does = Unavailable("500")
    await desk.passes(3_600, step=5)
    away = len(provider.asked)
    provider.does = None
    await desk.passes(1_800, step=1)

    minutes = Counter(int(when // 60) for when, _ in provider.asked)
    sent = [one.id for one in provider.taken]
    by_case = {number: [one.id for one in provider.taken if one.case == number] for number in numbers}
    assert away < 40
    assert max(minutes.values()) <= 20 * 60
    assert (200, 200, []) == (len(sent), len(set(sent)), desk.parking.tickets)
    assert [(rows, 2) for rows in by_case.values()] == [(sorted(rows), len(rows)) for rows in by_case.values()]
    assert {("sent", "sent")} == {tuple(states(store, number)) for number in numbers}


async def test_our_own_measure_gives_nothing_up(store: CaseStore, time: Time, provider: Provider) -> None:
    """However often a message waits for its turn, it goes in the end: only what asked the provider counts as a try."""
    desk = Desk(store, provider, Pace(a_second=0.02))
    for n in range(30):
        opened(store, dispatched(message(f"{WASTE} {n}번지", time, reply_to=f"+8210{n:08}")))
    await desk.passes(1_700, step=2)

    seconds = [when for when, _ in provider.asked]
    assert (30, []) == (len(provider.taken), desk.parking.tickets)
    assert 49 <= min(b - a for a, b in pairwise(seconds))


class Silent(Provider):
    """Takes every request and never answers."""

    async def send(self, reply: Reply) -> Receipt:
        self.asked.append((self.time.now.timestamp(), reply))
        await asyncio.Event().wait()
        raise AssertionError("it never answers")


class Town:
    """Several channels beside each other at one desk; messages come in by any of them while time passes."""

    def __init__(self, store: CaseStore, time: Time, providers: dict[str, Provider], **backoff: float) -> None:
        self.store, self.time, self.providers = store, time, providers
        self.parking = Parking()
        self.numbers: dict[str, list[str]] = {name: [] for name in providers}
        paced = {name: Paced(name, one, Pace(), ticks=one.ticks) for name, one in providers.items()}
        settings = Backoff.model_validate({"most_tries": 20, "most_seconds": 900, "patience_seconds": 60, **backoff})
        self.courier = Courier(store.outbox, paced, self.parking, backoff=settings, machine=time)

    def writes(self, channel: str) -> str:
        """Another citizen of this channel writes; returns the number of the case, which a notice is due to."""
        citizen = f"{channel}-{len(self.numbers[channel])}"
        said = message(f"{WASTE} {citizen}", self.time, channel=channel, reply_to=citizen)
        self.numbers[channel].append(opened(self.store, dispatched(said)))
        return self.numbers[channel][-1]

    async def passes(self, seconds: int, *, step: float) -> None:
        for _ in range(int(seconds / step)):
            while tickets := relay(self.store, self.time):
                await self.courier.write(tickets)
            self.time.moves(seconds=step)

    def sent(self, channel: str) -> list[list[str]]:
        """Returns the letters of each case in the order in which the provider took them."""
        taken = self.providers[channel].taken
        return [[one.id for one in taken if one.case == number] for number in self.numbers[channel]]

    def waited(self, channel: str) -> float:
        """Returns the longest time from a letter's making until this provider was asked to take it, in seconds."""
        return max(when - one.created_at.timestamp() for when, one in self.providers[channel].asked)

    def states(self, channel: str) -> set[tuple[str, ...]]:
        return {tuple(states(self.store, number)) for number in self.numbers[channel]}


async def test_a_dead_provider_stops_no_other_channel(store: CaseStore, time: Time) -> None:
    """While one of three is away for an hour, every letter of the others goes at once, also those that come in the
    middle of it; then its own go, each once and in the order of its conversation, and nobody storms."""
    town = Town(store, time, {name: Provider(time) for name in ("sms", "telegram", "line")})
    dead = town.providers["sms"]
    dead.does = Unavailable("500")
    for _ in range(30):
        for channel in town.providers:
            store.officer.answer(town.writes(channel), "현장을 확인하고 수거했습니다.", By("박지훈"))
        await town.passes(120, step=20)
    away, waited = len(dead.asked), [town.waited(name) for name in ("telegram", "line")]
    dead.does = None
    await town.passes(1_800, step=5)

    minutes = Counter(int(when // 60) for when, _ in dead.asked)
    letters = [rows for name in town.providers for rows in town.sent(name)]
    assert [0, 0] == waited
    assert away < 40
    assert max(minutes.values()) <= 20 * 60
    assert [(sorted(set(rows)), 2) for rows in letters] == [(rows, len(rows)) for rows in letters]
    assert {("sent", "sent")} == town.states("sms") | town.states("telegram") | town.states("line")
    assert [] == town.parking.tickets


async def test_a_silent_provider_holds_up_no_other_channel(store: CaseStore, time: Time) -> None:
    """One that takes requests and never answers keeps its own letters waiting: those of another channel in the same
    batch are all taken before the first of its requests is given up."""
    town = Town(store, time, {"sms": Silent(time), "line": Provider(time)}, try_seconds=0.5)
    for channel in ("sms", "line"):
        for _ in range(40):
            town.writes(channel)
    writing = asyncio.create_task(town.courier.write(relay(store, time)))
    async with asyncio.timeout(300):
        while len(town.providers["line"].taken) < 40 and not writing.done():
            await asyncio.sleep(0)
        is_waiting = not writing.done()
        await writing

    assert is_waiting
    assert {("sent",)} == town.states("line")
    assert ("sent",) not in town.states("sms")


class Blackboard:
    """What several processes write on."""

    def __init__(self) -> None:
        self.texts: dict[str, str] = {}

    def change(self, name: str, how: Callable[[str], str]) -> str:
        self.texts[name] = how(self.texts.get(name, ""))
        return self.texts[name]


def test_processes_that_send_count_each_other(time: Time) -> None:
    """Each learns of the others at its next word; who says nothing any more, or leaves, counts no longer."""
    shared = Blackboard()
    first, second, third = (Shares(shared, time) for _ in range(3))
    counted = [first.beat(), second.beat(), third.beat(), first.beat()]
    second.leave()
    time.moves(seconds=36)

    assert [1, 2, 3, 3] == counted
    assert [1, 2] == [first.beat(), third.beat()]


async def test_several_processes_keep_to_one_measure(provider: Provider, time: Time) -> None:
    """What the provider takes in a while is what all of them send together."""
    both = [Paced("sms", provider, Pace(a_second=1, burst=2), ticks=provider.ticks, share=lambda: 2) for _ in range(2)]
    waiting = [(channel, reply(f"{each}-{n}")) for each, channel in enumerate(both) for n in range(90)]
    for _ in range(60):
        waiting = [(channel, one) for channel, one in waiting if await wait_of(channel, one)]
        time.moves(seconds=1)

    assert 58 <= len(provider.asked) <= 62


async def test_a_days_measure_is_divided_too(provider: Provider) -> None:
    """Of what may go in a day each process sends its part."""
    channel = Paced("sms", provider, Pace(a_day=9), ticks=provider.ticks, share=lambda: 2)
    waits = [await wait_of(channel, reply(str(row))) for row in range(9)]

    assert 4 == waits.count(0)
