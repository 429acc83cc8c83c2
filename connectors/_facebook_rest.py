"""The way out at Facebook: letters are said, once, and what nobody answered for is looked for."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from connectors._facebook_graph import ANSWERED, DUPLICATE, LostError, RefusedError
from connectors._facebook_settings import FacebookSettings
from connectors._facebook_ways import Page, Way, Ways, tagged
from core.clock import Clock
from core.errors import Rejected, Unavailable, Uncertain
from core.reply import Receipt, Reply, Sender

_LOOKED_THROUGH = 50
# How patiently the parts after the first are tried.
_PATIENT_TRIES, _FIRST_WAIT_SECONDS, _PATIENT_SECONDS = 3, 1.0, 30.0


class FacebookSender(Sender):
    """Facebook has no idempotency key, but it can be asked what stands below a comment and in a conversation.

    Once the first part of a letter is out, it is never begun again: a part that follows is tried patiently, and when
    it will not go, the whole is `Uncertain`, with how far it got.
    """

    repeatable = False

    def __init__(
        self,
        settings: FacebookSettings,
        page_of: Callable[[str], Page],
        clock: Clock,
        *,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._ways = Ways(settings, clock)
        self._page_of = page_of
        self._pause = pause

    async def send(self, reply: Reply) -> Receipt:
        page = self._page_of(reply.account)
        way = self._ways.of(page, reply)
        if not way.texts:
            raise Rejected("there is nothing to say")
        try:
            way, first = await self._begin(page, way, reply)
        except RefusedError as error:
            raise Rejected(error.reason) from error
        for number, text in enumerate(way.texts[1:], start=2):
            try:
                await self._say_on(page, way, reply, text)
            except (RefusedError, Unavailable, Uncertain) as error:
                got = f"part {number} of {len(way.texts)} did not go, those before it did"
                raise Uncertain(f"{got}: {error}") from error
        return Receipt(provider_id=first)

    async def find(self, reply: Reply) -> Receipt | None:
        """Looks for these words below the comment, or in the conversation."""
        try:
            page = self._page_of(reply.account)
            way = self._ways.of(page, reply, is_past=True)
            found = [await _found(page, way, reply, text) for text in way.texts]
        except (LostError, RefusedError, Rejected, Unavailable) as error:
            raise Uncertain(f"Facebook cannot say what became of it: {type(error).__name__}") from error
        if all(found) and found:
            return Receipt(provider_id=found[0])
        if any(found):
            raise Uncertain("only a part of the letter went out")
        if way.is_private:
            raise Uncertain("a private reply may lie where Facebook shows it to nobody before it is answered")
        return None

    async def _begin(self, page: Page, way: Way, reply: Reply) -> tuple[Way, str]:
        """Says the first text; returns the way on which it went, and its id."""
        try:
            return way, await self._say(page, way, reply, way.texts[0])
        except RefusedError as error:
            # Facebook knows better than we when its day is over.
            if not (error.is_late and way.may_be_tagged):
                raise
        way = tagged(way)
        return way, await self._say(page, way, reply, way.texts[0])

    async def _say(self, page: Page, way: Way, reply: Reply, text: str) -> str:
        body = {"message": text} if way.is_comment else {**way.body, "message": {"text": text}}
        try:
            made = await page.graph.post(way.path, body)
        except LostError as lost:
            found = await _found_silently(page, way, reply, text)
            if not found:
                # Not to be found yet proves nothing: the request may still be on its way.
                raise Uncertain(str(lost)) from lost
            return found
        except RefusedError as error:
            # The answer to an earlier try may have been lost.
            if error.code in {DUPLICATE, ANSWERED} and (found := await _found_silently(page, way, reply, text)):
                return found
            raise
        sent = made.get("id" if way.is_comment else "message_id")
        if not isinstance(sent, str) or not sent:
            raise Uncertain("Facebook said yes and gave no id")
        return sent

    async def _say_on(self, page: Page, way: Way, reply: Reply, text: str) -> str:
        seconds = _FIRST_WAIT_SECONDS
        for _ in range(_PATIENT_TRIES - 1):
            try:
                return await self._say(page, way, reply, text)
            except Unavailable as error:
                seconds = min(max(error.retry_after_seconds or 0, seconds), _PATIENT_SECONDS)
                await self._pause(seconds)
                seconds *= 2
        return await self._say(page, way, reply, text)


async def _found_silently(page: Page, way: Way, reply: Reply, text: str) -> str:
    try:
        return await _found(page, way, reply, text)
    except (LostError, RefusedError, Unavailable):
        return ""


async def _found(page: Page, way: Way, reply: Reply, text: str) -> str:
    """Returns the id of what the page said with these words, "" when it is not there."""
    if not way.is_comment:
        return _same(await _messages(page, reply.to), page, text)
    found = _same(await _comments(page, reply.in_reply_to), page, text)
    if found or reply.in_reply_to.startswith(f"{page.id}_"):
        return found
    # An answer to an answer stands beside it, not below it.
    asked = await page.graph.get(reply.in_reply_to, fields="parent{id}")
    above = _table(asked.get("parent")).get("id")
    return _same(await _comments(page, above), page, text) if isinstance(above, str) and above else ""


async def _comments(page: Page, below: str) -> list[Mapping[str, Any]]:
    asked = await page.graph.get(
        f"{below}/comments",
        fields="id,message,from{id}",
        order="reverse_chronological",
        filter="stream",
        limit=str(_LOOKED_THROUGH),
    )
    return _tables(asked.get("data"))


async def _messages(page: Page, person: str) -> list[Mapping[str, Any]]:
    fields = f"messages.limit({_LOOKED_THROUGH}){{id,message,from}}"
    asked = await page.graph.get(f"{page.id}/conversations", platform="MESSENGER", user_id=person, fields=fields)
    found = [_table(one.get("messages")).get("data") for one in _tables(asked.get("data"))]
    return [message for one in found for message in _tables(one)]


def _same(known: list[Mapping[str, Any]], page: Page, text: str) -> str:
    wanted = "".join(text.split())
    for one in known:
        is_ours = str(_table(one.get("from")).get("id", "")) == page.id
        if is_ours and "".join(str(one.get("message", "")).split()) == wanted:
            return str(one.get("id", ""))
    return ""


def _tables(given: Any) -> list[Mapping[str, Any]]:
    return [one for one in given if isinstance(one, dict)] if isinstance(given, list) else []


def _table(given: Any) -> Mapping[str, Any]:
    return given if isinstance(given, dict) else {}
