"""Brings the case store's tables to what this program needs; quick when they are."""

from pathlib import Path

from sqlalchemy import Connection, inspect, text

from cases.database import Database, anew
from core.errors import ConfigError

# The newest file in cases/migrations/versions. A test compares them.
HEAD = "0010"
# Begins the revision of a store that a migration from other files is filling: nobody may use it before it is whole.
MOVING = "moving-"
_FOLDER = Path(__file__).with_name("migrations")
_LOCK = 0x65756E67


def upgrade(database: Database) -> None:
    """Brings the tables up to `HEAD`, each step in a transaction; two processes that start together do it once.

    Raises `ConfigError` when a newer program has been at them.
    """
    while not _is_new(database):
        _step(database)


def _is_new(database: Database) -> bool:
    with database.read() as connection:
        found = version(connection)
    if found.startswith(MOVING):
        raise ConfigError(
            "the case store is being filled by a migration that is not finished. Run, where it was begun: "
            "eungdapso migrate --from embedded --to distributed"
        )
    return found == HEAD


@anew
def _step(database: Database) -> None:
    with database.write() as connection:
        if not database.is_sqlite:
            # Whoever waits here waits for a step among millions of cases; for a table nobody waits that long.
            connection.execute(text("SET LOCAL lock_timeout = 0"))
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
            connection.execute(text("SET LOCAL lock_timeout TO DEFAULT"))
        if version(connection) != HEAD:
            _run(connection)


def version(connection: Connection) -> str:
    """Returns which revision the tables have, "" when there are none."""
    if not inspect(connection).has_table("alembic_version"):
        return ""
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar() or ""


def _run(connection: Connection) -> None:
    # Alembic takes a quarter of a second to import; a start that has nothing to migrate does without.
    from alembic import command
    from alembic.config import Config
    from alembic.util import CommandError

    config = Config()
    config.set_main_option("script_location", str(_FOLDER).replace("%", "%%"))
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, "+1")
    except CommandError as error:
        raise ConfigError(
            f"the case store is of revision {version(connection)}, this program knows {HEAD}: {error}. "
            "Start the newer program, or restore a backup made before it."
        ) from error
