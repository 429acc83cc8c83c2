"""Knows how far the groups are behind, and whether the cluster answers, without anybody asking."""

import asyncio
import math
from collections.abc import Awaitable, Callable

from aiokafka.errors import KafkaError

from core import telemetry
from core.errors import Unavailable
from streams._access import Access
from streams._backlog import Backlog
from streams._cluster import Cluster, Stands, lags_of
from streams._sending import Patience

_SECONDS, _PAUSE_SECONDS = 1.0, 0.2
# So long after the cluster could not be reached every reader is looked at with more doubt.
_DOUBT_SECONDS = 60.0
# Is told where the groups stand, and whether there was trouble with the cluster a while ago.
Watch = Callable[[Stands, bool], Awaitable[None]]


class Look:
    """Looks once a second from `begin` to `end`; who asks for the lags more often gets a look of its own."""

    def __init__(self, access: Access, cluster: Cluster, backlog: Backlog, patience: Patience) -> None:
        self._access = access
        self._cluster = cluster
        self._backlog = backlog
        self._patience = patience
        self._stands: Stands = {}
        self._looked_at = -math.inf
        self._asking = asyncio.Lock()
        self._looking: asyncio.Task[None] | None = None

    async def first(self) -> None:
        """A cluster that has just begun makes its own topics at the first question."""
        deadline = asyncio.get_running_loop().time() + self._patience.seconds
        while True:
            try:
                return self._backlog.look(await self._cluster.lags())
            except KafkaError as error:
                if not error.retriable or asyncio.get_running_loop().time() > deadline:
                    raise
            await asyncio.sleep(_PAUSE_SECONDS)

    def begin(self, watch: Watch) -> None:
        self._looking = asyncio.create_task(self._for_ever(watch), name="kafka")
        self._looking.add_done_callback(lambda looking: self._ended(looking, watch))

    async def end(self) -> None:
        looking, self._looking = self._looking, None
        if looking is not None:
            looking.cancel()
            await asyncio.gather(looking, return_exceptions=True)

    async def lags(self) -> dict[str, int]:
        """Returns for each group how many records it has before it."""
        self._stands = await self._patience.finished(self._cluster.stands())
        self._looked_at = asyncio.get_running_loop().time()
        lags = lags_of(self._stands)
        self._backlog.look(lags)
        return lags

    def forget(self) -> None:
        """What was seen is of a reader that has ended."""
        self._stands, self._looked_at = {}, -math.inf

    def take(self, count: int) -> None:
        """So many records came in since."""
        self._backlog.take(count)

    async def hold_back(self) -> None:
        """Raises `Unavailable` when what comes from outside must wait for those who work on it."""
        if self._backlog.over():
            # Of many that knock at once one asks: else the backlog would be asked after by every message.
            async with self._asking:
                if self._backlog.over():
                    await self.lags()
        if group := self._backlog.over():
            behind = self._backlog.lags[group]
            raise Unavailable(f"backlog: {group} has {behind} records before it; try again", retry_after_seconds=1)

    async def _for_ever(self, watch: Watch) -> None:
        loop = asyncio.get_running_loop()
        trouble_at = -_DOUBT_SECONDS
        while True:
            await asyncio.sleep(_SECONDS)
            try:
                # Who shows the lags to people asks as often: one look serves both.
                if loop.time() - self._looked_at >= _SECONDS:
                    await self.lags()
                await watch(self._stands, loop.time() - trouble_at < _DOUBT_SECONDS)
            except Unavailable as error:
                trouble_at = loop.time()
                if why := await self._access.cause():
                    self._patience.failed(why)
                telemetry.waiting(part="stream", reason=self._patience.trouble or error.reason, seconds=_SECONDS)

    def _ended(self, looking: asyncio.Task[None], watch: Watch) -> None:
        """It ended by a fault that nobody thought of: it is said, and another one begins."""
        if looking.cancelled() or looking is not self._looking:
            return
        error = type(looking.exception()).__name__
        self._patience.failed(f"the look at it ended by itself: {error}")
        telemetry.warned("a part ended by itself", part=looking.get_name(), error=error)
        self.begin(watch)
