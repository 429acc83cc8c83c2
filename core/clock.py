"""What time the business rules see: the machine's clock, or a rehearsal's."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

SEOUL = ZoneInfo("Asia/Seoul")
Clock = Callable[[], datetime]


def machine_clock() -> datetime:
    return datetime.now(UTC)


def parse_instant(text: str) -> datetime:
    """Returns the instant that an ISO 8601 text names; without a zone it is Asia/Seoul. Raises ValueError."""
    moment = datetime.fromisoformat(text)
    return moment.replace(tzinfo=SEOUL) if moment.tzinfo is None else moment


def rehearsal_clock(begin: datetime, *, frozen: bool) -> Clock:
    """Returns a clock that shows `begin` now and runs on from there, or stands still."""
    if frozen:
        return lambda: begin
    started = time.monotonic()
    return lambda: begin + timedelta(seconds=time.monotonic() - started)
