"""X's filtered stream: one connection, opened again no faster than X allows, and given up when it falls silent."""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

import aiohttp
import msgspec
from tweepy import StreamRule
from tweepy.asynchronous import AsyncStreamingClient
from tweepy.asynchronous.streaming import AsyncBaseStream

from connectors._x_client import LostError, XClient
from connectors._x_settings import XSettings
from connectors._x_tokens import Token
from core.errors import Rejected, Unavailable

# X says something at least every 20 seconds.
_SILENT_SECONDS = 25.0
# A little less than X's fifty connections in 15 minutes.
_MOST_CONNECTS, _CONNECTS_SECONDS = 45, 900.0
# What is waiting to be made durable; X notices that we are slow and slows down.
_MOST_WAITING = 1_000
# Nobody has asked for so long: another process has the turn, and X allows one connection.
_ABANDONED_SECONDS = 150.0
_LONGEST_LINE_BYTES = 1_048_576
_TAG = "eungdapso"


class Pauses:
    """How long to wait before the next try, as X wants it by what went wrong; any success starts anew.

    The wait after a clean end is that of an HTTP error: X ends streams on purpose when it is busy.
    """

    def __init__(self, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._begun: deque[float] = deque()
        self._network = 0.0
        self._http = 0.0
        self._not_before = 0.0

    def begin(self) -> None:
        self._begun.append(self._monotonic())

    def worked(self) -> None:
        self._network = self._http = 0.0

    def failed(self, error: Exception) -> None:
        """Decides by the error when the next try may be."""
        if isinstance(error, aiohttp.ClientError | TimeoutError | LostError):
            self._network = min(self._network + 0.25, 16.0)
            pause = self._network
        else:
            wish = getattr(error, "retry_after_seconds", None) or 0.0
            least = 60.0 if getattr(error, "reason", "") == _LIMIT else 5.0
            self._http = min(max(self._http * 2, least), 320.0)
            pause = max(self._http, wish)
        self._not_before = self._monotonic() + pause

    @property
    def seconds(self) -> float:
        """How long from now the next connection has to wait."""
        now = self._monotonic()
        while self._begun and now - self._begun[0] > _CONNECTS_SECONDS:
            self._begun.popleft()
        is_full = len(self._begun) >= _MOST_CONNECTS
        return max(0.0, self._not_before - now, self._begun[0] + _CONNECTS_SECONDS - now if is_full else 0.0)


_LIMIT = "X's limit for streams is reached"


class Stream:
    """What the stream said, kept until it was made durable. The connection lives on between two turns."""

    def __init__(
        self,
        settings: XSettings,
        bearer: str,
        wanted: Mapping[str, Any],
        *,
        monotonic: Callable[[], float] = time.monotonic,
        silent_seconds: float = _SILENT_SECONDS,
    ) -> None:
        self._settings = settings
        self._bearer = bearer
        self._wanted = wanted
        self._monotonic = monotonic
        self._silent_seconds = silent_seconds
        self.pauses = Pauses(monotonic=monotonic)
        self._waiting: asyncio.Queue[bytes] = asyncio.Queue(_MOST_WAITING)
        self._held: list[bytes] = []
        self._connection: _Connection | None = None
        self._task: asyncio.Task[None] | None = None
        self._has_rules = False
        self._asked_at = 0.0
        self.note = ""

    async def take(self, seconds: float) -> list[bytes]:
        """Returns what came, at the latest after `seconds`; the same again until it is `taken`."""
        end = self._asked_at = self._monotonic()
        end += seconds
        while not self._held and (left := end - self._monotonic()) > 0:
            if self._task is None or self._task.done():
                await self._open_or_wait(left)
            else:
                await self._hear(self._task, left)
        while not self._waiting.empty():
            self._held.append(self._waiting.get_nowait())
        return list(self._held)

    def taken(self, count: int) -> None:
        del self._held[:count]

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
            self._task = None

    def heard(self, line: bytes) -> bytes:
        """Returns a line that is a post; raises `Unavailable` for one that says that the stream ends."""
        self._still_asked()
        try:
            errors = msgspec.json.decode(line, type=_Errors).errors
        except (msgspec.DecodeError, ValueError, RecursionError) as error:
            raise LostError("X said what is no JSON") from error
        if errors:
            raise Unavailable(_LIMIT if "TooManyConnections" in repr(errors) else "X ends the stream")
        self.worked()
        return line

    def worked(self) -> None:
        self._still_asked()
        self.pauses.worked()
        self.note = ""

    def _still_asked(self) -> None:
        if self._monotonic() - self._asked_at > _ABANDONED_SECONDS:
            raise Unavailable("nobody asks for the stream any more")

    async def _open_or_wait(self, left: float) -> None:
        pause = self.pauses.seconds
        if pause > 0:
            await asyncio.sleep(min(pause, left))
            return
        self._connection = _Connection(self, self._settings, self._bearer, self._waiting)
        try:
            if not self._has_rules:
                await self._connection.keep_rules(self._settings.stream_rules)
                self._has_rules = True
            self.pauses.begin()
            self._task = self._connection.start(self._wanted, self._silent_seconds)
        except (LostError, Rejected, Unavailable) as error:
            self._failed(error)

    async def _hear(self, task: "asyncio.Task[None]", left: float) -> None:
        """Waits for the first thing that comes, or for the end of the connection."""
        hearing = asyncio.ensure_future(self._waiting.get())
        try:
            await asyncio.wait([hearing, task], timeout=left, return_when=asyncio.FIRST_COMPLETED)
        finally:
            if not hearing.cancel():
                self._held.append(hearing.result())
        if task.done():
            self._failed((self._connection and self._connection.error) or Unavailable("X ended the stream"))

    def _failed(self, error: Exception) -> None:
        self.pauses.failed(error)
        self.note = f"stream: {getattr(error, 'reason', type(error).__name__)}"


class _Errors(msgspec.Struct, frozen=True):
    errors: Any = None


class _Connection(XClient, AsyncStreamingClient):  # type: ignore[misc]
    """One connection of tweepy's, which would open the next by itself, and after a clean end at once."""

    def __init__(self, stream: Stream, settings: XSettings, bearer: str, waiting: asyncio.Queue[bytes]) -> None:
        AsyncBaseStream.__init__(self)
        XClient.__init__(self, settings.api_url, Token(bearer=bearer), settings.timeout_seconds)
        self._stream = stream
        self._waiting = waiting
        self._silent_seconds = 0.0
        self.error: Exception | None = None

    def start(self, wanted: Mapping[str, Any], silent_seconds: float) -> "asyncio.Task[None]":
        self._silent_seconds = silent_seconds
        task: asyncio.Task[None] = self.filter(**wanted)
        return task

    async def keep_rules(self, rules: tuple[str, ...]) -> None:
        """Makes X's rules those of the settings; rules that somebody else made stay."""
        known = (await self.get_rules()).get("data") or []
        ours = {rule["value"]: rule["id"] for rule in known if rule.get("tag") == _TAG}
        if gone := [ours[value] for value in ours if value not in rules]:
            await self.delete_rules(gone)
        if new := [StreamRule(value=value, tag=_TAG) for value in rules if value not in ours]:
            await self.add_rules(new)

    async def _connect(self, method: str, endpoint: str, **given: Any) -> None:
        # Made here, because tweepy's own session asks aiohttp for what is no longer there, and cuts long lines.
        self.session = aiohttp.ClientSession(
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=10.0, sock_read=self._silent_seconds),
            read_bufsize=_LONGEST_LINE_BYTES,
        )
        url = f"{self._api_url}/2/tweets/{endpoint}/stream"
        headers = {"Authorization": f"Bearer {self.bearer_token}"}
        await AsyncBaseStream._connect(self, method, url, headers=headers, **given)  # noqa: SLF001

    async def on_connect(self) -> None:
        self._stream.worked()

    async def on_data(self, data: bytes) -> None:
        await self._waiting.put(self._stream.heard(data))

    async def on_keep_alive(self) -> None:
        self._stream.worked()

    # Whatever ends the connection ends tweepy's loop too: when there is another one is decided in `Pauses`.

    async def on_closed(self, resp: aiohttp.ClientResponse) -> None:
        raise Unavailable("X ended the stream")

    async def on_request_error(self, status_code: int) -> None:
        raise Unavailable(_LIMIT if status_code in {420, 429} else f"X answered {status_code}")

    async def on_connection_error(self) -> None:
        raise LostError("the stream broke or fell silent")

    async def on_exception(self, exception: Exception) -> None:
        self.error = exception

    async def on_disconnect(self) -> None:
        """There is nothing to say: the log tells when it matters."""
