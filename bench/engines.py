"""The engines that an instance is tried on: files, or the servers that the environment names."""

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import NullPool, create_engine, text

KAFKA, POSTGRESQL, ELASTICSEARCH = (f"EUNGDAPSO_LIVE_{name}" for name in ("KAFKA", "POSTGRESQL", "ELASTICSEARCH"))
_KAFKA = """
[kafka]
prefix = "{name}."
partitions = 4
replication = 1
in_sync = 1
"""
_ELASTICSEARCH = """
[elasticsearch]
index = "{name}"
"""


@dataclass(frozen=True)
class Engines:
    """Topics, a schema and an index called `name`, on whichever servers are there; files for the rest."""

    name: str

    def written_into(self, settings: str) -> str:
        """Returns the text of pipeline.toml with these engines."""
        if url := os.environ.get(KAFKA):
            settings = settings.replace('stream = "embedded"', f'stream = "{url}"', 1) + _KAFKA.format(name=self.name)
        if POSTGRESQL in os.environ:
            settings = settings.replace('cases = "embedded"', f'cases = "{self._postgresql}"', 1)
        if url := os.environ.get(ELASTICSEARCH):
            written = url.replace("http://", "elasticsearch://")
            settings = settings.replace('search = "embedded"', f'search = "{written}"', 1)
            settings += _ELASTICSEARCH.format(name=self.name)
        return settings

    def cases_url(self, file: Path) -> str:
        """Returns where the cases are, as SQLAlchemy wants it said."""
        if POSTGRESQL not in os.environ:
            return f"sqlite:///{file}"
        return self._postgresql.replace("postgresql://", "postgresql+psycopg://", 1)

    def prepare(self, config: Path, environment: Mapping[str, str]) -> None:
        """Makes what operations make before anything runs."""
        if POSTGRESQL in os.environ:
            engine = create_engine(self.cases_url(Path()), poolclass=NullPool)
            with engine.begin() as connection:
                connection.execute(text(f"CREATE SCHEMA IF NOT EXISTS {self.name}"))
        if KAFKA in os.environ:
            command = [sys.executable, "-m", "pipeline", "topics", "create", "--config", str(config)]
            subprocess.run(command, env=dict(environment), check=True, capture_output=True)

    @property
    def _postgresql(self) -> str:
        return f"{os.environ[POSTGRESQL]}?options=-csearch_path%3D{self.name}"
