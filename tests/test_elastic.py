"""The Elasticsearch sink before an engine that fails in every way: nothing is lost, nobody hears of the client."""

import asyncio
import json
import re
import threading
import urllib.request
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from core.errors import Unavailable
from pipeline import place
from pipeline.build import plan
from pipeline.roles import started
from pipeline.troubled import Troubled
from sinks._elastic_bulk import ahead
from sinks.elastic import Elastic, Reader, Server
from tests.test_roles import on_files
from tests.test_search import found, routed

MAPPING = {"messages-000001": {"mappings": {"_meta": {"complete": True}}}}
NO_NEXT = {"delete": {"status": 404, "error": {"type": "index_not_found_exception", "reason": "no such index"}}}
TAKEN = {"index": {"status": 201}}
BATCH = [routed("a", "가로등 고장"), routed("b", "보도블록 파손")]
PARSING = "failed to parse field [kind] in document with id 'a'. Preview of field's value: '가로등 고장'"

Answer = Callable[[str, bytes], Awaitable[bytes]]


def answer(body: object, status: int = 200, kind: str = "application/json", product: str = "Elasticsearch") -> bytes:
    """Returns what goes over the wire."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    lines = (
        f"HTTP/1.1 {status} So",
        f"X-Elastic-Product: {product}",
        f"Content-Type: {kind}",
        f"Content-Length: {len(content)}",
    )
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + content


def failure(status: int, kind: str) -> bytes:
    return answer({"error": {"type": kind, "reason": "…"}, "status": status}, status)


def items(*done: object) -> bytes:
    return answer({"items": [*done, NO_NEXT]})


def item(status: int, kind: str, reason: str = "…") -> dict[str, object]:
    return {"index": {"status": status, "error": {"type": kind, "reason": reason}}}


class Pretender:
    """Stands where the engine should: sound until told otherwise."""

    def __init__(self) -> None:
        self.url = ""
        self.mapping = answer(MAPPING)
        self.bulk: Answer = self._takes_everything
        self.search = answer({"timed_out": False, "hits": {"total": {"value": 0}, "hits": []}})
        self.sizes: list[int] = []
        self.hangs_searching = False
        self.over = asyncio.Event()
        self.talking: set[asyncio.StreamWriter] = set()

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.talking.add(writer)
        try:
            while head := await self._head(reader):
                length = next(
                    (int(line[15:]) for line in head.lower().split("\r\n") if line[:15] == "content-length:"), 0
                )
                reply = await self._reply(head.split(" ")[1], await reader.readexactly(length))
                if not reply:
                    break
                writer.write(reply)
                await writer.drain()
        except ConnectionError:
            pass
        finally:
            self.talking.discard(writer)
            writer.close()

    async def hangs(self, _path: str, _body: bytes) -> bytes:
        await self.over.wait()
        return b""

    async def _head(self, reader: asyncio.StreamReader) -> str:
        try:
            return (await reader.readuntil(b"\r\n\r\n")).decode()
        except asyncio.IncompleteReadError:
            return ""

    async def _reply(self, path: str, body: bytes) -> bytes:
        if "_mapping" in path:
            return self.mapping
        if "_search" in path:
            return await self.hangs(path, body) if self.hangs_searching else self.search
        self.sizes.append(len(body))
        return await self.bulk(path, body)

    async def _takes_everything(self, _path: str, body: bytes) -> bytes:
        return items(*[TAKEN] * (body.count(b"\n") // 2))


@asynccontextmanager
async def pretending() -> AsyncIterator[Pretender]:
    pretender = Pretender()
    server = await asyncio.start_server(pretender.talk, "127.0.0.1", 0)
    pretender.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    yield pretender
    pretender.over.set()
    server.close()


@pytest.fixture
async def pretender() -> AsyncIterator[Pretender]:
    async with pretending() as made:
        yield made


@pytest.fixture
async def sink(pretender: Pretender) -> AsyncIterator[Elastic]:
    """A sink that was set up while the engine was sound."""
    made = Elastic(Server(url=pretender.url, write_timeout_seconds=0.5, find_timeout_seconds=0.1))
    await made.setup()
    yield made
    await made.close()


def asked(reader: Reader) -> list[str]:
    return [hit.message_id for hit in reader.find("가로등", queues=None, confidential=False)]


def always(reply: bytes) -> Answer:
    async def says(_path: str, _body: bytes) -> bytes:
        return reply

    return says


BROKEN = {
    "too many requests": failure(429, "es_rejected_execution_exception"),
    "no master": failure(503, "cluster_block_exception"),
    "broken": failure(500, "null_pointer_exception"),
    "who are you": failure(401, "security_exception"),
    "not for you": failure(403, "security_exception"),
    "nothing here": answer(b"", 404),
    "a proxy's page": answer(b"<html>Bad Gateway</html>", 502, "text/html"),
    "a page": answer(b"<html>", 200, "text/html"),
    "no JSON": answer(b'{"items": [', 200),
    "no object": answer([1, 2]),
    "another object": answer({"items": 7, "hits": None}),
    "nothing": answer(b""),
    "an error without a reason": answer({"error": None}, 400),
    "cut off": answer({"items": []})[:-3],
    "silence": b"",
    "no HTTP": b"\x00\xff\xfe\r\n\r\n",
    "another engine": answer({"items": []}, product="Else"),
}


@pytest.mark.parametrize("reply", BROKEN.values(), ids=BROKEN.keys())
async def test_whatever_a_broken_engine_answers_the_batch_comes_again(
    sink: Elastic, pretender: Pretender, reply: bytes
) -> None:
    """No answer of an engine that fails loses a batch or refuses a message for ever."""
    pretender.bulk = always(reply)

    with pytest.raises(Unavailable, match="search"):
        await sink.write(BATCH)


@pytest.mark.parametrize("reply", BROKEN.values(), ids=BROKEN.keys())
async def test_whatever_a_broken_engine_answers_the_start_waits(
    sink: Elastic, pretender: Pretender, reply: bytes
) -> None:
    """A sink is not ready while the engine is not."""
    pretender.mapping = reply

    with pytest.raises(Unavailable, match=r"search|messages"):
        await sink.setup()


@pytest.mark.parametrize("reply", BROKEN.values(), ids=BROKEN.keys())
async def test_whatever_a_broken_engine_answers_a_question_ends(
    sink: Elastic, pretender: Pretender, reply: bytes
) -> None:
    """Who searches hears "not now", never an error of the client's own."""
    pretender.search = reply

    with pytest.raises(Unavailable, match="search"):
        await asyncio.to_thread(found, sink, "가로등")


