"""`eungdapso case contact`: where else a citizen wants to be written to, as they said on the telephone."""

from typing import Annotated, Any

import typer

from cases.people import Contact
from core.mask import mask_handle
from pipeline.cli import CONFIG, DEFAULT, show
from pipeline.cli_case import BY, JSON, NUMBER, WHY, Desk, desk
from web.shown import in_seoul


def contact(
    number: NUMBER,
    place: Annotated[
        str, typer.Argument(metavar="CHANNEL:ADDRESS", help="sms:+821012345678, email:kim@mail.example; none: list.")
    ] = "",
    why: WHY = "",
    remove: Annotated[
        bool, typer.Option("--remove", help="Take it back; letters that wait for it are dropped.")
    ] = False,
    by: BY = "",
    json: JSON = False,
    config: CONFIG = DEFAULT,
) -> None:
    """Record a contact that the citizen consented to, with --why saying how. A letter that cannot arrive goes there,
    also one that did not arrive before."""
    with desk(config, by) as at:
        if place and remove:
            _remove(at, number, place, why)
        elif place:
            at.store.contacts.link(number, at.store.contacts.place_of(place), at.by, why=why)
        rows = [_shown(one) for one in at.store.contacts.of(number, at.by)]
    if json:
        show(rows)
        return
    for row in rows:
        whose = "wrote from there" if row["is_own"] else f"given by {row['given_by']}"
        typer.echo(f"{row['channel']}  {row['to']}  {row['since']:%Y-%m-%d}  {whose}")
    if not rows:
        typer.echo("no other contact is known")


def _remove(at: Desk, number: str, place: str, why: str) -> None:
    key = at.store.contacts.key_of(at.store.contacts.place_of(place))
    at.store.contacts.unlink(number, key, at.by, why=why)


def _shown(one: Contact) -> dict[str, Any]:
    return {
        "channel": one.channel,
        "to": mask_handle(one.to),
        "is_own": one.is_own,
        "given_by": one.given_by,
        "since": in_seoul(one.consented_at),
    }
