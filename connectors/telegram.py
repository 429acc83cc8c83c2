"""A Telegram bot: its updates come by a webhook with a secret header, or are asked for; answers go by sendMessage."""

import hmac
import re
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Literal, Self

import msgspec
from pydantic import Field, StringConstraints, model_validator

from connectors import _telegram_update
from connectors._telegram_message import Bot, Reader
from connectors.base import Accept, Announcer, Asked, ChannelSettings, Locator, Poller, Request, Spoken, Webhook, Words
from core import telemetry
from core.clock import Clock
from core.errors import ConfigError, Forged, Rejected
from core.hook import arrivals
from core.ids import uuid7
from core.message import Arrival, Message
from core.reply import Pace, Sender
from core.settings import SecretRef

if TYPE_CHECKING:
    from connectors._telegram_http import Line, Numbered

_HEADER = "x-telegram-bot-api-secret-token"
_SECRET = re.compile(r"[A-Za-z0-9_-]{1,256}")
_TOKEN = re.compile(r"([0-9]{1,16}):[A-Za-z0-9_-]+")
# Of nobody: `send` says something in their name.
_CITIZEN = 1_000_000_001
# A place is the bot, its next update's number, and when that was learnt. Numbers are the bot's own, and begin anew
# anywhere after a week without any: asking from a place that is not theirs would throw away what waits.
_PLACE = re.compile(r"([0-9]{1,16}) ([0-9]{1,18}) ([0-9]{1,12})")
_KNOWN_SECONDS = 6 * 86_400
# A server that does not wait is not asked in a loop.
_REST_SECONDS = 1.0


class TelegramSettings(ChannelSettings):
    """[connectors.telegram]"""

    mode: Literal["webhook", "poll"] = "webhook"
    """How updates come: "webhook" when Telegram calls us, "poll" when we ask (no public address is needed)."""
    token: SecretRef | None = None
    """The bot's token, with which letters go out and updates are asked for; left out: EUNGDAPSO_<NAME>_TOKEN."""
    secret_token: SecretRef | None = None
    """What Telegram says with every webhook call (secret_token of setWebhook); left out:
    EUNGDAPSO_<NAME>_SECRET_TOKEN."""
    api_url: str = Field(default="", pattern=r"^(https?://[^\s/?#{}]+(/[^\s?#{}]*)?)?$")
    """Where the Bot API is: https://api.telegram.org or a server of your own; "" delivers to files."""
    account: str = ""
    """The bot as config/accounts.toml names it; "" for its username, and without one the table's name."""
    channels: dict[str, Annotated[str, StringConstraints(pattern=r"^-?[0-9]{1,18}$")]] = {}
    """Channels that broadcasts go to and that have no public name: handle, as in config/accounts.toml, to number."""
    username: str = Field(default="", pattern=r"^([A-Za-z0-9_]{4,32})?$")
    """The bot's username without @: how it is addressed in groups."""
    most_characters: int = Field(default=4_096, ge=256, le=4_096)
    """Longest message that goes out, in UTF-16 code units; longer letters go in parts."""
    poll_seconds: int = Field(default=50, ge=0, le=50)
    """How long the provider holds a question for updates until there are some."""
    timeout_seconds: float = Field(default=10.0, gt=0, le=15)
    """Longest wait for one call to the provider."""

    @model_validator(mode="after")
    def _has_address(self) -> Self:
        if self.mode == "poll" and not self.api_url:
            raise ValueError('mode = "poll" needs an address to ask at; set api_url = "https://api.telegram.org"')
        return self


