"""What every sink promises, tried on each one that stands in sinks/: no sink is left out."""

import asyncio
import shutil
import sqlite3
import tomllib
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec
import pytest

from cases.clock import parse_period
from cases.letters import Letters
from cases.store import CaseStore
from config.schema import City, District, Routing, Templates
from connectors.email import Email, EmailSettings
from core.calendar import Calendar
from core.decision import Decision
from core.errors import Rejected, Unavailable
from core.message import Arrival, Attachment, Envelope, Message
from core.wire import Routed, Seal, Ticket
from sinks._files import FileSender
from sinks._objects import Files, Store
from sinks._objects_s3 import S3
from sinks.archive import Archive
from sinks.archive_objects import ArchiveObjects
from sinks.attachments import Attachments
from sinks.base import Sink
from sinks.cases import Cases
from sinks.elastic import Elastic, Server
from sinks.reply import Courier
from sinks.search import Search
from tests import engine, s3

FOLDER = Path(__file__).parent.parent / "sinks"
WORDS = FOLDER.parent / "config" / "words.toml"
NAMES = sorted(path.stem for path in FOLDER.glob("*.py") if path.stem != "base" and not path.stem.startswith("_"))
NOON = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)
SEAL = Seal(bytes(range(32)))


def nothing() -> None:
    """Does what there is to do for a sink that stands on nothing."""


@dataclass(frozen=True, kw_only=True)
class Bench:
    """One sink under test over a folder, and what is done around it by those who own what it stands on."""

    sink: Sink[Any]
    # Gets ready what the sink stands on; returns records that it can write, at least two.
    prepare: Callable[[], Sequence[Any]]
    # What can be read of the good records; equal before and after means that nothing changed.
    holds: Callable[[], Sequence[object]]
    # No sink of this kind can ever write this one.
    impossible: Any
    finish: Callable[[], None] = nothing


def routed(number: int, *, media_type: str = "text/plain", account: str = "minwon") -> Routed:
    text = f"가로등 고장 신고 {number}"
    return Routed(
        message=Message(
            id=f"message-{number}",
            channel="form",
            account=account,
            native_id=str(number),
            received_at=NOON,
            text=text,
            reply_to=f"citizen-{number}",
        ),
        decision=Decision(action="dispatch", queue="gangnam", kind="other"),
        raw=text.encode(),
        media_type=media_type,
    )


GOOD = [routed(number) for number in range(4)]


def archive(folder: Path) -> Bench:
    sink = Archive(folder / "archive", seal=SEAL, keep_days=30, clock=lambda: NOON)
    return Bench(
        sink=sink,
        prepare=lambda: GOOD,
        holds=lambda: [payload for record in GOOD if (payload := _payload(sink, record.raw))],
        impossible=routed(9, media_type="\ud800"),
    )


def _payload(sink: Archive, raw: bytes) -> bytes:
    try:
        return sink.get(sha256(raw).hexdigest())
    except Rejected:
        return b""


def archive_objects(folder: Path, store: Store | None = None) -> Bench:
    sink = ArchiveObjects(store or Files(folder / "objects"), seal=SEAL, keep_days=30, clock=lambda: NOON)
    return Bench(
        sink=sink,
        prepare=lambda: GOOD,
        holds=lambda: kept([partial(sink.get, sha256(record.raw).hexdigest(), NOON) for record in GOOD]),
        impossible=routed(9, media_type="\ud800"),
    )


def archive_objects_on_s3(folder: Path) -> Bench:
    return on_s3(folder, archive_objects)


MAIL = Email("email", EmailSettings(), environment={})


def mailed(number: int) -> Routed:
    """Returns a mail with a photograph, as the router passes it on."""
    raw = (
        "Subject: =?utf-8?b?6rCA66Gc65OxIOqzoOyepQ==?=\r\nMIME-Version: 1.0\r\n"
        "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nstreet light\r\n"
        f'--b\r\nContent-Type: image/jpeg; name="{number}.jpg"\r\n\r\nphotograph {number}\r\n--b--\r\n'
    ).encode()
    arrival = Arrival(
        id=f"message-{number}",
        channel="email",
        account="minwon",
        native_id=str(number),
        key="k",
        received_at=NOON,
        raw=raw,
        envelope=Envelope(sender="citizen@example.com"),
    )
    return msgspec.structs.replace(routed(number), message=MAIL.parse(arrival), raw=raw)


MAILED = [mailed(number) for number in range(4)]


def attachments(folder: Path, store: Store | None = None) -> Bench:
    place = store or Files(folder / "objects")
    sink = Attachments(place, {"email": MAIL.opened}, seal=SEAL, keep_days=30, clock=lambda: NOON)
    lying = msgspec.structs.replace(MAILED[0].message, attachments=(Attachment(place="raw:99"),))
    return Bench(
        sink=sink,
        prepare=lambda: MAILED,
        holds=lambda: kept([partial(sink.get, one.message, one.message.attachments[0]) for one in MAILED]),
        impossible=msgspec.structs.replace(MAILED[0], message=lying),
    )


