"""Looks again at posts that were asked for: X wants what its authors took back to be gone with us within a day."""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from connectors._x_client import LostError, XClient
from connectors._x_pages import listed, singles, wanted
from connectors._x_posts import Reader
from connectors._x_settings import XSettings
from connectors._x_shapes import Post, Said, convert
from connectors._x_spent import Spent
from connectors._x_tokens import Token
from connectors.base import Accept, Memory
from core import telemetry
from core.clock import Clock
from core.errors import Rejected, Unavailable
from core.hook import arrivals
from core.message import Message

# As many as X shows at once.
_AT_ONCE = 100
# The newest; of more, the oldest are looked at no longer.
_MOST = 10_000
_HOUR, _DAY = 3_600.0, 86_400.0
# Why X does not show a post: it is gone, hidden, or its author was suspended. Whatever else: it is looked at later.
_GONE = ("not found", "not-found", "authorization", "not-authorized")


class _Seen(msgspec.Struct, frozen=True, omit_defaults=True):
    """A post that stands with us: the number of its newest version, whose it is, and when it was looked at last."""

    newest: str
    author: str
    account: str
    conversation: str
    since: float
    looked: float


_Known = dict[str, _Seen]


class Again:
    """Keeps the numbers of posts, in the case store, for `recheck_days`; each is looked at every `recheck_hours`. What
    is gone becomes a removal, what was edited another version of the same message."""

    def __init__(
        self,
        channel: str,
        settings: XSettings,
        bearer: str,
        reader: Reader,
        spent: Spent,
        memory: Callable[[], Memory | None],
        *,
        unix: Callable[[], float] = time.time,
    ) -> None:
        self._channel = channel
        self._settings = settings
        self._bearer = bearer
        self._reader = reader
        self._spent = spent
        self._memory = memory
        self._unix = unix
        self._own = ""
        self.note = ""
        self._due = 0.0

    async def remember(self, messages: Sequence[Message]) -> None:
        """Remembers posts that are durable now."""
        if not (messages and self._settings.recheck_hours):
            return
        now = self._unix()

        def with_these(known: _Known) -> _Known:
            return known | {m.native_id: _seen(m, known.get(m.native_id), now) for m in messages}

        await self._change(with_these)

    async def look(self, accept: Accept, clock: Clock) -> None:
        """Looks at as many as X shows at once, those first that were not looked at for longest; seldom without need."""
        now = self._unix()
        if not self._settings.recheck_hours or now < self._due:
            return
        known, before = await self._change(lambda seen: seen), now - self._settings.recheck_hours * _HOUR
        waiting = sorted((seen.looked, native_id) for native_id, seen in known.items() if seen.looked <= before)
        asked = [native_id for _, native_id in waiting[:_AT_ONCE]]
        # When one more is due, but not in every turn.
        self._due = now if len(waiting) > _AT_ONCE else now + min(600.0, self._settings.recheck_hours * _HOUR / 4)
        if not asked:
            return
        try:
            await self._look_at({native_id: known[native_id] for native_id in asked}, accept, clock)
        except (Unavailable, Rejected) as error:
            self._due, self.note = now + 600.0, f"posts cannot be looked at again: {error.reason}"
        else:
            self.note = ""

    async def _look_at(self, asked: _Known, accept: Accept, clock: Clock) -> None:
        page = await self._page([seen.newest for seen in asked.values()])
        gone = _gone_in(page)
        newest = _newest_in(page)
        removed = {native_id for native_id, seen in asked.items() if seen.newest in gone}
        edited = {
            native_id: newest[seen.newest]
            for native_id, seen in asked.items()
            if newest.get(seen.newest, seen.newest) != seen.newest
        }
        told = [message for native_id in removed for message in self._removal(native_id, asked[native_id], clock)]
        versions = await self._versions(edited, asked, clock) if edited else []
        for message, raw in [*((one, b"{}") for one in told), *versions]:
            await accept(arrivals(self._channel, [message], raw))
        now = self._unix()
        # An edit that could not be read is looked at again from the version that is known.
        read = {message.native_id for message, _ in versions}
        moved = {native_id: number for native_id, number in edited.items() if native_id in read}

        def looked(known: _Known) -> _Known:
            there = {name: seen for name, seen in known.items() if name not in removed}
            return {
                name: msgspec.structs.replace(seen, looked=now, newest=moved.get(name, seen.newest))
                if name in asked
                else seen
                for name, seen in there.items()
            }

        await self._change(looked)

    def _removal(self, native_id: str, seen: _Seen, clock: Clock) -> list[Message]:
        handle = self._settings.accounts.get(seen.account)
        post = Post(id=native_id, author_id=seen.author, conversation_id=seen.conversation)
        return self._reader.removals(post, handle.id if handle else "", clock())

    async def _versions(self, edited: Mapping[str, str], asked: _Known, clock: Clock) -> list[tuple[Message, bytes]]:
        accounts = {edited[native_id]: asked[native_id].account for native_id in edited}
        found = []
        for one in singles(await self._page(list(edited.values()))):
            try:
                account = accounts.get(str(one["data"].get("id", "")), "")
                message = self._reader.post(convert(one, Said), clock(), account=account, is_summons=True)
            except Rejected as error:
                telemetry.refused(channel=self._channel, reason="not a message", status=error.status)
                continue
            if message is not None:
                found.append((message, msgspec.json.encode(one)))
        return found

    async def _page(self, ids: list[str]) -> dict[str, Any]:
        client = XClient(self._settings.api_url, Token(bearer=self._bearer), self._settings.timeout_seconds)
        try:
            page: dict[str, Any] = await client.get_tweets(ids, **wanted(self._settings))
        except LostError as error:
            raise Unavailable(str(error)) from error
        await self._spent.count(self._settings.prices.post_read * len(listed(page.get("data"))))
        return page

    async def _change(self, how: Callable[[_Known], _Known]) -> _Known:
        memory, oldest = self._memory(), self._unix() - self._settings.recheck_days * _DAY

        def changed(text: str) -> str:
            known = _read(text)
            kept = {name: seen for name, seen in how(known).items() if seen.since >= oldest}
            return msgspec.json.encode(dict(list(kept.items())[-_MOST:])).decode()

        if memory is None:
            self._own = text = changed(self._own)
        else:
            text = await asyncio.to_thread(memory.change, f"{self._channel} posts", changed)
        return _read(text)


