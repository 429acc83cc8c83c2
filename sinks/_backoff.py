"""How long an outgoing message that failed waits: settings that everybody reads, with nothing to be sent."""

import random

from pydantic import Field

from core.settings import Settings

# So long one message waits at most because its provider wishes it; how long its channel is quiet, `_turns` bounds.
_LONGEST_WISH_SECONDS = 86_400.0


class Backoff(Settings):
    """How long to wait before the next try, and when to give up."""

    first_seconds: float = Field(default=5, gt=0)
    """Wait after the first failed try; each further one is twice as long."""
    most_seconds: float = Field(default=3600, gt=0)
    """The longest wait between two tries."""
    most_tries: int = Field(default=60, ge=1)
    """After so many tries a person has to look."""
    most_hours: float = Field(default=72, gt=0)
    """So long after the first try a person has to look."""
    side_by_side: int = Field(default=256, ge=1)
    """How many replies of one channel are on their way at once."""
    patience_seconds: float = Field(default=1, ge=0)
    """How long what comes next waits for the answers of a channel; a slower one goes its own way."""
    try_seconds: float = Field(default=120, gt=0)
    """The longest that one try may take, whatever the channel says."""

    def wait_seconds(self, tries: int, wished: float | None) -> float:
        """Returns the wait after so many tries: growing, never in step with others, not below the wish of a day at
        most: who wishes for a year is asked tomorrow."""
        grown = min(self.most_seconds, self.first_seconds * 2.0 ** min(tries - 1, 32))
        return max(min(wished or 0, _LONGEST_WISH_SECONDS), grown * random.uniform(0.5, 1.0))
