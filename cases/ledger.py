"""Everything that one transaction adds to the case store, gathered first and written at its end."""

from collections import Counter
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Connection, func, select, update

from cases import pieces, tallies
from cases.database import Database
from cases.model import Case
from cases.schema import cases, events, fetches, messages, outbox, threads, to_stored
from core.decision import Context
from core.message import Message, identity_of
from core.wire import Routed, Seal, decode, encode

CITIZEN, SYSTEM = "citizen", "system"
# What is longer is no id that anybody names again, and more than an index of PostgreSQL holds.
_LONGEST_REFERENCE = 600
_json = msgspec.json.Encoder().encode
# Kept for this transaction: who is forgetting a case is waited for, and leaves this one's rows for another time.
_ENTERED = "SELECT number, forgotten_at FROM cases WHERE number {wanted} ORDER BY number"
_KEPT_AGAIN = "UPDATE cases SET forgotten_at = NULL WHERE number {wanted}"


class Ledger:
    """Gathers rows. `now` is the one time of the transaction; what is written first is what the others refer to."""

    def __init__(
        self,
        database: Database,
        connection: Connection,
        seal: Seal,
        now: datetime,
        named: frozenset[str],
        *,
        most_files: int = 20,
    ) -> None:
        self.connection = connection
        self.now = now
        self._database = database
        self._seal = seal
        self._named = named
        self._most_files = most_files
        self._stored_now = to_stored(now)
        self._messages: list[dict[str, Any]] = []
        self._fetches: list[dict[str, Any]] = []
        self._cases: list[dict[str, Any]] = []
        self._events: list[dict[str, Any]] = []
        self._outbox: list[dict[str, Any]] = []
        self._threads: dict[int, dict[str, Any]] = {}
        self._states: Counter[str] = Counter()
        self._entered: set[str] = set()

    def message(self, item: Routed, number: str | None, *, reason: str = "", identity: bytes = b"") -> None:
        message = item.message
        if number:
            self._entered.add(number)
        self._fetches += pieces.rows_of(message, number, self._seal, self._most_files)
        self._messages.append(
            {
                "id": message.id,
                "identity": identity or message.identity,
                "number": number,
                "channel": message.channel,
                "account": message.account,
                "author": message.author.handle,
                "conversation": message.conversation,
                "native_id": message.native_id,
                "reference": self._reference(message),
                "action": item.decision.action,
                "reason": reason or item.decision.reason,
                "received_at": to_stored(message.received_at),
                "sealed": self._seal.seal(encode(_for_ever(item))),
            }
        )

    def _reference(self, message: Message) -> str | None:
        is_named = message.channel in self._named and len(message.native_id) <= _LONGEST_REFERENCE
        return message.native_id if is_named else None

    def case(self, row: dict[str, Any]) -> None:
        self._cases.append(row)
        self._states[row["state"]] += 1

    def moved(self, before: str, after: str) -> None:
        """Notes that a case, kept for this transaction, went from one state to another."""
        self._states[before] -= 1
        self._states[after] += 1

    def event(
        self,
        number: str,
        what: str,
        *,
        who: str = SYSTEM,
        why: str = "",
        cause: str = "",
        words: str = "",
        **detail: Any,
    ) -> None:
        """Adds a line to the history; `detail` never holds what a citizen wrote, `words` are sealed."""
        written = _json(detail).decode() if detail else ""
        sealed = self._seal.seal(words.encode()) if words else None
        self.line(number, what, who=who, why=why, cause=cause, detail=written, sealed=sealed)

    def line(
        self, number: str, what: str, *, who: str, why: str, cause: str, detail: str, sealed: bytes | None = None
    ) -> None:
        """Adds a line to the history whose detail is JSON already."""
        if why or sealed:
            self._entered.add(number)
        self._events.append(
            {
                "number": number,
                "at": self._stored_now,
                "who": who,
                "what": what,
                "why": why,
                "cause": cause,
                "detail": detail,
                "sealed": sealed,
            }
        )

    def last_word(self, case: Case) -> datetime:
        """Returns when the citizen wrote last about a case."""
        newest = select(func.max(messages.c.received_at)).where(messages.c.number == case.number)
        return self.connection.execute(newest).scalar() or case.received_at

    def mail(self, row: dict[str, Any]) -> None:
        self._outbox.append(row)

    def thread(self, channel: str, account: str, conversation: str, author: str, number: str) -> None:
        """Lets the next word of this author in this conversation find the case."""
        if conversation and author:
            key = thread_key(channel, account, conversation, author)
            self._threads[key] = {"conversation": key, "number": number, "at": self._stored_now}

    def thread_of(self, case: Case) -> None:
        self.thread(case.channel, case.account, case.conversation, case.author, case.number)

    def change(self, case: Case, **values: Any) -> Case:
        """Writes new values into a case, kept for this transaction, and returns it with them."""
        self.moved(case.state, values.get("state", case.state))
        if case.forgotten_at is not None:
            values["forgotten_at"] = None
        statement = update(cases).where(cases.c.number == case.number)
        self.connection.execute(statement.values(**values))
        return msgspec.structs.replace(case, **{k: v for k, v in values.items() if k in Case.__struct_fields__})

    def flush(self) -> None:
        self._keep_again()
        load = self._database.load
        load(self.connection, messages, self._messages)
        load(self.connection, fetches, self._fetches)
        load(self.connection, cases, self._cases)
        load(self.connection, events, self._events)
        load(self.connection, outbox, self._outbox)
        # In one order: two that write to the same conversations do not wait for each other crosswise.
        changed = [self._threads[key] for key in sorted(self._threads)]
        load(self.connection, threads, changed, replace="conversation")
        tallies.add(self._database, self.connection, self._states)

    def _keep_again(self) -> None:
        """Lets a forgotten case that somebody's words come to be forgotten once more, with them."""
        known = sorted(self._entered - {row["number"] for row in self._cases})
        found = self._database.each(self.connection, _ENTERED + self._database.locked(), known)
        forgotten = [row.number for row in found if row.forgotten_at is not None]
        self._database.each(self.connection, _KEPT_AGAIN, forgotten)


