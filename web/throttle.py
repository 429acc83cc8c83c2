"""How often something may be tried: a bound in memory, for guesses."""

import time
from collections import OrderedDict, deque

_MOST_KEYS = 10_000


class Throttle:
    """Allows `most` tries a key within `seconds`; forgets the keys that were used longest ago."""

    def __init__(self, *, most: int, seconds: float) -> None:
        self._most = most
        self._seconds = seconds
        self._tries: OrderedDict[str, deque[float]] = OrderedDict()

    def allows(self, key: str, *, now: float | None = None) -> bool:
        """Counts a try; `now` is in seconds of any steady clock."""
        moment = time.monotonic() if now is None else now
        tries = self._tries.setdefault(key, deque(maxlen=self._most))
        self._tries.move_to_end(key)
        while len(self._tries) > _MOST_KEYS:
            self._tries.popitem(last=False)
        while tries and moment - tries[0] > self._seconds:
            tries.popleft()
        if len(tries) == self._most:
            return False
        tries.append(moment)
        return True
