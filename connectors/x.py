"""X: mentions and a stream are asked for, events come by webhook; answers go out as replies and direct messages."""

import hmac
from base64 import b64encode
from collections.abc import Mapping, Sequence
from functools import cached_property, partial
from html import escape
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

import msgspec

from connectors._x_messages import direct
from connectors._x_posts import Reader
from connectors._x_refresh import Client, Refreshing
from connectors._x_settings import XSettings
from connectors._x_shapes import Includes, Post, Said, convert
from connectors._x_spent import Spent
from connectors._x_tokens import Tokens
from connectors._x_weight import announced
from connectors.base import (
    Accept,
    Announcer,
    Asked,
    Locator,
    Poller,
    Request,
    Response,
    Spoken,
    Webhook,
    Words,
)
from core.announce import Rules
from core.clock import Clock
from core.errors import Forged, Rejected
from core.ids import uuid7
from core.message import Message
from core.reply import Pace, Sender, Style

if TYPE_CHECKING:
    from connectors._x_ask import Asking

_POSTS = frozenset({"post.create", "post.mention.create", "post.reply.create", "post.quote.create"})
_SUMMONS = frozenset({"post.mention.create", "post.quote.create"})
_MESSAGES = frozenset({"dm.received"})
# X counts from here in milliseconds, above 22 bits of its own.
_EPOCH_MS = 1_288_834_974_657
# Of nobody: `send` says something in their name.
_CITIZEN, _CITY, _CITY_HANDLE = "1500000000000000001", "1500000000000000120", "Seoul_eds"


class _Filter(msgspec.Struct, frozen=True):
    user_id: str = ""


class _Event(msgspec.Struct, frozen=True):
    """What every event is wrapped in. `event_uuid` may be a negative number, as text."""

    event_type: str
    payload: dict[str, Any]
    event_uuid: str = ""
    filter: _Filter = _Filter()
    includes: Includes | None = None


class _Envelope(msgspec.Struct, frozen=True):
    data: _Event


_decode = msgspec.json.Decoder(_Envelope).decode


