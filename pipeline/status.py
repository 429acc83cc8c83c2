"""How it goes: the status line, readiness, and the lag gauges, from one look at the engines."""

import asyncio
import time
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import msgspec

from cases.store import CaseStore
from core import telemetry
from core.errors import Unavailable
from streams.base import Stream

_LOOK_SECONDS = 1.0
# A look at an engine that is away takes long; what stands here must not be old when it is back.
_LONGEST_SECONDS = 15.0
# Groups without which nobody is answered; index and archive may catch up when they can.
_NEEDED = frozenset({"router", "cases", "reply"})
_SAY_SECONDS = 5.0


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """One look. `trouble` names what does not answer; `counts` are the case store's, `lags` by group."""

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


class Status:
    """Looks once a second and keeps what it saw; says the line when it changed."""

    def __init__(self, stream: Stream, store: CaseStore, *, lag_limit: int, say: Callable[[str], None]) -> None:
        self._stream = stream
        self._store = store
        self._lag_limit = lag_limit
        self._say = say
        self._said = ("", 0.0)
        self.snapshot = Snapshot()
        # A part that runs but cannot work puts its name and the reason here.
        self.degraded: dict[str, str] = {}
        self.back: Other | None = None

    async def watch(self) -> None:
        while True:
            begun = time.monotonic()
            self.snapshot = await self._look()
            for group, lag in self.snapshot.lags.items():
                telemetry.lagging(group=group, records=lag)
            self._say_if_new()
            await asyncio.sleep(_rest(time.monotonic() - begun))

    async def readiness(self) -> tuple[bool, Mapping[str, Any]]:
        """Returns whether every needed engine answers and the lag is in bounds, with the details."""
        seen = self.snapshot = await self._look()
        behind = {group: f"{lag} records behind" for group, lag in seen.lags.items() if lag > self._lag_limit}
        away = {"back office": "not ready"} if self.back is not None and not self.back.is_ready else {}
        trouble = {**away, **seen.trouble, **{group: why for group, why in behind.items() if group in _NEEDED}}
        attention = {**seen.counts, "dead": seen.dead}
        late = {group: why for group, why in behind.items() if group not in _NEEDED}
        degraded = {**late, **self.degraded, **(self.back.degraded if self.back else {})}
        return not trouble, {"trouble": trouble, "degraded": degraded, "lag": seen.lags, "attention": attention}

    async def _look(self) -> Snapshot:
        trouble: dict[str, str] = {}
        lags: Mapping[str, int] = {}
        counts: Mapping[str, int] = {}
        dead = 0
        if self._stream.trouble:
            trouble["stream"] = self._stream.trouble
        try:
            lags = await self._stream.lags()
            dead = await self._stream.parked_count()
        except Unavailable as error:
            trouble["stream"] = error.reason
        try:
            counts = await asyncio.to_thread(self._store.views.counts)
        except Unavailable as error:
            trouble["cases"] = error.reason
        return Snapshot(lags=lags, counts=counts, dead=dead, trouble=trouble)

    def _say_if_new(self) -> None:
        line, (said, when) = self.snapshot.line(), self._said
        if line != said and time.monotonic() - when >= _SAY_SECONDS:
            self._said = (line, time.monotonic())
            self._say(line)


def _rest(took: float) -> float:
    """Returns for how long to look away: counting costs more the more there is; it may take a twentieth of the time."""
    return min(max(_LOOK_SECONDS, 20 * took), _LONGEST_SECONDS)
