"""The files that messages name: taken once, fetched with patience, kept by digest, shown to staff, forgotten."""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from cases.fetches import Fetch, Fetches, Got
from cases.means import Options
from cases.model import By
from cases.store import CaseStore
from core.errors import Rejected, Unavailable
from core.message import Attachment, Location, Message
from sinks._backoff import Backoff
from sinks._fetch import Content, Located
from sinks._media import Means, Media, Rest
from sinks._objects import Files
from sinks.attachments import Attachments
from tests.casework import (
    FORMS,
    SEAL,
    WASTE,
    Time,
    delivered,
    dispatched,
    events,
    held,
    make_store,
    message,
    opened,
    place,
)
from tests.test_photo import photograph

PICTURE = "https://api.twilio.com/2010-04-01/Accounts/AC0/Messages/MM0/Media/ME0"
PHOTO = b"\xff\xd8\xff\xe0" + b"street light" * 100
SIDE = Location(37.57, 126.978056)


class Web:
    """Has files by their addresses; what it has as an error, it raises."""

    def __init__(self, **files: bytes | Exception) -> None:
        self.files: dict[str, bytes | Exception] = {PICTURE: PHOTO}
        self.files |= {f"https://{name}.example/": file for name, file in files.items()}
        self.asked: list[str] = []

    async def fetch(self, located: Located) -> Content:
        self.asked.append(located.url)
        found = self.files[located.url]
        if isinstance(found, Exception):
            raise found
        return Content(body=found, media_type="image/jpeg")


class Town:
    """A case store with a shelf for files, and one channel's loop, round by round."""

    def __init__(self, store: CaseStore, folder: Path, time: Time) -> None:
        self.store, self.time, self.folder = store, time, folder / "objects"
        self.shelf = Attachments(Files(self.folder), {}, seal=SEAL, keep_days=365, clock=time)
        self.placed: list[tuple[Message, Location]] = []
        self.web = Web()
        self.districts: tuple[str, ...] = ("jongno",)
        self.is_sure = True

    async def say(self, message: Message, location: Location) -> None:
        self.placed.append((message, location))

    async def round(self, *, newest_first: bool = False, **backoff: float) -> tuple[int, int]:
        means = Means(
            fetches=self.store.fetches,
            shelf=self.shelf,
            allowed=("image/", "application/pdf"),
            districts=lambda _: (self.districts, self.is_sure),
            placed=self.say,
            backoff=Backoff.model_validate(backoff),
            machine=self.time,
        )
        return await Media("sms", means, self.web, None, newest_first=newest_first).round()

    def fetch(self, number: str) -> Fetch:
        (one,) = self.store.fetches.of(number).values()
        return one

    def kept(self) -> list[str]:
        return [path.name for path in self.folder.rglob("*") if path.is_file()]


@pytest.fixture
def time() -> Time:
    return Time("2026-11-23 10:00")


@pytest.fixture(params=FORMS)
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    with place(request.param, tmp_path) as made:
        yield made


@pytest.fixture
def store(url: str, time: Time) -> Iterator[CaseStore]:
    made = make_store(url, time)
    yield made
    made.close()


@pytest.fixture
def town(store: CaseStore, tmp_path: Path, time: Time) -> Town:
    return Town(store, tmp_path, time)


def picture(place: str = PICTURE, **more: Any) -> Attachment:
    return Attachment(**({"name": "1", "media_type": "image/jpeg", "place": place} | more))


def with_pictures(time: Time, *places: str, **more: Any) -> Message:
    """Returns a picture message of our citizen."""
    return message(WASTE, time, attachments=tuple(picture(one) for one in places or (PICTURE,)), **more)


async def test_a_named_file_is_fetched_and_kept(town: Town, time: Time) -> None:
    """Staff see it with its real size, type and digest, and get it byte for byte from our own store."""
    what = with_pictures(time)
    number = opened(town.store, dispatched(what))
    before = town.fetch(number)
    done = await town.round()
    after = town.fetch(number)

    assert (("queued", 0), (1, 0)) == ((before.state, before.piece.attachment.size), done)
    assert ("fetched", len(PHOTO), 64) == (
        after.state,
        after.piece.attachment.size,
        len(after.piece.attachment.digest),
    )
    assert PHOTO == await town.shelf.get(what, after.piece.attachment)


