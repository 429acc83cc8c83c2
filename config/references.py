"""Checks what one file says of another: owners, places, queues, questions, and that no id is given twice."""

from collections.abc import Callable, Iterable, Iterator
from functools import partial

from config.known import Known, units_of
from config.near import nearest
from config.patterns import refusal
from config.rules import check_rules
from config.schema import Faq
from config.tables import TRIAGE, Entry, Tables
from core.text import fold

_SMS_BYTES = 1_000


def check_references(tables: Tables) -> list[str]:
    """Returns a sentence for everything that names what is not there, or what is there twice."""
    checks = (_twice, _districts, _places, _accounts, _topics, _faqs, check_rules, _kinds, _urgent)
    return [mistake for check in checks for mistake in check(tables)]


def _twice(tables: Tables) -> Iterator[str]:
    given = tables.given
    yield from _given_twice("id", [*given.get("district", ()), *given.get("department", ())])
    for table in ("topic", "faq", "urgent"):
        yield from _given_twice("id", given.get(table, ()))
    yield from _given_twice("name", given.get("rule", ()))
    yield from _given_twice("code", [(e.item.code, partial(e.at, "code")) for e in tables.districts])
    yield from _given_twice("question", [named for e in tables.faqs for named in _asked(e)])


def _asked(entry: Entry[Faq]) -> Iterator[tuple[str, Callable[[], str]]]:
    said: dict[str, Callable[[], str]] = {fold(entry.item.question): partial(entry.at, "question")}
    for place, variant in enumerate(entry.item.variants):
        said.setdefault(fold(variant), partial(entry.at, "variants", place))
    yield from said.items()


def _given_twice(what: str, named: Iterable[tuple[str, Callable[..., str]]]) -> Iterator[str]:
    first: dict[str, Callable[..., str]] = {}
    for name, at in named:
        if name in first:
            yield f'{at()}: {what} "{name}" is already that of {first[name]()}. Give another, or remove one.'
        first.setdefault(name, at)


def _districts(tables: Tables) -> Iterator[str]:
    for entry in tables.districts:
        if entry.item.id == TRIAGE:
            yield f'{entry.at("id")}: id "{TRIAGE}" is taken: unsure matters wait there. Give another.'
        if not (-90 <= entry.item.lat <= 90 and -180 <= entry.item.lon <= 180):
            yield f"{entry.at('lat')}: lat {entry.item.lat}, lon {entry.item.lon} are no degrees. Are they exchanged?"


def _places(tables: Tables) -> Iterator[str]:
    known = Known(tables.called)
    for entry in tables.places:
        yield from known.all(entry, ("districts",), entry.item.districts, tables.ids["district"], "district")
        yield from known.one(entry, "owner", entry.item.owner, tables.ids["department"], "department")


def _accounts(tables: Tables) -> Iterator[str]:
    # Platforms do not tell Seoul_eds from seoul_eds.
    handles = [(f"{e.item.platform}: {fold(e.item.handle)}", partial(e.at, "handle")) for e in tables.accounts]
    yield from _given_twice("account", handles)
    known = Known(tables.called)
    for entry in tables.accounts:
        yield from known.one(entry, "department", entry.item.department, tables.ids["department"], "department")
        if entry.item.groups and not entry.item.may_broadcast:
            yield f"{entry.at('groups')}: groups are for broadcasts. Set may_broadcast = true, or remove them."


def _topics(tables: Tables) -> Iterator[str]:
    units = units_of(tables)
    known = Known(tables.called)
    for entry in tables.topics:
        topic = entry.item
        if topic.owner != "district" and topic.owner not in tables.ids["department"]:
            hint = nearest(topic.owner, ["district", *tables.ids["department"]], called=tables.called)
            yield f'{entry.at("owner")}: owner "{topic.owner}" is neither "district" nor a department.{hint}'
        if topic.owner == "district" and tables.districts:
            yield from known.one(entry, "unit", topic.unit, units, "unit of any district")


def _faqs(tables: Tables) -> Iterator[str]:
    for entry in tables.faqs:
        faq = entry.item
        same = set(map(fold, faq.not_examples)) & set(map(fold, (faq.question, *faq.variants)))
        if same:
            at = entry.at("not_examples")
            yield f'{at}: not_examples: "{min(same)}" is also one of its variants. Remove one of the two.'
        if faq.valid_from and faq.valid_until and faq.valid_until < faq.valid_from:
            at = entry.at("valid_until")
            yield f"{at}: valid_until {faq.valid_until} lies before valid_from {faq.valid_from}. Mend one."
        yield from _short(entry.at, faq.short)


def _short(at: Callable[..., str], short: str) -> Iterator[str]:
    try:
        size = len(short.encode("cp949"))
    except UnicodeEncodeError as error:
        letter, where = short[error.start], at("short")
        yield f"{where}: short: {letter!r} (U+{ord(letter):04X}) cannot go into an SMS. Write it in other characters."
        return
    if size > _SMS_BYTES:
        yield f"{at('short')}: short: {size} bytes in cp949, an SMS takes {_SMS_BYTES}. Shorten it."


def _kinds(tables: Tables) -> Iterator[str]:
    known = Known(tables.called)
    for entry in tables.kinds:
        yield from known.one(entry, "queue", entry.item.queue, tables.queues, "queue")
        yield from _patterns(entry.at, entry.item.patterns)


def _urgent(tables: Tables) -> Iterator[str]:
    for entry in tables.urgent:
        yield from _patterns(entry.at, entry.item.patterns)


def _patterns(at: Callable[..., str], patterns: Iterable[str]) -> Iterator[str]:
    for place, pattern in enumerate(patterns):
        if why := refusal(pattern):
            yield f"{at('patterns', place)}: patterns: {pattern[:60]!r} {why}."
