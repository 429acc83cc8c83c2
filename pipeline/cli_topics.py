"""`eungdapso topics`: what operations prepare in Kafka before anything runs."""

import asyncio
from typing import Annotated

import typer

from core.errors import ConfigError
from pipeline.cli import CONFIG, DEFAULT, told
from pipeline.cli_names import known, moment

app = typer.Typer(
    help='The topics in Kafka (not those of config/topics.toml), for stream = "kafka://…".', no_args_is_help=True
)


@app.callback()
def _topics() -> None:
    """The topics in Kafka (not those of config/topics.toml), for stream = "kafka://…"."""


@app.command()
def create(config: CONFIG = DEFAULT) -> None:
    """Create the topics that are missing, as pipeline.toml wants them. Changes none that is there."""
    from pipeline.build import plan

    with told():
        # Not `prepared`: also where a migration that is not finished needs its topics anew.
        engines = plan(config).engines
        made = asyncio.run(engines.create_topics())
        lacking = asyncio.run(engines.topics_lack())
    for name in made:
        typer.echo(f"created {name}")
    if not made:
        typer.echo("every topic is there already")
    for line in lacking:
        typer.echo(f"note: {line}")


@app.command()
def rewind(
    group: Annotated[str, typer.Option(help="Whose place: router, cases, search, archive, reply, …")],
    since: Annotated[str, typer.Option(help="When it was written, ISO 8601; Asia/Seoul unless it has a zone.")],
    config: CONFIG = DEFAULT,
) -> None:
    """Let a group read again what was written since then, e.g. after the case store came back from a backup.

    What the group's store knows already changes nothing. Every process of the group's role must have been stopped.
    """
    from pipeline.build import GROUPS, prepared
    from streams._cluster import rewind as set_back

    with told():
        topics = {name: topic for topic, names in GROUPS.items() for name in names}
        known("--group", group, topics, "group")
        begin = moment("--since", since)
        engines = prepared(config).engines
        if not engines.is_shared:
            raise ConfigError('stream = "embedded" forgets what every group has read. This is for "kafka://host:port"')
        count = asyncio.run(set_back(engines.access(), topics[group], group, begin))
        typer.echo(f"{group}: {count} records come again")
