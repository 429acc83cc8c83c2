"""Facebook pages: comments and posts of their feeds and Messenger come by webhook; answers go out by the Graph API."""

import hmac
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cached_property, partial
from hashlib import sha256
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

import msgspec

from connectors import _facebook_feed, _facebook_messenger
from connectors._facebook_payload import Pages, Piece, alone, pieces
from connectors._facebook_settings import FacebookSettings, announced
from connectors.base import Announcer, Request, Response, Spoken, Webhook, Words
from core.announce import Rules
from core.errors import ConfigError, Forged, Rejected
from core.ids import uuid7
from core.message import Message
from core.reply import Pace, Sender

if TYPE_CHECKING:
    from connectors._facebook_ways import Page

_HEADER = "x-hub-signature-256"
_CHALLENGE = re.compile(r"[\w.~-]{1,1000}", re.ASCII)
# Of nobody: `send` says something in their name.
_CITIZEN, _PAGE = "5000000000000001", "100000000000120"


class Facebook(Webhook[FacebookSettings]):
    """Pages of one app. Facebook knows its people, so authors are channel-verified; comments can be read by others,
    messages cannot."""

    Settings = FacebookSettings
    # A thousand updates in one batch, each of a comment that is long for one; Hangul comes escaped, as six octets.
    most_bytes = 8_388_608
    # What Messenger takes of texts. Comments are measured by how many people a page has: Facebook says when to wait.
    pace = Pace(a_second=300.0, burst=300)
    names_earlier = True
    edited = True
    links_expire = True

    def __init__(self, name: str, settings: FacebookSettings, **rest: Mapping[str, str]) -> None:
        super().__init__(name, settings, **rest)
        self._app_secret = self.secret(settings.app_secret, "APP_SECRET")
        self._verify_token = self.secret(settings.verify_token, "VERIFY_TOKEN")
        self.private_days = settings.private_days
        self._pages = Pages(name, {account.id: handle for handle, account in settings.accounts.items()})

    def missing(self) -> Sequence[str]:
        """Returns what the webhook needs, and a page's token where answers are to go out: as files, which they would be
        without any, they look sent. A page that alone has none is told letter by letter."""
        lacks = [secret.env for secret in (self._app_secret, self._verify_token) if not secret.value(self.environment)]
        if self.settings.api_url and not self._has_token:
            every = self.secret(self.settings.page_token, "PAGE_TOKEN").env
            lacks.append(f"{every} (or {every}_<HANDLE> for each page)")
        return lacks

    def challenge(self, request: Request) -> Response | None:
        asked = parse_qs(request.query, keep_blank_values=True, errors="replace")
        mode, token, challenge = (asked.get(f"hub.{name}", [""])[0] for name in ("mode", "verify_token", "challenge"))
        expected = self._verify_token.value(self.environment).encode()
        is_known = hmac.compare_digest(token.encode("utf-8", "replace"), expected) and bool(expected)
        if mode != "subscribe" or not is_known or not _CHALLENGE.fullmatch(challenge):
            raise Rejected("the hook is not for whoever asks so", status=403)
        return Response(body=challenge.encode())

    def verify(self, request: Request, *, now: float) -> None:
        if not self._signing:
            raise Forged("no secret to check signatures with")
        claimed = request.headers.get(_HEADER, "").encode("utf-8", "replace")
        if not hmac.compare_digest(self._signed(request.body).encode(), claimed):
            raise Forged("signature does not match")

    def parse(self, request: Request) -> list[Message]:
        """Returns nothing for what nobody said to us. What cannot be read is kept beside what can, as a message that
        nobody wrote; it is refused only when there is nothing else."""
        return [message for message, _ in self._read(request)]

    def pieces(self, request: Request, messages: Sequence[Message]) -> Sequence[bytes] | None:
        return [alone(piece) for _, piece in self._read(request)]

    def spoken(self, words: Words) -> Spoken:
        if not self._signing:
            raise ConfigError(f"--channel {self.name}: {self._app_secret.env} is not set, so nobody can be believed")
        if not re.fullmatch(r"[0-9]{0,25}", words.sender, re.ASCII):
            raise ConfigError(f"--channel {self.name}: a sender is a person's number")
        page, at = next(iter(self._pages.accounts), _PAGE), int(words.now * 1_000)
        event = {
            "sender": {"id": words.sender or _CITIZEN},
            "recipient": {"id": page},
            "timestamp": at,
            "message": {"mid": f"m_{uuid7()}", "text": words.text},
        }
        entry = {"id": page, "time": at, "messaging": [event]}
        body = msgspec.json.encode({"object": "page", "entry": [entry]})
        headers = {"content-type": "application/json", _HEADER: self._signed(body)}
        return Spoken(path=f"/hooks/{self.name}", body=body, headers=headers)

    def _read(self, request: Request) -> list[tuple[Message, Piece]]:
        found: list[tuple[Message, Piece]] = []
        unread: list[tuple[Message, Piece]] = []
        refusal: Rejected | None = None
        for piece in pieces(request.body):
            try:
                message = self._message(piece, request)
            except Rejected as error:
                refusal = error
                unread.append((self._unread(piece, request), piece))
                continue
            if message is not None:
                found.append((message, piece))
        if refusal is not None and not found:
            raise refusal
        return found + unread

    def _message(self, piece: Piece, request: Request) -> Message | None:
        if piece.field == "changes":
            return _facebook_feed.change(self._pages, piece.page, piece.raw, request.received_at)
        if piece.field == "messaging":
            start = self.settings.start_payload
            return _facebook_messenger.event(self._pages, piece.page, piece.raw, request.received_at, start=start)
        raise Rejected("an entry is not what Facebook says it is")

    def _unread(self, piece: Piece, request: Request) -> Message:
        """Returns what is kept of an update that cannot be read: that it came, and its octets."""
        return Message(
            id="",
            channel=self.name,
            account=self._pages.handle(piece.page) if piece.page.isdecimal() else "",
            native_id=f"update:{sha256(bytes(piece.raw)).hexdigest()[:32]}",
            received_at=request.received_at,
            replyable=False,
            signals=("automatic: an update that cannot be read",),
        )

    def sender(self) -> Sender | None:
        """Returns None as long as `api_url` is "" or no page has a token: replies are then delivered to files."""
        if not (self.settings.api_url and self._has_token):
            return None
        # Importing aiohttp takes a while; many instances never send by it.
        from connectors._facebook_rest import FacebookSender

        return FacebookSender(self.settings, self.page_of, self._now)

    def announcer(self) -> Announcer | None:
        if not self.settings.api_url:
            return Rules(partial(announced, self.settings.contact))
        from connectors._facebook_announce import FacebookAnnouncer

        return FacebookAnnouncer(self.settings, self.page_of)

    def _now(self) -> datetime:
        # Asked every time: the clock is given later than the sender is made where there is no case store yet.
        return self.clock()

    def page_of(self, handle: str) -> "Page":
        """Returns the page that speaks; "" is the first. Raises `Rejected` when it is not known or has no token."""
        from connectors._facebook_graph import Graph
        from connectors._facebook_ways import Page

        handle = handle or next(iter(self.settings.accounts), "")
        account, token = self.settings.accounts.get(handle), self._token(handle)
        page = account.id if account else handle if re.fullmatch(r"[0-9]{1,25}", handle, re.ASCII) else ""
        if not page or not token:
            lacks = "number" if not page else "access token"
            raise Rejected(f"the {lacks} of the page '{handle}' is not set: see docs/channels/facebook.md")
        base = "/".join(filter(None, (self.settings.api_url.rstrip("/"), self.settings.version)))
        secret = self._app_secret.value(self.environment)
        return Page(page, Graph(base, handle, token, secret, self.settings.timeout_seconds))

    def _token(self, handle: str) -> str:
        """Returns the page's own token, else the one that stands for all."""
        account, every = self.settings.accounts.get(handle), self.secret(self.settings.page_token, "PAGE_TOKEN")
        named = re.sub(r"[^A-Z0-9]", "_", handle.upper())
        own = self.secret(account.page_token if account else None, f"PAGE_TOKEN_{named}") if handle else every
        return own.value(self.environment) or every.value(self.environment)

    @property
    def _has_token(self) -> bool:
        return any(self._token(handle) for handle in ("", *self.settings.accounts))

    @cached_property
    def _signing(self) -> bytes:
        return self._app_secret.value(self.environment).encode()

    def _signed(self, body: bytes) -> str:
        return f"sha256={hmac.digest(self._signing, body, 'sha256').hex()}"
