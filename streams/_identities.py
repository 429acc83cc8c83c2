"""Which identities the log has seen: the newest in memory and in the order they came, the others in a sorted table.

Identities are random, so that each one written straight into a sorted table would rewrite a page of its own. They
are therefore first appended, and moved into the table in the order of the table, many to a page.
"""

import sqlite3

import msgspec

# 16 bytes of identity and one that numbers the topic.
KEY_BYTES = 17
_RANGES = 64
_WIDTH = 256 // _RANGES

# Splits a string of keys: one statement, so that the interpreter's lock is let go once and not for every key.
_EACH = (
    f"WITH RECURSIVE each (i) AS (VALUES (1) UNION ALL SELECT i + {KEY_BYTES} FROM each WHERE i + {KEY_BYTES} <= ?2)"
)
_KEY = f"substr(?1, i, {KEY_BYTES})"
_KNOWN = (
    f"{_EACH} SELECT group_concat(hex({_KEY}), '') FROM each WHERE EXISTS (SELECT 1 FROM identity WHERE id = {_KEY})"
)
_MOVE = f"{_EACH} INSERT OR IGNORE INTO identity SELECT {_KEY}, ?3 FROM each"
_FORGET = "DELETE FROM identity WHERE id >= ? AND (id < ? OR ?) AND at < ?"
# The newest row stays, so that row numbers are never used twice.
_MOVED = "DELETE FROM fresh WHERE id <= ? AND id < (SELECT max(id) FROM fresh)"


class _Move(msgspec.Struct, kw_only=True):
    """Fresh identities on their way into the table, parted by their first byte."""

    keys: set[bytes]
    ranges: list[list[bytes]]
    upto: int
    forgets: bool
    next_range: int = 0


class Identities:
    """What is known, within the transactions of the log; `reload` after a transaction that failed."""

    def __init__(self, *, keep_seconds: float, move_at: int) -> None:
        self._keep_seconds = keep_seconds
        self._move_at = move_at
        self._forgot_at = float("-inf")
        self._fresh: set[bytes] = set()
        self._move: _Move | None = None
        self._first_row = self._last_row = 0

    @property
    def is_untidy(self) -> bool:
        return self._move is not None or len(self._fresh) >= self._move_at

    def reload(self, db: sqlite3.Connection) -> None:
        """Reads the fresh identities anew."""
        self._fresh, self._move = set(), None
        self._first_row = self._last_row = 0
        self.catch_up(db)

    def catch_up(self, db: sqlite3.Connection) -> None:
        """Takes in what other processes added; what they moved into the table is no longer kept in memory."""
        (first,) = db.execute("SELECT min(id) FROM fresh").fetchone()
        if first is not None and first > self._first_row > 0:
            self.reload(db)
            return
        self._first_row = first or 0
        rows = db.execute("SELECT id, keys FROM fresh WHERE id > ? ORDER BY id", (self._last_row,)).fetchall()
        for row, keys in rows:
            self._last_row = row
            self._fresh.update(_split(keys))

    def known(self, db: sqlite3.Connection, keys: list[bytes]) -> set[bytes]:
        """Returns those of the keys that were seen before."""
        if not keys:
            return set()
        known = _known_one(db, keys[0]) if len(keys) == 1 else _known_many(db, keys)
        moving = self._move.keys if self._move else ()
        known.update(key for key in keys if key in self._fresh or key in moving)
        return known

    def add(self, db: sqlite3.Connection, keys: list[bytes]) -> None:
        """Remembers new keys."""
        if keys:
            row = db.execute("INSERT INTO fresh (keys) VALUES (?)", (b"".join(keys),)).lastrowid
            self._last_row = row or 0
            self._first_row = self._first_row or self._last_row
            self._fresh.update(keys)

    def tidy(self, db: sqlite3.Connection, now: float) -> None:
        """Moves some fresh identities into the table, and forgets some old ones on the way."""
        if not self.is_untidy:
            return
        if self._move is None:
            self._begin_move(now)
        elif self._move.next_range < _RANGES:
            self._move_range(db, self._move, now)
        else:
            db.execute(_MOVED, (self._move.upto,))
            (first,) = db.execute("SELECT min(id) FROM fresh").fetchone()
            self._first_row, self._move = first or 0, None

    def _begin_move(self, now: float) -> None:
        ranges: list[list[bytes]] = [[] for _ in range(_RANGES)]
        for key in self._fresh:
            ranges[key[0] // _WIDTH].append(key)
        # Every round of forgetting reads the whole table, so it is not done with every move.
        forgets = now - self._forgot_at >= self._keep_seconds / 14
        self._forgot_at = now if forgets else self._forgot_at
        self._move = _Move(keys=self._fresh, ranges=ranges, upto=self._last_row, forgets=forgets)
        self._fresh = set()

    def _move_range(self, db: sqlite3.Connection, move: _Move, now: float) -> None:
        number = move.next_range
        if keys := b"".join(sorted(move.ranges[number])):
            db.execute(_MOVE, (keys, len(keys), int(now)))
        if move.forgets:
            is_last = number == _RANGES - 1
            low, high = bytes([number * _WIDTH]), bytes([min((number + 1) * _WIDTH, 255)])
            db.execute(_FORGET, (low, high, is_last, now - self._keep_seconds))
        move.next_range += 1


def _known_one(db: sqlite3.Connection, key: bytes) -> set[bytes]:
    return {key} if db.execute("SELECT 1 FROM identity WHERE id = ?", (key,)).fetchone() else set()


def _known_many(db: sqlite3.Connection, keys: list[bytes]) -> set[bytes]:
    joined = b"".join(keys)
    (found,) = db.execute(_KNOWN, (joined, len(joined))).fetchone()
    return set(_split(bytes.fromhex(found))) if found else set()


def _split(keys: bytes) -> list[bytes]:
    return [keys[i : i + KEY_BYTES] for i in range(0, len(keys), KEY_BYTES)]