def _for_ever(item: Routed) -> Routed:
    """Returns what is kept: the raw payload lies in the archive, and ends there sooner."""
    return msgspec.structs.replace(item, raw=b"") if item.raw else item


def read_sealed(seal: Seal, sealed: bytes) -> Routed:
    """Returns a message with its decision; raises `Rejected` when it was sealed with another key."""
    return decode(seal.open(sealed), Routed)


def wordless(item: Routed) -> Routed:
    """Returns what was decided, and of the message when and how it came."""
    said, decided, context = item.message, item.decision, item.context
    message = Message(
        id=said.id,
        channel=said.channel,
        account=said.account,
        native_id="",
        received_at=said.received_at,
        version=said.version,
        language=said.language,
        public=said.public,
        replyable=said.replyable,
    )
    known = Context(reply_to_case=context.reply_to_case, same_case=context.same_case)
    # The reasons quote the words that they were found in.
    decision = msgspec.structs.replace(decided, because=())
    return Routed(message=message, decision=decision, context=known, decided_at=item.decided_at)


class _Kept(msgspec.Struct, frozen=True):
    """What was sealed, without the decision: reading that takes as long again."""

    message: Message


def read_message(seal: Seal, sealed: bytes) -> Message:
    """Returns a message; raises `Rejected` when it was sealed with another key."""
    return decode(seal.open(sealed), _Kept).message


def thread_key(channel: str, account: str, conversation: str, author: str) -> int:
    return whole(identity_of(channel, account, conversation, author.casefold()))


def whole(identity: bytes) -> int:
    """Returns eight bytes as a whole number: half the index, and enough where the author is compared as well."""
    return int.from_bytes(identity[:8], "big", signed=True)
