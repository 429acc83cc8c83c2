"""What X's posts look like: of version 2 of its interface, the fields that are read here."""

from typing import Any, TypeVar

import msgspec

from core.errors import Rejected


class Url(msgspec.Struct, frozen=True):
    url: str = ""
    expanded_url: str = ""
    media_key: str = ""


class Mention(msgspec.Struct, frozen=True):
    username: str = ""
    id: str = ""


class Entities(msgspec.Struct, frozen=True):
    urls: tuple[Url, ...] = ()
    mentions: tuple[Mention, ...] = ()


class Note(msgspec.Struct, frozen=True):
    text: str = ""
    entities: Entities | None = None


class Reference(msgspec.Struct, frozen=True):
    type: str = ""
    id: str = ""


class Point(msgspec.Struct, frozen=True):
    coordinates: tuple[float, ...] = ()


class Geo(msgspec.Struct, frozen=True):
    place_id: str = ""
    coordinates: Point | None = None


class Attached(msgspec.Struct, frozen=True):
    media_keys: tuple[str, ...] = ()


class Post(msgspec.Struct, frozen=True):
    """A post as version 2 of the interface gives it."""

    id: str = ""
    text: str = ""
    author_id: str = ""
    conversation_id: str = ""
    created_at: str = ""
    in_reply_to_user_id: str = ""
    edit_history_tweet_ids: tuple[str, ...] = ()
    referenced_tweets: tuple[Reference, ...] = ()
    entities: Entities | None = None
    note_tweet: Note | None = None
    attachments: Attached | None = None
    geo: Geo | None = None

    def refers_to(self, kind: str) -> str:
        return next((other.id for other in self.referenced_tweets if other.type == kind), "")

    @property
    def mentions(self) -> tuple[Mention, ...]:
        both = (self.entities, self.note_tweet.entities if self.note_tweet else None)
        return tuple(mention for entities in both if entities for mention in entities.mentions)


class User(msgspec.Struct, frozen=True):
    id: str = ""
    name: str = ""
    username: str = ""
    screen_name: str = ""


class Variant(msgspec.Struct, frozen=True):
    content_type: str = ""
    url: str = ""
    bit_rate: int = 0


class Media(msgspec.Struct, frozen=True):
    media_key: str = ""
    type: str = ""
    url: str = ""
    preview_image_url: str = ""
    variants: tuple[Variant, ...] = ()


class Box(msgspec.Struct, frozen=True):
    bbox: tuple[float, ...] = ()


class Place(msgspec.Struct, frozen=True):
    id: str = ""
    geo: Box | None = None


class Includes(msgspec.Struct, frozen=True):
    users: tuple[User, ...] = ()
    media: tuple[Media, ...] = ()
    places: tuple[Place, ...] = ()
    tweets: tuple[Post, ...] = ()


class Said(msgspec.Struct, frozen=True):
    """One post with what belongs to it, as it is streamed; of a page of posts each is made into this."""

    data: Post
    includes: Includes = Includes()


T = TypeVar("T")


def convert(value: Any, kind: type[T]) -> T:
    try:
        return msgspec.convert(value, kind)
    except (msgspec.ValidationError, RecursionError) as error:
        raise Rejected("a field is not what X says it is") from error
