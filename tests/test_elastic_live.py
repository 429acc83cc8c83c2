"""Search on a real Elasticsearch where it differs from the embedded index: a shared index, a rebuild, a kill."""

import asyncio
import json
import secrets
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import msgspec
import pytest
from elasticsearch import Elasticsearch as Client

from bench.instance import TOKEN, Instance
from bench.load import offer, request
from core.errors import Unavailable
from core.wire import Routed
from pipeline.troubled import Troubled
from sinks.elastic import Elastic, Server
from sinks.search import Search
from tests.engine import URL, Prompt, drop, indexes, refresh
from tests.live.elasticsearch import Elasticsearch
from tests.test_search import found, routed

pytestmark = pytest.mark.skipif(
    not URL, reason="needs EUNGDAPSO_LIVE_ELASTICSEARCH; tests/live/elasticsearch.py starts one"
)
WHAT = ("가로등이 꺼졌어요", "불법주차 단속 부탁드립니다", "水質 검사를 요청합니다", "쓰레기 무단투기")
QUEUES = ["gangnam", "jongno"]
QUERIES = ("가로등", "水質 신림동", "동", "GATE", "水質", "상계1동 가로등", "3")
BATCH = [routed("a", "가로등 고장"), routed("b", "보도블록 파손")]


@pytest.fixture
def index() -> Iterator[str]:
    name = f"test-{secrets.token_hex(6)}"
    yield name
    drop(name)


@pytest.fixture
async def real(index: str) -> AsyncIterator[Prompt]:
    made = Prompt(index)
    await made.setup()
    yield made
    await made.close()


async def test_several_may_set_up_at_once(index: str) -> None:
    """Processes that start together make one index, and it asks to be filled until somebody says that it is."""
    sinks = [Prompt(index) for _ in range(8)]

    async def begun(sink: Prompt, seconds: float) -> None:
        # Some look before the first has made it, some after.
        await asyncio.sleep(seconds)
        await sink.setup()

    await asyncio.gather(*(begun(sink, place / 50) for place, sink in enumerate(sinks)))
    asked = [sink.needs_rebuild for sink in sinks]
    await asyncio.to_thread(sinks[0].rebuilt)
    await sinks[1].setup()

    assert ([True] * 8, False) == (asked, sinks[1].needs_rebuild)
    assert [f"{index}-000001"] == indexes(index)
    await asyncio.gather(*(sink.close() for sink in sinks))


async def test_what_is_written_is_found_by_itself(index: str) -> None:
    """Nobody need ask the engine to show what is new."""
    sink = Elastic(Server(url=URL), index=index)
    await sink.setup()
    await sink.write(BATCH)
    async with asyncio.timeout(10):
        while not found(sink, "가로등"):
            await asyncio.sleep(0.05)

    assert ["a"] == found(sink, "가로등")
    await sink.close()


async def test_both_engines_find_the_same(real: Prompt, tmp_path: Path) -> None:
    """Messages that have every word of a question are found alike, in the same order and with the same filters."""
    embedded = Search(tmp_path / "search", commit_every_seconds=0)
    await embedded.setup()
    texts = [f"{dong} {what}" for dong in ("신림동", "상계1동", "역삼동 Gate 3") for what in WHAT]
    records = [routed(str(n), text, queue=QUEUES[n % 2], minutes=n) for n, text in enumerate(texts)]
    await embedded.write(records)
    await real.write(records)
    asked = [(query, queues) for query in QUERIES for queues in (None, QUEUES[:1])]
    answers = [found(real, query, queues=queues) for query, queues in asked]

    assert [found(embedded, query, queues=queues) for query, queues in asked] == answers
    assert all(answers)
    await embedded.close()


async def test_no_text_is_kept(real: Prompt) -> None:
    """What the engine stores of a message is its id and when it came."""
    await real.write(BATCH)
    with Client(URL) as client:
        stored = client.search(index=real.index, stored_fields="*", source=True).body["hits"]["hits"]

    assert [("a", {"received_at"}, False), ("b", {"received_at"}, False)] == [
        (hit["_id"], {*hit["_source"]}, "fields" in hit) for hit in stored
    ]