async def test_a_fetched_file_is_not_fetched_again(town: Town, time: Time) -> None:
    """Once is enough, also when the message comes again."""
    item = dispatched(with_pictures(time))
    opened(town.store, item)
    await town.round()
    town.store.record([item])

    assert ((0, 0), [PICTURE]) == (await town.round(), town.web.asked)


async def test_equal_files_are_kept_once(town: Town, time: Time) -> None:
    """By their digest, whoever sent them."""
    town.web = Web(same=PHOTO)
    opened(town.store, dispatched(with_pictures(time, PICTURE, "https://same.example/")))
    await town.round()

    assert 1 == len(town.kept())


async def test_what_cannot_be_had_now_is_tried_again(town: Town, time: Time) -> None:
    """Later and later, not before the provider's wish, and staff see why it is not there yet."""
    town.web.files[PICTURE] = Unavailable("the provider answered 503", retry_after_seconds=600)
    number = opened(town.store, dispatched(with_pictures(time)))
    first = await town.round()
    seen = town.fetch(number)
    time.moves(seconds=599)
    early = await town.round()
    town.web.files[PICTURE] = PHOTO
    time.moves(seconds=2)
    last = await town.round()

    assert ((1, 1), (0, 0), (1, 0)) == (first, early, last)
    assert ("queued", "the provider answered 503", 1) == (seen.state, seen.error, seen.tries)
    assert "fetched" == town.fetch(number).state


@pytest.mark.parametrize("wish", [31_536_000.0, 1e30, float("inf")])
async def test_whoever_wishes_for_years_is_asked_tomorrow(town: Town, time: Time, wish: float) -> None:
    """No provider decides that a citizen's file is given up, or waited for longer than anybody looks."""
    town.web.files[PICTURE] = Unavailable("the provider answered 503", retry_after_seconds=wish)
    number = opened(town.store, dispatched(with_pictures(time)))
    await town.round()
    seen = town.fetch(number)
    town.web.files[PICTURE] = PHOTO
    time.moves(days=1, seconds=1)
    await town.round()

    assert ("queued", "fetched") == (seen.state, town.fetch(number).state)


async def test_it_is_given_up_in_the_end(town: Town, time: Time) -> None:
    """After so many hours a person is told that it will not come."""
    town.web.files[PICTURE] = Unavailable("the provider answered 500")
    number = opened(town.store, dispatched(with_pictures(time)))
    for _ in range(30):
        await town.round(most_hours=2, most_seconds=600)
        time.moves(minutes=10)
    gave_up = town.fetch(number)

    assert "failed" == gave_up.state
    assert gave_up.error.startswith("given up after ")


async def test_a_file_that_is_absent_may_come_a_moment_later(town: Town, time: Time) -> None:
    """A provider may name a file before it shows it; a link that ran out is left after a few tries."""
    town.web.files[PICTURE] = Rejected("the provider answered 404", status=404)
    number = opened(town.store, dispatched(with_pictures(time)))
    states = []
    for _ in range(5):
        await town.round()
        states.append(town.fetch(number).state)
        time.moves(minutes=5)

    assert ["queued", "queued", "queued", "refused", "refused"] == states


@pytest.mark.parametrize("body", [b"MZ" + bytes(100), b"<html><body>log in</body></html>", b"\x7fELF" + bytes(100)])
async def test_what_is_not_allowed_is_never_kept(town: Town, time: Time, body: bytes) -> None:
    """Not on our disk at any moment; staff see why."""
    town.web.files[PICTURE] = body
    number = opened(town.store, dispatched(with_pictures(time)))
    await town.round()

    assert ([], "refused") == (town.kept(), town.fetch(number).state)
    assert "such files are not kept" in town.fetch(number).error


