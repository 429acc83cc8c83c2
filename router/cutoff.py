"""The promise of the same day: when the answer to a simple question goes out."""

from datetime import datetime
from typing import Literal

from core.calendar import Calendar
from core.clock import SEOUL

AfterCutoff = Literal["acknowledge", "answer"]


def answer_at(
    received_at: datetime, calendar: Calendar, *, after_cutoff: AfterCutoff, anytime: bool = False
) -> datetime:
    """Returns when a simple question that was received then is answered, in Asia/Seoul.

    At once on a working day strictly before closing time, also before opening; else at the next opening, unless
    `after_cutoff` is "answer" or the question is answered at any hour.
    """
    local = received_at.astimezone(SEOUL)
    if anytime or after_cutoff == "answer":
        return local
    if calendar.is_working_day(local.date()) and local.time() < calendar.closes:
        return local
    return calendar.next_opening(local)
