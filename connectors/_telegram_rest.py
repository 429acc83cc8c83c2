"""What the bot does at the provider: letters go out, files are located."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from telegram import LinkPreviewOptions, ReplyParameters

from connectors._parts import parts
from connectors._telegram_http import Line, Moved
from connectors.base import Located
from core.errors import Rejected, Unavailable, Uncertain
from core.message import Attachment
from core.reply import Receipt, Reply, Sender

if TYPE_CHECKING:
    from connectors.telegram import TelegramSettings

# Between the parts of one letter, as the provider wishes; and how patiently a part that follows is tried.
_BETWEEN_SECONDS, _PATIENT_TRIES, _PATIENT_SECONDS = 1.0, 3, 30.0
_CHAT = re.compile(r"-?[0-9]{1,18}|@[A-Za-z0-9_]{4,32}")
_MESSAGE = re.compile(r"[0-9]{1,15}")


class Letters(Sender):
    """Sends by sendMessage. The provider has no idempotency key and cannot be asked what it sent.

    A letter that is too long goes in parts. Once the first is out, the letter is never begun again: a part that
    follows is tried patiently, and when it will not go, the whole is `Uncertain`, with how far it got, and a person
    decides. A process that dies in between leaves the same to a person, because there is nobody to ask.
    """

    repeatable = False

    def __init__(
        self, settings: TelegramSettings, token: str, *, pause: Callable[[float], Awaitable[None]] = asyncio.sleep
    ) -> None:
        self._most = settings.most_characters
        self._line = Line(settings, token)
        self._pause = pause

    async def send(self, reply: Reply) -> Receipt:
        if not _CHAT.fullmatch(reply.to):
            raise Rejected("the recipient is no id of a chat")
        texts = parts(reply.text, self._most)
        if not texts:
            raise Rejected("there is nothing to say")
        sent = await self._say(reply.to, texts[0], _answered(reply))
        for number, text in enumerate(texts[1:], start=2):
            try:
                sent = await self._say_on(sent.rpartition(":")[0], text)
            except (Rejected, Unavailable, Uncertain) as error:
                raise Uncertain(f"part {number} of {len(texts)} did not go, those before it did: {error}") from error
        return Receipt(provider_id=sent)

    async def close(self) -> None:
        await self._line.close()

    async def _say(self, chat: str, text: str, answered: int | None = None) -> str:
        """Says it, also in the chat that this one became; returns chat and message as the channel names them."""
        try:
            return await self._said(chat, text, answered)
        except Moved as moved:
            return await self._said(moved.chat, text, None)

    async def _say_on(self, chat: str, text: str) -> str:
        seconds = _BETWEEN_SECONDS
        for _ in range(_PATIENT_TRIES - 1):
            await self._pause(seconds)
            try:
                return await self._say(chat, text)
            except Unavailable as error:
                seconds = min(max(error.retry_after_seconds or 0, 2 * seconds), _PATIENT_SECONDS)
        await self._pause(seconds)
        return await self._say(chat, text)

    async def _said(self, chat: str, text: str, answered: int | None) -> str:
        named = ReplyParameters(answered, allow_sending_without_reply=True) if answered else None
        message = await self._line.call(
            self._line.bot.send_message(
                chat if chat.startswith("@") else int(chat),
                text,
                reply_parameters=named,
                # A preview is fetched by the provider, and the link to a case is the citizen's alone.
                link_preview_options=LinkPreviewOptions(is_disabled=True),
            )
        )
        return f"{message.chat.id}:{message.message_id}"


class Files:
    """Knows where the provider keeps a file. What is larger than 20 MB it gives to nobody."""

    def __init__(self, settings: TelegramSettings, token: str) -> None:
        self._line = Line(settings, token)

    async def locate(self, attachment: Attachment) -> Located:
        return Located(url=await self._line.address_of(attachment.place), trusted=True)

    async def close(self) -> None:
        await self._line.close()


def _answered(reply: Reply) -> int | None:
    """Returns the message of the same chat that this answers, if it is one."""
    chat, _, message = reply.in_reply_to.rpartition(":")
    return int(message) if chat == reply.to and _MESSAGE.fullmatch(message) else None
