"""API keys: shown once, kept as a digest, each for the queue it was made for."""

import secrets
from datetime import datetime
from hashlib import sha256
from typing import Any

import msgspec
from sqlalchemy import delete, select

from cases.means import Means
from cases.schema import api_keys
from core.errors import Rejected

_PREFIX = "eds_"
_BYTES = 32
_ID_CHARACTERS = 12
# No queue of cases: a key for this may draft, approve and send what goes to everybody.
BROADCASTS = "broadcasts"


class Key(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a key. Its id is the beginning of its digest: it names the key and opens nothing."""

    id: str
    queue: str
    created_at: datetime
    created_by: str
    holder: str = ""


class Keys:
    """Who may ask by HTTP. A key is 256 random bits, so that a plain digest keeps it safe. Used from threads."""

    def __init__(self, means: Means) -> None:
        self._means = means
        self._database = means.database

    def add(self, queue: str, *, by: str = "", holder: str = "") -> str:
        """Returns a new key for this queue; it cannot be shown again. Raises `Rejected` for an unknown queue.

        What is done with a key for broadcasts stands in the name of its holder.
        """
        if queue == BROADCASTS and not holder.strip():
            raise Rejected("a key for broadcasts speaks for one officer; say for whom with --for NAME")
        if queue != BROADCASTS:
            self._means.post.letters.must_know(queue)
        key = _PREFIX + secrets.token_urlsafe(_BYTES)
        now = self._means.clock()
        with self._database.write() as connection:
            values = {"queue": queue, "created_at": now, "created_by": by, "holder": " ".join(holder.split())}
            connection.execute(api_keys.insert().values(hash=_digest(key), **values))
        return key

    def check(self, key: str) -> frozenset[str]:
        """Returns the queues that this key opens, none for a key that is unknown."""
        with self._database.read() as connection:
            rows = connection.execute(select(api_keys.c.queue).where(api_keys.c.hash == _digest(key)))
            return frozenset(row.queue for row in rows)

    def holder(self, key: str) -> str:
        """Returns the officer in whose name this key acts on broadcasts, "" when it may not."""
        mine = (api_keys.c.hash == _digest(key)) & (api_keys.c.queue == BROADCASTS)
        with self._database.read() as connection:
            return connection.execute(select(api_keys.c.holder).where(mine)).scalar() or ""

    def listed(self) -> list[Key]:
        """Returns every key that opens something, the oldest first."""
        with self._database.read() as connection:
            return [_key(row) for row in connection.execute(_OLDEST_FIRST)]

    def revoke(self, named: str) -> Key:
        """Takes a key back, named by its id or by itself; raises `Rejected` (404) when there is none."""
        with self._database.write() as connection:
            for row in connection.execute(_OLDEST_FIRST).all():
                if named == _id(row.hash) or _digest(named) == row.hash:
                    connection.execute(delete(api_keys).where(api_keys.c.hash == row.hash))
                    return _key(row)
        raise Rejected("there is no such key; name it by its id, which stands in the list of keys", status=404)


_OLDEST_FIRST = select(api_keys).order_by(api_keys.c.created_at, api_keys.c.hash)


def _key(row: Any) -> Key:
    return Key(
        id=_id(row.hash),
        queue=row.queue,
        created_at=row.created_at,
        created_by=row.created_by,
        holder=row.holder,
    )


def _id(digest: bytes) -> str:
    return digest.hex()[:_ID_CHARACTERS]


def _digest(key: str) -> bytes:
    return sha256(key.encode("utf-8", "replace")).digest()
