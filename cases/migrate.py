"""Brings the case store's tables to what this program needs; quick when they are."""

from pathlib import Path

from sqlalchemy import Connection, inspect, text

from cases.database import Database
from core.errors import ConfigError

# The newest file in cases/migrations/versions. A test compares them.
HEAD = "0001"
_FOLDER = Path(__file__).with_name("migrations")
_LOCK = 0x65756E67


def upgrade(database: Database) -> None:
    """Brings the tables up to `HEAD` in one transaction; two processes that start together do it once.

    Raises `ConfigError` when a newer program has been at them.
    """
    with database.read() as connection:
        if version(connection) == HEAD:
            return
    with database.write() as connection:
        if not database.is_sqlite:
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
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
        command.upgrade(config, "head")
    except CommandError as error:
        raise ConfigError(
            f"the case store is of revision {version(connection)}, this program knows {HEAD}: {error}. "
            "Start the newer program, or restore a backup made before it."
        ) from error
