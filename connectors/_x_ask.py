"""Asks X for the mentions of every account, oldest first, and listens to the stream in between."""

import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from tweepy.asynchronous import AsyncPaginator

from connectors._x_again import Again
from connectors._x_client import LostError, XClient
from connectors._x_pages import listed, number, singles, table, wanted
from connectors._x_posts import Reader
from connectors._x_settings import Account, XSettings
from connectors._x_shapes import Said, convert
from connectors._x_spent import Spent
from connectors._x_stream import Stream
from connectors._x_tokens import Token
from connectors.base import Accept, Asked
from core import telemetry
from core.clock import Clock
from core.errors import Rejected, Unavailable
from core.hook import arrivals
from core.message import Arrival, Message

# X keeps 800 mentions, in pages of a hundred.
_PAGE, _MOST_PAGES = 100, 100
# After so long the accounts that are left have to wait for the next turn.
_LONGEST_ROUND_SECONDS = 45.0


class _Known(msgspec.Struct, frozen=True, omit_defaults=True):
    """How far one account has been read: after a post, or, as long as there was none, from a moment."""

    since_id: str = ""
    start: str = ""


class _Place(msgspec.Struct, frozen=True, omit_defaults=True):
    accounts: dict[str, _Known] = {}


class Asking:
    """One turn after the other. What one account is refused stops no other account.

    `bearer` is "" where X only calls us: then nothing is asked, and what its calls cost is counted.
    """

    def __init__(
        self,
        channel: str,
        settings: XSettings,
        bearer: str,
        reader: Reader,
        spent: Spent,
        again: Again,
        *,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._channel = channel
        self._settings = settings
        self._bearer = bearer
        self._reader = reader
        self._spent = spent
        self._again = again
        self._monotonic = monotonic
        self._due = 0.0
        # Who is asked first: after a limit was reached, those who were not asked.
        self._first = ""
        self._note = ""
        self._stream = Stream(settings, bearer, wanted(settings)) if bearer and settings.stream_rules else None

    async def ask(self, place: str, accept: Accept, clock: Clock) -> Asked:
        known = _read(place)
        await self._spent.count()
        if self._bearer and self._monotonic() >= self._due:
            known, wait = await self._mentions(known, accept, clock)
            self._due = self._monotonic() + wait
        if self._bearer and not self._spent.is_over:
            await self._again.look(accept, clock)
        left = max(0.0, self._due - self._monotonic())
        is_streaming = self._stream is not None and not self._spent.is_over
        if is_streaming:
            await self._listen(min(left, self._settings.stream_seconds), accept, clock)
        elif self._stream is not None:
            await self._stream.close()
        note = "; ".join(
            filter(None, (self._note, self._again.note, self._stream.note if self._stream else "", self._spent.note))
        )
        wait = 0.0 if is_streaming else left if self._bearer else self._settings.poll_seconds
        return Asked(place=msgspec.json.encode(known).decode(), wait_seconds=wait, note=note)

    async def close(self) -> None:
        if self._stream is not None:
            await self._stream.close()

    async def _mentions(self, known: _Place, accept: Accept, clock: Clock) -> tuple[_Place, float]:
        """Asks for each account; returns the new place and how long to wait. Raises when nothing at all worked."""
        begun, failed, places, wait = self._monotonic(), dict[str, str](), dict(known.accounts), 0.0
        error: Unavailable | Rejected | None = None
        is_working = self._stream is not None
        order = _from(self._first, list(self._settings.accounts))
        for place, handle in enumerate(order):
            self._first = handle
            if self._monotonic() - begun > _LONGEST_ROUND_SECONDS:
                break
            try:
                places[handle] = await self._account(handle, places.get(handle, _Known()), accept, clock)
                is_working = True
            except (Unavailable, Rejected) as refusal:
                error, failed[handle] = refusal, refusal.reason
                if isinstance(refusal, Unavailable):
                    wait = refusal.retry_after_seconds or 0.0
                    break
            self._first = order[(place + 1) % len(order)]
        self._note = "; ".join(f"{handle}: {reason}" for handle, reason in failed.items())
        if error is not None and not is_working:
            raise error
        return _Place(places), max(wait, self._settings.poll_seconds)

    async def _account(self, handle: str, known: _Known, accept: Accept, clock: Clock) -> _Known:
        """Makes everything durable that was written to this account since; only then it counts as read."""
        account = self._settings.accounts[handle]
        if not known.since_id and not known.start:
            start = datetime.now(UTC) - timedelta(hours=self._settings.first_hours)
            known = _Known(start=f"{start:%Y-%m-%dT%H:%M:%SZ}")
        found = await self._pages(account, known)
        # Newest first is how X gives them; a conversation is read in its order.
        posts = sorted(found, key=lambda one: number(one.get("data")))
        await self._take(posts, handle, accept, clock, is_summons=True)
        newest = max([number(one.get("data")) for one in posts], default=0)
        return _Known(since_id=str(newest)) if newest > int(known.since_id or 0) else known

    async def _pages(self, account: Account, known: _Known) -> list[dict[str, Any]]:
        """Returns all that is new, each post with what belongs to it; half of it is never returned."""
        client = XClient(self._settings.api_url, Token(bearer=self._bearer), self._settings.timeout_seconds)
        since = {"since_id": known.since_id} if known.since_id else {"start_time": known.start}
        asked = {**wanted(self._settings), **since, "max_results": _PAGE}
        posts: list[dict[str, Any]] = []
        pages = names = 0
        try:
            async for page in AsyncPaginator(client.get_users_mentions, account.id, limit=_MOST_PAGES, **asked):
                posts += singles(page)
                names += len(listed(table(page.get("includes")).get("users")))
                pages += 1
                if pages == _MOST_PAGES and table(page.get("meta")).get("next_token"):
                    raise Unavailable("X gives pages without end")
        except LostError as error:
            raise Unavailable(str(error)) from error
        prices = self._settings.prices
        await self._spent.count(prices.own_read * len(posts) + prices.user_read * names)
        return posts

    async def _listen(self, seconds: float, accept: Accept, clock: Clock) -> None:
        assert self._stream is not None
        lines = await self._stream.take(seconds)
        if not lines:
            return
        posts = [decoded for line in lines if (decoded := _decoded(line))]
        prices = self._settings.prices
        names = sum(len(listed(table(post.get("includes")).get("users"))) for post in posts)
        await self._take(posts, next(iter(self._settings.accounts)), accept, clock)
        self._stream.taken(len(lines))
        await self._spent.count(prices.post_read * len(posts) + prices.user_read * names)

    async def _take(
        self,
        posts: Iterable[dict[str, Any]],
        account: str,
        accept: Accept,
        clock: Clock,
        *,
        is_summons: bool = False,
    ) -> None:
        new: list[Arrival] = []
        known: list[Message] = []
        for post in posts:
            try:
                message = self._reader.post(convert(post, Said), clock(), account=account, is_summons=is_summons)
            except Rejected as error:
                # One post that nobody can read must not keep all later ones out.
                telemetry.refused(channel=self._channel, reason="not a message", status=error.status)
                continue
            if message is not None:
                new += arrivals(self._channel, [message], msgspec.json.encode(post))
                known.append(message)
        for start in range(0, len(new), _PAGE):
            await accept(new[start : start + _PAGE])
        await self._again.remember(known)


def _read(place: str) -> _Place:
    try:
        return msgspec.json.decode(place, type=_Place) if place else _Place()
    except (msgspec.DecodeError, ValueError) as error:
        raise Rejected("the place that was kept cannot be read") from error


def _decoded(line: bytes) -> dict[str, Any] | None:
    try:
        found = msgspec.json.decode(line)
    except (msgspec.DecodeError, ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) and isinstance(found.get("data"), dict) else None


def _from(first: str, handles: list[str]) -> list[str]:
    at = handles.index(first) if first in handles else 0
    return handles[at:] + handles[:at]
