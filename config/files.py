"""One of the city's files as it was read: what it says, and on which line each thing stands."""

import re
from collections.abc import Callable
from functools import cached_property, partial
from pathlib import Path

from config import broken
from config.lines import Lines
from config.mistakes import Steps, read_text

_ID = re.compile(r'^[ \t]*id[ \t]*=[ \t]*"([^"\n]*)"', re.MULTILINE)


class File:
    """One file: what it says, and on which line."""

    def __init__(self, path: Path, tables: tuple[str, ...]) -> None:
        """`tables` are those that may stand in it."""
        self.path = path
        self._tables = tables
        self.whole = read_text(path)
        self.says, self._text, self.faults, self._lost = broken.read(self.whole)

    @cached_property
    def _lines(self) -> Lines:
        return Lines(self._text)

    def where(self, *steps: str | int) -> str:
        """Returns "path:line" of what stands there, or of what is around it."""
        return f"{self.path}:{self._lines.of(steps)}"

    def is_lost(self, steps: Steps) -> bool:
        """Whether this is missing because its line could not be read: told already."""
        return bool(self._lost) and str(steps[-1]) in self._lost.get(self._lines.of(steps[:-1]), ())

    def has_lost(self, steps: Steps) -> bool:
        """Whether lines of this table, or of one in it, could not be read."""
        return any(self._lines.around(line)[: len(steps)] == steps for line in self._lost)

    def ids(self, table: str) -> list[str]:
        """Returns the ids of a table's entries; when parts could not be read, all that look like an id."""
        lost = _ID.findall(self.whole) if self.faults and table in self._tables else ()
        return [*(name for name, _ in self.given(table, "id")), *lost]

    def given(self, table: str, key: str) -> list[tuple[str, Callable[..., str]]]:
        """Returns what the entries of a table are called, each with where it stands."""
        entries = self.says.get(table)
        return [
            (entry[key], partial(self._called, table, place, key, entry[key]))
            for place, entry in enumerate(entries if isinstance(entries, list) else ())
            if isinstance(entry, dict) and isinstance(entry.get(key), str)
        ]

    def _called(self, table: str, place: int, key: str, name: str) -> str:
        return f"{self.where(table, place, key)}: {label_of(table, place, name)}"


def label_of(table: str, place: int, name: object) -> str:
    return f"{table} {place + 1}" + (f" ({name})" if isinstance(name, str) else "")
