"""The folder where everything is written: made, checked, locked, and the key that seals what rests there."""

import fcntl
import os
import secrets
import time
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from core.errors import ConfigError, Rejected
from core.settings import Secret
from core.wire import KEY_BYTES, Seal
from pipeline.settings import PipelineSettings

_CHECK = "key.check"
# Longer than anybody looks whether a lock is held (`is_held`).
_LOOKED_SECONDS = 0.1


def prepare(var: Path) -> Path:
    """Makes the folder, readable by us alone; raises `ConfigError` when it cannot be written."""
    try:
        var.mkdir(mode=0o700, parents=True, exist_ok=True)
        probe = var / f".probe-{os.getpid()}"
        probe.write_bytes(b"")
        probe.unlink()
    except OSError as error:
        raise ConfigError(
            f"{var}: cannot be written ({error.strerror}). Give this user the folder, "
            "or name another one in EUNGDAPSO_VAR"
        ) from error
    return var


def folder(home: Path, settings: PipelineSettings, environment: Mapping[str, str]) -> Path:
    """Returns the folder that is written to: EUNGDAPSO_VAR, else `var` beside pipeline.toml (in `home`)."""
    moved = environment.get("EUNGDAPSO_VAR", "")
    return Path(moved).resolve() if moved else (home / settings.var).resolve()


class Lock:
    """Held while an instance of a role runs; the system lets go of it when the process ends, however it ends."""

    def __init__(self, var: Path, role: str) -> None:
        self._path = var / f"{role}.lock"
        self._role = role
        self._descriptor: int | None = None

    def take(self, *, wait_seconds: float = 0) -> None:
        """Raises `ConfigError` when another instance still holds it after the wait."""
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            _flock(descriptor, time.monotonic() + max(wait_seconds, _LOOKED_SECONDS))
        except BlockingIOError as error:
            os.close(descriptor)
            raise ConfigError(
                f"{self._path}: an instance ({self.holder}) already runs the role '{self._role}' here. "
                "Stop it first, or give this one another folder with EUNGDAPSO_VAR"
            ) from error
        os.ftruncate(descriptor, 0)
        os.write(descriptor, str(os.getpid()).encode())
        self._descriptor = descriptor

    @property
    def holder(self) -> str:
        """Who took it last, and when, as errors say it."""
        try:
            process, taken = self._path.read_text(errors="replace").strip(), self._path.stat().st_mtime
        except FileNotFoundError:
            return "nobody"
        return f"process {process or 'unknown'}, since {datetime.fromtimestamp(taken, UTC):%Y-%m-%d %H:%M} UTC"

    def release(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def is_held(var: Path, role: str) -> bool:
    """Whether an instance runs this role on this folder now."""
    try:
        descriptor = os.open(var / f"{role}.lock", os.O_RDONLY)
    except OSError:
        return False
    try:
        # Shared: several may look at once. Whoever starts just then tries again in a moment.
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def home(var: Path, role: str) -> str:
    """Returns what stands for the lock of this role on this folder: whoever holds it is the only one who has that name.
    A copy of the folder has a lock of its own."""
    path = var / "home"
    if not path.exists():
        mine = path.with_name(f".home-{os.getpid()}")
        mine.write_text(secrets.token_hex(8), encoding="ascii")
        # Of two roles that start together both take the name of the first.
        with suppress(FileExistsError):
            os.link(mine, path)
        mine.unlink()
    lock = (var / f"{role}.lock").stat()
    return f"{path.read_text(encoding='ascii', errors='replace').strip()}-{role}-{lock.st_ino}"


def _flock(descriptor: int, deadline: float) -> None:
    while True:
        try:
            return fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                raise
        time.sleep(0.02)


def key_from(var: Path, key: Secret | None) -> str:
    """Returns where the key is read, as errors say it."""
    return f"the environment variable {key.env}" if key is not None else str(var / "key")


def check_key(key: Secret | None, environment: Mapping[str, str]) -> None:
    """Raises `ConfigError` for a key in the environment that is none; one that is not set is noted elsewhere."""
    if key is not None and (text := key.value(environment)):
        _from_hex(text, key_from(Path(), key))


def seal(var: Path, key: Secret | None, environment: Mapping[str, str]) -> Seal:
    """Returns the seal; the key file is made at the first start. Raises `ConfigError` for a bad or missing key, and
    for another key than the one that what lies here was sealed with."""
    where = key_from(var, key)
    if key is not None:
        if not key.value(environment):
            raise ConfigError(
                f"{where}: is not set. Bring back the key that the others have; for the very first start "
                "`openssl rand -hex 32` makes one"
            )
        return _checked(Seal(_from_hex(key.value(environment), where)), var, where)
    path = var / "key"
    if not path.exists():
        _make_key(path, var)
    if path.stat().st_mode & 0o077:
        raise ConfigError(f"{path}: others may read the key. Run: chmod 600 {path}")
    return _checked(Seal(_from_hex(path.read_text(encoding="ascii", errors="replace").strip(), where)), var, where)


def keep_check(var: Path, seal: Seal) -> None:
    """Writes down which key this folder is used with, once. Only who has it accepted by the case store may do so: a
    wrong key in an empty folder would keep the right one out."""
    path = var / _CHECK
    try:
        if not path.exists():
            _write_check(path, seal.seal(b"eungdapso"))
    except OSError as error:
        raise ConfigError(f"{path}: cannot be written ({error.strerror}). Give this user the folder") from error


def _checked(made: Seal, var: Path, where: str) -> Seal:
    """Tries the key on something sealed when it was first used: with another one everything would be parked."""
    path = var / _CHECK
    try:
        if path.exists():
            made.open(path.read_bytes())
    except Rejected as error:
        raise ConfigError(
            f"{where}: is not the key that what lies in {var} was sealed with. Bring that key back; "
            f"if {path.name} itself is damaged, delete it"
        ) from error
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror}). Give this user the folder") from error
    return made


def _write_check(path: Path, sealed: bytes) -> None:
    mine = path.with_name(f".{path.name}-{os.getpid()}")
    try:
        with mine.open("wb") as file:
            file.write(sealed)
            file.flush()
            os.fsync(file.fileno())
        mine.rename(path)
    finally:
        mine.unlink(missing_ok=True)


def _make_key(path: Path, var: Path) -> None:
    if any(var.glob("*.sqlite")):
        raise ConfigError(
            f"{path}: the key is missing, and what lies beside it cannot be read without it. "
            "Bring the key back from its backup"
        )
    # Written whole and linked: of two processes that start together, both use the key of the first.
    mine = path.with_name(f".key-{os.getpid()}")
    descriptor = os.open(mine, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(secrets.token_hex(KEY_BYTES) + "\n")
        file.flush()
        os.fsync(file.fileno())
    try:
        path.hardlink_to(mine)
    except FileExistsError:
        pass
    finally:
        mine.unlink()


def _from_hex(text: str, where: str) -> bytes:
    try:
        key = bytes.fromhex(text)
    except ValueError:
        key = b""
    if len(key) != KEY_BYTES:
        raise ConfigError(f"{where}: a key is {KEY_BYTES * 2} hexadecimal digits. `openssl rand -hex 32` makes one")
    return key
