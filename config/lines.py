"""On which line of a TOML file each setting stands: the reader of the standard library does not say."""

import re
from bisect import bisect_right
from collections.abc import Iterator

Path = tuple[str | int, ...]

_BLANK = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_COMMA = re.compile(r"(?:[ \t\r\n,]|#[^\n]*)*")
_STRING = re.compile(r'"""(?:\\.|[^\\])*?"{3,5}|\'\'\'.*?\'{3,5}|"(?:\\.|[^"\\\n])*"|\'[^\'\n]*\'', re.DOTALL)
_PLAIN = re.compile(r"\d{4}-\d\d-\d\d \d\d:[^\s,\]}#]+|[^\s,\]}#]+")
_KEY = re.compile(r'[ \t]*("(?:\\.|[^"\\\n])*"|\'[^\'\n]*\'|[A-Za-z0-9_-]+)[ \t]*')


class Lines:
    """The lines of every key, list item and table of a text that is TOML."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._breaks = [place for place, letter in enumerate(text) if letter == "\n"]
        self._counts: dict[Path, int] = {}
        self._found: dict[Path, int] = {}
        self._headers: dict[int, Path] = {}
        self._read()

    def of(self, path: Path) -> int:
        """Returns the line of what stands at `path`, of the nearest thing around it when that itself is missing."""
        while path not in self._found and path:
            path = path[:-1]
        return self._found.get(path, 1)

    def around(self, line: int) -> Path:
        """Returns the path of the table whose header stands on this line, () when none does."""
        return self._headers.get(line, ())

    def _read(self) -> None:
        table: Path = ()
        while self._skip(_BLANK) < len(self._text):
            begun = self._at
            if self._text[self._at] == "[":
                table = self._header()
            else:
                self._setting(table)
            if self._at == begun:
                # No TOML after all: what was found so far still holds.
                return

    def _header(self) -> Path:
        line, is_list = self._line(), self._text.startswith("[[", self._at)
        self._at += 2 if is_list else 1
        keys = list(self._keys())
        self._at += 2 if is_list else 1
        path = self._resolved(keys)
        if is_list:
            self._counts[path] = self._counts.get(path, -1) + 1
            path = (*path, self._counts[path])
        self._found[path] = line
        self._headers[line] = path
        return path

    def _resolved(self, keys: list[str]) -> Path:
        """Returns the whole path of a header: the last entry of each list on the way is meant."""
        path: Path = ()
        for key in keys:
            if path in self._counts:
                path = (*path, self._counts[path])
            path = (*path, key)
            self._found.setdefault(path, self._line())
        return path

    def _setting(self, table: Path) -> None:
        line, path = self._line(), table
        for key in self._keys():
            path = (*path, key)
            self._found.setdefault(path, line)
        self._skip(_BLANK)
        if self._text.startswith("=", self._at):
            self._at += 1
            self._value(path)

    def _value(self, path: Path) -> None:
        self._skip(_BLANK)
        opening = self._text[self._at : self._at + 1]
        if opening == "[":
            self._list(path)
        elif opening == "{":
            self._inline(path)
        else:
            self._skip(_STRING if opening in ('"', "'") else _PLAIN)

    def _list(self, path: Path) -> None:
        self._at += 1
        place = 0
        while self._skip(_COMMA) < len(self._text) and self._text[self._at] != "]":
            begun = self._at
            self._found[(*path, place)] = self._line()
            self._value((*path, place))
            place += 1
            if self._at == begun:
                return
        self._at += 1

    def _inline(self, path: Path) -> None:
        self._at += 1
        while self._skip(_COMMA) < len(self._text) and self._text[self._at] != "}":
            begun = self._at
            self._setting(path)
            if self._at == begun:
                return
        self._at += 1

    def _keys(self) -> Iterator[str]:
        while found := _KEY.match(self._text, self._at):
            self._at = found.end()
            yield found[1].strip("\"'")
            if not self._text.startswith(".", self._at):
                return
            self._at += 1

    def _skip(self, what: re.Pattern[str]) -> int:
        found = what.match(self._text, self._at)
        self._at = found.end() if found else self._at
        return self._at

    def _line(self) -> int:
        return bisect_right(self._breaks, self._at - 1) + 1 if self._at else 1
