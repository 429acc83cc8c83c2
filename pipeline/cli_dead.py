"""`eungdapso dead`: what nothing could be done with, and what may not have reached a citizen."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any, TypeVar

import typer
from rich.markup import escape

from cases.store import CaseStore
from cases.trouble import Undelivered
from core.clock import SEOUL
from core.errors import ConfigError, Rejected
from core.message import Arrival
from core.wire import Routed, Seal, Ticket, decode
from pipeline.cli import CONFIG, DEFAULT, show
from pipeline.cli_attachment import printable
from pipeline.cli_case import BY, WHY, Desk, desk
from pipeline.cli_table import put, table
from streams.base import INBOUND, OUTBOUND, ROUTED, Parked, Stream

app = typer.Typer(
    help="Parked messages and undelivered replies: see them, and try them again after the cause is mended.",
    no_args_is_help=True,
)

_ID_HELP = "As `dead list` shows it; of a letter also its row, or the beginning of that."
ID = Annotated[str, typer.Argument(metavar="ID", help=_ID_HELP)]
# So much of a row's id no other letter has.
_SHOWN = 19
_ALL = 1_000_000
# Parked records that are read at once: each has its whole body with it.
_PAGE = 100
T = TypeVar("T")


@dataclass(frozen=True)
class _Dead:
    """A record that is parked, a letter that did not arrive, or both in one."""

    parked: Parked | None
    letter: Undelivered | None

    @property
    def is_elsewhere(self) -> bool:
        """Whether it is a letter that goes by another way: put back with all others, it would come twice."""
        return self.letter is not None and self.letter.is_open and self.letter.is_elsewhere


def _with_stream(at: Desk, act: Callable[[Stream, Seal], Awaitable[T]]) -> T:
    async def work() -> T:
        stream = at.plan.stream()
        await stream.start()
        try:
            return await act(stream, at.plan.seal())
        finally:
            await stream.close()

    return asyncio.run(work())


async def _parked(stream: Stream, seal: Seal, store: CaseStore) -> AsyncIterator[_Dead]:
    """Yields what is parked, newest first, letters with what the case store knows of them."""
    before = None
    while page := await stream.parked(most=_PAGE, before=before):
        rows = {one.id: row for one in page if (row := _row_of(one, seal))}
        letters = await asyncio.to_thread(store.trouble.of, sorted(set(rows.values())))
        for one in page:
            yield _Dead(one, letters.get(rows.get(one.id, "")))
        before = page[-1].id


def _row_of(parked: Parked, seal: Seal) -> str:
    """Returns the row that a parked ticket is of, "" when this is none."""
    opened = _opened(parked, seal) if parked.topic == OUTBOUND else None
    return opened.row if isinstance(opened, Ticket) else ""


def _all(at: Desk) -> list[_Dead]:
    """Returns what is parked, newest first, then the letters of which nothing is: each once."""

    async def act(stream: Stream, seal: Seal) -> list[_Dead]:
        return [one async for one in _parked(stream, seal, at.store)]

    found = _with_stream(at, act)
    lying = {one.letter.row for one in found if one.letter}
    return found + [_Dead(None, one) for one in at.store.trouble.listed(limit=_ALL) if one.row not in lying]


def _found(at: Desk, named: str) -> _Dead:
    """Returns what `dead list` shows under this id, or under the id of a letter's row or the beginning of one."""
    # No stream counts as far as nineteen digits.
    if named.isdecimal() and len(named) < 19 and (found := _with_stream(at, partial(_numbered, at, int(named)))):
        return found
    letter = at.store.trouble.named(named)

    async def beside(stream: Stream, seal: Seal) -> _Dead:
        async for one in _parked(stream, seal, at.store):
            if one.letter and one.letter.row == letter.row:
                return one
        return _Dead(None, letter)

    return _with_stream(at, beside)


async def _numbered(at: Desk, number: int, stream: Stream, seal: Seal) -> _Dead | None:
    found = await stream.parked(most=1, before=number + 1)
    if not found or found[0].id != number:
        return None
    row = _row_of(found[0], seal)
    return _Dead(found[0], at.store.trouble.of([row]).get(row) if row else None)