async def test_more_files_than_one_may_send_are_left(store: CaseStore, town: Town, time: Time) -> None:
    """The first are fetched, and of the others staff see that they are not."""
    number = opened(store, dispatched(with_pictures(time, *[PICTURE] * 25)))
    while (await town.round())[0]:
        pass
    states = [one.state for one in store.fetches.of(number).values()]

    assert (20, 5) == (states.count("fetched"), states.count("refused"))
    assert 20 == len(town.web.asked)


async def test_whatever_breaks_over_one_file_the_others_come(town: Town, time: Time) -> None:
    """Even what nobody thought of harms one file only."""
    town.web = Web(odd=RuntimeError("no such thing as this"))
    number = opened(town.store, dispatched(with_pictures(time, "https://odd.example/", PICTURE)))
    await town.round()

    assert ["queued", "fetched"] == [one.state for one in town.store.fetches.of(number).values()]


async def test_what_was_never_tried_comes_before_what_failed(town: Town, time: Time) -> None:
    """However many links are dead, and due again: a new file waits for none of them."""
    dead = [f"https://dead{n}.example/" for n in range(4)]
    town.web.files |= {url: Unavailable("cannot be fetched now") for url in dead}
    opened(town.store, dispatched(with_pictures(time, *dead)))
    await town.round()
    await town.round()
    time.moves(hours=1)
    number = opened(town.store, dispatched(with_pictures(time, native_id="SM-new")))
    await town.round()

    assert "fetched" == town.fetch(number).state


async def test_links_that_run_out_are_fetched_newest_first(town: Town, time: Time) -> None:
    """After an outage the newest may still be had; where nothing runs out, who came first is first."""
    town.web.files |= {f"https://{n}.example/": PHOTO for n in range(8)}
    for n in range(8):
        opened(town.store, dispatched(with_pictures(time, f"https://{n}.example/", reply_to=f"+82109999000{n}")))
        time.moves(minutes=1)
    await town.round(newest_first=True)
    await town.round()

    assert [f"https://{n}.example/" for n in (7, 6, 5, 0, 1, 2)] == town.web.asked


def test_two_processes_never_have_the_same_file(url: str, store: CaseStore, time: Time) -> None:
    """What one took the other leaves, until whoever took it must be dead; then what it says counts no more."""
    other = make_store(url, time)
    number = opened(store, dispatched(with_pictures(time, *[PICTURE] * 4)))
    mine = _take(store.fetches, 3)
    theirs = _take(other.fetches, 3)
    time.moves(seconds=101)
    again = _take(other.fetches, 9)
    store.fetches.settle(Got(id=again[0], state="refused", error="too late"))
    states = {one.state for one in store.fetches.of(number).values()}
    other.close()

    assert (3, 1, 4) == (len(mine), len(theirs), len(again))
    assert set() == set(mine) & set(theirs)
    assert {"fetching"} == states


def _take(fetches: Fetches, most: int) -> list[str]:
    return [one.id for one in fetches.claim("sms", most, seconds=100, newest_first=False)]


def test_what_a_killed_process_had_is_taken_at_once(url: str, store: CaseStore, time: Time) -> None:
    """Where only one process can be, nobody waits for a dead one."""
    opened(store, dispatched(with_pictures(time)))
    _take(store.fetches, 1)
    between = store.fetches.waiting()
    store.fetches.begin()
    after = store.fetches.waiting()

    assert {"sms": 100} == between
    assert {"sms": 0 if url.startswith("sqlite") else 100} == after


async def test_what_no_case_has_is_not_fetched(town: Town, time: Time) -> None:
    """Nobody would look at it."""
    ignored = dispatched(with_pictures(time), action="ignore", queue=None, reason="bulk mail")
    town.store.record([ignored])

    assert {} == town.store.fetches.waiting()


async def test_a_place_in_a_photograph_is_told_to_staff(town: Town, time: Time) -> None:
    """A case without a district gets a line with the coordinates and where they lie; nothing is routed by it."""
    town.web.files[PICTURE] = photograph()
    number = opened(town.store, held(with_pictures(time)))
    await town.round()
    line = next(line for line in town.store.views.history(number) if line.what == "photo location")

    assert ("37.57000, 126.97806", "a photograph was taken in jongno") == (line.detail["text"], line.why)
    assert ("triage", []) == (town.store.views.case(number).queue, town.placed)
    assert SIDE == town.fetch(number).piece.location


