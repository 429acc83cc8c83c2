"""The log's writing side: one transaction for whatever waits, and tidying in small bites."""

import os
import sqlite3
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from hashlib import blake2b
from pathlib import Path
from typing import TypeVar

import msgspec

from core.errors import Rejected
from streams._file import open_log, patiently
from streams._identities import KEY_BYTES, Identities
from streams._records import Done, News, Reader, Write, blocks
from streams.base import Entry, Record

T = TypeVar("T")

_PROBE_BYTES = 262_144
_BITE_SECONDS = 0.004
_BITE_ROWS = 8

_PLACE = "INSERT INTO place VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET at = excluded.at"
_PARK = "INSERT INTO parked (topic, reader, key, reason, at, body) VALUES (?, ?, ?, ?, ?, ?)"
# The newest block stays, so that offsets are never used twice.
_DROP = (
    "DELETE FROM log_{0} WHERE last <= (SELECT max(last) FROM"
    f" (SELECT last FROM log_{{0}} WHERE last <= ? AND last < ? ORDER BY last LIMIT {_BITE_ROWS}))"
)


class _Turn(msgspec.Struct, kw_only=True, eq=False):
    """What one transaction has gathered so far."""

    known: set[bytes]
    new_keys: list[bytes]
    added: dict[str, list[Record]]


