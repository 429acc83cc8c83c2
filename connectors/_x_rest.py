"""The way out at X: replies to posts, as one post or a few, and direct messages."""

import re
from decimal import Decimal
from html import unescape
from typing import Any

from connectors._x_client import DUPLICATE, LostError, XClient
from connectors._x_settings import XSettings
from connectors._x_spent import Spent
from connectors._x_tokens import Tokens
from connectors._x_weight import MOST_MESSAGE_CHARACTERS, has_link, shortened, split
from connectors._x_windows import Windows
from core.errors import Rejected, Unavailable, Uncertain
from core.reply import Receipt, Reply, Sender

# How many of an account's newest posts are looked through for one of ours.
_LOOKED_THROUGH = 50
_LEADING_NAMES = re.compile(r"^(?:@\w{1,15}\s+)+", re.ASCII)
_LINKS = re.compile(r"https?://\S+")
# Replies of which only a part went out, at most.
_MOST_BEGUN = 1_000


class XSender(Sender):
    """X has no idempotency key, but it refuses the same words twice, and an account's posts can be looked through."""

    repeatable = False

    def __init__(self, settings: XSettings, tokens: Tokens, spent: Spent) -> None:
        self._settings = settings
        self._tokens = tokens
        self._spent = spent
        self._windows = Windows()
        # Of replies in several posts, those that went out before X wanted us to wait.
        self._begun: dict[str, list[str]] = {}

    async def send(self, reply: Reply) -> Receipt:
        client = await self._client(reply)
        return await (self._posts(client, reply) if reply.public else self._message(client, reply))

    async def find(self, reply: Reply) -> Receipt | None:
        """Looks among the newest posts of the account, or in the conversation, for these words."""
        try:
            client = await self._client(reply)
            if not reply.public:
                return await self._found_message(client, reply)
            return await self._found_posts(client, reply, await self._parts(reply))
        except (LostError, Rejected, Unavailable) as error:
            raise Uncertain(f"X cannot say what became of it: {type(error).__name__}") from error

    async def _posts(self, client: XClient, reply: Reply) -> Receipt:
        if not reply.in_reply_to:
            raise Rejected("there is no post to reply to")
        parts, ids = await self._parts(reply), self._begun.setdefault(reply.id, [])
        try:
            for part in parts[len(ids) :]:
                ids.append(await self._post(client, reply, part, ids))
        except Unavailable:
            if not ids:
                del self._begun[reply.id]
            while len(self._begun) > _MOST_BEGUN:
                del self._begun[next(iter(self._begun))]
            raise
        except (Rejected, Uncertain) as error:
            del self._begun[reply.id]
            if not ids:
                raise
            raise Uncertain(f"{len(ids)} of {len(parts)} posts went out; then: {error}") from error
        del self._begun[reply.id]
        return Receipt(provider_id=ids[0])

    async def _post(self, client: XClient, reply: Reply, text: str, before: list[str]) -> str:
        """Returns the id of the new post, which follows those before."""
        parent = before[-1] if before else reply.in_reply_to
        price = self._price(text, is_first=not before)
        self._windows.take(reply.account, "post")
        await self._spent.reserve(price)
        try:
            made = await client.create_tweet(text=text, in_reply_to_tweet_id=parent, user_auth=False)
        except LostError as lost:
            return await self._found_or_uncertain(client, reply, text, parent, lost)
        except (Rejected, Unavailable) as error:
            await self._spent.give_back(price)
            # The answer to an earlier try may have been lost.
            if error.reason == DUPLICATE and (found := await self._found_silently(client, reply, text, parent)):
                return found
            raise
        return _id_in(made, "id")

    async def _parts(self, reply: Reply) -> list[str]:
        """Returns the posts: one, or a few, or one that is cut and says where the rest is."""
        parts = split(reply.text, posts=self._settings.posts)
        if parts:
            return parts
        if reply.link and self._settings.link and await self._spent.affords_links():
            return [shortened(reply.text, f"… {reply.link}")]
        return [shortened(reply.text, _ask(reply.text, self._settings.contact))]

    def _price(self, text: str, *, is_first: bool) -> Decimal:
        prices = self._settings.prices
        return prices.post_with_link if has_link(text) else prices.answer if is_first else prices.post

    async def _found_posts(self, client: XClient, reply: Reply, parts: list[str]) -> Receipt | None:
        newest, parent, first = await self._newest(client, reply), reply.in_reply_to, ""
        for part in parts:
            found = _same([post for post in newest if _parent_of(post) == parent], part)
            if not found and first:
                raise Uncertain("only the first of several posts went out")
            if not found:
                return None
            parent, first = found, first or found
        return Receipt(provider_id=first)

    async def _newest(self, client: XClient, reply: Reply) -> list[Any]:
        account = self._settings.accounts.get(reply.account)
        if account is None:
            raise Rejected(f"the number of {reply.account} is not known")
        asked = await client.get_users_tweets(
            account.id,
            max_results=_LOOKED_THROUGH,
            exclude="retweets",
            tweet_fields=["referenced_tweets"],
            user_auth=False,
        )
        posts = _list_in(asked)
        await self._spent.count(self._settings.prices.own_read * len(posts))
        return posts

    async def _found_or_uncertain(self, client: XClient, reply: Reply, text: str, parent: str, lost: LostError) -> str:
        """Asks at once. Not to be found yet proves nothing: the request may still be on its way."""
        found = await self._found_silently(client, reply, text, parent)
        if not found:
            raise Uncertain(str(lost)) from lost
        return found

    async def _found_silently(self, client: XClient, reply: Reply, text: str, parent: str) -> str:
        try:
            newest = await self._newest(client, reply)
        except (LostError, Rejected, Unavailable):
            return ""
        return _same([post for post in newest if _parent_of(post) == parent], text)

    async def _message(self, client: XClient, reply: Reply) -> Receipt:
        price, to = self._settings.prices.message, _id(reply.to)
        self._windows.take(reply.account, "message")
        await self._spent.reserve(price)
        try:
            made = await client.create_direct_message(participant_id=to, text=self._words(reply), user_auth=False)
        except LostError as lost:
            try:
                found = await self._found_message(client, reply)
            except (LostError, Rejected, Unavailable):
                found = None
            if found is None:
                raise Uncertain(str(lost)) from lost
            return found
        except (Rejected, Unavailable):
            await self._spent.give_back(price)
            raise
        return Receipt(provider_id=_id_in(made, "dm_event_id"))

    async def _found_message(self, client: XClient, reply: Reply) -> Receipt | None:
        asked = await client.get_direct_message_events(
            participant_id=_id(reply.to), max_results=_LOOKED_THROUGH, dm_event_fields=["sender_id"], user_auth=False
        )
        events = _list_in(asked)
        await self._spent.count(self._settings.prices.message_read * len(events))
        found = _same([event for event in events if event.get("sender_id") != reply.to], self._words(reply))
        return Receipt(provider_id=found) if found else None

    def _words(self, reply: Reply) -> str:
        if len(reply.text) <= MOST_MESSAGE_CHARACTERS:
            return reply.text
        tail = f"… {reply.link}" if reply.link else _ask(reply.text, self._settings.contact)
        # No character weighs less than one.
        return shortened(reply.text, tail, most=MOST_MESSAGE_CHARACTERS)

    async def _client(self, reply: Reply) -> XClient:
        token = await self._tokens.of(reply.account)
        return XClient(self._settings.api_url, token, self._settings.timeout_seconds)


