"""A LINE official account: signed webhooks in; answers go out by a fresh reply token, else they are pushed."""

import hmac
import re
import time
from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from hashlib import sha256
from typing import TYPE_CHECKING, Annotated, Any, Literal
from uuid import NAMESPACE_OID, uuid5

import msgspec
from msgspec.structs import replace
from pydantic import Field

from connectors._few import few
from connectors._line_announce import LineAnnouncer
from connectors._parts import stretch, without
from connectors._tries import Tries
from connectors.base import Announcer, ChannelSettings, Located, Locator, Request, Spoken, Webhook, Words
from core.errors import ConfigError, Forged, Rejected, Unavailable, Uncertain
from core.ids import uuid7
from core.message import Assurance, Attachment, Author, Location, Message, identity_of
from core.reply import Pace, Receipt, Reply, Sender
from core.settings import SecretRef
from core.text import clean

if TYPE_CHECKING:
    from connectors._post import Answer, Post

_LINE_URL, _LINE_FILES_URL = "https://api.line.me", "https://api-data.line.me"
_ID = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_KINDS = {
    "image": ("photo.jpg", "image/jpeg"),
    "video": ("video.mp4", "video/mp4"),
    "audio": ("audio.m4a", "audio/mp4"),
}
_MOST_CHARACTERS, _MOST_MESSAGES, _MOST_NAME_CHARACTERS = 5_000, 5, 256
# Nobody writes outside these: 2001 to 2096, in milliseconds.
_MOMENTS = range(10**12, 4 * 10**12)
_URL = re.compile(r"https?://[!-~]{1,2000}")
_NOT_DONE_SECONDS = 5.0
# Of nobody: `send` says something in their name.
_CITIZEN = "U" + "0" * 31 + "1"


class LineSettings(ChannelSettings):
    """[connectors.line]"""

    secret: SecretRef | None = None
    """The channel secret, with which LINE signs; left out: EUNGDAPSO_<NAME>_SECRET."""
    token: SecretRef | None = None
    """The channel access token, with which letters go out and files are fetched; left out: EUNGDAPSO_<NAME>_TOKEN."""
    api_url: str = Field(default="", pattern=r"^(https?://[^\s/?#]+(/[^\s?#]*)?)?$")
    """Where letters go out: https://api.line.me or what speaks like it; "" delivers to files."""
    files_url: str = Field(default="", pattern=r"^(https?://[^\s/?#]+(/[^\s?#]*)?)?$")
    """Where files are; "" for https://api-data.line.me with LINE itself, else the same as api_url."""
    account: str = ""
    """The account as config/accounts.toml names it; "" for the table's name."""
    groups: Literal["mentioned", "all"] = "mentioned"
    """What counts as said to the city in groups: only messages that mention the account, or everything."""
    token_seconds: float = Field(default=45.0, ge=0, le=60)
    """How long after a message its reply token is used, which costs nothing; later, and at 0, letters are pushed."""
    timeout_seconds: float = Field(default=10.0, gt=0, le=60)
    """Longest wait for one call to the provider."""


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


class _Call(_Named, frozen=True):
    events: tuple[msgspec.Raw, ...]


_read_call = msgspec.json.Decoder(_Call).decode
_read_event = msgspec.json.Decoder(_Event).decode


