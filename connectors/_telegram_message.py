"""What an update of the Bot API says, in the words of every channel."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime

import msgspec

from connectors._parts import stretch, without
from connectors._telegram_update import Entity, File, Named, Position, Post, Standing, Update, User
from core.message import Assurance, Attachment, Author, Location, Message, identity_of
from core.text import clean

_MOST_NAME_CHARACTERS, _MOST_LINKS = 256, 20
_TYPE = re.compile(r"[\w.+-]{1,60}/[\w.+-]{1,60}", re.ASCII)
# What a deep link (t.me/<bot>?start=…) puts after /start: a word of a machine, not of a person.
_DEEP_LINK = re.compile(r"[A-Za-z0-9_-]{0,64}")
_KINDS = {
    "animation": ("animation.mp4", "video/mp4"),
    "audio": ("audio.mp3", "audio/mpeg"),
    "document": ("document", "application/octet-stream"),
    "video": ("video.mp4", "video/mp4"),
    "video_note": ("video.mp4", "video/mp4"),
    "voice": ("voice.ogg", "audio/ogg"),
}


class Bot(msgspec.Struct, frozen=True, kw_only=True):
    """Whom citizens talk to; 0 and "" for what is not known."""

    id: int = 0
    username: str = ""

    def is_author(self, user: User | None) -> bool:
        return user is not None and user.id == self.id

    def is_meant(self, user: User) -> bool:
        """Whether this is us; as long as our id is not known, the name decides."""
        return user.id == self.id if self.id else user.is_bot and self._is_called(user.username)

    def is_addressed_by(self, post: Post) -> bool:
        """Whether this was said to us: in a group, only what answers us, names us or is a command."""
        if post.chat.type == "private":
            return True
        answered = _answered(post)
        if answered is not None and answered.author is not None and self.is_meant(answered.author):
            return True
        return any(self.is_named_by(post, entity) for entity in _entities(post))

    def is_named_by(self, post: Post, entity: Entity) -> bool:
        """Whether this stretch calls us: @name, or a command at the beginning that is not another bot's."""
        if entity.type == "text_mention":
            return entity.user is not None and self.is_meant(entity.user)
        word = stretch(_said(post), entity.offset, entity.length)
        if entity.type == "mention":
            return self._is_called(word.removeprefix("@"))
        command, at, name = word.partition("@")
        is_ours = not at or self._is_called(name)
        return entity.type == "bot_command" and entity.offset == 0 and len(command) > 1 and is_ours

    def _is_called(self, name: str) -> bool:
        # The name of every bot ends like this; in groups a bot is not told what is said to others.
        return name.lower() == self.username.lower() if self.username else name.lower().endswith("bot")


class Reader(msgspec.Struct, frozen=True, kw_only=True):
    """Makes messages of updates. What is nobody's word to us makes none: posts of channels, talk of others in groups,
    notes that somebody joined, our own words, the path of a shared position."""

    channel: str
    account: str
    bot: Bot

    def messages(self, update: Update, received_at: datetime) -> list[Message]:
        if update.my_chat_member is not None:
            return self._standing(update.my_chat_member, received_at)
        post = update.message or update.edited_message
        if post is None or post.is_automatic_forward or self.bot.is_author(post.author):
            return []
        is_edit = update.message is None
        # A live position is edited as long as somebody walks: nobody asked the city to follow them.
        if not self.bot.is_addressed_by(post) or (is_edit and post.location is not None):
            return []
        message = self._message(post, received_at)
        if not (message.text or message.attachments or message.location):
            return []
        return [_edited(message, post.edit_date) if is_edit else message]

    def unread(self, number: int, received_at: datetime) -> Message:
        """Returns what is kept of an update that cannot be read: that it came, and its bytes."""
        return Message(
            id="",
            channel=self.channel,
            account=self.account,
            native_id=f"update:{number}",
            received_at=received_at,
            replyable=False,
            signals=("automatic: an update that cannot be read",),
        )

    def _message(self, post: Post, received_at: datetime) -> Message:
        chat, is_private = post.chat.id, post.chat.type == "private"
        native_id, author, answered = f"{chat}:{post.message_id}", _author(post), _answered(post)
        is_person = author.assurance is not Assurance.ANONYMOUS
        # Who speaks for a group or a channel may be another person every time.
        within = "" if is_private else f"|{author.handle if is_person else post.message_id}"
        text, signals = self._text(post)
        return Message(
            id="",
            channel=self.channel,
            account=self.account,
            native_id=native_id,
            received_at=received_at,
            conversation=f"{self.account}|{chat}{within}",
            author=author,
            text=text,
            attachments=tuple(_attachments(post)),
            location=_location(post.venue.location if post.venue else post.location),
            sent_at=_moment(post.date),
            in_reply_to=f"{chat}:{answered.message_id}" if answered else "",
            reply_to=str(chat),
            replyable=not signals,
            public=not is_private,
            signals=signals,
            group=f"{chat}:{post.media_group_id}" if post.media_group_id else "",
        )

    def _text(self, post: Post) -> tuple[str, tuple[str, ...]]:
        """Returns the words to the city, without those that only call the bot, and why nobody wrote them, if so."""
        said = clean(_said(post))
        named = [entity for entity in _entities(post) if self.bot.is_named_by(post, entity)]
        rest = clean(without(_said(post), [(entity.offset, entity.length) for entity in named]))
        has_more = any(_attachments(post)) or post.location is not None or post.contact is not None
        if _is_start(said) and _DEEP_LINK.fullmatch(rest):
            return said, ("automatic: /start",)
        if named and not rest and not has_more:
            return said, ("automatic: a command alone",)
        if (emblem := post.sticker or post.dice) is not None:
            return clean(emblem.emoji) or "🙂", ("automatic: a sticker",)
        if post.author is not None and post.author.is_bot and post.sender_chat is None:
            return rest, ("automatic: a bot",)
        return clean("\n".join([rest, *_more_words(post)])), ()

    def _standing(self, standing: Standing, received_at: datetime) -> list[Message]:
        """A citizen who blocks the bot, or lets it in again: recorded, and no answer."""
        status = standing.new_chat_member.status
        if standing.chat.type != "private" or status not in {"kicked", "member"}:
            return []
        chat = standing.chat.id
        message = Message(
            id="",
            channel=self.channel,
            account=self.account,
            native_id=f"{chat}:standing:{standing.date}",
            version=status,
            received_at=received_at,
            conversation=f"{self.account}|{chat}",
            author=_person(standing.author),
            sent_at=_moment(standing.date),
            replyable=False,
            signals=(f"automatic: {'blocked the bot' if status == 'kicked' else 'lets the bot in again'}",),
        )
        return [message]


