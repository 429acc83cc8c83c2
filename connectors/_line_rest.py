"""The ways out to LINE: letters by a fresh reply token, else pushed; and where its files are."""

import time
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any
from uuid import NAMESPACE_OID, uuid5

from connectors._few import few
from connectors._line_event import ID, KINDS
from connectors._post import Answer, Post
from connectors._tries import Tries
from connectors.base import Located
from core.errors import Rejected, Unavailable, Uncertain
from core.message import Attachment
from core.reply import Receipt, Reply, Sender

if TYPE_CHECKING:
    from connectors.line import LineSettings

_LINE_URL, _LINE_FILES_URL = "https://api.line.me", "https://api-data.line.me"
_MOST_CHARACTERS, _MOST_MESSAGES = 5_000, 5
_NOT_DONE_SECONDS = 5.0


class Letters(Sender):
    """Sends what LINE takes once: a push has the letter's id as its retry key, and a reply token is used up by the
    first letter that comes with it. Which letter was tried with a token is written down before it is."""

    repeatable = True

    def __init__(
        self,
        settings: "LineSettings",
        post: Post,
        token: str,
        tries: Tries,
        *,
        unix_time: Callable[[], float] = time.time,
    ) -> None:
        self._settings = settings
        self._url = f"{settings.api_url.rstrip('/')}/v2/bot/message"
        self._post = post
        self._headers = {"Authorization": f"Bearer {token}"}
        self._tries = tries
        self._unix_time = unix_time

    async def send(self, reply: Reply) -> Receipt:
        if not ID.fullmatch(reply.to):
            raise Rejected("the recipient is no id of a user, a group or a room")
        said = {
            "messages": [{"type": "text", "text": text} for text in few(reply.text, _MOST_CHARACTERS, _MOST_MESSAGES)]
        }
        since, _, token = reply.callback.partition(" ")
        if token and since.isdigit():
            answer = await self._by_token(reply, int(since) / 1000, {**said, "replyToken": token})
            if answer is not None:
                return _receipt(answer, reply)
        return _receipt(await self._pushed(reply, {**said, "to": reply.to}), reply)

    async def close(self) -> None:
        await self._post.close()

    async def _by_token(self, reply: Reply, since: float, payload: Any) -> Answer | None:
        """Returns None when the token is old, or used up by another letter."""
        return await self._tries.once(
            reply.id,
            since,
            partial(self._post, f"{self._url}/reply", payload, self._headers),
            is_fresh=-60 <= self._unix_time() - since <= self._settings.token_seconds,
            is_refused=lambda answer: answer.status == 400 and "reply token" in answer.said("message").lower(),
        )

    async def _pushed(self, reply: Reply, payload: Any) -> Answer:
        headers = {**self._headers, "X-Line-Retry-Key": str(uuid5(NAMESPACE_OID, reply.id))}
        try:
            return await self._post(f"{self._url}/push", payload, headers)
        except Uncertain as error:
            raise Unavailable(str(error)) from error


class Files:
    """Knows where files are. Sound and films can be fetched only when LINE has got them ready."""

    def __init__(self, settings: "LineSettings", post: Post, token: str) -> None:
        ours = settings.api_url.rstrip("/")
        self._url = settings.files_url.rstrip("/") or (_LINE_FILES_URL if ours == _LINE_URL else ours)
        self._post = post
        self._headers = {"Authorization": f"Bearer {token}"}

    async def locate(self, attachment: Attachment) -> Located:
        kind, _, message = attachment.place.partition(":")
        if not (kind in {"file", *KINDS} and ID.fullmatch(message)):
            # What a message brings from elsewhere is fetched like any stranger's address, without our token.
            return Located(url=attachment.place)
        url = f"{self._url}/v2/bot/message/{message}/content"
        if kind in {"video", "audio"}:
            await self._wait_for(f"{url}/transcoding")
        return Located(url=url, headers=self._headers, trusted=True)

    async def close(self) -> None:
        await self._post.close()

    async def _wait_for(self, url: str) -> None:
        try:
            answer = await self._post.get(url, self._headers)
        except Uncertain as error:
            raise Unavailable(str(error)) from error
        answer.must_be_taken()
        if answer.said("status") == "processing":
            raise Unavailable("LINE is not done with it", retry_after_seconds=_NOT_DONE_SECONDS)
        if answer.said("status") == "failed":
            raise Rejected("LINE could not get it ready")


def _receipt(answer: Answer, reply: Reply) -> Receipt:
    """Returns the proof; raises what the caller does about a refusal. 409 means: taken before, under the same key."""
    if answer.status == 429 and "monthly limit" in answer.said("message").lower():
        raise Rejected("the month's messages are used up: LINE takes no more before the next month or a larger plan")
    if answer.status != 409:
        answer.must_be_taken()
    return Receipt(provider_id=answer.first_id("sentMessages") or reply.id)
