"""Writing the index in Elasticsearch: our sink beside the client's own bulk helper, taking turns in one run.

The helper is given actions that are ready; we are given records, and mask them, make their words and write them down
ourselves. Every text is new to both. Needs a server: `python tests/live/elasticsearch.py` prints
EUNGDAPSO_LIVE_ELASTICSEARCH=…; or `python -m bench.bulk`, which starts its own.
"""

import asyncio
import os
import random
import secrets
import statistics
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import Any

import msgspec
import uvloop
from elasticsearch import Elasticsearch as Client
from elasticsearch import helpers

from bench.engines import ELASTICSEARCH
from bench.live import launcher
from bench.texts import texts
from core.decision import Decision
from core.message import Author, Message
from core.wire import Routed, Seal, decode, encode
from sinks._elastic_bulk import _document
from sinks.elastic import Elastic, Server

ROUNDS = 25
# The helper's own default.
CHUNK = 500


def rows() -> list[dict[str, Any]]:
    """Returns a row for short messages, as most are, and for long ones; and how it is with opening the records."""
    pool = texts(4_000)
    with ExitStack() as stack:
        if ELASTICSEARCH not in os.environ:
            server = launcher("elasticsearch")
            server.prepare()
            stack.callback(server.stop)
            os.environ[ELASTICSEARCH] = server.start()
            stack.callback(os.environ.pop, ELASTICSEARCH)
        return [*_rows("short messages", pool, 1), *_rows("messages of four sentences", pool, 4)]


def _rows(what: str, pool: Sequence[str], sentences: int) -> list[dict[str, Any]]:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner, Client(os.environ[ELASTICSEARCH]) as client:
        ours, peer = _sink(runner), _sink(runner)
        try:
            # The first round makes the connections and the shards.
            rounds = [_round(runner, ours, peer, client, _texts(pool, sentences)) for _ in range(ROUNDS + 1)][1:]
        finally:
            for sink, name in (ours, peer):
                runner.run(sink.close())
                _drop(client, name)
    helper, written, opened = (statistics.median(column) for column in zip(*rounds, strict=True))
    ratio = statistics.median(us / them for them, us, _ in rounds)
    whole = statistics.median(us / them for them, _, us in rounds)
    note = f"peer: helpers.bulk, prepared actions; {ROUNDS} rounds of {Elastic.most}"
    return [
        _row(f"bulk indexing, {what}", written, helper, ratio, f"{note}; target 0.7"),
        _row(f"bulk indexing, {what}, records opened too", opened, helper, whole, note),
    ]


def _row(what: str, ours: float, peer: float, ratio: float, note: str) -> dict[str, Any]:
    return {
        "what": what,
        "ours": ours,
        "peer": peer,
        "limit": None,
        "unit": "messages/s",
        "ratio": ratio,
        "note": note,
    }


def _sink(runner: asyncio.Runner) -> tuple[Elastic, str]:
    """Returns a sink with an index of its own, and the index's name."""
    name = f"bench-{secrets.token_hex(6)}"
    sink = Elastic(Server(url=os.environ[ELASTICSEARCH]), index=name)
    runner.run(sink.setup())
    return sink, name


def _drop(client: Client, name: str) -> None:
    for index in [*client.indices.get_alias(index=f"{name}-*").body]:
        client.indices.delete(index=index)
    client.indices.delete_index_template(name=name)


def _texts(pool: Sequence[str], sentences: int) -> list[str]:
    return [" ".join(random.sample(pool, sentences)) for _ in range(Elastic.most)]


def _round(
    runner: asyncio.Runner, ours: tuple[Elastic, str], peer: tuple[Elastic, str], client: Client, batch: list[str]
) -> tuple[float, float, float]:
    """Returns messages a second: the helper's, ours, and ours with the opening of the records."""
    records, opening = _opened(batch)
    actions = [
        {"_index": peer[1], "_id": record.message.id, "_source": msgspec.to_builtins(_document(record))}
        for record in records
    ]
    turns: dict[str, Callable[[], object]] = {
        "ours": lambda: runner.run(ours[0].write(records)),
        "peer": lambda: helpers.bulk(client, actions, chunk_size=CHUNK, raise_on_error=False)[1],
    }
    # Who is first has the emptier machine: that is drawn.
    seconds = {who: _seconds(turns[who]) for who in random.sample(sorted(turns), 2)}
    count = len(batch)
    return count / seconds["peer"], count / seconds["ours"], count / (seconds["ours"] + opening)


def _opened(batch: Sequence[str]) -> tuple[list[Routed], float]:
    """Returns records as the flow opens them, and how many seconds that took."""
    seal = Seal(bytes(32))
    bodies = [seal.seal(encode(_record(text))) for text in batch]
    begun = time.perf_counter()
    records = [decode(seal.open(body), Routed) for body in bodies]
    return records, time.perf_counter() - begun


def _seconds(write: Callable[[], object]) -> float:
    begun = time.perf_counter()
    refused = write()
    seconds = time.perf_counter() - begun
    if refused:
        raise RuntimeError(f"not everything was taken: {refused}")
    return seconds


def _record(text: str) -> Routed:
    name = secrets.token_hex(16)
    return Routed(
        message=Message(
            id=name,
            channel="sms",
            account="+8225550120",
            native_id=name,
            received_at=datetime.now(UTC),
            author=Author(handle="+821012345678"),
            text=text,
        ),
        decision=Decision(action="dispatch", queue="gangnam", kind="other"),
        raw=text.encode(),
        media_type="text/plain",
    )


if __name__ == "__main__":
    for row in rows():
        print(f"{row['what']:62} {row['ours']:7.0f} {row['peer']:7.0f} {row['ratio']:5.2f} {row['note']}")