def _edited(message: Message, edit_date: int) -> Message:
    """Returns it as another version of the message. Two edits may fall into one second: what is said counts too."""
    said = identity_of(message.text, *(attachment.place for attachment in message.attachments)).hex()[:8]
    return msgspec.structs.replace(
        message,
        version=f"{edit_date}-{said}",
        change="edit",
        in_reply_to=message.native_id,
        sent_at=_moment(edit_date) if edit_date else message.sent_at,
    )


def _said(post: Post) -> str:
    return post.text or post.caption


def _entities(post: Post) -> tuple[Entity, ...]:
    return post.entities if post.text else post.caption_entities


def _is_start(said: str) -> bool:
    return said.partition(" ")[0].partition("@")[0] == "/start"


def _answered(post: Post) -> Named | None:
    """Returns the message that this answers; in a topic of a group, its first message stands there unasked."""
    answered = post.reply_to_message
    return None if answered is None or answered.message_id == post.message_thread_id else answered


def _more_words(post: Post) -> Iterator[str]:
    """What was said without writing it: where links lead, a place's name, a phone number, what a poll asks."""
    links = [entity.url for entity in _entities(post) if entity.type == "text_link" and entity.url]
    yield from links[:_MOST_LINKS]
    if post.venue is not None:
        yield from (post.venue.title, post.venue.address)
    if post.contact is not None:
        names = f"{post.contact.last_name}{post.contact.first_name}"
        yield f"연락처: {names} {post.contact.phone_number}"
    if post.poll is not None:
        yield post.poll.question


def _author(post: Post) -> Author:
    if post.sender_chat is not None:
        name = clean(post.sender_chat.title)[:_MOST_NAME_CHARACTERS]
        return Author(handle=str(post.sender_chat.id), name=name)
    return _person(post.author) if post.author is not None else Author()


def _person(user: User) -> Author:
    name = clean(f"{user.first_name} {user.last_name}")[:_MOST_NAME_CHARACTERS].strip()
    return Author(handle=str(user.id), name=name, assurance=Assurance.CHANNEL_VERIFIED)


def _attachments(post: Post) -> Iterator[Attachment]:
    if post.photo:
        largest = max(post.photo, key=lambda size: (size.width * size.height, size.file_size))
        yield _attachment(largest, "photo.jpg", "image/jpeg")
    # An animation stands there a second time, as a document.
    kinds = [kind for kind in _KINDS if kind != "document" or post.animation is None]
    for kind in kinds:
        file: File | None = getattr(post, kind)
        if file is not None:
            yield _attachment(file, *_KINDS[kind])


def _attachment(file: File, name: str, media_type: str) -> Attachment:
    return Attachment(
        name=clean(file.file_name)[:_MOST_NAME_CHARACTERS].strip() or name,
        media_type=file.mime_type if _TYPE.fullmatch(file.mime_type) else media_type,
        size=file.file_size,
        place=file.file_id,
    )


def _location(position: Position | None) -> Location | None:
    return None if position is None else Location(position.latitude, position.longitude)


def _moment(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
