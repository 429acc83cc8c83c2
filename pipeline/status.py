"""How it goes: the status line, readiness, and the lag gauges, from one look at the engines."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Generic, Protocol, TypeVar

import msgspec

from core import telemetry
from core.errors import Unavailable
from streams.base import Stream

_LOOK_SECONDS = 1.0
# A look at an engine that is away takes long; what stands here must not be old when it is back.
_LONGEST_SECONDS = 15.0
# Groups without which nobody is answered; index and archive may catch up when they can.
_NEEDED = frozenset({"router", "cases", "reply"})
_SAY_SECONDS = 5.0

T = TypeVar("T")


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """One look. `trouble` names what does not answer; `counts` are the case store's, `lags` by group; `dead` are parked
    messages, without the letters that `counts` has as `failed`."""

    lags: Mapping[str, int] = {}
    counts: Mapping[str, int] = {}
    dead: int = 0
    trouble: Mapping[str, str] = {}

    def line(self) -> str:
        """Returns the line that `make run` shows; what wants a person stands in capitals."""
        counts = self.counts
        calm = f"open {counts.get('open', 0)} · waiting in the stream {sum(self.lags.values())}"
        wanted = {
            "triage without owner": counts.get("triage", 0),
            "undeliverable": counts.get("undeliverable", 0),
            "not delivered": counts.get("failed", 0),
            "uncertain": counts.get("uncertain", 0),
            "overdue": counts.get("overdue", 0),
            "dead letters": self.dead,
        }
        loud = [f"{name.upper()} {count}" for name, count in wanted.items() if count]
        loud += [f"{part.upper()}: {why}" for part, why in self.trouble.items()]
        return " · ".join([calm, *loud])


class Other(Protocol):
    """Another process of this instance: whether it works, and what in it does not."""

    is_ready: bool
    degraded: dict[str, str]


class _Question(Generic[T]):
    """Asks an engine one thing at a time: whoever asks while it has not answered waits for the same answer, so that
    nothing gathers before an engine that hangs."""

    def __init__(self, ask: Callable[[], Awaitable[T]]) -> None:
        self._ask = ask
        self._asked: asyncio.Future[T] | None = None

    async def answer(self, within: float) -> T:
        """Returns the answer; raises `Unavailable` when there is none in so many seconds."""
        asked = self._asked
        if asked is None or asked.done():
            self._asked = asked = asyncio.ensure_future(self._ask())
            # Nobody may be left to hear why it failed.
            asked.add_done_callback(lambda ended: ended.cancelled() or ended.exception())
        done, _ = await asyncio.wait([asked], timeout=within)
        if not done:
            raise Unavailable(f"no answer within {within:g} s: it is locked, overloaded or away")
        return asked.result()


class Status:
    """Looks once a second and keeps what it saw; says the line when it changed."""

    def __init__(
        self,
        stream: Stream,
        counts: Callable[[], Mapping[str, int]],
        *,
        lag_limit: int,
        say: Callable[[str], None],
        answer_seconds: float = 2.0,
    ) -> None:
        """`counts` asks the case store; it is called in a thread, and raises `Unavailable`. Who asks whether we are
        ready hears after `answer_seconds` at the latest, whatever an engine does; the status line may wait longer."""
        self._stream = stream
        self._lag_limit = lag_limit
        self._answer_seconds = answer_seconds
        self._say = say
        self._said = ("", 0.0)
        self._lags = _Question(self._ask_stream)
        self._counts = _Question(lambda: asyncio.to_thread(counts))
        self.snapshot = Snapshot()
        # A part that runs but cannot work puts its name and the reason here.
        self.degraded: dict[str, str] = {}
        self.back: Other | None = None

    async def watch(self) -> None:
        while True:
            begun = time.monotonic()
            self.snapshot = await self._look(_LONGEST_SECONDS)
            for group, lag in self.snapshot.lags.items():
                telemetry.lagging(group=group, records=lag)
            self._say_if_new()
            await asyncio.sleep(_rest(time.monotonic() - begun))

    async def readiness(self) -> tuple[bool, Mapping[str, Any]]:
        """Returns whether every needed engine answers and the lag is in bounds, with the details; soon in any case."""
        seen = self.snapshot = await self._look(self._answer_seconds)
        behind = {group: f"{lag} records behind" for group, lag in seen.lags.items() if lag > self._lag_limit}
        away = {"back office": "not ready"} if self.back is not None and not self.back.is_ready else {}
        trouble = {**away, **seen.trouble, **{group: why for group, why in behind.items() if group in _NEEDED}}
        attention = {**seen.counts, "dead": seen.dead}
        late = {group: why for group, why in behind.items() if group not in _NEEDED}
        degraded = {**late, **self.degraded, **(self.back.degraded if self.back else {})}
        return not trouble, {"trouble": trouble, "degraded": degraded, "lag": seen.lags, "attention": attention}

    async def _look(self, within: float) -> Snapshot:
        trouble: dict[str, str] = {}
        nothing: tuple[Mapping[str, int], int] = ({}, 0)
        if self._stream.trouble:
            trouble["stream"] = self._stream.trouble
        (lags, dead), counts = await asyncio.gather(
            _unless(trouble, "stream", self._lags.answer(within), nothing),
            _unless(trouble, "cases", self._counts.answer(within), {}),
        )
        # A letter that was given up is parked, too: it is one thing to look at, and counted as not delivered.
        letters = counts.get("parked", 0)
        counts = {name: count for name, count in counts.items() if name != "parked"}
        return Snapshot(lags=lags, counts=counts, dead=max(0, dead - letters), trouble=trouble)

    async def _ask_stream(self) -> tuple[Mapping[str, int], int]:
        return await self._stream.lags(), await self._stream.parked_count()

    def _say_if_new(self) -> None:
        line, (said, when) = self.snapshot.line(), self._said
        if line != said and time.monotonic() - when >= _SAY_SECONDS:
            self._said = (line, time.monotonic())
            self._say(line)


async def _unless(trouble: dict[str, str], part: str, asked: Awaitable[T], nothing: T) -> T:
    """Returns the answer; `nothing` when there is none, and why in `trouble`."""
    try:
        return await asked
    except Unavailable as error:
        trouble[part] = error.reason
        return nothing


def _rest(took: float) -> float:
    """Returns for how long to look away: counting costs more the more there is; it may take a twentieth of the time."""
    return min(max(_LOOK_SECONDS, 20 * took), _LONGEST_SECONDS)
