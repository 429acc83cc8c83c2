"""Mentions of the city's accounts are asked for: nothing is missed, nothing counts as read before it is durable."""

import asyncio
import json
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import pytest

from cases.store import CaseStore
from connectors._x_settings import XSettings
from connectors.x import X
from core.clock import machine_clock
from core.errors import Rejected, Unavailable
from core.message import Arrival
from pipeline.polling import poll
from tests.x_provider import CITY, OTHER, SECRETS, TRAFFIC, FakeX, Trouble

ACCOUNTS = {"Seoul_eds": {"id": CITY}, "Seoulgyotong": {"id": TRAFFIC}}


class Door:
    """Takes arrivals, or cannot."""

    def __init__(self) -> None:
        self.taken: list[Arrival] = []
        self.is_open = True

    async def accept(self, arrivals: Sequence[Arrival]) -> None:
        if not self.is_open:
            raise Unavailable("the log is full")
        self.taken.extend(arrivals)

    @property
    def texts(self) -> list[str]:
        return [arrival.message.text for arrival in self.taken if arrival.message]


def x(fake: FakeX, **settings: Any) -> X:
    given = {"accounts": ACCOUNTS, "api_url": fake.url, "timeout_seconds": 1, "poll_seconds": 0.1, **settings}
    return X("x", XSettings.model_validate(given), environment=SECRETS)


async def ask(part: X, door: Door, place: str = "") -> str:
    """Asks once, at once; returns the new place."""
    part._asking._due = 0
    return (await part.ask(place, door.accept, machine_clock)).place


async def test_all_pages_are_read_oldest_first() -> None:
    """However many pages there are, everything comes, in the order in which it was written, once."""
    fake, door = FakeX(page_size=2), Door()
    for number in range(7):
        fake.says(f"@Seoul_eds 가로등 {number}")
    async with fake.listening():
        part = x(fake)
        place = await ask(part, door)
        await ask(part, door, place)

    assert [f"가로등 {number}" for number in range(7)] == door.texts


async def test_place_moves_when_everything_is_durable() -> None:
    """While what came cannot be made durable the place stays; then all of it comes."""
    fake, door = FakeX(page_size=2), Door()
    async with fake.listening():
        part = x(fake)
        place = await ask(part, door)
        for number in range(3):
            fake.says(f"@Seoul_eds 가로등 {number}")
        door.is_open = False
        with pytest.raises(Unavailable):
            await ask(part, door, place)
        door.is_open = True
        place = await ask(part, door, place)

    assert 3 == len(door.texts)
    assert fake.posts[-1]["id"] == json.loads(place)["accounts"]["Seoul_eds"]["since_id"]


async def test_half_of_the_pages_is_nothing() -> None:
    """When X fails at the second page nothing of the first counts as read."""
    fake, door = FakeX(page_size=2), Door()
    for number in range(4):
        fake.says(f"@Seoul_eds 가로등 {number}")
    async with fake.listening():
        part = x(fake, accounts={"Seoul_eds": {"id": CITY}})
        fake.fails("GET mentions", Trouble(), Trouble(status=503))
        with pytest.raises(Unavailable):
            await ask(part, door)
        before = list(door.texts)
        await ask(part, door)

    assert [] == before
    assert 4 == len(door.texts)


async def test_first_question_begins_a_day_ago() -> None:
    """Who has never asked does not dig up old mentions; from the first mention on it goes by its number."""
    fake, door = FakeX(), Door()
    async with fake.listening():
        part = x(fake, accounts={"Seoul_eds": {"id": CITY}})
        place = await ask(part, door)
        new = fake.says("@Seoul_eds 가로등")
        place = await ask(part, door, place)
        await ask(part, door, place)

    queries = [asked.query for asked in fake.asked]
    assert queries[0]["start_time"] == queries[1]["start_time"]
    assert new["id"] == queries[2]["since_id"]
    assert "note_tweet" in queries[0]["tweet.fields"]


async def test_one_account_that_is_refused_stops_no_other() -> None:
    """What X refuses for one account is told, and the others are read."""
    fake, door = FakeX(), Door()
    fake.says("@Seoulgyotong 신호등")
    async with fake.listening():
        part = x(fake)
        fake.fails("GET mentions", Trouble(status=404))
        asked = await part.ask("", door.accept, machine_clock)

    assert ["신호등"] == door.texts
    assert "Seoul_eds: X refused with 404" == asked.note


async def test_limit_is_kept_and_the_rest_comes_first_next_time() -> None:
    """When X wants us to wait we wait as long as it says, and begin with the account that was not asked."""
    fake, door = FakeX(), Door()
    fake.says("@Seoul_eds 가로등")
    fake.says("@Seoulgyotong 신호등")
    async with fake.listening():
        part = x(fake)
        fake.fails("GET mentions", Trouble(), Trouble(status=429, headers={"retry-after": "30"}))
        asked = await part.ask("", door.accept, machine_clock)
        before = list(door.texts)
        await ask(part, door, asked.place)

    assert ["가로등"] == before
    assert 25 < asked.wait_seconds <= 30
    assert TRAFFIC == fake.asked[2].match_info["id"]


