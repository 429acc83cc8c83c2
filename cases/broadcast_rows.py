"""Broadcasts as they are stored, and back."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, select

from cases.broadcast_model import Act, Broadcast, Post, Words
from cases.means import Means
from cases.schema import broadcast_acts, broadcast_posts, broadcasts
from core.errors import Rejected
from core.wire import decode


def row_of(connection: Connection, name: str, *, to_change: bool = False) -> Any:
    """Returns the row of a broadcast; raises `Rejected` (404) when there is none. `to_change` keeps it from others."""
    found = select(broadcasts).where(broadcasts.c.id == name.strip().upper())
    # A store would take offence at some signs.
    is_name = name.isprintable()
    row = connection.execute(found.with_for_update() if to_change else found).one_or_none() if is_name else None
    if row is None:
        raise Rejected(f"{name}: there is no such broadcast; `eungdapso broadcast list` shows their names", status=404)
    return row


def posts_of(connection: Connection, name: str) -> list[Any]:
    found = select(broadcast_posts).where(broadcast_posts.c.broadcast == name)
    return list(connection.execute(found.order_by(broadcast_posts.c.place)).all())


def approvals_of(connection: Connection, name: str) -> tuple[str, ...]:
    """Returns who approved it, in order."""
    acts = broadcast_acts.c
    found = select(acts.who).where(acts.broadcast == name, acts.what == "approved").order_by(acts.id)
    return tuple(connection.execute(found).scalars())


def words_of(means: Means, row: Any) -> Words:
    return decode(means.seal.open(bytes(row.sealed)), Words)


def whole(means: Means, connection: Connection, row: Any, *, with_posts: bool = True) -> Broadcast:
    """Returns the broadcast as staff see it."""
    words = words_of(means, row)
    rows: Sequence[Any] = posts_of(connection, row.id) if with_posts else ()
    acts = broadcast_acts.c
    done = connection.execute(select(broadcast_acts).where(acts.broadcast == row.id).order_by(acts.id)).all()
    later = select(broadcasts.c.id).where(broadcasts.c.corrects == row.id, broadcasts.c.sent_at.is_not(None))
    return Broadcast(
        id=row.id,
        audience=row.audience,
        state=row.state,
        title=words.title,
        text=words.text,
        short=words.short,
        corrects=row.corrects,
        corrected_by=tuple(connection.execute(later.order_by(broadcasts.c.created_at)).scalars()),
        drafted_by=row.drafted_by,
        created_at=row.created_at,
        sent_at=row.sent_at,
        recalled_at=row.recalled_at,
        approvals=tuple(act.who for act in done if act.what == "approved"),
        posts=tuple(post_of(each, text=_text(means, each)) for each in rows),
        acts=tuple(Act(act.at, act.who, act.what, act.why) for act in done),
    )


def post_of(row: Any, *, text: str = "") -> Post:
    return Post(
        id=row.id,
        platform=row.platform,
        account=row.account,
        place=row.place,
        is_linked=bool(row.linked),
        role=row.role,
        of=row.of,
        state=row.state,
        text=text,
        tries=row.tries,
        is_lost=bool(row.lost),
        retry_at=row.retry_at,
        first_try_at=row.first_try_at,
        tried_at=row.tried_at,
        claimed_by=row.claimed_by,
        provider_id=row.provider_id,
        error=row.error,
        sent_at=row.sent_at,
    )


def _text(means: Means, row: Any) -> str:
    return means.seal.open(bytes(row.sealed)).decode()
