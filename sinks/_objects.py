"""Where objects rest: bytes by their names, in files of one machine (here) or in a store that many share (S3)."""

import asyncio
import os
import re
import secrets
import time
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

from core.errors import Rejected, Unavailable

# What is a name in a folder, in a bucket and in a listing alike.
_NAME = re.compile(r"[a-z0-9_-][a-z0-9._-]*(/[a-z0-9_-][a-z0-9._-]*)*")
_LONGEST_NAME = 512
_PART = ".part"
# Nobody writes one object for so long: what is older was left behind by a kill.
_PART_SECONDS = 86_400


class Store(ABC):
    """Objects by name ("attachments/2026-11/…"), each written whole or not at all.

    Names are made of contents: what has a name and other bytes is damaged, or of an older form. Every method raises
    `Unavailable` when it cannot be done now. Constructing connects to nothing.
    """

    @abstractmethod
    async def put(self, name: str, body: bytes) -> None:
        """Makes the object durable: nothing else has that name afterwards. What is there already is left alone when
        it is the same, else written anew."""

    @abstractmethod
    async def get(self, name: str) -> bytes:
        """Returns the object; raises `Rejected` (404) when there is none."""

    @abstractmethod
    async def exists(self, name: str) -> bool:
        """Returns whether the object is there whole."""

    @abstractmethod
    async def delete(self, *names: str) -> None:
        """Removes these objects; one that is not there is none the less gone."""

    @abstractmethod
    def names(self, folder: str = "") -> AsyncIterator[str]:
        """Yields the names of all objects below the folder ("" for all), in no order that can be relied on."""

    @abstractmethod
    async def folders(self, folder: str = "") -> list[str]:
        """Returns the names of the folders directly in the folder, whole and sorted."""

    @abstractmethod
    async def close(self) -> None:
        """Lets go of connections; may be called twice. The next call of another method connects again."""


class Files(Store):
    """Objects as files in a folder of this machine: written beside, synced, then given their names."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __repr__(self) -> str:
        return f"Files({self._folder})"

    async def put(self, name: str, body: bytes) -> None:
        await asyncio.to_thread(self._put, self._path(name), body)

    async def get(self, name: str) -> bytes:
        return await asyncio.to_thread(self._get, self._path(name))

    async def exists(self, name: str) -> bool:
        return await asyncio.to_thread(self._exists, self._path(name))

    async def delete(self, *names: str) -> None:
        await asyncio.to_thread(self._delete, [self._path(name) for name in names])

    async def names(self, folder: str = "") -> AsyncIterator[str]:
        top = self._path(folder) if folder else self._folder
        for name in await asyncio.to_thread(self._names, top):
            yield name

    async def folders(self, folder: str = "") -> list[str]:
        return await asyncio.to_thread(self._folders, self._path(folder) if folder else self._folder)

    async def close(self) -> None:
        """Nothing is held open."""

    def _path(self, name: str) -> Path:
        return self._folder / checked(name)

    def _put(self, path: Path, body: bytes) -> None:
        with self._guarded():
            if path.is_file() and path.stat().st_size == len(body) and path.read_bytes() == body:
                return
            self._make(path.parent)
            mine = path.with_name(f".{path.name}-{secrets.token_hex(8)}{_PART}")
            try:
                _write(mine, body)
                mine.rename(path)
            finally:
                mine.unlink(missing_ok=True)
            _sync(path.parent)

    def _make(self, folder: Path) -> None:
        """Makes a folder that is still there after a power cut."""
        if folder.is_dir():
            return
        if folder != self._folder:
            self._make(folder.parent)
        folder.mkdir(0o700, parents=True, exist_ok=True)
        _sync(folder.parent)

    def _get(self, path: Path) -> bytes:
        with self._guarded():
            try:
                return path.read_bytes()
            except (FileNotFoundError, IsADirectoryError, NotADirectoryError) as error:
                raise absent(path.name) from error

    def _exists(self, path: Path) -> bool:
        with self._guarded():
            return path.is_file()

    def _delete(self, paths: list[Path]) -> None:
        with self._guarded():
            for path in paths:
                path.unlink(missing_ok=True)
            for folder in {path.parent for path in paths}:
                self._prune(folder)

    def _prune(self, folder: Path) -> None:
        """Removes a folder, and those around it, that hold nothing any more."""
        while folder != self._folder and folder.is_dir():
            for part in folder.glob(f".*{_PART}"):
                if time.time() - part.stat().st_mtime > _PART_SECONDS:
                    part.unlink(missing_ok=True)
            try:
                folder.rmdir()
            except OSError:
                return
            folder = folder.parent

    def _names(self, top: Path) -> list[str]:
        with self._guarded():
            return sorted(
                path.relative_to(self._folder).as_posix()
                for path in top.rglob("*")
                if path.is_file() and not path.name.endswith(_PART)
            )

    def _folders(self, top: Path) -> list[str]:
        with self._guarded():
            inner = top.iterdir() if top.is_dir() else []
            return sorted(path.relative_to(self._folder).as_posix() for path in inner if path.is_dir())

    @contextmanager
    def _guarded(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            reason = error.strerror or error
            raise Unavailable(f"{self._folder}: objects cannot be used now: {reason}. It is tried again.") from error


def checked(name: str) -> str:
    """Returns the name; raises `Rejected` when no object can have it."""
    if len(name) > _LONGEST_NAME or not _NAME.fullmatch(name) or name.endswith(_PART):
        raise Rejected(f"{name[:100]!r} is no name of an object", status=404)
    return name


def absent(name: str) -> Rejected:
    return Rejected(f"no object {name} is kept", status=404)


def _write(path: Path, body: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(body)
        file.flush()
        os.fsync(file.fileno())


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
