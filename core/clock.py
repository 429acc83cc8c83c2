"""What time the business rules see: the machine's clock, or a rehearsal's."""

import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from core.errors import ConfigError

SEOUL = ZoneInfo("Asia/Seoul")
Clock = Callable[[], datetime]


def machine_clock() -> datetime:
    return datetime.now(UTC)


def parse_instant(text: str) -> datetime:
    """Returns the instant that an ISO 8601 text names; without a zone it is Asia/Seoul. Raises ValueError."""
    moment = datetime.fromisoformat(text)
    return moment.replace(tzinfo=SEOUL) if moment.tzinfo is None else moment


class Rehearsal:
    """A clock that shows `begin` until `start` is called, and runs on from there, or stands still."""

    def __init__(self, begin: datetime, *, frozen: bool) -> None:
        self._begin = begin
        self._frozen = frozen
        self._started: float | None = None

    def start(self) -> None:
        """Lets the time run: called when the instance is ready."""
        if not self._frozen:
            self._started = time.monotonic()

    def __call__(self) -> datetime:
        if self._started is None:
            return self._begin
        return self._begin + timedelta(seconds=time.monotonic() - self._started)


def clock_of(environment: Mapping[str, str]) -> Clock:
    """Returns the clock of the business rules: the machine's, or with EUNGDAPSO_NOW a rehearsal's, not started."""
    begin = environment.get("EUNGDAPSO_NOW", "")
    if not begin:
        return machine_clock
    try:
        instant = parse_instant(begin)
    except ValueError as error:
        raise ConfigError(f"EUNGDAPSO_NOW: '{begin}' is no ISO 8601 time. For example 2026-11-23T17:59:59") from error
    return Rehearsal(instant, frozen=environment.get("EUNGDAPSO_CLOCK", "") == "frozen")
