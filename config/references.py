"""Checks what one file says of another: owners, places, queues, questions, and that no id is given twice."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import Any

from config.known import Known, units_of
from config.near import nearest
from config.patterns import refusal
from config.rules import check_rules
from config.tables import Entry, Tables
from core.decision import TRIAGE
from core.text import fold

_SMS_BYTES = 1_000


def check_references(tables: Tables) -> list[str]:
    """Returns a sentence for everything that names what is not there, or what is there twice."""
    checks = (
        _twice,
        _districts,
        _places,
        _accounts,
        _topics,
        _faqs,
        check_rules,
        _kinds,
        _urgent,
        _contradicted,
        _duty,
        _empty,
    )
    return [mistake for check in checks for mistake in check(tables)]


def _twice(tables: Tables) -> Iterator[str]:
    given = tables.given
    yield from _given_twice("id", [*given.get("district", ()), *given.get("department", ())])
    for table in ("topic", "faq", "urgent"):
        yield from _given_twice("id", given.get(table, ()))
    yield from _given_twice("name", given.get("rule", ()))
    yield from _given_twice("code", [(e.item.code, partial(e.at, "code")) for e in tables.districts])
    yield from _given_twice("question", [named for e in tables.faqs for named in _said(e, "question", "variants")])
    yield from _given_twice("keyword", [named for e in tables.topics for named in _said(e, "keywords")])
    said = [named for e in tables.topics for named in _said(e, "examples", "sayings")]
    yield from _given_twice("sentence", [*said, *((fold(text), at) for text, at in tables.no_topic)])
    yield from _given_twice("example", [named for e in tables.urgent for named in _said(e, "examples")])


def _said(entry: Entry[Any], *fields: str) -> Iterator[tuple[str, Callable[[], str]]]:
    """Yields every sentence of these fields once, with where it stands."""
    said: dict[str, Callable[[], str]] = {}
    for name in fields:
        given = getattr(entry.item, name)
        for place, text in enumerate([given] if isinstance(given, str) else given):
            said.setdefault(fold(text), partial(entry.at, name, *(() if isinstance(given, str) else (place,))))
    yield from said.items()


def _given_twice(what: str, named: Iterable[tuple[str, Callable[..., str]]]) -> Iterator[str]:
    first: dict[str, Callable[..., str]] = {}
    for name, at in named:
        if name and name in first:
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
    whole = [e for e in tables.accounts if e.item.handle]
    handles = [(f"{e.item.platform}: {fold(e.item.handle)}", partial(e.at, "handle")) for e in whole]
    yield from _given_twice("account", handles)
    known = Known(tables.called)
    for entry in tables.accounts:
        yield from known.one(entry, "department", entry.item.department, tables.ids["department"], "department")
        if entry.is_whole and entry.item.groups and not entry.item.may_broadcast:
            yield f"{entry.at('groups')}: groups are for broadcasts. Set may_broadcast = true, or remove them."


def _topics(tables: Tables) -> Iterator[str]:
    units = units_of(tables)
    known = Known(tables.called)
    for entry in tables.topics:
        topic = entry.item
        is_given = entry.is_whole or topic.owner
        if is_given and topic.owner != "district" and topic.owner not in tables.ids["department"]:
            hint = nearest(topic.owner, ["district", *tables.ids["department"]], called=tables.called)
            if tables.called.get(topic.owner, topic.owner) in tables.ids["district"]:
                hint = ' Write owner = "district": it is that of the place.'
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


def _duty(tables: Tables) -> Iterator[str]:
    """Who is told of emergencies: what cannot be read would be passed over in silence."""
    offices: tuple[Sequence[Entry[Any]], ...] = (tables.districts, tables.departments)
    for entry in (entry for table in offices for entry in table):
        contact = entry.item.duty_contact
        channel, colon, to = contact.partition(":")
        if contact and not (colon and to.strip()):
            yield f'{entry.at("duty_contact")}: duty_contact is a channel and an address: "sms:+821012345678".'
        elif contact and tables.channels and channel not in tables.channels:
            hint = nearest(channel, tables.channels, called=tables.channel_types)
            yield f'{entry.at("duty_contact")}: duty_contact: there is no channel "{channel}" in pipeline.toml.{hint}'


def _empty(tables: Tables) -> Iterator[str]:
    """An entry in which nothing stands speaks for nothing; only that an empty message is none may be said."""
    rows = (tables.topics, tables.faqs, tables.rules, tables.kinds, tables.urgent, tables.abuse, tables.districts)
    for entry in (entry for table in rows for entry in table):
        for name, field in type(entry.item).model_fields.items():
            given = getattr(entry.item, name)
            is_list = isinstance(given, tuple) and name != "not_examples"
            for place, text in enumerate(given if is_list else ()):
                if isinstance(text, str) and not text.strip():
                    at = entry.at(field.alias or name, place)
                    yield f"{at}: {name} no. {place + 1} is empty. Write something, or remove it."


def _contradicted(tables: Tables) -> Iterator[str]:
    """An example of one row that must not be one by another: neither row could be mended by itself."""
    for table, rows in (("urgent", tables.urgent), ("kind", tables.kinds)):
        ruled = [rule for rule in tables.rules if getattr(rule.item.when, table)]
        denied = [named for entry in (*rows, *ruled) for named in _said(entry, "not_examples")]
        first = dict(reversed(denied))
        for entry in rows:
            for text, at in _said(entry, "examples"):
                if text in first:
                    yield f'{at()}: examples: "{text}" is also one of the not_examples of {first[text]()}. Remove one.'


def _patterns(at: Callable[..., str], patterns: Iterable[str]) -> Iterator[str]:
    for place, pattern in enumerate(patterns):
        if why := refusal(pattern):
            yield f"{at('patterns', place)}: patterns: {pattern[:60]!r} {why}."
