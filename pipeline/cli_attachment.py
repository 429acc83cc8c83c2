"""`eungdapso case attachment`: what came along with a case, listed, or one of it written to a file."""

import asyncio
import os
import sys
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.markup import escape

from cases.fetches import Fetch
from cases.pieces import is_inside
from core.errors import ConfigError, Rejected
from core.message import Attachment, Message
from pipeline.build import Plan
from pipeline.cli import CONFIG, DEFAULT, show
from pipeline.cli_case import BY, JSON, NUMBER, desk
from pipeline.cli_table import put, table
from web.shown import in_seoul

_STATES: Mapping[str, str] = {
    "queued": "not fetched yet",
    "fetching": "not fetched yet",
    "fetched": "fetched",
    "refused": "refused",
    "failed": "given up",
}
_HERE = ("kept", "fetched")


class Piece(msgspec.Struct, frozen=True, kw_only=True):
    """One attachment of a case. `number` counts them through all messages of the case, from 1; `fetch` is how far it
    has come, where somebody else has it or it may say where it was taken."""

    number: int
    message: Message
    attachment: Attachment
    fetch: Fetch | None = None

    @property
    def state(self) -> str:
        if is_inside(self.attachment):
            return "kept"
        return _STATES[self.fetch.state] if self.fetch else "not fetched"

    @property
    def why(self) -> str:
        return "" if self.fetch is None or is_inside(self.attachment) else self.fetch.error

    @property
    def taken_at(self) -> str:
        """Where it was taken, if it is a photograph that says so."""
        found = self.fetch.piece if self.fetch else None
        if found is None or found.location is None:
            return ""
        return " ".join([f"{found.location.lat:.5f}, {found.location.lon:.5f}", *found.districts])


def attachment(
    number: NUMBER,
    which: Annotated[
        str, typer.Argument(metavar="[PLACE|NAME]", help="Its number in the list, its name or its place.")
    ] = "",
    out: Annotated[Path | None, typer.Option("--out", metavar="FILE", help="Write it there.")] = None,
    json: JSON = False,
    by: BY = "",
    config: CONFIG = DEFAULT,
) -> None:
    """List what came along with a case, or write one of it to FILE (to a pipe without --out)."""
    with desk(config, by) as at:
        pieces = _pieces(at.store.views.messages(number, at.by), at.store.fetches.of(number, at.by))
        if not which:
            _list(pieces, json=json)
            return
        piece = _chosen(pieces, which)
        if out is None and sys.stdout.isatty():
            raise ConfigError("say with --out FILE where it is to be written: a terminal is no place for it")
        if piece.state not in _HERE:
            raise Rejected(f"it is not here: {piece.state}{f', {piece.why}' if piece.why else ''}")
        content = asyncio.run(fetched(at.plan, piece.message, piece.attachment))
        _write(content, out)


def _pieces(messages: list[Message], fetches: Mapping[tuple[str, int], Fetch]) -> list[Piece]:
    triples = [
        (message, one, fetches.get((message.id, place)))
        for message in messages
        for place, one in enumerate(message.attachments)
    ]
    return [
        # What it is, once it was seen, and not what its sender's provider called it.
        Piece(number=n, message=message, attachment=fetch.piece.attachment if fetch else one, fetch=fetch)
        for n, (message, one, fetch) in enumerate(triples, start=1)
    ]


def _chosen(pieces: list[Piece], which: str) -> Piece:
    """Returns the one that is meant; raises `ConfigError` when there is none or more than one."""
    found = [piece for piece in pieces if which in (piece.attachment.name, piece.attachment.place)]
    found = [piece for piece in pieces if which == str(piece.number)] or found
    if len(found) == 1:
        return found[0]
    if found:
        numbers = ", ".join(str(piece.number) for piece in found)
        raise ConfigError(f"{which}: several are called so. Say its number: {numbers}")
    raise ConfigError(f"{which}: the case has no such attachment. Without it, all {len(pieces)} are listed")


async def fetched(plan: Plan, message: Message, attachment: Attachment) -> bytes:
    """Returns the bytes; raises `Rejected` when they are not kept (any more)."""
    seal = plan.seal()
    objects, archive = plan.attachments(seal), plan.archive(seal)
    try:
        return await objects.get(message, attachment)
    except Rejected:
        if not is_inside(attachment):
            raise
        # Not taken out of the mail yet, perhaps: what does that may be behind.
        return _taken_out(plan, message, attachment, await archive.payload_of(message))
    finally:
        await objects.close()
        await archive.close()


def _taken_out(plan: Plan, message: Message, attachment: Attachment, raw: bytes) -> bytes:
    opens = plan.contents.get(message.channel)
    if opens is None:
        raise Rejected(f"there is no [connectors.{message.channel}] any more that could take it out of its payload")
    content = opens(raw)(attachment.place)
    if sha256(content).hexdigest() != attachment.digest:
        raise Rejected(f"what lies at {attachment.place} is not what was announced there")
    return content


def _write(content: bytes, out: Path | None) -> None:
    if out is None:
        sys.stdout.buffer.write(content)
        return
    try:
        # What citizens send is for nobody else on this machine, and nothing is written over.
        descriptor = os.open(out, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
    except OSError as error:
        raise ConfigError(f"--out {out}: cannot be written ({error.strerror}). Name another file") from error
    typer.echo(f"{len(content)} bytes in {out}; it came from a stranger, open it with care", err=True)


def _list(pieces: list[Piece], *, json: bool) -> None:
    if json:
        show([_document(piece) for piece in pieces])
        return
    if not pieces:
        typer.echo("nothing came along")
        return
    made = table("no", "name", "type", "bytes", "received", "place", "state", "taken at")
    for piece in pieces:
        one, at = piece.attachment, in_seoul(piece.message.received_at)
        state = f"{piece.state}: {piece.why}" if piece.why else piece.state
        size = f"{one.size:,}" if piece.state in _HERE else ""
        cells = [str(piece.number), one.name, one.media_type, size, f"{at:%m-%d %H:%M}", one.place]
        made.add_row(*(escape(printable(cell)) for cell in [*cells, state, piece.taken_at]))
    put(made)


def _document(piece: Piece) -> dict[str, object]:
    one, found = piece.attachment, piece.fetch.piece if piece.fetch else None
    return {
        "number": piece.number,
        "name": one.name,
        "media_type": one.media_type,
        "bytes": one.size,
        "sha256": one.digest,
        "place": one.place,
        "state": piece.state,
        "why": piece.why,
        "location": found.location if found else None,
        "districts": found.districts if found else (),
        "message": piece.message.id,
        "received_at": in_seoul(piece.message.received_at),
    }


def printable(text: str) -> str:
    """Returns the text with everything that could move a terminal's cursor, or turn its direction, made visible."""
    return "".join(sign if sign.isprintable() else "�" for sign in text)
