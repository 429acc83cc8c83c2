"""What X says, made into messages: posts with what is in them, direct messages, removals. Pure."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from html import unescape
from typing import Any

from connectors._x_shapes import Entities, Media, Post, Said, User
from core.errors import Rejected
from core.message import Assurance, Attachment, Author, Location, Message
from core.text import clean

_MOST_CHARACTERS = 100_000
_MOST_NAME_CHARACTERS = 256
_MOST_LINKS = 100
_ID = re.compile(r"[0-9]{1,20}", re.ASCII)
_SHORT_LINK = re.compile(r"https?://t\.co/\w{1,40}", re.ASCII)
_MENTION = re.compile(r"[@＠]([A-Za-z0-9_]{1,15})(?=\s|$)\s*")
# Degrees: a place larger than a neighbourhood says nothing about where something is.
_LARGEST_PLACE = 0.03
# In the addresses of what is attached.
_SHOWN = ("/photo/", "/video/", "/messages/media/")
_TYPES = {"photo": "image/jpeg", "video": "video/mp4", "animated_gif": "video/mp4"}
# Of direct messages: such files are only given to the account that got them.
DM_FILE = "x-dm:"


class Reader:
    """Knows the city's accounts, by number and by handle."""

    def __init__(self, channel: str, accounts: Mapping[str, str]) -> None:
        self._channel = channel
        self.accounts = accounts
        self._handles = {handle.lower(): handle for handle in accounts.values()}

    def knowing(self, user_id: str, said: Said) -> "Reader":
        """Returns one that knows this account too, whatever it is called."""
        if user_id in self.accounts or not user_id:
            return self
        named = [mention.username for mention in said.data.mentions if mention.id == user_id]
        named += [user.username for user in said.includes.users if user.id == user_id]
        return Reader(self._channel, {**self.accounts, user_id: next(filter(None, named), user_id)})

    def post(self, said: Said, received_at: datetime, *, account: str = "", is_summons: bool = False) -> Message | None:
        """Returns the message; None for what we wrote ourselves and for what is only passed on.

        `account` is where it was found: what names one of our accounts belongs to that one, wherever it was found.
        `is_summons`: X says that it names or quotes us.
        """
        post, history = said.data, said.data.edit_history_tweet_ids or (said.data.id,)
        author, native_id = checked(post.author_id, "author_id"), checked(history[0], "id")
        if author in self.accounts or post.refers_to("retweeted"):
            return None
        is_edit = checked(post.id, "id") != native_id
        quoted, answered = post.refers_to("quoted"), post.refers_to("replied_to")
        summoned = self._summoned(said) or self._author_of(said, quoted)
        addressed = summoned or self.accounts.get(post.in_reply_to_user_id, "") or account
        return Message(
            id="",
            channel=self._channel,
            account=addressed,
            native_id=native_id,
            version=post.id if is_edit else "1",
            received_at=received_at,
            conversation=f"{addressed}|{post.conversation_id or native_id}|{author}",
            author=Author(handle=author, name=named(said.includes.users, author), assurance=Assurance.CHANNEL_VERIFIED),
            **self._content(said),
            location=_location(said),
            sent_at=moment(post.created_at),
            in_reply_to=native_id if is_edit else answered,
            references=tuple(filter(None, (answered if is_edit else "", quoted))),
            reply_to=author,
            replyable=bool(summoned) or is_summons,
            public=True,
            change="edit" if is_edit else "",
        )

    def removals(self, post: Post, filtered: str, received_at: datetime) -> list[Message]:
        """Returns the same removal for every account that may have the post: X does not say to whom it was written."""
        author, native_id = checked(post.author_id, "author_id"), checked(post.id, "id")
        if author in self.accounts:
            return []
        native_id = checked((post.edit_history_tweet_ids or (native_id,))[0], "id")
        one = self.accounts.get(filtered)
        accounts = [one] if one else sorted(set(self.accounts.values())) or [filtered]
        return [
            Message(
                id="",
                channel=self._channel,
                account=account,
                native_id=native_id,
                version="removed",
                received_at=received_at,
                conversation=f"{account}|{post.conversation_id or native_id}|{author}",
                author=Author(handle=author, assurance=Assurance.CHANNEL_VERIFIED),
                in_reply_to=native_id,
                replyable=False,
                public=True,
                change="removal",
            )
            for account in accounts
        ]

    def _content(self, said: Said) -> dict[str, Any]:
        words, attachments = self._words(said.data), _attachments(said)
        if not words and not attachments:
            raise Rejected("text is empty and nothing is attached")
        return {"text": words, "attachments": attachments}

    def _words(self, post: Post) -> str:
        note = post.note_tweet if post.note_tweet and post.note_tweet.text else None
        text = note.text if note else post.text
        entities = (note.entities if note else post.entities) or Entities()
        if len(text) > _MOST_CHARACTERS:
            raise Rejected(f"text is longer than {_MOST_CHARACTERS} characters")
        whole = clean(expanded(unescape(text), entities, post.refers_to("quoted")))
        return self._without_us(whole) or whole

    def _without_us(self, text: str) -> str:
        """Returns the text without our accounts in the names that it begins with; others' stay."""
        kept, place = [], 0
        while mention := _MENTION.match(text, place):
            place = mention.end()
            if mention[1].lower() not in self._handles:
                kept.append(f"@{mention[1]}")
        return " ".join([*kept, text[place:]]).strip() if place else text

    def _summoned(self, said: Said) -> str:
        """Returns the first account of ours that the author names, "" for none."""
        for mention in said.data.mentions:
            found = self.accounts.get(mention.id) or self._handles.get(mention.username.lower())
            if found:
                return found
        return ""

    def _author_of(self, said: Said, quoted: str) -> str:
        """Returns which account of ours wrote the post that is quoted, "" when it is not ours."""
        if not quoted:
            return ""
        author = next((other.author_id for other in said.includes.tweets if other.id == quoted), "")
        if author:
            return self.accounts.get(author, "")
        urls = said.data.entities.urls if said.data.entities else ()
        paths = (re.search(r"\.com/(\w{1,15})/status/(\d+)", url.expanded_url, re.ASCII) for url in urls)
        return next((self._handles.get(path[1].lower(), "") for path in paths if path and path[2] == quoted), "")