def attachments_on_s3(folder: Path) -> Bench:
    return on_s3(folder, attachments)


def on_s3(folder: Path, make: Callable[[Path, Store], Bench]) -> Bench:
    # What a kill left behind is the same bucket: nothing of it lies in the folder.
    bucket = f"test-{sha256(str(folder).removesuffix('-killed').encode()).hexdigest()[:12]}"
    bench = make(folder, S3(s3.at(bucket)))

    def prepare() -> Sequence[Any]:
        s3.new_bucket(bucket)
        return bench.prepare()

    return replace(bench, prepare=prepare)


def kept(reads: Sequence[Callable[[], Coroutine[Any, Any, bytes]]]) -> list[bytes]:
    """Returns what can be read of these; asked for beside the loop of the test."""

    async def read() -> list[bytes]:
        found = await asyncio.gather(*(one() for one in reads), return_exceptions=True)
        return [one for one in found if isinstance(one, bytes)]

    with ThreadPoolExecutor(1) as beside:
        return beside.submit(asyncio.run, read()).result()


def search(folder: Path) -> Bench:
    sink = Search(folder / "search", commit_every_seconds=0, clock=lambda: NOON)
    return Bench(
        sink=sink,
        prepare=lambda: GOOD,
        holds=lambda: sorted(hit.message_id for hit in sink.find("가로등", queues=None, confidential=False)),
        impossible=routed(9, account="\ud800"),
    )


def elastic(folder: Path) -> Bench:
    # What a kill left behind is the same index: nothing of it lies in the folder.
    index = f"test-{sha256(str(folder).removesuffix('-killed').encode()).hexdigest()[:12]}"
    sink = Elastic(Server(url=engine.URL, find_timeout_seconds=10), index=index)

    def holds() -> list[str]:
        engine.refresh(index)
        return sorted(hit.message_id for hit in sink.find("가로등", queues=None, confidential=False))

    return Bench(
        sink=sink,
        prepare=lambda: GOOD,
        holds=holds,
        impossible=routed(9, account="\ud800"),
        finish=lambda: engine.drop(index),
    )


def cases(folder: Path) -> Bench:
    store = case_store(folder)
    joins_nothing = Decision(action="follow_up", case="20261123-999999-0")
    return Bench(
        sink=Cases(store),
        prepare=lambda: GOOD,
        holds=lambda: recorded(folder),
        impossible=msgspec.structs.replace(routed(9), decision=joins_nothing),
        finish=store.close,
    )


def recorded(folder: Path) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(folder / "cases.sqlite")) as opened:
        return opened.execute(
            "SELECT messages.native_id, messages.number, count(outbox.id), min(outbox.id) FROM messages"
            " LEFT JOIN outbox USING (number) GROUP BY messages.id ORDER BY messages.native_id"
        ).fetchall()


def reply(folder: Path) -> Bench:
    store = case_store(folder)

    async def park(ticket: Ticket, case: str, reason: str) -> None:
        raise AssertionError(f"{ticket} of {case} was given up: {reason}")

    def due() -> list[Ticket]:
        store.open()
        store.record(GOOD)
        return [row.ticket for row in store.outbox.due(NOON)]

    return Bench(
        sink=Courier(store.outbox, {"form": FileSender(folder / "outbox")}, park),
        prepare=due,
        holds=lambda: sorted((file.name, file.read_bytes()) for file in (folder / "outbox").glob("*.json")),
        impossible=Ticket(row="no-such-row"),
        finish=store.close,
    )


def city() -> City:
    """Returns a city of one district that writes the real letters."""
    gangnam = District(
        id="gangnam",
        name="강남구",
        english="Gangnam-gu",
        code="11680",
        address="강남구 학동로 426",
        phone="02-3423-5114",
        lat=37.5172,
        lon=127.0473,
        legal_dongs=("역삼동",),
        admin_dongs=("역삼1동",),
    )
    words = Templates.model_validate(tomllib.loads(WORDS.read_text(encoding="utf-8")))
    nothing = Routing(rules=(), kinds=(), urgent=(), elsewhere=())
    return City(districts=(gangnam,), places=(), departments=(), topics=(), faqs=(), routing=nothing, words=words)


def case_store(folder: Path) -> CaseStore:
    return CaseStore(
        f"sqlite:///{folder / 'cases.sqlite'}",
        seal=SEAL,
        clock=lambda: NOON,
        calendar=Calendar(),
        deadlines={"other": parse_period("7d")},
        letters=Letters(city()),
        public_url="https://eungdapso.example",
    )


