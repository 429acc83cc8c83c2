"""What LINE posts: events, and the messages that they mean."""

import re
from datetime import UTC, datetime
from hashlib import sha256
from typing import Annotated, Literal

import msgspec
from msgspec.structs import replace

from connectors._parts import stretch, without
from core.errors import Rejected
from core.message import Assurance, Attachment, Author, Location, Message, identity_of
from core.text import clean

Groups = Literal["mentioned", "all"]
# Whatever LINE gives an id: users, groups, messages, tokens.
ID = re.compile(r"[A-Za-z0-9_.-]{1,64}")
KINDS = {
    "image": ("photo.jpg", "image/jpeg"),
    "video": ("video.mp4", "video/mp4"),
    "audio": ("audio.m4a", "audio/mp4"),
}
_MOST_NAME_CHARACTERS = 256
# Nobody writes outside these: 2001 to 2096, in milliseconds.
_MOMENTS = range(10**12, 4 * 10**12)
_URL = re.compile(r"https?://[!-~]{1,2000}")


class _Named(msgspec.Struct, frozen=True, rename="camel"):
    """LINE writes names likeThis."""


class _Mentionee(_Named, frozen=True):
    index: int = 0
    length: int = 0
    is_self: bool = False


class _Said(_Named, frozen=True):
    """A message: what a citizen said or sent."""

    id: str
    type: str
    text: str = ""
    mention: dict[str, tuple[_Mentionee, ...]] = {}
    quoted_message_id: str = ""
    content_provider: dict[str, str] = {}
    image_set: dict[str, str | int] = {}
    file_name: str = ""
    file_size: Annotated[int, msgspec.Meta(ge=0, le=1 << 40)] = 0
    title: str | None = ""
    address: str | None = ""
    latitude: float = 0.0
    longitude: float = 0.0


class _Event(_Named, frozen=True):
    type: str
    mode: str = "active"
    timestamp: int = 0
    source: dict[str, str] = {}
    webhook_event_id: str = ""
    reply_token: str = ""
    message: _Said | None = None
    unsend: dict[str, str] = {}


_read_event = msgspec.json.Decoder(_Event).decode


class Events:
    """Reads events of one account in the name of one channel."""

    def __init__(self, channel: str, account: str, groups: Groups) -> None:
        self._channel = channel
        self._account = account
        self._groups = groups

    def message(self, raw: msgspec.Raw, received_at: datetime) -> Message | None:
        """Returns what an event means, None when it is nobody's word. What cannot be read is kept as it came: the
        events beside it are nobody's fault."""
        try:
            return self._of(_read_event(raw), received_at)
        except (msgspec.DecodeError, ValueError, RecursionError, Rejected):
            return Message(
                id="",
                channel=self._channel,
                account=self._account,
                native_id=f"unread:{sha256(bytes(raw)).hexdigest()[:32]}",
                received_at=received_at,
                replyable=False,
                signals=("automatic: an event that cannot be read",),
            )

    def _of(self, event: _Event, received_at: datetime) -> Message | None:
        """Returns what an event means, None when it is nobody's word: who joined, what was watched or tapped."""
        if event.type in {"message", "messageEdited"} and event.message is not None:
            message = self._said(event, event.message, received_at)
        elif event.type == "unsend":
            message = _taken_back(self._bare(event, event.unsend.get("messageId", ""), received_at))
        elif event.type in {"follow", "unfollow"}:
            bare = self._bare(event, event.webhook_event_id, received_at)
            message = replace(bare, replyable=False, signals=(f"automatic: {event.type}",))
        else:
            return None
        if message is not None and event.mode == "standby":
            return replace(message, replyable=False, signals=("automatic: standby, another service answers",))
        return message

    def _said(self, event: _Event, said: _Said, received_at: datetime) -> Message | None:
        bare = self._bare(event, said.id, received_at)
        calls = [one for one in said.mention.get("mentionees", ()) if one.is_self]
        if bare.public and not calls and self._groups == "mentioned":
            return None
        # Only what is really a name is cut out, whatever the numbers say.
        names = [one for one in calls if stretch(said.text, one.index, one.length).startswith("@")]
        text = clean(without(said.text, [(one.index, one.length) for one in names]))
        if said.type == "location":
            text = clean(f"{said.title or ''}\n{said.address or ''}")
        is_wordless = said.type == "sticker" and not text
        message = replace(
            bare,
            text="[스티커]" if is_wordless else text,
            attachments=_attachments(said),
            location=_location(said) if said.type == "location" else None,
            in_reply_to=_id(said.quoted_message_id) if said.quoted_message_id else "",
            group=_id(str(said.image_set["id"])) if "id" in said.image_set else "",
            # When the token was given stands before it: by LINE's clock, not by that of the business rules.
            callback=f"{event.timestamp} {_id(event.reply_token)}" if event.reply_token else "",
            replyable=not is_wordless,
            signals=("automatic: a sticker",) if is_wordless else (),
        )
        if not (message.text or message.attachments or message.location):
            return None
        return message if event.type == "message" else _edited(message, event)

    def _bare(self, event: _Event, native_id: str, received_at: datetime) -> Message:
        """Returns who said something where and when, without what was said."""
        if event.timestamp not in _MOMENTS:
            raise Rejected("timestamp is no time")
        user = _id(event.source["userId"]) if "userId" in event.source else ""
        chat = event.source.get("groupId") or event.source.get("roomId") or ""
        # Whose name LINE does not tell may be another person every time.
        within = f"|{user or native_id}" if chat else ""
        place = _id(chat or user)
        return Message(
            id="",
            channel=self._channel,
            account=self._account,
            native_id=_id(native_id),
            received_at=received_at,
            conversation=f"{self._account}|{place}{within}",
            author=Author(handle=user, assurance=Assurance.CHANNEL_VERIFIED) if user else Author(),
            sent_at=datetime.fromtimestamp(event.timestamp / 1000, UTC),
            reply_to=place,
            public=bool(chat),
        )


def _id(found: str) -> str:
    if not ID.fullmatch(found):
        raise Rejected("an id is none")
    return found


def _taken_back(message: Message) -> Message:
    return replace(message, change="removal", version="removed", in_reply_to=message.native_id, replyable=False)


def _edited(message: Message, event: _Event) -> Message:
    version = f"{event.timestamp}-{identity_of(message.text).hex()[:8]}"
    return replace(message, change="edit", version=version, in_reply_to=message.native_id)


def _attachments(said: _Said) -> tuple[Attachment, ...]:
    if said.type not in {"file", *KINDS}:
        return ()
    name, media_type = KINDS.get(said.type, ("file", "application/octet-stream"))
    place, elsewhere = f"{said.type}:{said.id}", said.content_provider.get("originalContentUrl", "")
    if elsewhere and not _URL.fullmatch(elsewhere):
        raise Rejected("the file's address is none")
    name = clean(said.file_name)[:_MOST_NAME_CHARACTERS].strip() or name
    return (Attachment(name=name, media_type=media_type, size=said.file_size, place=elsewhere or place),)


def _location(said: _Said) -> Location:
    if not (abs(said.latitude) <= 90 and abs(said.longitude) <= 180):
        raise Rejected("latitude or longitude is not on this earth")
    return Location(said.latitude, said.longitude)
