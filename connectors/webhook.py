"""Any source that signs its calls; tables say how it signs and where in its JSON or form a message stands."""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import cached_property, partial
from typing import Annotated, Any, Literal

import msgspec
from pydantic import AliasChoices, AliasPath, BeforeValidator, Field

from connectors import _standard
from connectors._hmac import Dialect, Signature
from connectors._paths import MOST_NAME_CHARACTERS, Path, at, decoded, identifier, moment, number, put, words
from connectors.base import ChannelSettings, Request, Response, Spoken, Webhook, Words
from core.errors import ConfigError, Rejected
from core.ids import uuid7
from core.message import Assurance, Attachment, Author, Location, Message
from core.reply import Sender
from core.settings import SecretRef, Settings

_MOST_ATTACHMENTS = 20
_MOST_CHALLENGE_CHARACTERS = 1_000


def _either(key: str, *names: str) -> AliasChoices:
    """Both ways to write it are understood: `author.id = …` and `author_id = …`."""
    return AliasChoices(AliasPath("author", key), *names)


class Paths(Settings):
    """[connectors.<name>.fields]: names joined by dots, places in a list as numbers: `data.parts[0].text`. "" for
    what the source does not say."""

    id: Path = ""
    """Id of the message, a text or a number; "" for the webhook-id or whatever id is signed, else a digest of what is
    signed."""
    text: Path = "data.text"
    """The words; must be there unless there are attachments."""
    subject: Path = "data.subject"
    """The subject line."""
    author: Path = Field(default="data.author.id", validation_alias=_either("id", "author", "author_id"))
    """The author's id, a text or a number: what replies are sent to."""
    author_name: Path = Field(default="data.author.name", validation_alias=_either("name", "author_name"))
    """The author's name as people write it."""
    conversation: Path = "data.conversation"
    """Id that messages of one conversation share; two authors in it are two conversations all the same."""
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


