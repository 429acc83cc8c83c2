"""How long an outgoing message that failed waits: settings that everybody reads, with nothing to be sent."""

import random

from pydantic import Field

from core.settings import Settings


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
    """How many replies are on their way at once."""
    try_seconds: float = Field(default=120, gt=0)
    """The longest that one try may take, whatever the channel says."""

    def wait_seconds(self, tries: int, wished: float | None) -> float:
        """Returns the wait after so many tries: growing, never in step with others, never below the wish."""
        grown = min(self.most_seconds, self.first_seconds * 2.0 ** min(tries - 1, 32))
        return max(wished or 0, grown * random.uniform(0.5, 1.0))
