"""Posts that were asked for are looked at again: what is gone at X is gone with us, what was edited is read anew."""

from typing import Any

import pytest

from cases.store import CaseStore
from connectors._x_again import Again
from connectors._x_spent import Spent
from core.clock import machine_clock
from tests.test_x_ask import Door, x
from tests.x_provider import FakeX, Trouble

TOKEN = "bearer-token"


class Ticks:
    """Unix time that moves when told."""

    def __init__(self) -> None:
        self.now = 1_795_000_000.0

    def __call__(self) -> float:
        return self.now

    def pass_hours(self, hours: float) -> None:
        self.now += hours * 3_600


class Desk:
    """Reads what citizens say at X, and looks at it again."""

    def __init__(self, fake: FakeX, store: CaseStore, **settings: Any) -> None:
        self.fake, self.door, self.ticks = fake, Door(), Ticks()
        self.part = x(fake, **settings)
        self.again = self.after_restart(store)

    def after_restart(self, store: CaseStore) -> Again:
        settings = self.part.settings
        spent = Spent("x", settings, lambda: store.places)
        return Again("x", settings, TOKEN, self.part._reader, spent, lambda: store.places, unix=self.ticks)

    async def reads(self) -> None:
        """Asks for mentions, and remembers them."""
        before = len(self.door.taken)
        self.part._asking._due = 0
        await self.part.ask("", self.door.accept, machine_clock)
        await self.again.remember([one.message for one in self.door.taken[before:] if one.message])

    async def looks(self, *, hours: float) -> list[tuple[str, str, str]]:
        """Lets time pass and looks; returns what came of it: change, native id, words."""
        before = len(self.door.taken)
        self.ticks.pass_hours(hours)
        await self.again.look(self.door.accept, machine_clock)
        new = [one.message for one in self.door.taken[before:] if one.message]
        return [(message.change, message.native_id, message.text) for message in new]


async def test_what_was_taken_back_is_removed(store: CaseStore) -> None:
    """Within X's day, for whom it was written to and by whom it was; once."""
    fake = FakeX()
    kept, gone = fake.says("@Seoul_eds 가로등"), fake.says("@Seoulgyotong 신호등")
    async with fake.listening():
        desk = Desk(fake, store)
        await desk.reads()
        fake.gone.add(gone["id"])
        early, late, later = [await desk.looks(hours=hours) for hours in (1, 12, 13)]

    (removal,) = [one.message for one in desk.door.taken if one.message and one.message.change == "removal"]
    (original,) = [one.message for one in desk.door.taken if one.message and one.message.native_id == gone["id"]][:1]
    assert ([], [("removal", gone["id"], "")], []) == (early, late, later)
    assert (original.account, original.author.handle) == (removal.account, removal.author.handle)
    assert original.conversation == removal.conversation
    assert kept["id"] != removal.native_id


async def test_what_was_edited_is_read_anew(store: CaseStore) -> None:
    """The newest version becomes another version of the same message; from then on that one is looked at."""
    fake = FakeX()
    first = fake.says("@Seoul_eds 가로등")
    async with fake.listening():
        desk = Desk(fake, store)
        await desk.reads()
        second = fake.says("@Seoul_eds 역삼동 가로등")
        second["edit_history_tweet_ids"] = first["edit_history_tweet_ids"] = [first["id"], second["id"]]
        found = [await desk.looks(hours=13) for _ in range(2)]
        fake.gone.add(second["id"])
        found.append(await desk.looks(hours=13))

    assert [[("edit", first["id"], "역삼동 가로등")], [], [("removal", first["id"], "")]] == found


async def test_a_restart_forgets_nothing(store: CaseStore) -> None:
    """What is to be looked at lies in the case store."""
    fake = FakeX()
    gone = fake.says("@Seoul_eds 가로등")
    async with fake.listening():
        desk = Desk(fake, store)
        await desk.reads()
        fake.gone.add(gone["id"])
        desk.again = desk.after_restart(store)

        assert [("removal", gone["id"], "")] == await desk.looks(hours=13)


async def test_trouble_removes_nothing(store: CaseStore) -> None:
    """Only what X says is gone is gone; while it says nothing the posts stay, the note tells, and it is asked later."""
    fake = FakeX()
    gone = fake.says("@Seoul_eds 가로등")
    async with fake.listening():
        desk = Desk(fake, store)
        await desk.reads()
        fake.gone.add(gone["id"])
        fake.fails("GET tweets", Trouble(status=503))
        trouble, note = await desk.looks(hours=13), desk.again.note
        then = await desk.looks(hours=1)

    assert ([], [("removal", gone["id"], "")], "") == (trouble, then, desk.again.note)
    assert "X answered 503" in note


async def test_what_could_not_be_made_durable_comes_again(store: CaseStore) -> None:
    """A removal counts as told when it is durable."""
    fake = FakeX()
    gone = fake.says("@Seoul_eds 가로등")
    async with fake.listening():
        desk = Desk(fake, store)
        await desk.reads()
        fake.gone.add(gone["id"])
        desk.door.is_open = False
        closed = await desk.looks(hours=13)
        desk.door.is_open = True

        assert ([], [("removal", gone["id"], "")]) == (closed, await desk.looks(hours=1))


@pytest.mark.parametrize(("settings", "hours"), [({"recheck_hours": 0}, 13), ({"recheck_days": 7}, 24 * 8)])
async def test_nothing_is_looked_at_for_ever(store: CaseStore, *, settings: dict[str, float], hours: float) -> None:
    """Each look costs; after its days, or where it is switched off, a post is left alone."""
    fake = FakeX()
    fake.says("@Seoul_eds 가로등")
    async with fake.listening():
        desk = Desk(fake, store, **settings)
        await desk.reads()
        await desk.looks(hours=hours)

    assert 0 == fake.calls("GET tweets")