@pytest.mark.parametrize(
    "done",
    [
        [item(429, "es_rejected_execution_exception"), TAKEN],
        [TAKEN, item(503, "unavailable_shards_exception")],
        [TAKEN, item(403, "cluster_block_exception")],
        [TAKEN, item(400, "illegal_argument_exception")],
        [TAKEN, item(404, "index_not_found_exception")],
        [TAKEN],
    ],
)
async def test_one_that_may_be_taken_later_brings_the_batch_again(
    sink: Elastic, pretender: Pretender, done: list[object]
) -> None:
    """A message is refused only for what is wrong with itself."""
    pretender.bulk = always(items(*done))

    with pytest.raises(Unavailable, match=r"tried again|Call setup|cannot be read"):
        await sink.write(BATCH)


async def test_one_that_can_never_be_taken_is_refused(sink: Elastic, pretender: Pretender) -> None:
    """What the engine cannot parse is named by its place with the reason, without the text that it quotes."""
    pretender.bulk = always(items(item(400, "document_parsing_exception", PARSING), TAKEN))
    refused = await sink.write(BATCH)

    assert [0] == [*refused]
    assert "failed to parse field [kind]" in refused[0]
    assert "가로등" not in refused[0]


FULL = (
    "index [messages-000001] blocked by: [TOO_MANY_REQUESTS/12/disk usage exceeded flood-stage watermark, index has "
    "read-only-allow-delete block];"
)


