"""Emergency broadcasts on a whole instance, with X, Facebook and Telegram on loopback, slow and broken as they are."""

import asyncio
import json
import re
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from bench.instance import ROOT, Instance
from tests.announce_provider import BOT_TOKEN, Platforms, Trouble, number_of, token_of
from tests.commands import asked

HANDLES = {
    "x": [f"Seoul_{number:02}" for number in range(1, 21)],
    "facebook": [f"seoul.page{number}" for number in range(1, 9)],
    "telegram": [f"seoul_news{number}" for number in range(1, 4)],
}
ACCOUNTS = [f"{platform}:{handle}" for platform, handles in HANDLES.items() for handle in handles]
COLD = "[한파경보] 11월 23일 21시 서울 전역. 수도 계량기를 보온하고 외출을 삼가 주십시오. 문의 120"
FAILING = ("x:Seoul_07", "facebook:seoul.page3", "telegram:seoul_news2")
SLOW = "x:Seoul_11"


def accounts_toml() -> str:
    """Returns the accounts of a city that has 31."""
    one = '[[account]]\nplatform = "{}"\nhandle = "{}"\nname = "서울"\nenglish = "Seoul"\nmay_broadcast = true\n'
    return "\n".join(one.format(*account.split(":")) for account in ACCOUNTS)


def city_in(folder: Path) -> Path:
    """Returns a folder with the city's files, of which only the accounts are others."""
    folder.mkdir(parents=True)
    for path in (ROOT / "config").iterdir():
        if path.name != "accounts.toml":
            (folder / path.name).symlink_to(path)
    (folder / "accounts.toml").write_text(accounts_toml(), encoding="utf-8")
    return folder


def secrets() -> dict[str, str]:
    pages = {f"EUNGDAPSO_FACEBOOK_PAGE_TOKEN_{_env(h)}": token_of(f"facebook:{h}") for h in HANDLES["facebook"]}
    users = {f"EUNGDAPSO_X_USER_TOKEN_{_env(handle)}": token_of(f"x:{handle}") for handle in HANDLES["x"]}
    return {**pages, **users, "EUNGDAPSO_FACEBOOK_APP_SECRET": "s", "EUNGDAPSO_TELEGRAM_TOKEN": BOT_TOKEN}


def _env(handle: str) -> str:
    return re.sub(r"[^A-Z0-9]", "_", handle.upper())


def settings(url: str) -> str:
    """Returns the tables that make these platforms reachable."""
    x = "".join(f'accounts.{handle}.id = "{number_of(f"x:{handle}")}"\n' for handle in HANDLES["x"])
    pages = "".join(f'accounts."{h}".id = "{number_of(f"facebook:{h}")}"\n' for h in HANDLES["facebook"])
    for handle in HANDLES["telegram"]:
        number_of(f"telegram:{handle}")
    return (
        f'[connectors.x]\napi_url = "{url}/x"\n{x}\n[connectors.facebook]\napi_url = "{url}/facebook"\n{pages}\n'
        f'[connectors.telegram]\napi_url = "{url}/telegram"\n\n'
        "[broadcasts]\nfirst_seconds = 1\nmost_seconds = 2\ntry_seconds = 8\n"
    )


@asynccontextmanager
async def running(folder: Path, platforms: Platforms) -> AsyncIterator[Instance]:
    city = city_in(folder / "city")
    instance = Instance(folder / "one", {"EUNGDAPSO_NOW": "2026-11-23T21:00:00", **secrets()})
    text = instance.config.read_text(encoding="utf-8")
    text = re.sub(r"(?m)^\[connectors\.(x|facebook|telegram)\](.*\n)(^[^\[\n].*\n|^#.*\n)*", "", text)
    text = re.sub(r'(?m)^city = ".*"', f'city = "{city}"', text)
    instance.config.write_text(f"{text}\n{settings(platforms.url)}", encoding="utf-8")
    await asyncio.to_thread(instance.start)
    try:
        yield instance
    finally:
        await asyncio.to_thread(instance.stop)


async def say(instance: Instance, *words: str) -> str:
    done = await asyncio.to_thread(asked, instance, "broadcast", *words)
    assert 0 == done.exit_code, done.stderr
    return done.stdout


async def seen(instance: Instance, name: str) -> dict[str, Any]:
    return dict(json.loads(await say(instance, "show", name, "--json")))


async def until(look: Callable[[], Any], seconds: float = 300) -> None:
    async with asyncio.timeout(seconds):
        while not look():
            await asyncio.sleep(0.02)


