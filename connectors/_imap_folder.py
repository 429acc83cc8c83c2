"""How far one folder of a mailbox was read, and the next step in it: the oldest first, nothing passed over."""

from collections.abc import Iterable
from datetime import date

import msgspec
from msgspec import structs

from connectors._imap_session import Folder, Listed, Refused, Session
from core.errors import Rejected

# A step is made durable before the next one begins.
_MAILS, _BYTES = 25, 16_777_216
_FIRST_WINDOW, _GROWTH = 200, 4
# Mails that the server does not give out are asked for again and again, but not without end.
_MOST_LEFT = 100


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """The place in one folder. `last` is the number up to which everything is durable; numbers below `until` were
    there when the folder was first seen, and of those only the mails count that came in from the day `since` on.
    `left` are mails that the server would not give out."""

    validity: int
    last: int
    until: int
    since: date
    left: tuple[int, ...] = ()


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """Mails to be made durable, and the place that then holds."""

    mails: list[bytes]
    seen: Seen
    is_last: bool


def begun(seen: Seen | None, folder: Folder, first_day: date) -> Seen:
    """Returns the place to go on from. When the server has numbered its mails anew, all of them are looked through
    again from the last day on that was seen; what came before is known by its native id."""
    if seen is not None and seen.validity == folder.validity:
        return seen
    since = seen.since if seen is not None else first_day
    return Seen(validity=folder.validity, last=0, until=folder.next_number, since=since)


def step(session: Session, folder: Folder, seen: Seen, size_bytes: int, today: date) -> Step:
    """Returns the next mails of the folder that is open; one that says it came in after `today` says nothing of when.

    Raises `Unavailable`, `Rejected`.
    """
    listed, reached = _ahead(session, folder, seen)
    wanted = [one for one in listed if one.number >= seen.until or one.day is None or one.day >= seen.since]
    now = _at_once(wanted)
    reached = now[-1].number if len(now) < len(wanted) else reached
    mails, refused = _fetched(session, [one.number for one in now], size_bytes)
    days = [one.day for one in now if one.day is not None and one.number >= seen.until and one.day <= today]
    later = structs.replace(
        seen, last=reached, left=_bounded((*seen.left, *refused)), since=max([*days, seen.since], default=seen.since)
    )
    return Step(mails=mails, seen=later, is_last=reached + 1 >= folder.next_number)


def left_over(session: Session, seen: Seen, size_bytes: int) -> Step:
    """Returns the mails that could not be had before and can now."""
    mails, refused = _fetched(session, seen.left, size_bytes)
    return Step(mails=mails, seen=structs.replace(seen, left=tuple(refused)), is_last=False)


def _ahead(session: Session, folder: Folder, seen: Seen) -> tuple[list[Listed], int]:
    """The mails next in line and up to where that is all; numbers may be far apart, so empty stretches grow."""
    window, last = _FIRST_WINDOW, seen.last
    while last + 1 < folder.next_number:
        first, last = last + 1, min(last + window, folder.next_number - 1)
        if listed := session.listed(first, last):
            return listed, last
        window *= _GROWTH
    return [], max(last, folder.next_number - 1)


def _at_once(wanted: list[Listed]) -> list[Listed]:
    count, size = 0, 0
    for one in wanted[:_MAILS]:
        size += one.size
        if count and size > _BYTES:
            break
        count += 1
    return wanted[:count]


def _fetched(session: Session, numbers: Iterable[int], size_bytes: int) -> tuple[list[bytes], list[int]]:
    """The mails that are still there, and the numbers of those that the server refuses."""
    mails: list[bytes] = []
    refused: list[int] = []
    for number in numbers:
        try:
            raw = session.fetch(number, size_bytes)
        except Refused:
            refused.append(number)
            continue
        if raw is not None and raw.strip():
            mails.append(raw)
    return mails, refused


def _bounded(left: tuple[int, ...]) -> tuple[int, ...]:
    if len(left) > _MOST_LEFT:
        raise Rejected(f"the server refuses to give out {len(left)} mails, the first with UID {left[0]}")
    return left
