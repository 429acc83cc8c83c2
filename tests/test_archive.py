"""The archive: what is kept, how it rests, and when it goes."""

import resource
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import pytest

from core.decision import Decision
from core.errors import Rejected, Unavailable
from core.message import Message
from core.wire import Routed, Seal
from sinks.archive import Archive

NOVEMBER = datetime(2026, 11, 23, 1, 0, tzinfo=UTC)
SEAL = Seal(bytes(range(32)))
LETTER = "From: 시민 <citizen@example.com>\r\n\r\n강남구 역삼동 가로등이 고장났어요\r\n".encode("cp949")


def routed(raw: bytes, *, received_at: datetime = NOVEMBER, media_type: str = "message/rfc822") -> Routed:
    message = Message(id="m", channel="email", account="minwon", native_id="n", received_at=received_at)
    return Routed(message=message, decision=Decision(action="hold"), raw=raw, media_type=media_type)


def digest(raw: bytes) -> str:
    return sha256(raw).hexdigest()


def archive_in(folder: Path, *, today: datetime = NOVEMBER, seal: Seal = SEAL) -> Archive:
    return Archive(folder, seal=seal, keep_days=365, clock=lambda: today)


@pytest.fixture
async def archive(tmp_path: Path) -> AsyncIterator[Archive]:
    sink = archive_in(tmp_path)
    await sink.setup()
    yield sink
    await sink.close()


@pytest.mark.parametrize("raw", [LETTER, b"\x00", bytes(range(256)) * 4_000], ids=["mail", "one byte", "a megabyte"])
async def test_a_payload_comes_back_byte_for_byte(archive: Archive, raw: bytes) -> None:
    """What came in is given back under its digest."""
    await archive.write([routed(raw)])

    assert raw == archive.get(digest(raw))


async def test_nothing_rests_in_plain_words(archive: Archive, tmp_path: Path) -> None:
    """Whoever copies the files reads nothing."""
    await archive.write([routed(LETTER)])
    files = b"".join(file.read_bytes() for file in tmp_path.iterdir())

    assert b"citizen@example.com" not in files


async def test_the_same_payload_is_kept_once(archive: Archive, tmp_path: Path) -> None:
    """A payload that comes a hundred times takes the place of one."""
    await archive.write([routed(LETTER)] * 50)
    await archive.write([routed(LETTER)] * 50)

    with closing(sqlite3.connect(tmp_path / "2026-11.sqlite")) as store:
        assert (1,) == store.execute("SELECT count(*) FROM blob").fetchone()


async def test_a_message_without_a_payload_keeps_nothing(archive: Archive, tmp_path: Path) -> None:
    """Nothing is written for nothing."""
    refused = await archive.write([routed(b"")])

    assert ({}, []) == (refused, list(tmp_path.iterdir()))


@pytest.mark.parametrize("unknown", [digest(b"never seen"), "", "kein Digest", "zz" * 32, "가" * 64])
async def test_an_unknown_digest_is_told_so(archive: Archive, unknown: str) -> None:
    """What is not kept is Rejected, whatever was asked for."""
    await archive.write([routed(LETTER)])

    with pytest.raises(Rejected):
        archive.get(unknown)


async def test_another_key_opens_nothing(archive: Archive, tmp_path: Path) -> None:
    """Without the key there is an error, and no bytes."""
    await archive.write([routed(LETTER)])
    stranger = archive_in(tmp_path, seal=Seal(bytes(32)))

    with pytest.raises(Rejected, match="another key"):
        stranger.get(digest(LETTER))


async def test_the_month_is_that_of_seoul(archive: Archive, tmp_path: Path) -> None:
    """What comes at 00:30 on 1 December in Seoul is December's, although it is November in UTC."""
    await archive.write([routed(LETTER, received_at=datetime(2026, 11, 30, 15, 30, tzinfo=UTC))])

    assert ["2026-12.sqlite"] == [file.name for file in tmp_path.glob("*.sqlite")]


