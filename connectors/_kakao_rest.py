"""The ways out to KakaoTalk: the callback of a request, once and within its minute; later a dealer's 알림톡."""

import re
from typing import Any

import msgspec

from connectors._few import few
from connectors._kakao_message import may_call
from connectors._kakao_settings import KakaoSettings
from connectors._kakao_show import MOST_CHARACTERS, MOST_OUTPUTS, RATED, RATINGS, rest_of, template
from connectors._post import Answer, Post
from core.clock import Clock
from core.contact import korean_mobile
from core.errors import Rejected, Waits
from core.reply import Receipt, Reply, Sender

_PLACE = re.compile(r"\{[a-z_]+\}")
# So long after a message its door may still show what follows from it.
_CHAT_SECONDS = 5.0
_SHOWN = "; it is shown when they write again"


class Later:
    """A dealer's service for messages to telephones, as the settings describe it. It has no idempotency key that all
    dealers know, and cannot be asked."""

    def __init__(self, settings: KakaoSettings, token: str, sender_key: str) -> None:
        self._settings = settings
        self._service = settings.alimtalk
        self._token = token
        self._sender_key = sender_key

    def reaches(self, reply: Reply) -> bool:
        return self._settings.later != "none" and bool(korean_mobile(reply.to))

    async def send(self, reply: Reply, post: Post) -> Receipt:
        number = korean_mobile(reply.to)
        over = "the callback is used up or its minute over" if reply.callback else "there is no callback"
        if self._settings.later == "none":
            raise Rejected(f"{over}, and no way for later answers is set up (later){_SHOWN}")
        if not number:
            raise Rejected(f"{over}, and the citizen left no telephone number{_SHOWN}")
        headers = {self._service.header: f"{self._service.prefix}{self._token}"} if self._token else {}
        answer = await post(self._service.api_url, self._payload(reply, number), headers)
        answer.must_be_taken()
        service = self._service
        if service.ok_field and answer.said(service.ok_field) != service.ok_value:
            raise Rejected(f"the service said no: {answer.said(service.ok_field)[:100]}")
        return Receipt(provider_id=answer.said(service.id_field)[:200] or reply.id)

    def _payload(self, reply: Reply, number: str) -> Any:
        most, rest = self._service.most_characters, rest_of(reply, self._settings)
        values = {
            "{to}": number,
            "{text}": few(reply.text, most, 1, rest=rest)[0],
            "{template}": self._service.template,
            "{sender_key}": self._sender_key,
            "{id}": reply.id,
            "{number}": reply.case,
        }
        return _filled(msgspec.json.decode(self._service.body), values)


class Answers(Sender):
    """Posts the answer to the callback while it is fresh; what comes later, or finds it used up, goes by `later`."""

    repeatable = False

    def __init__(self, settings: KakaoSettings, later: Later, clock: Clock) -> None:
        self._settings = settings
        self._later = later
        self._clock = clock
        self._post = Post(settings.timeout_seconds)

    async def send(self, reply: Reply) -> Receipt:
        if self._is_fresh(reply) and may_call(reply.callback, self._settings):
            answer = await self._post(reply.callback, self._template(reply), {})
            if _is_taken(answer):
                return Receipt(provider_id=answer.said("taskId")[:200] or reply.id)
        if reply.attempt == 1 and not self._later.reaches(reply) and (left := self._shown_for(reply)) > 0:
            raise Waits("the citizen may be shown it in the chat", retry_after_seconds=left)
        return await self._later.send(reply, self._post)

    async def close(self) -> None:
        await self._post.close()

    def _is_fresh(self, reply: Reply) -> bool:
        """Whether Kakao still takes it. In a rehearsal, whose clock is another, by when the letter was written."""
        if not reply.callback or reply.asked_at is None:
            return False
        now = max(self._clock(), reply.created_at)
        return (now - reply.asked_at).total_seconds() <= self._settings.callback_seconds

    def _shown_for(self, reply: Reply) -> float:
        """Returns for how long yet the door may show it by itself: without a callback only there."""
        if reply.callback or reply.asked_at is None or not reply.automatic:
            return 0.0
        return _CHAT_SECONDS - (max(self._clock(), reply.created_at) - reply.asked_at).total_seconds()

    def _template(self, reply: Reply) -> Any:
        texts = few(reply.text, MOST_CHARACTERS, MOST_OUTPUTS, rest=rest_of(reply, self._settings))
        return {"version": "2.0", "template": template(texts, RATINGS if reply.kind in RATED else None)}


def _is_taken(answer: Answer) -> bool:
    """Whether the callback took it; False when it is used up or over. Raises `Unavailable`."""
    try:
        answer.must_be_taken()
    except Rejected:
        return False
    return answer.said("status").upper() not in {"FAIL", "ERROR"}


def _filled(body: Any, values: dict[str, str]) -> Any:
    """Returns the body with what stands in braces replaced, once, wherever it stands in a text."""
    if isinstance(body, dict):
        return {key: _filled(inner, values) for key, inner in body.items()}
    if isinstance(body, list):
        return [_filled(inner, values) for inner in body]
    if not isinstance(body, str):
        return body
    return _PLACE.sub(lambda found: values.get(found[0], found[0]), body)
