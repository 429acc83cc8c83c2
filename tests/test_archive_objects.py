"""The archive in a store of objects: batches by the hour, found again by digest and time."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

import pytest

from core.decision import Decision
from core.errors import Rejected
from core.message import Message
from core.wire import Routed, Seal
from sinks._objects import Files
from sinks.archive import Archive
from sinks.archive_objects import ArchiveObjects

NOVEMBER = datetime(2026, 11, 23, 1, 0, tzinfo=UTC)
SEAL = Seal(bytes(range(32)))
LETTER = "From: 시민 <citizen@example.com>\r\n\r\n강남구 역삼동 가로등이 고장났어요\r\n".encode("cp949")
MINUTE = timedelta(minutes=1)


def routed(raw: bytes, *, received_at: datetime = NOVEMBER, media_type: str = "message/rfc822") -> Routed:
    message = Message(
        id="m",
        channel="email",
        account="minwon",
        native_id="n",
        received_at=received_at,
        raw_digest=sha256(raw).hexdigest(),
    )
    return Routed(message=message, decision=Decision(action="hold"), raw=raw, media_type=media_type)


def digest(raw: bytes) -> str:
    return sha256(raw).hexdigest()


class Watched(Files):
    """Files of which it is known how many were read."""

    read = 0

    async def get(self, name: str) -> bytes:
        self.read += 1
        return await super().get(name)


def archive_in(folder: Path, *, seal: Seal = SEAL, most_bytes: int = 1_000_000_000) -> ArchiveObjects:
    return ArchiveObjects(Files(folder), seal=seal, keep_days=365, most_bytes=most_bytes, clock=lambda: NOVEMBER)


@pytest.fixture
async def archive(tmp_path: Path) -> AsyncIterator[ArchiveObjects]:
    made = archive_in(tmp_path)
    await made.setup()
    yield made
    await made.close()


def objects(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize("raw", [LETTER, b"\x00", bytes(range(256)) * 4_000], ids=["mail", "one byte", "a megabyte"])
async def test_a_payload_comes_back_byte_for_byte(archive: ArchiveObjects, raw: bytes) -> None:
    """What came in is given back for its message."""
    await archive.write([routed(b"before"), routed(raw), routed(b"after")])

    assert raw == await archive.payload_of(routed(raw).message)
    assert raw == await archive.get(digest(raw))


async def test_a_batch_is_one_object(archive: ArchiveObjects, tmp_path: Path) -> None:
    """Five hundred payloads of an hour are one object, named by the hour in Seoul and the times of its ends."""
    await archive.write([routed(b"%d" % number, received_at=NOVEMBER + number * MINUTE / 10) for number in range(500)])
    (name,) = objects(tmp_path)

    assert name.startswith("archive/2026-11/23-10/1795395600000000-1795398594000000-")


async def test_a_batch_over_the_end_of_a_month_is_two(archive: ArchiveObjects, tmp_path: Path) -> None:
    """Each month can go by itself."""
    midnight = datetime(2026, 11, 30, 15, 0, tzinfo=UTC)
    await archive.write([routed(b"November", received_at=midnight - MINUTE), routed(b"December", received_at=midnight)])

    assert ["archive/2026-11/30-23", "archive/2026-12/01-00"] == [name.rpartition("/")[0] for name in objects(tmp_path)]


async def test_large_payloads_lie_by_themselves(archive: ArchiveObjects, tmp_path: Path) -> None:
    """However many large ones come at once, an object has a bound, and all are found."""
    large = [bytes([number]) * 6_000_000 for number in range(3)]
    await archive.write([routed(raw) for raw in large])

    assert 3 == len(objects(tmp_path))
    assert large == [await archive.payload_of(routed(raw).message) for raw in large]


async def test_what_is_asked_for_is_sought_where_it_is(tmp_path: Path) -> None:
    """Of a day of batches only the one of that minute is opened."""
    store = Watched(tmp_path)
    archive = ArchiveObjects(store, seal=SEAL, keep_days=365, clock=lambda: NOVEMBER)
    await archive.setup()
    for number in range(60):
        await archive.write([routed(b"%d" % number, received_at=NOVEMBER + number * MINUTE)])
    found = await archive.payload_of(routed(b"42", received_at=NOVEMBER + 42 * MINUTE).message)

    assert (b"42", 1) == (found, store.read)


async def test_a_payload_kept_for_an_earlier_message_is_found(archive: ArchiveObjects) -> None:
    """Where equal payloads of a month were kept once, the later message finds the first one's."""
    await archive.write([routed(LETTER)])

    assert LETTER == await archive.payload_of(routed(LETTER, received_at=NOVEMBER + 90 * MINUTE).message)


