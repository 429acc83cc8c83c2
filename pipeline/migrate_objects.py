"""Attachments and raw payloads on their way from this machine's files to a store of objects that many share."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from itertools import islice
from pathlib import Path

from core.errors import ConfigError
from core.wire import Seal
from pipeline.migrate_count import SAMPLED, Compared, Progress, Sum, portions
from sinks import _month
from sinks._objects import Files, Store
from sinks._payload import Payload
from sinks.archive import Archive
from sinks.archive_objects import KIND, ArchiveObjects
from sinks.attachments import KIND as ATTACHMENTS

# The same lists in the same order make the same objects: whoever begins again writes nothing twice.
_PAYLOADS_AT_ONCE, _BYTES_AT_ONCE = 500, 32_000_000
_OBJECTS_AT_ONCE = 16


class Objects:
    """From the folders `archive` and `objects` of this machine to what `store` makes: a store that is not open yet."""

    name = "objects"

    def __init__(
        self, var: Path, store: Callable[[], Store], *, seal: Seal, keep_days: int, to: str, is_begun: bool
    ) -> None:
        self._folder = var / "archive"
        self._files = Files(var / "objects")
        self._archive = Archive(self._folder, seal=seal, keep_days=keep_days)
        self._store = store
        self._seal, self._keep_days = seal, keep_days
        self._is_begun = is_begun
        self.to = to

    def look(self) -> list[tuple[str, int]]:
        return [("raw payloads", self._count()), ("attachments", len(asyncio.run(_names(self._files, ATTACHMENTS))))]

    def check(self) -> None:
        asyncio.run(self._check())

    def begin(self) -> None:
        """Nothing is marked: whoever looks for an object needs the case store as well."""

    def move(self, progress: Progress) -> None:
        asyncio.run(self._move(progress))

    def compare(self, progress: Progress) -> list[Compared]:
        return asyncio.run(self._compare(progress))

    def samples(self, *, new: bool) -> list[bytes]:
        return asyncio.run(self._samples(new=new))

    def finish(self) -> None:
        """Nothing was marked."""

    async def _check(self) -> None:
        async with self._opened() as store:
            for folder in (KIND, ATTACHMENTS):
                if await store.folders(folder) and not self._is_begun:
                    raise ConfigError(
                        f"{self.to}: holds {folder} already. Name another bucket, or another prefix in it: "
                        'objects = "s3://bucket/prefix"'
                    )

    async def _move(self, progress: Progress) -> None:
        total, done, keep = self._count(), 0, self._keep()
        payloads = portions(self._archive.payloads(), _size, most=_PAYLOADS_AT_ONCE, most_bytes=_BYTES_AT_ONCE)
        try:
            for some in payloads:
                await keep.keep(some)
                done += len(some)
                progress("objects: raw payloads", done, total)
        finally:
            await keep.close()
        names = await _names(self._files, ATTACHMENTS)
        async with self._opened() as store:
            for begin in range(0, len(names), _OBJECTS_AT_ONCE):
                now = names[begin : begin + _OBJECTS_AT_ONCE]
                await asyncio.gather(*(_copy(self._files, store, name) for name in now))
                progress("objects: attachments", begin + len(now), len(names))

    async def _compare(self, progress: Progress) -> list[Compared]:
        progress("comparing: objects", 0, 4)
        payloads = _Payloads()
        for one in self._archive.payloads():
            payloads.add(one)
        damaged = self._count() - payloads.sum.tally.count
        progress("comparing: objects", 1, 4)
        arrived, keep = _Payloads(), self._keep()
        try:
            async for one in keep.payloads():
                arrived.add(one)
        finally:
            await keep.close()
        progress("comparing: objects", 2, 4)
        old = await _sum(self._files)
        progress("comparing: objects", 3, 4)
        async with self._opened() as store:
            new = await _sum(store)
        progress("comparing: objects", 4, 4)
        return [
            Compared(
                part=self.name,
                what="raw payloads",
                old=payloads.sum.tally,
                new=arrived.sum.tally,
                note=f"{damaged:,} are damaged and stay behind" if damaged else "",
            ),
            Compared(part=self.name, what="attachments", old=old.tally, new=new.tally),
        ]

    async def _samples(self, *, new: bool) -> list[bytes]:
        if not new:
            names = (await _names(self._files, ATTACHMENTS))[:SAMPLED]
            return [*islice(self._rows(), SAMPLED), *[await self._files.get(name) for name in names]]
        async with self._opened() as store:
            names = [name for folder in (KIND, ATTACHMENTS) for name in (await _names(store, folder))[:SAMPLED]]
            return [await store.get(name) for name in names]

    def _rows(self) -> Iterator[bytes]:
        """Yields every payload of the archive as it is sealed, also one that cannot be opened."""
        for path in sorted(self._folder.glob("*.sqlite")):
            for _, sealed, _, _ in _month.rows(path):
                yield sealed

    def _count(self) -> int:
        return sum(1 for _ in self._rows())

    def _keep(self) -> ArchiveObjects:
        return ArchiveObjects(self._store(), seal=self._seal, keep_days=self._keep_days)

    @asynccontextmanager
    async def _opened(self) -> AsyncIterator[Store]:
        store = self._store()
        try:
            yield store
        finally:
            await store.close()


class _Payloads:
    """Adds payloads up, each once, whatever its digest says it is."""

    def __init__(self) -> None:
        self.sum = Sum()
        self._known: set[tuple[bytes, int]] = set()

    def add(self, one: Payload) -> None:
        if (one.digest, one.received_at) not in self._known:
            self._known.add((one.digest, one.received_at))
            self.sum.add((one.digest, one.received_at, one.media_type, one.raw))


def _size(payload: Payload) -> int:
    return len(payload.raw)


async def _copy(old: Store, new: Store, name: str) -> None:
    await new.put(name, await old.get(name))


async def _sum(store: Store) -> Sum:
    total = Sum()
    names = await _names(store, ATTACHMENTS)
    for begin in range(0, len(names), _OBJECTS_AT_ONCE):
        some = names[begin : begin + _OBJECTS_AT_ONCE]
        bodies = await asyncio.gather(*(store.get(name) for name in some))
        for row in zip(some, bodies, strict=True):
            total.add(row)
    return total


async def _names(store: Store, folder: str) -> list[str]:
    return sorted([name async for name in store.names(folder)])
