"""The folder that is written to: made, locked, sealed; demo secrets; the bell; the throttle; parts by name."""

import asyncio
import os
from pathlib import Path

import pytest
from starlette.requests import Request

from connectors.base import Connector
from core.errors import ConfigError
from core.settings import Secret
from pipeline import demo, parts, place
from pipeline.bell import Bell, ring
from web.throttle import Rate, Throttle, caller


def test_the_folder_is_ours_alone(tmp_path: Path) -> None:
    """Nobody else may read what is written."""
    made = place.prepare(tmp_path / "var")

    assert 0o700 == made.stat().st_mode & 0o777


def test_a_folder_that_is_a_file_is_a_mistake(tmp_path: Path) -> None:
    """One clear message: where, what, what now."""
    (tmp_path / "var").write_text("")

    with pytest.raises(ConfigError, match="EUNGDAPSO_VAR"):
        place.prepare(tmp_path / "var")


def test_a_second_instance_is_refused(tmp_path: Path) -> None:
    """The message names the process that holds the folder."""
    place.Lock(tmp_path, "all").take()

    with pytest.raises(ConfigError, match=f"process {os.getpid()}"):
        place.Lock(tmp_path, "all").take()


def test_a_released_lock_can_be_taken(tmp_path: Path) -> None:
    """Whoever stops makes room."""
    first = place.Lock(tmp_path, "all")
    first.take()
    first.release()
    second = place.Lock(tmp_path, "all")
    second.take()
    second.release()

    assert (tmp_path / "all.lock").exists()


def test_the_key_is_made_once(tmp_path: Path) -> None:
    """What one start sealed, the next can open; nobody else may read the key."""
    sealed = place.seal(tmp_path, None, {}).seal(b"x")

    assert b"x" == place.seal(tmp_path, None, {}).open(sealed)
    assert 0o600 == (tmp_path / "key").stat().st_mode & 0o777


def test_a_readable_key_is_a_mistake(tmp_path: Path) -> None:
    """The message says the command that mends it."""
    place.seal(tmp_path, None, {})
    (tmp_path / "key").chmod(0o644)

    with pytest.raises(ConfigError, match="chmod 600"):
        place.seal(tmp_path, None, {})


def test_another_key_is_a_mistake(tmp_path: Path) -> None:
    """With another key everything that lies there would be parked as unreadable."""
    place.keep_check(tmp_path, place.seal(tmp_path, None, {}))
    (tmp_path / "key").write_text("ab" * 32)

    with pytest.raises(ConfigError, match="not the key"):
        place.seal(tmp_path, None, {})


def test_a_key_that_nobody_worked_with_keeps_no_other_out(tmp_path: Path) -> None:
    """A wrong key in an empty folder leaves nothing behind that the right one would fail at."""
    place.seal(tmp_path, Secret(env="KEY"), {"KEY": "ab" * 32})
    place.keep_check(tmp_path, place.seal(tmp_path, Secret(env="KEY"), {"KEY": "cd" * 32}))

    with pytest.raises(ConfigError, match="variable KEY: is not the key"):
        place.seal(tmp_path, Secret(env="KEY"), {"KEY": "ab" * 32})


def test_a_lost_key_is_not_replaced(tmp_path: Path) -> None:
    """A new key beside old data would make it look empty."""
    (tmp_path / "cases.sqlite").write_bytes(b"")

    with pytest.raises(ConfigError, match="Bring the key back"):
        place.seal(tmp_path, None, {})


def test_a_bad_key_in_the_environment_is_a_mistake(tmp_path: Path) -> None:
    """The message names the variable, not its value."""
    with pytest.raises(ConfigError, match="KEY") as caught:
        place.seal(tmp_path, Secret(env="KEY"), {"KEY": "abc"})

    assert "abc" not in str(caught.value)


def test_demo_secrets_stay_the_same(tmp_path: Path) -> None:
    """A second start knows the first one's secrets, and the file is ours alone."""
    first, is_demo = demo.environment(tmp_path, {})

    assert (first, True) == (demo.environment(tmp_path, {})[0], is_demo)
    assert 0o600 == (tmp_path / "demo.env").stat().st_mode & 0o777


