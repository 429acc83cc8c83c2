"""Channels that go their own way: a slow one keeps nobody waiting, and nothing of it is lost or doubled."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from cases.model import By
from cases.store import CaseStore
from core.errors import Unavailable
from core.reply import Pace, Receipt, Reply, Sender
from core.wire import Ticket
from sinks._backoff import Backoff
from sinks._pace import Paced
from sinks.reply import Courier
from tests.casework import FORMS, WASTE, Time, dispatched, joins, make_store, message, opened, place
from tests.test_reply import Channel, Parking, relay, states


class Held(Sender):
    """Takes nothing before it is told to."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.may_go = asyncio.Event()

    async def send(self, reply: Reply) -> Receipt:
        self.asked.append(reply.id)
        await self.may_go.wait()
        return Receipt(provider_id=f"held-{reply.id}")


@pytest.fixture
def time() -> Time:
    return Time("2026-11-23 10:00")


@pytest.fixture(params=FORMS)
def store(request: pytest.FixtureRequest, tmp_path: Path, time: Time) -> Iterator[CaseStore]:
    with place(request.param, tmp_path) as url:
        made = make_store(url, time)
        yield made
        made.close()


class Office:
    """A courier of two channels, one of which is held up; it waits for nobody's answer."""

    def __init__(self, store: CaseStore, time: Time) -> None:
        self.store, self.time, self.parking = store, time, Parking()
        self.held, self.quick = Held(), Channel()
        senders = {"sms": self.held, "line": self.quick}
        backoff = Backoff(patience_seconds=0, side_by_side=8)
        self.courier = Courier(store.outbox, senders, self.parking, backoff=backoff, machine=time)

    def writes(self, channel: str, citizen: str) -> str:
        said = message(f"{WASTE} {citizen}", self.time, channel=channel, reply_to=citizen)
        return opened(self.store, dispatched(said))

    async def until(self, channel: str, *, sent: int) -> None:
        """Waits until so many letters of a channel are written down as sent."""
        async with asyncio.timeout(60):
            while self.count(channel) < sent:
                await asyncio.sleep(0.01)

    def count(self, channel: str) -> int:
        cases = [case for case in self.store.views.listed(limit=1_000) if case.channel == channel]
        return sum(states(self.store, case.number) == ["sent"] for case in cases)


@pytest.fixture
async def office(store: CaseStore, time: Time) -> AsyncIterator[Office]:
    made = Office(store, time)
    yield made
    made.held.may_go.set()
    await made.courier.close()


async def test_a_channel_that_hangs_keeps_no_other_waiting(office: Office) -> None:
    """While one provider answers nobody, batch after batch of another channel goes out and is written down."""
    for n in range(30):
        office.writes("sms", f"+8210{n:08}")
    await office.courier.write(relay(office.store, office.time))
    for n in range(30):
        office.writes("line", f"U{n}")
        await office.courier.write(relay(office.store, office.time))
    await office.until("line", sent=30)

    assert (30, 0, 8) == (office.count("line"), office.count("sms"), len(office.held.asked))


async def test_what_hung_is_written_down_when_it_is_back(office: Office) -> None:
    """An answer that comes late is an answer, though its batch is long done."""
    for n in range(8):
        office.writes("sms", f"+8210{n:08}")
    await office.courier.write(relay(office.store, office.time))
    before = office.count("sms")
    office.held.may_go.set()
    await office.until("sms", sent=8)

    assert (0, 8) == (before, len(set(office.held.asked)))


async def test_another_ticket_for_what_is_under_way_sends_nothing(office: Office) -> None:
    """A ticket that was given anew while its row is on its way is no second letter."""
    office.writes("sms", "+821012345678")
    tickets = relay(office.store, office.time)
    for _ in range(3):
        await office.courier.write(tickets)
    office.held.may_go.set()
    await office.until("sms", sent=1)

    assert 1 == len(office.held.asked)


