"""Broadcasts brought out at X, Facebook, Telegram and LINE on loopback, and into files: once, whatever is lost."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from cases.broadcast_model import Broadcast, Draft, Target
from cases.broadcast_queue import Done
from cases.store import CaseStore
from config.schema import Account
from connectors._facebook_settings import FacebookSettings
from connectors._line_announce import LineAnnouncer
from connectors._x_settings import XSettings
from connectors._x_weight import weight
from connectors.facebook import Facebook
from connectors.line import LineSettings
from connectors.telegram import Telegram, TelegramSettings
from connectors.x import X
from core.announce import Announcement, Announcer
from core.clock import machine_clock
from core.errors import Rejected
from pipeline.broadcast_files import FileAnnouncer
from pipeline.broadcast_targets import unready
from pipeline.broadcasting import Broadcaster
from pipeline.settings import Broadcasts as Settings
from tests.announce_provider import BOT_TOKEN, Platforms, Trouble, number_of, token_of
from tests.casework import Time, city, make_store

KIM, PARK = "김서연", "박지훈"
COLD = "[한파경보] 오늘 21시 서울 전역. 수도 계량기를 보온해 주십시오."
X_ONE, X_TWO, PAGE, CHANNEL = "x:one", "x:two", "facebook:page", "telegram:seoul_news"
PATIENCE = timedelta(seconds=4)
SHORT = Settings(first_seconds=0.05, most_seconds=0.1, try_seconds=1.0, lead_seconds=0.3)


@pytest.fixture
def store(tmp_path: Path, time: Time) -> Iterator[CaseStore]:
    made = make_store(tmp_path, time, machine=machine_clock)
    yield made
    made.close()


@pytest.fixture
async def platforms() -> AsyncIterator[Platforms]:
    async with Platforms().listening() as listening:
        yield listening


def posting(platforms: Platforms) -> dict[str, Announcer]:
    """Returns who posts at these platforms, as the channels make them."""
    handles = ("one", "two")
    x = X(
        "x",
        XSettings.model_validate(
            {"api_url": f"{platforms.url}/x", "accounts": {name: {"id": number_of(f"x:{name}")} for name in handles}}
        ),
        environment={f"EUNGDAPSO_X_USER_TOKEN_{name.upper()}": token_of(f"x:{name}") for name in handles},
    )
    pages = {"page": {"id": number_of(PAGE)}}
    facebook = Facebook(
        "facebook",
        FacebookSettings.model_validate({"api_url": f"{platforms.url}/facebook", "accounts": pages}),
        environment={"EUNGDAPSO_FACEBOOK_PAGE_TOKEN": token_of(PAGE)},
    )
    number_of(CHANNEL)
    telegram = Telegram(
        "telegram",
        TelegramSettings(api_url=f"{platforms.url}/telegram"),
        environment={"EUNGDAPSO_TELEGRAM_TOKEN": BOT_TOKEN},
    )
    made = {"x": x.announcer(), "facebook": facebook.announcer(), "telegram": telegram.announcer()}
    return {name: one for name, one in made.items() if one is not None}


def sent(store: CaseStore, *accounts: str) -> str:
    targets = [
        Target(platform=platform, account=account, name="서울", text=COLD, is_linked=platform == "x")
        for platform, _, account in (name.partition(":") for name in accounts)
    ]
    name = store.broadcasts.draft(Draft(audience="all", title="한파", text=COLD, targets=tuple(targets)), KIM).id
    for officer in (KIM, PARK):
        store.broadcasts.approve(name, officer)
    return store.broadcasts.send(name, KIM).id


async def carried(store: CaseStore, name: str, announcers: dict[str, Announcer]) -> Broadcast:
    """Runs until nothing is left to do; returns what became of it."""
    running = asyncio.create_task(Broadcaster(store.broadcasts.queue, announcers, SHORT).run())
    async with asyncio.timeout(300):
        while store.broadcasts.queue.has_work():
            await asyncio.sleep(0.02)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    for announcer in announcers.values():
        await announcer.close()
    return store.broadcasts.get(name)


def states(found: Broadcast) -> dict[str, str]:
    return {f"{post.platform}:{post.account}": post.state for post in found.posts}


@pytest.mark.parametrize("account", [X_ONE, X_TWO, PAGE])
async def test_a_lost_answer(store: CaseStore, platforms: Platforms, account: str) -> None:
    """A post whose answer was lost is found where it stands, and not said again."""
    platforms.troubles[account] = Trouble(is_lost=True, times=1)
    found = await carried(store, sent(store, X_ONE, X_TWO, PAGE), posting(platforms))

    assert {X_ONE: "sent", X_TWO: "sent", PAGE: "sent"} == states(found)
    assert [1, 1, 1] == [platforms.made(name) for name in (X_ONE, X_TWO, PAGE)]


@pytest.mark.parametrize("account", [X_TWO, PAGE])
async def test_a_slow_answer(store: CaseStore, platforms: Platforms, account: str) -> None:
    """An account that answers after its time was up has posted all the same, and is not posted to again."""
    platforms.troubles[account] = Trouble(seconds=1.3, times=1)
    found = await carried(store, sent(store, X_ONE, X_TWO, PAGE), posting(platforms))

    assert {X_ONE: "sent", X_TWO: "sent", PAGE: "sent"} == states(found)
    assert [1, 1, 1] == [platforms.made(name) for name in (X_ONE, X_TWO, PAGE)]


async def test_nobody_can_tell(store: CaseStore, platforms: Platforms) -> None:
    """Telegram cannot be asked what it took: a post whose answer was lost waits for a person, and is told."""
    platforms.troubles[CHANNEL] = Trouble(is_lost=True, times=1)
    degraded: dict[str, str] = {}
    name = sent(store, CHANNEL)
    found = await carried(store, name, posting(platforms))
    await Broadcaster(store.broadcasts.queue, {}, SHORT, degraded=degraded)._tell()

    assert ({CHANNEL: "uncertain"}, 1) == (states(found), platforms.made(CHANNEL))
    assert f"{name} uncertain 1; see `eungdapso broadcast show`" == degraded["broadcasts"]


async def test_refused_and_away(store: CaseStore, platforms: Platforms) -> None:
    """Who is refused is given up with the reason, who is away is tried again; neither holds up another."""
    platforms.troubles = {X_TWO: Trouble(status=401), PAGE: Trouble(status=503, times=3)}
    found = await carried(store, sent(store, X_ONE, X_TWO, PAGE, CHANNEL), posting(platforms))

    assert {X_ONE: "sent", X_TWO: "failed", PAGE: "sent", CHANNEL: "sent"} == states(found)
    assert ["X refused with 401"] == [post.error for post in found.posts if post.state == "failed"]
    assert [4] == [post.tries for post in found.posts if post.account == "page"]


@pytest.mark.parametrize("trouble", [Trouble(status=401), Trouble(seconds=0.8, times=1)])
async def test_who_should_post_does_not(store: CaseStore, platforms: Platforms, trouble: Trouble) -> None:
    """When the account that posts first at X is refused, or slow, the other one has the words all the same, and no
    account has them twice."""
    platforms.troubles[X_ONE] = trouble
    found = await carried(store, sent(store, X_ONE, X_TWO), posting(platforms))

    assert {X_ONE: "failed" if trouble.status else "sent", X_TWO: "sent"} == states(found)
    assert [0 if trouble.status else 1, 1] == [platforms.made(name) for name in (X_ONE, X_TWO)]


async def test_taken_back_everywhere(store: CaseStore, platforms: Platforms) -> None:
    """What is taken back is gone, also where it was gone already and where the first answer was lost."""
    name = sent(store, X_ONE, X_TWO, PAGE, CHANNEL)
    await carried(store, name, posting(platforms))
    platforms.troubles[PAGE] = Trouble(is_lost=True, times=1)
    store.broadcasts.recall(name, KIM, "오보")
    found = await carried(store, name, posting(platforms))

    assert {"recalled"} == set(states(found).values())
    assert [] == platforms.posted


async def test_taken_back_while_nobody_knows(store: CaseStore, platforms: Platforms) -> None:
    """A post that may be out when the broadcast is taken back is looked for, and taken back when it is there."""
    name = sent(store, PAGE)
    (job,) = store.broadcasts.queue.claim(1, (), patience=PATIENCE).ready
    await posting(platforms)["facebook"].post(
        Announcement(id=job.id, account=job.account, text=job.text, since=job.since)
    )
    store.broadcasts.recall(name, KIM, "오보")
    found = await carried(store, name, posting(platforms))

    assert ({PAGE: "recalled"}, [], 1) == (states(found), platforms.posted, platforms.made(PAGE))


async def test_the_same_words_of_another_day(store: CaseStore, platforms: Platforms) -> None:
    """What an account said in the same words long before is not taken for this post."""
    announcer = posting(platforms)["facebook"]
    old = await announcer.post(Announcement(id="1", account="page", text=COLD, since=machine_clock()))
    platforms.posted[0].at = platforms.posted[0].at.replace(year=2025)
    what = Announcement(id="2", account="page", text=COLD, since=machine_clock())

    assert old.provider_id
    assert await announcer.find(what) is None


def test_x_speaks_with_nobody_elses_token(platforms: Platforms) -> None:
    """A token that stands for all accounts would post in another one's name."""
    accounts = {"one": {"id": "1"}, "two": {"id": "2"}}
    settings = XSettings.model_validate({"api_url": platforms.url, "accounts": accounts})
    announcer = X("x", settings, environment={"EUNGDAPSO_X_USER_TOKEN": "t"}).announcer()
    assert announcer is not None

    assert "no token" in announcer.problem("two")


