"""Where trained models lie: var/models/<classifier>.model, and the one that was in use before."""

import os
from pathlib import Path


def folder_of(var: Path) -> Path:
    return var / "models"


def path_of(var: Path, name: str) -> Path:
    return folder_of(var) / f"{name}.model"


def read(var: Path, name: str) -> bytes | None:
    """Returns the model in use, None when none was made."""
    try:
        return path_of(var, name).read_bytes()
    except FileNotFoundError:
        return None


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