class X(Webhook[XSettings], Poller[XSettings]):
    """Posts that name the city's accounts and messages to them. Authors are known by their number, which stays when
    they change their name. Posts are public; they can be answered only by whom their author summoned."""

    Settings = XSettings
    # Of all accounts together; what X allows each of them is kept by the sender.
    pace = Pace(a_day=10_000)
    turn_seconds = 180.0
    names_earlier = True
    edited = True

    def __init__(self, name: str, settings: XSettings, **rest: Mapping[str, str]) -> None:
        super().__init__(name, settings, **rest)
        self.style = Style(short=True, link=settings.link)
        self._consumer_secret = self.secret(settings.consumer_secret, "CONSUMER_SECRET")
        self._bearer_token = self.secret(settings.bearer_token, "BEARER_TOKEN")
        self._reader = Reader(name, {account.id: handle for handle, account in settings.accounts.items()})
        self._spent = Spent(name, settings, lambda: self.memory)

    def missing(self) -> Sequence[str]:
        """Returns what both ways in lack; one of them is enough."""
        return () if self._signing or self._asks else (self._consumer_secret.env,)

    def verify(self, request: Request, *, now: float) -> None:
        if not self._signing:
            raise Forged("no secret to check signatures with")
        claimed = request.headers.get("x-twitter-webhooks-signature", "").encode("utf-8", "replace")
        if not hmac.compare_digest(self._signed(request.body).encode(), claimed):
            raise Forged("signature does not match")

    def challenge(self, request: Request) -> Response | None:
        token = parse_qs(request.query).get("crc_token", [""])[0]
        if not token:
            raise Rejected("crc_token is missing", status=400)
        if not self._signing:
            raise Rejected("there is no secret to answer with", status=403)
        answer = msgspec.json.encode({"response_token": self._signed(token.encode("utf-8", "replace"))})
        return Response(body=answer, media_type="application/json")

    def parse(self, request: Request) -> list[Message]:
        """Returns nothing for events that are not for us: likes, follows, what we wrote ourselves."""
        try:
            event = _decode(request.body).data
        except (msgspec.DecodeError, RecursionError, ValueError) as error:
            raise Rejected("the body is no event", status=400) from error
        user_id = event.filter.user_id
        if event.event_type in _MESSAGES:
            accounts = self._reader.accounts
            return [*direct(self.name, accounts, event.payload, user_id, request.received_at)]
        if event.event_type == "post.delete":
            return self._reader.removals(convert(event.payload, Post), user_id, request.received_at)
        if event.event_type not in _POSTS:
            return []
        said = Said(convert(event.payload, Post), event.includes or Includes())
        # `post.create` is for whoever wrote it; all others are for whom it was written to.
        reader = self._reader if event.event_type == "post.create" else self._reader.knowing(user_id, said)
        account = reader.accounts.get(user_id, self._first)
        found = reader.post(said, request.received_at, account=account, is_summons=event.event_type in _SUMMONS)
        return [found] if found else []

    def thanks(self, request: Request, messages: Sequence[Message]) -> Response | None:
        for message in messages:
            prices = self.settings.prices
            self._spent.owe(prices.post_read if message.public else prices.message_read)
        return None

    def spoken(self, words: Words) -> Spoken:
        city, handle = next(iter(self._reader.accounts.items()), (_CITY, _CITY_HANDLE))
        citizen = words.sender if words.sender.isascii() and words.sender.isdigit() else _CITIZEN
        post_id = str((int(words.now * 1000) - _EPOCH_MS << 22) + int(uuid7()[-5:], 16))
        mention = {"start": 0, "end": len(handle) + 1, "username": handle, "id": city}
        payload = {
            "id": post_id,
            "edit_history_tweet_ids": [post_id],
            "conversation_id": post_id,
            "author_id": citizen,
            "text": f"@{handle} {escape(words.text, quote=False)}",
            "entities": {"mentions": [mention]},
        }
        event = {"event_uuid": post_id, "filter": {"user_id": city}, "event_type": "post.mention.create"}
        body = msgspec.json.encode({"data": {**event, "tag": "mentions", "payload": payload, "includes": {}}})
        headers = {"content-type": "application/json", "x-twitter-webhooks-signature": self._signed(body)}
        return Spoken(path=f"/hooks/{self.name}", body=body, headers=headers)

    @property
    def polls(self) -> bool:
        """Whether X is asked; with webhooks alone only what they cost is written down now and then."""
        return bool(self.settings.api_url)

    async def ask(self, place: str, accept: Accept, clock: Clock) -> Asked:
        await self._tokens.keep()
        try:
            asked = await self._asking.ask(place, accept, clock)
        except Rejected as error:
            if error.status != HTTPStatus.UNAUTHORIZED:
                raise
            what_now = f"renew {self._bearer_token.env} at X (Keys and tokens), then start again"
            raise Rejected(f"{error.reason}: {what_now}", status=error.status) from error
        note = "; ".join(filter(None, (asked.note, self._tokens.note)))
        return msgspec.structs.replace(asked, note=note)

    def spent(self) -> tuple[float, float] | None:
        return self._spent.known() if self.settings.api_url else None

    async def close(self) -> None:
        if "_asking" in self.__dict__:
            await self._asking.close()

    def sender(self) -> Sender | None:
        """Returns None as long as `api_url` is "" or no account has a token: replies are then delivered to files."""
        if not (self.settings.api_url and self._tokens.any):
            return None
        # Importing the provider's library takes a third of a second; many instances never send by it.
        from connectors._x_rest import XSender

        return XSender(self.settings, self._tokens, self._spent)

    def announcer(self) -> Announcer | None:
        if not self.settings.api_url:
            return Rules(partial(announced, self.settings.contact), reposts=True)
        from connectors._x_announce import XAnnouncer

        return XAnnouncer(self.settings, self._tokens, self._spent)

    def locator(self) -> Locator | None:
        from connectors._x_files import Files

        return Files(self._tokens)

    @cached_property
    def _signing(self) -> bytes:
        return self._consumer_secret.value(self.environment).encode()

    @cached_property
    def _asks(self) -> bool:
        token = self._bearer_token.value(self.environment)
        return bool(self.settings.api_url and self.settings.accounts and token)

    @cached_property
    def _tokens(self) -> Tokens:
        return Tokens(self.settings, self.secret, self.environment, self._refreshing)

    @cached_property
    def _refreshing(self) -> Refreshing:
        client_id = self.secret(self.settings.client_id, "CLIENT_ID").value(self.environment)
        secret = self.secret(self.settings.client_secret, "CLIENT_SECRET").value(self.environment)
        client = Client(self.settings.api_url, client_id, secret, self.settings.timeout_seconds)
        return Refreshing(self.name, client, lambda: self.memory, lambda: self.seal)

    @cached_property
    def _asking(self) -> "Asking":
        from connectors._x_again import Again
        from connectors._x_ask import Asking

        token = self._bearer_token.value(self.environment) if self._asks else ""
        again = Again(self.name, self.settings, token, self._reader, self._spent, lambda: self.memory)
        return Asking(self.name, self.settings, token, self._reader, self._spent, again)

    @property
    def _first(self) -> str:
        """The account that stands for the city where a post names none."""
        return next(iter(self.settings.accounts), "")

    def _signed(self, what: bytes) -> str:
        return f"sha256={b64encode(hmac.digest(self._signing, what, 'sha256')).decode()}"
