"""The Bot API's Update as far as it is read: only what the city needs of it, and nothing that is not of its type.

The library's own `Update` is not used for this: it needs a third of a second to be imported, and raises whatever
comes up where a payload is not what it expects.
"""

from collections.abc import Sequence
from typing import Annotated

import msgspec

from core.errors import Rejected

_Id = Annotated[int, msgspec.Meta(ge=-(2**62), le=2**62)]
# Until the year 2100.
_Moment = Annotated[int, msgspec.Meta(ge=0, le=4_102_444_800)]
_Count = Annotated[int, msgspec.Meta(ge=0, le=2**53)]
_FileId = Annotated[str, msgspec.Meta(pattern=r"\A[A-Za-z0-9_-]{1,400}\Z")]


class User(msgspec.Struct, frozen=True, kw_only=True):
    id: _Id
    is_bot: bool = False
    first_name: str = ""
    last_name: str = ""
    username: str = ""


class Chat(msgspec.Struct, frozen=True, kw_only=True):
    id: _Id
    type: str
    title: str = ""


class Entity(msgspec.Struct, frozen=True, kw_only=True):
    """A stretch of the text that means something; offset and length in UTF-16 code units."""

    type: str
    offset: _Count
    length: _Count
    url: str = ""
    user: User | None = None


class File(msgspec.Struct, frozen=True, kw_only=True):
    """Any file; what only some kinds have is 0 or "" for the others."""

    file_id: _FileId
    file_size: _Count = 0
    file_name: str = ""
    mime_type: str = ""
    width: _Count = 0
    height: _Count = 0


class Position(msgspec.Struct, frozen=True, kw_only=True):
    latitude: Annotated[float, msgspec.Meta(ge=-90, le=90)]
    longitude: Annotated[float, msgspec.Meta(ge=-180, le=180)]


class Venue(msgspec.Struct, frozen=True, kw_only=True):
    location: Position
    title: str = ""
    address: str = ""


class Contact(msgspec.Struct, frozen=True, kw_only=True):
    phone_number: str
    first_name: str = ""
    last_name: str = ""


class Emblem(msgspec.Struct, frozen=True, kw_only=True):
    """A sticker or a die: a picture that stands for an emoji."""

    emoji: str = ""


class Poll(msgspec.Struct, frozen=True, kw_only=True):
    question: str = ""


class Named(msgspec.Struct, frozen=True, kw_only=True, rename={"author": "from"}):
    """The message that another one answers."""

    message_id: _Id
    author: User | None = None


class Post(msgspec.Struct, frozen=True, kw_only=True, rename={"author": "from"}):
    """One message in a chat."""

    message_id: _Id
    date: _Moment
    chat: Chat
    author: User | None = None
    sender_chat: Chat | None = None
    edit_date: _Moment = 0
    message_thread_id: _Id = 0
    media_group_id: str = ""
    reply_to_message: Named | None = None
    is_automatic_forward: bool = False
    text: str = ""
    caption: str = ""
    entities: tuple[Entity, ...] = ()
    caption_entities: tuple[Entity, ...] = ()
    photo: tuple[File, ...] = ()
    animation: File | None = None
    audio: File | None = None
    document: File | None = None
    video: File | None = None
    video_note: File | None = None
    voice: File | None = None
    location: Position | None = None
    venue: Venue | None = None
    contact: Contact | None = None
    sticker: Emblem | None = None
    dice: Emblem | None = None
    poll: Poll | None = None


class Membership(msgspec.Struct, frozen=True, kw_only=True):
    status: str


class Standing(msgspec.Struct, frozen=True, kw_only=True, rename={"author": "from"}):
    """What the bot is in a chat by now: in a private one, `kicked` means that the citizen blocked it."""

    chat: Chat
    author: User
    date: _Moment
    new_chat_member: Membership


class Update(msgspec.Struct, frozen=True, kw_only=True):
    """What the Bot API delivers; of the kinds that are not here nothing is kept."""

    update_id: _Id
    message: Post | None = None
    edited_message: Post | None = None
    my_chat_member: Standing | None = None


# What is asked for: whatever else the provider has, it need not send.
KINDS: Sequence[str] = ("message", "edited_message", "my_chat_member")
_decode = msgspec.json.Decoder(Update).decode


def read(body: bytes) -> Update:
    """Returns the update in these bytes; raises `Rejected` when there is none."""
    try:
        return _decode(body)
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise Rejected("this is no update of the Bot API", status=400) from error