def _listed(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


Values = Annotated[tuple[str, ...], BeforeValidator(_listed)]


class WebhookSettings(ChannelSettings):
    """[connectors.<name>] with type = "webhook"."""

    secret: SecretRef | None = None
    """Keys that the source signs with: whsec_… or whpk_…, several with blanks between while one replaces another; with
    a [signature] its plain secret, several on lines of their own. Left out: EUNGDAPSO_<NAME>_SECRET."""
    signature: Signature | None = None
    """How the source signs; left out: by Standard Webhooks."""
    fields: Paths = Paths()
    """Where in the source's JSON a message stands."""
    only: Mapping[Path, Values] = {}
    """What must stand somewhere for a call to be a message, one text or several: `"event.type" = "message"`; "" stands
    for nothing. Other calls are taken and forgotten."""
    unless: tuple[Path, ...] = ()
    """Where nothing may stand: `event.bot_id`. Such calls are taken and forgotten."""
    challenge: Path = ""
    """What stands here is said back, and the call is no message: how some sources try an address out."""
    account: str = ""
    """Which of the city's addresses this is; "" for the table's name."""
    replyable: bool = True
    """Whether authors can be answered through this source."""
    public: bool = False
    """Whether others can read what authors write there; answers then say no more than number, department and date."""
    assurance: Literal["channel-verified", "self-declared"] = "channel-verified"
    """Whether the source knows its authors or only passes on what they say."""
    reply_url: str = Field(default="", pattern=r"^(https?://[^\s/]+(/\S*)?)?$")
    """Where replies are posted, signed as the source signs, with its first shared key; "" delivers to files."""
    timeout_seconds: float = Field(default=15.0, gt=0, le=60)
    """Longest wait for one reply to be taken."""
    tolerance_seconds: int = Field(default=300, ge=1, le=3_600)
    """How far the signed time may be from now."""


class Standard(Webhook[WebhookSettings]):
    """One named source. A redelivery has the same id and is the same message."""

    Settings = WebhookSettings

    def missing(self) -> Sequence[str]:
        secret = self.secret(self.settings.secret, "SECRET")
        if not secret.value(self.environment):
            return (secret.env,)
        if self._dialect is not None:
            return () if self._dialect.has_key else (f"{secret.env} (a key in {self._written})",)
        keys = self._keys
        return () if keys.shared or keys.public else (f"{secret.env} (a whsec_… or whpk_… key)",)

    def verify(self, request: Request, *, now: float) -> None:
        tolerance = self.settings.tolerance_seconds
        if self._dialect is not None:
            self._dialect.check(request, now=now, tolerance_seconds=tolerance)
            return
        _standard.check(self._keys, request.headers, request.body, now=now, tolerance_seconds=tolerance)

    def parse(self, request: Request) -> list[Message]:
        payload, paths = _payload(request), self.settings.fields
        if self._challenge(payload) or not self._is_message(payload):
            return []
        native_id = self._native_id(request, payload)
        handle = identifier(payload, paths.author)
        text, attachments = words(payload, paths.text), _attachments(payload, paths)
        if not text and not attachments:
            raise Rejected(f"{paths.text} is missing or empty")
        message = Message(
            id="",
            channel=self.name,
            account=self.settings.account or self.name,
            native_id=native_id,
            received_at=request.received_at,
            conversation=_conversation(identifier(payload, paths.conversation), handle) or native_id,
            author=self._author(handle, words(payload, paths.author_name, MOST_NAME_CHARACTERS)),
            text=text,
            subject=words(payload, paths.subject, MOST_NAME_CHARACTERS),
            attachments=attachments,
            location=_location(payload, paths),
            sent_at=moment(payload, paths.sent_at),
            reply_to=handle,
            replyable=self.settings.replyable and bool(handle),
            public=self.settings.public,
        )
        return [message]

    def thanks(self, request: Request, messages: Sequence[Message]) -> Response | None:
        if messages or not self.settings.challenge:
            return None
        challenge = self._challenge(_payload(request))
        return Response(body=challenge.encode()) if challenge else None

    def sender(self) -> Sender | None:
        """Returns None as long as `reply_url` is "" or there is no shared key to sign with."""
        url = self.settings.reply_url
        if not (url and self._can_sign):
            return None
        # Importing the HTTP client takes a sixth of a second; many instances never send by it.
        from connectors._standard_rest import Back

        return Back(url, partial(self._signed, url), self.settings.timeout_seconds)

    def spoken(self, words: Words) -> Spoken:
        if not self._can_sign:
            raise ConfigError(f"--channel {self.name}: only the source can sign for a whpk_… key")
        path, native_id = f"/hooks/{self.name}", f"msg_{uuid7().replace('-', '')}"
        body = msgspec.json.encode(self._example(words, native_id))
        headers = self._signed(words.public_url + path, native_id, int(words.now), body)
        return Spoken(path=path, body=body, headers={"content-type": "application/json", **headers})

    @cached_property
    def _keys(self) -> _standard.Keys:
        try:
            return _standard.read_keys(self.secret(self.settings.secret, "SECRET").value(self.environment))
        except ValueError:
            return _standard.Keys((), ())

    @cached_property
    def _dialect(self) -> Dialect | None:
        if self.settings.signature is None:
            return None
        return Dialect(self.settings.signature, self.secret(self.settings.secret, "SECRET").value(self.environment))

    @property
    def _written(self) -> str:
        return self.settings.signature.key if self.settings.signature else ""

    @property
    def _can_sign(self) -> bool:
        return self._dialect.has_key if self._dialect is not None else bool(self._keys.shared)

    def _signed(self, url: str, native_id: str, now: int, body: bytes) -> Mapping[str, str]:
        """Returns the headers that the source itself would send with this body."""
        if self._dialect is not None:
            return self._dialect.headers(url, native_id, now, body)
        return _standard.headers(self._keys.shared[0], native_id, now, body)

    def _native_id(self, request: Request, payload: Any) -> str:
        path = self.settings.fields.id
        if path:
            found, where = identifier(payload, path), path
        elif self._dialect is not None:
            found, where = self._dialect.native_id(request), "the id"
        else:
            found, where = request.headers.get("webhook-id", ""), "webhook-id"
        if not found:
            raise Rejected(f"{where} is missing")
        return found

    def _challenge(self, payload: Any) -> str:
        """Returns what the source wants to hear, "" when it says something."""
        return words(payload, self.settings.challenge, _MOST_CHALLENGE_CHARACTERS)

    def _is_message(self, payload: Any) -> bool:
        settings = self.settings
        wanted = all(_shown(at(payload, path)) in values for path, values in settings.only.items())
        return wanted and not any(_shown(at(payload, path)) for path in settings.unless)

    def _example(self, words: Words, native_id: str) -> Any:
        """Returns what the source would post to say this, in the shape that the table describes."""
        paths = self.settings.fields
        said = {
            **{path: next(filter(None, values), "") for path, values in self.settings.only.items() if "" not in values},
            paths.id: native_id,
            paths.text: words.text,
            paths.author: words.sender or "citizen-1",
            paths.sent_at: datetime.fromtimestamp(words.now, UTC).isoformat(),
        }
        payload: Any = {"type": "message.created"}
        for path, value in said.items():
            payload = put(payload, path, value)
        return payload

    def _author(self, handle: str, name: str) -> Author:
        if not handle:
            return Author(name=name, assurance=Assurance.SELF_DECLARED if name else Assurance.ANONYMOUS)
        return Author(handle=handle, name=name, assurance=Assurance(self.settings.assurance))


def _payload(request: Request) -> Any:
    return decoded(request.body, request.headers.get("content-type", ""))


def _conversation(conversation: str, handle: str) -> str:
    """Two people who share one are not shown each other's."""
    return f"{conversation}|{handle}" if conversation and handle else conversation or handle


def _shown(found: Any) -> str:
    """Returns what stands somewhere as a table would write it, "" for nothing."""
    if found is None or found == "":
        return ""
    return found if isinstance(found, str) else msgspec.json.encode(found).decode()


def _location(payload: Any, paths: Paths) -> Location | None:
    lat, lon = number(payload, paths.lat, 90), number(payload, paths.lon, 180)
    if lat is None and lon is None:
        return None
    if lat is None or lon is None:
        raise Rejected(f"{paths.lat if lat is None else paths.lon} is missing")
    return Location(lat, lon)


def _attachments(payload: Any, paths: Paths) -> tuple[Attachment, ...]:
    found = at(payload, paths.attachments)
    if found is None:
        return ()
    if not isinstance(found, list) or len(found) > _MOST_ATTACHMENTS:
        raise Rejected(f"{paths.attachments} is no list of at most {_MOST_ATTACHMENTS}")
    return tuple(_attachment(item, f"{paths.attachments}[{place}]", paths) for place, item in enumerate(found))


def _attachment(item: Any, where: str, paths: Paths) -> Attachment:
    url = at(item, paths.attachment_url)
    if not (isinstance(url, str) and re.fullmatch(r"https?://[!-~]{1,2000}", url)):
        raise Rejected(f"{where}.{paths.attachment_url} is no address")
    try:
        name = words(item, paths.attachment_name, MOST_NAME_CHARACTERS)
        media_type = words(item, paths.attachment_type, MOST_NAME_CHARACTERS)
    except Rejected as error:
        raise Rejected(f"{where}.{error.reason}") from error
    if not re.fullmatch(r"[\w.+-]{1,100}/[\w.+-]{1,100}", media_type, re.ASCII):
        media_type = "application/octet-stream"
    return Attachment(name=name, media_type=media_type, place=url)
