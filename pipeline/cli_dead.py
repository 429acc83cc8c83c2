"""`eungdapso dead`: what nothing could be done with, and what may not have reached a citizen."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Annotated, Any, NoReturn, TypeVar

import typer
from rich import box
from rich.console import Console
from rich.table import Table

from cases.store import CaseStore
from cases.trouble import Undelivered
from core.clock import SEOUL
from core.errors import ConfigError, Rejected
from core.message import Arrival
from core.wire import Routed, Seal, Ticket, decode
from pipeline.cli import CONFIG, DEFAULT, show, told
from pipeline.cli_case import BY, WHY, desk
from streams.base import INBOUND, ROUTED, Parked, Stream

app = typer.Typer(
    help="Parked messages and undelivered replies: see them, and try them again after the cause is mended.",
    no_args_is_help=True,
)

ID = Annotated[str, typer.Argument(metavar="ID", help="As `dead list` shows it.")]
_ALL = 1_000_000
# Parked records that are read at once: each has its whole body with it.
_PAGE = 100
T = TypeVar("T")


def _with_stream(config: Path, act: Callable[[Stream, Seal], Awaitable[T]]) -> T:
    from pipeline.build import prepared

    async def work() -> T:
        plan = prepared(config)
        seal = plan.seal()
        stream = plan.stream()
        await stream.start()
        try:
            return await act(stream, seal)
        finally:
            await stream.close()

    return asyncio.run(work())


async def _parked(stream: Stream) -> AsyncIterator[Parked]:
    """Yields what is parked, newest first."""
    before = None
    while page := await stream.parked(most=_PAGE, before=before):
        for one in page:
            yield one
        before = page[-1].id


async def _parked_rows(stream: Stream, _seal: Seal) -> list[dict[str, Any]]:
    return [_parked_row(one) async for one in _parked(stream)]


def _undelivered(store: CaseStore) -> list[Undelivered]:
    """Returns the replies that wait for a person; what was given up for good is parked, too, and listed there."""
    return [one for one in store.trouble.listed(limit=_ALL) if one.state != "failed"]


@app.command("list")
def list_(
    config: CONFIG = DEFAULT, json: Annotated[bool, typer.Option("--json", help="For machines.")] = False
) -> None:
    """List what is parked, newest first, then the replies that came back or of which nobody can tell."""
    with desk(config) as at:
        rows = _with_stream(config, _parked_rows)
        rows += [_undelivered_row(one) for one in _undelivered(at.store)]
        triage = at.store.views.counts()["triage"]
    if json:
        show(rows)
        return
    if rows:
        _print(rows)
    else:
        typer.echo("nothing is parked, nothing is undelivered")
    if triage:
        typer.echo(f"{triage} in triage without an owner: `eungdapso case list --queue triage`")


def _parked_row(one: Parked) -> dict[str, Any]:
    at = one.parked_at.astimezone(SEOUL)
    return {"id": str(one.id), "since": at, "what": one.topic, "group": one.group, "case": None, "reason": one.reason}


def _undelivered_row(one: Undelivered) -> dict[str, Any]:
    what, at = f"{one.kind} by {one.channel}", one.created_at.astimezone(SEOUL)
    reason = f"{one.state}: {one.error}" if one.error else one.state
    return {"id": one.row, "since": at, "what": what, "group": "reply", "case": one.number, "reason": reason}


def _print(rows: list[dict[str, Any]]) -> None:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    for name in ("id", "since", "what", "case", "reason"):
        table.add_column(name, overflow="fold")
    for row in rows:
        table.add_row(row["id"], f"{row['since']:%m-%d %H:%M}", row["what"], row["case"] or "", row["reason"])
    Console().print(table)


@app.command("show")
def show_(number: ID, config: CONFIG = DEFAULT) -> None:
    """Show one of them whole."""
    if not _is_parked(number):
        with desk(config) as at:
            found = [one for one in _undelivered(at.store) if one.row == number]
            show(_undelivered_row(found[0] if found else _nothing(number)))
        return

    async def act(stream: Stream, seal: Seal) -> dict[str, Any]:
        one = await _found(stream, number)
        return {**_parked_row(one), "record": _opened(one, seal)}

    with told():
        show(_with_stream(config, act))


def _is_parked(number: str) -> bool:
    """Whether this names what is parked; else a reply. No stream counts as far as nineteen digits."""
    return number.isdecimal() and len(number) < 19


async def _found(stream: Stream, number: str) -> Parked:
    found = await stream.parked(most=1, before=int(number) + 1)
    return found[0] if found and found[0].id == int(number) else _nothing(number)


def _nothing(number: str) -> NoReturn:
    raise Rejected(f"there is nothing under {number}. `eungdapso dead list` shows what there is")


def _opened(parked: Parked, seal: Seal) -> Any:
    kind: Any = {INBOUND: Arrival, ROUTED: Routed}.get(parked.topic, Ticket)
    try:
        return decode(seal.open(parked.body), kind)
    except Rejected as error:
        return f"cannot be read: {error.reason}"


@app.command()
def retry(
    number: Annotated[str, typer.Argument(metavar="ID", help="As `dead list` shows it.")] = "",
    all_: Annotated[bool, typer.Option("--all", help="Everything that is parked; replies only one by one.")] = False,
    by: BY = "",
    config: CONFIG = DEFAULT,
) -> None:
    """Put it back to where it came from; the running pipeline takes it up. A reply may then arrive twice."""

    async def act(stream: Stream, _seal: Seal) -> int:
        found = [one.id async for one in _parked(stream)] if all_ else [(await _found(stream, number)).id]
        return await stream.retry(found)

    with desk(config, by) as at:
        if bool(number) == all_:
            raise ConfigError("say which: `eungdapso dead retry ID`, or `eungdapso dead retry --all`")
        if all_ or _is_parked(number):
            typer.echo(f"{_with_stream(config, act)} put back")
            return
        at.store.trouble.again(number, at.by)
        typer.echo("goes out again")


@app.command()
def settle(number: ID, why: WHY, by: BY = "", config: CONFIG = DEFAULT) -> None:
    """End the matter of an undelivered reply: the citizen was told otherwise, or cannot be reached."""
    with desk(config, by) as at:
        at.store.trouble.let_be(number, at.by, why)
        typer.echo("settled")
