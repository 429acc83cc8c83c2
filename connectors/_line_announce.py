"""What the city tells everybody who follows its LINE account."""

from typing import TYPE_CHECKING
from uuid import NAMESPACE_OID, uuid5

from connectors._few import few
from core.announce import Announcement, Announcer
from core.errors import Rejected
from core.reply import Receipt

if TYPE_CHECKING:
    from connectors._post import Post
    from connectors.line import LineSettings

_MOST_CHARACTERS = 5_000
_TAIL = "… 문의 120"
_SAID_BEFORE = 409


class LineAnnouncer(Announcer):
    """A broadcast has its id as retry key, so LINE takes it once. Nothing that LINE sent can be taken back."""

    is_repeatable = True
    takes_back = False

    def __init__(self, settings: "LineSettings", token: str) -> None:
        self._api_url = settings.api_url.rstrip("/")
        self._token = token
        self._timeout_seconds = settings.timeout_seconds
        self._opened: Post | None = None

    @property
    def is_live(self) -> bool:
        return bool(self._api_url)

    def problem(self, account: str) -> str:
        return "" if self._token or not self.is_live else "there is no channel access token (docs/channels/line.md)"

    def fitted(self, text: str) -> str:
        return few(text, _MOST_CHARACTERS, 1, rest=_TAIL)[0]

    def prepare(self) -> None:
        if self.is_live:
            from connectors import _post  # noqa: F401

    async def post(self, what: Announcement) -> Receipt:
        if reason := self.problem(what.account):
            raise Rejected(reason)
        if self._opened is None:
            from connectors._post import Post

            self._opened = Post(self._timeout_seconds)
        key = str(uuid5(NAMESPACE_OID, what.id))
        headers = {"Authorization": f"Bearer {self._token}", "X-Line-Retry-Key": key}
        said = {"messages": [{"type": "text", "text": what.text}]}
        answer = await self._opened(f"{self._api_url}/v2/bot/message/broadcast", said, headers)
        if answer.status != _SAID_BEFORE:
            answer.must_be_taken()
        return Receipt(provider_id=key)

    async def delete(self, what: Announcement, provider_id: str) -> None:
        raise Rejected("LINE takes nothing back; send a correction")

    async def close(self) -> None:
        if self._opened is not None:
            await self._opened.close()
            self._opened = None
