"""A bell that other processes can ring: wakes the relay when the command line put something into the outbox."""

import asyncio
import errno
import os
from pathlib import Path
from types import TracebackType

# Rung when something was put into the outbox, and when cases changed.
OUTBOX, CASES = "outbox.bell", "cases.bell"


class Bell:
    """A named pipe: whoever rings writes one byte, whoever listens wakes. Enter it inside a running loop."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor = -1
        self.rung = asyncio.Event()

    def __enter__(self) -> "Bell":
        if not self._path.exists():
            os.mkfifo(self._path, 0o600)
        # Open for both, so that the pipe never reports an end when the last ringer leaves.
        self._descriptor = os.open(self._path, os.O_RDWR | os.O_NONBLOCK)
        asyncio.get_running_loop().add_reader(self._descriptor, self._heard)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        asyncio.get_running_loop().remove_reader(self._descriptor)
        os.close(self._descriptor)

    def _heard(self) -> None:
        try:
            os.read(self._descriptor, 4096)
        except BlockingIOError:
            return
        self.rung.set()


def ring(path: Path) -> None:
    """Rings; when nobody listens, or the bell is ringing already, nothing needs to be done."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_NONBLOCK)
    except OSError as error:
        if error.errno in (errno.ENXIO, errno.ENOENT):
            return
        raise
    try:
        os.write(descriptor, b"!")
    except BlockingIOError:
        pass
    finally:
        os.close(descriptor)
