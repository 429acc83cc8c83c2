"""Reads the city's files; every mistake in all of them is told at once."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from pydantic import BaseModel, ValidationError

from config.mistakes import explain, nearest, parse_toml, read_text, read_toml, sentences
from config.references import Entry, Tables, check_references
from config.schema import (
    Account,
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
from core.errors import ConfigError

__all__ = ["explain", "load_city", "read_toml"]

M = TypeVar("M", bound=BaseModel)

_FAQ = ("faq",)
_TABLES = {
    "districts.toml": ("district", "place"),
    "departments.toml": ("department",),
    "topics.toml": ("topic",),
    "routing.toml": ("rule", "kind", "urgent", "elsewhere"),
    "words.toml": tuple(Templates.model_fields),
    "accounts.toml": ("account",),
}
# A city need not be on any public platform.
_OPTIONAL = {"accounts.toml"}
_TABLE = re.compile(r"^[ \t]*\[\[", re.MULTILINE)


def load_city(folder: Path) -> City:
    """Returns the city that the files in `folder` describe; raises `ConfigError` with all their mistakes."""
    reader = _Reader(folder)
    tables = reader.tables()
    words = reader.words()
    mistakes = [*reader.mistakes, *check_references(tables)]
    if mistakes or words is None:
        raise ConfigError(*mistakes)
    return City(
        districts=_items(tables.districts),
        places=_items(tables.places),
        departments=_items(tables.departments),
        topics=_items(tables.topics),
        faqs=_items(tables.faqs),
        routing=Routing(
            rules=_items(tables.rules),
            kinds=_items(tables.kinds),
            urgent=_items(tables.urgent),
            elsewhere=reader.elsewhere(),
        ),
        words=words,
        accounts=_items(tables.accounts),
    )


class _Header(NamedTuple):
    """A table's header in its file."""

    start: int
    end: int
    line: int


class _File:
    """One file: what it says, and on which line."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.text = read_text(path)
        self.says = parse_toml(path, self.text)
        self._headers: dict[str, list[_Header]] = {}

    def where(self, header: str, place: int = 0, key: str = "") -> str:
        """Returns "path:line" of `key` in the `place`-th table of that header; of the header when there is no key."""
        headers = self._found(header)
        if place >= len(headers):
            return str(self.path)
        begin, end, line = headers[place]
        if key:
            following = _TABLE.search(self.text, end)
            table = self.text[begin : following.start() if following else None]
            found = re.search(rf"^[ \t]*{re.escape(key)}[ \t]*=", table, re.MULTILINE)
            line += table.count("\n", 0, found.start()) if found else 0
        return f"{self.path}:{line}"

    def _found(self, header: str) -> list[_Header]:
        """Returns where that header stands: looked for once, because every entry of the file asks for its own."""
        known = self._headers.get(header)
        if known is None:
            known = self._headers[header] = []
            line, counted = 1, 0
            for found in re.finditer(rf"^[ \t]*{header}", self.text, re.MULTILINE):
                line, counted = line + self.text.count("\n", counted, found.start()), found.start()
                known.append(_Header(*found.span(), line))
        return known


class _Reader:
    """Reads one file after the other and keeps what is wrong in `mistakes`."""

    def __init__(self, folder: Path) -> None:
        self.mistakes: list[str] = []
        self._files = {
            name: None if name in _OPTIONAL and not (folder / name).exists() else self._open(folder / name, known)
            for name, known in _TABLES.items()
        }
        self._faqs = [self._open(path, _FAQ) for path in sorted((folder / "faq").glob("*.toml"))]
        if not self._faqs:
            self.mistakes.append(f"{folder / 'faq'}: there is no file of questions. Add one, e.g. traffic.toml.")

    def tables(self) -> Tables:
        return Tables(
            districts=self._entries(self._files["districts.toml"], "district", District),
            places=self._entries(self._files["districts.toml"], "place", Place),
            departments=self._entries(self._files["departments.toml"], "department", Department),
            topics=self._entries(self._files["topics.toml"], "topic", Topic),
            faqs=[entry for file in self._faqs for entry in self._entries(file, "faq", Faq)],
            rules=self._entries(self._files["routing.toml"], "rule", Rule),
            kinds=self._entries(self._files["routing.toml"], "kind", KindWords),
            urgent=self._entries(self._files["routing.toml"], "urgent", Urgency),
            accounts=self._entries(self._files["accounts.toml"], "account", Account),
            ids=self._ids(),
        )

    def words(self) -> Templates | None:
        file = self._files["words.toml"]
        if file is None:
            return None
        try:
            return Templates.model_validate(file.says)
        except ValidationError as error:
            self.mistakes += explain(error, str(file.path), Templates)
            return None

    def elsewhere(self) -> tuple[str, ...]:
        file = self._files["routing.toml"]
        return tuple(file.says.get("elsewhere", ())) if file else ()

    def _ids(self) -> dict[str, list[str]]:
        """Returns the ids by table: a reference to a table that has a mistake of its own is no second mistake."""
        ids: dict[str, list[str]] = {name: [] for name in ("district", "department", "topic", "faq", "urgent")}
        says = [file.says for file in (*self._files.values(), *self._faqs) if file]
        for name, found in ids.items():
            tables = [table for said in says for table in _list(said.get(name)) if isinstance(table, dict)]
            found += [table["id"] for table in tables if isinstance(table.get("id"), str)]
        return ids

    def _open(self, path: Path, known: tuple[str, ...]) -> _File | None:
        try:
            file = _File(path)
        except ConfigError as error:
            self.mistakes += error.mistakes
            return None
        for key in file.says.keys() - set(known):
            where = file.where(rf"(?:\[\[? *)?{re.escape(key)}\b")
            self.mistakes.append(f"{where}: {key} is not a table of this file.{nearest(key, known)}")
        names = file.says.get("elsewhere", [])
        if not (isinstance(names, list) and all(isinstance(name, str) and name.strip() for name in names)):
            self.mistakes.append(f'{file.where("elsewhere")}: elsewhere should be a list of names: ["부산", "경기"].')
        return file

    def _entries(self, file: _File | None, name: str, model: type[M]) -> list[Entry[M]]:
        raw = file.says.get(name, []) if file else []
        if file and not isinstance(raw, list):
            where = file.where(rf"\[? *{name}")
            self.mistakes.append(f"{where}: there are several of these. Write each as [[{name}]], with two brackets.")
            return []
        read = [self._entry(file, name, model, place, table) for place, table in enumerate(raw) if file]
        return [entry for entry in read if entry is not None]

    def _entry(self, file: _File, name: str, model: type[M], place: int, table: Any) -> Entry[M] | None:
        known_by = table.get("id") or table.get("name") or table.get("kind") if isinstance(table, dict) else None
        label = f"{name} {place + 1}" + (f" ({known_by})" if isinstance(known_by, str) else "")
        header = rf"\[\[ *{name} *\]\]"
        try:
            return Entry(f"{file.where(header, place)}: {label}", model.model_validate(table))
        except ValidationError as error:
            self.mistakes += [
                f"{file.where(header, place, key)}: {label}: {sentence}" for key, sentence in sentences(error, model)
            ]
            return None


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _items(entries: Sequence[Entry[M]]) -> tuple[M, ...]:
    return tuple(entry.item for entry in entries)
