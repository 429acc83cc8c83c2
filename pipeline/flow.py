"""The whole flow: the door, the routing desk, the sinks, the relay. Everything else serves it.

accept -> [inbound] -> route -> [routed] -> sink: cases, search, archive, attachments
                                                    |
                          outbox <------------------+        whatever cannot be done -> dead
                            |
                          relay -> [outbound] -> sink: reply
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from functools import partial
from typing import Any, Protocol

from msgspec.structs import replace

from cases.outbox import Due
from cases.store import CaseStore
from core import telemetry
from core.clock import Clock
from core.errors import Rejected, Unavailable
from core.ids import uuid7
from core.message import Arrival
from core.wire import Seal, decode, encode
from pipeline.decider import DeskEnded, DeskFailed
from pipeline.desk import Outcome
from pipeline.waiting import FIRST_WAIT_SECONDS, LONGEST_WAIT_SECONDS, Pace, patiently, rung_or_after
from sinks.base import Sink
from streams.base import INBOUND, OUTBOUND, ROUTED, Batch, Entry, Record, Stream

# A process may end for reasons of its own: only who was there three times is taken for the cause.
_TRIES_ALONE = 3
# How many bytes of records are kept open for the groups that have not read them yet.
_KEPT_BYTES = 2 * 1024 * 1024


class Decides(Protocol):
    async def handle(self, bodies: Sequence[bytes]) -> list[Outcome]: ...


def _nothing() -> None:
    """Is called where nobody waits for news."""


def _unheard(_channel: str) -> None:
    """Nobody counts how long a channel is silent."""


def door(
    stream: Stream, seal: Seal, hear: Callable[[str], None] = _unheard
) -> Callable[[Sequence[Arrival]], Awaitable[None]]:
    """Returns what connectors call: when it returns, the arrivals are durable. `hear` is told their channels."""

    async def accept(arrivals: Sequence[Arrival]) -> None:
        begun = time.perf_counter()
        await stream.publish(*(_entry(arrival, seal) for arrival in arrivals))
        seconds = time.perf_counter() - begun
        for arrival in arrivals:
            telemetry.received(channel=arrival.channel, seconds=seconds)
            hear(arrival.channel)

    return accept


def _entry(arrival: Arrival, seal: Seal) -> Entry:
    named = arrival if arrival.id else replace(arrival, id=uuid7())
    return Entry(topic=INBOUND, key=named.key, body=seal.seal(encode(named)), identity=named.identity)


async def route(stream: Stream, desk: Decides, *, most: int = 512) -> None:
    """Decides what comes in, for ever."""
    pace = Pace()
    async for batch in _batches(stream, INBOUND, "router", most):
        pace.begin()
        begun = time.perf_counter()
        outcomes = await _decided(desk, [record.body for record in batch.records])
        seconds = time.perf_counter() - begun
        await _commit(stream, batch, *_sorted(batch, outcomes))
        telemetry.decided(actions=[outcome.action or "dead" for outcome in outcomes], seconds=seconds)
        telemetry.shadowed(rows=[row for outcome in outcomes for row in outcome.shadowed])
        await pace.keep()


def _sorted(batch: Batch, outcomes: Sequence[Outcome]) -> tuple[list[Entry], list[tuple[Record, str]]]:
    """Returns what goes on and what is parked.

    What goes on has no identity of its own. Where a stream cannot publish and move the group's place at once, whoever
    is killed in between passes it on twice, with the same arrival's id. Whoever reads recognises that: the case store
    by the message's identity, an index by its id, archive and attachments by their digests; the courier, of a ticket,
    by what its outbox row says. The same holds for what is published twice because it was put back from the dead.
    """
    pairs = list(zip(batch.records, outcomes, strict=True))
    onward = [Entry(topic=ROUTED, key=o.key, body=o.body) for _, o in pairs if not o.reason]
    return onward, [(record, o.reason) for record, o in pairs if o.reason]


async def _decided(desk: Decides, bodies: Sequence[bytes], *, tries: int = 1) -> list[Outcome]:
    """Asks the desk; halves a batch that it cannot deal with, down to the one record that does this."""
    try:
        outcomes: list[Outcome] = await patiently("router", lambda: desk.handle(bodies))
    except DeskFailed as error:
        if len(bodies) == 1 and isinstance(error, DeskEnded) and tries < _TRIES_ALONE:
            return await _decided(desk, bodies, tries=tries + 1)
        if len(bodies) == 1:
            return [Outcome(reason=f"could not be decided: {error}")]
    else:
        return outcomes
    middle = len(bodies) // 2
    return [*await _decided(desk, bodies[:middle]), *await _decided(desk, bodies[middle:])]


class Opener:
    """Opens records, each once for all the groups that read it.

    A value is let go when the last group has taken it; the oldest first when a group is too far behind.
    """

    def __init__(self, stream: Stream, seal: Seal) -> None:
        self._seal = seal
        self._readers = {topic: len(groups) for topic, groups in stream.groups.items()}
        # By topic and offset: the value, how many groups will still ask for it, the length of its record.
        self._kept: dict[tuple[str, int], tuple[Any, int, int]] = {}
        self._bytes = 0

    def open(self, record: Record, takes: type[Any]) -> Any:
        """Returns what is in the record, or the `Rejected` that says why nothing is."""
        place = record.topic, record.offset
        if place in self._kept:
            value, left = self._take(place)
        else:
            value, left = self._opened(record, takes), self._readers[record.topic]
        if left > 1:
            self._kept[place] = value, left - 1, len(record.body)
            self._bytes += len(record.body)
            while self._bytes > _KEPT_BYTES:
                self._take(next(iter(self._kept)))
        return value

    def _take(self, place: tuple[str, int]) -> tuple[Any, int]:
        value, left, size = self._kept.pop(place)
        self._bytes -= size
        return value, left

    def _opened(self, record: Record, takes: type[Any]) -> Any:
        try:
            return decode(self._seal.open(record.body), takes)
        except Rejected as error:
            return error


async def pour(stream: Stream, sink: Sink[Any], *, opener: Opener, then: Callable[[], None] = _nothing) -> None:
    """Feeds one sink, for ever: its group reads at its own pace. `then` is called after every batch."""
    group = sink.group
    await patiently(group, sink.setup)
    pace = Pace()
    async for batch in _batches(stream, sink.topic, group, sink.most):
        pace.begin()
        parked = await _written(sink, group, [(record, opener.open(record, sink.takes)) for record in batch.records])
        await _commit(stream, batch, (), parked)
        then()
        await pace.keep()


async def _written(sink: Sink[Any], group: str, pairs: Sequence[tuple[Record, Any]]) -> list[tuple[Record, str]]:
    parked = [(record, value.reason) for record, value in pairs if isinstance(value, Rejected)]
    good = [(record, value) for record, value in pairs if not isinstance(value, Rejected)]
    if not good:
        return parked
    try:
        refused = await patiently(group, lambda: sink.write([value for _, value in good]))
    # The loop that sends to dead: a record that breaks a sink is found by halving and parked; the rest go on.
    except Exception as error:  # noqa: BLE001
        if len(good) == 1:
            return [*parked, (good[0][0], f"could not be written: {type(error).__name__}: {error}"[:500])]
        middle = len(good) // 2
        return [*parked, *await _written(sink, group, good[:middle]), *await _written(sink, group, good[middle:])]
    return [*parked, *((good[place][0], reason) for place, reason in refused.items())]


async def relay(stream: Stream, store: CaseStore, *, clock: Clock, seal: Seal, rung: asyncio.Event) -> None:
    """Brings what is due from the outbox to [outbound], for ever; a row's identity keeps it from going twice."""
    pace = Pace()
    while True:
        await pace.keep()
        pace.begin()
        rung.clear()
        due: list[Due] = await patiently("relay", partial(asyncio.to_thread, store.outbox.due, clock()))
        if not due:
            await rung_or_after(rung, await patiently("relay", partial(asyncio.to_thread, store.outbox.next_due)))
            continue
        entries = [
            Entry(topic=OUTBOUND, key=row.key, body=seal.seal(encode(row.ticket)), identity=row.identity) for row in due
        ]
        await patiently("relay", partial(stream.publish, *entries))
        await patiently("relay", partial(asyncio.to_thread, store.outbox.relayed, due))


async def _batches(stream: Stream, topic: str, group: str, most: int) -> AsyncIterator[Batch]:
    """Yields what the group has before it; reads again when the engine could not be read, until it is closed."""
    wait = FIRST_WAIT_SECONDS
    while True:
        try:
            async for batch in stream.read(topic, group, most=most):
                wait = FIRST_WAIT_SECONDS
                yield batch
        except Unavailable as error:
            telemetry.waiting(part=group, reason=error.reason, seconds=wait)
            await asyncio.sleep(wait)
            wait = min(wait * 2, LONGEST_WAIT_SECONDS)
        else:
            return


async def _commit(stream: Stream, batch: Batch, publish: Sequence[Entry], park: Sequence[tuple[Record, str]]) -> None:
    await patiently(batch.group, lambda: stream.commit(batch, publish=publish, park=park))
    for record, reason in park:
        telemetry.parked(topic=record.topic, group=batch.group, reason=reason)
    telemetry.handled(group=batch.group, count=len(batch.records))
