"""`eungdapso case ignored`: what came and made no case, so that somebody can see whether that was right."""

from typing import Annotated, Any

import typer

from cases.views import Caseless
from pipeline.cli import CONFIG, DEFAULT, show
from pipeline.cli_attachment import printable
from pipeline.cli_case import JSON, desk
from web.shown import in_seoul

# Of what was written, on a line.
_MOST_CHARACTERS = 60


def ignored(
    limit: Annotated[int, typer.Option(min=1, max=1000, help="At most so many.")] = 50,
    json: JSON = False,
    config: CONFIG = DEFAULT,
) -> None:
    """List what came and made no case, newest first, with the reason: automatic and bulk mail, echoes, reports.

    To take one up, file it: POST /api/v1/records with the citizen's words (docs/channels/records.md).
    """
    with desk(config) as at:
        rows = [_row(one) for one in at.store.views.caseless(limit)]
    if json:
        show(rows)
        return
    for row in rows:
        words = " ".join(f"{row['subject']} {row['text']}".split())[:_MOST_CHARACTERS]
        told = f"{row['channel']}  {row['author']}  {row['reason']}: {words}"
        typer.echo(f"{row['received_at']:%Y-%m-%d %H:%M}  {printable(told)}")
    if not rows:
        typer.echo("nothing came that made no case")


def _row(one: Caseless) -> dict[str, Any]:
    message, decision = one.item.message, one.item.decision
    return {
        "message": message.id,
        "received_at": in_seoul(message.received_at),
        "channel": message.channel,
        "author": message.author.handle,
        "subject": message.subject,
        "text": message.text,
        "reason": one.reason or decision.reason or decision.rule,
    }
