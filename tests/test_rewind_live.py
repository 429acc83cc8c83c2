"""`eungdapso topics rewind` against a real broker: `python tests/live/broker.py` prints the variable that names it."""

import os
import secrets
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from core.errors import Rejected
from streams._cluster import Access, create_topics, rewind
from streams.base import INBOUND, ROUTED, Batch, Entry
from streams.kafka import Kafka

URL = os.environ.get("EUNGDAPSO_LIVE_KAFKA", "")
if not URL:
    pytest.skip("EUNGDAPSO_LIVE_KAFKA names no broker", allow_module_level=True)

GROUPS = {INBOUND: ("router",), ROUTED: ("cases",)}
LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


@pytest.fixture
async def access() -> Access:
    """A place in the cluster that nobody else uses, with its topics."""
    made = Access(url=URL, prefix=f"rewind-{secrets.token_hex(4)}.")
    await create_topics(made, list(GROUPS), partitions=4, replication=1, in_sync=1, keep_days=1)
    return made


@pytest.fixture
async def stream(access: Access) -> AsyncIterator[Kafka]:
    """A running stream, to be closed before its groups can be set back."""
    made = Kafka(access, groups=GROUPS)
    await made.start()
    yield made
    await made.close()


async def test_what_was_read_comes_again(access: Access, stream: Kafka) -> None:
    """After a rewind the group reads what was written since then once more, all of it."""
    await stream.publish(*_entries(12))
    first = await _read(stream, 12)
    await stream.close()

    count = await rewind(access, ROUTED, "cases", LONG_AGO)

    assert 12 == count
    assert first == await _read_anew(access, 12)


async def test_what_was_written_before_does_not_come_again(access: Access, stream: Kafka) -> None:
    """The time draws the line: what is older stays read."""
    await stream.publish(*_entries(6))
    await _read(stream, 6)
    between = datetime.now(UTC) + timedelta(milliseconds=1)
    while datetime.now(UTC) <= between:
        pass
    await stream.publish(*_entries(6, first=6))
    await _read(stream, 6)
    await stream.close()

    count = await rewind(access, ROUTED, "cases", between)

    assert 6 == count
    assert {str(number).encode() for number in range(6, 12)} == await _read_anew(access, 6)


async def test_a_group_is_never_set_forward(access: Access, stream: Kafka) -> None:
    """A time in the future moves nothing: what was not read yet is not skipped."""
    await stream.publish(*_entries(4))
    await _read(stream, 4)
    await stream.publish(*_entries(4, first=4))
    await stream.close()

    count = await rewind(access, ROUTED, "cases", datetime.now(UTC) + timedelta(days=1))

    assert 0 == count
    assert {str(number).encode() for number in range(4, 8)} == await _read_anew(access, 4)


async def test_a_group_that_is_read_is_left_alone(access: Access, stream: Kafka) -> None:
    """While a process reads for it, a group is not touched, and the error says what now."""
    await stream.publish(*_entries(4))
    await _read(stream, 4)

    with pytest.raises(Rejected, match="Stop every process"):
        await rewind(access, ROUTED, "cases", LONG_AGO)


async def test_other_groups_keep_their_place(access: Access, stream: Kafka) -> None:
    """Only the named group is set back."""
    await stream.publish(Entry(topic=INBOUND, key="a", body=b"0"), *_entries(2))
    await _read(stream, 2)
    async for batch in stream.read(INBOUND, "router"):
        await stream.commit(batch)
        break
    await stream.close()

    await rewind(access, ROUTED, "cases", LONG_AGO)
    again = Kafka(access, groups=GROUPS)
    await again.start()
    lags = await again.lags()
    await again.close()

    assert {"router": 0, "cases": 2} == lags


def _entries(count: int, *, first: int = 0) -> list[Entry]:
    return [Entry(topic=ROUTED, key=f"key {n}", body=str(n).encode()) for n in range(first, first + count)]


async def _read(stream: Kafka, count: int) -> set[bytes]:
    """Reads and commits until so many different records have come."""
    bodies: set[bytes] = set()
    async for batch in stream.read(ROUTED, "cases"):
        await stream.commit(batch)
        bodies |= _bodies(batch)
        if len(bodies) >= count:
            break
    return bodies


async def _read_anew(access: Access, count: int) -> set[bytes]:
    stream = Kafka(access, groups=GROUPS)
    await stream.start()
    try:
        return await _read(stream, count)
    finally:
        await stream.close()


def _bodies(batch: Batch) -> set[bytes]:
    return {record.body for record in batch.records}