async def test_who_was_asked_for_the_place_has_said_it(town: Town, time: Time) -> None:
    """A case that awaits its place goes on as if its citizen had named the one in the photograph."""
    town.web.files[PICTURE] = photograph()
    what = with_pictures(time)
    opened(town.store, held(what, ask="place"))
    await town.round()

    assert [(what.id, SIDE)] == [(message.id, location) for message, location in town.placed]


@pytest.mark.parametrize(("districts", "is_sure"), [((), True), (("jongno", "jung"), True), (("jongno",), False)])
async def test_a_place_between_districts_is_left_to_a_person(
    town: Town, time: Time, districts: tuple[str, ...], is_sure: bool
) -> None:
    """What is not surely one district routes nothing; the line is there all the same."""
    town.web.files[PICTURE] = photograph()
    town.districts, town.is_sure = districts, is_sure
    number = opened(town.store, held(with_pictures(time), ask="place"))
    await town.round()

    assert ([], True) == (town.placed, "photo location" in events(town.store, number))


async def test_a_case_with_a_district_keeps_its_history(town: Town, time: Time) -> None:
    """Where the matter is known the photograph adds nothing."""
    town.web.files[PICTURE] = photograph()
    number = opened(town.store, dispatched(with_pictures(time)))
    await town.round()

    assert "photo location" not in events(town.store, number)


async def test_a_photograph_in_a_mail_is_looked_into(town: Town, time: Time) -> None:
    """What came within the payload is not fetched: it is read as soon as it lies in our store."""
    body = photograph()
    what = message(
        WASTE, time, attachments=(picture("raw:2", name="a.jpg"), picture("raw:3", media_type="application/pdf"))
    )
    kept = await town.shelf.keep(what.received_at, what.attachments[0], body)
    late = message(WASTE, time, attachments=(kept,), reply_to="+821099990000")
    number = opened(town.store, held(late))
    await town.round()

    assert ([], SIDE) == (town.web.asked, town.fetch(number).piece.location)


def test_where_a_file_is_lies_sealed(store: CaseStore, time: Time, tmp_path: Path) -> None:
    """Addresses open what citizens sent to whoever has them: nobody reads one in our files."""
    opened(store, dispatched(with_pictures(time)))
    store.close()
    files = b"".join(path.read_bytes() for path in tmp_path.iterdir() if path.is_file())

    assert b"Media/ME0" not in files


async def test_with_the_words_the_files_are_forgotten(town: Town, time: Time) -> None:
    """What was sent along is named nowhere any more."""
    number = opened(town.store, dispatched(with_pictures(time)))
    await town.round()
    town.store.officer.close(number, why="처리했습니다.", by=By("박지훈"))
    delivered(town.store, time)
    delivered(town.store, time)
    time.moves(days=10)
    forgotten = town.store.tidy.forget(time.now - timedelta(days=5))

    assert (1, {}) == (forgotten, _known(town.store, number))


async def test_what_its_author_took_back_is_not_shown(url: str, tmp_path: Path, time: Time) -> None:
    """With the message its pictures go."""
    made = make_store(url, time, options=Options(named=frozenset({"sms"}), edited=frozenset({"sms"})))
    what = with_pictures(time)
    number = opened(made, dispatched(what))
    gone = message("", time, native_id=what.native_id, version="removed", change="removal", in_reply_to=what.native_id)
    made.record([dispatched(gone, action="ignore", queue=None)])
    known = _known(made, number)
    made.close()

    assert {} == known


def _known(store: CaseStore, number: str) -> Mapping[tuple[str, int], Fetch]:
    return store.fetches.of(number)


def test_dead_links_hold_up_no_other_file_for_long() -> None:
    """A provider that is away is asked once a minute; where every message names another host nobody waits for that."""
    provider, anywhere = Rest(), Rest(is_anywhere=True)
    waits = [(provider.after(3, 3), anywhere.after(3, 3)) for _ in range(10)]

    assert (60.0, 2.0) == waits[-1]
    assert (0.0, 0.0) == (provider.after(3, 2), anywhere.after(3, 2))
