"""API keys: shown once, kept as a digest, each for the queues it was made for."""

import secrets
from hashlib import sha256

from sqlalchemy import delete, select

from cases.means import Means
from cases.schema import api_keys
from core.errors import Rejected

_PREFIX = "eds_"
_BYTES = 32


class Keys:
    """Who may ask by HTTP. A key is 256 random bits, so that a plain digest keeps it safe. Used from threads."""

    def __init__(self, means: Means) -> None:
        self._means = means
        self._database = means.database

    def add(self, queue: str, *, by: str = "") -> str:
        """Returns a new key for this queue; it cannot be shown again. Raises `Rejected` for an unknown queue."""
        if not self._means.post.letters.knows(queue):
            raise Rejected(f"there is no queue {queue}; the queues are the districts, the departments, and triage.")
        key = _PREFIX + secrets.token_urlsafe(_BYTES)
        now = self._means.clock()
        with self._database.write() as connection:
            connection.execute(api_keys.insert().values(hash=_digest(key), queue=queue, created_at=now, created_by=by))
        return key

    def check(self, key: str) -> frozenset[str]:
        """Returns the queues that this key opens, none for a key that is unknown."""
        with self._database.read() as connection:
            rows = connection.execute(select(api_keys.c.queue).where(api_keys.c.hash == _digest(key)))
            return frozenset(row.queue for row in rows)

    def remove(self, key: str) -> bool:
        """Takes a key back; False when it was none."""
        with self._database.write() as connection:
            done = connection.execute(delete(api_keys).where(api_keys.c.hash == _digest(key)))
            return done.rowcount > 0


def _digest(key: str) -> bytes:
    return sha256(key.encode("utf-8", "replace")).digest()
