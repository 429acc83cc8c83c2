"""`eungdapso replay`: what other rules would have made of the messages that are stored."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from pipeline.cli import DEFAULT, show, told
from pipeline.cli_names import moment

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
        begin = moment("--since", since) if since else _BEGINNING
        plan = anew.other(config, DEFAULT)
        home = anew.home(plan, DEFAULT)
        store = home.store(home.seal(), clock_of(home.environment))
        store.open()
        try:
            found = anew.replay(plan.router(), store, begin, most=most)
        finally:
            store.close()
        if json:
            show(found)
            return
        if not found.decided:
            then = f"since {begin:%Y-%m-%d %H:%M}. Name an earlier day, or leave --since out" if since else "yet"
            typer.echo(f"no message came in {then}")
            return
        for line in anew.lines(found):
            typer.echo(line)
