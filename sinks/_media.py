"""Gets the files that one channel's messages name: fetched, judged, kept, and looked into for a place."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from typing import Protocol

import msgspec

from cases.fetches import Fetches, Got, Wanted
from cases.pieces import PHOTOGRAPHS, Piece, is_inside
from core import telemetry
from core.clock import Clock, machine_clock
from core.errors import Rejected, Unavailable
from core.message import Attachment, Location, Message
from sinks._backoff import Backoff
from sinks._fetch import Content, Located
from sinks._kinds import kind_of, objection
from sinks._photo import location_of

# So many of one channel are on their way at once; each may be as large as the limit.
_AT_ONCE = 3
# Nobody works at one for so long: who does is dead, and another process takes it.
_LEASE_SECONDS = 600.0
# A file that is not there may come a moment later; a link that ran out does not come back.
_TRIES_ABSENT = 4
_FIRST_REST_SECONDS, _LONGEST_REST_SECONDS, _LONGEST_REST_ANYWHERE_SECONDS = 1.0, 60.0, 2.0


class Locate(Protocol):
    """Knows where the provider keeps what a message names (connectors.base.Locator)."""

    async def locate(self, attachment: Attachment) -> Located: ...


class Fetching(Protocol):
    async def fetch(self, located: Located) -> Content: ...


class Shelf(Protocol):
    """Where files rest (sinks.attachments)."""

    async def read(self, received_at: datetime, attachment: Attachment) -> bytes: ...
    async def keep(self, received_at: datetime, attachment: Attachment, content: bytes) -> Attachment: ...


class Anywhere(msgspec.Struct, frozen=True, kw_only=True):
    """An address that anybody may ask."""

    url: str
    headers: dict[str, str] = {}
    trusted: bool = False


class Means(msgspec.Struct, frozen=True, kw_only=True):
    """What every channel's files go through. `districts` says where a place lies, and whether that is sure; `placed`
    is told of a message whose case awaits the place that its photograph names."""

    fetches: Fetches
    shelf: Shelf
    allowed: Sequence[str]
    districts: Callable[[Location], tuple[Sequence[str], bool]]
    placed: Callable[[Message, Location], Awaitable[None]]
    backoff: Backoff = Backoff()
    machine: Clock = machine_clock


class Media:
    """One channel's files. What cannot be had now is tried again, less and less often, until it has been long enough;
    what is not allowed is never kept."""

    def __init__(
        self, channel: str, means: Means, fetcher: Fetching, locate: Locate | None, *, newest_first: bool = False
    ) -> None:
        self.channel = channel
        self._means = means
        self._fetcher = fetcher
        self._locate = locate
        self._newest_first = newest_first

    async def round(self) -> tuple[int, int]:
        """Takes a few files and does what can be done; returns how many they were, and how many must wait."""
        wanted = await asyncio.to_thread(self._claim)
        # Whatever one of them is made of, the others go on.
        done = await asyncio.gather(*(self._got(one) for one in wanted), return_exceptions=True)
        got = [self._outcome(one, result) for one, result in zip(wanted, done, strict=True)]
        for one in got:
            message = await asyncio.to_thread(self._means.fetches.settle, one)
            if message is not None and one.piece is not None and one.piece.location is not None:
                await self._means.placed(message, one.piece.location)
            telemetry.fetched(channel=self.channel, state=one.state, reason=one.error)
        return len(got), sum(one.state == "queued" for one in got)

    def _claim(self) -> list[Wanted]:
        return self._means.fetches.claim(
            self.channel, _AT_ONCE, seconds=_LEASE_SECONDS, newest_first=self._newest_first
        )

    async def _got(self, wanted: Wanted) -> Piece:
        attachment = wanted.piece.attachment
        if is_inside(attachment):
            body = await self._means.shelf.read(wanted.received_at, attachment)
        else:
            body, attachment = await self._fetched(wanted, attachment)
        located = await asyncio.to_thread(location_of, body) if attachment.media_type in PHOTOGRAPHS else None
        districts, is_sure = self._means.districts(located) if located else ((), False)
        return Piece(attachment=attachment, location=located, districts=tuple(districts), is_sure=is_sure)

    async def _fetched(self, wanted: Wanted, attachment: Attachment) -> tuple[bytes, Attachment]:
        located: Located = Anywhere(url=attachment.place)
        if self._locate is not None:
            located = await self._locate.locate(attachment)
        content = await self._fetcher.fetch(located)
        kind = kind_of(content.body, named=attachment.media_type, served=content.media_type)
        if reason := objection(attachment.name, kind, self._means.allowed):
            raise Rejected(reason)
        attachment = msgspec.structs.replace(attachment, media_type=kind)
        return content.body, await self._means.shelf.keep(wanted.received_at, attachment, content.body)

    def _outcome(self, wanted: Wanted, result: Piece | BaseException) -> Got:
        match result:
            case Piece():
                return Got(id=wanted.id, state="fetched", piece=result)
            case Rejected() if result.status != 404 or self._is_gone(wanted):
                return Got(id=wanted.id, state="refused", error=result.reason)
            case Rejected() | Unavailable():
                return self._later(wanted, result.reason, getattr(result, "retry_after_seconds", None))
        return self._later(wanted, f"it could not be dealt with: {type(result).__name__}", None)

    def _is_gone(self, wanted: Wanted) -> bool:
        # What came within the payload is taken out of it beside us, as soon as its store is there.
        return wanted.tries >= _TRIES_ABSENT and not is_inside(wanted.piece.attachment)

    def _later(self, wanted: Wanted, reason: str, wish: float | None) -> Got:
        now, backoff = self._means.machine(), self._means.backoff
        seconds = backoff.wait_seconds(wanted.tries, wish)
        if now + timedelta(seconds=seconds) > wanted.first_try_at + timedelta(hours=backoff.most_hours):
            return Got(id=wanted.id, state="failed", error=f"given up after {wanted.tries} tries: {reason}")
        return Got(id=wanted.id, state="queued", error=reason, retry_at=now + timedelta(seconds=seconds))


class Rest:
    """How long to rest after a round in which nothing could be had: nobody hammers a provider that is away. Where every
    message names another host, `is_anywhere`, it is short: a few dead links are not to hold up all other files."""

    def __init__(self, *, is_anywhere: bool = False) -> None:
        self._seconds = 0.0
        self._most_seconds = _LONGEST_REST_ANYWHERE_SECONDS if is_anywhere else _LONGEST_REST_SECONDS

    def after(self, taken: int, waiting: int) -> float:
        if taken and taken == waiting:
            self._seconds = min(max(self._seconds * 2, _FIRST_REST_SECONDS), self._most_seconds)
        elif taken:
            self._seconds = 0.0
        return self._seconds
