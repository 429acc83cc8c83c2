"""What staff corrected, as examples: the words of a case, and the matter that a person says it is."""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Connection, Row, select

from cases.ledger import read_sealed
from cases.means import Means
from cases.schema import cases, events
from core.errors import Rejected

TOPIC_CHANGED = "topic changed"
_TRANSFERRED = "transferred"
# The newest; what staff said years ago about other tables would only be in the way.
_MOST = 50_000


class Correction(NamedTuple):
    """What a citizen wrote and the topic it is about, as staff see it."""

    text: str
    topic: str


class Corrections:
    """Reads the case store; changes nothing. Used from threads."""

    def __init__(self, means: Means) -> None:
        self._means = means

    def all(self, owned: Mapping[str, str]) -> list[Correction]:
        """Returns a correction for each case whose topic was changed, or that was transferred, oldest first.

        `owned` names the one topic of a queue that has no other: whoever transfers a case there says what it is
        about. The last word counts. Cases whose words were forgotten are left out.
        """
        with self._means.database.read() as connection:
            topics = _topics(connection, owned)
            found = list(self._means.database.each(connection, _FIRST, topics)) if topics else []
        texts = dict(self._texts(found))
        return [Correction(texts[number], topic) for number, topic in topics.items() if texts.get(number)]

    def _texts(self, rows: list[Row[Any]]) -> Iterator[tuple[str, str]]:
        for row in rows:
            # What cannot be read any more teaches nothing.
            with suppress(Rejected):
                message = read_sealed(self._means.seal, bytes(row.sealed)).message
                yield row.number, message.whole.strip()


_FIRST = "SELECT c.number, m.sealed FROM cases c JOIN messages m ON m.id = c.message WHERE c.number {wanted}"


def _topics(connection: Connection, owned: Mapping[str, str]) -> dict[str, str]:
    """Returns the last topic that a person gave each case, the longest ago first."""
    noted = (events.c.what.in_((TOPIC_CHANGED, _TRANSFERRED)), cases.c.forgotten_at.is_(None))
    statement = select(events.c.number, events.c.what, events.c.detail).join(cases, cases.c.number == events.c.number)
    rows = connection.execute(statement.where(*noted).order_by(events.c.id.desc()).limit(_MOST)).all()
    topics: dict[str, str] = {}
    for row in reversed(rows):
        topic = _topic_of(row, owned)
        if topic:
            topics.pop(row.number, None)
            topics[row.number] = topic
    return topics


def _topic_of(row: Row[Any], owned: Mapping[str, str]) -> str:
    detail = msgspec.json.decode(row.detail or b"{}")
    if row.what == TOPIC_CHANGED:
        return str(detail["topic"][-1])
    queues = detail.get("queue")
    return owned.get(queues[-1], "") if isinstance(queues, list) else ""
