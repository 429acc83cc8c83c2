"""What the city tells everybody at X: one account posts, the others repost, for X forbids the same words twice."""

import re
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from html import unescape
from typing import Any
from unicodedata import normalize

from connectors._x_client import DUPLICATE, REPOSTED, LostError, XClient
from connectors._x_settings import XSettings
from connectors._x_spent import Spent
from connectors._x_tokens import Tokens
from connectors._x_weight import announced, has_link
from core.announce import Announcement, Announcer
from core.errors import Rejected, Unavailable, Uncertain
from core.reply import Receipt

_LOOKED_THROUGH = 20
# Clocks differ.
_BEFORE = timedelta(minutes=2)
_GONE = frozenset({404, 410})
_LINKS = re.compile(r"https?://\S+")


class XAnnouncer(Announcer):
    """X refuses the same words of one account and a second repost, so both can be repeated; what an account posted can
    be looked through. What it costs is counted, and goes out all the same when the budget is spent."""

    reposts = True
    is_live = True

    def __init__(self, settings: XSettings, tokens: Tokens, spent: Spent) -> None:
        self._settings = settings
        self._tokens = tokens
        self._spent = spent

    def problem(self, account: str) -> str:
        if account not in self._settings.accounts:
            return f"[connectors.x.accounts.{account}] has no id"
        # A token that stands for all would post in another account's name.
        if not (self._tokens.has_own(account) or (len(self._settings.accounts) == 1 and self._tokens.any)):
            return f"{account} has no token of its own (docs/channels/x.md)"
        return ""

    def fitted(self, text: str) -> str:
        return announced(self._settings.contact, text)

    async def post(self, what: Announcement) -> Receipt:
        client = await self._client(what)
        prices = self._settings.prices
        try:
            made = await client.create_tweet(text=normalize("NFC", what.text), user_auth=False)
        except LostError as lost:
            raise Uncertain(str(lost)) from lost
        except Rejected as error:
            # The answer to an earlier try may have been lost.
            if error.reason == DUPLICATE and (found := await self.find(what)) is not None:
                return found
            raise
        await self._count(prices.post_with_link if has_link(what.text) else prices.post)
        return Receipt(provider_id=_id_in(made))

    async def repost(self, what: Announcement) -> Receipt:
        try:
            await self._asked("POST", what, "", {"tweet_id": what.of})
        except Rejected as error:
            if error.reason != REPOSTED:
                raise
        await self._count(self._settings.prices.post)
        return Receipt(provider_id=what.of)

    async def delete(self, what: Announcement, provider_id: str) -> None:
        try:
            if what.of:
                await self._asked("DELETE", what, f"/{what.of}")
            else:
                await (await self._client(what)).delete_tweet(provider_id, user_auth=False)
        except LostError as lost:
            raise Uncertain(str(lost)) from lost
        except Rejected as error:
            if error.status not in _GONE:
                raise

    async def find(self, what: Announcement) -> Receipt | None:
        client, number = await self._client(what), self._settings.accounts[what.account].id
        since = what.since - _BEFORE
        try:
            asked = await client.get_users_tweets(
                number,
                max_results=_LOOKED_THROUGH,
                exclude="retweets",
                start_time=since,
                tweet_fields=["created_at"],
                user_auth=False,
            )
        except LostError as lost:
            raise Unavailable(str(lost)) from lost
        except Rejected as error:
            raise Uncertain(f"X cannot say what became of it: {error.reason}") from error
        data = asked.get("data", [])
        posts = [one for one in data if isinstance(one, dict)] if isinstance(data, list) else []
        await self._count(self._settings.prices.own_read * len(posts))
        found = [one for one in posts if _same(one, what.text) and not _is_before(one, since)]
        return Receipt(provider_id=str(found[0]["id"])) if found and found[0].get("id") else None

    async def _asked(self, method: str, what: Announcement, after: str, json: Any = None) -> None:
        """Asks for the reposts of the account by its number: the library would first ask X for it."""
        client, number = await self._client(what), self._settings.accounts[what.account].id
        try:
            await client.request(method, f"/2/users/{number}/retweets{after}", json=json)
        except LostError as lost:
            raise Uncertain(str(lost)) from lost

    async def _client(self, what: Announcement) -> XClient:
        if reason := self.problem(what.account):
            raise Rejected(reason)
        token = await self._tokens.of(what.account)
        return XClient(self._settings.api_url, token, self._settings.timeout_seconds)

    async def _count(self, dollars: Any) -> None:
        # What cannot be counted now is owed, and counted with what comes next.
        with suppress(Unavailable):
            await self._spent.count(dollars)


def _id_in(made: Any) -> str:
    data = made.get("data")
    found = data.get("id") if isinstance(data, dict) else None
    if not (isinstance(found, str) and found):
        raise Uncertain("X said yes and gave no id")
    return found


def _same(post: Any, text: str) -> bool:
    return _bare(str(post.get("text", ""))) == _bare(text)


def _bare(text: str) -> str:
    """Returns the words alone: X spells out signs and makes addresses short."""
    return "".join(_LINKS.sub("", unescape(normalize("NFC", text))).split())


def _is_before(post: Any, since: datetime) -> bool:
    """Whether it is older: the same words of another day are another post."""
    try:
        made = datetime.fromisoformat(str(post.get("created_at", "")))
    except ValueError:
        return False
    return (made if made.tzinfo else made.replace(tzinfo=UTC)) < since
