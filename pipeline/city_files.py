"""Whether the files that decisions rest on changed: by times, sizes and places on disk, without reading them."""

from collections.abc import Iterable
from pathlib import Path

# Path, time of the last change, size, number on disk: an editor that writes a new file changes the last.
Look = tuple[tuple[str, int, int, int], ...]
NEVER: Look = ()


_OF_THE_CITY = ("*.toml", "faq/*.toml", "*.geojson", "*.json")
_MODELS = "*.model"


def look(folder: Path, models: Path | None = None) -> Look:
    """Returns how the city's files look now, and with `models` what was trained for it; one that goes meanwhile is
    none."""
    paths = [path for pattern in _OF_THE_CITY for path in folder.glob(pattern)]
    return _look([*paths, *(models.glob(_MODELS) if models else ())])


def of_models(seen: Look) -> Look:
    """Returns of a look what is said of trained models."""
    return tuple(one for one in seen if one[0].endswith(".model"))


def _look(paths: Iterable[Path]) -> Look:
    seen = []
    for path in sorted(paths):
        try:
            status = path.stat()
        except OSError:
            continue
        seen.append((str(path), status.st_mtime_ns, status.st_size, status.st_ino))
    return tuple(seen)