BENCHES: dict[str, Callable[[Path], Bench]] = {
    "archive": archive,
    "archive_objects": archive_objects,
    "archive_objects on s3": archive_objects_on_s3,
    "attachments": attachments,
    "attachments on s3": attachments_on_s3,
    "cases": cases,
    "elastic": elastic,
    "reply": reply,
    "search": search,
}
ON_S3 = [name for name in BENCHES if name.endswith(" on s3")]
# These need a server; tests/live starts it.
LIVE = {"elastic": engine.URL}


@pytest.fixture(params=[name for name in [*NAMES, *ON_S3] if LIVE.get(name, "here")])
def make(request: pytest.FixtureRequest) -> Callable[[Path], Bench]:
    assert request.param in BENCHES, f"sinks/{request.param}.py is not tried here: add how it is made to BENCHES"
    return BENCHES[request.param]


@pytest.fixture
async def bench(make: Callable[[Path], Bench], tmp_path: Path) -> AsyncIterator[Bench]:
    made = make(tmp_path)
    yield made
    await made.sink.close()
    made.finish()


@pytest.fixture
async def good(bench: Bench) -> Sequence[Any]:
    """Sets the sink up; returns records for it."""
    records = bench.prepare()
    await bench.sink.setup()
    return records


def test_constructing_touches_nothing(bench: Bench, tmp_path: Path) -> None:
    """Making a sink connects to nothing and writes nothing."""
    assert bench
    assert [] == [*tmp_path.iterdir()]


async def test_every_record_is_written(bench: Bench, good: Sequence[Any]) -> None:
    """A sound batch is written whole and nothing of it refused."""
    assert {} == await bench.sink.write(good)
    assert 4 == len(good) == len(bench.holds())


async def test_the_same_batch_again_changes_nothing(bench: Bench, good: Sequence[Any]) -> None:
    """What is delivered twice is written once."""
    await bench.sink.write(good)
    once = bench.holds()
    again = await bench.sink.write(good)

    assert ({}, once) == (again, bench.holds())


async def test_a_record_twice_in_one_batch_is_one(bench: Bench, good: Sequence[Any]) -> None:
    """Also inside a batch, the same record counts once."""
    await bench.sink.write([*good, *good])

    assert len(good) == len(bench.holds())


async def test_one_impossible_record_harms_nobody(bench: Bench, good: Sequence[Any]) -> None:
    """The impossible record is named by its place with a reason, and the rest of its batch is written."""
    refused = await bench.sink.write([*good[:2], bench.impossible, *good[2:]])

    assert [2] == [*refused]
    assert refused[2]
    assert len(good) == len(bench.holds())


async def test_nothing_is_a_batch_too(bench: Bench, good: Sequence[Any]) -> None:
    """An empty batch is written without a word and leaves nothing."""
    assert {} == await bench.sink.write(good[:0])
    assert 0 == len(bench.holds())


async def test_before_setup_nothing_is_taken(bench: Bench) -> None:
    """A sink that nobody got ready says "not now", so that the batch comes again."""
    with pytest.raises(Unavailable):
        await bench.sink.write([bench.impossible])


async def test_closing_loses_nothing(bench: Bench, good: Sequence[Any]) -> None:
    """What was written before `close` is there after it, and a closed sink takes all of a batch or says "not now"."""
    await bench.sink.write(good[:1])
    await bench.sink.close()
    with suppress(Unavailable):
        await bench.sink.write(good)
    await bench.sink.setup()
    after_closing = len(bench.holds())
    await bench.sink.write(good)

    assert after_closing in (1, len(good))
    assert len(good) == len(bench.holds())


async def test_closing_may_be_repeated_and_come_first(bench: Bench) -> None:
    """Closing twice, and before `setup`, harms nothing: the sink can still be set up."""
    await bench.sink.close()
    good = bench.prepare()
    await bench.sink.setup()
    await bench.sink.write(good)
    await bench.sink.close()
    await bench.sink.close()
    await bench.sink.setup()

    assert len(good) == len(bench.holds())


async def test_setup_may_be_repeated(bench: Bench, good: Sequence[Any]) -> None:
    """Setting up again loses nothing and keeps working."""
    await bench.sink.write(good[:1])
    await bench.sink.setup()
    await bench.sink.write(good)

    assert len(good) == len(bench.holds())


async def test_a_kill_loses_nothing_that_was_taken(
    make: Callable[[Path], Bench], bench: Bench, good: Sequence[Any], tmp_path: Path
) -> None:
    """What `write` returned for is there after a kill: the files as they lie at that moment, opened anew."""
    await bench.sink.write(good)
    held = bench.holds()
    killed = tmp_path.with_name(f"{tmp_path.name}-killed")
    shutil.copytree(tmp_path, killed)

    reopened = make(killed)
    reopened.prepare()
    await reopened.sink.setup()
    await reopened.sink.write(good)

    assert held == reopened.holds()
    await reopened.sink.close()
    reopened.finish()
