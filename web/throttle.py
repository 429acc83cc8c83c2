"""How often something may be tried: bounds in memory, for guesses and for who asks too much."""

import math
import time
from collections import OrderedDict, deque
from ipaddress import ip_address

from starlette.requests import Request

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


class Rate:
    """Allows `most` calls a key in every stretch of `seconds`, 0: as many as there are. Counts, and keeps no times: of
    one key thousands cost what one does. Whoever comes when too many keys are known is let in."""

    def __init__(self, *, most: int, seconds: float) -> None:
        self._most = most
        self._seconds = seconds
        self._began = -math.inf
        self._counts: dict[str, int] = {}

    def wait(self, key: str, *, now: float | None = None) -> float:
        """Counts a call; returns 0 when it is allowed, else in how many seconds the next one is."""
        moment = time.monotonic() if now is None else now
        if moment - self._began >= self._seconds:
            self._began, self._counts = moment, {}
        if self._most == 0 or (key not in self._counts and len(self._counts) >= _MOST_KEYS):
            return 0.0
        self._counts[key] = min(self._counts.get(key, 0), self._most) + 1
        return self._began + self._seconds - moment if self._counts[key] > self._most else 0.0


def caller(request: Request) -> str:
    """Returns the address that asks. Behind a proxy in our own network it is the one that the proxy saw."""
    peer = request.client.host if request.client else ""
    seen = request.headers.get("x-forwarded-for", "").rpartition(",")[2].strip()
    try:
        return str(ip_address(seen)) if seen and ip_address(peer).is_private else peer
    except ValueError:
        return peer
