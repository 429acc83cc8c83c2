"""What X lets one account send: so many posts and messages in 15 minutes, so many messages in a day."""

import time
from collections import deque
from collections.abc import Callable
from typing import Literal

from core.errors import Waits

What = Literal["post", "message"]
# How many, in how many seconds.
_LIMITS: dict[What, tuple[tuple[int, float], ...]] = {
    "post": ((100, 900.0),),
    "message": ((15, 900.0), (1_440, 86_400.0)),
}


class Windows:
    """Counts what this process sent. Others that send for the account are not seen: then X itself says that it is
    too much."""

    def __init__(self, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._sent: dict[tuple[str, What], deque[float]] = {}

    def take(self, account: str, what: What) -> None:
        """Counts one more; raises `Waits` when X would refuse it now."""
        now, limits = self._monotonic(), _LIMITS[what]
        sent = self._sent.setdefault((account, what), deque(maxlen=limits[-1][0]))
        left = max(sent[-most] + seconds - now if len(sent) >= most else 0.0 for most, seconds in limits)
        if left > 0:
            raise Waits(f"{account} has sent as many as X allows", retry_after_seconds=left)
        sent.append(now)
