"""What the bench says when it compares: a reply that went out twice is not overlooked."""

import os
from datetime import timedelta
from pathlib import Path

import pytest

from bench.ledger import Verdict, compare
from cases.store import CaseStore
from core.reply import Reply
from sinks._files import FileSender
from tests.casework import WASTE, Time, claimed, dispatched, file_in, make_store, message, opened, settle


@pytest.fixture
def time() -> Time:
    return Time("2026-11-23 10:00")


@pytest.fixture
def store(tmp_path: Path, time: Time) -> CaseStore:
    return make_store(tmp_path, time)


@pytest.fixture
def reply(store: CaseStore, time: Time) -> Reply:
    """Returns a notice that was marked as sent a second from now."""
    opened(store, dispatched(message(WASTE, time, native_id="SM1")))
    (one,) = claimed(store, time)
    time.moves(seconds=1)
    settle(store, [one.reply], "sent")
    store.close()
    time.moves(seconds=-1)
    return one.reply


async def write(folder: Path, reply: Reply, time: Time) -> None:
    """Writes the file as a process with this folder does now."""
    written = folder / str((await FileSender(folder).send(reply)).provider_id)
    os.utime(written, (time.now.timestamp(), time.now.timestamp()))


def verdict(tmp_path: Path) -> Verdict:
    return compare(file_in(tmp_path), tmp_path / "outbox", ["SM1"])


async def test_one_file_is_clean(tmp_path: Path, time: Time, reply: Reply) -> None:
    """Written, then marked as sent: nothing is missing and nothing is there twice, whatever else lies around."""
    for name in ("first", "second"):
        (tmp_path / "outbox" / name).mkdir(parents=True)
        (tmp_path / "outbox" / name / "meta.json").write_text("{}")
    await write(tmp_path / "outbox" / "first", reply, time)

    assert verdict(tmp_path).is_clean, str(verdict(tmp_path))


async def test_a_file_in_two_places_was_sent_twice(tmp_path: Path, time: Time, reply: Reply) -> None:
    """Two processes that wrote the same reply are found out."""
    await write(tmp_path / "outbox" / "first", reply, time)
    await write(tmp_path / "outbox" / "second", reply, time)

    assert ((reply.id,), False) == (verdict(tmp_path).sent_twice, verdict(tmp_path).is_clean)


async def test_a_file_that_is_newer_than_its_mark_was_sent_twice(tmp_path: Path, time: Time, reply: Reply) -> None:
    """Overwritten in its place after it was marked as sent, it is found out all the same."""
    await write(tmp_path / "outbox" / "first", reply, time)
    time.now += timedelta(seconds=20)
    await write(tmp_path / "outbox" / "first", reply, time)

    assert ((reply.id,), False) == (verdict(tmp_path).sent_twice, verdict(tmp_path).is_clean)
    assert "sent twice 1" in str(verdict(tmp_path))
