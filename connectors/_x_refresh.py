"""Keeps tokens of OAuth 2.0 fresh: each of X's answers replaces both the token and what it is refreshed with."""

import asyncio
import base64
from collections import defaultdict
from collections.abc import Callable
from datetime import UTC
from hashlib import sha256

import msgspec

from connectors.base import Memory
from core import telemetry
from core.clock import Clock, machine_clock
from core.errors import Rejected, Unavailable
from core.ids import uuid7
from core.wire import Seal

# A token holds two hours; so long before its end it is replaced.
_EARLY_SECONDS = 900.0
# Longer than X is waited for: of all processes one refreshes, for the same words are taken only once.
_LEASE_SECONDS = 90.0
_REFUSED_SECONDS = 300.0
_KEEPING_TRIES, _KEEPING_SECONDS = 5, 0.5


class Kept(msgspec.Struct, frozen=True):
    """What is kept of one grant, sealed. Times are Unix seconds of the machine's clock."""

    refresh: str = ""
    access: str = ""
    ends: float = 0.0
    # Nobody else refreshes before.
    leased_until: float = 0.0
    leased_by: str = ""


class _New(msgspec.Struct, frozen=True):
    access_token: str
    refresh_token: str = ""
    expires_in: float = 7_200.0


class Client(msgspec.Struct, frozen=True):
    """Who refreshes: the app at X. Without a secret it is a public client."""

    api_url: str
    id: str
    secret: str
    timeout_seconds: float

    def __repr__(self) -> str:
        return "Client()"


class Refreshing:
    """Gives a token that holds. The first refresh token comes from the environment; what replaces it lies sealed in the
    case store, and is there before anything is sent with the token that came with it.

    Not promised: a process that is killed between X's answer and that it is kept loses the answer. Then X refuses the
    old words, the note says so, and a new first token has to be granted; letters wait for it.
    """

    def __init__(
        self,
        channel: str,
        client: Client,
        memory: Callable[[], Memory | None],
        seal: Callable[[], Seal | None],
        *,
        clock: Clock = machine_clock,
    ) -> None:
        self._channel = channel
        self._client = client
        self._memory = memory
        self._seal = seal
        self._clock = clock
        self._me = uuid7()
        self._known: dict[str, Kept] = {}
        self._own: dict[str, str] = {}
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self.note = ""

    async def of(self, first: str) -> str:
        """Returns a token for the grant that begins with this refresh token. Raises `Unavailable`."""
        grant = sha256(first.encode()).hexdigest()[:16]
        async with self._locks[grant]:
            known = self._known.get(grant)
            if known is None or known.ends - self._now() < _EARLY_SECONDS:
                known = await self._kept(grant, first)
            return known.access

    async def _kept(self, grant: str, first: str) -> Kept:
        known = await self._change(grant, lambda kept: self._leased(kept, first))
        if known.leased_by == self._me:
            known = await self._refreshed(grant, known)
        self._known[grant] = known
        if known.ends <= self._now():
            raise Unavailable(self.note or "another process refreshes the token", retry_after_seconds=5)
        return known

    def _leased(self, kept: Kept, first: str) -> Kept:
        kept = kept if kept.refresh else Kept(refresh=first)
        now = self._now()
        if kept.ends - now >= _EARLY_SECONDS or kept.leased_until > now:
            return msgspec.structs.replace(kept, leased_by="" if kept.leased_by == self._me else kept.leased_by)
        return msgspec.structs.replace(kept, leased_until=now + _LEASE_SECONDS, leased_by=self._me)

    async def _refreshed(self, grant: str, known: Kept) -> Kept:
        try:
            new = await self._asked(known.refresh)
        except (Rejected, Unavailable) as error:
            wait = _REFUSED_SECONDS if isinstance(error, Rejected) else 0.0
            self.note = error.reason
            telemetry.warned("token not refreshed", channel=self._channel, reason=error.reason)
            until = self._now() + wait
            return await self._change(
                grant, lambda kept: msgspec.structs.replace(kept, leased_until=until, leased_by="")
            )
        self.note = ""
        made = Kept(refresh=new.refresh_token or known.refresh, access=new.access_token, ends=self._ends(new))
        return await self._put(grant, known, made)

    async def _put(self, grant: str, known: Kept, made: Kept) -> Kept:
        """Keeps what came, if need be again and again: nobody else can get it a second time."""

        def kept(there: Kept) -> Kept:
            return made if there.refresh == known.refresh else there

        for tries in range(_KEEPING_TRIES):
            try:
                return await self._change(grant, kept)
            except Unavailable:
                await asyncio.sleep(_KEEPING_SECONDS * 2**tries)
        return await self._change(grant, kept)

    async def _asked(self, refresh: str) -> _New:
        # Importing it takes a while; many instances never ask.
        import aiohttp

        client = self._client
        form = {"grant_type": "refresh_token", "refresh_token": refresh}
        if not client.secret:
            form["client_id"] = client.id
        seconds = client.timeout_seconds
        timeout = aiohttp.ClientTimeout(total=3 * seconds, sock_connect=seconds, sock_read=seconds)
        headers = {"Authorization": aiohttp.encode_basic_auth(client.id, client.secret)} if client.secret else {}
        url = f"{client.api_url.rstrip('/')}/2/oauth2/token"
        try:
            async with (
                aiohttp.ClientSession(timeout=timeout, headers=headers) as session,
                session.post(url, data=form, allow_redirects=False) as answer,
            ):
                body = await answer.read()
        except (aiohttp.ClientError, TimeoutError) as error:
            raise Unavailable(f"X did not refresh the token: {type(error).__name__}") from error
        if answer.status == 429 or answer.status >= 500:
            raise Unavailable(f"X answered {answer.status} when a token was to be refreshed")
        try:
            return _new(answer.status, body)
        except (msgspec.DecodeError, ValueError) as error:
            raise Rejected("X refreshed a token with what cannot be read") from error

    async def _change(self, grant: str, how: Callable[[Kept], Kept]) -> Kept:
        memory, seal = self._memory(), self._seal()

        def changed(text: str) -> str:
            return _closed(how(_opened(text, seal)), seal)

        if memory is None:
            self._own[grant] = text = changed(self._own.get(grant, ""))
        else:
            text = await asyncio.to_thread(memory.change, f"{self._channel} token {grant}", changed)
        return _opened(text, seal)

    def _ends(self, new: _New) -> float:
        return self._now() + new.expires_in

    def _now(self) -> float:
        return self._clock().astimezone(UTC).timestamp()


def _new(status: int, body: bytes) -> _New:
    if status != 200:
        raise Rejected(
            f"X refused to refresh a token ({status}): grant a new one, see docs/channels/x.md", status=status
        )
    return msgspec.json.decode(body, type=_New)


def _opened(text: str, seal: Seal | None) -> Kept:
    """Returns what was kept; nothing when it cannot be read: then the token of the environment begins anew."""
    try:
        plain = base64.b64decode(text, validate=True)
        return msgspec.json.decode(seal.open(plain) if seal else plain, type=Kept) if text else Kept()
    except (Rejected, ValueError, msgspec.DecodeError):
        return Kept()


def _closed(kept: Kept, seal: Seal | None) -> str:
    plain = msgspec.json.encode(kept)
    return base64.b64encode(seal.seal(plain) if seal else plain).decode()
