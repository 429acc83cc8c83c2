"""What the city tells everybody on its Facebook pages: each page posts for itself."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from connectors._facebook_graph import DUPLICATE, Graph, LostError, RefusedError
from connectors._facebook_settings import FacebookSettings, announced
from core.announce import Announcement, Announcer
from core.errors import Rejected, Unavailable, Uncertain
from core.reply import Receipt

_LOOKED_THROUGH = 25
_BEFORE = timedelta(minutes=2)
_GONE = 100


class _Page(Protocol):
    @property
    def id(self) -> str: ...
    @property
    def graph(self) -> Graph: ...


class FacebookAnnouncer(Announcer):
    """Facebook has no idempotency key, but it can be asked what a page posted, and refuses the same words at once."""

    is_live = True

    def __init__(self, settings: FacebookSettings, page_of: Callable[[str], _Page]) -> None:
        self._settings = settings
        self._page_of = page_of

    def problem(self, account: str) -> str:
        try:
            self._page_of(account)
        except Rejected as error:
            return error.reason
        return ""

    def fitted(self, text: str) -> str:
        return announced(self._settings.contact, text)

    async def post(self, what: Announcement) -> Receipt:
        page = self._page_of(what.account)
        try:
            made = await page.graph.post(f"{page.id}/feed", {"message": what.text})
        except LostError as lost:
            raise Uncertain(str(lost)) from lost
        except RefusedError as error:
            # The answer to an earlier try may have been lost.
            if error.code == DUPLICATE and (found := await self.find(what)) is not None:
                return found
            raise Rejected(error.reason) from error
        sent = made.get("id")
        if not isinstance(sent, str) or not sent:
            raise Uncertain("Facebook said yes and gave no id")
        return Receipt(provider_id=sent)

    async def delete(self, what: Announcement, provider_id: str) -> None:
        page = self._page_of(what.account)
        try:
            await page.graph.delete(provider_id)
        except LostError as lost:
            raise Uncertain(str(lost)) from lost
        except RefusedError as error:
            if error.code != _GONE:
                raise Rejected(error.reason) from error

    async def find(self, what: Announcement) -> Receipt | None:
        page = self._page_of(what.account)
        since = what.since - _BEFORE
        try:
            asked = await page.graph.get(
                f"{page.id}/feed",
                fields="id,message,created_time,from{id}",
                since=str(int(since.timestamp())),
                limit=str(_LOOKED_THROUGH),
            )
        except LostError as lost:
            raise Unavailable(str(lost)) from lost
        except RefusedError as error:
            raise Uncertain(f"Facebook cannot say what became of it: {error.reason}") from error
        data = asked.get("data")
        posts = [one for one in data if isinstance(one, dict)] if isinstance(data, list) else []
        found = [one for one in posts if _is_it(one, page.id, what.text, since)]
        return Receipt(provider_id=str(found[0]["id"])) if found and found[0].get("id") else None


def _is_it(post: Mapping[str, Any], page: str, text: str, since: datetime) -> bool:
    """Whether it is the page's own, in these words and not of another day."""
    author = post.get("from")
    is_ours = not isinstance(author, dict) or str(author.get("id", page)) == page
    is_same = "".join(str(post.get("message", "")).split()) == "".join(text.split())
    return is_ours and is_same and not _is_before(str(post.get("created_time", "")), since)


def _is_before(moment: str, since: datetime) -> bool:
    try:
        # Facebook writes +0000.
        made = datetime.strptime(moment, "%Y-%m-%dT%H:%M:%S%z")
    except ValueError:
        return False
    return made.astimezone(UTC) < since
