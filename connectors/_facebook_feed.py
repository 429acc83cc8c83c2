"""Comments and posts of a page's feed, their edits and removals."""

import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import msgspec
from msgspec import structs

from connectors._facebook_payload import (
    Id,
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
from core.message import Assurance, Attachment, Author, Message, identity_of

# Of a comment or a post: numbers of the page, the post, the comment.
FEED_ID = re.compile(r"[0-9]{1,25}(_[0-9]{1,25}){0,3}", re.ASCII)
_POSTS = frozenset({"post", "status", "photo", "video", "share", "album", "note"})
_EDITS = frozenset({"edit", "edited", "update"})
_REMOVALS = frozenset({"remove", "delete"})
_NO_TIME = re.compile(r"[^0-9T:+-]")
_MOST_FILES = 50
NOTHING = "automatic: nothing that can be read"


class _Change(msgspec.Struct, frozen=True):
    field: str = ""
    value: msgspec.Raw = msgspec.Raw(b"null")


class _Value(msgspec.Struct, frozen=True):
    """What became of a post or a comment. What matters has a type; what only adds to it is taken as it is."""

    item: str = ""
    verb: str = ""
    comment_id: Id = ""
    post_id: Id = ""
    parent_id: Id = ""
    author: Party | None = msgspec.field(name="from", default=None)
    sender_id: Id = ""
    sender_name: Any = ""
    message: Any = ""
    created_time: Any = None
    published: Any = 1
    photo: Any = None
    photos: Any = None
    video: Any = None
    link: Any = None

    @property
    def is_comment(self) -> bool:
        return self.item == "comment"

    @property
    def native_id(self) -> str:
        return plain(self.comment_id if self.is_comment else self.post_id)

    @property
    def who(self) -> Party:
        """Without a permission of the app nobody is named."""
        return self.author or Party(self.sender_id, self.sender_name)


def change(pages: Pages, page: str, raw: msgspec.Raw, received_at: datetime) -> Message | None:
    """Returns what a citizen said; None for what nobody said to us: reactions, hidings, what we wrote ourselves."""
    found = decoded(raw, _Change)
    if found.field != "feed":
        return None
    value = decoded(found.value, _Value)
    if not (value.is_comment or value.item in _POSTS) or value.published in (0, False):
        return None
    if pages.are(plain(value.who.id)) or plain(value.who.id) == page:
        return None
    if value.verb in _REMOVALS:
        return _removal(_message(pages, page, value, received_at))
    if value.verb in _EDITS:
        return _edited(_message(pages, page, value, received_at), _NO_TIME.sub("", str(value.created_time))[:25])
    return _message(pages, page, value, received_at) if value.verb == "add" else None


def _message(pages: Pages, page: str, value: _Value, received_at: datetime) -> Message:
    native_id, post = _checked(value.native_id), _checked(plain(value.post_id) or value.native_id)
    author, account = plain(value.who.id), pages.handle(page)
    parent = plain(value.parent_id) if value.is_comment else ""
    text, files = _text(value), tuple(_files(value))
    signals = () if text or files else (NOTHING,)
    return Message(
        id="",
        channel=pages.channel,
        account=account,
        native_id=native_id,
        received_at=received_at,
        # Who is not named may be another person every time.
        conversation=f"{account}|{post}|{author or native_id}",
        author=_author(author, value),
        text=text,
        attachments=files,
        sent_at=moment(value.created_time),
        in_reply_to=parent if FEED_ID.fullmatch(parent) else "",
        reply_to=author or native_id,
        replyable=not signals,
        public=True,
        signals=signals,
    )


def _edited(message: Message, edited: str) -> Message:
    """Returns it as another version. Two edits may fall into one second: what is said counts too."""
    said = identity_of(message.text, *(file.place.partition("?")[0] for file in message.attachments)).hex()[:8]
    return structs.replace(
        message,
        version=f"{edited}-{said}",
        change="edit",
        in_reply_to=message.native_id,
        references=(message.in_reply_to,) if message.in_reply_to else (),
    )


def _removal(message: Message) -> Message:
    return structs.replace(
        message,
        version="removed",
        change="removal",
        in_reply_to=message.native_id,
        text="",
        attachments=(),
        signals=(),
        sent_at=None,
        replyable=False,
    )


def _checked(native_id: str) -> str:
    if not FEED_ID.fullmatch(native_id):
        raise Rejected("the id of a comment or post is missing or no number")
    return native_id


def _author(author: str, value: _Value) -> Author:
    if not author:
        return Author(name=name_of(value.who.name))
    return Author(handle=_checked(author), name=name_of(value.who.name), assurance=Assurance.CHANNEL_VERIFIED)


def _text(value: _Value) -> str:
    text = words(value.message)
    is_new = value.item == "share" and is_address(value.link) and value.link not in text
    return f"{text}\n{value.link}".strip() if is_new else text


def _files(value: _Value) -> Iterator[Attachment]:
    named = dict.fromkeys(_addresses(value))
    yield from (attachment(place, url, kind) for place, (url, kind) in enumerate(list(named)[:_MOST_FILES], 1))


def _addresses(value: _Value) -> Iterator[tuple[str, str]]:
    several = value.photos if isinstance(value.photos, list) else ()
    alone = value.link if value.item in {"photo", "video"} else None
    pictures = [value.photo, *several, alone if value.item == "photo" else None]
    films = [value.video, alone if value.item == "video" else None]
    yield from ((url, "image") for url in pictures if is_address(url))
    yield from ((url, "video") for url in films if is_address(url))
