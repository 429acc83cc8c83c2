"""The way out by a domestic text gateway: SMS or LMS by length, one request for each message."""

from __future__ import annotations

from base64 import b64encode
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

import aiohttp

from connectors._cp949 import fit, safe
from connectors._gateway_settings import MOST_PICTURES, WORDS, SmsDomesticSettings
from connectors._paths import decoded, identifier
from connectors._post import whole, wish_of
from connectors.base import Located
from core.contact import home_number
from core.errors import Rejected, Unavailable, Uncertain
from core.reply import Picture, Receipt, Reply, Sender

if TYPE_CHECKING:
    from core.message import Attachment

_SUBJECT_BYTES = 40


class Gateway(Sender):
    """Sends by HTTP. A message that was posted twice arrives twice; some gateways can be asked for it by our name."""

    repeatable = False

    def __init__(self, settings: SmsDomesticSettings, key: str) -> None:
        self._settings = settings
        self._authorization = settings.authorization.replace("{key}", key)
        self._session: aiohttp.ClientSession | None = None

    async def send(self, reply: Reply) -> Receipt:
        body = self._body(reply)
        if pictures := reply.pictures[:MOST_PICTURES] if self._settings.picture_path else ():
            names = self._settings.outgoing
            body |= {names.type: "MMS", names.subject: self._subject(reply)}
            body[names.pictures] = [await self._deposited(picture) for picture in pictures]
        try:
            status, words = await self._ask("POST", self._settings.send_path, body)
        except _LostError as lost:
            return await self._what_became_of(reply, lost)
        return self._receipt(status, words)

    async def find(self, reply: Reply) -> Receipt | None:
        """Asks by our name of the message where the gateway can be asked; 404 says that it never came."""
        if not self._settings.find_path:
            raise Uncertain("this gateway cannot be asked what became of a message")
        path = self._settings.find_path.replace("{reference}", quote(reply.id))
        try:
            status, words = await self._ask("GET", path, None)
            return None if status == 404 else self._receipt(status, words)
        except (_LostError, Rejected, Unavailable) as error:
            raise Uncertain(f"the gateway cannot say what became of it: {error}") from error

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def _deposited(self, picture: Picture) -> str:
        """Returns the gateway's id of a picture; one that lies there and goes nowhere harms nobody."""
        names = self._settings.outgoing
        body = {names.picture_name: picture.name, names.picture_data: b64encode(picture.data).decode()}
        try:
            said, _ = self._taken(*await self._ask("POST", self._settings.picture_path, body))
        except (_LostError, Uncertain) as error:
            raise Unavailable(f"nobody knows whether a picture was taken: {error}") from error
        if not (found := identifier(said, names.picture_id)):
            raise Rejected("문자 사업자가 사진의 번호를 알려 주지 않았습니다")
        return found

    def _body(self, reply: Reply) -> dict[str, Any]:
        settings, names = self._settings, self._settings.outgoing
        text = fit(reply.text, most_bytes=settings.most_bytes, contact=settings.contact)
        is_long = len(text.encode("cp949")) > settings.short_bytes
        sender = home_number(settings.from_number or reply.account, settings.country_code)
        recipient = home_number(reply.to, settings.country_code)
        if not recipient:
            raise Rejected("국내 전화번호가 아니어서 이 문자 사업자로는 보낼 수 없습니다")
        return {
            **settings.outgoing.more,
            names.sender: sender,
            names.recipient: recipient,
            names.type: "LMS" if is_long else "SMS",
            **({names.subject: self._subject(reply)} if is_long else {}),
            names.text: text,
            names.reference: reply.id,
        }

    def _subject(self, reply: Reply) -> str:
        whole = safe(f"{self._settings.subject} {reply.case}".strip())
        return whole.encode("cp949")[:_SUBJECT_BYTES].decode("cp949", "ignore")

    def _receipt(self, status: int, words: str) -> Receipt:
        """Returns the proof in an answer; raises what the caller does about any other."""
        _, provider_id = self._taken(status, words)
        return Receipt(provider_id=provider_id)

    def _taken(self, status: int, words: str) -> tuple[Any, str]:
        """Returns an answer that says yes, and the id in it; raises what the caller does about any other."""
        names = self._settings.outgoing
        try:
            said: Any = decoded(words.encode())
            code, provider_id = identifier(said, names.result), identifier(said, names.id)
        except Rejected:
            said, code, provider_id = None, "", ""
        meaning = self._settings.codes.get(code)
        if meaning == "later":
            raise Unavailable(f"the gateway answered {code}")
        if status >= 300 or (code and meaning not in {"taken", "delivered"}):
            raise Rejected(f"{code or status}: {WORDS.get(meaning or 'refused', WORDS['refused'])}")
        if said is None or (names.result and not code):
            raise Uncertain("the gateway said yes and nothing readable")
        return said, provider_id

    async def _ask(self, method: str, path: str, body: Any) -> tuple[int, str]:
        address, headers = self._settings.api_url.rstrip("/") + path, {"Authorization": self._authorization}
        try:
            async with self._opened().request(
                method, address, json=body, headers=headers, allow_redirects=False
            ) as answer:
                _put_off(answer)
                return answer.status, await _words(answer)
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            raise Unavailable(f"the gateway cannot be reached: {type(error).__name__}") from error
        except (aiohttp.ClientError, TimeoutError) as error:
            raise _LostError(f"no answer to the request: {type(error).__name__}") from error

    async def _what_became_of(self, reply: Reply, lost: _LostError) -> Receipt:
        """Asks at once. Not to be found yet proves nothing: the request may still be on its way."""
        found = await self.find(reply) if self._settings.find_path else None
        if found is None:
            raise Uncertain(str(lost)) from lost
        return found

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            most = self._settings.timeout_seconds
            timeout = aiohttp.ClientTimeout(total=3 * most, connect=most, sock_connect=most, sock_read=most)
            # A connection that was kept may be closed by the other side while we ask: then nobody could tell.
            self._session = aiohttp.ClientSession(timeout=timeout, connector=aiohttp.TCPConnector(force_close=True))
        return self._session


