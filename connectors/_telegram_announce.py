"""What the city tells everybody in its Telegram channels."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from connectors._few import few
from core.announce import Announcement, Announcer
from core.errors import Rejected
from core.reply import Receipt

if TYPE_CHECKING:
    from connectors._telegram_http import Line
    from connectors.telegram import TelegramSettings

_NAME = re.compile(r"[A-Za-z0-9_]{4,32}")
_TAIL = "… 문의 120"
_GONE = "not found"


class TelegramAnnouncer(Announcer):
    """Posts in channels in which the bot may post. Telegram has no idempotency key and cannot be asked what the bot
    posted: where no answer came, a person looks."""

    def __init__(self, settings: TelegramSettings, token: str) -> None:
        self._settings = settings
        self._token = token
        self._opened: Line | None = None

    @property
    def is_live(self) -> bool:
        return bool(self._settings.api_url)

    def problem(self, account: str) -> str:
        if not self.is_live:
            return ""
        if not self._token:
            return "the bot has no token (docs/channels/telegram.md)"
        if account not in self._settings.channels and not _NAME.fullmatch(account):
            return f"[connectors.telegram] channels has no number for {account}"
        return ""

    def fitted(self, text: str) -> str:
        return few(text, self._settings.most_characters, 1, rest=_TAIL)[0]

    def prepare(self) -> None:
        if self.is_live:
            # Importing the provider's library takes a third of a second.
            from connectors import _telegram_http  # noqa: F401

    async def post(self, what: Announcement) -> Receipt:
        line = self._line(what.account)
        sent = await line.call(line.bot.send_message(self._chat(what.account), what.text))
        return Receipt(provider_id=f"{sent.chat.id}:{sent.message_id}")

    async def delete(self, what: Announcement, provider_id: str) -> None:
        line = self._line(what.account)
        chat, _, message = provider_id.rpartition(":")
        if not (message.isascii() and message.isdigit()):
            raise Rejected("nobody knows which post it is; delete it at the platform")
        try:
            await line.call(line.bot.delete_message(int(chat) if chat else self._chat(what.account), int(message)))
        except Rejected as error:
            if _GONE not in error.reason.lower():
                raise

    async def close(self) -> None:
        if self._opened is not None:
            await self._opened.close()
            self._opened = None

    def _chat(self, account: str) -> str | int:
        number = self._settings.channels.get(account)
        return int(number) if number else f"@{account}"

    def _line(self, account: str) -> Line:
        if reason := self.problem(account):
            raise Rejected(reason)
        if self._opened is None:
            from connectors._telegram_http import Line

            self._opened = Line(self._settings, self._token)
        return self._opened
