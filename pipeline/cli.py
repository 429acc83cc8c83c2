"""The command line: `eungdapso`, the same as `python -m pipeline`."""

import asyncio
import os
import sys
import tomllib
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from core.errors import ConfigError, Rejected, Unavailable

CONFIG = Annotated[Path, typer.Option("--config", help="The file that says what runs.", metavar="FILE")]
DEFAULT = Path("pipeline.toml")

app = typer.Typer(
    name="eungdapso",
    help="Hears everyone, on every channel, and answers everyone.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(_release())
        raise typer.Exit


def _release() -> str:
    try:
        return metadata.version("eungdapso")
    except metadata.PackageNotFoundError:
        # In the image nothing is installed: the packages lie in the working folder, with their description.
        described = Path(__file__).parents[1] / "pyproject.toml"
        return str(tomllib.loads(described.read_text(encoding="utf-8"))["project"]["version"])


@app.callback()
def _begun(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Hears everyone, on every channel, and answers everyone."""


@contextmanager
def told() -> Iterator[None]:
    """Turns our errors into sentences and exit codes: 2 wrong configuration or arguments, 1 failed."""
    from core import telemetry

    # What is noticed on the way goes to standard error: standard output is what was asked for.
    telemetry.configure()
    try:
        yield
    except ConfigError as error:
        for mistake in error.mistakes:
            typer.echo(mistake, err=True)
        raise typer.Exit(2) from error
    except (Rejected, Unavailable) as error:
        typer.echo(error.reason, err=True)
        raise typer.Exit(1) from error


def show(value: Any) -> None:
    """Writes one JSON document, readable, to standard output."""
    typer.echo(msgspec.json.format(msgspec.json.encode(value), indent=2).decode())


@app.command()
def run(
    config: CONFIG = DEFAULT,
    role: Annotated[str, typer.Option(help="all, intake, router, sinks or web.")] = "all",
) -> None:
    """Run the pipeline until SIGTERM or Ctrl-C; both stop it cleanly within ten seconds, with nothing lost."""
    from core import telemetry
    from pipeline import run as running
    from pipeline.build import prepared
    from pipeline.cli_names import known

    with told():
        known("--role", role, ("all", "intake", "router", "sinks", "web"), "role")
        plan = prepared(config)
        telemetry.configure(json=plan.settings.log.json_lines)
        work = running.run(plan, role, lambda line: typer.echo(f"eungdapso: {line}", err=True))  # type: ignore[arg-type]  # checked above
        _run_loop(work)


def _run_loop(work: Coroutine[Any, Any, None]) -> None:
    import uvloop

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(work)


@app.command()
def check(config: CONFIG = DEFAULT) -> None:
    """Report every configuration mistake at once (exit 2), or say what would run (exit 0). Acts on nothing.

    Runs the examples that rules and FAQs carry.
    """
    from core.clock import clock_of
    from pipeline import demo
    from pipeline.broadcast_targets import announcers, unready
    from pipeline.examine import examine

    with told():
        planned, ended = examine(config, clock_of(os.environ)())
        for name in planned.listening:
            typer.echo(f"connectors.{name}: would run")
        for note in (*planned.notes, *ended, *unready(planned.city, announcers(planned))):
            typer.echo(f"note: {note}")
        if planned.notes and demo.applies(os.environ):
            typer.echo(
                "note: no secret is set: until one is, `run` makes random ones for trying out and starts these, too"
            )
        city = planned.city
        typer.echo(
            f"{config}: no mistake in {len(city.districts)} districts, {len(city.departments)} departments, "
            f"{len(city.topics)} topics, {len(city.faqs)} FAQs, {len(city.routing.rules)} rules"
        )


@app.command()
def mask(
    text: Annotated[str | None, typer.Argument(help="The text; left out, standard input is read.")] = None,
    jsonl: Annotated[bool, typer.Option("--jsonl", help='Read {"text": …} a line, write the same.')] = False,
) -> None:
    """Show what the one mask for personal data makes of a text: an argument, or what is piped in."""
    from core.mask import mask as masked
    from pipeline import json_lines

    with told():
        if not jsonl:
            typer.echo(masked(_said("mask", text)))
            return
        for shown in json_lines.read(sys.stdin.buffer, lambda row: masked(str(row.get("text", "")))):
            typer.echo(msgspec.json.encode({"text": shown}))


@app.command()
def route(
    text: Annotated[str | None, typer.Argument(help="The message; left out, standard input is read.")] = None,
    channel: Annotated[
        str, typer.Option(help="Channel that it came by: a [connectors] table of pipeline.toml.", show_default="form")
    ] = "",
    account: Annotated[
        str, typer.Option(help="The city's account that got it, as config/accounts.toml has it, or an address.")
    ] = "",
    lat: Annotated[float | None, typer.Option(help="Latitude, WGS 84 degrees.")] = None,
    lon: Annotated[float | None, typer.Option(help="Longitude, WGS 84 degrees.")] = None,
    at: Annotated[str, typer.Option(help="Time of receipt, ISO 8601; Asia/Seoul unless it has a zone.")] = "",
    jsonl: Annotated[
        bool, typer.Option("--jsonl", help="Read one message a line as JSON, write one decision a line.")
    ] = False,
    explain: Annotated[
        bool, typer.Option("--explain", help="Show what was found, which row decided and which were close.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="With --explain: for machines.")] = False,
    config: CONFIG = DEFAULT,
) -> None:
    """Show one decision as JSON, without acting on it; with --explain why, for people."""
    from pipeline import cli_names
    from pipeline.cli_explain import told as lines_of
    from pipeline.preview import Preview

    with told():
        said = "" if jsonl else _said("route", text)
        if at:
            cli_names.moment("--at", at)
        preview = Preview(config)
        city, channels = preview.plan.city, preview.plan.connectors
        if jsonl:
            for line in preview.piped(sys.stdin.buffer):
                typer.echo(line)
            return
        row = {
            "text": said,
            "channel": channel and cli_names.known("--channel", channel, channels, f"channel in {config}"),
            "account": cli_names.account("--account", account, city, channels),
            "lat": lat,
            "lon": lon,
            "at": at,
        }
        if not explain:
            show(preview.decided([row])[0])
        elif as_json:
            show(preview.explained(row))
        else:
            typer.echo("\n".join(lines_of(preview.explained(row), city)))


def _said(command: str, text: str | None) -> str:
    """Returns the text that was given, else what is piped in; raises `ConfigError` when nothing is."""
    if text is not None:
        return text
    try:
        piped = "" if sys.stdin.isatty() else sys.stdin.buffer.read().decode("utf-8-sig").strip()
    except UnicodeDecodeError as error:
        raise ConfigError("standard input is not UTF-8. Save it as UTF-8") from error
    if not piped:
        raise ConfigError(
            f'there is no text. Write eungdapso {command} "…", or pipe one in: eungdapso {command} < file.txt; '
            "--jsonl reads many, one JSON object a line"
        )
    return piped


@app.command()
def send(
    text: Annotated[str, typer.Argument(help="What the citizen writes.")],
    channel: Annotated[str, typer.Option("--channel", help="Which channel's protocol to speak.")],
    sender: Annotated[str, typer.Option("--from", help="The citizen's address, number or id.")] = "",
    config: CONFIG = DEFAULT,
) -> None:
    """Speak a channel's real protocol, signed as the provider signs, to the running instance."""
    import time

    from pipeline.build import prepared
    from pipeline.cli_names import known
    from pipeline.speak import speak

    with told():
        planned = prepared(config)
        part = planned.connectors[known("--channel", channel, planned.connectors, f"channel in {config}")]
        web = planned.settings.web
        base = f"http://{web.host}:{web.port}"
        typer.echo(speak(part, text, base_url=base, sender=sender, now=time.time(), public_url=web.public_url))


@app.command()
def backup(
    folder: Annotated[Path, typer.Argument(help="An empty or new folder.")],
    with_key: Annotated[
        bool, typer.Option("--with-key", help="Copy the key too: who has both can read everything.")
    ] = False,
    config: CONFIG = DEFAULT,
) -> None:
    """Write a consistent copy of everything that matters, also while the pipeline runs."""
    from pipeline import backup as copies
    from pipeline.build import prepared
    from pipeline.engines import EMBEDDED

    with told():
        planned = prepared(config)
        typer.echo(copies.backup(planned.var, folder, with_key=with_key))
        if planned.settings.cases != EMBEDDED:
            typer.echo("note: the cases are not in it: they lie in PostgreSQL, back them up with pg_dump", err=True)
        if planned.engines.has_bucket:
            where = f"attachments and raw payloads are not in it: they lie in {planned.settings.objects}"
            typer.echo(f"note: {where}, let that store keep versions or copies", err=True)


@app.command()
def restore(
    folder: Annotated[Path, typer.Argument(help="A folder that `backup` wrote.")], config: CONFIG = DEFAULT
) -> None:
    """Bring a backup back into an empty var folder, every file verified by its digest first."""
    from pipeline import backup as copies
    from pipeline.build import plan

    with told():
        var = plan(config).var
        typer.echo(copies.restore(folder, var))
        if not (var / "key").exists():
            typer.echo(f"now put the key that these files were sealed with into {var / 'key'} (chmod 600)")


@app.command()
def reindex(config: CONFIG = DEFAULT) -> None:
    """Make the index in Elasticsearch anew from the case store, beside a running pipeline and without a gap.

    The embedded index needs none of this: it mends itself when it is damaged or deleted.
    """
    from core.clock import clock_of
    from pipeline.build import prepared
    from pipeline.rebuild import reindex as made_anew
    from sinks.elastic import Elastic

    with told():
        plan = prepared(config)
        search = plan.engines.search()
        if not isinstance(search, Elastic):
            raise ConfigError('search = "embedded" mends itself; remove var/search to have it made anew')
        store = plan.store(plan.seal(), clock_of(plan.environment))
        store.open()
        try:
            done = asyncio.run(
                made_anew(search, store, lambda count: typer.echo(f"\r{count} messages", nl=False, err=True))
            )
        finally:
            store.close()
        typer.echo(f"{done} messages are in the new index")


def _subcommands() -> None:
    from pipeline.cli_attachment import attachment
    from pipeline.cli_broadcast import app as broadcast
    from pipeline.cli_case import app as case
    from pipeline.cli_case import key
    from pipeline.cli_contact import contact
    from pipeline.cli_dead import app as dead
    from pipeline.cli_evaluate import evaluate
    from pipeline.cli_ignored import ignored
    from pipeline.cli_migrate import migrate
    from pipeline.cli_replay import replay
    from pipeline.cli_setup import setup
    from pipeline.cli_topics import app as topics
    from pipeline.cli_train import train

    case.command()(attachment)
    case.command()(contact)
    case.command()(ignored)
    app.add_typer(broadcast, name="broadcast")
    app.add_typer(case, name="case")
    app.add_typer(dead, name="dead")
    app.add_typer(key, name="key")
    app.add_typer(topics, name="topics")
    app.command()(evaluate)
    app.command()(replay)
    app.command()(setup)
    app.command()(train)
    app.command()(migrate)


def main() -> None:
    """The console script."""
    os.environ.setdefault("PYTHONUTF8", "1")
    _subcommands()
    app()
