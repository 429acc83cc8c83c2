"""The way out for text messages: Twilio's REST interface, or what speaks like it."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import aiohttp
import msgspec
from twilio.base.exceptions import TwilioException
from twilio.http import AsyncHttpClient
from twilio.http.response import Response
from twilio.rest import Client

from connectors._cp949 import fit
from connectors._post import whole, wish_of
from connectors._twilio_errors import words_for
from core.errors import Rejected, Unavailable, Uncertain
from core.reply import Receipt, Reply, Sender

if TYPE_CHECKING:
    from connectors.sms import SmsSettings

_TWILIO_URL = "https://api.twilio.com"
# How many of the newest messages to a number are looked through for one of ours.
_LOOKED_THROUGH = 100
# What the library raises when an answer is not what it expects.
_UNREADABLE = (TwilioException, ValueError, TypeError, AttributeError, KeyError)
_silent = logging.getLogger("eungdapso.twilio")
_silent.disabled = True
# A message that is refused right after it was made.
_FAILED = frozenset({"failed", "undelivered", "canceled"})


class Twilio(Sender):
    """Sends by REST. The provider has no idempotency key, but it can be asked which messages a number got."""

    repeatable = False

    def __init__(self, settings: SmsSettings, account_sid: str, token: str, receipts_url: str = "") -> None:
        self._settings = settings
        self._receipts_url = receipts_url
        self._http = _Http(settings.api_url, settings.timeout_seconds)
        # Given, so that the library does not look for settings of its own in the environment.
        self._client = Client(account_sid, token, http_client=self._http, environment={"TWILIO_REGION": ""})

    async def send(self, reply: Reply) -> Receipt:
        sender = self._settings.from_number or reply.account
        more = {"status_callback": f"{self._receipts_url}?reply={reply.id}"} if self._receipts_url else {}
        try:
            sent = await self._client.messages.create_async(to=reply.to, from_=sender, body=self._body(reply), **more)
        except _LostError as lost:
            return await self._what_became_of(reply, lost)
        except _UNREADABLE as error:
            raise Uncertain(f"the provider said yes and nothing readable: {type(error).__name__}") from error
        if sent.error_code or sent.status in _FAILED:
            code = str(sent.error_code or "")
            raise Rejected(words_for(code) or f"the provider took the message and says that it is {sent.status}")
        if not sent.sid:
            raise Uncertain("the provider said yes and gave no id")
        return Receipt(provider_id=str(sent.sid))

    async def find(self, reply: Reply) -> Receipt | None:
        """Looks for a message with these words among the newest to this number; every notice has its case number."""
        body = self._body(reply)
        try:
            found = await self._client.messages.list_async(to=reply.to, limit=_LOOKED_THROUGH)
        except (_LostError, Rejected, Unavailable, *_UNREADABLE) as error:
            raise Uncertain(f"the provider cannot say what became of it: {type(error).__name__}") from error
        sids = [message.sid for message in found if (message.body or "").strip() == body.strip()]
        return Receipt(provider_id=str(sids[0])) if sids else None

    async def close(self) -> None:
        await self._http.close()

    def _body(self, reply: Reply) -> str:
        return fit(reply.text, most_bytes=self._settings.most_bytes, contact=self._settings.contact)

    async def _what_became_of(self, reply: Reply, lost: _LostError) -> Receipt:
        """Asks at once. Not to be found yet proves nothing: the request may still be on its way."""
        found = await self.find(reply)
        if found is None:
            raise Uncertain(str(lost)) from lost
        return found


class _LostError(Exception):
    """The connection broke after the request went out."""


class _Http(AsyncHttpClient):  # type: ignore[misc]
    """The library's transport: another address, a time limit, refusals by name, no log of numbers.

    Every call has a connection of its own: one that was kept may be closed by the other side at any moment, and
    then nobody could tell whether the message went.
    """

    def __init__(self, api_url: str, timeout_seconds: float) -> None:
        super().__init__(_silent, True, timeout_seconds)
        self._api_url = api_url.rstrip("/")
        self._timeout = aiohttp.ClientTimeout(
            total=3 * timeout_seconds, connect=timeout_seconds, sock_connect=timeout_seconds, sock_read=timeout_seconds
        )
        self._session: aiohttp.ClientSession | None = None

    async def request(self, method: str, url: str, **given: Any) -> Response:
        passed: dict[str, Any] = {key: given.get(key) for key in ("params", "data", "headers")}
        passed["headers"] = {**(passed["headers"] or {}), "Authorization": aiohttp.encode_basic_auth(*given["auth"])}
        address = url.replace(_TWILIO_URL, self._api_url, 1)
        try:
            async with self._opened().request(method, address, allow_redirects=False, **passed) as answer:
                await _refuse(answer)
                return Response(answer.status, (await whole(answer)).decode("utf-8", "replace"), answer.headers)
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            raise Unavailable(f"the provider cannot be reached: {type(error).__name__}") from error
        except (aiohttp.ClientError, TimeoutError) as error:
            raise _LostError(f"no answer to the request: {type(error).__name__}") from error

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                timeout=self._timeout, connector=aiohttp.TCPConnector(force_close=True)
            )
        return self._session


async def _refuse(answer: aiohttp.ClientResponse) -> None:
    """Raises what the caller does about a status that is no success."""
    if answer.status in {408, 425, 429} or answer.status >= 500:
        raise Unavailable(f"the provider answered {answer.status}", retry_after_seconds=wish_of(answer.headers))
    if answer.status >= 300:
        raise Rejected(words_for(await _code(answer)) or f"the provider refused the message with {answer.status}")


async def _code(answer: aiohttp.ClientResponse) -> str:
    """Returns the error's number in what the provider says, "" when there is none: a refusal is one without it too."""
    try:
        said = msgspec.json.decode(await whole(answer), type=_Refusal)
    except (aiohttp.ClientError, TimeoutError, msgspec.DecodeError, ValueError, RecursionError):
        return ""
    return str(said.code) if said.code else ""


class _Refusal(msgspec.Struct):
    code: int = 0
