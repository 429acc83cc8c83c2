"""The sink of attachments: what is kept, under which names, what hostile mails can do, and when it goes."""

import asyncio
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import pytest
from msgspec.structs import replace

from connectors.email import Email, EmailSettings
from core.decision import Decision
from core.errors import Rejected, Unavailable
from core.message import Arrival, Attachment, Envelope
from core.wire import Routed, Seal
from pipeline.waiting import patiently
from sinks._objects import Files
from sinks._objects_s3 import S3
from sinks.attachments import Attachments
from tests import s3

NOVEMBER = datetime(2026, 11, 23, 1, 0, tzinfo=UTC)
SEAL = Seal(bytes(range(32)))
PHOTO = "가로등 사진".encode() * 100
MAIL = Email("email", EmailSettings(), environment={})


def mail(*files: bytes, name: str = "street-light.jpg", received_at: datetime = NOVEMBER) -> Routed:
    """Returns a mail with these files, as the router passes it on."""
    parts = [
        b"--b\r\nContent-Type: image/jpeg\r\nContent-Disposition: attachment; filename*=utf-8''%s\r\n\r\n%s\r\n"
        % (name.encode(), file)
        for file in files
    ]
    raw = (
        b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nstreet light\r\n" + b"".join(parts) + b"--b--\r\n"
    )
    return routed(raw, received_at=received_at)


def routed(raw: bytes, *, received_at: datetime = NOVEMBER) -> Routed:
    arrival = Arrival(
        id="message-1",
        channel="email",
        account="minwon",
        native_id="1",
        key="k",
        received_at=received_at,
        raw=raw,
        envelope=Envelope(sender="citizen@example.com"),
    )
    return Routed(message=MAIL.parse(arrival), decision=Decision(action="hold"), raw=raw)


def sink_in(folder: Path, *, today: datetime = NOVEMBER, seal: Seal = SEAL) -> Attachments:
    return Attachments(Files(folder), {"email": MAIL.opened}, seal=seal, keep_days=365, clock=lambda: today)


@pytest.fixture
async def sink(tmp_path: Path) -> AsyncIterator[Attachments]:
    made = sink_in(tmp_path)
    await made.setup()
    yield made
    await made.close()


