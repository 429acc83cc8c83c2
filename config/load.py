"""Reads the city's files; every mistake in all of them is told at once."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ValidationError

from config import broken
from config.boundaries import read_boundaries
from config.lines import Lines
from config.mistakes import Steps, explain, read_text, read_toml, sentences
from config.near import WORDS, nearest
from config.references import check_references
from config.schema import (
    Abuse,
    Account,
    Boundary,
    City,
    Department,
    District,
    Faq,
    KindWords,
    Place,
    Routing,
    Rule,
    Templates,
    Topic,
    Urgency,
)
from config.tables import Entry, Tables
from core.errors import ConfigError

__all__ = ["Draft", "explain", "load_city", "read_city", "read_toml"]

M = TypeVar("M", bound=BaseModel)

_FAQ = ("faq",)
_TABLES = {
    "districts.toml": ("district", "place", "boundaries"),
    "departments.toml": ("department",),
    "topics.toml": ("topic", "no_topic"),
    "routing.toml": ("rule", "kind", "urgent", "abuse", "elsewhere"),
    "words.toml": tuple(Templates.model_fields),
    "accounts.toml": ("account",),
}
# Lists of strings at the top of a file, and what one looks like.
_LISTS = {"elsewhere": 'names: ["부산", "경기"]', "no_topic": 'messages: ["안녕하세요"]'}
# A city need not be on any public platform.
_OPTIONAL = {"accounts.toml"}
# What the entries of these tables are called by.
_NAMED_BY = {"district": "id", "department": "id", "topic": "id", "faq": "id", "urgent": "id", "rule": "name"}
_ID = re.compile(r'^[ \t]*id[ \t]*=[ \t]*"([^"\n]*)"', re.MULTILINE)
_NO_FILES: Mapping[str, Path] = {}


@dataclass(frozen=True, kw_only=True)
class Draft:
    """What the city's files say, right or wrong: `city` is made of all that could be read, None when too much is
    missing."""

    city: City | None
    tables: Tables
    mistakes: tuple[str, ...]

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
                named = {str(number): entry for number, entry in enumerate(self.tables.urgent)}
            case "kind":
                named = {str(number): entry for number, entry in enumerate(self.tables.kinds)}
        return named[name].at(*steps) if name in named else name


def load_city(folder: Path, *, channels: Sequence[str] = (), instead: Mapping[str, Path] = _NO_FILES) -> City:
    """Returns the city that the files in `folder` describe; raises `ConfigError` with all their mistakes."""
    draft = read_city(folder, channels=channels, instead=instead)
    if draft.mistakes or draft.city is None:
        raise ConfigError(*draft.mistakes)
    return draft.city


def read_city(folder: Path, *, channels: Sequence[str] = (), instead: Mapping[str, Path] = _NO_FILES) -> Draft:
    """Returns what could be read and every mistake.

    Rules may name only these channels, any when there are none. `instead` gives files to be read in place of those
    of that name.
    """
    reader = _Reader(folder, instead)
    tables = reader.tables(channels)
    words = reader.words()
    boundaries = reader.boundaries(_items(tables.districts))
    mistakes = (*reader.mistakes, *reader.missing(tables), *check_references(tables))
    return Draft(city=_city(tables, reader, words, boundaries) if words else None, tables=tables, mistakes=mistakes)


def _city(tables: Tables, reader: "_Reader", words: Templates, boundaries: tuple[Boundary, ...]) -> City:
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


class _File:
    """One file: what it says, and on which line."""

    def __init__(self, path: Path) -> None:
        self.path = path
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

    def ids(self, table: str) -> list[str]:
        """Returns the ids of a table's entries; when parts could not be read, all that look like an id."""
        return [*(name for name, _ in self.given(table, "id")), *(_ID.findall(self.whole) if self.faults else ())]

    def given(self, table: str, key: str) -> list[tuple[str, Callable[..., str]]]:
        """Returns what the entries of a table are called, each with where it stands."""
        entries = self.says.get(table)
        return [
            (entry[key], partial(self._called, table, place, key, entry[key]))
            for place, entry in enumerate(entries if isinstance(entries, list) else ())
            if isinstance(entry, dict) and isinstance(entry.get(key), str)
        ]

    def _called(self, table: str, place: int, key: str, name: str) -> str:
        return f"{self.where(table, place, key)}: {_label(table, place, name)}"


def _label(table: str, place: int, name: object) -> str:
    return f"{table} {place + 1}" + (f" ({name})" if isinstance(name, str) else "")


