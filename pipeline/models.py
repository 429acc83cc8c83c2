"""Where trained models lie: var/models/<classifier>.model, and the one that was in use before; and .kept, which only
makes the next start faster."""

import fcntl
import os
import stat
import tempfile
from contextlib import suppress
from hashlib import blake2b
from pathlib import Path

from core.errors import ConfigError

_KEPT = b"eungdapso-kept 1\n"
_DIGEST_BYTES = 16
# More would be none of ours.
_MOST_BYTES = 50_000_000
_MOST_MODEL_BYTES = 500_000_000
_MEND_MODEL = "Take it away, and have `eungdapso train` make it again"


def folder_of(var: Path) -> Path:
    return var / "models"


def path_of(var: Path, name: str) -> Path:
    return folder_of(var) / f"{name}.model"


def read(var: Path, name: str) -> bytes | None:
    """Returns the model in use, None when none was made; raises `ConfigError` for what can be none."""
    path = path_of(var, name)
    try:
        # A pipe under this name would be waited for.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror or error}. {_MEND_MODEL}") from error
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise ConfigError(f"{path}: this is no regular file. {_MEND_MODEL}")
        if status.st_size > _MOST_MODEL_BYTES:
            raise ConfigError(
                f"{path}: {status.st_size:,} bytes are no model; at most {_MOST_MODEL_BYTES:,} are read. {_MEND_MODEL}"
            )
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            return file.read(_MOST_MODEL_BYTES)
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror or error}. {_MEND_MODEL}") from error
    finally:
        os.close(descriptor)


def write(var: Path, name: str, data: bytes) -> Path:
    """Puts a model in use, whole or not at all; the one before stays beside it as .before."""
    path = path_of(var, name)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    fresh = path.with_suffix(".new")
    with fresh.open("wb") as file:
        # What staff corrected went into it: nobody else's to read.
        os.fchmod(file.fileno(), 0o600)
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    if path.exists():
        before = path.with_suffix(".before")
        before.unlink(missing_ok=True)
        before.hardlink_to(path)
    fresh.replace(path)
    return path


def _opener(path: str, flags: int) -> int:
    # A pipe under this name would be waited for.
    return os.open(path, flags | os.O_NONBLOCK | os.O_NOFOLLOW)


def _is_ours(status: os.stat_result) -> bool:
    """Whether it is a file that nobody else can have written."""
    others = stat.S_IWGRP | stat.S_IWOTH
    return stat.S_ISREG(status.st_mode) and status.st_uid == os.geteuid() and not status.st_mode & others


def _sweep(path: Path) -> None:
    """Takes away what processes left that ended while they wrote; who writes still has a lock on it."""
    for left in path.parent.glob(f"{path.stem}.kept-*"):
        with suppress(OSError), open(left, "rb", opener=_opener) as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            left.unlink()


class Kept:
    """var/models/<classifier>.<what>.kept: what a classifier found from the city's files alone, and would find again.

    Whatever is wrong with the file, it is as if there were none; it may be deleted any time. Where there is no `var`
    there is no instance, and nothing is written.
    """

    def __init__(self, var: Path, name: str) -> None:
        self._var, self._name = var, name

    def read(self, what: str) -> bytes | None:
        """Returns what was written last, None when that is not there, whole and of this version."""
        begin = len(_KEPT) + _DIGEST_BYTES
        try:
            with open(self._path(what), "rb", opener=_opener) as file:
                status = os.fstat(file.fileno())
                data = file.read(_MOST_BYTES) if _is_ours(status) and status.st_size <= _MOST_BYTES else b""
        except OSError:
            return None
        body = data[begin:]
        return body if data[:begin] == _KEPT + blake2b(body, digest_size=_DIGEST_BYTES).digest() else None

    def write(self, what: str, data: bytes) -> None:
        """Writes it whole or not at all, and leaves nothing else; a folder that cannot be written is no mistake."""
        if not self._var.is_dir():
            return
        path = self._path(what)
        with suppress(OSError):
            path.parent.mkdir(mode=0o700, exist_ok=True)
            _sweep(path)
            # Readable by nobody else; what several processes write at once have names of their own.
            descriptor, name = tempfile.mkstemp(prefix=f"{path.stem}.kept-", dir=path.parent)
            fresh = Path(name)
            try:
                with os.fdopen(descriptor, "wb") as file:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    file.write(_KEPT + blake2b(data, digest_size=_DIGEST_BYTES).digest() + data)
                    file.flush()
                    fresh.replace(path)
            finally:
                fresh.unlink(missing_ok=True)

    def _path(self, what: str) -> Path:
        return folder_of(self._var) / f"{self._name}.{what}.kept"
