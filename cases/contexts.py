"""What the store knows about messages before they are decided: a reply to a case? the same again?"""

from collections.abc import Collection, Iterator, Sequence
from itertools import chain
from typing import Any

import msgspec
from sqlalchemy import Connection, select

from cases.ledger import read_message, thread_key
from cases.means import Means
from cases.people import cases_in_threads, cases_of_linked
from cases.recurring import Recurring
from cases.replies import is_within, rows_named
from cases.schema import cases, messages
from cases.versions import TAKEN_BACK
from core.decision import Context
from core.errors import Rejected
from core.message import Message

# By a message's id: the numbers of cases that it may be about.
_Referred = dict[str, list[str]]
_NOTHING = Context()
_MOST_REFERENCES = 20
_COLUMNS = (
    cases.c.number,
    cases.c.state,
    cases.c.queue,
    cases.c.channel,
    cases.c.author,
    cases.c.reply_to,
    cases.c.awaits_place,
    cases.c.answered_by,
    cases.c.rating,
    cases.c.language,
)


def contexts(means: Means, batch: Sequence[Message]) -> list[Context]:
    """Returns for each message, in order, what is known; a handful of indexed look-ups for the whole batch."""
    with means.database.read() as connection:
        return _Lookup(means, connection, batch).contexts()


