"""The calls to the Graph API for one page, with errors named after what to do about them."""

import hmac
from collections.abc import Mapping
from typing import Any

import aiohttp
import msgspec

from connectors._post import whole, wish_of
from core import telemetry
from core.errors import Unavailable

# Application, user, page, one call too often; and every business use case.
_LIMITS = frozenset({4, 17, 32, 613, *range(80_000, 80_100)})
# Unknown, service: both pass.
_PASSING = frozenset({1, 2})
_NO_TOKEN = frozenset({102, 190})
_BLOCKED = 368
DUPLICATE, ANSWERED = 506, 10_900
# Outside of what Messenger allows: the code alone, or with a subcode of the second list.
_WINDOW_SUBCODES = frozenset({2_018_278, 2_534_022})
_REASONS = {
    100: "댓글이나 대화 상대를 찾을 수 없습니다. 삭제되었거나 더는 연결할 수 없습니다",
    200: "페이지에 답변할 권한이 앱에 없습니다. 관리자가 Meta 앱의 권한을 확인해야 합니다",
    10: "페이지에 답변할 권한이 앱에 없습니다. 관리자가 Meta 앱의 권한을 확인해야 합니다",
    551: "상대방이 지금은 메시지를 받을 수 없습니다(차단했거나 계정이 없습니다)",
    DUPLICATE: "같은 글이 이미 올라가 있습니다",
    ANSWERED: "이 댓글에는 이미 한 번 비공개로 답하였습니다. 댓글 하나에 한 번만 됩니다",
    10_903: "이 댓글을 쓴 분에게는 비공개로 답할 수 없습니다",
    10_904: "이 페이지는 메시지를 쓰지 않도록 설정되어 있습니다",
}
WINDOW = "메신저로 답할 수 있는 시간이 지났습니다"
_BLOCKED_SECONDS, _LIMIT_SECONDS, _LONGEST_WAIT_SECONDS = 3_600.0, 60.0, 86_400.0


class LostError(Exception):
    """The connection broke after the request went out, or the answer cannot be read."""


class RefusedError(Exception):
    """Facebook said no, with this number. `is_late`: what may be said there may be said no longer."""

    def __init__(self, reason: str, code: int, *, is_late: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.code = code
        self.is_late = is_late


class _Error(msgspec.Struct, frozen=True):
    code: int = 0
    error_subcode: int = 0
    is_transient: bool = False


class _Answer(msgspec.Struct, frozen=True):
    error: _Error | None = None


class Graph:
    """Speaks for one page.

    Every call has a connection of its own: one that was kept may be closed by the other side at any moment, and
    then nobody could tell whether the message went. No redirect is followed with a token, and no address is told.
    """

    def __init__(self, base: str, handle: str, token: str, app_secret: str, timeout_seconds: float) -> None:
        self._base = base
        self._handle = handle
        self._proof = {"access_token": token}
        if app_secret:
            self._proof["appsecret_proof"] = hmac.digest(app_secret.encode(), token.encode(), "sha256").hex()
        self._timeout = aiohttp.ClientTimeout(
            total=3 * timeout_seconds, connect=timeout_seconds, sock_connect=timeout_seconds, sock_read=timeout_seconds
        )

    def __repr__(self) -> str:
        return f"Graph({self._handle})"

    async def post(self, path: str, body: Mapping[str, Any]) -> Mapping[str, Any]:
        return await self._asked("POST", path, {}, msgspec.json.encode(body))

    async def delete(self, path: str) -> Mapping[str, Any]:
        return await self._asked("DELETE", path, {}, None)

    async def get(self, path: str, **asked: str) -> Mapping[str, Any]:
        return await self._asked("GET", path, asked, None)

    async def _asked(self, method: str, path: str, asked: Mapping[str, str], body: bytes | None) -> Mapping[str, Any]:
        headers = {"content-type": "application/json"} if body is not None else {}
        try:
            async with (
                aiohttp.ClientSession(timeout=self._timeout) as session,
                session.request(
                    method,
                    f"{self._base}/{path}",
                    params={**asked, **self._proof},
                    data=body,
                    headers=headers,
                    allow_redirects=False,
                ) as answer,
            ):
                read = await whole(answer)
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            raise Unavailable(f"Facebook cannot be reached: {type(error).__name__}") from error
        except (aiohttp.ClientError, TimeoutError) as error:
            raise LostError(f"no answer from Facebook: {type(error).__name__}") from error
        self._refuse(answer.status, answer.headers, read)
        return _table(read)

    def _refuse(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        """Raises what the caller does about an answer that is no success; Facebook's own words stay here, they may
        hold ours."""
        error = _error_in(body)
        code = error.code if error else 0
        if error is None and status < 300:
            return
        if code in _LIMITS or status == 429:
            wait = wait_seconds(headers) or _LIMIT_SECONDS
            raise Unavailable("Facebook's limit is reached", retry_after_seconds=wait)
        if code in _NO_TOKEN:
            telemetry.warned("page token ended: letters of this page wait", channel="facebook", account=self._handle)
            raise Unavailable(
                f"the access token of the page {self._handle} has ended or was withdrawn: make a new one, set "
                "EUNGDAPSO_…_PAGE_TOKEN and start again (docs/channels/facebook.md)"
            )
        if code == _BLOCKED:
            reason = f"Facebook has blocked the page {self._handle} for a while (368): look into its page quality"
            raise Unavailable(reason, retry_after_seconds=_BLOCKED_SECONDS)
        if code in _PASSING or (error and error.is_transient) or status in {408, 425} or status >= 500:
            raise Unavailable(f"Facebook answered {status}", retry_after_seconds=wait_seconds(headers))
        raise _refused(status, error or _Error())


def wait_seconds(headers: Mapping[str, str]) -> float | None:
    """Returns how long Facebook wants us to wait, None when it does not say."""
    usage, wish = headers.get("X-Business-Use-Case-Usage", ""), wish_of(headers)
    found = [wish] if wish is not None else []
    try:
        limits = msgspec.json.decode(usage, type=dict[str, list[_Usage]]) if usage else {}
    except (msgspec.DecodeError, ValueError, RecursionError):
        limits = {}
    found += [60.0 * one.estimated_time_to_regain_access for each in limits.values() for one in each]
    longest = max(found, default=0.0)
    return min(longest, _LONGEST_WAIT_SECONDS) if longest > 0 else None


class _Usage(msgspec.Struct, frozen=True):
    # In minutes.
    estimated_time_to_regain_access: float = 0


def _refused(status: int, error: _Error) -> RefusedError:
    code, subcode = error.code, error.error_subcode
    numbers = f"Facebook {code or status}{f'/{subcode}' if subcode else ''}"
    if subcode in _WINDOW_SUBCODES or code in _WINDOW_SUBCODES:
        return RefusedError(f"{WINDOW} ({numbers})", code, is_late=True)
    family = 200 if 200 <= code < 300 else code
    return RefusedError(f"{_REASONS.get(family, '페이스북이 받지 않았습니다')} ({numbers})", code)


def _error_in(body: bytes) -> _Error | None:
    try:
        return msgspec.json.decode(body, type=_Answer).error
    except (msgspec.DecodeError, ValueError, RecursionError):
        return None


def _table(body: bytes) -> Mapping[str, Any]:
    try:
        return msgspec.json.decode(body, type=dict[str, Any])
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise LostError("Facebook answered with what is no table") from error
