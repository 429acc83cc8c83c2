"""tweepy's client with another address, a time limit, and errors named after what to do about them."""

import time
from collections.abc import Mapping
from typing import Any

import aiohttp
import msgspec
from oauthlib.oauth1 import Client as Signing
from tweepy.asynchronous import AsyncClient
from yarl import URL

from connectors._post import whole, wish_of
from connectors._x_tokens import Token
from core.errors import Rejected, Unavailable

# No wish of X is longer than a day.
_LONGEST_WAIT_SECONDS = 86_400.0
_LIMITS = (("x-rate-limit", ""), ("x-user-limit-24hour", "0"), ("x-app-limit-24hour", "0"))
DUPLICATE = "X refused it: the same words were posted before"
REPOSTED = "X refused it: it is reposted already"
_REASONS = (
    ("duplicate", DUPLICATE),
    ("already retweeted", REPOSTED),
    ("already reposted", REPOSTED),
    ("mention", "X refused it: its author did not summon the account"),
    ("summon", "X refused it: its author did not summon the account"),
    ("credit", "X refused it: no credits are left"),
    ("deleted or not visible", "X refused it: the post is gone"),
    ("cannot send messages", "X refused it: they take no messages from us"),
)


class LostError(Exception):
    """The connection broke after the request went out, or the answer cannot be read."""


class _Answer:
    """What tweepy reads an answer from."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    async def json(self) -> Any:
        return decoded(self._body)


class XClient(AsyncClient):  # type: ignore[misc]
    """Speaks for one account, or for the app when there is only a bearer token. Answers are plain tables.

    Every call has a connection of its own: one that was kept may be closed by the other side at any moment, and
    then nobody could tell whether the post went. A redirect is never followed with a token.
    """

    def __init__(self, api_url: str, token: Token, timeout_seconds: float) -> None:
        super().__init__(token.bearer, return_type=dict)
        self._api_url = api_url.rstrip("/")
        self._token = token
        self._timeout = aiohttp.ClientTimeout(
            total=3 * timeout_seconds, connect=timeout_seconds, sock_connect=timeout_seconds, sock_read=timeout_seconds
        )

    async def request(
        self,
        method: str,
        route: str,
        params: Mapping[str, Any] | None = None,
        json: Any = None,
        user_auth: bool = False,
    ) -> _Answer:
        url = URL(self._api_url + route).update_query(params or {})
        body = None if json is None else msgspec.json.encode(json)
        headers = {"User-Agent": self.user_agent, **self.authorization(method, url)}
        if body is not None:
            headers["Content-Type"] = "application/json"
        try:
            async with (
                aiohttp.ClientSession(timeout=self._timeout) as session,
                session.request(method, url, data=body, headers=headers, allow_redirects=False) as answer,
            ):
                read = await whole(answer)
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            raise Unavailable(f"X cannot be reached: {type(error).__name__}") from error
        except (aiohttp.ClientError, TimeoutError) as error:
            raise LostError(f"no answer from X: {type(error).__name__}") from error
        refuse(answer.status, answer.headers, read)
        return _Answer(read)

    def authorization(self, method: str, url: URL) -> dict[str, str]:
        """Returns the header that speaks for the account; a body in JSON is not signed."""
        if not self._token.is_signing:
            return {"Authorization": f"Bearer {self._token.bearer}"}
        token = self._token
        signing = Signing(token.consumer_key, token.consumer_secret, token.access_token, token.access_token_secret)
        _, headers, _ = signing.sign(_spelled(url), method)
        return dict(headers)


def decoded(body: bytes) -> Any:
    """Returns the table in an answer; raises `LostError` when there is none."""
    try:
        found = msgspec.json.decode(body)
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise LostError("X answered with what is no JSON") from error
    if not isinstance(found, dict):
        raise LostError("X answered with what is no table")
    return found


def refuse(status: int, headers: Mapping[str, str], body: bytes) -> None:
    """Raises what the caller does about a status that is no success; X's own words stay here, they may hold ours."""
    if status == 429:
        raise Unavailable("X's limit is reached", retry_after_seconds=_wait(headers))
    if status in {408, 425} or status >= 500:
        raise Unavailable(f"X answered {status}")
    if status >= 300:
        words = body[:4_096].decode("utf-8", "replace").lower() if status in {402, 403} else ""
        reason = next((reason for word, reason in _REASONS if word in words), f"X refused with {status}")
        raise Rejected(reason, status=status)


def _wait(headers: Mapping[str, str]) -> float | None:
    """Returns the seconds until the limit that was reached is lifted, None when X does not say."""
    now, found = time.time(), []
    for name, only_when in _LIMITS:
        reset, left = headers.get(f"{name}-reset", ""), headers.get(f"{name}-remaining", "")
        if reset.isascii() and reset.isdigit() and (not only_when or left == only_when):
            found.append(float(reset[:15]) - now)
    if (wish := wish_of(headers)) is not None:
        found.append(wish)
    return min(max(1.0, *found), _LONGEST_WAIT_SECONDS) if found else None


def _spelled(url: URL) -> str:
    """Returns the address as oauthlib wants it: colons of times in the query spelled out."""
    before, mark, query = str(url).partition("?")
    return before + mark + query.replace(":", "%3A")
