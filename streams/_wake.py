"""Wakes readers: on the loop by our own commits, through a named pipe by those of other processes."""

import asyncio
import os
import stat
from collections.abc import Iterable
from pathlib import Path

from core import telemetry

_MOST_RINGS = 4096


class Bell:
    """One reader's. No ring between two calls of `wait` is missed."""

    def __init__(self, folder: Path, group: str) -> None:
        self.group = group
        self._pipe = _pipe(folder, group)
        self._fd = -1
        self._event = asyncio.Event()
        # Whether others may have written something that nobody here knows of.
        self.is_from_outside = True

    def hang(self) -> None:
        """Makes the pipe; where the file system knows no pipes, the stream's heartbeat has to do."""
        try:
            self._pipe.parent.mkdir(mode=0o700, exist_ok=True)
            if not _is_pipe(self._pipe):
                self._pipe.unlink(missing_ok=True)
                os.mkfifo(self._pipe, 0o600)
            # Open for writing too: otherwise the last writer's end would look like news for ever.
            self._fd = os.open(self._pipe, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as error:
            telemetry.warned("no pipe to be woken by", group=self.group, reason=error.strerror)
            return
        asyncio.get_running_loop().add_reader(self._fd, self._hear)

    def take_down(self) -> None:
        if self._fd >= 0:
            asyncio.get_running_loop().remove_reader(self._fd)
            os.close(self._fd)
            self._fd = -1

    def ring(self) -> None:
        self._event.set()

    async def wait(self) -> None:
        """Returns when it was rung since the last time."""
        await self._event.wait()
        self._event.clear()

    def _hear(self) -> None:
        os.read(self._fd, _MOST_RINGS)
        self.is_from_outside = True
        self.ring()


class Ringer:
    """Rings the bells that hang in other processes. For one thread."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._open: dict[str, int] = {}

    def ring(self, groups: Iterable[str]) -> None:
        for group in groups:
            fd = self._open.get(group, -1)
            if fd < 0:
                fd = _open_for_writing(_pipe(self._folder, group))
            if fd >= 0:
                self._open[group] = fd if _is_written(fd) else -1

    def close(self) -> None:
        for fd in self._open.values():
            if fd >= 0:
                os.close(fd)
        self._open.clear()


def _pipe(folder: Path, group: str) -> Path:
    return folder / f"{group}.fifo"


def _is_pipe(path: Path) -> bool:
    try:
        return stat.S_ISFIFO(path.lstat().st_mode)
    except FileNotFoundError:
        return False


def _open_for_writing(pipe: Path) -> int:
    try:
        # Fails when nobody reads there.
        fd = os.open(pipe, os.O_WRONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return -1
    if stat.S_ISFIFO(os.fstat(fd).st_mode):
        return fd
    os.close(fd)
    return -1


def _is_written(fd: int) -> bool:
    try:
        os.write(fd, b"\0")
    except BlockingIOError:
        # Full of rings that were not heard yet: one more says nothing new.
        return True
    except OSError:
        os.close(fd)
        return False
    return True
