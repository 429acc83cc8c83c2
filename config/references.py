"""Checks what one file says of another: owners, places, queues, questions, and that no id is given twice."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Generic, TypeVar, get_args

from config.mistakes import nearest
from config.schema import Account, Department, District, Faq, KindWords, Place, Rule, Topic, Urgency
from core.decision import Kind
from core.text import fold

T = TypeVar("T")

TRIAGE = "triage"
_AUTO = ("report", "automatic", "bulk", "echo")
_SMS_BYTES = 1_000


@dataclass(frozen=True)
class Entry(Generic[T]):
    """One table that was read, and where it stands."""

    where: str
    item: T


@dataclass(frozen=True, kw_only=True)
class Tables:
    """Every table that could be read by itself."""

    districts: Sequence[Entry[District]]
    places: Sequence[Entry[Place]]
    departments: Sequence[Entry[Department]]
    topics: Sequence[Entry[Topic]]
    faqs: Sequence[Entry[Faq]]
    rules: Sequence[Entry[Rule]]
    kinds: Sequence[Entry[KindWords]]
    urgent: Sequence[Entry[Urgency]]
    accounts: Sequence[Entry[Account]] = ()
    ids: Mapping[str, Sequence[str]]
    """By table, also of those that could not be read."""

    @property
    def queues(self) -> list[str]:
        return [TRIAGE, *self.ids["district"], *self.ids["department"]]


def check_references(tables: Tables) -> list[str]:
    """Returns a sentence for everything that names what is not there, or what is there twice."""
    checks = (_twice, _districts, _places, _accounts, _topics, _faqs, _rules, _rule_queues, _kinds, _urgent)
    return [mistake for check in checks for mistake in check(tables)]


def _twice(tables: Tables) -> Iterator[str]:
    queues = [(e.where, e.item.id) for e in tables.districts] + [(e.where, e.item.id) for e in tables.departments]
    yield from _given_twice("id", queues)
    yield from _given_twice("code", [(e.where, e.item.code) for e in tables.districts])
    yield from _given_twice("id", [(e.where, e.item.id) for e in tables.topics])
    yield from _given_twice("id", [(e.where, e.item.id) for e in tables.faqs])
    yield from _given_twice("id", [(e.where, e.item.id) for e in tables.urgent])
    yield from _given_twice("name", [(e.where, e.item.name) for e in tables.rules])
    asked = [
        (e.where, text) for e in tables.faqs for text in dict.fromkeys(map(fold, (e.item.question, *e.item.variants)))
    ]
    yield from _given_twice("question", asked)


def _given_twice(what: str, named: Iterable[tuple[str, str]]) -> Iterator[str]:
    first: dict[str, str] = {}
    for where, name in named:
        if name in first:
            yield f'{where}: {what} "{name}" is already that of {first[name]}. Give another, or remove one.'
        first.setdefault(name, where)


def _districts(tables: Tables) -> Iterator[str]:
    for entry in tables.districts:
        if entry.item.id == TRIAGE:
            yield f'{entry.where}: id "{TRIAGE}" is taken: unsure matters wait there. Give another.'
        if not (-90 <= entry.item.lat <= 90 and -180 <= entry.item.lon <= 180):
            yield f"{entry.where}: lat {entry.item.lat}, lon {entry.item.lon} are no degrees. Are they exchanged?"


def _places(tables: Tables) -> Iterator[str]:
    for entry in tables.places:
        yield from _unknown(entry.where, "districts", entry.item.districts, tables.ids["district"], "district")
        if entry.item.owner:
            yield from _unknown(entry.where, "owner", (entry.item.owner,), tables.ids["department"], "department")


def _accounts(tables: Tables) -> Iterator[str]:
    # Platforms do not tell Seoul_eds from seoul_eds.
    handles = [(e.where, f"{e.item.platform}: {fold(e.item.handle)}") for e in tables.accounts]
    yield from _given_twice("account", handles)
    for entry in tables.accounts:
        if hint := entry.item.department:
            yield from _unknown(entry.where, "department", (hint,), tables.ids["department"], "department")


def _topics(tables: Tables) -> Iterator[str]:
    units = list(dict.fromkeys(unit for entry in tables.districts for unit in entry.item.units))
    for entry in tables.topics:
        topic = entry.item
        if topic.owner != "district" and topic.owner not in tables.ids["department"]:
            hint = nearest(topic.owner, ["district", *tables.ids["department"]])
            yield f'{entry.where}: owner "{topic.owner}" is neither "district" nor a department.{hint}'
        if topic.owner == "district" and topic.unit and tables.districts:
            yield from _unknown(entry.where, "unit", (topic.unit,), units, "unit of any district")


def _faqs(tables: Tables) -> Iterator[str]:
    for entry in tables.faqs:
        faq = entry.item
        same = set(map(fold, faq.not_examples)) & set(map(fold, (faq.question, *faq.variants)))
        if same:
            yield f'{entry.where}: not_examples: "{min(same)}" is also one of its variants. Remove one of the two.'
        if faq.valid_from and faq.valid_until and faq.valid_until < faq.valid_from:
            yield f"{entry.where}: valid_until {faq.valid_until} lies before valid_from {faq.valid_from}. Mend one."
        yield from _short(entry.where, faq.short)


def _short(where: str, short: str) -> Iterator[str]:
    try:
        size = len(short.encode("cp949"))
    except UnicodeEncodeError as error:
        letter = short[error.start]
        yield f"{where}: short: {letter!r} (U+{ord(letter):04X}) cannot go into an SMS. Write it in other characters."
        return
    if size > _SMS_BYTES:
        yield f"{where}: short: {size} bytes in cp949, an SMS takes {_SMS_BYTES}. Shorten it."


def _rules(tables: Tables) -> Iterator[str]:
    known: dict[str, tuple[Sequence[str], str]] = {
        "auto": ([*_AUTO], "kind of automatic message"),
        "urgent": (tables.ids["urgent"], "emergency"),
        "kind": ([*get_args(Kind)], "kind"),
        "faq": (tables.ids["faq"], "question"),
        "topic": (tables.ids["topic"], "topic"),
        "owner": (["district", *tables.ids["department"]], "owner"),
        "district": ([*tables.ids["district"], "elsewhere"], "district"),
    }
    for entry in tables.rules:
        for field, (names, what) in known.items():
            asked = getattr(entry.item.when, field)
            if not isinstance(asked, str):
                yield from _unknown(entry.where, f"when.{field}", asked, names, what)


def _rule_queues(tables: Tables) -> Iterator[str]:
    units = list(dict.fromkeys(unit for entry in tables.districts for unit in entry.item.units))
    for entry in tables.rules:
        rule = entry.item
        if rule.queue:
            yield from _unknown(entry.where, "queue", (rule.queue,), tables.queues, "queue")
        if rule.unit and tables.districts:
            yield from _unknown(entry.where, "unit", (rule.unit,), units, "unit of any district")
        if rule.then == "answer" and not rule.when.faq:
            yield f'{entry.where}: a row that answers needs when.faq. Write when = {{ faq = "*", … }}.'
        if rule.then in ("follow_up", "rate") and not rule.when.context:
            yield f'{entry.where}: a row that joins a case needs when.context. Write when = {{ context = "reply", … }}.'


def _kinds(tables: Tables) -> Iterator[str]:
    for entry in tables.kinds:
        if entry.item.queue:
            yield from _unknown(entry.where, "queue", (entry.item.queue,), tables.queues, "queue")
        yield from _patterns(entry.where, entry.item.patterns)


def _urgent(tables: Tables) -> Iterator[str]:
    for entry in tables.urgent:
        yield from _patterns(entry.where, entry.item.patterns)


def _patterns(where: str, patterns: Iterable[str]) -> Iterator[str]:
    for pattern in patterns:
        try:
            re.compile(pattern)
        except re.error as error:
            yield f"{where}: patterns: {pattern!r} is no regular expression: {error}. Mend it."


def _unknown(where: str, field: str, names: Iterable[str], known: Sequence[str], what: str) -> Iterator[str]:
    for name in names:
        if name not in known and not any(fnmatchcase(one, name) for one in known):
            yield f'{where}: {field} "{name}" is no {what}.{nearest(name, known)}'