class _Reader:
    """Reads one file after the other and keeps what is wrong in `mistakes`."""

    def __init__(self, folder: Path, instead: Mapping[str, Path]) -> None:
        self.mistakes: list[str] = []
        paths = {name: instead.get(name, folder / name) for name in _TABLES}
        self._files = {
            name: None if name in _OPTIONAL and not path.exists() else self._open(path, _TABLES[name])
            for name, path in paths.items()
        }
        self._faqs = [self._open(path, _FAQ) for path in sorted((folder / "faq").glob("*.toml"))]
        if not self._faqs:
            self.mistakes.append(f"{folder / 'faq'}: there is no file of questions. Add one, e.g. traffic.toml.")

    def tables(self, channels: Sequence[str]) -> Tables:
        return Tables(
            districts=self._entries(self._files["districts.toml"], "district", District),
            places=self._entries(self._files["districts.toml"], "place", Place),
            departments=self._entries(self._files["departments.toml"], "department", Department),
            topics=self._entries(self._files["topics.toml"], "topic", Topic),
            faqs=[entry for file in self._faqs for entry in self._entries(file, "faq", Faq)],
            rules=self._entries(self._files["routing.toml"], "rule", Rule),
            kinds=self._entries(self._files["routing.toml"], "kind", KindWords),
            urgent=self._entries(self._files["routing.toml"], "urgent", Urgency),
            abuse=self._entries(self._files["routing.toml"], "abuse", Abuse),
            accounts=self._entries(self._files["accounts.toml"], "account", Account),
            ids=self._ids(),
            given=self._given(),
            channels=channels,
        )

    def missing(self, tables: Tables) -> list[str]:
        """Returns what a city cannot do without: with no row for emergencies, nobody would ever be rung."""
        file = self._files["routing.toml"]
        if file is None:
            return []
        needed = {"rule": tables.rules, "kind": tables.kinds, "urgent": tables.urgent}
        return [
            f"{file.path}: there is no [[{name}]]. Take one from the file as it was shipped."
            for name, rows in needed.items()
            if not rows and name not in file.says
        ]

    def words(self) -> Templates | None:
        file = self._files["words.toml"]
        if file is None:
            return None
        try:
            return Templates.model_validate(file.says)
        except ValidationError as error:
            self.mistakes += [
                f"{file.where(*steps)}: {sentence}"
                for steps, sentence in sentences(error, Templates)
                if not file.is_lost(steps)
            ]
            return None

    def boundaries(self, districts: Sequence[District]) -> tuple[Boundary, ...]:
        """Returns the polygons of the file that districts.toml names, relative to it."""
        file = self._files["districts.toml"]
        name = file.says.get("boundaries") if file else None
        if file is None or name is None:
            return ()
        if not isinstance(name, str) or not name:
            self.mistakes.append(
                f'{file.where("boundaries")}: should be the path of a GeoJSON file: "boundaries.geojson".'
            )
            return ()
        read = read_boundaries(file.path.parent / name, districts)
        self.mistakes += read.mistakes
        return read.shapes

    def strings(self, name: str, key: str) -> tuple[str, ...]:
        """Returns the list of this key at the top of a file; what is no string in it is a mistake told elsewhere."""
        file = self._files[name]
        said = file.says.get(key, ()) if file else ()
        return tuple(one for one in said if isinstance(one, str)) if isinstance(said, list) else ()

    def _ids(self) -> dict[str, list[str]]:
        """Returns the ids by table: a reference to a table that has a mistake of its own is no second mistake."""
        return {name: [one for file in self._all for one in file.ids(name)] for name in _NAMED_BY if name != "rule"}

    def _given(self) -> dict[str, list[tuple[str, Callable[..., str]]]]:
        return {name: [one for file in self._all for one in file.given(name, key)] for name, key in _NAMED_BY.items()}

    @property
    def _all(self) -> list[_File]:
        return [file for file in (*self._files.values(), *self._faqs) if file]

    def _open(self, path: Path, known: tuple[str, ...]) -> _File | None:
        try:
            file = _File(path)
        except ConfigError as error:
            self.mistakes += error.mistakes
            return None
        self.mistakes += [f"{path}:{fault.line}: {fault.says}" for fault in file.faults]
        for key in file.says.keys() - set(known):
            hint = nearest(key, known, called=WORDS[""])
            self.mistakes.append(f"{file.where(key)}: {key} is not a table of this file.{hint}")
        for key, example in _LISTS.items():
            names = file.says.get(key, [])
            if not (isinstance(names, list) and all(isinstance(name, str) and name.strip() for name in names)):
                self.mistakes.append(f"{file.where(key)}: {key} should be a list of {example}.")
        return file

    def _entries(self, file: _File | None, name: str, model: type[M]) -> list[Entry[M]]:
        raw = file.says.get(name, []) if file else []
        if file and not isinstance(raw, list):
            self.mistakes.append(
                f"{file.where(name)}: there are several of these. Write each as [[{name}]], with two brackets."
            )
            return []
        read = [self._entry(file, name, model, place, table) for place, table in enumerate(raw) if file]
        return [entry for entry in read if entry is not None]

    def _entry(self, file: _File, name: str, model: type[M], place: int, table: Any) -> Entry[M] | None:
        known_by = table.get("id") or table.get("name") or table.get("kind") if isinstance(table, dict) else None
        label = _label(name, place, known_by)
        try:
            return Entry(model.model_validate(table), label, lambda *steps: file.where(name, place, *steps))
        except ValidationError as error:
            self.mistakes += [
                f"{file.where(name, place, *steps)}: {label}: {sentence}"
                for steps, sentence in sentences(error, model)
                if not file.is_lost((name, place, *steps))
            ]
            return None


def _items(entries: Sequence[Entry[M]]) -> tuple[M, ...]:
    return tuple(entry.item for entry in entries)