@app.command("list")
def list_(
    config: CONFIG = DEFAULT, json: Annotated[bool, typer.Option("--json", help="For machines.")] = False
) -> None:
    """List what is parked, newest first, then the letters that came back or of which nobody can tell.

    What went another way says so; settle it when it need not be looked at.
    """
    with desk(config) as at:
        rows = [_row(one) for one in _all(at)]
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


def _row(one: _Dead) -> dict[str, Any]:
    parked, letter = one.parked, one.letter
    number = str(parked.id) if parked else letter.row if letter else ""
    since = parked.parked_at if parked else letter.created_at if letter else None
    row: dict[str, Any] = {"id": number, "since": since.astimezone(SEOUL) if since else None}
    if letter is None:
        group, reason = (parked.group, parked.reason) if parked else ("", "")
        what = parked.topic if parked else ""
        return row | {"what": what, "group": group, "case": None, "kind": None, "channel": None, "reason": reason}
    why = letter.error or (parked.reason if parked and letter.is_open else "")
    return row | {
        "what": f"{letter.kind} by {letter.channel}",
        "group": "reply",
        "case": letter.number,
        "kind": letter.kind,
        "channel": letter.channel,
        "row": letter.row,
        "reason": f"{letter.state}: {why}" if why else letter.state,
    }


def _print(rows: list[dict[str, Any]]) -> None:
    made = table("id", "since", "what", "case", "reason")
    for row in rows:
        # Of a row's id the beginning names it.
        number, since = row["id"][:_SHOWN], f"{row['since']:%m-%d %H:%M}"
        # A provider's words, or those of whoever's mail server sent one back.
        made.add_row(number, since, row["what"], row["case"] or "", escape(printable(row["reason"])))
    put(made)


@app.command("show")
def show_(number: ID, config: CONFIG = DEFAULT) -> None:
    """Show one of them whole."""
    with desk(config) as at:
        one = _found(at, number)
        record = {"record": _opened(one.parked, at.plan.seal())} if one.parked else {}
        show(_row(one) | record)


def _opened(parked: Parked, seal: Seal) -> Any:
    kind: Any = {INBOUND: Arrival, ROUTED: Routed}.get(parked.topic, Ticket)
    try:
        return decode(seal.open(parked.body), kind)
    except Rejected as error:
        return f"cannot be read: {error.reason}"


@app.command()
def retry(
    number: Annotated[str, typer.Argument(metavar="ID", help=_ID_HELP)] = "",
    all_: Annotated[bool, typer.Option("--all", help="Everything that is parked; replies only one by one.")] = False,
    by: BY = "",
    config: CONFIG = DEFAULT,
) -> None:
    """Put it back to where it came from; the running pipeline takes it up. A reply may then arrive twice."""
    with desk(config, by) as at:
        if bool(number) == all_:
            raise ConfigError("say which: `eungdapso dead retry ID`, or `eungdapso dead retry --all`")
        found = [one for one in _all(at) if one.parked and not one.is_elsewhere] if all_ else [_found(at, number)]
        if all_ or found[0].parked:
            typer.echo(f"{_put_back(at, found)} put back")
            return
        at.store.trouble.again(found[0].letter.row if found[0].letter else number, at.by)
        typer.echo("goes out again")


def _put_back(at: Desk, found: Sequence[_Dead]) -> int:
    return _with_stream(at, lambda stream, _: stream.retry([one.parked.id for one in found if one.parked]))


@app.command()
def settle(number: ID, why: WHY, by: BY = "", config: CONFIG = DEFAULT) -> None:
    """End the matter of an undelivered reply: the citizen was told otherwise, or cannot be reached."""
    with desk(config, by) as at:
        one = _found(at, number)
        if one.letter is None:
            raise Rejected(f"{number} is no letter. Mend what its reason says, then `eungdapso dead retry {number}`")
        if one.letter.is_open:
            at.store.trouble.let_be(one.letter.row, at.by, why)
        if one.parked:
            # Its ticket goes back to the stream, where nobody sends a letter that is settled.
            _put_back(at, [one])
        elif not one.letter.is_open:
            raise Rejected(f"the letter {number} is {one.letter.state}; there is nothing to decide")
        typer.echo("settled" if one.letter.is_open else f"it was {one.letter.state} before; gone from the list")