class _Lookup:
    """The look-ups of one batch."""

    def __init__(self, means: Means, connection: Connection, batch: Sequence[Message]) -> None:
        self._means = means
        self._connection = connection
        self._batch = batch
        self._threads = {m.id: self._thread_of(m) for m in batch}
        self._recurring = Recurring(means, connection, batch)
        # Those that the messages name, by number; `contexts` looks them up.
        self._cases: dict[str, Any] = {}

    def contexts(self) -> list[Context]:
        referred = self._referred()
        by_thread = self._by_thread()
        numbers = {*chain.from_iterable(referred.values()), *by_thread.values()}
        self._cases = {row.number: row for row in self._rows(numbers)}
        theirs = [self._case_of(m, referred, by_thread) for m in self._batch]
        self._look_for_linked(theirs, referred)
        found = [self._context(m, case) for m, case in zip(self._batch, theirs, strict=True)]
        texts = self._texts({c.reply_to_case for c in found if c.awaits_place or c.answered_by_faq})
        originals = self._originals()
        return [
            _known_as(_with_text(context, texts), originals.get(message.id, ""))
            for context, message in zip(found, self._batch, strict=True)
        ]

    def _case_of(self, message: Message, referred: _Referred, by_thread: dict[int, str]) -> Any | None:
        thread = self._threads[message.id]
        case = next((c for n in referred.get(message.id, ()) if (c := self._own(n, message))), None)
        return case if case is not None or thread is None else self._own(by_thread.get(thread, ""), message)

    def _look_for_linked(self, theirs: list[Any | None], referred: _Referred) -> None:
        """Puts in, where no case was found, the case of the same citizen who writes from another handle of theirs."""
        alone = {m.id: place for place, m in enumerate(self._batch) if theirs[place] is None}
        messages_ = [self._batch[place] for place in alone.values()]
        linked = cases_of_linked(self._means, self._connection, messages_, referred)
        rows = {row.number: row for row in self._rows(set(linked.values()))}
        for message, number in linked.items():
            theirs[alone[message]] = rows.get(number)

    def _context(self, message: Message, case: Any | None) -> Context:
        same = self._recurring.case_of(message)
        if case is None:
            language = self._recurring.language_of(message)
            return Context(same_case=same, language=language) if same or language else _NOTHING
        return Context(
            reply_to_case=case.number,
            awaits_place=case.awaits_place,
            # Also while the answer still waits for the next opening.
            answered_by_faq=case.answered_by == "faq" or not case.queue,
            rating_asked=case.answered_by == "officer" and case.rating is None,
            same_case=same,
            language=case.language,
        )

    def _own(self, number: str, message: Message) -> Any | None:
        """Returns the case when this author is a participant of it: a reference alone proves nothing."""
        case = self._cases.get(number)
        handle = message.author.handle.casefold()
        if case is None or not handle or case.channel != message.channel:
            return None
        return case if handle in (case.author.casefold(), case.reply_to.casefold()) else None

    def _thread_of(self, message: Message) -> int | None:
        if not message.conversation or not message.author.handle or message.channel in self._means.options.threaded:
            return None
        return thread_key(message.channel, message.account, message.conversation, message.author.handle)

    def _referred(self) -> _Referred:
        """Returns for each message the cases whose letters or messages it names, the nearest reference first."""
        named = {m.id: references for m in self._batch if (references := list(_references(m)))}
        if not named:
            return {}
        wanted = set(chain.from_iterable(named.values()))
        known = rows_named(self._connection, wanted)
        for row in self._messages_with(wanted):
            known.setdefault(row.reference, []).append(row)
        mail = self._means.options.threaded
        return {
            m.id: [row.number for name in named[m.id] for row in known.get(name, ()) if is_within(row, m, mail)]
            for m in self._batch
            if m.id in named
        }

    def _messages_with(self, native_ids: Collection[str]) -> Sequence[Any]:
        columns = (messages.c.reference, messages.c.number, messages.c.channel, messages.c.account)
        statement = select(*columns).where(messages.c.reference.in_(native_ids), messages.c.number.is_not(None))
        return self._connection.execute(statement).all()

    def _by_thread(self) -> dict[int, str]:
        wanted = {thread for thread in self._threads.values() if thread is not None}
        return cases_in_threads(self._means, self._connection, wanted)

    def _rows(self, numbers: Collection[str]) -> Sequence[Any]:
        wanted = select(*_COLUMNS).where(cases.c.number.in_(numbers))
        return self._connection.execute(wanted).all() if numbers else ()

    def _originals(self) -> dict[str, str]:
        """Returns for each removal the id of the message that it takes back."""
        removals = [message for message in self._batch if message.change == "removal"]
        if not removals:
            return {}
        columns = (messages.c.id, messages.c.channel, messages.c.account, messages.c.native_id, messages.c.author)
        named = messages.c.reference.in_({message.native_id for message in removals})
        statement = select(*columns).where(named, messages.c.reason != TAKEN_BACK).order_by(messages.c.id)
        known = {tuple(row[1:]): row.id for row in self._connection.execute(statement)}
        keys = {m.id: (m.channel, m.account, m.native_id, m.author.handle) for m in removals}
        return {message: known[key] for message, key in keys.items() if key in known}

    def _texts(self, numbers: Collection[str]) -> dict[str, str]:
        """Returns what citizens said in these cases so far."""
        said: dict[str, list[str]] = {}
        if numbers:
            statement = select(messages.c.number, messages.c.sealed).where(messages.c.number.in_(numbers))
            for row in self._connection.execute(statement.order_by(messages.c.id)):
                said.setdefault(row.number, []).append(self._text(row.sealed))
        return {number: "\n".join(texts) for number, texts in said.items()}

    def _text(self, sealed: bytes) -> str:
        try:
            return read_message(self._means.seal, sealed).text
        except Rejected:
            # What cannot be read any more is no reason to refuse the citizen's reply.
            return ""


def _references(message: Message) -> Iterator[str]:
    """Returns what this message says it answers, the nearest first."""
    said = (message.in_reply_to, *reversed(message.references[-_MOST_REFERENCES:]))
    # Nothing else is an id of anybody, and not every database may be asked for it.
    return (reference for reference in said if reference and reference.isprintable())


def _known_as(context: Context, original: str) -> Context:
    return msgspec.structs.replace(context, original=original) if original else context


def _with_text(context: Context, texts: dict[str, str]) -> Context:
    text = texts.get(context.reply_to_case)
    if not text:
        return context
    return msgspec.structs.replace(context, case_text=text)