async def test_a_disk_that_is_nearly_full_is_said_and_waited_for(sink: Elastic, pretender: Pretender) -> None:
    """What waits says why in plain words, for as long as it waits, and is taken when there is room again."""
    degraded: dict[str, str] = {}
    told = Troubled(sink, degraded)
    takes, pretender.bulk = pretender.bulk, always(items(TAKEN, item(429, "cluster_block_exception", FULL)))
    with pytest.raises(Unavailable):
        await told.write(BATCH)
    said = dict(degraded)
    pretender.bulk = takes
    refused = await told.write(BATCH)

    assert ["search waits"] == [*said]
    assert "its disk is nearly full (flood-stage watermark). Make room there" in said["search waits"]
    assert ({}, {}) == (refused, degraded)


async def test_a_block_is_no_question_of_who_asks(sink: Elastic, pretender: Pretender) -> None:
    """Where the engine turns down a whole request because of a block, nobody is sent to look at the password."""
    pretender.mapping = answer({"error": {"type": "cluster_block_exception", "reason": FULL}, "status": 403}, 403)

    with pytest.raises(Unavailable, match="its disk is nearly full"):
        await sink.setup()


async def test_a_web_role_that_ends_lets_its_connections_go(pretender: Pretender, tmp_path: Path) -> None:
    """Nobody is left connected to the engine when the pages are gone."""
    path = on_files(tmp_path)
    settings = f'search = "elasticsearch://{pretender.url.removeprefix("http://")}"\n'
    path.write_text(settings + path.read_text(encoding="utf-8"), encoding="utf-8")
    made = plan(path, {"EUNGDAPSO_VAR": str(place.prepare(tmp_path / "var"))})
    async with started(made, frozenset({"web"}), print, asyncio.Event()) as house:
        base = house.addresses[0].partition(": ")[2]
        await asyncio.to_thread(lambda: urllib.request.urlopen(f"{base}api/v1/similar?q=a", timeout=20).close())
        before = len(pretender.talking)
    async with asyncio.timeout(300):
        while pretender.talking:
            await asyncio.sleep(0.01)

    assert (1, 0) == (before, len(pretender.talking))


async def test_a_name_that_no_engine_takes_is_refused_here(sink: Elastic) -> None:
    """One id that is too long would make the engine turn down the whole request."""
    refused = await sink.write([BATCH[0], routed("x" * 513, "가로등 고장")])

    assert [1] == [*refused]
    assert "513 bytes" in refused[1]


async def test_a_hanging_engine_is_given_up(sink: Elastic, pretender: Pretender) -> None:
    """When the time is over, the batch comes again."""
    pretender.bulk = pretender.hangs

    with pytest.raises(Unavailable, match="did not answer in time"):
        await sink.write(BATCH)


async def test_a_slow_search_is_given_up(sink: Elastic, pretender: Pretender) -> None:
    """What was found when the engine's own time was over is not passed for everything."""
    pretender.search = answer({"timed_out": True, "hits": {"total": {"value": 0}, "hits": []}})

    with pytest.raises(Unavailable, match="longer than"):
        await asyncio.to_thread(found, sink, "가로등")


async def test_an_engine_that_hangs_is_left_alone_for_a_while(pretender: Pretender) -> None:
    """After one question in vain the next ones hear at once that it is no use."""
    reader = Reader(Server(url=pretender.url, find_timeout_seconds=0.1), rest_seconds=600)
    pretender.hangs_searching = True
    with pytest.raises(Unavailable, match="did not answer in time"):
        await asyncio.to_thread(asked, reader)
    pretender.hangs_searching = False

    with pytest.raises(Unavailable, match="too slow a moment ago"):
        await asyncio.to_thread(asked, reader)
    reader.close()


async def test_an_engine_that_hung_is_asked_again(pretender: Pretender) -> None:
    """When the rest is over and the engine is well, everybody finds again."""
    reader = Reader(Server(url=pretender.url, find_timeout_seconds=0.1), rest_seconds=0)
    pretender.hangs_searching = True
    with pytest.raises(Unavailable, match="did not answer in time"):
        await asyncio.to_thread(asked, reader)
    pretender.hangs_searching = False

    assert [[], []] == [await asyncio.to_thread(asked, reader) for _ in range(2)]
    reader.close()


