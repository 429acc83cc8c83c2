"""Who is one citizen: which contacts belong to whose case, and which words of a linked handle belong to it."""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import Connection, select

from cases.handles import case_key, is_address, key_of_author, known_by
from cases.ledger import read_message, thread_key
from cases.means import Means
from cases.model import Case, case_of
from cases.numbers import parse_number
from cases.schema import cases, contacts, messages, to_stored
from core.errors import Rejected
from core.message import Assurance, Message

_KNOWN = "SELECT key, person FROM contacts WHERE key {wanted}"
_THREADS = "SELECT conversation, number FROM threads WHERE at >= {place} AND conversation {wanted}"
# Numbers of cases as people copy them; whether it is one, its check digit says.
_NUMBER = re.compile(r"(?<![\d-])\d{8}[-‐–— ]?\d{6,12}[-‐–— ]?\d(?![\d-])", re.ASCII)
_MOST_NUMBERS = 3


class Contact(msgspec.Struct, frozen=True, kw_only=True):
    """Where a citizen can be written to. `is_own`: their case came from there, nobody had to consent."""

    key: str
    channel: str
    account: str
    to: str
    is_own: bool
    given_by: str
    number: str
    consented_at: datetime


class Own(msgspec.Struct, frozen=True, kw_only=True):
    """The handle that a case came from. Without a channel: nobody has proved it, and it stands for this case alone."""

    key: str
    channel: str = ""
    account: str = ""
    to: str = ""


def own_of(means: Means, connection: Connection, case: Case) -> Own:
    """Returns whose case this is, as far as it is proved: by a platform, or because its link goes there and nowhere
    else. A page shows its link to whoever filled it in with anybody's address."""
    alone = Own(key=case_key(means.seal, case.number))
    sealed = connection.execute(select(messages.c.sealed).where(messages.c.id == case.message)).scalar()
    try:
        message = read_message(means.seal, sealed or b"")
    except Rejected:
        return alone
    key = _proven(means, message)
    if not key or not case.reply_to:
        return alone
    return Own(key=key, channel=message.channel, account=message.account, to=message.reply_to)


def person_of(connection: Connection, key: str) -> str:
    """Returns the citizen who has this contact, "" when nobody is known to."""
    return connection.execute(select(contacts.c.person).where(contacts.c.key == key)).scalar() or ""


def contacts_of(means: Means, connection: Connection, person: str) -> list[Contact]:
    """Returns where this citizen can be written to: what they asked for first, then what they wrote from."""
    if not person:
        return []
    order = (contacts.c.consented_at, contacts.c.key)
    rows = connection.execute(
        select(contacts).where(contacts.c.person == person, contacts.c.channel != "").order_by(*order)
    )
    return sorted((_contact(means, row) for row in rows), key=lambda contact: contact.is_own)


def cases_of_linked(
    means: Means, connection: Connection, batch: Sequence[Message], referred: Mapping[str, Sequence[str]]
) -> dict[str, str]:
    """Returns by its id the case that a message from a linked handle is about: it answers a letter about it
    (`referred`), says its number, or is the next word after an answer that went there.

    Among these messages are few of citizens who have linked anything; of all others a look-up says so.
    """
    if connection.execute(select(contacts.c.key).limit(1)).first() is None:
        return {}
    keys = {message.id: key for message in batch if (key := _proven(means, message))}
    persons = {row.key: row.person for row in means.database.each(connection, _KNOWN, sorted(set(keys.values())))}
    linked = {message.id: keys[message.id] for message in batch if keys.get(message.id) in persons}
    threads = _threads(means, connection, linked.values())
    found: dict[str, str] = {}
    for message in batch:
        if message.id in linked:
            key = linked[message.id]
            meant = (*referred.get(message.id, ()), *numbers_in(message), *threads.get(key, ()))
            about = (number for number in meant if _is_theirs(means, connection, number, persons[key]))
            found[message.id] = next(about, "")
    return {message: number for message, number in found.items() if number}


def numbers_in(message: Message) -> list[str]:
    """Returns the numbers of cases that a message names."""
    found = []
    for written in _NUMBER.findall(message.whole)[:_MOST_NUMBERS]:
        try:
            found.append(parse_number(written))
        except Rejected:
            continue
    return found


def cases_in_threads(means: Means, connection: Connection, threads: Collection[int]) -> dict[int, str]:
    """Returns the number of the case that a conversation was last about, where that is not too long ago."""
    if not threads:
        return {}
    since = means.clock() - timedelta(days=means.options.conversation_days)
    rows = means.database.each(connection, _THREADS, sorted(threads), to_stored(since))
    return {row.conversation: row.number for row in rows}


def thread_of_contact(key: str) -> tuple[str, str, str, str]:
    """Returns what stands for the conversation with a contact, wherever the city's own address changes."""
    return "", "", key, "contact"


def _proven(means: Means, message: Message) -> str:
    """Returns the contact that this message surely comes from, as far as its channel can know, "" when it cannot: an
    address that was typed into a form, or that another system passes on, may be anybody's."""
    is_account = message.author.assurance is Assurance.CHANNEL_VERIFIED and not is_address(known_by(message.reply_to))
    is_sure = is_account or message.channel in means.options.addressed
    return key_of_author(means.seal, message) if is_sure else ""


def _threads(means: Means, connection: Connection, keys: Iterable[str]) -> dict[str, list[str]]:
    names = {thread_key(*thread_of_contact(key)): key for key in keys}
    return {names[thread]: [number] for thread, number in cases_in_threads(means, connection, names).items()}


def _is_theirs(means: Means, connection: Connection, number: str, person: str) -> bool:
    row = connection.execute(select(cases).where(cases.c.number == number)).mappings().one_or_none()
    if row is None or row["forgotten_at"] is not None:
        return False
    return person_of(connection, own_of(means, connection, case_of(row)).key) == person


def _contact(means: Means, row: Any) -> Contact:
    return Contact(
        key=row.key,
        channel=row.channel,
        account=row.account,
        to=means.seal.open(row.sealed).decode(),
        is_own=not row.consent,
        given_by=row.given_by,
        number=row.number,
        consented_at=row.consented_at,
    )
