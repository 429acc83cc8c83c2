"""Reads the city's files; every mistake in all of them is told at once."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeVar

from pydantic import BaseModel

from config.files import File
from config.mistakes import explain, in_order, read_toml
from config.reader import Reader
from config.references import check_references
from config.schema import Boundary, City, Faq, KindWords, Routing, Rule, Templates, Urgency
from config.tables import Entry, Tables
from core.errors import ConfigError

__all__ = ["Draft", "explain", "load_city", "read_city", "read_toml"]

M = TypeVar("M", bound=BaseModel)

_OF_WORDS = re.compile(r"words\.toml: ([\w.-]*\w)")
_NO_FILES: Mapping[str, Path] = {}
_NOTHING: Mapping[str, str] = {}


@dataclass(frozen=True, kw_only=True)
class Draft:
    """What the city's files say, right or wrong: `city` is made of all that could be read, None when too much is
    missing."""

    city: City | None
    tables: Tables
    mistakes: tuple[str, ...]
    words: File | None = None

    def placed(self, mistake: str) -> str:
        """Returns what somebody else says of words.toml with the line on which that stands."""
        found = _OF_WORDS.match(mistake)
        if found is None or self.words is None:
            return mistake
        return f"{self.words.where(*found[1].split('.'))}: {mistake.removeprefix('words.toml: ')}"

    def at(self, table: Literal["rule", "faq", "urgent", "kind"], name: str, *steps: str | int) -> str:
        """Returns "file:line: label" of what stands at `steps` in that rule or question, or in the row of that number
        among emergencies or kinds."""
        named: dict[str, Entry[Rule] | Entry[Faq] | Entry[Urgency] | Entry[KindWords]]
        match table:
            case "rule":
                named = {entry.item.name: entry for entry in self.tables.rules}
            case "faq":
                named = {entry.item.id: entry for entry in self.tables.faqs}
            case "urgent":
                named = {str(number): entry for number, entry in enumerate(_whole(self.tables.urgent))}
            case "kind":
                named = {str(number): entry for number, entry in enumerate(_whole(self.tables.kinds))}
        return named[name].at(*steps) if name in named else name


def load_city(folder: Path, *, channels: Mapping[str, str] = _NOTHING, instead: Mapping[str, Path] = _NO_FILES) -> City:
    """Returns the city that the files in `folder` describe; raises `ConfigError` with all their mistakes."""
    draft = read_city(folder, channels=channels, instead=instead)
    if draft.mistakes or draft.city is None:
        raise ConfigError(*draft.mistakes)
    return draft.city


def read_city(
    folder: Path, *, channels: Mapping[str, str] = _NOTHING, instead: Mapping[str, Path] = _NO_FILES
) -> Draft:
    """Returns what could be read and every mistake.

    Rules may name only these channels (by name their type), any when there are none. `instead` gives files to be read
    in place of those of that name.
    """
    reader = Reader(folder, instead)
    tables = reader.tables(channels)
    words = reader.words()
    boundaries = reader.boundaries(_items(tables.districts))
    mistakes = in_order((*reader.mistakes, *reader.missing(tables), *check_references(tables)))
    city = _city(tables, reader, words, boundaries) if words else None
    return Draft(city=city, tables=tables, mistakes=tuple(mistakes), words=reader.file("words.toml"))


def _city(tables: Tables, reader: Reader, words: Templates, boundaries: tuple[Boundary, ...]) -> City:
    return City(
        districts=_items(tables.districts),
        places=_items(tables.places),
        departments=_items(tables.departments),
        topics=_items(tables.topics),
        no_topic=reader.strings("topics.toml", "no_topic"),
        faqs=_items(tables.faqs),
        routing=Routing(
            rules=_items(tables.rules),
            kinds=_items(tables.kinds),
            urgent=_items(tables.urgent),
            elsewhere=reader.strings("routing.toml", "elsewhere"),
            abuse=_items(tables.abuse),
        ),
        words=words,
        accounts=_items(tables.accounts),
        boundaries=boundaries,
    )


def _items(entries: Sequence[Entry[M]]) -> tuple[M, ...]:
    return tuple(entry.item for entry in _whole(entries))


def _whole(entries: Sequence[Entry[M]]) -> list[Entry[M]]:
    """Returns those of which the city is made: they are counted by their places there."""
    return [entry for entry in entries if entry.is_whole]
