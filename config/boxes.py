"""Rows that hold for a time: from which instant and until which."""

from datetime import datetime, time, timedelta

from config.schema import Moment, Rule
from config.tables import Tables
from core.clock import SEOUL


def box_of(rule: Rule) -> tuple[datetime | None, datetime | None]:
    """Returns the first instant at which the row applies and the first at which it no longer does."""
    ends = rule.until
    if ends is not None and not isinstance(ends, datetime):
        # The last day counts whole.
        ends = ends + timedelta(days=1)
    return _instant(rule.begins), _instant(ends)


def past(tables: Tables, now: datetime) -> list[str]:
    """Returns a note for each rule and each answer whose time is over."""
    today = now.astimezone(SEOUL).date()
    rules = [
        f"{entry.at('until')}: was until {entry.item.until} and applies no more. Remove it, or move until."
        for entry in tables.rules
        if (ends := box_of(entry.item)[1]) and ends <= now
    ]
    answers = [
        f"{entry.at('valid_until')}: held until {entry.item.valid_until} and answers nobody since. Renew or remove it."
        for entry in tables.faqs
        if entry.item.valid_until and entry.item.valid_until < today
    ]
    return [*rules, *answers]


def _instant(moment: Moment | None) -> datetime | None:
    if moment is None:
        return None
    if not isinstance(moment, datetime):
        return datetime.combine(moment, time(), SEOUL)
    return moment if moment.tzinfo else moment.replace(tzinfo=SEOUL)
