"""Where pictures of messages are: with Twilio, which shows them to whoever knows account and token."""

from base64 import b64encode
from urllib.parse import urlsplit

from connectors.base import Located
from core.errors import Rejected
from core.message import Attachment

_TWILIO = ("https", "api.twilio.com", None)


class TwilioMedia:
    """Account and token go to the provider's own host, or to what `api_url` names instead of it, and to nobody else:
    the provider sends on to a store of files that must not have them."""

    def __init__(self, api_url: str, account_sid: str, token: str) -> None:
        self._ours = _origin(api_url) if api_url else None
        self._basic = b64encode(f"{account_sid}:{token}".encode()).decode() if account_sid and token else ""

    async def locate(self, attachment: Attachment) -> Located:
        try:
            origin = _origin(attachment.place)
        except ValueError as error:
            raise Rejected("the address of the picture is none") from error
        is_ours = origin == self._ours
        may_know = self._basic and (is_ours or origin == _TWILIO)
        headers = {"Authorization": f"Basic {self._basic}"} if may_know else {}
        return Located(url=attachment.place, headers=headers, trusted=is_ours)

    async def close(self) -> None:
        """Nothing is held open."""


def _origin(url: str) -> tuple[str, str, int | None]:
    parts = urlsplit(url)
    default = {"http": 80, "https": 443}.get(parts.scheme)
    return parts.scheme, (parts.hostname or "").lower(), None if parts.port == default else parts.port
