"""Channels that may be broken without an error anywhere: nothing comes any more, or what opens them ends soon."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import date, datetime, timedelta
from typing import Any

from cases.places import Places
from connectors.base import Connector
from core import telemetry
from core.clock import SEOUL, Clock
from core.errors import Unavailable

_LOOK_SECONDS = 60.0
_TOLD_DAYS = 30


class Alarms:
    """Looks once a minute; what is wrong stands in `degraded`, for the readiness page, and in the metrics.

    When a channel was heard last is kept in the case store: any process may have taken the message in.
    """

    def __init__(
        self,
        parts: Mapping[str, Connector[Any]],
        places: Places,
        degraded: dict[str, str],
        machine: Clock,
        sending: Mapping[str, Connector[Any]] | None = None,
    ) -> None:
        """`parts` are listened to; those that only send may cost something, too."""
        self._parts = parts
        self._sending = sending or parts
        self._places = places
        self._degraded = degraded
        self._machine = machine
        self._begun = machine()
        self._heard: dict[str, datetime] = {}

    def hear(self, channel: str) -> None:
        """Notes that something came; called for every message."""
        self._heard[channel] = self._machine()

    async def watch(self) -> None:
        # What has been spent is known from the first moment: a metric that is not there warns nobody.
        await self._patiently(self.look_at_money)
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            await self._patiently(self.look)

    async def _patiently(self, look: Callable[[], Awaitable[None]]) -> None:
        try:
            await look()
        except Unavailable as error:
            telemetry.waiting(part="alarms", reason=error.reason, seconds=_LOOK_SECONDS)

    async def look_at_money(self) -> None:
        """Tells what each channel has cost; as the case store has it, where all processes meet."""
        for name, part in self._sending.items():
            if (money := await asyncio.to_thread(part.spent)) is not None:
                telemetry.spent(channel=name, dollars=money[0], most_dollars=money[1])

    async def look(self) -> None:
        """Raises `Unavailable` when the case store cannot be asked."""
        await self.look_at_money()
        for name, part in self._parts.items():
            settings = part.settings
            silent = await self._silence(name, settings.silent_hours) if settings.silent_hours else ""
            self._tell(f"connectors.{name}.silent", silent)
            self._tell(f"connectors.{name}.secrets", self._expiry(name, settings.secrets_expire))

    async def _silence(self, name: str, hours: float) -> str:
        heard = self._heard.pop(name, None)
        last = await asyncio.to_thread(self._last, name, heard)
        silent = self._machine() - last
        telemetry.silent(channel=name, seconds=silent.total_seconds())
        if silent < timedelta(hours=hours):
            return ""
        return f"nothing came for {_span(silent)}; look whether the provider still sends"

    def _last(self, name: str, heard: datetime | None) -> datetime:
        """Returns when any process heard it last; nobody knows of a time before the first look."""
        noted = self._places.noted(f"heard:{name}")
        last = max(filter(None, (heard, datetime.fromisoformat(noted) if noted else None)), default=self._begun)
        if last.isoformat() != noted:
            self._places.note(f"heard:{name}", last.isoformat())
        return last

    def _expiry(self, name: str, ends: date | None) -> str:
        if ends is None:
            return ""
        days = (ends - self._machine().astimezone(SEOUL).date()).days
        telemetry.expires(channel=name, days=days)
        if days > _TOLD_DAYS:
            return ""
        when = f"end in {days} days, on {ends}" if days > 0 else f"ended on {ends}"
        return f"its secrets {when}; renew them at the provider, then secrets_expire"

    def _tell(self, what: str, why: str) -> None:
        if why:
            self._degraded[what] = why
        else:
            self._degraded.pop(what, None)


def _span(time: timedelta) -> str:
    minutes = time.total_seconds() / 60
    return f"{minutes / 60:.0f} h" if minutes >= 60 else f"{minutes:.0f} min"
