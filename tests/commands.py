"""`eungdapso` beside an instance, in this process."""

import os
from dataclasses import dataclass
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


@dataclass(frozen=True, kw_only=True)
class Done:
    """How a verb ended, as who starts a process learns it."""

    returncode: int
    stdout: str
    stderr: str


def done(*words: str, stdin: str = "", **environment: str) -> Done:
    """Runs a verb here, with these variables of ours and no others; a process by itself has nothing else, and loads
    everything anew."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("EUNGDAPSO_")}
    with patch.dict(os.environ, {**kept, **environment}, clear=True):
        result = CliRunner().invoke(command(), list(words), input=stdin)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return Done(returncode=result.exit_code, stdout=result.stdout, stderr=result.stderr)


def ran(instance: Instance, *words: str) -> Result:
    """Runs a verb in the instance's environment, its output in a pipe."""
    with patch.dict(os.environ, instance.environment):
        return CliRunner().invoke(command(), list(words))


def asked(instance: Instance, *words: str) -> Result:
    """Runs a verb with the instance's configuration."""
    return ran(instance, *words, "--config", str(instance.config))