async def test_an_index_that_was_deleted_is_made_anew(real: Prompt) -> None:
    """Nothing is written into the void: the batch comes again until there is an index, which asks to be filled."""
    await asyncio.to_thread(real.rebuilt)
    drop(real.index)
    with pytest.raises(Unavailable, match="Call setup"):
        await real.write(BATCH)
    with pytest.raises(Unavailable, match="no search index yet"):
        found(real, "가로등")
    await real.setup()
    await real.write(BATCH)

    assert (True, ["a"]) == (real.needs_rebuild, found(real, "가로등"))


async def test_a_name_that_is_taken_is_not_touched(index: str) -> None:
    """An index of somebody else under our name is left alone."""
    name = f"{index}-000001"
    with Client(URL) as client:
        client.indices.create(index=name)

    with pytest.raises(Unavailable, match="not the alias"):
        await Prompt(name).setup()


async def test_the_real_engine_refuses_one_document(index: str) -> None:
    """Against an index of another shape the one that fits is taken, the other refused with its reason."""
    with Client(URL) as client:
        numbers = {"received_at": {"type": "long"}, "kind": {"type": "keyword"}, "account": {"type": "integer"}}
        client.indices.create(index=f"{index}-000001", aliases={index: {}}, mappings={"properties": numbers})
    sink = Prompt(index)
    await sink.setup()
    refused = await sink.write([_of_account("a", "7"), _of_account("b", "minwon")])
    await sink.close()

    assert [1] == [*refused]
    assert "parsing_exception" in refused[1]
    assert "minwon" not in refused[1]


async def test_a_disk_that_is_nearly_full_holds_the_index_up(real: Prompt) -> None:
    """While the engine has blocked the index for want of space, what waits says so in plain words; nothing is refused,
    searching goes on, and what waited is taken as soon as the block is gone."""
    await real.write(BATCH[:1])
    degraded: dict[str, str] = {}
    told = Troubled(real, degraded)
    with Client(URL) as client:
        client.indices.put_settings(index=real.index, settings={"index.blocks.read_only_allow_delete": True})
        with pytest.raises(Unavailable):
            await told.write(BATCH)
        said, seen = [*degraded.values()], found(real, "가로등")
        client.indices.put_settings(index=real.index, settings={"index.blocks.read_only_allow_delete": None})
    refused = await told.write(BATCH)

    assert ["its disk is nearly full (flood-stage watermark)" in why for why in said] == [True]
    assert (["a"], {}, {}, ["b"]) == (seen, refused, degraded, found(real, "보도블록"))


def _of_account(name: str, account: str) -> Routed:
    record = routed(name, "가로등 고장")
    return msgspec.structs.replace(record, message=msgspec.structs.replace(record.message, account=account))


async def test_a_rebuild_changes_the_index_under_those_who_use_it(real: Prompt) -> None:
    """Searched is the old index until the new one has everything; what came meanwhile, through whomever, is in it."""
    other = Prompt(real.index)
    await other.setup()
    await other.write([routed("old", "가로등 고장", minutes=1)])
    await real.begin_rebuild()
    await other.write([routed("new", "가로등 파손", minutes=2)])
    meanwhile = found(other, "가로등")
    lacking = await real.finish_rebuild()
    await real.refill([routed("old", "가로등 고장", minutes=1)])
    left = await real.finish_rebuild()
    refresh(real.index)

    assert (["new", "old"], ["old"], []) == (meanwhile, lacking, left)
    assert ["new", "old"] == found(other, "가로등")
    assert [f"{real.index}-000002"] == indexes(real.index)
    assert not real.needs_rebuild
    await other.close()


async def test_a_rebuild_takes_nothing_new_away(real: Prompt) -> None:
    """What was written during the rebuild is not replaced by what the rebuild brings later."""
    await real.begin_rebuild()
    await real.write([routed("a", "보도블록 파손")])
    refused = await real.refill([routed("a", "가로등 고장")])
    await real.finish_rebuild()
    refresh(real.index)

    assert ({}, [], ["a"]) == (refused, found(real, "가로등"), found(real, "보도블록"))


async def test_a_message_that_nobody_has_any_more_holds_up_no_rebuild(real: Prompt) -> None:
    """Ids said to be gone need not be in the next index."""
    await real.write(BATCH)
    await real.begin_rebuild()

    assert ["b"] == await real.finish_rebuild(gone={"a"})
    assert [] == await real.finish_rebuild(gone={"a", "b"})


async def test_a_rebuild_that_was_killed_is_begun_again(real: Prompt) -> None:
    """The half-built index of before is given up, and of many there is one in the end."""
    await real.write(BATCH)
    await real.begin_rebuild()
    await real.begin_rebuild()
    await real.refill(BATCH)

    assert [] == await real.finish_rebuild()
    assert [f"{real.index}-000003"] == indexes(real.index)


