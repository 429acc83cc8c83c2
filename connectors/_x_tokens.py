"""With what an account of the city speaks to X: OAuth 1.0a, or a token of OAuth 2.0."""

from collections.abc import Callable, Mapping

import msgspec

from connectors._x_settings import Account, XSettings
from core.errors import Rejected
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
    ) -> None:
        self._settings = settings
        self._secret = secret
        self._environment = environment

    @property
    def any(self) -> bool:
        return any(self._found(handle) is not None for handle in ("", *self._settings.accounts))

    def has_own(self, handle: str) -> bool:
        """Whether a token of this very account is set, and not only one that stands for all."""
        account, upper = self._settings.accounts.get(handle), handle.upper()
        for key in ("access_token", "user_token"):
            named = getattr(account, key) if account else None
            if self._value(named, f"{key.upper()}_{upper}"):
                return self._found(handle) is not None
        return False

    def of(self, handle: str) -> Token:
        """Returns what this account speaks with; raises `Rejected` when nothing is set."""
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

    def _own(self, account: Account | None, handle: str, key: str) -> str:
        named = getattr(account, key) if account else None
        own = self._value(named, f"{key.upper()}_{handle.upper()}") if handle else ""
        return own or self._value(None, key.upper())

    def _value(self, reference: Secret | None, key: str) -> str:
        return self._secret(reference, key).value(self._environment)
