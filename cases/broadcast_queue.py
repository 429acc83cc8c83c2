"""Which posts of broadcasts are to go out now, who has taken one, and what became of it. Never silently twice."""

from collections.abc import Callable, Collection, Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import Connection, func, select, text, update

from cases.broadcast_model import TROUBLED, UNDONE_STATES, Post, PostState, led
from cases.broadcast_rows import post_of, posts_of, row_of
from cases.database import anew
from cases.means import Means
from cases.presence import Hold, Presence, since_boot
from cases.schema import UNDONE, broadcast_posts, broadcasts
from core.errors import Rejected

# Who looks at what went wrong long ago knows of it by now.
_TOLD_FOR = timedelta(days=1)
# Whoever follows the account reads it there.
_STANDS = ("sent", "left", "stays", "kept")


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """A post that the caller has to bring out, or to take back. `is_lost`: it may be out already. `is_recalled`: it
    shall not go out any more, and is taken back when it did. `of` is the platform's id of what is reposted."""

    id: str
    broadcast: str
    platform: str
    account: str
    text: str
    of: str
    tries: int
    since: datetime
    is_repost: bool = False
    is_removal: bool = False
    is_lost: bool = False
    is_recalled: bool = False
    provider_id: str = ""


class Done(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a try: an end, or `queued` (`recalling`) again from `retry_at` on, by the machine's clock."""

    id: str
    state: PostState
    provider_id: str = ""
    error: str = ""
    retry_at: datetime | None = None
    is_lost: bool = False
    is_try: bool = True


class Jobs(msgspec.Struct, frozen=True):
    """What was taken, while the `hold` has it."""

    ready: list[Job]
    hold: Hold


class BroadcastQueue:
    """Used from threads. `busy` are the rows that this process is at."""

    def __init__(self, means: Means, *, ticks: Callable[[], float] = since_boot) -> None:
        self._means = means
        self._database = means.database
        self._presence = Presence(means.database, ticks)

    def close(self) -> None:
        """Lets go of what this process keeps for as long as it sends; may be called twice."""
        self._presence.close()

    def has_work(self) -> bool:
        """Whether anything is to go out, to be taken back, or on its way."""
        with self._database.read() as connection:
            found = select(broadcast_posts.c.id).where(text(UNDONE)).limit(1)
            return connection.execute(found).first() is not None

    def troubled(self) -> dict[str, dict[str, int]]:
        """Returns by broadcast how many posts wait for a person, in each state; of the last day. What cannot be taken
        back waits for nobody where what puts it right has gone out."""
        since = self._means.clock() - _TOLD_FOR
        right, its = broadcasts.alias(), broadcast_posts.alias()
        is_right = (
            select(its.c.id)
            .join(right, right.c.id == its.c.broadcast)
            .where(right.c.corrects == broadcast_posts.c.broadcast, its.c.state.in_(_STANDS))
            .where(its.c.platform == broadcast_posts.c.platform, its.c.account == broadcast_posts.c.account)
        )
        is_answered = broadcast_posts.c.state.in_(("left", "stays")) & is_right.exists()
        counted = (
            select(broadcast_posts.c.broadcast, broadcast_posts.c.state, func.count())
            .join(broadcasts, broadcasts.c.id == broadcast_posts.c.broadcast)
            .where(broadcast_posts.c.state.in_(TROUBLED), broadcasts.c.sent_at > since, ~is_answered)
            .group_by(broadcast_posts.c.broadcast, broadcast_posts.c.state)
        )
        found: dict[str, dict[str, int]] = {}
        with self._database.read() as connection:
            for name, state, count in connection.execute(counted):
                found.setdefault(name, {})[state] = count
        return found

    @anew
    def claim(self, most: int, busy: Collection[str], *, patience: timedelta) -> Jobs:
        """Takes posts to bring them out; what another process, which lives, is at is left to it.

        Where the same words may not come from several accounts, somebody else posts when the first one is not heard of
        within `patience`.
        """
        me, now = self._presence.name(), self._means.machine()
        ready: list[Job] = []
        with self._database.write() as connection:
            undone = select(broadcast_posts.c.broadcast).where(text(UNDONE)).distinct()
            for name in sorted(connection.execute(undone).scalars()):
                row = row_of(connection, name, to_change=True)
                rows = self._released(connection, posts_of(connection, name), busy)
                rows = self._led(connection, rows, now, patience)
                due = [each for each in rows if _is_due(post_of(each), rows, now, busy)]
                ready += self._taken(connection, row, due[: most - len(ready)], rows, now, me)
        return Jobs(ready, Hold(self._presence, me, [job.id for job in ready], self._retake))

    @anew
    def settle(self, done: Done) -> bool:
        """Writes down what became of a try; returns whether it was ours to write."""
        with self._database.write() as connection:
            known = select(broadcast_posts).where(broadcast_posts.c.id == done.id)
            post = connection.execute(known).one()
            row = row_of(connection, post.broadcast, to_change=True)
            post = connection.execute(known).one()
            is_ours = post.state in ("sending", "removing") and self._presence.was(post.claimed_by)
            # Whoever has the row by now: that it stands there is true.
            if not is_ours and done.state != "sent":
                return False
            values = self._values(post, row, done)
            connection.execute(update(broadcast_posts).where(broadcast_posts.c.id == done.id).values(**values))
            self._end(connection, row)
        return True

    def _values(self, post: Any, row: Any, done: Done) -> dict[str, Any]:
        state, is_recalled = done.state, row.recalled_at is not None
        if is_recalled and state == "sent":
            state = "recalling"
        if is_recalled and state in ("queued", "failed") and not done.is_lost:
            state = "dropped"
        values: dict[str, Any] = {
            "state": state,
            "error": done.error,
            "lost": done.is_lost,
            "retry_at": done.retry_at,
            "claimed_by": None,
        }
        if state == "recalling" and done.state == "sent":
            values |= {"retry_at": self._means.machine(), "tries": 0, "first_try_at": None}
        if done.state == "sent":
            values |= {"provider_id": done.provider_id, "sent_at": self._means.clock()}
        if not done.is_try:
            values["tries"] = max(0, post.tries - 1)
        return values

    def _end(self, connection: Connection, row: Any) -> None:
        """Says that it is done when nothing is left to do."""
        left = (broadcast_posts.c.broadcast == row.id) & broadcast_posts.c.state.in_(UNDONE_STATES)
        is_left = connection.execute(select(broadcast_posts.c.id).where(left).limit(1)).first()
        if is_left is None and row.state == "sending":
            connection.execute(update(broadcasts).where(broadcasts.c.id == row.id).values(state="done"))

    def _released(self, connection: Connection, rows: Sequence[Any], busy: Collection[str]) -> list[Any]:
        """Lets go of what a process was at that is gone: it may be out, and is looked for."""
        begun = [row for row in rows if row.state in ("sending", "removing") and row.id not in busy]
        names = {row.claimed_by for row in begun} - {None}
        alive = self._presence.elsewhere(connection, names) if names and not self._database.is_sqlite else set()
        gone = [row for row in begun if row.claimed_by not in alive]
        for row in gone:
            again = {"state": "recalling"} if row.state == "removing" else {"state": "queued", "lost": True}
            freed = update(broadcast_posts).where(broadcast_posts.c.id == row.id)
            connection.execute(freed.values(retry_at=self._means.machine(), claimed_by=None, **again))
        return posts_of(connection, rows[0].broadcast) if gone else list(rows)

    def _led(self, connection: Connection, rows: Sequence[Any], now: datetime, patience: timedelta) -> list[Any]:
        changes = led([post_of(row) for row in rows], now, patience)
        for name, (role, of) in changes.items():
            other = update(broadcast_posts).where(broadcast_posts.c.id == name)
            connection.execute(other.values(role=role, of=of))
        return posts_of(connection, rows[0].broadcast) if changes else list(rows)

    def _taken(
        self, connection: Connection, row: Any, due: Sequence[Any], rows: Sequence[Any], now: datetime, me: int | None
    ) -> list[Job]:
        sent = {each.id: each.provider_id for each in rows}
        taken = []
        for each in due:
            is_removal = each.state == "recalling"
            first = each.first_try_at or now
            try:
                words = self._means.seal.open(bytes(each.sealed)).decode()
            except Rejected as error:
                # Sealed with another key: it harms no other.
                bad = update(broadcast_posts).where(broadcast_posts.c.id == each.id)
                connection.execute(bad.values(state="failed", error=error.reason))
                continue
            begun = update(broadcast_posts).where(broadcast_posts.c.id == each.id)
            state = "removing" if is_removal else "sending"
            tried = {"tries": each.tries + 1, "first_try_at": first, "tried_at": now, "claimed_by": me}
            connection.execute(begun.values(state=state, **tried))
            taken.append(
                Job(
                    id=each.id,
                    broadcast=row.id,
                    platform=each.platform,
                    account=each.account,
                    text=words,
                    of=(each.provider_id or sent.get(each.of, "")) if each.role == "repost" else "",
                    tries=each.tries + 1,
                    since=first,
                    is_repost=each.role == "repost",
                    is_removal=is_removal,
                    is_lost=bool(each.lost),
                    is_recalled=row.recalled_at is not None,
                    provider_id=each.provider_id,
                )
            )
        return taken

    @anew
    def _retake(self, before: int | None, now: int | None, rows: Collection[str]) -> list[str]:
        """Takes anew, under the name of now, what is still claimed under the one before; returns these rows."""
        mine = broadcast_posts.c.id.in_(sorted(rows)) & broadcast_posts.c.state.in_(("sending", "removing"))
        with self._database.write() as connection:
            taken = update(broadcast_posts).where(mine, broadcast_posts.c.claimed_by == before)
            found = connection.execute(taken.values(claimed_by=now).returning(broadcast_posts.c.id))
            return list(found.scalars())


def _is_due(post: Post, rows: Sequence[Any], now: datetime, busy: Collection[str]) -> bool:
    if post.id in busy or post.retry_at is None or post.retry_at > now:
        return False
    if post.state == "recalling" or (post.state == "queued" and post.role == "post"):
        return True
    lead = next((row for row in rows if row.id == post.of), None)
    return post.state == "queued" and lead is not None and bool(lead.provider_id) and lead.state in _THERE


# What was sent, or is being taken back: a repost that nobody knows of is still to be looked for.
_THERE = ("sent", "recalling", "removing", "recalled", "left", "stays", "kept")