class Telegram(Webhook[TelegramSettings], Poller[TelegramSettings]):
    """One bot; another bot is another table with `type = "telegram"`. Telegram knows its users, so authors are
    channel-verified; answers go to the chat that they wrote in."""

    Settings = TelegramSettings
    names_earlier = True
    edited = True
    # What the provider asks for: thirty messages a second, one a second in the same chat.
    pace = Pace(a_second=30.0, burst=30, each_seconds=1.0)

    def __init__(self, name: str, settings: TelegramSettings, **rest: Mapping[str, str]) -> None:
        super().__init__(name, settings, **rest)
        self._token = self.secret(settings.token, "TOKEN")
        self._secret_token = self.secret(settings.secret_token, "SECRET_TOKEN")
        self._line: Line | None = None

    def missing(self) -> Sequence[str]:
        if self.polls:
            return () if self._token.value(self.environment) else (self._token.env,)
        if not self._secret_token.value(self.environment):
            return (self._secret_token.env,)
        return () if self._secret else (f"{self._secret_token.env} (1 to 256 of A-Z, a-z, 0-9, _ and -)",)

    @property
    def polls(self) -> bool:
        return self.settings.mode == "poll"

    def verify(self, request: Request, *, now: float) -> None:
        if not self._secret:
            raise Forged("no secret token to compare with")
        if not hmac.compare_digest(request.headers.get(_HEADER, "").encode(), self._secret):
            raise Forged("secret token does not match")

    def parse(self, request: Request) -> list[Message]:
        return self._reader.messages(_telegram_update.read(request.body), request.received_at)

    async def ask(self, place: str, accept: Accept, clock: Clock) -> Asked:
        if self._line is None:
            # Importing the provider's library takes a third of a second; who is called never asks.
            from connectors._telegram_http import Line

            self._line = Line(self.settings, self._token.value(self.environment))
        bot = self._reader.bot.id
        found = await self._line.updates(_offset(place, bot, clock().timestamp()))
        arrived = [arrival for update in found for arrival in self._arrivals(update, clock)]
        if arrived:
            await accept(arrived)
        if not found:
            return Asked(place=place, wait_seconds=_REST_SECONDS)
        last = max(update.number for update in found)
        return Asked(place=f"{bot} {last + 1} {int(clock().timestamp())}")

    async def close(self) -> None:
        if self._line is not None:
            await self._line.close()
            self._line = None

    def sender(self) -> Sender | None:
        """Returns None as long as `api_url` is "" or the token is missing: replies are then delivered to files."""
        if not self._can_call:
            return None
        from connectors._telegram_rest import Letters

        return Letters(self.settings, self._token.value(self.environment))

    def announcer(self) -> Announcer | None:
        from connectors._telegram_announce import TelegramAnnouncer

        return TelegramAnnouncer(self.settings, self._token.value(self.environment))

    def locator(self) -> Locator | None:
        """Returns None while nobody can be asked where a file is."""
        if not self._can_call:
            return None
        from connectors._telegram_rest import Files

        return Files(self.settings, self._token.value(self.environment))

    def spoken(self, words: Words) -> Spoken:
        if not self._secret:
            raise ConfigError(f"--channel {self.name}: {self._secret_token.env} is not set, so nobody can be believed")
        if not re.fullmatch(r"[0-9]{0,15}", words.sender):
            raise ConfigError(f"--channel {self.name}: a sender is a user's number")
        number, citizen = int(uuid7()[-8:], 16), int(words.sender or _CITIZEN)
        message = {
            "message_id": number,
            "date": int(words.now),
            "chat": {"id": citizen, "type": "private", "first_name": "시민"},
            "from": {"id": citizen, "is_bot": False, "first_name": "시민", "language_code": "ko"},
            "text": words.text,
        }
        body = msgspec.json.encode({"update_id": number, "message": message})
        headers = {"content-type": "application/json", _HEADER: self._secret.decode()}
        return Spoken(path=f"/hooks/{self.name}", body=body, headers=headers)

    @property
    def _can_call(self) -> bool:
        return bool(self.settings.api_url and self._token.value(self.environment))

    @cached_property
    def _secret(self) -> bytes:
        """The secret header's value; b"" when it is not set or cannot be one."""
        secret = self._secret_token.value(self.environment)
        return secret.encode() if _SECRET.fullmatch(secret) else b""

    @cached_property
    def _reader(self) -> Reader:
        # A token begins with the bot's own id.
        token = _TOKEN.fullmatch(self._token.value(self.environment))
        bot = Bot(id=int(token[1]) if token else 0, username=self.settings.username)
        account = self.settings.account or self.settings.username or self.name
        return Reader(channel=self.name, account=account, bot=bot)

    def _arrivals(self, update: "Numbered", clock: Clock) -> list[Arrival]:
        """What cannot be read is kept as it came: the provider will not give it again."""
        now = clock()
        try:
            messages = self._reader.messages(_telegram_update.read(update.raw), now)
        except Rejected as error:
            telemetry.refused(channel=self.name, reason=error.reason, status=error.status)
            messages = [self._reader.unread(update.number, now)]
        return arrivals(self.name, messages, update.raw)


def _offset(place: str, bot: int, now: float) -> int | None:
    """Returns from which update on is asked; None: from the oldest that was not confirmed."""
    known = _PLACE.fullmatch(place)
    if known is None or int(known[1]) != bot or now - int(known[3]) > _KNOWN_SECONDS:
        return None
    return int(known[2])
