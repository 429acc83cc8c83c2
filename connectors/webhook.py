"""Any source that signs by Standard Webhooks; a table of paths says where in its JSON a message stands."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cached_property, lru_cache
from typing import Annotated, Any, Literal

import msgspec
from pydantic import AliasChoices, AliasPath, Field, StringConstraints

from connectors._standard import Keys, check, read_keys, sign
from connectors.base import ChannelSettings, Request, Spoken, Webhook, Words
from core.clock import SEOUL
from core.errors import ConfigError, Rejected
from core.ids import uuid7
from core.message import Assurance, Attachment, Author, Location, Message
from core.reply import Sender
from core.settings import SecretRef, Settings
from core.text import clean

_MOST_ATTACHMENTS = 20
_MOST_CHARACTERS = 200_000
_MOST_NAME_CHARACTERS = 256
_STEP = r"(?:[^\s.\[\]$]+|\[\d{1,4}\])"
Path = Annotated[str, StringConstraints(pattern=rf"^(?:\$\.)?{_STEP}(?:\.{_STEP}|\[\d{{1,4}}\])*$|^$")]


def _either(key: str, *names: str) -> AliasChoices:
    """Both ways to write it are understood: `author.id = …` and `author_id = …`."""
    return AliasChoices(AliasPath("author", key), *names)


class Paths(Settings):
    """[connectors.<name>.fields]: names joined by dots, places in a list as numbers: `data.parts[0].text`. "" for
    what the source does not say."""

    text: Path = "data.text"
    """The words; must be there unless there are attachments."""
    subject: Path = "data.subject"
    """The subject line."""
    author: Path = Field(default="data.author.id", validation_alias=_either("id", "author", "author_id"))
    """The author's id, a text or a number: what replies are sent to."""
    author_name: Path = Field(default="data.author.name", validation_alias=_either("name", "author_name"))
    """The author's name as people write it."""
    conversation: Path = "data.conversation"
    """Id that messages of one conversation share."""
    lat: Path = "data.lat"
    """Latitude, WGS 84 in degrees."""
    lon: Path = "data.lon"
    """Longitude, WGS 84 in degrees."""
    sent_at: Path = "timestamp"
    """When it was written: ISO 8601, or Unix time in seconds or milliseconds."""
    attachments: Path = "data.attachments"
    """A list; in each of them the three below."""
    attachment_url: Path = "url"
    """Address of the file (http or https)."""
    attachment_name: Path = "name"
    """Name of the file."""
    attachment_type: Path = "type"
    """Media type of the file."""


class WebhookSettings(ChannelSettings):
    """[connectors.<name>] with type = "webhook"."""

    secret: SecretRef | None = None
    """Keys that the source signs with, whsec_… or whpk_…, several with blanks between while one replaces another;
    left out: EUNGDAPSO_<NAME>_SECRET."""
    fields: Paths = Paths()
    """Where in the source's JSON a message stands."""
    account: str = ""
    """Which of the city's addresses this is; "" for the table's name."""
    replyable: bool = True
    """Whether authors can be answered through this source."""
    assurance: Literal["channel-verified", "self-declared"] = "channel-verified"
    """Whether the source knows its authors or only passes on what they say."""
    reply_url: str = Field(default="", pattern=r"^(https?://[^\s/]+(/\S*)?)?$")
    """Where replies are posted, signed with the first whsec_ key; "" delivers to files."""
    timeout_seconds: float = Field(default=15.0, gt=0, le=60)
    """Longest wait for one reply to be taken."""
    tolerance_seconds: int = Field(default=300, ge=1, le=3_600)
    """How far the signed time may be from now."""


class Standard(Webhook[WebhookSettings]):
    """One named source. A redelivery has the same webhook-id and is the same message."""

    Settings = WebhookSettings

    def missing(self) -> Sequence[str]:
        secret = self.secret(self.settings.secret, "SECRET")
        if not secret.value(self.environment):
            return (secret.env,)
        keys = self._keys
        return () if keys.shared or keys.public else (f"{secret.env} (a whsec_… or whpk_… key)",)

    def verify(self, request: Request, *, now: float) -> None:
        tolerance = self.settings.tolerance_seconds
        check(self._keys, request.headers, request.body, now=now, tolerance_seconds=tolerance)

    def parse(self, request: Request) -> list[Message]:
        payload, paths = _decoded(request.body), self.settings.fields
        native_id = request.headers.get("webhook-id", "")
        if not native_id:
            raise Rejected("webhook-id is missing")
        handle = _id(payload, paths.author)
        text, attachments = _words(payload, paths.text), _attachments(payload, paths)
        if not text and not attachments:
            raise Rejected(f"{paths.text} is missing or empty")
        message = Message(
            id="",
            channel=self.name,
            account=self.settings.account or self.name,
            native_id=native_id,
            received_at=request.received_at,
            conversation=_id(payload, paths.conversation) or handle or native_id,
            author=self._author(handle, _words(payload, paths.author_name, _MOST_NAME_CHARACTERS)),
            text=text,
            subject=_words(payload, paths.subject, _MOST_NAME_CHARACTERS),
            attachments=attachments,
            location=_location(payload, paths),
            sent_at=_moment(payload, paths.sent_at),
            reply_to=handle,
            replyable=self.settings.replyable and bool(handle),
        )
        return [message]

    def sender(self) -> Sender | None:
        """Returns None as long as `reply_url` is "" or there is no shared key to sign with."""
        if not (self.settings.reply_url and self._keys.shared):
            return None
        # Importing the HTTP client takes a sixth of a second; many instances never send by it.
        from connectors._standard_rest import Back

        return Back(self.settings.reply_url, self._keys.shared[0], self.settings.timeout_seconds)

    def spoken(self, words: Words) -> Spoken:
        key = next(iter(self._keys.shared), b"")
        if not key:
            raise ConfigError(f"--channel {self.name}: only the source can sign for a whpk_… key")
        moment = datetime.fromtimestamp(words.now, UTC).isoformat()
        author = {"id": words.sender or "citizen-1", "name": ""}
        payload = {"type": "message.created", "timestamp": moment, "data": {"text": words.text, "author": author}}
        body = msgspec.json.encode(payload)
        webhook_id = f"msg_{uuid7().replace('-', '')}"
        headers = {
            "content-type": "application/json",
            "webhook-id": webhook_id,
            "webhook-timestamp": str(int(words.now)),
            "webhook-signature": sign(key, webhook_id, int(words.now), body),
        }
        return Spoken(path=f"/hooks/{self.name}", body=body, headers=headers)

    @cached_property
    def _keys(self) -> Keys:
        try:
            return read_keys(self.secret(self.settings.secret, "SECRET").value(self.environment))
        except ValueError:
            return Keys((), ())

    def _author(self, handle: str, name: str) -> Author:
        if not handle:
            return Author(name=name, assurance=Assurance.SELF_DECLARED if name else Assurance.ANONYMOUS)
        return Author(handle=handle, name=name, assurance=Assurance(self.settings.assurance))