async def test_nobody_at_the_address() -> None:
    """An engine that is not there is waited for, at the start already."""
    with pytest.raises(Unavailable, match="cannot be reached"):
        await Elastic(Server(url="http://127.0.0.1:9")).setup()


async def test_a_large_batch_is_sent_in_portions(pretender: Pretender) -> None:
    """No request is larger than what was set."""
    sink = Elastic(Server(url=pretender.url), most_bytes_at_once=2_000)
    await sink.setup()
    refused = await sink.write([routed(str(n), "가로등 고장 신고합니다") for n in range(50)])
    await sink.close()

    assert {} == refused
    assert len(pretender.sizes) > 3
    assert max(pretender.sizes) < 4_000


async def test_places_hold_over_many_portions(sink: Elastic, pretender: Pretender) -> None:
    """Of a batch that takes several requests each message is refused by its place in the batch, in order."""
    bodies: list[bytes] = []

    async def refuses(_path: str, body: bytes) -> bytes:
        bodies.append(body)
        names = [json.loads(line)["index"]["_id"] for line in body.split(b"\n") if line.startswith(b'{"index"')]
        odd = item(400, "document_parsing_exception", PARSING)
        return items(*[odd if name in {"3", "1100"} else TAKEN for name in names])

    pretender.bulk = refuses
    records = [routed(str(n), "가로등 고장") for n in range(1_200)]
    refused = await sink.write([*records[:600], routed("x" * 513, "가로등 고장"), *records[600:]])

    assert {3, 600, 1_101} == refused.keys()
    assert len(bodies) > 2
    assert [str(n) for n in range(1_200)] == re.findall(r'"_id":"(\d+)"', b"".join(bodies).decode())


async def test_a_portion_that_fails_brings_the_whole_batch_again(sink: Elastic, pretender: Pretender) -> None:
    """What was prepared meanwhile is not taken for written."""

    async def fails_later(path: str, body: bytes) -> bytes:
        pretender.bulk = always(failure(503, "cluster_block_exception"))
        return await pretender._takes_everything(path, body)

    pretender.bulk = fails_later

    with pytest.raises(Unavailable, match="tried again"):
        await sink.write([routed(str(n), "가로등 고장") for n in range(1_200)])


def test_the_next_portion_is_made_while_one_is_under_way() -> None:
    """Who works on one item finds the next one being made."""
    is_made = threading.Event()

    def numbers() -> Iterator[int]:
        yield 1
        is_made.set()
        yield 2

    assert [(1, True), (2, True)] == [(number, is_made.wait(30)) for number in ahead(numbers())]


async def test_what_is_too_large_for_a_proxy_is_halved(sink: Elastic, pretender: Pretender) -> None:
    """Where even one document is too large it is refused, the others are taken."""

    async def proxy(_path: str, body: bytes) -> bytes:
        return answer(b"", 413) if len(body) > 1_000 else items(*[TAKEN] * (body.count(b"\n") // 2))

    pretender.bulk = proxy
    large = routed("large", " ".join(f"{n}번지" for n in range(500)))
    refused = await sink.write([*BATCH, large, *BATCH])

    assert [2] == [*refused]


@pytest.mark.parametrize("secret", ["api-key-7f3", "pass-91c"])
def test_secrets_are_shown_nowhere(secret: str) -> None:
    """Neither how a server looks nor what an error says has a secret in it."""
    server = Server(url=f"http://eungdapso:{secret}@127.0.0.1:9", api_key=secret, user="u", password=secret)

    with pytest.raises(Unavailable) as error:
        Reader(server).find("가로등", queues=None, confidential=False)

    assert secret not in f"{server!r} {server} {error.value}"


def test_a_certificate_that_is_not_there_is_named(tmp_path: Path) -> None:
    """Who mistyped the path of the authority's certificate reads about it."""
    server = Server(url="https://127.0.0.1:9", ca_file=tmp_path / "missing.pem")

    with pytest.raises(Unavailable, match="ca_file"):
        Reader(server).find("가로등", queues=None, confidential=False)