def _ask(text: str, contact: str) -> str:
    return f"… 문의 {contact}" if re.search("[가-힣]", text) else f"… Call {contact}"


def _id(address: str) -> str:
    if not re.fullmatch(r"[0-9]{1,20}", address):
        raise Rejected("the address is no number of X")
    return address


def _id_in(made: Any, name: str) -> str:
    """Returns the id in what X says it made."""
    data = made.get("data")
    found = data.get(name) if isinstance(data, dict) else None
    if not (isinstance(found, str) and found):
        raise Uncertain("X said yes and gave no id")
    return found


def _list_in(asked: Any) -> list[Any]:
    data = asked.get("data", [])
    return [one for one in data if isinstance(one, dict)] if isinstance(data, list) else []


def _same(known: list[Any], text: str) -> str:
    """Returns the id of the first of these with the same words, "" when there is none."""
    words = _bare(text)
    for one in known:
        if _bare(str(one.get("text", ""))) == words and one.get("id"):
            return str(one["id"])
    return ""


def _bare(text: str) -> str:
    """Returns the words alone: X puts names before them, spells out signs, and makes addresses short."""
    return "".join(_LINKS.sub("", _LEADING_NAMES.sub("", unescape(text))).split())


def _parent_of(post: Any) -> str:
    others = post.get("referenced_tweets")
    found = [one for one in others if isinstance(one, dict)] if isinstance(others, list) else []
    return next((str(one.get("id")) for one in found if one.get("type") == "replied_to"), "")
