"""Reads TOML in which some lines are none: each of those is told, and the rest is read all the same."""

import re
import tomllib
from itertools import pairwise
from typing import Any, NamedTuple

_AT = re.compile(r" \(at (?:line (\d+), column \d+|end of document)\)$")
_HEADER = re.compile(r"^[ \t]*\[\[?[^\[\]\n=,]*\]?\]?[ \t]*(?:#.*)?$")
_BEGINS = re.compile(r"""^[ \t]*(?:(?!(?:true|false|inf|nan)\b)[^\W\d][\w.-]*|(?:"[^"\n]*"|'[^'\n]*')[ \t]*[=.])""")
_WORDS = re.compile(r"^[ \t]*([\w.-]+)[ \t]*=[ \t]*([^\s\"'\[{#][^\"'\n#\]}]*?)[ \t]*(?:#.*)?$")
_NO_SIGN = re.compile(r"^[ \t]*([\w.-]+)[ \t]*(?::[ \t]*)?([\"'\[{].*|\d.*)$")
_KEY = re.compile(r"^[ \t]*([\w-]+)")
_DAY = re.compile(r"\d{4}-\d")
# How others write true and false.
_OTHERWISE = {"true": "true", "false": "false", "yes": "true", "no": "false"}
_MOST = 200
_MOST_FAULTS = 1_000
# The library takes minutes for a name of many parts: "a.a.a.a …".
_DEEP = re.compile(r"(?:^|[{,\[])[ \t]*[\w-]+(?:[ \t]*\.[ \t]*[\w-]+){30}", re.MULTILINE)


class Fault(NamedTuple):
    """A line that is no TOML: what is wrong there and what now."""

    line: int
    says: str


class Salvage(NamedTuple):
    """What could be read. `lost` are the keys that could not, by the line of their table's header (0: before any)."""

    says: dict[str, Any]
    text: str
    faults: list[Fault]
    lost: dict[int, set[str]]


def read(text: str) -> Salvage:
    """Returns all that is TOML in a text, and what is not."""
    if deep := _DEEP.search(text):
        line = text.count("\n", 0, deep.start() + 1) + 1
        return Salvage({}, "", [Fault(line, "is no TOML: it is nested too deep. Mend this line.")], {})
    try:
        return Salvage(tomllib.loads(text), text, [], {})
    # A number of thousands of digits is a ValueError of its own.
    except (ValueError, RecursionError):
        return _Broken(text).salvage()


class _Broken:
    """A text from which what cannot be read is taken out, piece by piece; lines keep their numbers."""

    def __init__(self, text: str) -> None:
        self._lines = text.split("\n")
        self._faults: list[Fault] = []
        self._lost: dict[int, set[str]] = {}

    def salvage(self) -> Salvage:
        for begin, end in self._pieces():
            if len(self._faults) < _MOST_FAULTS:
                self._try(begin, end)
        for _ in range(_MOST):
            text = "\n".join(self._lines)
            try:
                return Salvage(tomllib.loads(text), text, sorted(self._faults), self._lost)
            except ValueError as error:
                # Each piece is TOML, together they are not: something is said twice.
                line = _line_of(error, len(self._lines))
                begin, end = next((b, e) for b, e in self._pieces() if b < line <= e or e == len(self._lines))
                self._take_out(begin, end, line, _bare(error))
        return Salvage({}, "", sorted(self._faults), self._lost)

    def _pieces(self) -> list[tuple[int, int]]:
        """Returns where each header and each setting begins and ends."""
        begins = [place for place, line in enumerate(self._lines) if _HEADER.match(line) or _BEGINS.match(line)]
        return list(pairwise([*(begins or [0]), len(self._lines)]))

    def _try(self, begin: int, end: int) -> None:
        try:
            tomllib.loads("\n".join(self._lines[begin:end]))
        except (ValueError, RecursionError) as error:
            if self._is_text_of_many_lines(begin):
                return
            line = begin + _line_of(error, 1)
            self._take_out(begin, end, min(line, end), _bare(error))

    def _is_text_of_many_lines(self, begin: int) -> bool:
        """Whether the piece is part of a text in three quotation marks: an odd number of marks before or in it."""
        before = "\n".join(self._lines[: begin + 1])
        return any(before.count(marks) % 2 for marks in ('"""', "'''"))

    def _take_out(self, begin: int, end: int, line: int, why: str) -> None:
        first = self._lines[begin]
        header = next((n + 1 for n in range(begin, -1, -1) if _HEADER.match(self._lines[n])), 0)
        if key := _KEY.match(first):
            self._lost.setdefault(header, set()).add(key[1])
        self._faults.append(Fault(line, f"is no TOML: {why}. {_advice(first, why)}"))
        if _HEADER.match(first):
            # Without its header what follows would be said of the table before.
            end = next((n for n in range(begin + 1, len(self._lines)) if _HEADER.match(self._lines[n])), end)
        self._lines[begin:end] = [""] * (end - begin)


def _advice(line: str, why: str) -> str:
    if _HEADER.match(line):
        name = line.strip(" \t[]#") or "rule"
        return f"A table begins with its name in two brackets on each side: [[{name}]]."
    if "overwrite" in why:
        return "It is said twice in the same table. Remove one of the two."
    if words := _WORDS.match(line):
        if small := _OTHERWISE.get(words[2].casefold()):
            return f"It is written in small letters: {words[1]} = {small}."
        if _DAY.match(words[2]):
            return "There is no such day or time. A day is 2026-12-01, a time 2026-12-01T09:00:00."
        return f'Text stands in quotation marks: {words[1]} = "{words[2]}".'
    if said := _NO_SIGN.match(line):
        return f"Between a name and its value stands an equals sign: {said[1]} = {said[2]}"
    if "nclosed" in why or "end of" in why or "Expected" in why or line.count('"') % 2:
        return "Look whether each bracket and each quotation mark that opens here is closed, with commas between."
    return "Mend this line."


def _line_of(error: Exception, last: int) -> int:
    found = _AT.search(str(error))
    return int(found[1]) if found and found[1] else last


def _bare(error: Exception) -> str:
    return "it is nested too deep" if isinstance(error, RecursionError) else _AT.sub("", str(error))
