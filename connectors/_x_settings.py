"""What may stand in [connectors.x]: accounts, ways in, lengths, prices."""

from decimal import Decimal
from typing import Annotated

from pydantic import Field, StringConstraints

from connectors.base import ChannelSettings
from core.settings import SecretRef, Settings

Handle = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_]{1,15}$")]
Rule = Annotated[str, StringConstraints(min_length=1, max_length=1_024)]
Dollars = Annotated[Decimal, Field(ge=0)]


class Account(Settings):
    """[connectors.x.accounts.<handle>]"""

    id: str = Field(pattern=r"^[0-9]{1,20}$")
    """The account's number at X, as text: it is longer than TOML's integers can be trusted with."""
    access_token: SecretRef | None = None
    """OAuth 1.0a token of the account; left out: EUNGDAPSO_<NAME>_ACCESS_TOKEN_<HANDLE>, else …_ACCESS_TOKEN."""
    access_token_secret: SecretRef | None = None
    """Its secret; left out: EUNGDAPSO_<NAME>_ACCESS_TOKEN_SECRET_<HANDLE>, else …_ACCESS_TOKEN_SECRET."""
    refresh_token: SecretRef | None = None
    """OAuth 2.0 refresh token of the account, the first one, used where there is no token of OAuth 1.0a; those that
    replace it are kept sealed. Left out: EUNGDAPSO_<NAME>_REFRESH_TOKEN_<HANDLE>, else …_REFRESH_TOKEN."""
    user_token: SecretRef | None = None
    """OAuth 2.0 token of the account, used where there is none of the above and kept fresh by somebody else; left
    out: EUNGDAPSO_<NAME>_USER_TOKEN_<HANDLE>, else …_USER_TOKEN."""


class Prices(Settings):
    """[connectors.x.prices], in US dollars: they change, and differ by contract."""

    own_read: Dollars = Decimal("0.001")
    """For a post that was written to us."""
    post_read: Dollars = Decimal("0.005")
    """For any other post: what the stream finds and what comes by webhook."""
    user_read: Dollars = Decimal("0.010")
    """For the name of an author."""
    message_read: Dollars = Decimal("0.010")
    """For a direct message that came by webhook."""
    post: Dollars = Decimal("0.015")
    """For a post of ours."""
    post_with_link: Dollars = Decimal("0.200")
    """For a post of ours that has an address in it."""
    answer: Dollars = Decimal("0.010")
    """For a reply to somebody who summoned us."""
    message: Dollars = Decimal("0.015")
    """For a direct message of ours."""


class XSettings(ChannelSettings):
    """[connectors.x]"""

    consumer_secret: SecretRef | None = None
    """The app's secret, which signs webhooks and, with OAuth 1.0a, what we send; left out:
    EUNGDAPSO_<NAME>_CONSUMER_SECRET."""
    consumer_key: SecretRef | None = None
    """The app's key, for OAuth 1.0a; left out: EUNGDAPSO_<NAME>_CONSUMER_KEY."""
    client_id: SecretRef | None = None
    """The app's client id, for refreshing tokens of OAuth 2.0; left out: EUNGDAPSO_<NAME>_CLIENT_ID."""
    client_secret: SecretRef | None = None
    """Its secret; left out: EUNGDAPSO_<NAME>_CLIENT_SECRET, and without one it is a public client."""
    bearer_token: SecretRef | None = None
    """The app's token, with which X is asked; left out: EUNGDAPSO_<NAME>_BEARER_TOKEN."""
    accounts: dict[Handle, Account] = {}
    """The city's accounts by handle, as in config/accounts.toml."""
    api_url: str = Field(default="", pattern=r"^(https?://[^\s/]+(/\S*)?)?$")
    """Where X is asked and answers go out: https://api.x.com; "" asks nobody and delivers to files."""
    poll_seconds: float = Field(default=60.0, ge=0.1, le=3_600)
    """How often each account's mentions are asked for."""
    first_hours: float = Field(default=24.0, ge=0, le=24 * 30)
    """How far back the very first question goes."""
    recheck_hours: float = Field(default=12.0, ge=0, le=24)
    """How often a post that was asked for is looked at again: X wants what its authors took back to be gone within a
    day. 0: never, where `post.delete` comes by webhook."""
    recheck_days: float = Field(default=7.0, ge=0, le=90)
    """For how many days; each look costs what a post costs."""
    author_names: bool = True
    """Whether authors' names are asked for: each costs ten times what the post costs."""
    stream_rules: tuple[Rule, ...] = ()
    """What is also looked for among all posts, in X's rule language; such posts cannot be answered unless they
    mention us. Left out: no stream."""
    stream_seconds: float = Field(default=20.0, ge=0.1, le=60)
    """How long one turn listens to the stream before mentions are asked for again."""
    posts: int = Field(default=3, ge=1, le=10)
    """Into how many posts one reply may be split; what is longer still, and everything at 1, is shortened."""
    link: bool = True
    """Whether the link to the case stands in direct messages; in posts it never does."""
    contact: str = "120"
    """Where a reply that had to be cut sends the reader."""
    monthly_budget: Dollars = Decimal(500)
    """US dollars a month (UTC) by the prices below; when they are spent nothing is sent and no stream is read until
    the next month. 0: no limit."""
    prices: Prices = Prices()
    """What X charges."""
    timeout_seconds: float = Field(default=10.0, gt=0, le=60)
    """Longest wait for one call to X."""