def test_demo_secrets_of_an_older_version_are_completed(tmp_path: Path) -> None:
    """A file that lacks what newer channels need gets it; what stands there stays, as does a key of somebody's own."""
    old = "EUNGDAPSO_SMS_TOKEN=old\nMINE=1\nEUNGDAPSO_KAKAO_SECRET=without an end"
    (tmp_path / "demo.env").write_text(old, encoding="utf-8")
    first, is_demo = demo.environment(tmp_path, {})
    written = (tmp_path / "demo.env").read_text(encoding="utf-8")

    assert (True, True) == (is_demo, written.startswith(old + "\n"))
    assert ("old", "1", "without an end") == tuple(
        first[name] for name in ("EUNGDAPSO_SMS_TOKEN", "MINE", "EUNGDAPSO_KAKAO_SECRET")
    )
    assert first["EUNGDAPSO_OPEN311_KEY"]
    assert first == demo.environment(tmp_path, {})[0]


def test_demo_secrets_never_mix_with_real_ones(tmp_path: Path) -> None:
    """One real secret, and nothing is made up."""
    given = {"EUNGDAPSO_SMS_TOKEN": "real"}

    assert (given, False) == demo.environment(tmp_path, given)


async def test_a_bell_wakes_whoever_listens(tmp_path: Path) -> None:
    """Another process rings by the file alone."""
    with Bell(tmp_path / "bell") as bell:
        ring(tmp_path / "bell")
        async with asyncio.timeout(300):
            await bell.rung.wait()

        assert bell.rung.is_set()


def test_ringing_where_nobody_listens_does_nothing(tmp_path: Path) -> None:
    """The command line works without a running instance."""
    ring(tmp_path / "bell")

    assert not (tmp_path / "bell").exists()


def test_guesses_are_bounded() -> None:
    """So many tries within the time, then no more until it has passed."""
    throttle = Throttle(most=2, seconds=10)

    assert [True, True, False, True] == [throttle.allows("n", now=t) for t in (0.0, 1.0, 2.0, 11.5)]


def test_a_misspelt_part_is_answered_with_the_nearest() -> None:
    """A typo in a table's name gets a suggestion."""
    with pytest.raises(ConfigError, match="Did you mean 'email'"):
        parts.find("connectors", "emial", Connector)


def test_a_rate_is_one_of_each_key() -> None:
    """So many in a stretch of time, then it says how long to wait; another key has its own, and 0 is no bound."""
    rate, free = Rate(most=2, seconds=10), Rate(most=0, seconds=10)
    waits = [rate.wait(key, now=now) for key, now in (("a", 0), ("a", 1), ("a", 4), ("b", 4), ("a", 10))]

    assert [0, 0, 6, 0, 0] == waits
    assert [0, 0] == [free.wait("a", now=0) for _ in range(2)]


@pytest.mark.parametrize(
    ("peer", "forwarded", "seen"),
    [
        ("8.8.8.8", "", "8.8.8.8"),
        ("8.8.8.8", "198.51.100.1", "8.8.8.8"),
        ("10.0.0.5", "192.0.2.1, 198.51.100.1", "198.51.100.1"),
        ("10.0.0.5", "unknown", "10.0.0.5"),
    ],
)
def test_who_asks_is_known_behind_a_proxy(peer: str, forwarded: str, seen: str) -> None:
    """What a proxy of ours saw counts; what a stranger says about itself does not."""
    headers = [(b"x-forwarded-for", forwarded.encode())] if forwarded else []
    request = Request({"type": "http", "client": (peer, 1), "headers": headers})

    assert seen == caller(request)


def test_whether_an_instance_runs_is_seen(tmp_path: Path) -> None:
    """By its lock, without taking it; a folder in which nothing ever ran has none."""
    before = place.is_held(tmp_path, "sinks")
    lock = place.Lock(tmp_path, "sinks")
    lock.take()
    during = place.is_held(tmp_path, "sinks")
    lock.release()

    assert (False, True, False) == (before, during, place.is_held(tmp_path, "sinks"))