async def test_nothing_rests_in_plain_words(archive: ArchiveObjects, tmp_path: Path) -> None:
    """Whoever sees the store reads nothing, nor any digest; without the key there is an error and no bytes."""
    await archive.write([routed(LETTER)])
    (name,) = objects(tmp_path)
    stranger = archive_in(tmp_path, seal=Seal(bytes(32)))

    assert b"citizen@example.com" not in (tmp_path / name).read_bytes()
    assert digest(LETTER) not in name
    with pytest.raises(Rejected, match="another key"):
        await stranger.get(digest(LETTER))


@pytest.mark.parametrize("unknown", [digest(b"never seen"), "", "kein Digest", "zz" * 32, "가" * 64])
async def test_an_unknown_digest_is_told_so(archive: ArchiveObjects, unknown: str) -> None:
    """What is not kept is Rejected, whatever was asked for."""
    await archive.write([routed(LETTER)])

    with pytest.raises(Rejected):
        await archive.get(unknown, NOVEMBER)


async def test_a_message_without_a_payload_keeps_nothing(archive: ArchiveObjects, tmp_path: Path) -> None:
    """Nothing is written for nothing."""
    assert {} == await archive.write([routed(b"")])
    assert [] == objects(tmp_path)


async def test_a_payload_beyond_all_bounds_is_refused(tmp_path: Path) -> None:
    """What is larger than the bound is refused alone, with its size."""
    archive = archive_in(tmp_path, most_bytes=10)
    await archive.setup()

    assert {1: "a payload of 11 bytes; at most 10 are kept"} == await archive.write(
        [routed(b"short"), routed(b"eleven byte")]
    )


async def test_what_is_over_goes_by_itself(archive: ArchiveObjects, tmp_path: Path) -> None:
    """Opening the archive deletes the months that are over, and nothing else."""
    await archive.write([routed(LETTER), routed(LETTER, received_at=datetime(2029, 12, 1, tzinfo=UTC))])
    later = ArchiveObjects(Files(tmp_path), seal=SEAL, keep_days=365, clock=lambda: datetime(2030, 1, 1, tzinfo=UTC))
    await later.setup()

    assert ["archive/2029-12/01-09"] == [name.rpartition("/")[0] for name in objects(tmp_path)]


async def test_an_archive_of_files_moves(archive: ArchiveObjects, tmp_path: Path) -> None:
    """What one machine kept is kept again whole; moving it twice makes nothing new."""
    kept = [b"%d" % number for number in range(300)]
    files = Archive(tmp_path / "archive-of-files", seal=SEAL, keep_days=365, clock=lambda: NOVEMBER)
    await files.setup()
    await files.write([routed(raw, received_at=NOVEMBER + n * MINUTE) for n, raw in enumerate(kept)])
    await files.close()
    await archive.keep(list(files.payloads()))
    once = objects(tmp_path / "archive")
    await archive.keep(list(files.payloads()))
    moved = [payload async for payload in archive.payloads()]

    assert (once, 5) == (objects(tmp_path / "archive"), len(once))
    assert sorted(files.payloads(), key=order) == sorted(moved, key=order)
    assert kept[77] == await archive.payload_of(routed(kept[77], received_at=NOVEMBER + 77 * MINUTE).message)


def order(payload: object) -> str:
    """Anything that sorts."""
    return repr(payload)
