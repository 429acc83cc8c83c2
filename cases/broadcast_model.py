"""What a broadcast is: its states, its posts account by account, and which account of a platform speaks first."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Literal

import msgspec

from core.text import fold

BroadcastState = Literal["draft", "approved", "sending", "done", "recalled"]
Role = Literal["post", "repost"]
# `left`: it was to be taken back and stands there still. `stays`: so it does, and the platform takes nothing back.
# `kept`: a person knows that it stands there. `dropped`: it never went out and no longer shall.
PostState = Literal[
    "waiting",
    "queued",
    "sending",
    "sent",
    "failed",
    "uncertain",
    "recalling",
    "removing",
    "recalled",
    "left",
    "stays",
    "kept",
    "dropped",
]
# Somebody has to look at these.
TROUBLED: tuple[PostState, ...] = ("failed", "uncertain", "left", "stays")
# Something is still to be done about these.
UNDONE_STATES: tuple[PostState, ...] = ("queued", "sending", "recalling", "removing")


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """An account that a broadcast would go to, with exactly the words that it would post there."""

    platform: str
    account: str
    name: str
    text: str
    # The platform forbids the same words from several accounts.
    is_linked: bool = False
    # False: nothing is set up there, it goes to a file.
    is_live: bool = True
    is_shortened: bool = False
    # Why it cannot go out there, "" when nothing speaks against it.
    problem: str = ""


class Draft(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody wants to tell everybody."""

    audience: str
    title: str
    text: str
    targets: tuple[Target, ...]
    short: str = ""
    corrects: str = ""
    # The same cause again is the same draft.
    cause: str = ""


class Post(msgspec.Struct, frozen=True, kw_only=True):
    """How far one account has come."""

    id: str
    platform: str
    account: str
    place: int
    is_linked: bool
    role: Role
    of: str
    state: PostState
    text: str = ""
    tries: int = 0
    is_lost: bool = False
    retry_at: datetime | None = None
    first_try_at: datetime | None = None
    tried_at: datetime | None = None
    claimed_by: int | None = None
    provider_id: str = ""
    error: str = ""
    sent_at: datetime | None = None


class Act(msgspec.Struct, frozen=True):
    """Who did what with it, and why."""

    at: datetime
    who: str
    what: str
    why: str


class Broadcast(msgspec.Struct, frozen=True, kw_only=True):
    """One text for everybody, as staff see it."""

    id: str
    audience: str
    state: BroadcastState
    title: str
    text: str
    short: str
    corrects: str
    corrected_by: tuple[str, ...]
    drafted_by: str
    created_at: datetime
    sent_at: datetime | None
    recalled_at: datetime | None
    approvals: tuple[str, ...]
    posts: tuple[Post, ...] = ()
    acts: tuple[Act, ...] = ()

    @property
    def counts(self) -> dict[str, int]:
        """Returns how many posts are in each state."""
        found: dict[str, int] = {}
        for post in self.posts:
            found[post.state] = found.get(post.state, 0) + 1
        return found


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """What everybody may read of a broadcast that went out. Of one that was taken back the words are gone; its title
    stays, so that who has seen it knows which one it was."""

    id: str
    title: str
    text: str
    at: datetime
    corrects: str = ""
    corrected_by: str = ""
    recalled_at: datetime | None = None


class Words(msgspec.Struct, frozen=True, kw_only=True):
    """What is sealed of a broadcast."""

    title: str
    text: str
    short: str = ""


# Letters to Unicode, blanks to the eye: the fillers of Hangul.
_UNSEEN = "\u115f\u1160"


def same_person(one: str, other: str) -> bool:
    """Whether two names are one officer's: neither blanks, signs that nobody sees nor capitals make two of one."""
    return _bare(one) == _bare(other)


def _bare(name: str) -> str:
    return "".join(sign for sign in fold(name) if sign.isalnum() and sign not in _UNSEEN)


def led(posts: Sequence[Post], now: datetime, patience: timedelta) -> Mapping[str, tuple[Role, str]]:
    """Returns the rows that get another part: where the same words are forbidden, one account posts, the others repost.

    When the one that posts fails, or gives no answer within `patience`, the next one posts: nobody waits for a single
    account. A row that may have gone out keeps its part until that is known.
    """
    changes: dict[str, tuple[Role, str]] = {}
    for platform in dict.fromkeys(post.platform for post in posts if post.is_linked):
        group = [post for post in posts if post.is_linked and post.platform == platform]
        lead = _lead(group, now, patience)
        for post in group if lead else ():
            part: tuple[Role, str] = ("post", "") if post is lead else ("repost", lead.id if lead else "")
            if post.state == "queued" and not post.is_lost and (post.role, post.of) != part:
                changes[post.id] = part
    return changes


def _lead(group: Sequence[Post], now: datetime, patience: timedelta) -> Post | None:
    """Returns who posts: who did, else who is about to, else whoever may try now, the least tried first."""
    posting = [post for post in group if post.role == "post"]
    done = [post for post in posting if post.state == "sent" and post.provider_id]
    going = done or [post for post in posting if _is_going(post, now, patience)]
    if going:
        return going[0]
    free = [post for post in group if post.state == "queued" and not post.is_lost and _is_due(post, now)]
    return min(free, key=lambda post: (post.tries, post.place), default=None)


def _is_going(post: Post, now: datetime, patience: timedelta) -> bool:
    if post.state == "sending" or (post.state == "queued" and post.is_lost):
        return post.tried_at is not None and now - post.tried_at <= patience
    return post.state == "queued" and _is_due(post, now)


def _is_due(post: Post, now: datetime) -> bool:
    return post.retry_at is not None and post.retry_at <= now
