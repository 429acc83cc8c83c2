"""One bot at one server: python-telegram-bot speaks the Bot API, over a transport that knows whether a request went."""

from __future__ import annotations

import logging
from collections.abc import Awaitable
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar
from urllib.parse import quote, urlencode

import aiohttp
import msgspec
from telegram import Bot
from telegram.error import BadRequest, ChatMigrated, Conflict, Forbidden, InvalidToken, TelegramError
from telegram.request import BaseRequest, RequestData

from connectors._post import whole
from connectors._telegram_update import KINDS
from core.errors import Rejected, Unavailable, Uncertain

if TYPE_CHECKING:
    from connectors.telegram import TelegramSettings

T = TypeVar("T")

_MOST_UPDATES = 100
# A hundred updates of the longest texts, with all that is said of them.
_MOST_BYTES = 16_777_216
# What the library raises when an answer is not what it expects.
_UNREADABLE = (ValueError, TypeError, AttributeError, KeyError, OverflowError)
# It would write whole letters to the log.
logging.getLogger("telegram.Bot").disabled = True


class Moved(Rejected):
    """A group has become a supergroup, which has another id."""

    def __init__(self, chat: str) -> None:
        super().__init__("the chat has another id by now")
        self.chat = chat


class Numbered(NamedTuple):
    """One update as it came."""

    number: int
    raw: bytes


class Http(BaseRequest):
    """The library's transport. Its own does not tell a request that never went out from one that nobody answered.

    Every call has a connection of its own: one that was kept may be closed by the other side at any moment, and then
    nobody could tell whether the message went. No address is logged: the token stands in it.
    """

    def __init__(self, timeout_seconds: float) -> None:
        self._timeout_seconds = timeout_seconds
        self._session: aiohttp.ClientSession | None = None

    @property
    def read_timeout(self) -> float:
        return self._timeout_seconds

    async def initialize(self) -> None:
        """Nothing to begin: the first call opens what it needs."""

    async def shutdown(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    @staticmethod
    def parse_json_payload(payload: bytes) -> dict[str, Any]:
        try:
            return msgspec.json.decode(payload, type=dict[str, Any])
        except (msgspec.DecodeError, ValueError, RecursionError) as error:
            raise TelegramError("the answer is no JSON object") from error

    async def do_request(
        self, url: str, method: str, request_data: RequestData | None = None, *_: Any, **timeouts: Any
    ) -> tuple[int, bytes]:
        fields = request_data.json_parameters if request_data else None
        try:
            status, payload = await self._answer(url, method, fields, timeouts.get("read_timeout"))
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            raise _LaterError(f"the provider cannot be reached: {type(error).__name__}") from error
        except (aiohttp.ClientError, TimeoutError) as error:
            raise TelegramError(f"no answer to the request: {type(error).__name__}") from error
        if status in {408, 425, 429} or status >= 500:
            raise _LaterError(f"the provider answered {status}", _retry_after(payload))
        return status, payload

    async def _answer(self, url: str, method: str, fields: Any, read_timeout: Any) -> tuple[int, bytes]:
        own = self._timeout_seconds
        seconds = read_timeout if isinstance(read_timeout, int | float) else own
        timeout = aiohttp.ClientTimeout(total=2 * own + seconds, sock_connect=own, sock_read=seconds)
        if self._session is None:
            self._session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(force_close=True))
        asked = self._session.request(method, url, data=fields, timeout=timeout, allow_redirects=False)
        async with asked as answer:
            return answer.status, await whole(answer, _MOST_BYTES)


class Line:
    """The calls that are made. Errors have our names; `Uncertain` when nobody knows whether it was done."""

    def __init__(self, settings: TelegramSettings, token: str) -> None:
        self._token = token
        self._api_url = settings.api_url.rstrip("/")
        self._poll_seconds, self._timeout_seconds = settings.poll_seconds, settings.timeout_seconds
        self._http = Http(settings.timeout_seconds)
        base, files = f"{self._api_url}/bot", f"{self._api_url}/file/bot"
        self.bot = Bot(token, base, files, request=self._http, get_updates_request=self._http)

    async def updates(self, offset: int | None) -> list[Numbered]:
        """Returns the updates from `offset` on, and confirms those before it; waits for the first of them.

        The library would read them all or none: one that it cannot read would keep all others from ever coming.
        """
        asked = {"timeout": self._poll_seconds, "limit": _MOST_UPDATES} | ({} if offset is None else {"offset": offset})
        kinds = msgspec.json.encode(KINDS).decode()
        url = f"{self.bot.base_url}/getUpdates?{urlencode({**asked, 'allowed_updates': kinds})}"
        seconds = self._poll_seconds + self._timeout_seconds
        found: Any = await self._asked(self._http.post(url, read_timeout=seconds))
        if not isinstance(found, list):
            raise Unavailable("the provider gave no list of updates")
        numbers = [update.get("update_id") if isinstance(update, dict) else None for update in found]
        named = [(number, update) for number, update in zip(numbers, found, strict=True) if isinstance(number, int)]
        return [Numbered(number, msgspec.json.encode(update)) for number, update in named]

    async def address_of(self, file_id: str) -> str:
        """Returns where a file can be had for an hour. The address holds the token, whose colon is encoded."""
        file = await self._asked(self.bot.get_file(file_id))
        path = (file.file_path or "").removeprefix(f"{self.bot.base_file_url}/")
        if not path or path == file.file_path:
            raise Rejected("the provider does not say where the file is")
        return f"{self._api_url}/file/bot{quote(self._token, safe='')}/{quote(path)}"

    async def call(self, made: Awaitable[T]) -> T:
        """Waits for a call of the library."""
        try:
            return await made
        except _LaterError as error:
            raise Unavailable(error.message, retry_after_seconds=error.seconds) from error
        except ChatMigrated as error:
            raise Moved(str(error.new_chat_id)) from error
        except Conflict as error:
            raise _conflict(self._words(error)) from error
        except (Forbidden, BadRequest, InvalidToken) as error:
            raise Rejected(f"the provider refused: {self._words(error)}") from error
        except TelegramError as error:
            raise Uncertain(self._words(error)) from error
        except _UNREADABLE as error:
            raise Uncertain(f"the provider said yes and nothing readable: {type(error).__name__}") from error

    async def close(self) -> None:
        await self._http.shutdown()

    async def _asked(self, made: Awaitable[T]) -> T:
        """Waits for a call that changes nothing: whoever only asked can ask again."""
        try:
            return await self.call(made)
        except Uncertain as error:
            raise Unavailable(str(error)) from error

    def _words(self, error: TelegramError) -> str:
        # A server in between may repeat the address in its answer.
        return error.message.replace(self._token, "…")[:200]


class _LaterError(TelegramError):
    """The provider took nothing, and may take it later."""

    def __init__(self, message: str, seconds: float | None = None) -> None:
        super().__init__(message)
        self.seconds = seconds


class _Parameters(msgspec.Struct, frozen=True):
    retry_after: float | None = None


class _Wait(msgspec.Struct, frozen=True):
    parameters: _Parameters = _Parameters()


def _retry_after(payload: bytes) -> float | None:
    try:
        seconds = msgspec.json.decode(payload, type=_Wait).parameters.retry_after
    except (msgspec.DecodeError, ValueError, RecursionError):
        return None
    return seconds if seconds is not None and 0 <= seconds <= 86_400 else None


def _conflict(words: str) -> Rejected | Unavailable:
    """One bot is asked from one place, and only while its updates go to no webhook."""
    if "webhook" in words.lower():
        return Rejected(f'{words}. Call deleteWebhook, or set mode = "webhook"')
    return Unavailable(words)