@pytest.mark.parametrize(("status", "error"), [(500, Unavailable), (429, Unavailable), (401, Rejected)])
async def test_when_nothing_works_that_is_told(status: int, error: type[Exception]) -> None:
    """When no account can be read the channel says so, and stays where it was."""
    fake = FakeX()
    async with fake.listening():
        fake.fails("GET mentions", *[Trouble(status=status)] * 4)
        with pytest.raises(error):
            await ask(x(fake), Door())


@pytest.mark.parametrize("trouble", [Trouble(is_lost=True), Trouble(seconds=3), Trouble(status=302)])
async def test_silence_and_redirects_lose_nothing(trouble: Trouble) -> None:
    """An answer that does not come, or sends us elsewhere with our token, is asked for again."""
    fake, door = FakeX(), Door()
    fake.says("@Seoul_eds 가로등")
    async with fake.listening():
        part = x(fake, accounts={"Seoul_eds": {"id": CITY}}, timeout_seconds=0.3)
        fake.fails("GET mentions", trouble)
        place = ""
        with suppress(Unavailable, Rejected):
            place = await ask(part, door)
        await ask(part, door, place)

    assert ["가로등"] == door.texts
    assert 2 <= fake.calls("GET mentions")


async def test_post_that_cannot_be_read_keeps_no_other_out() -> None:
    """A post without its author is left out; the ones after it come."""
    fake, door = FakeX(), Door()
    fake.says("@Seoul_eds 가로등", edit_history_tweet_ids=["?"])
    fake.says("@Seoul_eds 신호등")
    async with fake.listening():
        await ask(x(fake), door)

    assert ["신호등"] == door.texts


async def test_edited_post_comes_again() -> None:
    """A post that was edited after it was read comes as another version of itself."""
    fake, door = FakeX(), Door()
    first = fake.says("@Seoul_eds 가로등", author=OTHER)
    async with fake.listening():
        part = x(fake)
        place = await ask(part, door)
        edited = fake.says("@Seoul_eds 가로등과 신호등", author=OTHER)
        edited["edit_history_tweet_ids"] = [first["id"], edited["id"]]
        await ask(part, door, place)

    assert [("1", ""), (edited["id"], "edit")] == [
        (one.version, one.message.change) for one in door.taken if one.message
    ]
    assert {first["id"]} == {one.native_id for one in door.taken}


async def test_each_post_is_kept_with_its_own_extras() -> None:
    """What is archived with a message is that post, not the hundred that came along."""
    fake, door = FakeX(), Door()
    fake.says("@Seoul_eds 가로등", author=OTHER)
    fake.says("@Seoul_eds 신호등")
    async with fake.listening():
        await ask(x(fake), door)
    raws = [json.loads(arrival.raw) for arrival in door.taken]

    assert [OTHER, "1500000000000000001"] == [raw["includes"]["users"][0]["id"] for raw in raws]
    assert [1, 1] == [len(raw["includes"]["users"]) for raw in raws]
    assert ["시민 (@citizen_two)", "시민 (@citizen_one)"] == [
        one.message.author.name for one in door.taken if one.message
    ]


async def test_what_was_read_is_counted() -> None:
    """Posts that were written to us and the names of their authors cost what the settings say."""
    fake = FakeX()
    fake.says("@Seoul_eds 가로등")
    fake.says("@Seoul_eds 신호등")
    async with fake.listening():
        part = x(fake, accounts={"Seoul_eds": {"id": CITY}})
        await ask(part, Door())

    assert 12_000 == part._spent._last.micros


async def test_what_calls_cost_is_counted_where_nothing_is_asked() -> None:
    """With webhooks alone X is not asked, and what its calls cost is written down all the same."""
    secret = {"EUNGDAPSO_X_CONSUMER_SECRET": "s"}
    part = X("x", XSettings.model_validate({"api_url": "http://127.0.0.1:9", "poll_seconds": 7}), environment=secret)
    part._spent.owe(part.settings.prices.post_read)
    asked = await part.ask("", Door().accept, machine_clock)

    assert (7, 5_000) == (asked.wait_seconds, part._spent._last.micros)


async def test_spent_budget_degrades_the_channel(store: CaseStore) -> None:
    """That a channel only reads is told where operators look, as long as it is so."""
    fake, door, degraded = FakeX(), Door(), dict[str, str]()
    fake.says("@Seoul_eds 가로등")
    async with fake.listening():
        part = x(fake, monthly_budget=0.005, poll_seconds=0.1)
        part.memory = store.places
        task = asyncio.create_task(poll(part, door.accept, store.places, machine_clock, degraded))
        async with asyncio.timeout(300):
            while "connectors.x" not in degraded:
                await asyncio.sleep(0.01)
        task.cancel()
        await asyncio.wait([task])

    assert ["가로등"] == door.texts
    assert "the monthly budget of 0.005 dollars is spent: nothing is sent" == degraded["connectors.x"]


async def test_a_token_that_ended_is_named() -> None:
    """Who reads that X refused us learns which secret that is, and what to do."""
    fake, door = FakeX(), Door()
    async with fake.listening():
        part = x(fake, accounts={"Seoul_eds": {"id": CITY}})
        fake.fails("GET mentions", Trouble(status=401))
        with pytest.raises(Rejected, match="X refused with 401: renew EUNGDAPSO_X_BEARER_TOKEN at X"):
            await ask(part, door)