async def test_a_batch_may_reach_over_the_end_of_a_month(archive: Archive) -> None:
    """Records of two months in one batch are both kept."""
    await archive.write([routed(b"November"), routed(b"December", received_at=datetime(2026, 12, 1, tzinfo=UTC))])

    assert (b"November", b"December") == (archive.get(digest(b"November")), archive.get(digest(b"December")))


@pytest.mark.parametrize(
    ("now", "gone"),
    [
        (datetime(2027, 11, 30, 12, tzinfo=UTC), []),
        (datetime(2027, 11, 30, 14, 59, tzinfo=UTC), []),
        (datetime(2027, 11, 30, 15, 0, tzinfo=UTC), ["2026-11"]),
    ],
)
async def test_a_month_goes_when_its_last_day_is_old_enough(
    archive: Archive, tmp_path: Path, now: datetime, gone: list[str]
) -> None:
    """365 days after 30 November 2026 ends in Seoul, and not before, the whole month is deleted."""
    await archive.write([routed(LETTER)])

    assert gone == archive.expire(now)
    assert bool(gone) != bool([*tmp_path.glob("2026-11*")])


async def test_what_is_over_goes_by_itself(archive: Archive, tmp_path: Path) -> None:
    """Opening the archive deletes what is over."""
    await archive.write([routed(LETTER)])
    await archive.close()
    later = archive_in(tmp_path, today=datetime(2030, 1, 1, tzinfo=UTC))
    await later.setup()

    assert [] == [*tmp_path.iterdir()]
    await later.close()


async def test_a_rehearsal_keeps_what_it_writes(tmp_path: Path) -> None:
    """A message dated long before the machine's clock is kept while its month is written."""
    archive = archive_in(tmp_path, today=datetime(2036, 1, 1, tzinfo=UTC))
    await archive.setup()
    await archive.write([routed(LETTER)])

    assert archive.get(digest(LETTER)) == LETTER
    await archive.close()


async def test_a_damaged_month_is_set_aside(archive: Archive, tmp_path: Path) -> None:
    """A file that is no database any more is kept under another name, and writing goes on."""
    await archive.close()
    (tmp_path / "2026-11.sqlite").write_bytes(b"\xff" * 8_192)
    await archive.setup()
    with pytest.raises(Unavailable, match="begun anew"):
        await archive.write([routed(LETTER)])
    await archive.write([routed(LETTER)])

    assert archive.get(digest(LETTER)) == LETTER
    assert 1 == len([*tmp_path.glob("2026-11.sqlite.damaged-*")])


async def test_a_damaged_month_hides_no_other(archive: Archive, tmp_path: Path) -> None:
    """Payloads of a sound month are found past a damaged one."""
    await archive.write([routed(LETTER)])
    (tmp_path / "2026-12.sqlite").write_bytes(b"\xff" * 8_192)

    assert archive.get(digest(LETTER)) == LETTER


async def test_a_full_disk_is_waited_for(archive: Archive) -> None:
    """Nothing is taken while nothing can be written, and the same batch goes through afterwards."""
    await archive.write([routed(b"before")])
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, limits[1]))
    try:
        with pytest.raises(Unavailable, match="cannot be used now"):
            await archive.write([routed(LETTER)])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    await archive.write([routed(LETTER)])

    assert (b"before", LETTER) == (archive.get(digest(b"before")), archive.get(digest(LETTER)))


async def test_a_payload_beyond_all_bounds_is_refused(tmp_path: Path) -> None:
    """What is larger than the bound is refused alone, with its size."""
    archive = Archive(tmp_path, seal=SEAL, keep_days=365, most_bytes=10, clock=lambda: NOVEMBER)
    await archive.setup()
    refused = await archive.write([routed(b"short"), routed(b"eleven byte")])

    assert {1: "a payload of 11 bytes; at most 10 are kept"} == refused
    await archive.close()
