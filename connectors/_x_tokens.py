"""With what an account of the city speaks to X: OAuth 1.0a, or a token of OAuth 2.0."""

from collections.abc import Callable, Mapping
from contextlib import suppress

import msgspec

from connectors._x_refresh import Refreshing
from connectors._x_settings import Account, XSettings
from core.errors import Rejected, Unavailable
from core.settings import Secret


class Token(msgspec.Struct, frozen=True):
    """The secrets of one account; `repr` shows none."""

    consumer_key: str = ""
    consumer_secret: str = ""
    access_token: str = ""
    access_token_secret: str = ""
    bearer: str = ""

    @property
    def is_signing(self) -> bool:
        """Whether requests are signed by OAuth 1.0a, whose tokens do not end."""
        return all((self.consumer_key, self.consumer_secret, self.access_token, self.access_token_secret))

    def __repr__(self) -> str:
        return "Token()"


class Tokens:
    """Finds them in the environment: an account's own first, else the one that stands for all."""

    def __init__(
        self,
        settings: XSettings,
        secret: Callable[[Secret | None, str], Secret],
        environment: Mapping[str, str],
        refreshing: Refreshing,
    ) -> None:
        self._settings = settings
        self._refreshing = refreshing
        self._secret = secret
        self._environment = environment

    @property
    def any(self) -> bool:
        handles = ("", *self._settings.accounts)
        return any(self._found(handle) is not None or self._first(handle) for handle in handles)

    def has_own(self, handle: str) -> bool:
        """Whether a token of this very account is set, and not only one that stands for all."""
        account, upper = self._settings.accounts.get(handle), handle.upper()
        for key in ("access_token", "refresh_token", "user_token"):
            named = getattr(account, key) if account else None
            if self._value(named, f"{key.upper()}_{upper}"):
                return self._found(handle) is not None or bool(self._first(handle))
        return False

    @property
    def note(self) -> str:
        """What an operator has to know about tokens that end, "" for nothing."""
        return self._refreshing.note

    async def keep(self) -> None:
        """Refreshes in time what would end."""
        for first in {found for handle in ("", *self._settings.accounts) if (found := self._needed(handle))}:
            with suppress(Unavailable):
                await self._refreshing.of(first)

    async def of(self, handle: str) -> Token:
        """Returns what this account speaks with. Raises `Rejected` when nothing is set, `Unavailable` while that cannot
        be refreshed."""
        if first := self._needed(handle):
            return Token(bearer=await self._refreshing.of(first))
        found = self._found(handle)
        if found is None:
            raise Rejected(f"no token is set to speak for {handle}: see docs/channels/x.md")
        return found

    def _found(self, handle: str) -> Token | None:
        account = self._settings.accounts.get(handle)
        found = Token(
            self._value(self._settings.consumer_key, "CONSUMER_KEY"),
            self._value(self._settings.consumer_secret, "CONSUMER_SECRET"),
            self._own(account, handle, "access_token"),
            self._own(account, handle, "access_token_secret"),
            self._own(account, handle, "user_token"),
        )
        return found if found.is_signing or found.bearer else None

    def _needed(self, handle: str) -> str:
        """Returns the refresh token of an account that has no token of OAuth 1.0a, "" for none."""
        found = self._found(handle)
        return "" if found is not None and found.is_signing else self._first(handle)

    def _first(self, handle: str) -> str:
        return self._own(self._settings.accounts.get(handle), handle, "refresh_token")

    def _own(self, account: Account | None, handle: str, key: str) -> str:
        named = getattr(account, key) if account else None
        own = self._value(named, f"{key.upper()}_{handle.upper()}") if handle else ""
        return own or self._value(None, key.upper())

    def _value(self, reference: Secret | None, key: str) -> str:
        return self._secret(reference, key).value(self._environment)
