"""The log's reading side, on a connection of its own: reading never holds up writing."""

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from streams._file import connect, patiently
from streams._records import BATCH_BYTES, unblock
from streams.base import Parked, Record

T = TypeVar("T")

_BLOCKS = "SELECT last, count, records FROM log_{} WHERE last > ? ORDER BY last"
_PARKED = "SELECT id, topic, reader, key, reason, at, body FROM parked WHERE id < ? ORDER BY id DESC LIMIT ?"
# SQLite's largest number.
_LAST = 2**63 - 1


class Reading:
    """For one thread. Raises `sqlite3.Error`; the file is opened again by the next question."""

    def __init__(self, path: Path, numbers: Mapping[str, int], *, busy_seconds: float) -> None:
        self._path = path
        self._numbers = numbers
        self._busy_seconds = busy_seconds
        self._db: sqlite3.Connection | None = None

    def records(self, topic: str, after: int, most: int) -> list[Record]:
        """Returns records that follow the offset `after`; more than `most` when they were written together."""
        return self._ask(lambda db: self._records(db, topic, after, most))

    def place(self, topic: str, group: str) -> int:
        """Returns the offset that the group committed last, 0 for none."""
        question = "SELECT max(at) FROM place WHERE topic = ? AND reader = ?"
        return self._ask(lambda db: db.execute(question, (self._numbers[topic], group)).fetchone()[0] or 0)

    def last(self, topic: str) -> int:
        """Returns the offset of the newest record, 0 for none."""
        question = f"SELECT max(last) FROM log_{self._numbers[topic]}"
        return self._ask(lambda db: db.execute(question).fetchone()[0] or 0)

    def lags(self, groups: Mapping[str, Sequence[str]]) -> dict[str, int]:
        """Returns for each group how many records it has before it."""
        return {
            # The place first: a record that comes in between makes the lag too large, never negative.
            group: -self.place(topic, group) + self.last(topic)
            for topic, readers in groups.items()
            for group in readers
        }

    def parked_count(self) -> int:
        """Returns how many are parked, whatever they hold."""
        return int(self._ask(lambda db: db.execute("SELECT count(*) FROM parked").fetchone()[0]))

    def parked(self, most: int, before: int | None = None) -> list[Parked]:
        """Returns the newest parked records, or the newest of those with lower ids than `before`."""
        given = (_LAST if before is None else before, most)
        return [
            Parked(
                id=i,
                topic=topic,
                group=group,
                key=key,
                reason=why,
                parked_at=datetime.fromtimestamp(at, UTC),
                body=body,
            )
            for i, topic, group, key, why, at, body in self._ask(lambda db: db.execute(_PARKED, given).fetchall())
        ]

    def close(self) -> None:
        db, self._db = self._db, None
        if db is not None:
            db.close()

    def _ask(self, question: Callable[[sqlite3.Connection], T]) -> T:
        try:
            self._db = self._db or connect(self._path)
            db = self._db
            return patiently(lambda: question(db), self._busy_seconds)
        except sqlite3.Error:
            self.close()
            raise

    def _records(self, db: sqlite3.Connection, topic: str, after: int, most: int) -> list[Record]:
        found: list[Record] = []
        size = 0
        for last, count, packed in db.execute(_BLOCKS.format(self._numbers[topic]), (after,)):
            found += unblock(topic, last, count, packed)
            size += len(packed)
            if len(found) >= most or size > BATCH_BYTES:
                break
        start = next((i for i, record in enumerate(found) if record.offset > after), len(found))
        return found[start:]
