"""What is done at night: words that were kept long enough are forgotten, old threads go, totals are counted anew."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, bindparam, delete, text, update

from cases import pieces, tallies
from cases.contact_codes import let_codes_go
from cases.contacts import forget_contacts
from cases.database import anew
from cases.ledger import Ledger, read_sealed, wordless
from cases.means import Means
from cases.model import OPEN
from cases.schema import CASELESS, KEPT, cases, events, messages, outbox, threads, to_stored
from core import telemetry
from core.errors import Rejected
from core.wire import Routed, encode

_MOST = 200
_OPEN = ", ".join(f"'{state}'" for state in OPEN)
# In the order of an index of what is still to be forgotten: however many were, the oldest others are read.
_FINISHED = f"""SELECT number FROM cases WHERE {KEPT} AND received_at < {{place}} AND state NOT IN ({_OPEN})
AND coalesce(closed_at, answered_at, received_at) < {{place}} AND NOT EXISTS (SELECT 1 FROM outbox
WHERE outbox.number = cases.number AND outbox.state IN ('queued', 'sending'))
ORDER BY received_at, number LIMIT {{place}}"""
_CASELESS = f"""SELECT id, sealed FROM messages WHERE {CASELESS} AND received_at < {{place}}
ORDER BY received_at, id LIMIT {{place}}"""
_SAID = "SELECT id, sealed FROM messages WHERE number {wanted} AND NOT forgotten"
# Their reasons are rules' names and phrases of ours. Any other may be an officer's words or quote an address.
_NO_REASON = """CASE WHEN what IN ('received', 'follow-up', 'routed', 'escalated', 'to a person', 'answer dropped',
'duty not told') THEN why ELSE '' END"""
_NOBODY = {"author": "", "conversation": "", "native_id": ""}
_NO_CASE = {**_NOBODY, "author_name": "", "reply_to": "", "released": False, "sameness": None}
# A row is unique by its recipient: its own id is nobody's address. What nobody decided in all the time is settled.
_NO_LETTER = {
    "sealed": b"",
    "recipient": outbox.c.id,
    "in_reply_to": "",
    "thread": "[]",
    "error": "",
    "provider_id": None,
    "guarded": False,
    "state": text("CASE WHEN state IN ('sent', 'dropped') THEN state ELSE 'settled' END"),
}


class Tidy:
    """May run in several processes at once, and be killed at any moment: each call is a transaction of its own."""

    def __init__(self, means: Means) -> None:
        self._means = means
        self._database = means.database

    @anew
    def forget(self, before: datetime, most: int = _MOST) -> int:
        """Takes words, names and addresses out of cases that ended before then, and out of messages without a case.

        The record stays: that a message came, what was decided, what was done and when. So does its identity: it is
        recognised for ever. Returns how many were forgotten, at most `most` of both kinds; call it until it is 0.
        Where nothing of what is due opens with the key, the key is wrong: nothing is forgotten.
        """
        until = to_stored(before)
        with self._database.write() as connection:
            free = self._database.locked(skip=True)
            ended = self._database.rows(connection, _FINISHED + free, until, until, most)
            alone = self._database.rows(connection, _CASELESS + free, until, most)
            numbers = [row.number for row in ended]
            due = [*alone, *self._database.each(connection, _SAID, numbers)]
            said = {row.id: self._said(row.sealed) for row in due}
            if due and not any(said.values()):
                telemetry.warned("nothing is forgotten: sealed with another key, or damaged", messages=len(due))
                return 0
            self._empty(connection, said)
            if numbers:
                self._forgotten(connection, numbers)
        return len(ended) + len(alone)

    @anew
    def let_threads_go(self) -> int:
        """Deletes what no later word can join any more, and old codes; returns how many conversations that were."""
        ended = self._means.clock() - timedelta(days=self._means.options.conversation_days)
        with self._database.write() as connection:
            let_codes_go(connection, self._means.machine())
            return connection.execute(delete(threads).where(threads.c.at < ended)).rowcount

    def recount(self) -> None:
        """Counts anew how many cases are in each state."""
        tallies.recount(self._database)

    def _forgotten(self, connection: Connection, numbers: list[str]) -> None:
        ledger: Ledger = self._means.ledger(connection)
        now = self._means.machine()
        _change(connection, cases, numbers, **_NO_CASE, forgotten_at=now)
        _change(connection, events, numbers, sealed=None, why=text(_NO_REASON))
        _change(connection, outbox, numbers, **_NO_LETTER)
        connection.execute(delete(threads).where(threads.c.number.in_(numbers)))
        forget_contacts(connection, numbers)
        for number in numbers:
            ledger.event(number, "forgotten")
        ledger.flush()

    def _empty(self, connection: Connection, said: Mapping[str, Routed | None]) -> None:
        changed = [{"row": row, "words": self._without_words(item)} for row, item in said.items()]
        pieces.let_go(connection, said)
        if changed:
            values: dict[str, Any] = {**_NOBODY, "reference": None, "forgotten": True, "sealed": bindparam("words")}
            connection.execute(update(messages).where(messages.c.id == bindparam("row")).values(**values), changed)

    def _said(self, sealed: bytes) -> Routed | None:
        try:
            return read_sealed(self._means.seal, sealed)
        except Rejected:
            return None

    def _without_words(self, item: Routed | None) -> bytes:
        # Of one that does not open among others that do, whoever has its key is to find nothing either.
        return b"" if item is None else self._means.seal.seal(encode(wordless(item)))


def _change(connection: Connection, table: Any, numbers: list[str], **values: Any) -> None:
    connection.execute(update(table).where(table.c.number.in_(numbers)).values(**values))
