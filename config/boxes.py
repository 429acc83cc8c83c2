"""Rows that hold for a time: from which instant and until which."""

from collections.abc import Sequence
from datetime import datetime, time, timedelta

from config.schema import Moment, Rule
from config.tables import Entry
from core.clock import SEOUL


def box_of(rule: Rule) -> tuple[datetime | None, datetime | None]:
    """Returns the first instant at which the row applies and the first at which it no longer does."""
    ends = rule.until
    if ends is not None and not isinstance(ends, datetime):
        # The last day counts whole.
        ends = ends + timedelta(days=1)
    return _instant(rule.begins), _instant(ends)


def past(entries: Sequence[Entry[Rule]], now: datetime) -> list[str]:
    """Returns a note for each row whose time is over."""
    return [
        f"{entry.at('until')}: was until {entry.item.until} and applies no more. Remove it, or move until."
        for entry in entries
        if (ends := box_of(entry.item)[1]) and ends <= now
    ]


def _instant(moment: Moment | None) -> datetime | None:
    if moment is None:
        return None
    if not isinstance(moment, datetime):
        return datetime.combine(moment, time(), SEOUL)
    return moment if moment.tzinfo else moment.replace(tzinfo=SEOUL)
