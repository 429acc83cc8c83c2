"""Direct messages of X, in the shape that events carry and in the shape that is asked for."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from html import unescape
from typing import Any

import msgspec

from connectors._x_posts import DM_FILE, checked, expanded, is_address, moment, named
from connectors._x_shapes import Entities, User, convert
from core.errors import Rejected
from core.message import Assurance, Attachment, Author, Message
from core.text import clean

_MOST_CHARACTERS = 100_000


class _File(msgspec.Struct, frozen=True):
    media_url_https: str = ""
    type: str = ""


class _Attached(msgspec.Struct, frozen=True):
    media: _File | None = None


class _Words(msgspec.Struct, frozen=True):
    text: str = ""
    entities: Entities | None = None
    attachment: _Attached | None = None


class _Target(msgspec.Struct, frozen=True):
    recipient_id: str = ""


class _Create(msgspec.Struct, frozen=True):
    sender_id: str = ""
    target: _Target = _Target()
    message_data: _Words = _Words()


class _Event(msgspec.Struct, frozen=True):
    """One message; the last four fields are those of the newer shape."""

    id: str = ""
    type: str = ""
    created_timestamp: str = ""
    message_create: _Create | None = None
    event_type: str = ""
    sender_id: str = ""
    text: str = ""
    created_at: str = ""


def direct(
    channel: str, accounts: Mapping[str, str], payload: Mapping[str, Any], filtered: str, received_at: datetime
) -> Iterator[Message]:
    """Returns what citizens wrote to an account; what the account wrote itself is left out. `filtered` is whom the
    event is for."""
    events = convert(payload.get("direct_message_events", [payload]), tuple[_Event, ...])
    users = _users(payload.get("users"))
    for event in events:
        if event.type not in {"", "message_create"} or event.event_type not in {"", "MessageCreate"}:
            continue
        create = event.message_create or _Create(event.sender_id, message_data=_Words(text=event.text))
        to = create.target.recipient_id or filtered
        sender = checked(create.sender_id, "sender_id")
        if sender in accounts or sender == filtered:
            continue
        account = accounts.get(to) or _handle(users, to) or checked(to, "recipient_id")
        yield _message(channel, account, event, create, users, received_at)


def _message(
    channel: str, account: str, event: _Event, create: _Create, users: tuple[User, ...], received_at: datetime
) -> Message:
    words, sender = create.message_data, create.sender_id
    if len(words.text) > _MOST_CHARACTERS:
        raise Rejected(f"text is longer than {_MOST_CHARACTERS} characters")
    text = clean(expanded(unescape(words.text), words.entities or Entities(), ""))
    attachments = _attachments(words, account)
    if not text and not attachments:
        raise Rejected("text is empty and nothing is attached")
    return Message(
        id="",
        channel=channel,
        account=account,
        native_id=checked(event.id, "id"),
        received_at=received_at,
        conversation=f"{account}|message|{sender}",
        author=Author(handle=sender, name=named(users, sender), assurance=Assurance.CHANNEL_VERIFIED),
        text=text,
        attachments=attachments,
        sent_at=_sent_at(event),
        reply_to=sender,
    )


def _users(given: Any) -> tuple[User, ...]:
    """Returns the users of a table by id, each of them plain or below `data`."""
    found = given.values() if isinstance(given, dict) else ()
    plain = [user["data"] if isinstance(user, dict) and isinstance(user.get("data"), dict) else user for user in found]
    return convert(plain, tuple[User, ...])


def _handle(users: tuple[User, ...], user_id: str) -> str:
    return next((clean(user.screen_name or user.username) for user in users if user.id == user_id), "")


def _attachments(words: _Words, account: str) -> tuple[Attachment, ...]:
    media = words.attachment.media if words.attachment else None
    if media is None or not is_address(media.media_url_https):
        return ()
    kind = "image/png" if media.media_url_https.endswith(".png") else "image/jpeg"
    return (Attachment(name="1", media_type=kind, place=f"{DM_FILE}{account}:{media.media_url_https}"),)


def _sent_at(event: _Event) -> datetime | None:
    if not event.created_timestamp:
        return moment(event.created_at)
    if not (event.created_timestamp.isascii() and event.created_timestamp.isdigit()):
        raise Rejected("created_timestamp is no time")
    try:
        return datetime.fromtimestamp(int(event.created_timestamp[:18]) / 1000, UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise Rejected("created_timestamp is no time") from error