def objects(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


async def test_a_file_comes_back_byte_for_byte(sink: Attachments) -> None:
    """The message alone leads to what came with it: nothing else has to be kept."""
    record = mail(PHOTO, b"\x00\xff", b"")
    await sink.write([record])
    found = [await sink.get(record.message, one) for one in record.message.attachments]

    assert [PHOTO, b"\x00\xff", b""] == found


async def test_the_same_file_is_kept_once(sink: Attachments, tmp_path: Path) -> None:
    """A photograph that comes with a hundred mails takes the place of one."""
    await sink.write([mail(PHOTO, name=f"{number}.jpg") for number in range(50)])
    await sink.write([mail(PHOTO, name=f"{number}.jpg") for number in range(50)])

    assert 1 == len(objects(tmp_path))


async def test_names_and_bytes_tell_nothing(sink: Attachments, tmp_path: Path) -> None:
    """Whoever sees the store reads no name, no content, and cannot even ask for a file that he has himself."""
    await sink.write([mail(PHOTO)])
    (name,) = objects(tmp_path)

    assert "street-light" not in name
    assert sha256(PHOTO).hexdigest() not in name
    assert PHOTO[:30] not in (tmp_path / name).read_bytes()
    assert not await sink_in(tmp_path, seal=Seal(bytes(32))).has(
        mail(PHOTO).message, mail(PHOTO).message.attachments[0]
    )


async def test_addresses_are_left_where_they_are(sink: Attachments, tmp_path: Path) -> None:
    """What another channel holds elsewhere, and channels that carry nothing in their payload, keep nothing."""
    elsewhere = Attachment(place="https://provider.example/1.jpg", digest=sha256(PHOTO).hexdigest())
    record = mail(PHOTO)
    pointed = replace(record, message=replace(record.message, attachments=(elsewhere,)))
    other = replace(record, message=replace(record.message, channel="sms"))

    assert {} == await sink.write([pointed, other])
    assert [] == objects(tmp_path)


@pytest.mark.parametrize("place", ["raw:99", "raw:0", "raw:-1", "raw:", "raw:x", f"raw:{'9' * 10_000}", "raw:../key"])
async def test_a_lying_place_is_refused_alone(sink: Attachments, place: str) -> None:
    """What points nowhere is named with its reason, and the other files of its mail are kept all the same."""
    record = mail(PHOTO)
    good = record.message.attachments[0]
    lying = replace(good, place=place)
    refused = await sink.write([replace(record, message=replace(record.message, attachments=(lying, good)))])

    assert [0] == [*refused]
    assert "none at raw:" in refused[0]
    assert await sink.get(record.message, good) == PHOTO


async def test_a_lying_digest_is_refused(sink: Attachments, tmp_path: Path) -> None:
    """Nothing is kept under the name of something else."""
    record = mail(PHOTO)
    lying = replace(record.message.attachments[0], digest=sha256(b"something else").hexdigest())
    refused = await sink.write([replace(record, message=replace(record.message, attachments=(lying,)))])

    assert {0: "what lies at raw:2 is not what the message says: it has another digest"} == refused
    assert [] == objects(tmp_path)


async def test_thousands_of_parts_are_few_objects(sink: Attachments, tmp_path: Path) -> None:
    """Of a mail of 20,000 parts the first 199 are objects, and all the others one."""
    record = mail(*(b"%d" % number for number in range(20_000)))
    refused = await sink.write([record])

    assert {} == refused
    assert 200 == len(objects(tmp_path))


async def test_thousands_of_claims_are_refused(sink: Attachments, tmp_path: Path) -> None:
    """A message that names more files than a mail can have is refused before anything is opened."""
    record = mail(PHOTO)
    claims = tuple(Attachment(place=f"raw:{number}") for number in range(10_000))
    refused = await sink.write([replace(record, message=replace(record.message, attachments=claims))])

    assert {0: "a message with 10000 attachments; at most 210 are kept"} == refused
    assert [] == objects(tmp_path)


async def test_a_name_leads_nowhere(sink: Attachments, tmp_path: Path) -> None:
    """What a sender calls a file decides nothing about where it is kept."""
    await sink.write([mail(PHOTO, name="../../../../tmp/key")])

    assert [True] == [name.startswith("attachments/2026-11/") for name in objects(tmp_path)]


async def test_an_absent_store_is_waited_for(tmp_path: Path) -> None:
    """While nothing can be written the batch is "not now", and the same batch goes through afterwards."""
    (tmp_path / "objects").write_bytes(b"")
    sink, record = sink_in(tmp_path / "objects"), mail(PHOTO)
    await sink.setup()
    with pytest.raises(Unavailable, match="cannot be used now"):
        await sink.write([record] * 10)
    (tmp_path / "objects").unlink()

    assert {} == await sink.write([record] * 10)
    assert PHOTO == await sink.get(record.message, record.message.attachments[0])


@asynccontextmanager
async def troubled(address: str) -> AsyncIterator[str]:
    """Yields the address of a way to this store on which every third connection is cut, or answered with 503."""
    host, _, port = address.removeprefix("http://").partition(":")
    count = itertools.count()

    async def session(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        sessions.append(asyncio.current_task())
        turn = next(count)
        async with closed(writer):
            head = await reader.readuntil(b"\r\n\r\n")
            if turn % 3:
                inward, outward = await asyncio.open_connection(host, int(port))
                async with closed(outward):
                    # One request each, so that the next one is in trouble again.
                    outward.write(head[:-2] + b"Connection: close\r\n\r\n")
                    passing = asyncio.create_task(passed_on(reader, outward))
                    await passed_on(inward, writer)
                    passing.cancel()
            elif turn % 2:
                writer.write(b"HTTP/1.1 503 Slow Down\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
                await writer.drain()

    sessions: list[asyncio.Task[None] | None] = []
    server = await asyncio.start_server(session, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        for task in filter(None, sessions):
            task.cancel()
        await asyncio.gather(*filter(None, sessions), return_exceptions=True)


@asynccontextmanager
async def closed(writer: asyncio.StreamWriter) -> AsyncIterator[None]:
    """Closes a connection in the end, whatever became of it."""
    with suppress(OSError, asyncio.IncompleteReadError):
        try:
            yield
        finally:
            writer.close()
            await writer.wait_closed()


async def passed_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while some := await reader.read(65_536):
            writer.write(some)
            await writer.drain()


async def test_a_troubled_way_loses_nothing() -> None:
    """With a third of all connections cut or refused, the batch that is tried again is kept whole in the end."""
    bucket = s3.at(s3.new_bucket())
    records = [mail(b"%d" % number) for number in range(20)]
    async with troubled(bucket.endpoint) as way:
        store = S3(replace(bucket, endpoint=way, timeout_seconds=5.0))
        sink = Attachments(store, {"email": MAIL.opened}, seal=SEAL, keep_days=365, clock=lambda: NOVEMBER)
        await sink.setup()
        refused = await patiently("attachments", lambda: sink.write(records))
    straight = Attachments(S3(bucket), {}, seal=SEAL, keep_days=365)
    found = [await straight.get(record.message, record.message.attachments[0]) for record in records]

    assert {} == refused
    assert [b"%d" % number for number in range(20)] == found


async def test_what_is_not_kept_is_told_so(sink: Attachments) -> None:
    """A file that nobody kept is Rejected as absent."""
    record = mail(PHOTO)
    with pytest.raises(Rejected) as refused:
        await sink.get(record.message, record.message.attachments[0])

    assert 404 == refused.value.status
    assert not await sink.has(record.message, record.message.attachments[0])


async def test_damage_is_told(sink: Attachments, tmp_path: Path) -> None:
    """A file whose bytes changed in the store, or were put there under its name, is Rejected and never given out."""
    record = mail(PHOTO, b"another")
    await sink.write([record])
    first, second = (tmp_path / name for name in objects(tmp_path))
    first.write_bytes(second.read_bytes())
    second.write_bytes(b"\xff" * 100)

    for one in record.message.attachments:
        with pytest.raises(Rejected, match="damaged"):
            await sink.get(record.message, one)


@pytest.mark.parametrize(
    ("today", "left"),
    [(datetime(2027, 11, 30, 14, 59, tzinfo=UTC), 2), (datetime(2027, 11, 30, 15, 0, tzinfo=UTC), 1)],
)
async def test_a_month_goes_when_its_last_day_is_old_enough(
    sink: Attachments, tmp_path: Path, today: datetime, left: int
) -> None:
    """365 days after 30 November 2026 ends in Seoul, and not before, what came in that month is deleted."""
    await sink.write([mail(PHOTO), mail(PHOTO, received_at=datetime(2026, 12, 1, tzinfo=UTC))])
    await sink_in(tmp_path, today=today).setup()

    assert left == len(objects(tmp_path))


async def test_a_rehearsal_keeps_what_it_writes(tmp_path: Path) -> None:
    """A message dated long before the machine's clock is kept while its month is written."""
    sink, record = sink_in(tmp_path, today=datetime(2036, 1, 1, tzinfo=UTC)), mail(PHOTO)
    await sink.setup()
    await sink.write([record])
    await sink.setup()

    assert PHOTO == await sink.get(record.message, record.message.attachments[0])


class Undeleting(Files):
    """Files of which none may be deleted."""

    async def delete(self, *names: str) -> None:
        raise Unavailable(f"{len(names)} may not be deleted")


async def test_what_cannot_be_deleted_holds_up_nobody(sink: Attachments, tmp_path: Path) -> None:
    """When the broom fails, files are kept none the less."""
    await sink.write([mail(PHOTO)])
    much_later = datetime(2030, 1, 1, tzinfo=UTC)
    later = Attachments(
        Undeleting(tmp_path), {"email": MAIL.opened}, seal=SEAL, keep_days=365, clock=lambda: much_later
    )
    await later.setup()

    assert {} == await later.write([mail(PHOTO, received_at=much_later)])
    assert 2 == len(objects(tmp_path))
