"""Keeps the attachments of raw payloads by themselves: compressed, sealed, a file once a month, forgotten in time.

Nothing more is needed to find one again than the message: when it came and the file's digest say its name.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import partial
from hashlib import sha256
from typing import ClassVar

from msgspec.structs import replace

from cases.pieces import is_inside
from core.clock import Clock, machine_clock
from core.errors import Rejected, Unavailable
from core.message import Attachment, Message
from core.wire import Routed, Seal
from sinks._kept import Kept, together
from sinks._objects import Store
from sinks.base import Sink

# A channel's: reads a payload once, then gives the bytes at a place ("raw:2"), or raises `Rejected`.
Contents = Callable[[bytes], Callable[[str], bytes]]

KIND = "attachments"
# As many as a mail can have parts, and what stays together behind them.
_MOST = 210
_MAILS_AT_ONCE = 4
_FILES_AT_ONCE = 4


class Attachments(Sink[Routed]):
    """Files in objects `attachments/2026-11/<address>`; `contents` by channel says how they are taken out.

    What other channels hold elsewhere is fetched (sinks/_media.py) and given to `keep`. An absent store holds up nobody
    but this group.
    """

    topic: ClassVar[str] = "routed"
    takes = Routed
    most: ClassVar[int] = 512

    def __init__(
        self,
        store: Store,
        contents: Mapping[str, Contents],
        *,
        seal: Seal,
        keep_days: int,
        clock: Clock = machine_clock,
    ) -> None:
        self._store = store
        self._contents = contents
        self._kept = Kept(store, KIND, seal=seal, keep_days=keep_days, clock=clock)
        self._is_open = False

    async def setup(self) -> None:
        await self._kept.sweep()
        self._is_open = True

    async def write(self, records: Sequence[Routed]) -> Mapping[int, str]:
        if not self._is_open:
            raise Unavailable(f"{self._store}: the sink of attachments is not open. Call setup first.")
        carrying = [place for place, record in enumerate(records) if self._carries(record)]
        reasons = await together([partial(self._write, records[place]) for place in carrying], _MAILS_AT_ONCE)
        await self._kept.sweep()
        return {place: reason for place, reason in zip(carrying, reasons, strict=True) if reason}

    async def close(self) -> None:
        self._is_open = False
        await self._store.close()

    async def get(self, message: Message, attachment: Attachment) -> bytes:
        """Returns the file; raises `Rejected` when it is not kept (yet, or any more), or damaged."""
        return await self.read(message.received_at, attachment)

    async def read(self, received_at: datetime, attachment: Attachment) -> bytes:
        """Returns the file of a message that was received then, as `get` does."""
        name = self._name(received_at, attachment)
        content = await self._kept.get(name)
        if sha256(content).hexdigest() != attachment.digest:
            raise Rejected(f"the object {name} is damaged: it has another digest")
        return content

    async def has(self, message: Message, attachment: Attachment) -> bool:
        return await self._kept.store.exists(self._name(message.received_at, attachment))

    async def keep(self, received_at: datetime, attachment: Attachment, content: bytes) -> Attachment:
        """Keeps a file that was fetched; returns the attachment with its size and digest, by which it is found."""
        digest = await asyncio.to_thread(lambda: sha256(content).hexdigest())
        known = replace(attachment, size=len(content), digest=digest)
        packed = await asyncio.to_thread(self._kept.packed, content)
        await self._kept.put(self._name(received_at, known), packed)
        return known

    def _carries(self, record: Routed) -> bool:
        message = record.message
        return message.channel in self._contents and any(is_inside(one) for one in message.attachments)

    async def _write(self, record: Routed) -> str:
        """Keeps the files of one message; returns why one of them can never be kept, "" when all are."""
        wanted = {one.place: one for one in record.message.attachments if is_inside(one)}
        if len(wanted) > _MOST:
            return f"a message with {len(wanted)} attachments; at most {_MOST} are kept"
        try:
            opened = await asyncio.to_thread(self._contents[record.message.channel], record.raw)
        except Rejected as error:
            return error.reason
        works = [partial(self._keep, record.message, one, opened) for one in wanted.values()]
        return next(filter(None, await together(works, _FILES_AT_ONCE)), "")

    async def _keep(self, message: Message, attachment: Attachment, opened: Callable[[str], bytes]) -> str:
        try:
            packed = await asyncio.to_thread(self._packed, attachment, opened)
            await self._kept.put(self._name(message.received_at, attachment), packed)
        except Rejected as error:
            return error.reason
        return ""

    def _packed(self, attachment: Attachment, opened: Callable[[str], bytes]) -> bytes:
        content = opened(attachment.place)
        if sha256(content).hexdigest() != attachment.digest:
            raise Rejected(f"what lies at {attachment.place} is not what the message says: it has another digest")
        return self._kept.packed(content)

    def _name(self, received_at: datetime, attachment: Attachment) -> str:
        try:
            digest = bytes.fromhex(attachment.digest)
        except ValueError as error:
            raise Rejected(f"{attachment.digest[:100]!r} is no digest in hexadecimal", status=404) from error
        return f"{self._kept.folder(received_at)}/{self._kept.seal.address(digest)}"
