"""What is wrong with the rows of routing.toml: unknown names, rows that can never apply, words that mean nothing."""

from collections.abc import Iterator, Mapping, Sequence
from typing import get_args

from config.boxes import box_of
from config.known import Known, is_address, units_of
from config.near import WORDS, nearest
from config.schema import Rule, When
from config.tables import Entry, Tables
from core.decision import ELSEWHERE, TRIAGE, Kind
from core.text import fold

AUTO = ("report", "automatic", "bulk", "echo")
ABUSE = ("insult", "abusive", "spam")
_RATINGS = ("1", "2", "3", "4", "5")
# Weak words of any emergency.
_UNCLEAR = "unclear"
# What a condition may be beside a list of names.
_ALONE: Mapping[str, Sequence[str]] = {"district": ("*", "none", "one", "several")}


def check_rules(tables: Tables) -> Iterator[str]:
    """Yields a sentence for each mistake, row by row."""
    called = tables.called
    first: dict[str, Entry[Rule]] = {}
    for entry in tables.rules:
        yield from _names(entry, tables, called)
        yield from _target(entry, tables, called)
        yield from _words(entry)
        yield from _box(entry)
        if entry.is_whole:
            # Of a row that is not, what is missing here may be what could not be read.
            yield from _act(entry)
            yield from _never(entry, first)


def _names(entry: Entry[Rule], tables: Tables, called: Mapping[str, str]) -> Iterator[str]:
    known: dict[str, tuple[Sequence[str], str]] = {
        "auto": (AUTO, "kind of automatic message"),
        "urgent": ([*tables.ids["urgent"], _UNCLEAR], "emergency"),
        "kind": (get_args(Kind), "kind"),
        "abuse": (ABUSE, "abuse"),
        "rating": (_RATINGS, "rating"),
        "faq": (tables.ids["faq"], "question"),
        "topic": (tables.ids["topic"], "topic"),
        "district": ([*tables.ids["district"], ELSEWHERE], "district"),
    }
    when = entry.item.when
    for field, (names, what) in known.items():
        asked = getattr(when, field, ())
        if not isinstance(asked, str):
            yield from _alone(entry, field, asked)
            words = Known({**called, **WORDS.get(field, {})})
            yield from words.all(entry, ("when", field), asked, [*names, *_ALONE.get(field, ("*",))], what)
    if not isinstance(when.owner, str):
        owners = ["district", *tables.ids["department"]]
        yield from Known(called).patterns(entry, ("when", "owner"), when.owner, owners, "owner")
    if tables.channels:
        what = "channel of pipeline.toml"
        yield from Known(tables.channel_types).all(
            entry, ("when", "channel"), when.channel, list(tables.channels), what
        )
    yield from _accounts(entry, tables)


def _alone(entry: Entry[Rule], field: str, asked: Sequence[str]) -> Iterator[str]:
    """Words that stand for many names are no names in a list."""
    for place, name in enumerate(asked):
        if name in _ALONE.get(field, ("*",)):
            at = entry.at("when", field, place)
            yield f'{at}: when.{field} "{name}" stands without brackets and alone: {field} = "{name}".'


def _accounts(entry: Entry[Rule], tables: Tables) -> Iterator[str]:
    """Telephone numbers and mail addresses stand in no table; offices file by their own names."""
    handles = [account.item.handle for account in tables.accounts]
    named = {account.item.name: account.item.handle for account in tables.accounts}
    for place, name in enumerate(entry.item.when.account):
        if not is_address(name) and name not in (*handles, *tables.channels, *tables.queues):
            at = entry.at("when", "account", place)
            yield f'{at}: when.account "{name}" is no account in accounts.toml.{nearest(name, handles, called=named)}'


def _target(entry: Entry[Rule], tables: Tables, called: Mapping[str, str]) -> Iterator[str]:
    rule = entry.item
    yield from Known(called).one(entry, "queue", rule.queue, tables.queues, "queue")
    if not (rule.unit and tables.districts):
        return
    own = next((one.item.units for one in tables.districts if one.item.id == rule.queue and one.is_whole), None)
    if rule.queue in tables.ids["department"] or rule.queue == TRIAGE:
        yield f'{entry.at("unit")}: unit "{rule.unit}": {rule.queue} has no units, only districts have. Remove it.'
    elif own is not None:
        yield from Known({}).one(entry, "unit", rule.unit, own, f"unit of {rule.queue}")
    else:
        yield from Known({}).one(entry, "unit", rule.unit, units_of(tables), "unit of any district")


def _act(entry: Entry[Rule]) -> Iterator[str]:
    rule = entry.item
    if rule.then == "answer" and not rule.when.faq:
        yield f'{entry.at("then")}: a row that answers needs when.faq. Write when = {{ faq = "*", … }}.'
    if rule.then in ("follow_up", "rate") and not rule.when.context:
        at = entry.at("then")
        yield f'{at}: a row that joins a case needs when.context. Write when = {{ context = "reply", … }}.'
    if rule.then == "hold" and rule.queue not in ("", TRIAGE):
        yield f'{entry.at("queue")}: a row that holds goes to triage. Write then = "dispatch", or remove queue.'
    given = [name for name in ("queue", "unit", "ask") if getattr(rule, name)]
    if rule.then not in ("dispatch", "hold") and given:
        at = entry.at(given[0])
        yield f'{at}: {given[0]} means nothing where then = "{rule.then}". Remove it, or write then = "dispatch".'


def _words(entry: Entry[Rule]) -> Iterator[str]:
    when, rule = entry.item.when, entry.item
    if when.text and not all(_says(word) for word in when.text.split("|")):
        yield f'{entry.at("when", "text")}: when.text "{when.text}" has an alternative without a letter. Remove that |.'
    for place, word in enumerate(when.words):
        if "|" in word:
            each = ", ".join(f'"{one.strip()}"' for one in word.split("|") if one.strip())
            at = entry.at("when", "words", place)
            yield f'{at}: when.words "{word}": one word is one entry of the list. Write words = [{each}].'
        elif not _says(word):
            yield f'{entry.at("when", "words", place)}: when.words "{word}" has no letter. Write a word, or remove it.'
    both = set(map(fold, rule.examples)) & set(map(fold, rule.not_examples))
    for place, text in enumerate(rule.not_examples):
        if fold(text) in both:
            at = entry.at("not_examples", place)
            yield f'{at}: not_examples: "{text}" is also one of its examples. Remove one of the two.'


def _says(word: str) -> bool:
    return any(letter.isalnum() for letter in word)


def _box(entry: Entry[Rule]) -> Iterator[str]:
    begins, ends = box_of(entry.item)
    if begins and ends and ends <= begins:
        rule = entry.item
        yield f"{entry.at('until')}: until {rule.until} lies before from {rule.begins}. Exchange them, or mend one."


def _never(entry: Entry[Rule], first: dict[str, Entry[Rule]]) -> Iterator[str]:
    """A row after one that applies to the same, or to everything, never applies."""
    rule = entry.item
    same = rule.when.model_dump_json()
    before = first.get(_EVERYTHING) or first.get(same)
    if before is not None:
        to = "everything" if first.get(_EVERYTHING) is before else "the same"
        where = before.find("when").rpartition(":")[2]
        yield (
            f'{entry.at("when")}: never applies: rule "{before.item.name}" in line {where} applies to {to}. '
            "Move this row up, or remove one."
        )
    # A row that answers looks at more than its conditions.
    if not (rule.shadow or rule.begins or rule.until or rule.then == "answer"):
        first.setdefault(same, entry)


_EVERYTHING = When().model_dump_json()