class Line(Webhook[LineSettings]):
    """One official account; another is another table with `type = "line"`. LINE knows its users, so authors are
    channel-verified; answers go to the chat that they wrote in."""

    Settings = LineSettings
    names_earlier = True
    edited = True
    pace = Pace(a_second=2_000.0, burst=100)

    def __init__(self, name: str, settings: LineSettings, **rest: Mapping[str, str]) -> None:
        super().__init__(name, settings, **rest)
        self._secret = self.secret(settings.secret, "SECRET")
        self._token = self.secret(settings.token, "TOKEN")
        self._account = settings.account or name

    def missing(self) -> Sequence[str]:
        return () if self._secret.value(self.environment) else (self._secret.env,)

    def verify(self, request: Request, *, now: float) -> None:
        secret = self._secret.value(self.environment)
        if not secret:
            raise Forged("no channel secret to check signatures with")
        if not hmac.compare_digest(_sign(secret, request.body), request.headers.get("x-line-signature", "").encode()):
            raise Forged("signature does not match")

    def parse(self, request: Request) -> list[Message]:
        try:
            events = _read_call(request.body).events
        except (msgspec.DecodeError, ValueError, RecursionError) as error:
            raise Rejected("the body is no list of events", status=400) from error
        found = (self._message(raw, request.received_at) for raw in events)
        return [message for message in found if message is not None]

    def sender(self) -> Sender | None:
        """Returns None as long as `api_url` is "" or the token is missing: replies are then delivered to files."""
        token = self._token.value(self.environment)
        if not (self.settings.api_url and token):
            return None
        # Importing the HTTP client takes a sixth of a second; many instances never send by it.
        from connectors._post import Post

        tries = Tries(f"{self.name} tries", lambda: self.memory)
        return Letters(self.settings, Post(self.settings.timeout_seconds), token, tries)

    def announcer(self) -> Announcer | None:
        return LineAnnouncer(self.settings, self._token.value(self.environment))

    def locator(self) -> Locator | None:
        """Returns None while there is no token to fetch files with."""
        token = self._token.value(self.environment)
        if not (self.settings.api_url and token):
            return None
        from connectors._post import Post

        return Files(self.settings, Post(self.settings.timeout_seconds), token)

    def spoken(self, words: Words) -> Spoken:
        secret = self._secret.value(self.environment)
        if not _ID.fullmatch(words.sender or _CITIZEN):
            raise ConfigError(f"--channel {self.name}: a sender is a user's id")
        event = {
            "type": "message",
            "mode": "active",
            "timestamp": int(words.now * 1000),
            "source": {"type": "user", "userId": words.sender or _CITIZEN},
            "webhookEventId": uuid7().replace("-", "").upper()[:26],
            "deliveryContext": {"isRedelivery": False},
            "message": {"id": str(int(uuid7()[-12:], 16)), "type": "text", "text": words.text},
        }
        body = msgspec.json.encode({"destination": "U" + "0" * 32, "events": [event]})
        headers = {"content-type": "application/json", "x-line-signature": _sign(secret, body).decode()}
        return Spoken(path=f"/hooks/{self.name}", body=body, headers=headers)

    def _message(self, raw: msgspec.Raw, received_at: datetime) -> Message | None:
        """What cannot be read is kept as it came: the events beside it are nobody's fault."""
        try:
            return self._of(_read_event(raw), received_at)
        except (msgspec.DecodeError, ValueError, RecursionError, Rejected):
            return Message(
                id="",
                channel=self.name,
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
        if bare.public and not calls and self.settings.groups == "mentioned":
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
            channel=self.name,
            account=self._account,
            native_id=_id(native_id),
            received_at=received_at,
            conversation=f"{self._account}|{place}{within}",
            author=Author(handle=user, assurance=Assurance.CHANNEL_VERIFIED) if user else Author(),
            sent_at=datetime.fromtimestamp(event.timestamp / 1000, UTC),
            reply_to=place,
            public=bool(chat),
        )


class Letters(Sender):
    """Sends what LINE takes once: a push has the letter's id as its retry key, and a reply token is used up by the
    first letter that comes with it. Which letter was tried with a token is written down before it is."""

    repeatable = True

    def __init__(
        self,
        settings: LineSettings,
        post: "Post",
        token: str,
        tries: Tries,
        *,
        unix_time: Callable[[], float] = time.time,
    ) -> None:
        self._settings = settings
        self._url = f"{settings.api_url.rstrip('/')}/v2/bot/message"
        self._post = post
        self._headers = {"Authorization": f"Bearer {token}"}
        self._tries = tries
        self._unix_time = unix_time

    async def send(self, reply: Reply) -> Receipt:
        if not _ID.fullmatch(reply.to):
            raise Rejected("the recipient is no id of a user, a group or a room")
        said = {
            "messages": [{"type": "text", "text": text} for text in few(reply.text, _MOST_CHARACTERS, _MOST_MESSAGES)]
        }
        since, _, token = reply.callback.partition(" ")
        if token and since.isdigit():
            answer = await self._by_token(reply, int(since) / 1000, {**said, "replyToken": token})
            if answer is not None:
                return _receipt(answer, reply)
        return _receipt(await self._pushed(reply, {**said, "to": reply.to}), reply)

    async def close(self) -> None:
        await self._post.close()

    async def _by_token(self, reply: Reply, since: float, payload: Any) -> "Answer | None":
        """Returns None when the token is old, or used up by another letter."""
        return await self._tries.once(
            reply.id,
            since,
            partial(self._post, f"{self._url}/reply", payload, self._headers),
            is_fresh=-60 <= self._unix_time() - since <= self._settings.token_seconds,
            is_refused=lambda answer: answer.status == 400 and "reply token" in answer.said("message").lower(),
        )

    async def _pushed(self, reply: Reply, payload: Any) -> "Answer":
        headers = {**self._headers, "X-Line-Retry-Key": str(uuid5(NAMESPACE_OID, reply.id))}
        try:
            return await self._post(f"{self._url}/push", payload, headers)
        except Uncertain as error:
            raise Unavailable(str(error)) from error