def _decoded(body: bytes) -> Any:
    try:
        payload = msgspec.json.decode(body)
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise Rejected("the body is no JSON", status=400) from error
    if not isinstance(payload, dict | list):
        raise Rejected("the body is no JSON object")
    return payload


@lru_cache(maxsize=512)
def _steps(path: str) -> tuple[str, ...]:
    return tuple(re.findall(r"[^.\[\]]+", path.removeprefix("$.")))


def _at(payload: Any, path: str) -> Any:
    """Returns what stands there; None when nothing does."""
    if not path:
        return None
    for step in _steps(path):
        if isinstance(payload, dict):
            payload = payload.get(step)
        elif isinstance(payload, list) and step.isdigit() and int(step) < len(payload):
            payload = payload[int(step)]
        else:
            return None
    return payload


def _words(payload: Any, path: str, most_characters: int = _MOST_CHARACTERS) -> str:
    found = _at(payload, path)
    if found is None:
        return ""
    if not isinstance(found, str):
        raise Rejected(f"{path} is no text")
    if len(found) > most_characters:
        raise Rejected(f"{path} is longer than {most_characters} characters")
    return clean(found)


def _id(payload: Any, path: str) -> str:
    found = _at(payload, path)
    if isinstance(found, int) and not isinstance(found, bool) and abs(found) < 1 << 64:
        return str(found)
    return _words(payload, path, _MOST_NAME_CHARACTERS)


def _number(payload: Any, path: str, most: float) -> float | None:
    found = _at(payload, path)
    if found is None:
        return None
    if isinstance(found, bool) or not isinstance(found, int | float) or not abs(found) <= most:
        raise Rejected(f"{path} is no number between -{most:g} and {most:g}")
    return float(found)


def _location(payload: Any, paths: Paths) -> Location | None:
    lat, lon = _number(payload, paths.lat, 90), _number(payload, paths.lon, 180)
    if lat is None and lon is None:
        return None
    if lat is None or lon is None:
        raise Rejected(f"{paths.lat if lat is None else paths.lon} is missing")
    return Location(lat, lon)


def _moment(payload: Any, path: str) -> datetime | None:
    found = _at(payload, path)
    if found is None:
        return None
    try:
        if isinstance(found, int | float) and not isinstance(found, bool):
            return datetime.fromtimestamp(found / 1000 if abs(found) > 1e11 else found, UTC)
        moment = datetime.fromisoformat(found)
        return (moment if moment.tzinfo else moment.replace(tzinfo=SEOUL)).astimezone(UTC)
    except (TypeError, ValueError, OverflowError, OSError) as error:
        raise Rejected(f"{path} is no time") from error


def _attachments(payload: Any, paths: Paths) -> tuple[Attachment, ...]:
    found = _at(payload, paths.attachments)
    if found is None:
        return ()
    if not isinstance(found, list) or len(found) > _MOST_ATTACHMENTS:
        raise Rejected(f"{paths.attachments} is no list of at most {_MOST_ATTACHMENTS}")
    return tuple(_attachment(item, f"{paths.attachments}[{place}]", paths) for place, item in enumerate(found))


def _attachment(item: Any, where: str, paths: Paths) -> Attachment:
    url = _at(item, paths.attachment_url)
    if not (isinstance(url, str) and re.fullmatch(r"https?://[!-~]{1,2000}", url)):
        raise Rejected(f"{where}.{paths.attachment_url} is no address")
    try:
        name = _words(item, paths.attachment_name, _MOST_NAME_CHARACTERS)
        media_type = _words(item, paths.attachment_type, _MOST_NAME_CHARACTERS)
    except Rejected as error:
        raise Rejected(f"{where}.{error.reason}") from error
    if not re.fullmatch(r"[\w.+-]{1,100}/[\w.+-]{1,100}", media_type, re.ASCII):
        media_type = "application/octet-stream"
    return Attachment(name=name, media_type=media_type, place=url)
