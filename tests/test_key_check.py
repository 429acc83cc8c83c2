"""One key for everybody who uses a case store: another one is found out before anything is done with it."""

import multiprocessing
import multiprocessing.synchronize
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from cases.database import Database
from cases.key_check import check_key
from cases.migrate import upgrade
from cases.store import CaseStore
from core.errors import ConfigError
from core.wire import Seal
from tests.casework import FORMS, SEAL, WASTE, Time, dispatched, make_store, message, place
from tests.commands import Done, done
from tests.test_roles import ROOT, on_files

OTHER = Seal(bytes(32))
WHERE = "the environment variable EUNGDAPSO_KEY"


@pytest.fixture
def time() -> Time:
    return Time("2026-11-23 10:00")


@pytest.fixture(params=FORMS)
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    with place(request.param, tmp_path) as made:
        yield made


def opened(url: str, time: Time, seal: Seal = SEAL) -> CaseStore:
    return make_store(url, time, seal=seal, key_from=WHERE)


def test_the_first_key_is_the_key(url: str, time: Time) -> None:
    """Whoever comes next with the same key is let in; another key is refused, with where it is from and what to do."""
    opened(url, time).close()
    opened(url, time).close()

    with pytest.raises(ConfigError, match=rf"{WHERE}: is not the key .* Give this process the key that the others"):
        opened(url, time, OTHER)


def test_what_lies_there_already_tells_the_key(url: str, time: Time) -> None:
    """In a store that an older program filled another key does not become the first: the right one is let in."""
    store = make_store(url, time)
    store.record([dispatched(message(WASTE, time))])
    store.close()
    with pytest.raises(ConfigError, match="is not the key"):
        opened(url, time, OTHER)
    opened(url, time).close()

    with pytest.raises(ConfigError, match="is not the key"):
        opened(url, time, OTHER)


def _checks(url: str, key: bytes, gate: "multiprocessing.synchronize.Barrier") -> None:
    database = Database(url)
    database.open()
    gate.wait(60)
    try:
        check_key(database, Seal(key), WHERE)
    except ConfigError:
        sys.exit(2)
    finally:
        database.close()


def test_of_two_keys_that_come_together_one_is_the_key(url: str) -> None:
    """Both see no word there; one writes it, and the other hears that it has another key."""
    database = Database(url)
    database.open()
    upgrade(database)
    database.close()
    context = multiprocessing.get_context("spawn")
    gate = context.Barrier(2)
    both = [context.Process(target=_checks, args=(url, bytes([n]) * 32, gate)) for n in range(2)]
    for process in both:
        process.start()
    for process in both:
        process.join(60)

    assert [0, 2] == sorted(process.exitcode or 0 for process in both)


@pytest.mark.parametrize("words", ["run --role sinks", "run --role router", "setup", "case list"])
def test_no_process_works_with_another_key(tmp_path: Path, words: str) -> None:
    """Each ends at once with exit 2, and leaves nothing in its folder that the right key would fail at."""
    path = on_files(tmp_path)
    path.write_text(path.read_text(encoding="utf-8") + '[security]\nkey = { env = "KEY" }\n', encoding="utf-8")
    first = _done("setup", path, "ab" * 32)
    refused = _done(words, path, "cd" * 32)
    again = _done("case list", path, "ab" * 32)

    assert [0, 2, 0] == [each.returncode for each in (first, refused, again)], refused.stderr
    assert "the environment variable KEY: is not the key that the case store is sealed with" in refused.stderr


def _done(words: str, config: Path, key: str) -> "subprocess.CompletedProcess[str] | Done":
    if not words.startswith("run"):
        return done(*words.split(), "--config", str(config), KEY=key)
    ours = {name: value for name, value in os.environ.items() if not name.startswith("EUNGDAPSO_")}
    return subprocess.run(
        [sys.executable, "-m", "pipeline", *words.split(), "--config", str(config)],
        cwd=ROOT,
        env={**ours, "KEY": key},
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
