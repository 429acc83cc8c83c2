"""`eungdapso migrate`: an installation that outgrew one machine moves, with everything it has."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from core.errors import ConfigError
from pipeline.build import Plan, plan
from pipeline.cli import CONFIG, DEFAULT, told
from pipeline.cli_table import put, table
from pipeline.engines import EMBEDDED
from pipeline.migrate import Migration, Report
from pipeline.migrate_count import Progress as Say

_OLD, _NEW = "embedded", "distributed"


def migrate(
    old: Annotated[str, typer.Option("--from", help="What the installation runs on: embedded.")],
    new: Annotated[str, typer.Option("--to", help="What it moves to: distributed.")],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what would move where, and whether the targets can take it.")
    ] = False,
    config: CONFIG = DEFAULT,
) -> None:
    """Move an installation from the files under var/ to the engines that pipeline.toml names, and verify it.

    \b
    1. Write the new engines into pipeline.toml: any of stream, cases, search
       and objects. What still says "embedded" stays where it is.
    2. Prepare them: an empty database, `eungdapso topics create`, and one key
       for all machines ("key" in the table "security": what var/key holds).
    3. Stop the instance. What citizens send meanwhile, their providers send
       again later.
    4. eungdapso migrate --from embedded --to distributed
    5. Start every role.

    Moved are all cases with their history and what is still to be sent, every
    record that some stage has not worked on yet, the dead letters, the raw
    payloads; the index is made anew. Then both places are read once more and
    compared, row by row, by counts and digests: the table at the end shows
    them, var/moved-….json keeps them. Exit 1 when anything differs.

    Killed or failed anywhere it is begun again with the same command and goes
    on. Until everything was compared nobody can use the new engines. The files
    under var/ are not changed, and var/moved.toml keeps everybody from using
    them by mistake; to go back to them delete it, as long as the new engines
    have taken nothing.
    """
    with told():
        if (old, new) != (_OLD, _NEW):
            raise ConfigError(f"--from {old} --to {new}: only --from {_OLD} --to {_NEW} is built")
        planned = plan(config)
        if not planned.var.is_dir():
            raise ConfigError(f"{planned.var}: is not there. Name the folder of the installation in EUNGDAPSO_VAR")
        migration = Migration(planned)
        # What rests here has to be opened on the way; a wrong key is told before anybody stops the city for it.
        planned.seal()
        if dry_run:
            _show_plan(migration)
            return
        with _bars() as say:
            report = migration.run(say)
        _show(report, planned, migration)
        if not report.is_whole:
            raise typer.Exit(1)


@contextmanager
def _bars() -> Iterator[Say]:
    """Shows a bar for each step, on the error output."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True)) as bars:
        known: dict[str, TaskID] = {}

        def say(what: str, done: int, of: int) -> None:
            if what not in known:
                known[what] = bars.add_task(what, total=of)
            bars.update(known[what], completed=done, total=of)

        yield say


def _show_plan(migration: Migration) -> None:
    made = table("engine", "what", "how many", "moves to")
    to = {part.name: part.to for part in migration.parts}
    for engine, what, count in migration.look():
        made.add_row(engine, what, f"{count:,}", to[engine])
    put(made)
    typer.echo("nothing was moved; every target answers and can take it")
    if migration.is_begun:
        typer.echo("a migration of this was begun and is not finished; without --dry-run it goes on")


def _show(report: Report, planned: Plan, migration: Migration) -> None:
    made = table("engine", "what", "here: count · digest", "there: count · digest", "")
    for one in report.compared:
        made.add_row(one.part, one.what, str(one.old), str(one.new), "same" if one.is_same else "DIFFERS")
    put(made)
    for one in report.compared:
        if one.note:
            typer.echo(f"{one.part}: {one.what}: {one.note}")
    before, after = report.opened_before, report.opened_after
    typer.echo(f"the key opens {before.opened} of {before.of} sealed things here, {after.opened} of {after.of} there")
    for line in _stays(planned):
        typer.echo(f"stays on this machine: {line}")
    typer.echo(f"written to {migration.report}")
    if report.is_whole:
        typer.echo("everything arrived and is the same; the new engines can be used")
        return
    typer.echo("NOT everything is the same: nobody can use the new engines. Mend the cause, then run this again")


def _stays(planned: Plan) -> Iterator[str]:
    var, settings = planned.var, planned.settings
    replies = sum(1 for path in (var / "outbox").rglob("*.json"))
    if replies:
        yield f"{var / 'outbox'}: {replies:,} replies that became files"
    for name, what in (
        ("stream", "log.sqlite"),
        ("cases", "cases.sqlite"),
        ("search", "search"),
        ("objects", "archive and objects"),
    ):
        if getattr(settings, name) == EMBEDDED:
            yield f'{var / what}: {name} = "{EMBEDDED}"'
    if settings.security.key is None:
        yield f"{var / 'key'}: every machine needs the same: [security] key = {{ env = … }}"
