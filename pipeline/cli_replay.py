"""`eungdapso replay`: what other rules would have made of the messages that are stored."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from core.clock import SEOUL, parse_instant
from core.errors import ConfigError
from pipeline.cli import DEFAULT, show, told

_BEGINNING = datetime(2000, 1, 1, tzinfo=UTC)


def replay(
    config: Annotated[
        Path, typer.Option("--config", help="The other pipeline.toml, or only another routing.toml.", metavar="FILE")
    ] = DEFAULT,
    since: Annotated[
        str, typer.Option(help="From which day or time of receipt on; Asia/Seoul. All when left out.")
    ] = "",
    most: Annotated[
        int, typer.Option("--limit", help="How many of the messages that would move are shown.", min=0)
    ] = 50,
    json: Annotated[bool, typer.Option("--json", help="For machines.")] = False,
) -> None:
    """Decide the stored messages anew by other rules, without acting; show which would move, from where to where.

    The messages are those of the other file's own var folder; when there are none, those of this folder's
    pipeline.toml.
    """
    from core.clock import clock_of
    from pipeline import replay as anew

    with told():
        moment = _moment(since)
        plan = anew.other(config, DEFAULT)
        home = anew.home(plan, DEFAULT)
        store = home.store(home.seal(), clock_of(home.environment))
        store.open()
        try:
            found = anew.replay(plan.router(), store, moment, most=most)
        finally:
            store.close()
        if json:
            show(found)
            return
        for line in anew.lines(found):
            typer.echo(line)


def _moment(text: str) -> datetime:
    if not text:
        return _BEGINNING
    try:
        return parse_instant(text).astimezone(SEOUL)
    except ValueError as error:
        raise ConfigError(f"--since {text}: this is no day or time. Write 2026-11-23 or 2026-11-23T09:00") from error