class Log:
    """For one thread. Raises `sqlite3.Error` and `OSError`; what it keeps in memory is then read anew.

    A row of `log_<number of the topic>` is a block of records written together, named by its last offset. Offsets
    have no gaps.
    """

    def __init__(
        self,
        path: Path,
        groups: Mapping[str, Sequence[str]],
        *,
        identities: Identities,
        busy_seconds: float,
        unix_time: Callable[[], float],
    ) -> None:
        self.path = path
        self.numbers: dict[str, int] = {}
        self._groups = groups
        self._identities = identities
        self._busy_seconds = busy_seconds
        self._unix_time = unix_time
        self._db: sqlite3.Connection | None = None
        self._inode = 0
        self._version = 0
        self._lasts: dict[str, int] = {}
        self._places: dict[Reader, int] = {}
        self._dropped: dict[str, int] = {}

    def look(self) -> News:
        """Opens the file when it is not open, and reads how it stands when others have written."""
        self._reliably(self._catch_up)
        return self._news()

    def apply(self, writes: Sequence[Write]) -> News:
        """Makes all the writes durable, or none."""
        turn = _Turn(known=set(), new_keys=[], added={})
        done = self._in_transaction(lambda db: self._apply_all(db, writes, turn))
        return self._news(done, turn.added)

    def tidy(self) -> bool:
        """Drops some of what every group has read, and some old identities; returns whether more is to be done."""
        floors = {topic: self._floor(topic) for topic, readers in self._groups.items() if readers}
        floors = {topic: floor for topic, floor in floors.items() if floor > self._dropped.get(topic, 0)}
        if not floors and not self._identities.is_untidy:
            return False
        self._in_transaction(lambda db: self._bite(db, floors))
        return self._identities.is_untidy or any(self._dropped.get(t, 0) < floor for t, floor in floors.items())

    def probe(self) -> None:
        """Succeeds when the disk takes something again and the file can be written to; leaves nothing behind."""
        path = self.path.with_name(f"{self.path.name}.probe")
        try:
            with path.open("wb", buffering=0) as file:
                file.write(bytes(_PROBE_BYTES))
                os.fsync(file.fileno())
        finally:
            path.unlink(missing_ok=True)
        self._in_transaction(lambda _: None)

    def close(self) -> None:
        """Lets go of the file; it is opened again when it is needed."""
        db, self._db = self._db, None
        if db is not None:
            with suppress(sqlite3.Error):
                db.close()

    def _in_transaction(self, work: Callable[[sqlite3.Connection], T]) -> T:
        def transact(db: sqlite3.Connection) -> T:
            patiently(lambda: db.execute("BEGIN IMMEDIATE"), self._busy_seconds)
            self._catch_up(db)
            result = work(db)
            db.execute("COMMIT")
            return result

        return self._reliably(transact)

    def _reliably(self, work: Callable[[sqlite3.Connection], T]) -> T:
        is_done = False
        try:
            result = work(self._connection())
            is_done = True
            return result
        finally:
            # After any failure both the engine's memory and ours are read anew from the file.
            if not is_done:
                self.close()

    def _connection(self) -> sqlite3.Connection:
        # What is written to a file that lost its name is lost with the process.
        if self._inode and self.path.stat().st_ino != self._inode:
            raise OSError("the file was replaced while it was open; put it back, or start anew")
        if self._db is None:
            self._db, self.numbers = open_log(self.path, list(self._groups), busy_seconds=self._busy_seconds)
            self._inode = self.path.stat().st_ino
            self._version = 0
        return self._db

    def _catch_up(self, db: sqlite3.Connection) -> None:
        (version,) = db.execute("PRAGMA data_version").fetchone()
        if version == self._version:
            return
        for topic in self._groups:
            (last,) = db.execute(f"SELECT max(last) FROM log_{self.numbers[topic]}").fetchone()
            self._lasts[topic] = last or 0
        names = {number: name for name, number in self.numbers.items()}
        rows = db.execute("SELECT topic, reader, at FROM place").fetchall()
        self._places = {(names[topic], reader): at for topic, reader, at in rows}
        if self._version:
            self._identities.catch_up(db)
        else:
            self._identities.reload(db)
        self._version = version

    def _apply_all(self, db: sqlite3.Connection, writes: Sequence[Write], turn: _Turn) -> list[Done | Rejected]:
        keys = [key for write in writes for entry in write.entries if (key := self._key(entry))]
        turn.known = self._identities.known(db, keys)
        done = [self._apply_one(db, write, turn) for write in writes]
        self._identities.add(db, turn.new_keys)
        for topic, records in turn.added.items():
            rows = f"INSERT INTO log_{self.numbers[topic]} VALUES (?, ?, ?)"
            for block in blocks(records):
                db.execute(rows, block)
        return done

    def _bite(self, db: sqlite3.Connection, floors: Mapping[str, int]) -> None:
        self._identities.tidy(db, self._unix_time())
        deadline = time.monotonic() + _BITE_SECONDS
        for topic, floor in floors.items():
            self._drop(db, topic, floor, deadline)

    def _apply_one(self, db: sqlite3.Connection, write: Write, turn: _Turn) -> Done | Rejected:
        if write.reader and self._places.get(write.reader, 0) >= write.place:
            return Done()
        taken_back = self._take_back(db, write.retry) if write.retry else []
        if unknown := {entry.topic for entry in taken_back} - self._lasts.keys():
            return Rejected(f"nobody reads the topic {', '.join(sorted(unknown))} any more; it stays parked")
        if taken_back:
            db.executemany("DELETE FROM parked WHERE id = ?", [(number,) for number in write.retry])
            self._publish(taken_back, turn)
        is_new = self._publish(write.entries, turn)
        parked = [self._park(db, *item) for item in write.park]
        if write.reader:
            self._places[write.reader] = write.place
            topic, group = write.reader
            db.execute(_PLACE, (self.numbers[topic], group, write.place))
        return Done(is_new=is_new, parked=parked, retried=len(taken_back))

    def _publish(self, entries: Sequence[Entry], turn: _Turn) -> list[bool]:
        is_new = []
        for entry in entries:
            key = self._key(entry)
            is_new.append(key not in turn.known)
            if not is_new[-1]:
                continue
            if key:
                turn.known.add(key)
                turn.new_keys.append(key)
            topic = entry.topic
            offset = self._lasts[topic] = self._lasts[topic] + 1
            record = Record(topic=topic, offset=offset, key=entry.key, body=entry.body)
            turn.added.setdefault(topic, []).append(record)
        return is_new

    def _key(self, entry: Entry) -> bytes:
        identity = entry.identity
        if not identity:
            return b""
        if len(identity) != KEY_BYTES - 1:
            identity = blake2b(identity, digest_size=KEY_BYTES - 1).digest()
        return identity + self.numbers[entry.topic].to_bytes(1, "big")

    def _park(self, db: sqlite3.Connection, record: Record, group: str, reason: str) -> int:
        row = (record.topic, group, record.key, reason, self._unix_time(), record.body)
        return db.execute(_PARK, row).lastrowid or 0

    def _take_back(self, db: sqlite3.Connection, ids: Sequence[int]) -> list[Entry]:
        found = [
            db.execute("SELECT topic, key, body FROM parked WHERE id = ?", (i,)).fetchone() for i in sorted(set(ids))
        ]
        return [Entry(topic=row[0], key=row[1], body=row[2]) for row in found if row]

    def _floor(self, topic: str) -> int:
        return min(self._places.get((topic, group), 0) for group in self._groups[topic])

    def _drop(self, db: sqlite3.Connection, topic: str, floor: int, deadline: float) -> None:
        statement = _DROP.format(self.numbers[topic])
        while time.monotonic() < deadline:
            if db.execute(statement, (floor, self._lasts[topic])).rowcount < _BITE_ROWS:
                self._dropped[topic] = floor
                return

    def _news(self, done: list[Done | Rejected] | None = None, added: dict[str, list[Record]] | None = None) -> News:
        return News(done=done or [], added=added or {}, lasts=dict(self._lasts), places=dict(self._places))
