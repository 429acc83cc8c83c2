"""What may stand in [connectors.facebook]: secrets, pages, lengths, windows."""

from typing import Annotated

from pydantic import Field, StringConstraints

from connectors._few import few
from connectors.base import ChannelSettings
from core.settings import SecretRef, Settings

Handle = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._-]{1,60}$")]

# What Facebook takes of a post is far more than anybody reads.
_MOST_POST_CHARACTERS = 60_000


class Account(Settings):
    """[connectors.facebook.accounts.<handle>]"""

    id: str = Field(pattern=r"^[0-9]{1,25}$")
    """The page's number at Facebook, as text: it is longer than TOML's integers can be trusted with."""
    page_token: SecretRef | None = None
    """The page's access token; left out: EUNGDAPSO_<NAME>_PAGE_TOKEN_<HANDLE>, else …_PAGE_TOKEN."""


class FacebookSettings(ChannelSettings):
    """[connectors.facebook]"""

    app_secret: SecretRef | None = None
    """The app's secret, which signs webhooks and proves what we send; left out: EUNGDAPSO_<NAME>_APP_SECRET."""
    verify_token: SecretRef | None = None
    """What Facebook says when it first asks for the hook, made up by us; left out: EUNGDAPSO_<NAME>_VERIFY_TOKEN."""
    page_token: SecretRef | None = None
    """Access token of every page that has none of its own; left out: EUNGDAPSO_<NAME>_PAGE_TOKEN."""
    accounts: dict[Handle, Account] = {}
    """The city's pages by handle, as in config/accounts.toml."""
    api_url: str = Field(default="", pattern=r"^(https?://[^\s/?#]+(/[^\s?#]*)?)?$")
    """Where answers go out: https://graph.facebook.com; "" delivers to files."""
    version: str = Field(default="v26.0", pattern=r"^(v\d{1,3}\.\d{1,2})?$")
    """The version of the Graph API, which stands before every path; "" for the app's own."""
    most_characters: int = Field(default=2_000, ge=256, le=20_000)
    """Longest message that goes out by Messenger; longer letters go in parts, a private reply is shortened."""
    most_comment_characters: int = Field(default=8_000, ge=256, le=8_000)
    """Longest comment that goes out."""
    answer_hours: float = Field(default=24.0, gt=0)
    """How long after a citizen's last word Messenger takes anything."""
    officer_days: float = Field(default=7.0, ge=0)
    """How long after a citizen's last word Messenger takes what an officer wrote (the tag HUMAN_AGENT); 0: the app has
    no permission for that."""
    private_days: float = Field(default=7.0, ge=0)
    """How long after a comment its author may be written to privately, once."""
    start_payload: str = "GET_STARTED"
    """What the page's "Get started" button sends: it is a greeting and opens no case."""
    contact: str = "120"
    """Where a letter that had to be cut sends the reader."""
    timeout_seconds: float = Field(default=10.0, gt=0, le=30)
    """Longest wait for one call to Facebook."""


def announced(contact: str, text: str) -> str:
    """Returns a post as it goes to everybody: whole, or cut and saying where the rest is."""
    return few(text, _MOST_POST_CHARACTERS, 1, rest=f"… 문의 {contact}")[0]
