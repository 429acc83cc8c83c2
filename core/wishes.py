"""For how long another side wants to be left alone, as it says over HTTP."""

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

# No date of HTTP is longer, and nobody can mean more than a week.
_MOST_CHARACTERS, _MOST_SECONDS = 40, 604_800.0


def wished_seconds(text: str, now: datetime) -> float | None:
    """Returns the seconds of a Retry-After, which names them or a date; None when it says none that can be meant. A
    date that is over is 0."""
    text = text.strip()
    if not text.isascii() or len(text) > _MOST_CHARACTERS:
        return None
    try:
        seconds = float(text) if text.isdigit() else _until(text, now)
    except (ValueError, OverflowError):
        return None
    return seconds if seconds <= _MOST_SECONDS else None


def _until(text: str, now: datetime) -> float:
    at = parsedate_to_datetime(text)
    return max(0.0, (at.replace(tzinfo=at.tzinfo or UTC) - now).total_seconds())
