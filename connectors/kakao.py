"""A KakaoTalk chatbot: its skill requests are answered at once, the answer follows by callback or to a telephone."""

import hmac
import re
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import msgspec

from connectors._kakao_message import message_of, phone, read
from connectors._kakao_settings import KakaoSettings
from connectors.base import Request, Response, Spoken, Webhook, Words
from core.clock import clock_of
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
        message = message_of(read(request.body), self.name, self.settings, request.received_at)
        return [] if message is None else [message]

    def thanks(self, request: Request, messages: Sequence[Message]) -> Response:
        """What the citizen reads at once."""
        settings = self.settings
        if not messages:
            return _said(settings.greeting)
        if messages[0].callback:
            return _json({"version": "2.0", "useCallback": True, "data": {"text": settings.waiting}})
        later = settings.later != "none" and phone(messages[0].reply_to)
        return _said(settings.receipt_phone if later else settings.receipt, settings.quick_replies)

    def apology(self) -> Response:
        return _said(self.settings.sorry)

    def sender(self) -> Sender | None:
        """Returns None as long as no way out is configured: replies are then delivered to files."""
        if not (self.settings.api_url or self.settings.later != "none"):
            return None
        # Importing the HTTP client takes a sixth of a second; many instances never send by it.
        from connectors._kakao_rest import Answers, Later

        later = Later(self.settings, self._token.value(self.environment), self._sender_key.value(self.environment))
        return Answers(self.settings, later, clock_of(self.environment))

    def spoken(self, words: Words) -> Spoken:
        if not self._secret:
            raise ConfigError(f"--channel {self.name}: {self._secret_header.env} is not set, so nobody can be believed")
        citizen = words.sender or _CITIZEN
        if not _SENDER.fullmatch(citizen):
            raise ConfigError(f"--channel {self.name}: a sender is a user's id")
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
            "action": {"id": uuid7(), "name": "민원 접수", "params": {}, "detailParams": {}, "clientExtra": {}},
            "contexts": [],
        }
        headers = {"content-type": "application/json", _HEADER: self._secret.decode()}
        return Spoken(path=f"/hooks/{self.name}", body=msgspec.json.encode(payload), headers=headers)

    @cached_property
    def _secret(self) -> bytes:
        """The header's value; b"" when it is not set or cannot be one."""
        secret = self._secret_header.value(self.environment)
        return secret.encode() if _SECRET.fullmatch(secret) else b""


def _said(text: str, quick_replies: Mapping[str, str] | None = None) -> Response:
    template: dict[str, Any] = {"outputs": [{"simpleText": {"text": text}}]}
    if quick_replies:
        template["quickReplies"] = [
            {"label": label, "action": "message", "messageText": words} for label, words in quick_replies.items()
        ]
    return _json({"version": "2.0", "template": template})


def _json(said: Any) -> Response:
    return Response(body=msgspec.json.encode(said), media_type="application/json; charset=utf-8")
