"""Channels that are asked: one process at a time, from the place that was kept, nothing missed."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from pathlib import Path

import pytest

from cases.store import CaseStore
from connectors.base import Accept, Asked, ChannelSettings, Poller
from core.clock import Clock, machine_clock
from core.errors import Rejected, Unavailable
from core.hook import arrivals
from core.message import Arrival, Message
from pipeline import place
from pipeline.polling import poll
from tests.casework import Time, make_store


class Asks(Poller[ChannelSettings]):
    """Gives one message after the other, and now and then what it was told to give instead."""

    Settings = ChannelSettings

    def __init__(self, *instead: Exception) -> None:
        super().__init__("asked", ChannelSettings(), environment={})
        self.instead = list(instead)
        self.places: list[str] = []
        self.is_closed = False

    async def ask(self, place: str, accept: Accept, clock: Clock) -> Asked:
        self.places.append(place)
        if self.instead:
            raise self.instead.pop(0)
        number = str(int(place or "0") + 1)
        message = Message(id="", channel=self.name, account="a", native_id=number, received_at=clock(), text="가로등")
        await accept(arrivals(self.name, [message], b"{}"))
        return Asked(place=number, wait_seconds=0.0 if int(number) % 3 else 3_600.0)

    async def close(self) -> None:
        self.is_closed = True


@asynccontextmanager
async def asking(part: Asks, store: CaseStore, taken: list[Arrival], degraded: dict[str, str]) -> AsyncIterator[None]:
    async def accept(given: Sequence[Arrival]) -> None:
        taken.extend(given)

    task = asyncio.create_task(poll(part, accept, store.places, machine_clock, degraded))
    yield
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def until(count: int, taken: list[Arrival]) -> None:
    async with asyncio.timeout(60):
        while len(taken) < count:
            await asyncio.sleep(0.01)


async def test_who_comes_next_goes_on_at_the_place(store: CaseStore) -> None:
    """Every message once, although the process was another one in between."""
    taken: list[Arrival] = []
    first, second = Asks(), Asks()
    async with asking(first, store, taken, {}):
        await until(3, taken)
    async with asking(second, store, taken, {}):
        await until(6, taken)

    assert ["1", "2", "3", "4", "5", "6"] == [arrival.native_id for arrival in taken]
    assert first.is_closed
    assert "3" == second.places[0]


@pytest.mark.parametrize("error", [Unavailable("away"), Rejected("our token is wrong")])
async def test_trouble_is_told_and_ends(store: CaseStore, error: Exception) -> None:
    """Asked again from the same place; whoever looks at the instance sees it until it works again."""
    taken: list[Arrival] = []
    degraded: dict[str, str] = {}
    part = Asks(error)
    async with asking(part, store, taken, degraded):
        async with asyncio.timeout(60):
            while not degraded:
                await asyncio.sleep(0.01)
        assert str(error) in degraded["connectors.asked"]
        await until(3, taken)

    assert ["", ""] == part.places[:2]
    assert {} == degraded


def test_one_asks_at_a_time(url: str, time: Time) -> None:
    """Another process gets the turn when it was given up, or has ended; a place is kept by who has the turn."""
    one, other = make_store(url, time), make_store(url, time)
    seen = [one.places.take("x", 60), other.places.take("x", 60)]
    one.places.keep("x", "17")
    one.places.leave("x")
    seen.append(other.places.take("x", 60))
    with pytest.raises(Unavailable):
        one.places.keep("x", "18")
    time.now += timedelta(seconds=61)
    seen.append(one.places.take("x", 60))

    assert ["", None, "17", "17"] == seen
    one.close()
    other.close()


def test_who_comes_after_a_killed_one_need_not_wait(url: str, time: Time, tmp_path: Path) -> None:
    """Of two that can only be there one after the other the later takes the turn at once; anybody else waits for its
    end, and the one before, should it live after all, can keep nothing."""
    killed, next_, elsewhere = (make_store(url, time) for _ in range(3))
    place.Lock(tmp_path, "intake").take()
    copy = tmp_path / "copy"
    copy.mkdir()
    place.Lock(copy, "intake").take()
    for store, folder in ((killed, tmp_path), (next_, tmp_path), (elsewhere, copy)):
        store.places.settle(place.home(folder, "intake"))
    seen = [store.places.take("x", 60) for store in (killed, elsewhere, next_, elsewhere)]
    with pytest.raises(Unavailable):
        killed.places.keep("x", "18")

    assert ["", None, "", None] == seen
    for store in (killed, next_, elsewhere):
        store.close()