async def test_without_a_rebuild_there_is_nothing_to_fill(real: Prompt) -> None:
    """A refill goes nowhere once its rebuild is over or given up."""
    await real.begin_rebuild()
    await real.abandon_rebuild()

    with pytest.raises(Unavailable, match="no rebuild"):
        await real.refill(BATCH)
    with pytest.raises(Unavailable, match="no rebuild"):
        await real.finish_rebuild()


async def test_writers_and_searchers_never_notice_a_rebuild(real: Prompt) -> None:
    """While indexes are exchanged under load, every search finds what it found before and nothing is lost."""
    await real.write([routed("first", "가로등 고장")])
    over = asyncio.Event()
    written: list[str] = []

    async def write(writer: int) -> None:
        while not over.is_set():
            name = f"{writer}-{len(written)}"
            await Elastic.write(real, [routed(name, "보도블록 파손")])
            written.append(name)

    async def search() -> None:
        while not over.is_set():
            assert ["first"] == await asyncio.to_thread(found, real, "가로등")

    async def rebuild() -> None:
        for _ in range(3):
            await real.begin_rebuild()
            while lacking := await real.finish_rebuild():
                await real.refill(
                    [routed(name, "가로등 고장" if name == "first" else "보도블록 파손") for name in lacking]
                )
        over.set()

    async with asyncio.TaskGroup() as group:
        for work in (write(1), write(2), search(), rebuild()):
            group.create_task(work)
    refresh(real.index)
    hits = real.find("보도블록", queues=None, confidential=False, limit=1_000)

    assert written
    assert sorted(written)[:1_000] == sorted(hit.message_id for hit in hits)[:1_000]


async def test_a_killed_engine_is_waited_for_and_has_everything() -> None:
    """After a kill during writes the same batches go through; what was acknowledged is there, and once."""
    engine = Elasticsearch()
    engine.prepare()
    sink = Elastic(Server(url=await asyncio.to_thread(engine.start), find_timeout_seconds=10))
    under_way, failed = asyncio.Event(), asyncio.Event()

    async def write(batch: list[Routed]) -> None:
        while True:
            try:
                await sink.write(batch)
            except Unavailable:
                failed.set()
                await asyncio.sleep(0.05)
            else:
                return

    async def write_all() -> None:
        for number in range(200):
            await write([routed(f"{number}-{place}", "가로등 고장") for place in range(5)])
            under_way.set()

    try:
        await sink.setup()
        async with asyncio.TaskGroup() as group:
            group.create_task(write_all())
            await under_way.wait()
            await asyncio.to_thread(engine.kill)
            await failed.wait()
            with pytest.raises(Unavailable):
                await asyncio.to_thread(found, sink, "가로등")
            await asyncio.to_thread(engine.again)
        with Client(engine.url) as client:
            client.indices.refresh(index="messages")
        hits = await asyncio.to_thread(sink.find, "가로등", queues=None, confidential=False, limit=1_000)
    finally:
        await sink.close()
        engine.stop()

    assert {f"{number}-{place}" for number in range(200) for place in range(5)} == {hit.message_id for hit in hits}
    assert 1_000 == len(hits)


def test_the_verb_makes_the_index_anew_beside_a_running_pipeline(tmp_path: Path) -> None:
    """`reindex` fills the new index with everything that the case store holds, and it takes the old one's place."""
    instance = Instance(tmp_path)
    instance.start()
    try:
        sid = f"SM{secrets.token_hex(16)}"
        payload = request(instance.base, TOKEN, sid, "+821012345678", "강남구 역삼동 가로등이 꺼졌어요")
        asyncio.run(offer(instance.http, [(sid, payload)], per_second=10))
        instance.drain()
        done = _verb(instance, "reindex")
        rows = json.loads(_verb(instance, "case", "list", "--search", "가로등", "--json").stdout)

        assert "1 messages are in the new index" in done.stdout
        assert ["gangnam"] == [row["queue"] for row in rows]
        assert [f"{instance.engines.name}-000002"] == indexes(instance.engines.name)
    finally:
        instance.stop()
        drop(instance.engines.name)


def _verb(instance: Instance, *words: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "pipeline", *words, "--config", str(instance.config)]
    return subprocess.run(command, env=instance.environment, capture_output=True, text=True, check=True)
