"""The S3 store before endpoints that say yes and keep nothing, half of it, or something else: nobody drops a copy."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from hashlib import md5
from pathlib import Path
from secrets import token_hex

import pytest

from core.errors import Unavailable
from core.wire import Routed, Seal, encode
from pipeline.flow import Opener, pour
from sinks._objects_s3 import S3, Bucket
from sinks.archive_objects import ArchiveObjects
from sinks.attachments import Attachments
from streams.base import ROUTED, Entry
from streams.embedded import Embedded
from tests import s3
from tests.test_attachments import MAIL, NOVEMBER, SEAL, routed

NOTICE = "고지서 사진".encode()


def as_it_came(body: bytes) -> bytes | None:
    return body


def not_at_all(_body: bytes) -> None:
    return None


def tag_of_contents(body: bytes) -> str:
    return md5(body, usedforsecurity=False).hexdigest()


def tag_of_its_own(_body: bytes) -> str:
    """As stores give that encrypt with keys of their own."""
    return token_hex(16)


class Shelf:
    """An endpoint that answers every PUT and HEAD with 200 and a tag; `keep` says what becomes of the bytes."""

    def __init__(
        self,
        keep: Callable[[bytes], bytes | None] = as_it_came,
        tag: Callable[[bytes], str] = tag_of_contents,
        absent: int = 404,
    ) -> None:
        self.keep = keep
        self.tag = tag
        self.absent = absent
        self.heard: list[str] = []
        self.asked_twice = asyncio.Event()
        self.kept: dict[str, tuple[bytes, str]] = {}

    async def session(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        method, place, _ = head.split(" ", 2)
        length = next((line for line in head.lower().split("\r\n") if line.startswith("content-length:")), "0:0")
        self.heard.append(method)
        if self.heard.count("PUT") > 1:
            self.asked_twice.set()
        writer.write(self._answer(method, place, await reader.readexactly(int(length.partition(":")[2]))))
        await writer.drain()
        writer.close()

    def _answer(self, method: str, place: str, body: bytes) -> bytes:
        tag = self.tag(body)
        if method == "PUT":
            kept = self.keep(body)
            if kept is not None:
                self.kept[place] = kept, tag
            return _answered(200, tag, b"")
        kept, tag = self.kept.get(place, (b"<html>welcome</html>", tag))
        return _answered(200 if place in self.kept else self.absent, tag, kept, sends=method == "GET")


def _answered(status: int, tag: str, body: bytes, *, sends: bool = True) -> bytes:
    head = f'HTTP/1.1 {status} So\r\nETag: "{tag}"\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n'
    return head.encode() + (body if sends else b"")


@asynccontextmanager
async def store_on(shelf: Shelf) -> AsyncIterator[S3]:
    server = await asyncio.start_server(shelf.session, "127.0.0.1", 0)
    address = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    store = S3(Bucket(bucket="city", endpoint=address, access_key="city", secret_key="secret"))
    try:
        yield store
    finally:
        await store.close()
        server.close()


LIARS: dict[str, Callable[[], Shelf]] = {
    "says yes to everything": lambda: Shelf(not_at_all, absent=200),
    "with the same tag for all": lambda: Shelf(not_at_all, lambda _: "welcome", absent=200),
    "forgets": lambda: Shelf(not_at_all),
    "keeps half": lambda: Shelf(lambda body: body[: len(body) // 2]),
    "keeps another": lambda: Shelf(lambda body: body[::-1], tag_of_its_own),
    "knows the length alone": lambda: Shelf(lambda body: bytes(len(body)), lambda _: "welcome"),
}


@pytest.mark.parametrize("liar", LIARS)
async def test_a_yes_is_not_believed(liar: str) -> None:
    """An endpoint that does not hold what it was given is Unavailable, and the reason says what to check."""
    async with store_on(LIARS[liar]()) as store:
        with pytest.raises(Unavailable) as told:
            await store.put("attachments/2026-11/a", NOTICE)

    assert (
        "s3://city: said that it has attachments/2026-11/a, and has it not, or something else."
        " Check the endpoint, and who else writes there. It is tried again."
    ) == told.value.reason


async def test_what_is_new_costs_three_requests_and_then_one() -> None:
    """A store whose tags are MD5 is asked, given, asked; and asked once when the same comes again."""
    shelf = Shelf()
    async with store_on(shelf) as store:
        await store.put("a/b", NOTICE)
        await store.put("a/b", NOTICE)

    assert ["HEAD", "PUT", "HEAD", "HEAD"] == shelf.heard


async def test_a_store_with_tags_of_its_own_is_used() -> None:
    """Where tags are no MD5 the first object is read back; then its size, and the tag that was given, are enough."""
    shelf = Shelf(tag=tag_of_its_own)
    async with store_on(shelf) as store:
        await store.put("a/b", NOTICE)
        await store.put("a/c", NOTICE)

    assert ["HEAD", "PUT", "HEAD", "GET", "HEAD", "PUT", "HEAD"] == shelf.heard


async def test_what_is_there_in_such_a_store_is_read() -> None:
    """Where tags tell nothing, what has the name and the size is compared byte by byte; the same is left alone."""
    shelf = Shelf(tag=tag_of_its_own)
    async with store_on(shelf) as store:
        await store.put("a/b", NOTICE)
        await store.put("a/b", NOTICE)
        await store.put("a/b", NOTICE[::-1])

        assert NOTICE[::-1] == await store.get("a/b")
    assert 2 == shelf.heard.count("PUT")


def mail() -> Routed:
    return routed(
        b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nstreet light\r\n"
        b"--b\r\nContent-Type: image/jpeg; name=1.jpg\r\n\r\n" + NOTICE + b"\r\n--b--\r\n"
    )


def attachments_in(store: S3) -> Attachments:
    return Attachments(store, {"email": MAIL.opened}, seal=SEAL, keep_days=365, clock=lambda: NOVEMBER)


def archive_in(store: S3) -> ArchiveObjects:
    return ArchiveObjects(store, seal=SEAL, keep_days=365, clock=lambda: NOVEMBER)


@asynccontextmanager
async def stream_in(folder: Path, group: str) -> AsyncIterator[Embedded]:
    stream = Embedded(folder / "log.db", groups={ROUTED: (group,)})
    await stream.start()
    try:
        yield stream
    finally:
        await stream.close()


@pytest.mark.parametrize("sink_in", [attachments_in, archive_in])
async def test_what_a_liar_was_given_is_still_before_its_sink(
    sink_in: Callable[[S3], Attachments | ArchiveObjects], tmp_path: Path
) -> None:
    """A record whose object is not there is neither done nor parked; it goes through when the endpoint keeps."""
    shelf, done = Shelf(not_at_all), asyncio.Event()
    async with asyncio.timeout(60), store_on(shelf) as store:
        sink = sink_in(store)
        async with stream_in(tmp_path, sink.group) as stream:
            await stream.publish(Entry(topic=ROUTED, key="k", body=SEAL.seal(encode(mail()))))
            pouring = asyncio.create_task(pour(stream, sink, opener=Opener(stream, SEAL), then=done.set))
            await shelf.asked_twice.wait()
            before = await stream.lags(), await stream.parked_count()
            shelf.keep = as_it_came
            await done.wait()
            after = await stream.lags(), await stream.parked_count()
            pouring.cancel()

    assert ({sink.group: 1}, 0) == before
    assert ({sink.group: 0}, 0) == after
    assert 1 == len(shelf.kept)


def test_what_is_sealed_alike_is_alike_and_opened() -> None:
    """The same bytes give the same, others and other keys give others, and the seal opens them as any."""
    sealed = {SEAL.seal_alike(NOTICE), SEAL.seal_alike(NOTICE[::-1]), Seal(bytes(32)).seal_alike(NOTICE)}

    assert 3 == len(sealed)
    assert SEAL.seal_alike(NOTICE) in sealed
    assert NOTICE == SEAL.open(SEAL.seal_alike(NOTICE))


async def test_what_comes_again_is_not_sent_again() -> None:
    """The same file, and the same batch, are the same bytes whenever they are sealed: only asked for, not sent."""
    shelf, record = Shelf(), mail()
    async with store_on(shelf) as store:
        for sink in (attachments_in(store), archive_in(store)) * 2:
            await sink.setup()
            await sink.write([record])

    assert 2 == shelf.heard.count("PUT")


_SHORT_LIVED = """
import asyncio, sys
from sinks._objects_s3 import S3, Bucket
# Whoever waits for their turn waits long: what a busy machine does now and then.
sys.setswitchinterval(10)
async def main():
    store = S3(Bucket(bucket=sys.argv[2], endpoint=sys.argv[1], access_key="city", secret_key="secret"))
    await asyncio.gather(*(store.exists(f"a/{number}") for number in range(40)))
    await store.close()
asyncio.run(main())
"""


def test_a_process_may_end_right_after_an_answer() -> None:
    """The client's threads are out of the interpreter when the store is closed: none of them aborts the process."""
    command = [sys.executable, "-c", _SHORT_LIVED, s3.address(), s3.new_bucket()]
    processes = [subprocess.Popen(command, cwd=Path(__file__).parents[1]) for _ in range(8)]

    assert [0] * 8 == [process.wait(timeout=60) for process in processes]
