"""var/moved.toml: what of this folder moved, or is being moved, to engines that others run."""

import os
import tomllib
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import msgspec

from core.errors import ConfigError
from pipeline.engines import EMBEDDED
from pipeline.settings import PipelineSettings

NAME = "moved.toml"
_SAYS = """\
# What lay in this folder lives on these engines now. The files here are as they were then, and nothing reads them.
# To go back to them: set these engines to "embedded" in pipeline.toml and delete this file; only as long as the new
# ones have taken nothing, for what came there would be missing here.
"""
# `verified`: everything was compared and is the same; what is left is to give the targets free.
State = Literal["unfinished", "verified", "done"]


class Mark(msgspec.Struct, frozen=True, kw_only=True):
    """`moving` is what the newest migration moves, engine to address; `moved` what earlier ones did."""

    id: str
    state: State
    begun_at: datetime
    moving: Mapping[str, str]
    moved: Mapping[str, str] = {}

    @property
    def everything(self) -> dict[str, str]:
        return {**self.moved, **self.moving}


def read(var: Path) -> Mark | None:
    """Returns the mark of this folder, None when nothing was ever moved; raises `ConfigError` for a broken one."""
    path = var / NAME
    try:
        return msgspec.convert(tomllib.loads(path.read_text(encoding="utf-8")), Mark)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, msgspec.ValidationError) as error:
        raise ConfigError(
            f"{path}: cannot be read ({error}). It says what of this folder was moved away: bring it back from a copy"
        ) from error


def write(var: Path, mark: Mark) -> None:
    """Writes it whole and durable, in the place of an older one."""
    write_durably(var / NAME, _text(mark).encode())


def write_durably(path: Path, body: bytes) -> None:
    """Writes a file that is there as a whole or as it was before; raises `ConfigError` when it cannot be written."""
    mine = path.with_name(f".{path.name}-{os.getpid()}")
    try:
        with mine.open("wb") as file:
            file.write(body)
            file.flush()
            os.fsync(file.fileno())
        mine.chmod(0o600)
        mine.rename(path)
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be written ({error.strerror}). Give this user the folder") from error


def check(var: Path, settings: PipelineSettings) -> None:
    """Raises `ConfigError` where this folder may not be used with these engines: an embedded one whose files moved
    away, or a new one that an unfinished migration has not filled yet."""
    mark = read(var)
    if mark is None:
        return
    path = var / NAME
    old = {name: to for name, to in mark.everything.items() if getattr(settings, name) == EMBEDDED}
    if old:
        raise ConfigError(*(_went(path, name, to, mark) for name, to in old.items()))
    if mark.state != "done":
        raise ConfigError(
            f"{path}: the migration of {' and '.join(mark.moving)} that began on {_day(mark)} is not finished. "
            "Run: eungdapso migrate --from embedded --to distributed. Or, to stay with the files of this folder, set "
            f'{" and ".join(mark.moving)} to "{EMBEDDED}" and delete {path}'
        )


def _went(path: Path, name: str, to: str, mark: Mark) -> str:
    return (
        f'{path}: {name} = "{EMBEDDED}": what lies here moved to {to} on {_day(mark)}. Write {name} = "{to}". '
        f"To go back to these files delete {path}; only as long as {to} has taken nothing: it would be missing here"
    )


def _day(mark: Mark) -> str:
    return f"{mark.begun_at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def _text(mark: Mark) -> str:
    lines = [f'id = "{mark.id}"', f'state = "{mark.state}"', f"begun_at = {mark.begun_at.isoformat()}"]
    for name, engines in (("moving", mark.moving), ("moved", mark.moved)):
        lines += ["", f"[{name}]", *(f"{engine} = {_quoted(to)}" for engine, to in engines.items())]
    return _SAYS + "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    # A JSON string is a TOML one.
    return msgspec.json.encode(text).decode()