def test_lengths(platforms: Platforms) -> None:
    """Each platform's own measure: what does not fit is shortened and says where to ask."""
    announcers = posting(platforms)
    long = "한파가 이어집니다. " * 700

    assert 280 >= weight(announcers["x"].fitted(long))
    assert 4_096 >= len(announcers["telegram"].fitted(long))
    assert ["문의 120"] * 2 == [announcers[name].fitted(long)[-6:] for name in ("x", "telegram")]
    assert [COLD] * 3 == [announcers[name].fitted(COLD) for name in announcers]


async def test_into_files(store: CaseStore, tmp_path: Path) -> None:
    """Where nothing is set up, posts are files, which go when they are taken back."""
    rules = X("x", XSettings(), environment={}).announcer()
    assert rules is not None
    files: dict[str, Announcer] = {"x": FileAnnouncer("x", rules, tmp_path / "outbox")}
    name = sent(store, X_ONE, X_TWO)
    found = await carried(store, name, files)
    said = [json.loads(path.read_bytes()) for path in sorted((tmp_path / "outbox").iterdir())]
    store.broadcasts.recall(name, KIM, "오보")
    await carried(store, name, files)

    assert {X_ONE: "sent", X_TWO: "sent"} == states(found)
    assert [(COLD, False), ("", True)] == [(one["text"], one["repost_of"].startswith("file:")) for one in said]
    assert [] == list((tmp_path / "outbox").iterdir())


