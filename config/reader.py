"""Reads the city's files one after the other; every row becomes an entry, every mistake a sentence."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from config.boundaries import read_boundaries
from config.files import File, label_of
from config.mistakes import sentences
from config.near import WORDS, nearest
from config.partial import rest_of
from config.schema import (
    Abuse,
    Account,
    Boundary,
    Department,
    District,
    Faq,
    KindWords,
    Place,
    Rule,
    Templates,
    Topic,
    Urgency,
)
from config.tables import Entry, Tables
from core.errors import ConfigError

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


class Reader:
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

    def tables(self, channels: Mapping[str, str]) -> Tables:
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
            no_topic=self._no_topic(),
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

    def file(self, name: str) -> File | None:
        """Returns the file of this name, None when it cannot be read."""
        return self._files[name]

    def strings(self, name: str, key: str) -> tuple[str, ...]:
        """Returns the list of this key at the top of a file; what is no string in it is a mistake told elsewhere."""
        file = self._files[name]
        said = file.says.get(key, ()) if file else ()
        return tuple(one for one in said if isinstance(one, str)) if isinstance(said, list) else ()

    def _no_topic(self) -> list[tuple[str, Callable[[], str]]]:
        file = self._files["topics.toml"]
        said = file.says.get("no_topic", ()) if file else ()
        return [
            (text, partial(self._of_no_topic, file, place))
            for place, text in enumerate(said if isinstance(said, list) else ())
            if file and isinstance(text, str)
        ]

    @staticmethod
    def _of_no_topic(file: File, place: int) -> str:
        return f"{file.where('no_topic', place)}: no_topic"

    def _ids(self) -> dict[str, list[str]]:
        """Returns the ids by table: a reference to a table that has a mistake of its own is no second mistake."""
        return {name: [one for file in self._all for one in file.ids(name)] for name in _NAMED_BY if name != "rule"}

    def _given(self) -> dict[str, list[tuple[str, Callable[..., str]]]]:
        return {name: [one for file in self._all for one in file.given(name, key)] for name, key in _NAMED_BY.items()}

    @property
    def _all(self) -> list[File]:
        return [file for file in (*self._files.values(), *self._faqs) if file]

    def _open(self, path: Path, known: tuple[str, ...]) -> File | None:
        try:
            file = File(path, known)
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

    def _entries(self, file: File | None, name: str, model: type[M]) -> list[Entry[M]]:
        raw = file.says.get(name, []) if file else []
        if file and not isinstance(raw, list):
            self.mistakes.append(
                f"{file.where(name)}: there are several of these. Write each as [[{name}]], with two brackets."
            )
            return []
        read = [self._entry(file, name, model, place, table) for place, table in enumerate(raw) if file]
        return [entry for entry in read if entry is not None]

    def _entry(self, file: File, name: str, model: type[M], place: int, table: Any) -> Entry[M] | None:
        known_by = table.get("id") or table.get("name") or table.get("kind") if isinstance(table, dict) else None
        label = label_of(name, place, known_by)
        find = partial(file.where, name, place)
        try:
            whole = model.model_validate(table)
            return Entry(whole, label, find, is_whole=not file.has_lost((name, place)))
        except ValidationError as error:
            told = sentences(error, model)
            self.mistakes += [
                f"{file.where(name, place, *steps)}: {label}: {sentence}"
                for steps, sentence in told
                if not file.is_lost((name, place, *steps))
            ]
            rest = rest_of(model, table, [steps for steps, _ in told])
            return None if rest is None else Entry(rest, label, find, is_whole=False)