class Files:
    """Knows where files are. Sound and films can be fetched only when LINE has got them ready."""

    def __init__(self, settings: LineSettings, post: "Post", token: str) -> None:
        ours = settings.api_url.rstrip("/")
        self._url = settings.files_url.rstrip("/") or (_LINE_FILES_URL if ours == _LINE_URL else ours)
        self._post = post
        self._headers = {"Authorization": f"Bearer {token}"}

    async def locate(self, attachment: Attachment) -> Located:
        kind, _, message = attachment.place.partition(":")
        if not (kind in {"file", *_KINDS} and _ID.fullmatch(message)):
            # What a message brings from elsewhere is fetched like any stranger's address, without our token.
            return Located(url=attachment.place)
        url = f"{self._url}/v2/bot/message/{message}/content"
        if kind in {"video", "audio"}:
            await self._wait_for(f"{url}/transcoding")
        return Located(url=url, headers=self._headers, trusted=True)

    async def close(self) -> None:
        await self._post.close()

    async def _wait_for(self, url: str) -> None:
        try:
            answer = await self._post.get(url, self._headers)
        except Uncertain as error:
            raise Unavailable(str(error)) from error
        answer.must_be_taken()
        if answer.said("status") == "processing":
            raise Unavailable("LINE is not done with it", retry_after_seconds=_NOT_DONE_SECONDS)
        if answer.said("status") == "failed":
            raise Rejected("LINE could not get it ready")


def _sign(secret: str, body: bytes) -> bytes:
    return b64encode(hmac.digest(secret.encode(), body, "sha256"))


def _id(found: str) -> str:
    if not _ID.fullmatch(found):
        raise Rejected("an id is none")
    return found


def _taken_back(message: Message) -> Message:
    return replace(message, change="removal", version="removed", in_reply_to=message.native_id, replyable=False)


def _edited(message: Message, event: _Event) -> Message:
    version = f"{event.timestamp}-{identity_of(message.text).hex()[:8]}"
    return replace(message, change="edit", version=version, in_reply_to=message.native_id)


def _attachments(said: _Said) -> tuple[Attachment, ...]:
    if said.type not in {"file", *_KINDS}:
        return ()
    name, media_type = _KINDS.get(said.type, ("file", "application/octet-stream"))
    place, elsewhere = f"{said.type}:{said.id}", said.content_provider.get("originalContentUrl", "")
    if elsewhere and not _URL.fullmatch(elsewhere):
        raise Rejected("the file's address is none")
    name = clean(said.file_name)[:_MOST_NAME_CHARACTERS].strip() or name
    return (Attachment(name=name, media_type=media_type, size=said.file_size, place=elsewhere or place),)


def _location(said: _Said) -> Location:
    if not (abs(said.latitude) <= 90 and abs(said.longitude) <= 180):
        raise Rejected("latitude or longitude is not on this earth")
    return Location(said.latitude, said.longitude)


def _receipt(answer: "Answer", reply: Reply) -> Receipt:
    """Returns the proof; raises what the caller does about a refusal. 409 means: taken before, under the same key."""
    if answer.status == 429 and "monthly limit" in answer.said("message").lower():
        raise Rejected("the month's messages are used up: LINE takes no more before the next month or a larger plan")
    if answer.status != 409:
        answer.must_be_taken()
    return Receipt(provider_id=answer.first_id("sentMessages") or reply.id)
