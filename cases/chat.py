"""Letters that a citizen is shown when they write: for a chat in which nobody can be written to first."""

from collections.abc import Sequence
from datetime import timedelta
from operator import attrgetter
from typing import Any, Literal

import msgspec
from sqlalchemy import Connection

from cases.database import anew
from cases.handles import key_of_author
from cases.means import Means
from cases.people import contacts_of, person_of
from cases.post import COLUMNS
from cases.schema import to_stored
from cases.sent import MAYBE, went_out
from core.errors import Rejected
from core.message import Message
from core.reply import Reply

# Older than that nobody asks for it in a chat any more; its page has it.
_DAYS = 30
# What waits for nothing but a way: never what waits for the next opening, and nothing that goes by another contact.
_WAITING = f"""SELECT {COLUMNS} FROM outbox WHERE state = 'failed' AND recipient = {{place}} AND channel = {{place}}
AND account = {{place}} AND created_at >= {{place}} AND error NOT LIKE {{place}} ORDER BY id LIMIT {{place}}"""
_NEW = f"""SELECT {COLUMNS} FROM outbox WHERE number = {{place}} AND recipient = {{place}} AND channel = {{place}}
AND state = 'queued' AND not_before <= {{place}} ORDER BY id LIMIT {{place}}"""
_UNDER_WAY = """SELECT state FROM outbox WHERE number = {place} AND recipient = {place} AND channel = {place}
AND state IN ('queued', 'sending') AND not_before <= {place}"""
_NUMBER = "SELECT number FROM messages WHERE identity = {place}"
_ANOTHER_WAY = "%sent by another way: %"
_SHOWING = "UPDATE outbox SET state = 'uncertain', error = {place} WHERE id = {place} AND state = {place}"
# Another attempt, untried: the log has had a ticket for the one before.
_BACK = """UPDATE outbox SET state = {place}, error = '', retry_at = {place}, attempts = attempts + 1, waits = waits + 1
WHERE id = {place} AND state = 'uncertain'"""
_WHY = "shown in the chat; the process ended before that was sure"
# What is known of the letters that follow from a message: it is not recorded yet; they are being tried; there are some;
# there are none.
Look = Literal["unknown", "under way", "there", "none"]


class Letter(msgspec.Struct, frozen=True):
    """One that is being shown; `before` is what its row was."""

    reply: Reply
    before: str


class Chat:
    """Between `take` and `shown` a letter is uncertain, as everything is that somebody is about to send: killed there,
    a person decides. Used from threads."""

    def __init__(self, means: Means) -> None:
        self._means = means
        self._database = means.database

    def look(self, message: Message) -> Look:
        """Returns whether what follows from this message can be taken."""
        now = to_stored(self._means.clock())
        with self._database.read() as connection:
            number = self._number(connection, message)
            if not number:
                return "unknown" if number is None else "none"
            rows = self._database.rows(connection, _UNDER_WAY, number, message.reply_to, message.channel, now)
        states = {row.state for row in rows}
        return "there" if "queued" in states else "under way" if states else "none"

    @anew
    def take(self, message: Message, most: int) -> list[Letter]:
        """Takes what waits for this citizen: what nobody could bring them before, then what follows from this message.
        The caller says for each whether it was `shown`, or puts it back."""
        now = to_stored(self._means.clock())
        with self._database.write() as connection:
            known = (message.reply_to, message.channel, message.account)
            since = to_stored(self._means.clock() - timedelta(days=_DAYS))
            free = self._database.locked(skip=True)
            rows = list(self._database.rows(connection, _WAITING + free, *known, since, _ANOTHER_WAY, most))
            if number := self._number(connection, message):
                rows += self._database.rows(connection, _NEW + free, number, *known[:2], now, most)
            letters = [letter for row in sorted(rows, key=attrgetter("id"))[:most] if (letter := self._letter(row))]
            taken = [(_WHY, letter.reply.id, letter.before) for letter in letters]
            self._database.many(connection, _SHOWING, taken)
            return letters

    @anew
    def shown(self, letters: Sequence[Letter]) -> None:
        """Writes down that the citizen has them."""
        with self._database.write() as connection:
            ledger = self._means.ledger(connection)
            went_out(self._means, ledger, {letter.reply.id: "" for letter in letters}, where=MAYBE)
            ledger.flush()

    @anew
    def put_back(self, letters: Sequence[Letter]) -> None:
        """The citizen has not seen them after all."""
        soon = to_stored(self._means.machine())
        rows = [(letter.before, soon if letter.before == "queued" else None, letter.reply.id) for letter in letters]
        with self._database.write() as connection:
            self._database.many(connection, _BACK, rows)

    def other_ways(self, message: Message) -> frozenset[str]:
        """Returns the channels of other contacts of this citizen, by their consent."""
        key = key_of_author(self._means.seal, message)
        if not key:
            return frozenset()
        with self._database.read() as connection:
            contacts = contacts_of(self._means, connection, person_of(connection, key))
        return frozenset(contact.channel for contact in contacts if contact.key != key)

    def _number(self, connection: Connection, message: Message) -> str | None:
        """Returns the case of a message, "" when it has none, None while it is not recorded."""
        rows = self._database.rows(connection, _NUMBER, message.identity)
        return (rows[0].number or "") if rows else None

    def _letter(self, row: Any) -> Letter | None:
        try:
            return Letter(self._means.post.reply(row, attempt=row.attempts), row.state)
        except Rejected:
            # Sealed with another key: nobody can say what it says.
            return None
