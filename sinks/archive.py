"""Keeps the raw payloads: compressed, sealed, named by what is in them, a file a month, and forgotten in time."""

import asyncio
import re
import sqlite3
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import ClassVar

import zstandard

from core import telemetry
from core.clock import SEOUL, Clock, machine_clock
from core.errors import Rejected, Unavailable
from core.message import Message
from core.wire import Routed, Seal
from sinks import _month, _payload
from sinks._payload import Payload
from sinks.base import Sink

_MONTH = re.compile(rf"({_month.MONTH.pattern})\.sqlite")
# The calendar begins with the year 1.
_FOR_EVER_DAYS = 365_000


class Archive(Sink[Routed]):
    """Payloads in `<folder>/2026-11.sqlite`, by the month (Asia/Seoul) in which they came.

    A month is deleted whole, `keep_days` after its last day by `clock`: the machine's, so that a rehearsal at
    another time deletes nothing. A record without a payload has nothing to be kept.
    """

    topic: ClassVar[str] = "routed"
    takes = Routed
    most: ClassVar[int] = 512

    def __init__(
        self,
        folder: Path,
        *,
        seal: Seal,
        keep_days: int,
        most_bytes: int = 100_000_000,
        clock: Clock = machine_clock,
    ) -> None:
        self._folder = folder
        self._seal = seal
        self._keep_days = keep_days
        self._most_bytes = most_bytes
        self._clock = clock
        self._compressor = zstandard.ZstdCompressor()
        self._turn = threading.Lock()
        self._ready = False
        self._name = ""
        self._store: sqlite3.Connection | None = None

    async def setup(self) -> None:
        await asyncio.to_thread(self._setup)

    async def write(self, records: Sequence[Routed]) -> Mapping[int, str]:
        return await asyncio.to_thread(self._write, records)

    async def close(self) -> None:
        await asyncio.to_thread(self._close)

    def get(self, digest: str) -> bytes:
        """Returns the payload whose SHA-256 in hexadecimal this is. Raises `Rejected` when it is not kept (any more)
        or damaged."""
        key = _payload.key_of(digest)
        for path in sorted(self._folder.glob("*.sqlite"), reverse=True):
            if sealed := _month.find(path, key):
                return self._opened(sealed, key)
        raise _payload.absent(digest)

    async def payload_of(self, message: Message) -> bytes:
        """Returns what the message came as; raises `Rejected` when it is not kept (any more) or damaged."""
        return await asyncio.to_thread(self.get, message.raw_digest)

    def payloads(self) -> Iterator[Payload]:
        """Yields everything that is kept, a month after the other; what is damaged is passed over."""
        for path in sorted(self._folder.glob("*.sqlite")):
            for digest, sealed, media_type, received_at in _month.rows(path):
                with suppress(Rejected):
                    raw = self._opened(sealed, digest)
                    yield Payload(digest=digest, raw=raw, media_type=media_type, received_at=received_at)

    def expire(self, now: datetime) -> list[str]:
        """Deletes the months that are over for more than `keep_days`; returns their names."""
        with self._turn, _month.guarded(self._folder):
            return self._expire(now)

    def _setup(self) -> None:
        with self._turn, _month.guarded(self._folder):
            self._folder.mkdir(parents=True, exist_ok=True)
            self._expire(self._clock())
            self._ready = True

    def _write(self, records: Sequence[Routed]) -> dict[int, str]:
        refused: dict[int, str] = {}
        months: dict[str, list[_month.Row]] = {}
        with self._turn:
            if not self._ready:
                raise Unavailable(f"{self._folder}: the archive is not open. Call setup first.")
            for place, record in enumerate(records):
                if reason := _payload.objection(record, self._most_bytes):
                    refused[place] = reason
                elif record.raw:
                    months.setdefault(_month.month_of(record.message.received_at), []).append(self._row(record))
            for month, rows in months.items():
                self._insert(month, rows)
        return refused

    def _row(self, record: Routed) -> _month.Row:
        payload = _payload.of(record)
        sealed = self._seal.seal(self._compressor.compress(payload.raw))
        return payload.digest, sealed, payload.media_type, payload.received_at

    def _insert(self, month: str, rows: Sequence[_month.Row]) -> None:
        path = self._folder / f"{month}.sqlite"
        try:
            with _month.guarded(path):
                _month.insert(self._opened_month(month, path), rows)
        except _month.Damaged as damage:
            self._let_go()
            with _month.guarded(path):
                aside = _month.set_aside(path, self._clock())
            telemetry.warned("archive damaged, the month begun anew", reason=str(damage), kept_as=str(aside))
            raise Unavailable(f"{path}: was damaged and is begun anew. It is tried again.") from damage
        except Unavailable:
            self._let_go()
            raise

    def _opened_month(self, month: str, path: Path) -> sqlite3.Connection:
        if self._store is not None and month == self._name:
            return self._store
        self._let_go()
        is_new = not path.exists()
        self._store, self._name = _month.connect(path, "rwc"), month
        _month.begin(self._store)
        if is_new:
            # Once a month is often enough to look for what is over.
            self._expire(self._clock(), but=month)
        return self._store

    def _expire(self, now: datetime, *, but: str = "") -> list[str]:
        oldest = now.astimezone(SEOUL).date() - timedelta(days=min(self._keep_days, _FOR_EVER_DAYS))
        months = {found[1] for file in self._folder.iterdir() if (found := _MONTH.match(file.name))}
        gone = sorted(month for month in months if _month.last_day(month) < oldest and month != but)
        for month in gone:
            if month == self._name:
                self._let_go()
            # Also what SQLite keeps beside the file, and what was set aside.
            for file in self._folder.glob(f"{month}.sqlite*"):
                file.unlink(missing_ok=True)
        return gone

    def _opened(self, sealed: bytes, key: bytes) -> bytes:
        try:
            raw = zstandard.ZstdDecompressor().decompress(self._seal.open(sealed))
        except zstandard.ZstdError as error:
            raise Rejected(f"the payload {key.hex()} is damaged: {error}") from error
        if sha256(raw).digest() != key:
            raise Rejected(f"the payload {key.hex()} is damaged: it has another digest")
        return raw

    def _let_go(self) -> None:
        store, self._store, self._name = self._store, None, ""
        if store is not None:
            store.close()

    def _close(self) -> None:
        with self._turn:
            self._ready = False
            self._let_go()
