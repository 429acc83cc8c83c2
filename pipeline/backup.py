"""A consistent copy of everything under var/ while it runs, and its return: each database as it is at one moment."""

import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import msgspec

from core.errors import ConfigError, Rejected, Unavailable

_MANIFEST = "manifest.json"
_FORMAT = 1
_SQLITE = b"SQLite format 3\0"
_BUSY_SECONDS = 30
_BLOCK = 1 << 20
# Rebuilt from the case store, or of this run only.
_LEFT_OUT = frozenset({"search"})
_SECRET_ENDINGS = (".env", ".key", ".pem")
_LEFT_OUT_ENDINGS = ("-wal", "-shm", "-journal", ".lock", ".pid", ".part", ".tmp", ".sock")


class Copied(msgspec.Struct, frozen=True, kw_only=True):
    """One file of a backup; `rows` for each table of a database."""

    path: str
    bytes: int
    sha256: str
    rows: dict[str, int] = {}


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What a backup holds. `with_key`: the key lies in it, and whoever has it can read everything."""

    made_at: datetime
    with_key: bool
    files: tuple[Copied, ...]
    format: int = _FORMAT

    def __str__(self) -> str:
        rows = {name: count for file in self.files for name, count in file.rows.items()}
        key = "with the key: keep it locked away" if self.with_key else "without the key: keep that elsewhere"
        size = sum(file.bytes for file in self.files)
        return f"{len(self.files)} files, {size:,} bytes, {rows.get('cases', 0):,} cases; {key}"


def backup(var: Path, target: Path, *, log: str = "log.sqlite", with_key: bool = False) -> Manifest:
    """Copies everything that cannot be rebuilt from `var` to `target`, which must be empty or missing.

    The log is copied before the case store: what the copied log has still to hand on, the copied store may know
    already, and then it changes nothing; the other way round messages would be missing. The key and
    environment files are left out unless `with_key`: a backup that lies beside its key protects nothing. Keep the
    key apart from it, since without the key nobody can read it.
    Raises `ConfigError` when a place cannot be used, `Unavailable` when a database is busy or the disk is full.
    """
    _must_be_empty(target)
    if not var.is_dir():
        raise ConfigError(f"{var} is no folder; name the var/ of an instance.")
    parts = target.with_name(f".{target.name}.part")
    shutil.rmtree(parts, ignore_errors=True)
    try:
        parts.mkdir(parents=True, mode=0o700)
        copied = tuple(one for path in _chosen(var, log, with_key) if (one := _copied_if_there(var, parts, path)))
        manifest = Manifest(made_at=datetime.now(UTC), with_key=with_key, files=copied)
        _write_durably(parts / _MANIFEST, msgspec.json.format(msgspec.json.encode(manifest)))
        if target.exists():
            target.rmdir()
        parts.rename(target)
        _sync(target.parent)
    except (OSError, sqlite3.Error) as error:
        shutil.rmtree(parts, ignore_errors=True)
        raise Unavailable(f"the backup to {target} could not be made: {error}") from error
    return manifest


def restore(source: Path, var: Path) -> Manifest:
    """Brings a backup back into `var`, which must be empty or missing; every digest is checked before the first copy.

    Raises `ConfigError` when a place cannot be used, `Rejected` when the backup is damaged or no backup.
    """
    _must_be_empty(var)
    manifest = verify(source)
    parts = var.with_name(f".{var.name}.part")
    shutil.rmtree(parts, ignore_errors=True)
    try:
        for copied in manifest.files:
            _copy_file(source / copied.path, parts / copied.path)
        parts.mkdir(parents=True, exist_ok=True, mode=0o700)
        if var.exists():
            var.rmdir()
        parts.rename(var)
        _sync(var.parent)
    except OSError as error:
        shutil.rmtree(parts, ignore_errors=True)
        raise Unavailable(f"{source} could not be brought back to {var}: {error}") from error
    return manifest


def verify(source: Path) -> Manifest:
    """Returns what the backup holds; raises `Rejected` naming every file that is missing or changed."""
    try:
        manifest = msgspec.json.decode((source / _MANIFEST).read_bytes(), type=Manifest)
    except (OSError, msgspec.DecodeError) as error:
        raise Rejected(f"{source} is no backup: {_MANIFEST} cannot be read ({error}).") from error
    if manifest.format != _FORMAT:
        raise Rejected(f"{source} is a backup of format {manifest.format}; this program reads {_FORMAT}.")
    wrong = [copied.path for copied in manifest.files if not _is_whole(source, copied)]
    if wrong:
        raise Rejected(f"{source} is damaged: {', '.join(wrong)}. Take an older backup.")
    return manifest


def _chosen(var: Path, log: str, with_key: bool) -> list[Path]:
    """Returns the files to copy, the log first, then the other databases, then what they refer to."""
    files = [path for path in sorted(var.rglob("*")) if _is_wanted(var, path, with_key)]
    return sorted(files, key=lambda path: (path.name != log, not _is_database(path), path))


def _is_wanted(var: Path, path: Path, with_key: bool) -> bool:
    parts = path.relative_to(var).parts
    if path.is_symlink() or not path.is_file() or parts[0] in _LEFT_OUT or path.name.endswith(_LEFT_OUT_ENDINGS):
        return False
    return with_key or (path.name != "key" and not path.name.endswith(_SECRET_ENDINGS))


def _is_database(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(len(_SQLITE)) == _SQLITE
    except FileNotFoundError:
        return False


def _copied_if_there(var: Path, parts: Path, path: Path) -> Copied | None:
    """Copies a file; returns None when it went meanwhile: what is over is deleted also while a backup is made."""
    try:
        return _copied(var, parts, path)
    except (OSError, sqlite3.Error):
        if path.exists():
            raise
        (parts / path.relative_to(var)).unlink(missing_ok=True)
        return None


def _copied(var: Path, parts: Path, path: Path) -> Copied:
    relative = path.relative_to(var)
    to = parts / relative
    to.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    rows: dict[str, int] = {}
    if _is_database(path):
        rows = _copy_database(path, to)
    else:
        _copy_file(path, to)
    return Copied(path=relative.as_posix(), bytes=to.stat().st_size, sha256=_digest(to), rows=rows)


def _copy_database(source: Path, to: Path) -> dict[str, int]:
    """Copies a database that others write to as it is at one moment; returns how many rows each table has."""
    with closing(_opened(source, "ro")) as live, closing(sqlite3.connect(to, timeout=_BUSY_SECONDS)) as copy:
        live.backup(copy)
        # One file, readable also where nothing may be written.
        copy.execute("PRAGMA journal_mode=DELETE")
        broken = copy.execute("PRAGMA quick_check").fetchone()[0]
        if broken != "ok":
            raise Unavailable(f"{source} is damaged: {broken}")
        rows = dict(_counted(copy))
    _sync(to)
    to.chmod(0o600)
    return rows


def _opened(path: Path, mode: str) -> sqlite3.Connection:
    return sqlite3.connect(f"{path.resolve().as_uri()}?mode={mode}", uri=True, timeout=_BUSY_SECONDS)


def _counted(database: sqlite3.Connection) -> Iterator[tuple[str, int]]:
    names = database.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")
    for (name,) in names.fetchall():
        quoted = name.replace('"', '""')
        yield name, database.execute(f'SELECT count(*) FROM "{quoted}"').fetchone()[0]


def _copy_file(source: Path, to: Path) -> None:
    to.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    shutil.copyfile(source, to)
    to.chmod(0o600)
    _sync(to)


def _is_whole(source: Path, copied: Copied) -> bool:
    path = source / copied.path
    # A manifest that somebody wrote may not lead out of the backup.
    if not path.resolve().is_relative_to(source.resolve()) or not path.is_file():
        return False
    return path.stat().st_size == copied.bytes and _digest(path) == copied.sha256


def _digest(path: Path) -> str:
    digest = sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def _must_be_empty(folder: Path) -> None:
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ConfigError(f"{folder} is not empty. Name a folder that is empty or not there yet.")


def _write_durably(path: Path, body: bytes) -> None:
    path.write_bytes(body)
    _sync(path)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
