"""What everybody may read of broadcasts: what was sent; of what was taken back only that it was."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, select

from cases.broadcast_model import Told
from cases.broadcast_rows import words_of
from cases.means import Means
from cases.schema import broadcasts

_OUT = ("sending", "done")


def told(means: Means, limit: int, offset: int, *, with_recalled: bool, name: str) -> list[Told]:
    """Returns what was sent, the newest first, and not taken back unless that is asked for; all of them, or the one of
    this name."""
    states = (*_OUT, "recalled") if with_recalled else _OUT
    wanted = broadcasts.c.sent_at.is_not(None) & broadcasts.c.state.in_(states)
    if name:
        wanted &= broadcasts.c.id == name
    newest = select(broadcasts).where(wanted).order_by(broadcasts.c.sent_at.desc(), broadcasts.c.id.desc())
    with means.database.read() as connection:
        rows = connection.execute(newest.limit(max(1, limit)).offset(offset)).all()
        corrections = _corrections(connection, [row.id for row in rows if row.recalled_at is not None])
    return [_told(means, row, corrections.get(row.id, "")) for row in rows]


def _corrections(connection: Connection, names: Sequence[str]) -> dict[str, str]:
    """Returns by which broadcast each of these was put right, the latest. That one may have been, too."""
    right = select(broadcasts.c.corrects, broadcasts.c.id).where(
        broadcasts.c.corrects.in_(names), broadcasts.c.sent_at.is_not(None)
    )
    return {row.corrects: row.id for row in connection.execute(right.order_by(broadcasts.c.sent_at))}


def _told(means: Means, row: Any, corrected_by: str) -> Told:
    words = words_of(means, row)
    return Told(
        id=row.id,
        title=words.title,
        text=words.text if row.recalled_at is None else "",
        at=row.sent_at,
        corrects=row.corrects,
        corrected_by=corrected_by,
        recalled_at=row.recalled_at,
    )