async def approved(instance: Instance, *words: str) -> str:
    """Drafts and has two officers approve; returns its number."""
    name = str(json.loads(await say(instance, *words, "--by", "김서연", "--json"))["id"])
    await say(instance, "approve", name, "--by", "김서연")
    await say(instance, "approve", name, "--by", "박지훈")
    return name


async def test_31_accounts(tmp_path: Path) -> None:
    """Of 31 accounts three fail and one is slow: 27 have it while that one hangs, the rest is tried again and shown; a
    second call sends nothing twice; what is wrong is put right, and taken back everywhere."""
    platforms = Platforms(troubles={name: Trouble(status=503) for name in FAILING})
    slow = platforms.hangs(SLOW)
    async with platforms.listening(), running(tmp_path, platforms) as instance:
        name = await approved(instance, "draft", COLD)
        sending = asyncio.create_task(say(instance, "send", name, "--by", "김서연", "--wait", "0"))
        await until(lambda: len(platforms.posted) >= 27)
        at_once, is_hanging = [one.account for one in platforms.posted], not slow.is_set()
        await sending
        await asyncio.to_thread(_counted, instance, name, sent=27)
        table = await say(instance, "show", name)
        at_27 = await seen(instance, name)
        again = await say(instance, "send", name, "--by", "박지훈", "--wait", "0")
        platforms.troubles = {SLOW: Trouble(times=0)}
        slow.set()
        await until(lambda: len(platforms.posted) == 31)
        await asyncio.to_thread(_done, instance, name)
        whole = await seen(instance, name)
        correction = await approved(instance, "correct", name, COLD.replace("21시", "22시"))
        await say(instance, "send", correction, "--by", "김서연", "--wait", "20")
        await asyncio.to_thread(_done, instance, correction)
        await until(lambda: len(platforms.posted) == 31)
        corrected = {one.text for one in platforms.posted if not one.of}
        recalled = json.loads(
            await say(instance, "recall", correction, "--why", "훈련이었음", "--by", "박지훈", "--json")
        )

    assert (sorted({*ACCOUNTS} - {*FAILING, SLOW}), True) == (sorted(at_once), is_hanging)
    assert "27/31: " in table
    assert "503" in table
    assert sorted(FAILING) == sorted(
        f"{post['platform']}:{post['account']}"
        for post in at_27["posts"]
        if post["state"] != "sent" and post["account"] != "Seoul_11"
    )
    assert "posted" in again
    assert {"sent": 31} == whole["counts"]
    # The one that was retried, and what was posted again in the second call: each account has it once.
    assert [2] * 31 == [platforms.made(account) for account in ACCOUNTS]
    assert 19 == sum(post["role"] == "repost" for post in whole["posts"])
    assert [] == platforms.copies
    assert {f"[정정] {COLD.replace('21시', '22시')}"} == corrected
    assert ({"recalled": 31}, []) == (recalled["counts"], platforms.posted)


def _done(instance: Instance, name: str) -> None:
    _until(instance, name, lambda found: bool(found["state"] == "done"))


def _counted(instance: Instance, name: str, *, sent: int) -> None:
    _until(instance, name, lambda found: bool(found["counts"].get("sent", 0) >= sent))


def _until(instance: Instance, name: str, is_so: Callable[[Any], bool]) -> None:
    deadline = time.monotonic() + 300
    while time.monotonic() < deadline:
        found = json.loads(asked(instance, "broadcast", "show", name, "--json").stdout)
        if is_so(found):
            return
        # To look takes a processor, which the instance may need.
        time.sleep(0.5)
    raise AssertionError(f"it did not come: {found['counts']}")


async def test_killed_on_the_way(tmp_path: Path) -> None:
    """An instance that is killed while it posts finds, when it is back, what stands there, and says the rest."""
    slow = ("x:Seoul_09", "facebook:seoul.page2", "facebook:seoul.page5")
    platforms = Platforms(troubles={name: Trouble(seconds=2, times=1) for name in slow})
    async with platforms.listening(), running(tmp_path, platforms) as instance:
        name = await approved(instance, "draft", COLD)
        await say(instance, "send", name, "--by", "김서연", "--wait", "0")
        await until(lambda: platforms.calls and len(platforms.posted) >= 20)
        await asyncio.to_thread(instance.kill)
        await until(lambda: all(not platforms.troubles[one].times for one in slow))
        await asyncio.sleep(2.5)
        await asyncio.to_thread(instance.start)
        await asyncio.to_thread(_done, instance, name)
        found = await seen(instance, name)

    # Telegram cannot be asked: what was on its way there, if anything was, waits for a person.
    assert 31 == sum(found["counts"].get(state, 0) for state in ("sent", "uncertain"))
    assert [1] * 31 == [platforms.made(account) for account in ACCOUNTS]
    assert [] == platforms.copies
