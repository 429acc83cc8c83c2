"""A LINE official account: signed webhooks in; answers go out by a fresh reply token, else they are pushed."""

import hmac
from base64 import b64encode
from collections.abc import Mapping, Sequence

import msgspec
from pydantic import Field

from connectors._line_announce import LineAnnouncer
from connectors._line_event import ID, Events, Groups
from connectors._tries import Tries
from connectors.base import Announcer, ChannelSettings, Locator, Request, Spoken, Webhook, Words
from core.errors import ConfigError, Forged, Rejected
from core.ids import uuid7
from core.message import Message
from core.reply import Pace, Sender
from core.settings import SecretRef

# Of nobody: `send` says something in their name.
_CITIZEN = "U" + "0" * 31 + "1"


class _Call(msgspec.Struct, frozen=True):
    events: tuple[msgspec.Raw, ...]


_read = msgspec.json.Decoder(_Call).decode


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
    groups: Groups = "mentioned"
    """What counts as said to the city in groups: only messages that mention the account, or everything."""
    token_seconds: float = Field(default=45.0, ge=0, le=60)
    """How long after a message its reply token is used, which costs nothing; later, and at 0, letters are pushed."""
    timeout_seconds: float = Field(default=10.0, gt=0, le=60)
    """Longest wait for one call to the provider."""


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
        self._events = Events(name, settings.account or name, settings.groups)

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
            events = _read(request.body).events
        except (msgspec.DecodeError, ValueError, RecursionError) as error:
            raise Rejected("the body is no list of events", status=400) from error
        found = (self._events.message(raw, request.received_at) for raw in events)
        return [message for message in found if message is not None]

    def sender(self) -> Sender | None:
        """Returns None as long as `api_url` is "" or the token is missing: replies are then delivered to files."""
        token = self._token.value(self.environment)
        if not (self.settings.api_url and token):
            return None
        # Importing the HTTP client takes a sixth of a second; many instances never send by it.
        from connectors._line_rest import Letters
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
        from connectors._line_rest import Files
        from connectors._post import Post

        return Files(self.settings, Post(self.settings.timeout_seconds), token)

    def spoken(self, words: Words) -> Spoken:
        secret = self._secret.value(self.environment)
        if not ID.fullmatch(words.sender or _CITIZEN):
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


def _sign(secret: str, body: bytes) -> bytes:
    return b64encode(hmac.digest(secret.encode(), body, "sha256"))
