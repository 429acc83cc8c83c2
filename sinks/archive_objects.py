"""Keeps the raw payloads where many machines share one store of objects: a batch of them in each, an hour a folder."""

import asyncio
import re
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import partial
from hashlib import sha256
from typing import ClassVar

from core.clock import SEOUL, Clock, machine_clock
from core.errors import Rejected, Unavailable
from core.message import Message
from core.wire import Routed, Seal, decode, encode
from sinks import _payload
from sinks._kept import Kept, together
from sinks._objects import Store
from sinks._payload import Batch, Payload
from sinks.base import Sink

KIND = "archive"
# A payload that is larger by itself has an object of its own.
_BATCH_BYTES = 8_000_000
_OBJECTS_AT_ONCE = 4
_MOST_TRIED = 1_000
_NAME = re.compile(r".*/(\d{16})-(\d{16})-[0-9a-f]{64}")


class ArchiveObjects(Sink[Routed]):
    """Payloads in objects `archive/2026-11/23-14/<first>-<last>-<address>`.

    The hour (Asia/Seoul) is that in which they came, first and last (microseconds since 1970) are those of the
    batch: a payload is found again by its digest and the time of its message.
    """

    topic: ClassVar[str] = "routed"
    group: ClassVar[str] = "archive"
    takes = Routed
    most: ClassVar[int] = 512

    def __init__(
        self,
        store: Store,
        *,
        seal: Seal,
        keep_days: int,
        most_bytes: int = 100_000_000,
        clock: Clock = machine_clock,
    ) -> None:
        self._store = store
        self._kept = Kept(store, KIND, seal=seal, keep_days=keep_days, clock=clock)
        self._most_bytes = most_bytes
        self._is_open = False

    async def setup(self) -> None:
        await self._kept.sweep()
        self._is_open = True

    async def write(self, records: Sequence[Routed]) -> Mapping[int, str]:
        if not self._is_open:
            raise Unavailable(f"{self._store}: the archive is not open. Call setup first.")
        refused: dict[int, str] = {}
        payloads: list[Payload] = []
        for place, record in enumerate(records):
            if reason := _payload.objection(record, self._most_bytes):
                refused[place] = reason
            elif record.raw:
                payloads.append(_payload.of(record))
        await self.keep(payloads)
        await self._kept.sweep()
        return refused

    async def keep(self, payloads: Iterable[Payload]) -> None:
        """Makes these payloads durable. The same ones in the same order make the same objects."""
        await together([partial(self._keep, hour, batch) for hour, batch in _batches(payloads)], _OBJECTS_AT_ONCE)

    async def close(self) -> None:
        self._is_open = False
        await self._store.close()

    async def get(self, digest: str, received_at: datetime | None = None) -> bytes:
        """Returns the payload whose SHA-256 in hexadecimal this is, of the message received then. Raises `Rejected`
        when it is not kept (any more) or damaged. Without the time everything is looked through.

        Of equal payloads of a month one may have been kept alone, for an earlier message: when none is found at its
        time, so many more batches are opened as do not take for ever.
        """
        key = _payload.key_of(digest)
        for names in (self._of_time(received_at), self._of_month(received_at)):
            async for name in names:
                for payload in await self._read(name):
                    if payload.digest == key:
                        return payload.raw
        raise _payload.absent(digest)

    async def payload_of(self, message: Message) -> bytes:
        """Returns what the message came as; raises `Rejected` when it is not kept (any more) or damaged."""
        return await self.get(message.raw_digest, message.received_at)

    async def payloads(self) -> AsyncIterator[Payload]:
        """Yields everything that is kept, a month after the other."""
        for month in sorted(await self._kept.months()):
            async for name in self._store.names(month):
                for payload in await self._read(name):
                    yield payload

    async def _keep(self, hour: str, batch: Batch) -> None:
        body = encode(batch)
        times = [payload.received_at for payload in batch.payloads]
        address = self._kept.seal.address(sha256(body).digest())
        folder = self._kept.folder(_payload.moment(times[0]))
        packed = await asyncio.to_thread(self._kept.packed, body)
        await self._kept.put(f"{folder}/{hour}/{min(times):016d}-{max(times):016d}-{address}", packed)

    async def _of_time(self, received_at: datetime | None) -> AsyncIterator[str]:
        """Yields the names of the batches that hold this time."""
        if received_at is None:
            return
        at = _payload.microseconds(received_at)
        async for name in self._store.names(f"{self._kept.folder(received_at)}/{_hour(received_at)}"):
            if (found := _NAME.fullmatch(name)) and int(found[1]) <= at <= int(found[2]):
                yield name

    async def _of_month(self, received_at: datetime | None) -> AsyncIterator[str]:
        """Yields the names of the batches of this month, at most so many; of all months when there is no time."""
        if received_at is None:
            for folder in await self._kept.months():
                async for name in self._store.names(folder):
                    yield name
            return
        left = _MOST_TRIED
        async for name in self._store.names(self._kept.folder(received_at)):
            yield name
            left -= 1
            if not left:
                return

    async def _read(self, name: str) -> Sequence[Payload]:
        try:
            body = await self._kept.get(name)
        except Rejected as error:
            # Gone since it was listed.
            if error.status == 404:
                return ()
            raise
        return (await asyncio.to_thread(decode, body, Batch)).payloads


def _batches(payloads: Iterable[Payload]) -> Iterator[tuple[str, Batch]]:
    """Yields the payloads by hour, each once, in portions of so many bytes."""
    hours: dict[str, dict[tuple[bytes, int], Payload]] = {}
    for payload in payloads:
        moment = _payload.moment(payload.received_at)
        hours.setdefault(f"{moment:%Y-%m} {_hour(moment)}", {})[payload.digest, payload.received_at] = payload
    for hour, known in hours.items():
        for portion in _portions(known.values()):
            yield hour.partition(" ")[2], Batch(payloads=tuple(portion))


def _portions(payloads: Iterable[Payload]) -> Iterator[list[Payload]]:
    portion: list[Payload] = []
    size = 0
    for payload in payloads:
        if portion and size + len(payload.raw) > _BATCH_BYTES:
            yield portion
            portion, size = [], 0
        portion.append(payload)
        size += len(payload.raw)
    if portion:
        yield portion


def _hour(moment: datetime) -> str:
    return f"{moment.astimezone(SEOUL):%d-%H}"
