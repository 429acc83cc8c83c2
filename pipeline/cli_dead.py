"""`eungdapso dead`: what was parked because nothing could be done with it."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from core.clock import SEOUL
from core.errors import ConfigError, Rejected
from core.message import Arrival
from core.wire import Routed, Ticket, decode
from pipeline.cli import CONFIG, DEFAULT, show, told
from streams.base import INBOUND, ROUTED, Parked, Stream

app = typer.Typer(help="Parked messages: see them, and try them again after the cause is mended.", no_args_is_help=True)


def _with_stream(config: Any, act: Callable[[Stream, Any], Awaitable[Any]]) -> Any:
    from pipeline.build import prepared

    async def work() -> Any:
        plan = prepared(config)
        stream = plan.stream()
        await stream.start()
        try:
            return await act(stream, plan.seal())
        finally:
            await stream.close()

    return asyncio.run(work())


@app.command("list")
def list_(
    config: CONFIG = DEFAULT, json: Annotated[bool, typer.Option("--json", help="For machines.")] = False
) -> None:
    """List what is parked, newest first."""
    with told():
        parked: list[Parked] = _with_stream(config, lambda stream, _: stream.parked())
    rows = [
        {"id": p.id, "parked_at": p.parked_at, "topic": p.topic, "group": p.group, "reason": p.reason} for p in parked
    ]
    if json:
        show(rows)
        return
    if not rows:
        typer.echo("nothing is parked")
        return
    table = Table("id", "since", "topic", "group", "reason")
    for p in parked:
        table.add_row(str(p.id), f"{p.parked_at.astimezone(SEOUL):%Y-%m-%d %H:%M:%S}", p.topic, p.group, p.reason)
    Console().print(table)


@app.command("show")
def show_(number: Annotated[int, typer.Argument(metavar="ID")], config: CONFIG = DEFAULT) -> None:
    """Show one parked record whole."""

    async def act(stream: Stream, seal: Any) -> dict[str, Any]:
        one = _one(await stream.parked(most=1_000_000), number)
        return {
            "id": one.id,
            "topic": one.topic,
            "group": one.group,
            "reason": one.reason,
            "record": _opened(one, seal),
        }

    with told():
        show(_with_stream(config, act))


def _one(parked: list[Parked], number: int) -> Parked:
    for one in parked:
        if one.id == number:
            return one
    raise Rejected(f"nothing is parked under {number}. `eungdapso dead list` shows what is")


def _opened(parked: Parked, seal: Any) -> Any:
    kind: Any = {INBOUND: Arrival, ROUTED: Routed}.get(parked.topic, Ticket)
    try:
        return decode(seal.open(parked.body), kind)
    except Rejected as error:
        return f"cannot be read: {error.reason}"


@app.command()
def retry(
    number: Annotated[int | None, typer.Argument(metavar="ID")] = None,
    all_: Annotated[bool, typer.Option("--all", help="Everything that is parked.")] = False,
    config: CONFIG = DEFAULT,
) -> None:
    """Put parked records back to where they came from; the running pipeline takes them up."""

    async def act(stream: Stream, _: Any) -> int:
        parked = await stream.parked(most=1_000_000)
        return await stream.retry([p.id for p in parked] if all_ else [_one(parked, number or 0).id])

    with told():
        if (number is None) != all_:
            raise ConfigError("say which: `eungdapso dead retry ID`, or `eungdapso dead retry --all`")
        typer.echo(f"{_with_stream(config, act)} put back")
