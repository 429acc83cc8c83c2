"""What a citizen reads in the chat: what waits for them first, then what becomes of what they said."""

import asyncio
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import msgspec

from connectors._few import few
from connectors._kakao_settings import KakaoSettings
from connectors.base import Chat, Letter, Response
from core.errors import Rejected, Unavailable
from core.message import Message
from core.reply import Reply

MOST_CHARACTERS, MOST_OUTPUTS = 1_000, 3
# What asks for a rating can be answered by one touch.
RATINGS = {
    "5점 매우 만족": "5점",
    "4점 만족": "4점",
    "3점 보통": "3점",
    "2점 불만족": "2점",
    "1점 매우 불만족": "1점",
}
RATED = frozenset({"result", "survey"})
# One bubble is for what becomes of what was said just now.
_MOST_LETTERS = MOST_OUTPUTS - 1
_LOOK_SECONDS = 0.15
# So much of the time that there is belongs to taking what was found.
_TAKING_SECONDS = 0.7
# A store that does not answer keeps threads: no more than these.
_MOST_LOOKING = 4


class Shows:
    """Looks for letters while there is time. Whatever the store does, something is said when the time is over."""

    def __init__(self, settings: KakaoSettings) -> None:
        self._settings = settings
        self._looking = 0
        self._late: set[asyncio.Future[Any]] = set()

    async def told(self, chat: Chat[Any], message: Message, seconds: float, *, is_said: bool) -> Response:
        """Returns what waits for the citizen, and the receipt where no letter about this message is among it; `is_said`
        is False for who only asked to see what there is."""
        until = asyncio.get_running_loop().time() + seconds
        letters: list[Letter] = []
        ways: frozenset[str] = frozenset()
        if self._looking < _MOST_LOOKING:
            self._looking += 1
            try:
                ways = await self._within(until, chat.other_ways, message) or frozenset()
                if is_said:
                    await self._look(chat, message, until - _TAKING_SECONDS)
                letters = await self._take(chat, message, until)
            except Unavailable:
                # Said without them; they wait on.
                pass
            finally:
                self._looking -= 1
        return self._response(chat, letters, self._words(letters, ways, is_said=is_said))

    async def _look(self, chat: Chat[Any], message: Message, until: float) -> None:
        """Waits until what follows from the message is there, or surely nothing does."""
        loop = asyncio.get_running_loop()
        while (left := until - loop.time()) > 0:
            if await self._within(until, chat.look, message) in {"there", "none"}:
                return
            await asyncio.sleep(min(left, _LOOK_SECONDS))

    async def _take(self, chat: Chat[Any], message: Message, until: float) -> list[Letter]:
        taking = asyncio.ensure_future(asyncio.to_thread(chat.take, message, _MOST_LETTERS))
        left = max(0.0, until - asyncio.get_running_loop().time())
        if (await asyncio.wait([taking], timeout=left))[0]:
            return taking.result()
        # Taken when nobody could be shown them any more.
        self._late.add(taking)
        taking.add_done_callback(partial(self._put_back, chat))
        return []

    def _put_back(self, chat: Chat[Any], taking: asyncio.Future[list[Letter]]) -> None:
        self._late.discard(taking)
        if not taking.cancelled() and taking.exception() is None and taking.result():
            asyncio.get_running_loop().run_in_executor(None, chat.put_back, taking.result())

    async def _within(self, until: float, look: Any, message: Message) -> Any:
        """Returns what the store says, None when it does not in time."""
        looking = asyncio.ensure_future(asyncio.to_thread(look, message))
        left = max(0.0, until - asyncio.get_running_loop().time())
        if (await asyncio.wait([looking], timeout=left))[0]:
            return looking.result()
        self._late.add(looking)
        looking.add_done_callback(self._forget)
        return None

    def _forget(self, looking: asyncio.Future[Any]) -> None:
        self._late.discard(looking)
        if not looking.cancelled():
            looking.exception()

    def _words(self, letters: Sequence[Letter], ways: frozenset[str], *, is_said: bool) -> list[str]:
        settings = self._settings
        if any(letter.before == "queued" for letter in letters):
            # The letter itself says that it was taken, and more.
            return []
        if not is_said:
            return [] if letters else [settings.nothing]
        return [settings.receipt_contact if ways else settings.receipt_chat]

    def _response(self, chat: Chat[Any], letters: Sequence[Letter], words: list[str]) -> Response:
        texts = [text for letter in letters if (text := _text(letter.reply, self._settings))]
        buttons = {self._settings.show: self._settings.show, **self._settings.quick_replies}
        if any(letter.reply.kind in RATED for letter in letters):
            buttons = RATINGS | {self._settings.show: self._settings.show}
        made = said([*texts, *words] or [self._settings.receipt_chat], buttons)
        if not letters:
            return made
        return msgspec.structs.replace(made, then=partial(asyncio.to_thread, chat.shown, letters))


def rest_of(reply: Reply, settings: KakaoSettings) -> str:
    """Returns what a letter that is cut ends with."""
    return f"…\n전체 내용: {reply.link}" if reply.link else f"…\n전체 내용은 {settings.contact}에 문의해 주십시오."


def said(texts: Sequence[str], quick_replies: Mapping[str, str] | None = None) -> Response:
    """Returns a skill's answer: bubbles with buttons below."""
    return answer({"version": "2.0", "template": template(texts, quick_replies)})


def template(texts: Sequence[str], quick_replies: Mapping[str, str] | None = None) -> dict[str, Any]:
    made: dict[str, Any] = {"outputs": [{"simpleText": {"text": text}} for text in texts]}
    if quick_replies:
        made["quickReplies"] = [
            {"label": label, "action": "message", "messageText": words} for label, words in quick_replies.items()
        ]
    return made


def answer(what: Any) -> Response:
    return Response(body=msgspec.json.encode(what), media_type="application/json; charset=utf-8")


def _text(reply: Reply, settings: KakaoSettings) -> str:
    try:
        return few(reply.text, MOST_CHARACTERS, 1, rest=rest_of(reply, settings))[0]
    except Rejected:
        return ""
