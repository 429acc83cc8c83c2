"""What a skill request of KakaoTalk says, in the words of every channel."""

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

import msgspec

from connectors._kakao_settings import KakaoSettings
from core.contact import korean_mobile
from core.errors import Rejected
from core.message import Assurance, Attachment, Author, Message, identity_of
from core.text import clean

# Kakao names no message: the same words of the same person within these are one.
WINDOW_SECONDS = 10
_ID = re.compile(r"[A-Za-z0-9_!-]{1,128}")
_ADDRESS = re.compile(r"https?://[^\s\"'<>()\[\],\\^`{|}]{4,2000}")
_TYPES = {
    "gif": "image/gif",
    "jpeg": "image/jpeg",
    "jpg": "image/jpeg",
    "mp4": "video/mp4",
    "png": "image/png",
    "webp": "image/webp",
}
_MOST_CHARACTERS, _MOST_FILES = 10_000, 20


class _User(msgspec.Struct, frozen=True):
    id: str


class _Block(msgspec.Struct, frozen=True):
    id: str = ""


class _Asked(msgspec.Struct, frozen=True, rename="camel"):
    user: _User
    utterance: str = ""
    block: _Block = _Block()
    callback_url: str | None = ""
    is_in_slot_filling: bool = False
    # There when a value is to be checked in the middle of a form.
    value: Any = None


class _Bot(msgspec.Struct, frozen=True):
    id: str


class _Action(msgspec.Struct, frozen=True):
    params: dict[str, Any] = {}


class Payload(msgspec.Struct, frozen=True, rename="camel"):
    """As much of a skill request as is used."""

    bot: _Bot
    user_request: _Asked
    action: _Action = _Action()


_decode = msgspec.json.Decoder(Payload).decode


def read(body: bytes) -> Payload:
    """Returns the request; raises `Rejected` when it is none."""
    try:
        payload = _decode(body)
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise Rejected("the body is no skill request", status=400) from error
    asked = payload.user_request
    if asked.is_in_slot_filling and asked.value is not None:
        raise Rejected("asks whether a value fits a parameter; this hook answers skill requests")
    if not (_ID.fullmatch(payload.bot.id) and _ID.fullmatch(asked.user.id)):
        raise Rejected("the bot's or the user's id is missing or none")
    return payload


def message_of(payload: Payload, channel: str, settings: KakaoSettings, received_at: datetime) -> Message | None:
    """Returns what a citizen said, None when there are neither words nor photographs."""
    asked, bot = payload.user_request, payload.bot.id.rstrip("!")
    account = next((handle for handle, one in settings.accounts.items() if one.id == bot), settings.account or channel)
    files = list(_files(payload, settings))
    text = clean(_without(asked.utterance, files))
    if len(text) > _MOST_CHARACTERS:
        raise Rejected(f"the utterance is longer than {_MOST_CHARACTERS} characters")
    if not (text or files):
        return None
    return Message(
        id="",
        channel=channel,
        account=account,
        native_id=_native_id(payload, received_at),
        received_at=received_at,
        # Of the user's ids this one is always there, and is another one for each bot.
        conversation=f"{bot}|{asked.user.id}",
        author=Author(handle=asked.user.id, assurance=Assurance.CHANNEL_VERIFIED),
        text=text,
        attachments=tuple(_attachment(place) for place in files),
        reply_to=_phone(payload, settings) or asked.user.id,
        callback=asked.callback_url if asked.callback_url and may_call(asked.callback_url, settings) else "",
    )


def may_call(url: str, settings: KakaoSettings) -> bool:
    """Whether an address that a request names is one of Kakao's: whoever has the secret could name any."""
    if not (settings.api_url and re.fullmatch(r"[!-\[\]-~]{1,2000}", url)):
        return False
    origin = re.match(r"https?://[^/?#]+", settings.api_url)
    ours = [f"https://{host}/" for host in settings.callback_hosts]
    # With the slash: nothing that follows can turn it into another host.
    return url.startswith((f"{origin[0]}/" if origin else "https://bot-api.kakao.com/", *ours))


def _native_id(payload: Payload, received_at: datetime) -> str:
    """Returns what is the same for every redelivery of one request.

    A callback's address is made anew for each request, so with one the request is known wherever the time stands.
    Without one only the time tells two requests with the same words apart, and every division of time has edges.
    """
    asked = payload.user_request
    told_apart = asked.callback_url or str(int(received_at.timestamp()) // WINDOW_SECONDS)
    return identity_of(payload.bot.id, asked.user.id, asked.utterance, asked.block.id, told_apart).hex()


def _files(payload: Payload, settings: KakaoSettings) -> Iterator[str]:
    """Returns the addresses of photographs: alone in the utterance, or anywhere in the block's parameters."""
    params = [value for value in payload.action.params.values() if isinstance(value, str)]
    found = [
        address
        for text in (payload.user_request.utterance[:_MOST_CHARACTERS], *params[:_MOST_FILES])
        for address in _ADDRESS.findall(text[:_MOST_CHARACTERS])
        if _is_file(address, settings)
    ]
    yield from list(dict.fromkeys(found))[:_MOST_FILES]


def _is_file(address: str, settings: KakaoSettings) -> bool:
    host = re.match(r"https?://([^/?#:@]+)(:[0-9]+)?/", address)
    return host is not None and any(f".{host[1].lower()}".endswith(f".{own}") for own in settings.file_hosts)


def _attachment(place: str) -> Attachment:
    name = re.sub(r"[?#].*", "", place).rpartition("/")[2]
    known = re.fullmatch(r"[\w-]{1,80}\.([a-z0-9]{3,4})", name, re.ASCII | re.IGNORECASE)
    media_type = _TYPES.get(known[1].lower(), "") if known else ""
    return Attachment(name=name if media_type else "photo.jpg", media_type=media_type or "image/jpeg", place=place)


def _without(utterance: str, files: list[str]) -> str:
    for place in files:
        utterance = utterance.replace(place, " ")
    return re.sub(r"List\([\s,]*\)", " ", utterance) if files else utterance


def _phone(payload: Payload, settings: KakaoSettings) -> str:
    """Returns the telephone number that the citizen left in the block's parameter, "" when there is none."""
    found: Mapping[str, Any] = payload.action.params
    return korean_mobile(str(found.get(settings.phone_param, ""))[:40]) if settings.phone_param else ""
