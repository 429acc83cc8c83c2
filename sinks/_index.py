"""The tantivy index on disk: its fields, how it is opened, and how damage is found before it is relied on."""

import json
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from mmap import ACCESS_READ, mmap
from pathlib import Path
from typing import Any

import tantivy

from core.errors import Unavailable

_META = "meta.json"
# Stands in the folder from its first moment until somebody has put every older message into the index.
_REBUILD = "needs-rebuild"
_FOOTER_MAGIC = 1337
_SMALLEST_FILE = 8
_PARTS = ("fast", "fieldnorm", "idx", "pos", "store", "term")
_NAMES = ("channel", "account", "queue", "action", "kind")


def _schema() -> tantivy.Schema:
    fields = tantivy.SchemaBuilder()
    fields.add_text_field("id", stored=True, tokenizer_name="raw", index_option="basic")
    for name in _NAMES:
        fields.add_text_field(name, tokenizer_name="raw", index_option="basic")
    fields.add_boolean_field("confidential", indexed=True)
    # Microseconds since 1970, UTC: what came last is shown first.
    fields.add_integer_field("received_at", fast=True)
    # Tokens come ready from core.text. Without positions nobody can put a text together again from the index.
    fields.add_text_field("tokens", tokenizer_name="whitespace", index_option="freq")
    return fields.build()


SCHEMA = _schema()


class Damaged(Exception):
    """The index cannot be relied on: what is wrong with which file."""


@contextmanager
def engine(path: Path) -> Iterator[None]:
    """Turns whatever the engine cannot do now into `Unavailable`."""
    try:
        yield
    except (OSError, ValueError, RuntimeError) as error:
        raise Unavailable(f"{path}: the search index cannot be used now: {error}. It is tried again.") from error
    # A panic of the engine (a file that changed under it) has no importable class and is no Exception.
    except BaseException as error:
        if type(error).__name__ != "PanicException":
            raise
        raise Unavailable(
            f"{path}: the search engine failed: {error}. The index is checked and opened anew."
        ) from error


def open_checked(path: Path) -> tantivy.Index:
    """Returns the index in `path`, every file of it checked; raises `Damaged`. Nobody else may be writing it."""
    if not (path / _META).exists():
        raise Damaged(f"{_META} is missing")
    for file in _segment_files(path):
        _check(file)
    try:
        return tantivy.Index(SCHEMA, str(path))
    except ValueError as error:
        # An older schema and unreadable bookkeeping end alike: the index is made anew from the messages.
        if any(sign in str(error) for sign in ("Data corrupted", "Schema error", "ncompatible", "FileDoesNotExist")):
            raise Damaged(str(error)) from error
        raise


def create(path: Path) -> tantivy.Index:
    """Returns a new index in `path`, marked as one that lacks what was written before."""
    path.mkdir(parents=True, exist_ok=True)
    (path / _REBUILD).touch()
    return tantivy.Index(SCHEMA, str(path))


def set_aside(path: Path, now: datetime) -> Path:
    """Renames the folder, so that a person can look into it, and returns its new name."""
    stamp = f"{path.name}.damaged-{now:%Y%m%dT%H%M%SZ}"
    aside = next(
        name for n in range(1, 10_000) if not (name := path.with_name(stamp + (f"-{n}" if n > 1 else ""))).exists()
    )
    path.rename(aside)
    return aside


def is_new(path: Path) -> bool:
    """Whether there is nothing in the folder that could be an index."""
    return not path.exists() or all(file.name == _REBUILD for file in path.iterdir())


def needs_rebuild(path: Path) -> bool:
    return not (path / _META).exists() or (path / _REBUILD).exists()


def forget_rebuild(path: Path) -> None:
    (path / _REBUILD).unlink(missing_ok=True)


def _segment_files(path: Path) -> list[Path]:
    """Returns the files that the segments listed in meta.json consist of."""
    try:
        segments = json.loads((path / _META).read_bytes())["segments"]
        names = [name for segment in segments for name in _names(segment)]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise Damaged(f"{_META} cannot be read: {error}") from error
    files = [path / name for name in names]
    lacking = [file.name for file in files if not file.exists()]
    if lacking:
        raise Damaged(f"{lacking[0]} is missing")
    return files


def _names(segment: Any) -> list[str]:
    stem = segment["segment_id"].replace("-", "")
    deletes = [f"{stem}.{segment['deletes']['opstamp']}.del"] if segment["deletes"] else []
    return [*(f"{stem}.{part}" for part in _PARTS), *deletes]


def _check(file: Path) -> None:
    """Compares a file with the checksum in its footer: contents, JSON, length of the JSON, magic number."""
    if file.stat().st_size < _SMALLEST_FILE:
        raise Damaged(f"{file.name} is cut off")
    with file.open("rb") as handle, mmap(handle.fileno(), 0, access=ACCESS_READ) as data:
        length, magic = struct.unpack("<II", data[-8:])
        try:
            crc = json.loads(data[-8 - length : -8])["crc"]
        except (ValueError, KeyError, TypeError) as error:
            raise Damaged(f"{file.name} has no readable footer") from error
        with memoryview(data) as everything, everything[: -8 - length] as contents:
            intact = magic == _FOOTER_MAGIC and crc == zlib.crc32(contents)
    if not intact:
        raise Damaged(f"{file.name} does not agree with its checksum")