def checked(value: str, name: str) -> str:
    if not _ID.fullmatch(value):
        raise Rejected(f"{name} is missing or no number")
    return value


def expanded(text: str, entities: Entities, quoted: str) -> str:
    """Returns the text with every short link as what it stands for; those of pictures and of the quoted post go."""
    for url in entities.urls[:_MOST_LINKS]:
        if not _SHORT_LINK.fullmatch(url.url):
            continue
        is_shown = url.media_key or any(part in url.expanded_url for part in _SHOWN)
        is_quoted = bool(quoted) and url.expanded_url.endswith(f"/status/{quoted}")
        instead = "" if is_shown or is_quoted else url.expanded_url[:2_000] or url.url
        text = instead.join(re.split(re.escape(url.url) + r"(?!\w)", text, flags=re.ASCII))
    return text


def named(users: tuple[User, ...], author: str) -> str:
    user = next((user for user in users if user.id == author), User())
    handle, name = user.username or user.screen_name, clean(user.name)
    named = f"{name} (@{handle})" if name and handle else name or (f"@{handle}" if handle else "")
    return clean(named)[:_MOST_NAME_CHARACTERS].strip()


def _attachments(said: Said) -> tuple[Attachment, ...]:
    keys = said.data.attachments.media_keys if said.data.attachments else ()
    known = {media.media_key: media for media in said.includes.media}
    found = (_attachment(place, known[key]) for place, key in enumerate(keys, 1) if key in known)
    return tuple(attachment for attachment in found if attachment is not None)


def _attachment(place: int, media: Media) -> Attachment | None:
    films = [variant for variant in media.variants if variant.content_type == "video/mp4"]
    best = max(films, key=lambda variant: variant.bit_rate, default=None)
    url, media_type = media.url, _TYPES.get(media.type, "application/octet-stream")
    if best is not None:
        url = best.url
    elif not url:
        url, media_type = media.preview_image_url, "image/jpeg"
    if media_type == "image/jpeg" and re.search(r"\.png(\?|$)|format=png", url):
        media_type = "image/png"
    return Attachment(name=str(place), media_type=media_type, place=url) if is_address(url) else None


def is_address(url: str) -> bool:
    return re.fullmatch(r"https?://[!-~]{1,2000}", url) is not None


def _location(said: Said) -> Location | None:
    geo = said.data.geo
    if geo is None:
        return None
    if geo.coordinates and len(geo.coordinates.coordinates) == 2:
        lon, lat = geo.coordinates.coordinates
        return _on_earth(lat, lon)
    box = next((p.geo.bbox for p in said.includes.places if p.id == geo.place_id and p.geo), ())
    if len(box) != 4 or max(abs(box[2] - box[0]), abs(box[3] - box[1])) > _LARGEST_PLACE:
        return None
    return _on_earth((box[1] + box[3]) / 2, (box[0] + box[2]) / 2)


def _on_earth(lat: float, lon: float) -> Location | None:
    return Location(lat, lon) if abs(lat) <= 90 and abs(lon) <= 180 else None


def moment(text: str) -> datetime | None:
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise Rejected("created_at is no time") from error
