"""What belongs to a message that came before: another version of it, its removal, a piece of the same album."""

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import Connection, select, update

from cases import pieces
from cases.ledger import Ledger, read_sealed, thread_key, wordless
from cases.means import Means
from cases.schema import messages, threads
from core.errors import Rejected
from core.message import Message
from core.wire import Routed, encode

TAKEN_BACK = "taken back by its author"
# Channel, account, native id, author: who takes back or writes anew is who wrote.
_Key = tuple[str, str, str, str]
# Before what a provider calls an album, so that it is no conversation of the same name.
_GROUP = "group:"


class Original(NamedTuple):
    """A message that was recorded, and the case that it belongs to ("" for none)."""

    id: str
    number: str
    is_removal: bool = False


class Kin(NamedTuple):
    """Ids of messages: those that join the case of an earlier one, and those that were taken back before they came,
    for providers do not keep the order."""

    joining: set[str]
    gone: set[str]


class Versions:
    """The earlier messages of one transaction; what it adds itself is told by `remember`."""

    def __init__(self, means: Means, connection: Connection, items: Sequence[Routed]) -> None:
        self._means = means
        self._connection = connection
        edited = means.options.edited
        self._known: dict[_Key, list[Original]] = {}
        # Providers do not keep the order: any of these may be another version of what came before.
        self._load({_key(item.message) for item in items if item.message.channel in edited})
        self._groups = self._grouped({key for item in items if (key := group_key(item.message)) is not None})

    def kin(self, items: Sequence[Routed]) -> Kin:
        """Returns which of these open no case of their own. Looked at in order, before anything is recorded.

        What is said to be an emergency or a secret only now is a matter of its own.
        """
        has_case = {key: any(one.number for one in known) for key, known in self._known.items()}
        removed = {key for key, known in self._known.items() if any(one.is_removal for one in known)}
        groups, joining, gone = set(self._groups), set[str](), set[str]()
        for item in items:
            message, key, group = item.message, _key(item.message), group_key(item.message)
            is_alone = item.decision.urgent or item.decision.confidential
            if message.change == "removal":
                removed.add(key)
            elif key in removed:
                gone.add(message.id)
            elif (has_case.get(key) or group in groups) and not is_alone:
                joining.add(message.id)
            elif item.decision.action != "ignore":
                has_case[key] = message.channel in self._means.options.edited
                groups |= set() if group is None else {group}
        return Kin(joining, gone)

    @property
    def numbers(self) -> set[str]:
        """Returns the cases that something of this transaction may join."""
        return {one.number for known in self._known.values() for one in known} | set(self._groups.values())

    def original_of(self, message: Message) -> Original | None:
        """Returns another version of this message; one that has a case before others."""
        return max(self.all_of(message), key=lambda one: bool(one.number), default=None)

    def all_of(self, message: Message) -> list[Original]:
        """Returns every version of this message that was recorded."""
        return [one for one in self._known.get(_key(message), ()) if not one.is_removal]

    def case_of_group(self, message: Message) -> str:
        """Returns the case of the pieces that came before, "" when this is the first."""
        key = group_key(message)
        return self._groups.get(key, "") if key is not None else ""

    def remember(self, message: Message, number: str) -> None:
        if message.channel in self._means.options.edited:
            self._known.setdefault(_key(message), []).append(_original(message, number))
        if number and (key := group_key(message)) is not None:
            self._groups.setdefault(key, number)

    def text_of(self, original: Original, batch: Sequence[Routed]) -> str:
        """Returns what it said; "" when nobody can read it any more."""
        for item in batch:
            if item.message.id == original.id:
                return item.message.text
        sealed = self._connection.execute(select(messages.c.sealed).where(messages.c.id == original.id)).scalar()
        try:
            return read_sealed(self._means.seal, sealed).message.text if sealed else ""
        except Rejected:
            return ""

    def _load(self, wanted: set[_Key]) -> None:
        natives = sorted({native for _, _, native, _ in wanted})
        if not natives:
            return
        columns = (messages.c.id, messages.c.number, messages.c.reason)
        named = (messages.c.channel, messages.c.account, messages.c.native_id, messages.c.author)
        statement = select(*columns, *named).where(messages.c.reference.in_(natives)).order_by(messages.c.id)
        for row in self._connection.execute(statement):
            key = (row.channel, row.account, row.native_id, row.author)
            self._known.setdefault(key, []).append(Original(row.id, row.number or "", row.reason == TAKEN_BACK))

    def _grouped(self, wanted: set[int]) -> dict[int, str]:
        if not wanted:
            return {}
        statement = select(threads.c.conversation, threads.c.number).where(threads.c.conversation.in_(wanted))
        return {row.conversation: row.number for row in self._connection.execute(statement)}


def empty(means: Means, connection: Connection, original: Original) -> None:
    """Takes the words of a message that its author took back out of the store; that it came stays."""
    sealed = connection.execute(select(messages.c.sealed).where(messages.c.id == original.id)).scalar()
    if not sealed:
        return
    try:
        item = wordless(read_sealed(means.seal, sealed))
    except Rejected:
        return
    values = {"sealed": means.seal.seal(encode(item)), "forgotten": True}
    connection.execute(update(messages).where(messages.c.id == original.id).values(**values))
    pieces.let_go(connection, [original.id])


def thread_group(ledger: Ledger, message: Message, number: str) -> None:
    """Lets the next piece of the same album find the case."""
    if message.group:
        ledger.thread(message.channel, message.account, _GROUP + message.group, message.author.handle, number)


def group_key(message: Message) -> int | None:
    if not message.group or not message.author.handle:
        return None
    return thread_key(message.channel, message.account, _GROUP + message.group, message.author.handle)


def _key(message: Message) -> _Key:
    return message.channel, message.account, message.native_id, message.author.handle


def _original(message: Message, number: str) -> Original:
    return Original(message.id, number, message.change == "removal")