def _seen(message: Message, before: _Seen | None, now: float) -> _Seen:
    newest = message.version if message.change == "edit" else message.native_id
    conversation = message.conversation.split("|")[1] if message.conversation.count("|") == 2 else ""
    since = before.since if before else now
    # A version that comes late is none that is newer.
    newest = max(newest, before.newest, key=int) if before else newest
    return _Seen(newest, message.author.handle, message.account, conversation, since, now)


def _gone_in(page: Mapping[str, Any]) -> set[str]:
    """Returns the posts that X says it does not show."""
    found = set()
    for error in listed(page.get("errors")):
        why = f"{error.get('title', '')} {error.get('type', '')}".lower()
        if error.get("resource_type", "tweet") == "tweet" and any(word in why for word in _GONE):
            found.add(str(error.get("resource_id") or error.get("value") or ""))
    return found - {""}


def _newest_in(page: Mapping[str, Any]) -> dict[str, str]:
    """Returns for each post that is shown the number of its newest version."""
    histories = {str(post.get("id", "")): post.get("edit_history_tweet_ids") for post in listed(page.get("data"))}
    return {
        post: str(history[-1])
        for post, history in histories.items()
        if isinstance(history, list) and history and str(history[-1]).isascii() and str(history[-1]).isdigit()
    }


def _read(text: str) -> _Known:
    try:
        return msgspec.json.decode(text, type=_Known) if text else {}
    except (msgspec.DecodeError, ValueError):
        return {}
