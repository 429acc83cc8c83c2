"""A KakaoTalk chatbot: its skill requests are answered at once, the answer follows by callback or to a telephone."""

import hmac
import re
from collections.abc import Mapping, Sequence
from functools import cached_property

import msgspec

from connectors._kakao_message import message_of, read
from connectors._kakao_settings import KakaoSettings
from connectors._kakao_show import Shows, answer, said
from connectors.base import Request, Response, Spoken, Webhook, Words
from core.clock import clock_of
from core.contact import korean_mobile
from core.errors import ConfigError, Forged
from core.ids import uuid7
from core.message import Message
from core.reply import Sender

_HEADER = "x-eungdapso-secret"
_SECRET = re.compile(r"[!-~]{1,256}")
_SENDER = re.compile(r"[A-Za-z0-9_-]{1,128}")
# Of nobody: `send` says something in their name.
_CITIZEN, _BOT, _BLOCK = "citizen-1", "bot-1", "block-1"


class Kakao(Webhook[KakaoSettings]):
    """Kakao knows its users, so authors are channel-verified. It signs nothing: a secret header, set in the skill,
    tells its requests from others'. Whoever does not answer within five seconds is told on by Kakao, and it never
    tries again: so it is always answered, and politely when nothing can be taken."""

    Settings = KakaoSettings
    most_bytes = 262_144
    # Kakao waits five, and the way there and back is part of them.
    answer_seconds = 3.5
    links_expire = True

    def __init__(self, name: str, settings: KakaoSettings, **rest: Mapping[str, str]) -> None:
        super().__init__(name, settings, **rest)
        self._secret_header = self.secret(settings.secret, "SECRET")
        self._token = self.secret(settings.alimtalk.token, "ALIMTALK_TOKEN")
        self._sender_key = self.secret(settings.alimtalk.sender_key, "SENDER_KEY")

    def missing(self) -> Sequence[str]:
        if not self._secret_header.value(self.environment):
            return (self._secret_header.env,)
        return () if self._secret else (f"{self._secret_header.env} (1 to 256 letters, digits and signs)",)

    def verify(self, request: Request, *, now: float) -> None:
        if not self._secret:
            raise Forged("no secret to compare with")
        if not hmac.compare_digest(request.headers.get(_HEADER, "").encode(), self._secret):
            raise Forged("secret does not match")

    def parse(self, request: Request) -> list[Message]:
        message = self._message(request)
        return [] if message is None or self._asks_to_see(message) else [message]

    def thanks(self, request: Request, messages: Sequence[Message]) -> Response:
        """What the citizen reads at once."""
        settings = self.settings
        if not messages:
            return said([settings.greeting])
        if messages[0].callback:
            return answer({"version": "2.0", "useCallback": True, "data": {"text": settings.waiting}})
        receipt = settings.receipt_phone if self._goes_to_telephone(messages[0]) else settings.receipt
        return said([receipt], settings.quick_replies)

    async def told(self, request: Request, messages: Sequence[Message], seconds: float) -> Response:
        """What waits for this citizen comes first: in a chat without a callback there is no other time for it."""
        message = messages[0] if messages else self._message(request)
        if message is None or self.chat is None or message.callback or not self._waits_in_chat(message):
            return self.thanks(request, messages)
        return await self._shows.told(self.chat, message, seconds, is_said=bool(messages))

    def apology(self) -> Response:
        return said([self.settings.sorry])

    def late(self) -> Response:
        return said([self.settings.late])

    def sender(self) -> Sender | None:
        """Returns None as long as no way out is configured: replies are then delivered to files."""
        if not self._has_way_out:
            return None
        # Importing the HTTP client takes a sixth of a second; many instances never send by it.
        from connectors._kakao_rest import Answers, Later

        later = Later(self.settings, self._token.value(self.environment), self._sender_key.value(self.environment))
        return Answers(self.settings, later, clock_of(self.environment))

    def spoken(self, words: Words) -> Spoken:
        """A sender who is a telephone number is one who left it, where the block has a parameter for that."""
        if not self._secret:
            raise ConfigError(f"--channel {self.name}: {self._secret_header.env} is not set, so nobody can be believed")
        number = korean_mobile(words.sender) if self.settings.phone_param else ""
        citizen = number or words.sender or _CITIZEN
        if not _SENDER.fullmatch(citizen):
            raise ConfigError(f"--channel {self.name}: a sender is a user's id, or a telephone number (phone_param)")
        params = {self.settings.phone_param: number} if number else {}
        asked = {
            "timezone": "Asia/Seoul",
            "params": {"surface": "Kakaotalk.plusfriend"},
            "block": {"id": _BLOCK, "name": "폴백 블록"},
            "utterance": words.text,
            "lang": "ko",
            "user": {"id": citizen, "type": "botUserKey", "properties": {"botUserKey": citizen}},
        }
        payload = {
            "intent": {"id": _BLOCK, "name": "폴백 블록"},
            "userRequest": asked,
            "bot": {"id": _BOT, "name": "응답소"},
            "action": {"id": uuid7(), "name": "민원 접수", "params": params, "detailParams": {}, "clientExtra": {}},
            "contexts": [],
        }
        headers = {"content-type": "application/json", _HEADER: self._secret.decode()}
        return Spoken(path=f"/hooks/{self.name}", body=msgspec.json.encode(payload), headers=headers)

    def _message(self, request: Request) -> Message | None:
        return message_of(read(request.body), self.name, self.settings, request.received_at)

    def _asks_to_see(self, message: Message) -> bool:
        return message.text == self.settings.show and not message.attachments

    def _waits_in_chat(self, message: Message) -> bool:
        """Whether what cannot be brought to this citizen waits for them: without any way out letters become files."""
        return self._has_way_out and not self._goes_to_telephone(message)

    def _goes_to_telephone(self, message: Message) -> bool:
        return self.settings.later != "none" and bool(korean_mobile(message.reply_to))

    @property
    def _has_way_out(self) -> bool:
        return bool(self.settings.api_url or self.settings.later != "none")

    @cached_property
    def _shows(self) -> Shows:
        return Shows(self.settings)

    @cached_property
    def _secret(self) -> bytes:
        """The header's value; b"" when it is not set or cannot be one."""
        secret = self._secret_header.value(self.environment)
        return secret.encode() if _SECRET.fullmatch(secret) else b""
