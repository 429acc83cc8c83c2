"""Whether this process has the key that the store is sealed with: another one would park or hide what others need."""

from sqlalchemy import Connection, select

from cases.database import Database
from cases.schema import key_check, messages
from core.errors import ConfigError, Rejected
from core.wire import Seal

_NAME = "key"
_WORD = b"eungdapso"
# A store of an older program has no such word: its newest messages tell. One of them may be damaged.
_SAMPLED = 8
_LEAST_SEALED_BYTES = 28


def check_key(database: Database, seal: Seal, key_from: str) -> None:
    """Compares the key with the word that lies in the store; the first who ever comes writes it.

    Raises `ConfigError`, which names where the key is from, when it is another one.
    """
    with database.read() as connection:
        word = _word(connection)
    if not _opens(seal, word if word is not None else _first(database, seal)):
        raise ConfigError(
            f"{key_from}: is not the key that the case store is sealed with; nothing was read or written. Give this "
            "process the key that the others have; [security] key names the environment variable with it"
        )


def _first(database: Database, seal: Seal) -> bytes:
    """Returns the word, which is ours unless somebody else was first; something older where that is not our key's."""
    with database.write() as connection:
        newest = select(messages.c.sealed).order_by(messages.c.id.desc()).limit(_SAMPLED)
        sealed = [one for one in connection.execute(newest).scalars() if len(one) >= _LEAST_SEALED_BYTES]
        if sealed and not any(_opens(seal, one) for one in sealed):
            return bytes(sealed[0])
        database.insert_new(connection, key_check, name=_NAME, sealed=seal.seal(_WORD))
        return _word(connection) or b""


def _word(connection: Connection) -> bytes | None:
    return connection.execute(select(key_check.c.sealed).where(key_check.c.name == _NAME)).scalar()


def _opens(seal: Seal, sealed: bytes) -> bool:
    try:
        seal.open(sealed)
    except Rejected:
        return False
    return True