class Pictures:
    """Where pictures are: anybody may ask for them, but those on the gateway's own host, which the key opens."""

    def __init__(self, settings: SmsDomesticSettings, key: str) -> None:
        self._ours = urlsplit(settings.api_url)[:2] if settings.api_url else None
        self._headers = {"Authorization": settings.authorization.replace("{key}", key)} if key else {}

    async def locate(self, attachment: Attachment) -> Located:
        try:
            is_ours = urlsplit(attachment.place)[:2] == self._ours
        except ValueError as error:
            raise Rejected("the address of the picture is none") from error
        return Located(url=attachment.place, headers=self._headers if is_ours else {}, trusted=is_ours)

    async def close(self) -> None:
        """Nothing is held open."""


# What gateways call their encoding where it is not UTF-8; all of it is in cp949.
_KOREAN = frozenset({"euc-kr", "cp949", "ms949", "uhc", "ks_c_5601-1987"})


class _LostError(Exception):
    """The connection broke after the request went out."""


async def _words(answer: aiohttp.ClientResponse) -> str:
    """Returns what the gateway says; a refusal is one also where its words are lost."""
    try:
        said = await whole(answer)
        return said.decode("cp949" if (answer.charset or "").lower() in _KOREAN else "utf-8", "replace")
    except (aiohttp.ClientError, TimeoutError):
        if answer.status < 300:
            raise
        return ""


def _put_off(answer: aiohttp.ClientResponse) -> None:
    """Raises `Unavailable` when the gateway cannot take it now."""
    if answer.status in {408, 425, 429} or answer.status >= 500:
        raise Unavailable(f"the gateway answered {answer.status}", retry_after_seconds=wish_of(answer.headers))
