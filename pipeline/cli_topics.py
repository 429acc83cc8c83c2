"""`eungdapso topics`: what operations prepare in Kafka before anything runs."""

import asyncio

import typer

from pipeline.cli import CONFIG, DEFAULT, told

app = typer.Typer(help='The topics in Kafka, for stream = "kafka://…".', no_args_is_help=True)


@app.callback()
def _topics() -> None:
    """The topics in Kafka, for stream = "kafka://…"."""


@app.command()
def create(config: CONFIG = DEFAULT) -> None:
    """Create the topics that are missing, as [kafka] says: partitions, copies, days. Changes none that is there."""
    from pipeline.build import prepared

    with told():
        made = asyncio.run(prepared(config).engines.create_topics())
    for name in made:
        typer.echo(f"created {name}")
    if not made:
        typer.echo("every topic is there already")
