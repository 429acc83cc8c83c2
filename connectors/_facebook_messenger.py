"""Events of Messenger: what citizens write and send to a page, the buttons that they press, their edits."""

import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import msgspec

from connectors._facebook_feed import NOTHING
from connectors._facebook_payload import (
    Pages,
    Party,
    attachment,
    decoded,
    is_address,
    moment,
    name_of,
    plain,
    words,
)
from core.errors import Rejected
from core.message import Assurance, Attachment, Author, Location, Message, identity_of

_MID = re.compile(r"[!-~]{1,400}")
_PERSON = re.compile(r"[0-9]{1,25}", re.ASCII)
_FILES = frozenset({"image", "video", "audio", "file"})
_LINKED = frozenset({"fallback", "post", "share", "reel", "ig_reel", "ig_post", "template"})
_LIKES = frozenset({"369239263222822", "369239343222814", "369239383222810"})
_MOST_FILES = 50


class _Payload(msgspec.Struct, frozen=True):
    url: Any = None
    title: Any = None
    sticker_id: Any = None
    coordinates: Any = None


class _File(msgspec.Struct, frozen=True):
    type: Any = ""
    payload: Any = None
    url: Any = None
    title: Any = None


class _Answered(msgspec.Struct, frozen=True):
    mid: Any = ""


class _Words(msgspec.Struct, frozen=True):
    mid: str = ""
    text: Any = ""
    is_echo: Any = False
    is_deleted: Any = False
    attachments: Any = None
    reply_to: Any = None


class _Postback(msgspec.Struct, frozen=True):
    mid: str = ""
    title: Any = ""
    payload: Any = ""


class _Edit(msgspec.Struct, frozen=True):
    mid: str = ""
    text: Any = ""
    num_edit: Any = None


class _Event(msgspec.Struct, frozen=True):
    sender: Party | None = None
    recipient: Party | None = None
    timestamp: Any = None
    message: _Words | None = None
    message_edit: _Edit | None = None
    postback: _Postback | None = None


def event(pages: Pages, page: str, raw: msgspec.Raw, received_at: datetime, *, start: str) -> Message | None:
    """Returns what a citizen said; None for what nobody said to us: receipts, reactions, our own words. `start` is
    the payload of the button with which a conversation begins."""
    found = decoded(raw, _Event)
    said = found.message or found.message_edit or found.postback
    page = page or plain(found.recipient.id if found.recipient else "")
    person = plain(found.sender.id if found.sender else "")
    if said is None or (found.message and found.message.is_echo) or person == page or pages.are(person):
        return None
    base = _base(pages, page, person, found, received_at)
    if found.message is not None:
        return _written(base, found.message)
    if found.message_edit is not None:
        return _edited(base, found.message_edit)
    return _pressed(base, found.postback or _Postback(), plain(found.timestamp), start)


def _base(pages: Pages, page: str, person: str, found: _Event, received_at: datetime) -> Message:
    if not _PERSON.fullmatch(person):
        raise Rejected("the sender's id is missing or no number")
    account, name = pages.handle(page), name_of(found.sender.name if found.sender else "")
    return Message(
        id="",
        channel=pages.channel,
        account=account,
        native_id="",
        received_at=received_at,
        conversation=f"{account}|message|{person}",
        author=Author(handle=person, name=name, assurance=Assurance.CHANNEL_VERIFIED),
        sent_at=moment(found.timestamp, a_second=1_000),
        reply_to=person,
    )


def _written(base: Message, said: _Words) -> Message:
    native_id = _checked(said.mid)
    if said.is_deleted:
        return msgspec.structs.replace(
            base,
            native_id=native_id,
            version="removed",
            change="removal",
            in_reply_to=native_id,
            replyable=False,
            sent_at=None,
        )
    parts = [*_parts(said.attachments)]
    text, answered = _text(said, parts), _convert(said.reply_to, _Answered).mid
    files, location = tuple(_files(parts)), next(_locations(parts), None)
    signals: tuple[str, ...] = ()
    if not text and not files and location is None:
        text, signals = _sticker(parts)
    return msgspec.structs.replace(
        base,
        native_id=native_id,
        text=text,
        attachments=files,
        location=location,
        in_reply_to=answered if isinstance(answered, str) and _MID.fullmatch(answered) else "",
        replyable=not signals,
        signals=signals,
    )


def _edited(base: Message, said: _Edit) -> Message:
    native_id, text = _checked(said.mid), words(said.text)
    number = said.num_edit if isinstance(said.num_edit, int) else identity_of(text).hex()[:8]
    return msgspec.structs.replace(
        base, native_id=native_id, text=text, version=f"edit-{number}", change="edit", in_reply_to=native_id
    )


def _pressed(base: Message, said: _Postback, timestamp: str, start: str) -> Message:
    text = words(said.title) or words(said.payload)
    # Older versions give no id; nobody presses twice in a millisecond.
    native_id = said.mid or f"postback:{base.author.handle}:{timestamp[:20]}"
    signals = ("automatic: the start button",) if said.payload == start else () if text else (NOTHING,)
    return msgspec.structs.replace(
        base, native_id=_checked(native_id), text=text, replyable=not signals, signals=signals
    )


def _checked(mid: str) -> str:
    if not _MID.fullmatch(mid):
        raise Rejected("mid is missing or no id")
    return mid


def _convert(given: Any, kind: Any) -> Any:
    """Returns what is given as this kind; as an empty one when it is none."""
    try:
        return msgspec.convert(given, kind)
    except (msgspec.ValidationError, RecursionError):
        return kind()


def _parts(given: Any) -> Iterator[tuple[_File, _Payload]]:
    for one in given if isinstance(given, list) else ():
        file = _convert(one, _File)
        if isinstance(file.type, str):
            yield file, _convert(file.payload, _Payload)


def _text(said: _Words, parts: list[tuple[_File, _Payload]]) -> str:
    """Returns the words, and below them what was shared: its title and its address."""
    text = words(said.text)
    shared = [(f, p) for f, p in parts if f.type in _LINKED]
    for file, payload in shared:
        url = next((one for one in (file.url, payload.url) if is_address(one)), "")
        title = name_of(file.title) or name_of(payload.title)
        text = "\n".join([text, *(one for one in (title, url) if one and one not in text)])
    return text.strip()


def _files(parts: list[tuple[_File, _Payload]]) -> Iterator[Attachment]:
    named = [(p.url, f.type) for f, p in parts if f.type in _FILES and is_address(p.url) and not p.sticker_id]
    yield from (attachment(place, url, kind) for place, (url, kind) in enumerate(named[:_MOST_FILES], 1))


def _locations(parts: list[tuple[_File, _Payload]]) -> Iterator[Location]:
    for file, payload in parts:
        point = payload.coordinates
        if file.type != "location" or not isinstance(point, dict):
            continue
        lat, lon = _degrees(point.get("lat"), 90), _degrees(point.get("long"), 180)
        if lat is not None and lon is not None:
            yield Location(lat, lon)


def _degrees(given: Any, most: float) -> float | None:
    is_number = isinstance(given, int | float) and not isinstance(given, bool)
    return float(given) if is_number and abs(given) <= most else None


def _sticker(parts: list[tuple[_File, _Payload]]) -> tuple[str, tuple[str, ...]]:
    stickers = [plain(p.sticker_id) for _, p in parts if isinstance(p.sticker_id, str | int)]
    if not stickers:
        return "", (NOTHING,)
    return "👍" if _LIKES.intersection(stickers) else "🙂", ("automatic: a sticker",)