async def test_a_channel_has_no_more_under_way_than_its_measure(office: Office) -> None:
    """What comes beyond goes back to the outbox, untried, and comes again by itself."""
    for n in range(8):
        office.writes("sms", f"+8210{n:08}")
    await office.courier.write(relay(office.store, office.time))
    number = office.writes("sms", "+821099999999")
    await office.courier.write(relay(office.store, office.time))
    turned_away = states(office.store, number)
    office.held.may_go.set()
    await office.until("sms", sent=8)
    office.time.moves(seconds=5)
    await office.courier.write(relay(office.store, office.time))
    await office.until("sms", sent=9)

    assert (["queued"], 9) == (turned_away, len(office.held.asked))


async def test_nothing_overtakes_what_is_under_way(office: Office) -> None:
    """The second letter of a conversation waits for the first, also when its ticket comes early."""
    number = office.writes("sms", "+821012345678")
    said = message("추가합니다", office.time, channel="sms", reply_to="+821012345678")
    office.store.record([joins(said, number)])
    rows = [line.detail["row"] for line in office.store.views.history(number) if "letter" in line.detail]
    await office.courier.write([Ticket(row=rows[0])])
    await office.courier.write([Ticket(row=rows[1])])
    asked = list(office.held.asked)
    office.held.may_go.set()
    async with asyncio.timeout(60):
        while len(office.held.asked) < 2:
            office.time.moves(seconds=10)
            await office.courier.write(relay(office.store, office.time))
            await asyncio.sleep(0.01)

    assert (rows[:1], rows) == (asked, office.held.asked)


@pytest.mark.parametrize(("found", "sent"), [(Receipt(provider_id="SM1"), 0), (None, 1)])
async def test_what_a_killed_process_had_taken_is_taken_up(
    store: CaseStore, time: Time, *, found: Receipt | None, sent: int
) -> None:
    """Its ticket is done with, its row is not: the next start asks what became of it, and sends what did not go."""
    number = opened(store, dispatched(message(WASTE, time)))
    store.outbox.claim(relay(store, time))
    # Where others may be sending, only the end of whoever took it lets it go.
    store.outbox.close()
    channel = Channel(found=found)
    courier = Courier(store.outbox, {"sms": channel}, Parking(), backoff=Backoff(patience_seconds=60), machine=time)
    await courier.setup()

    assert (["sent"], sent) == (states(store, number), len(channel.sent))


async def test_a_fault_of_ours_is_a_persons_matter(store: CaseStore, time: Time) -> None:
    """A letter that breaks the code of its channel may have gone out; the others of the batch go."""

    class Broken(Channel):
        async def send(self, reply: Reply) -> Receipt:
            if "1번" in reply.text or not self.sent:
                self.sent.append(reply)
                raise KeyError("a field that the provider left out")
            return await super().send(reply)

    numbers = [opened(store, dispatched(message(f"{n}번 가로등 고장", time))) for n in range(3)]
    backoff = Backoff(patience_seconds=60)
    courier = Courier(store.outbox, {"sms": Broken()}, Parking(), backoff=backoff, machine=time)
    await courier.write(relay(store, time))

    assert ["sent", "sent", "uncertain"] == sorted(states(store, number)[0] for number in numbers)


async def test_what_waits_goes_when_the_provider_is_back(store: CaseStore, time: Time) -> None:
    """Letters whose own wait has become long go as soon as one got through: in order, one after the other."""
    for n in range(40):
        number = opened(store, dispatched(message(f"{WASTE} {n}번지", time, reply_to=f"+8210{n:08}")))
        store.officer.answer(number, "현장을 확인하고 수거했습니다.", By("박지훈"))
    provider = Channel(*[Unavailable("500")] * 12)

    def ticks() -> float:
        return time.now.timestamp()

    paced = Paced("sms", provider, Pace(), ticks=ticks)
    backoff = Backoff(first_seconds=600, most_seconds=7_200, patience_seconds=60)
    courier = Courier(store.outbox, {"sms": paced}, Parking(), backoff=backoff, machine=time)
    while not provider.sent:
        await courier.write(relay(store, time))
        time.moves(seconds=60)
    for _ in range(30):
        await courier.write(relay(store, time))
        time.moves(seconds=1)

    by_case = {one.case: [each.id for each in provider.sent if each.case == one.case] for one in provider.sent}
    assert (80, 80) == (len(provider.sent), len({one.id for one in provider.sent}))
    assert [(rows, 2) for rows in by_case.values()] == [(sorted(rows), len(rows)) for rows in by_case.values()]