async def test_refused_after_a_lost_answer(store: CaseStore) -> None:
    """Where nobody looked for an earlier try, a refusal says nothing of it: a person looks."""
    name = sent(store, PAGE)
    store.broadcasts.queue.claim(1, (), patience=PATIENCE)
    found = await carried(store, name, {})

    assert {PAGE: "uncertain"} == states(found)


async def test_the_call_ends_with_its_cause(store: CaseStore) -> None:
    """What LINE does not take back is told on the readiness page until a person settles it, in whatever process."""
    name, degraded = sent(store, "line:seoul"), dict[str, str]()
    (job,) = store.broadcasts.queue.claim(1, (), patience=PATIENCE).ready
    store.broadcasts.queue.settle(Done(id=job.id, state="sent", provider_id="1"))
    store.broadcasts.recall(name, KIM, "오보")
    line = LineAnnouncer(LineSettings(api_url="http://127.0.0.1:1"), "token")
    running = asyncio.create_task(
        Broadcaster(store.broadcasts.queue, {"line": line}, SHORT, degraded=degraded).run(), name="broadcasts"
    )
    async with asyncio.timeout(300):
        while "broadcasts" not in degraded:
            await asyncio.sleep(0.02)
        said = degraded["broadcasts"]
        store.broadcasts.settle(name, KIM, "line:seoul", is_there=False)
        while degraded:
            await asyncio.sleep(0.02)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)

    assert f"{name} stays 1; see `eungdapso broadcast show`" == said


def test_who_cannot_post_is_noted(platforms: Platforms) -> None:
    """Accounts that may broadcast and could not are told, a line for each reason; those that can are not."""
    able = {"name": "서울", "english": "Seoul", "may_broadcast": True}
    pairs = [("x", "one"), ("x", "three"), ("x", "four"), ("facebook", "page")]
    accounts = tuple(Account(platform=platform, handle=handle, **able) for platform, handle in pairs)
    town = city().model_copy(update={"accounts": accounts})

    assert ["cannot broadcast: x:three, x:four: [connectors.x.accounts.<handle>] has no id"] == unready(
        town, posting(platforms)
    )


async def test_line_takes_nothing_back() -> None:
    """LINE knows a post by its id and takes it once; what it sent stays, and a person is told."""
    announcer = LineAnnouncer(LineSettings(api_url="http://127.0.0.1:1"), "token")
    what = Announcement(id="1", account="line", text=COLD, since=machine_clock())

    assert announcer.is_repeatable
    with pytest.raises(Rejected, match="takes nothing back"):
        await announcer.delete(what, "1")
