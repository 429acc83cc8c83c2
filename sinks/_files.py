"""Where replies go on a channel whose outgoing side is not set up: one file each, whole and durable."""

import asyncio
import ctypes
import os
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import msgspec

from core.errors import Rejected, Unavailable
from core.reply import Receipt, Reply, Sender, Verdict

# From so many files on, one sync of the whole file system costs less than one for each.
_MANY = 16
_encode = msgspec.json.Encoder().encode
# Why replies, by row, could not be written.
_Verdicts = dict[str, Rejected | Unavailable]


class FileSender(Sender):
    """Writes `<created>-<case>-<kind>-<row>.json`, and the mail as `.eml` beside it when `compose_eml` is given.

    A reply's file has the same name at every try. `send` returns when it is on the disk; replies that are sent
    together are written together.
    """

    repeatable = True
    together = True

    def __init__(self, folder: Path, compose_eml: Callable[[Reply], bytes] | None = None) -> None:
        self._folder = folder
        self._compose_eml = compose_eml
        self._waiting: list[tuple[Reply, asyncio.Future[None]]] = []
        self._writer: asyncio.Task[None] | None = None

    async def send(self, reply: Reply) -> Receipt:
        done = asyncio.get_running_loop().create_future()
        self._waiting.append((reply, done))
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(self._write_waiting())
        await done
        return Receipt(provider_id=file_name(reply))

    async def send_all(self, replies: Sequence[Reply]) -> list[Verdict]:
        try:
            refused = await asyncio.to_thread(self._write, replies)
        except OSError as error:
            return [self._unwritable(error) for _ in replies]
        return [refused.get(reply.id) or Receipt(provider_id=file_name(reply)) for reply in replies]

    async def find(self, reply: Reply) -> Receipt | None:
        path = self._folder / file_name(reply)
        return Receipt(provider_id=path.name) if await asyncio.to_thread(path.exists) else None

    async def close(self) -> None:
        if self._writer is not None:
            await asyncio.gather(self._writer, return_exceptions=True)

    async def _write_waiting(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting, []
            verdicts: _Verdicts = {}
            failed: Rejected | Unavailable | None = Unavailable("interrupted before the files were written")
            try:
                verdicts = await asyncio.to_thread(self._write, [reply for reply, _ in batch])
                failed = None
            except OSError as error:
                failed = self._unwritable(error)
            finally:
                # Whatever happens, nobody waits for ever.
                for reply, done in batch:
                    _tell(done, verdicts.get(reply.id, failed))

    def _write(self, replies: Sequence[Reply]) -> _Verdicts:
        """Writes all under temporary names, makes them durable together, then gives them their names."""
        self._folder.mkdir(0o700, parents=True, exist_ok=True)
        folder = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            return self._write_into(folder, replies)
        finally:
            os.close(folder)

    def _write_into(self, folder: int, replies: Sequence[Reply]) -> _Verdicts:
        refused: _Verdicts = {}
        written: list[str] = []
        for reply in replies:
            try:
                written += [_write_part(folder, name, body) for name, body in self._files(reply)]
            except Rejected as error:
                refused[reply.id] = error
            except OSError as error:
                refused[reply.id] = self._unwritable(error)
        _sync(folder, [_part(name) for name in written])
        for name in written:
            os.rename(_part(name), name, src_dir_fd=folder, dst_dir_fd=folder)
        os.fsync(folder)
        return refused

    def _files(self, reply: Reply) -> list[tuple[str, bytes]]:
        """Returns the files of a reply; the one that says that all is there comes last."""
        name = file_name(reply)
        mail = [(f"{name.removesuffix('.json')}.eml", self._compose_eml(reply))] if self._compose_eml else []
        return [*mail, (name, _encode(_document(reply)))]

    def _unwritable(self, error: OSError) -> Unavailable:
        return Unavailable(f"{self._folder} cannot be written: {error.strerror or error}")


def file_name(reply: Reply) -> str:
    return f"{_stamp(reply.created_at)}-{reply.case}-{reply.kind}-{reply.id}.json"


@lru_cache(maxsize=256)
def _stamp(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")


def _document(reply: Reply) -> dict[str, Any]:
    """Returns what stands in the file; `link` only when the text has it."""
    document: dict[str, Any] = {
        "id": reply.id,
        "channel": reply.channel,
        "account": reply.account,
        "to": reply.to,
        "kind": reply.kind,
        "case": reply.case,
        "subject": reply.subject,
        "text": reply.text,
        "in_reply_to": reply.in_reply_to,
        "references": reply.references,
        "automatic": reply.automatic,
        "created_at": reply.created_at,
    }
    return document | {"link": reply.link} if reply.link else document


def _part(name: str) -> str:
    return f".{name}.part"


def _write_part(folder: int, name: str, body: bytes) -> str:
    descriptor = os.open(_part(name), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600, dir_fd=folder)
    try:
        rest = memoryview(body)
        while rest:
            rest = rest[os.write(descriptor, rest) :]
    finally:
        os.close(descriptor)
    return name


def _sync(folder: int, names: Sequence[str]) -> None:
    """Makes files of an open folder durable."""
    sync_everything = _syncfs()
    if len(names) >= _MANY and sync_everything is not None:
        sync_everything(folder)
        return
    for name in names:
        descriptor = os.open(name, os.O_RDONLY, dir_fd=folder)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


@cache
def _syncfs() -> Callable[[int], None] | None:
    """Returns Linux's syncfs, which Python does not offer; None elsewhere."""
    found = getattr(ctypes.CDLL(None, use_errno=True), "syncfs", None)
    if found is None:
        return None

    def sync(descriptor: int) -> None:
        if found(descriptor) != 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))

    return sync


def _tell(done: asyncio.Future[None], error: Rejected | Unavailable | None) -> None:
    if done.done():
        return
    if error is None:
        done.set_result(None)
    else:
        done.set_exception(error)
