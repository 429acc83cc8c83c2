"""`eungdapso` beside an instance, in this process."""

import os
from functools import cache
from unittest.mock import patch

from typer import Typer
from typer.testing import CliRunner, Result

from bench.instance import Instance
from pipeline.cli import _subcommands, app


@cache
def command() -> Typer:
    _subcommands()
    return app


def ran(instance: Instance, *words: str) -> Result:
    """Runs a verb in the instance's environment, its output in a pipe."""
    with patch.dict(os.environ, instance.environment):
        return CliRunner().invoke(command(), list(words))


def asked(instance: Instance, *words: str) -> Result:
    """Runs a verb with the instance's configuration."""
    return ran(instance, *words, "--config", str(instance.config))
