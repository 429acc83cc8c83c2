"""When a channel may be asked again: its measure, its provider's wish, and caution with one that fails.

`now` are seconds of any clock that goes on. What stands here is this process's own: of several that send by one channel
each keeps to its part, and after a restart a provider that remembers longer than we do says so itself.
"""

import math
from collections import deque

from core.errors import Waits
from core.reply import Pace

# So many failures in a row, and the provider is taken for away: then one message at a time asks whether it is back.
_FAILURES = 3
_FIRST_LOOK_SECONDS, _LONGEST_LOOK_SECONDS = 5.0, 300.0
# Whatever a provider says, a channel is quiet for no longer: then one message asks whether it still means it. That
# message itself waits for the wish, up to the day of `_backoff`.
_LONGEST_QUIET_SECONDS = 3_600.0
# Those who wait come back one after the other, so far apart, and not all at once.
APART_SECONDS, LONGEST_LINE_SECONDS = 0.05, 900.0
_SHORTEST_WAIT_SECONDS = 0.2
_HOUR_SECONDS, _DAY_SECONDS = 3_600.0, 86_400.0
# How many may be on their way at once; each that comes back well lets twice as many go, each that fails half.
_FIRST_AT_ONCE, _MOST_AT_ONCE = 8, 64
_MOST_REMEMBERED = 50_000


class Turns:
    """Says which message may go now, and how long another has to wait."""

    def __init__(self, pace: Pace) -> None:
        self._rate = _Rate(pace)
        self._apart = _Apart(pace.each_seconds)
        self._day = _Day(pace.a_day)
        self._failures = 0
        self._quiet_until = -math.inf
        self._why = ""
        self._in_line = 0
        self._at_once = _FIRST_AT_ONCE
        self._on_their_way = 0

    def divide(self, count: int) -> None:
        """So many processes send by this channel: each takes its part. Nobody knows for whom another one wrote last."""
        self._rate.divide(count)
        self._day.divide(count)

    @property
    def is_away(self) -> bool:
        return self._failures >= _FAILURES

    @property
    def has_room(self) -> bool:
        return self._on_their_way < (1 if self.is_away else self._at_once)

    @property
    def why(self) -> str:
        """Why the provider is left alone, "" while it is not."""
        return self._why

    def take(self, row: str, to: str, now: float) -> None:
        """Takes a turn; raises `Waits` when there is none for it yet."""
        if now < self._quiet_until:
            raise self._wait_in_line(self._quiet_until - now, self._why)
        if not self.has_room:
            away = self.is_away
            raise self._wait_in_line(_FIRST_LOOK_SECONDS if away else 0.0, self._why or "enough are on their way")
        for left, reason in (
            (self._apart.left(to, now), "one after the other to the same address"),
            (self._day.left(now), "the day's measure of the channel is full"),
            (self._rate.left(row, now), "the channel's measure is full"),
        ):
            if left > 0:
                raise Waits(reason, retry_after_seconds=max(left, _SHORTEST_WAIT_SECONDS))
        self._apart.sent(to, now)
        self._day.sent(now)
        self._on_their_way += 1

    def ended(self) -> None:
        self._on_their_way -= 1

    def worked(self) -> None:
        """The provider answered, whatever it said about this message."""
        self._failures = self._in_line = 0
        self._why = ""
        self._at_once = min(self._at_once * 2, _MOST_AT_ONCE)

    def failed(self, now: float, wish: float | None, reason: str) -> float:
        """The provider could not, or said nothing; returns for how many seconds it is left alone."""
        self._failures += 1
        self._at_once = max(1, self._at_once // 2)
        seconds = min(wish or 0.0, _LONGEST_QUIET_SECONDS)
        if self.is_away:
            grown = _FIRST_LOOK_SECONDS * 2.0 ** min(self._failures - _FAILURES, 16)
            seconds = max(seconds, min(grown, _LONGEST_LOOK_SECONDS))
        if seconds <= 0:
            return 0.0
        self._at_once, self._in_line = 1, 0
        self._why = f"the channel is left alone: {reason}"
        self._quiet_until = max(self._quiet_until, now + seconds)
        return self._quiet_until - now

    def _wait_in_line(self, seconds: float, reason: str) -> Waits:
        self._in_line += 1
        behind = min(self._in_line * APART_SECONDS, LONGEST_LINE_SECONDS)
        return Waits(reason, retry_after_seconds=max(seconds + behind, _SHORTEST_WAIT_SECONDS))


class _Rate:
    """So many a second. Whoever has to wait is promised a time, and nobody who comes later is served before."""

    def __init__(self, pace: Pace) -> None:
        self._pace = pace
        self._tokens = max(float(pace.burst), 1.0)
        self.divide(1)
        self._filled_at = math.inf
        # When whoever comes next would have its time.
        self._next = -math.inf
        self._promised: dict[str, float] = {}

    def divide(self, count: int) -> None:
        self._a_second = self._pace.a_second / count
        # What came back together because a look at the outbox takes a moment may go together.
        self._most = max(self._pace.burst / count, self._a_second, 1.0)
        self._tokens = min(self._tokens, self._most)

    def left(self, row: str, now: float) -> float:
        """Returns 0 and takes a token, or how long it is until its time."""
        if not self._a_second:
            return 0.0
        self._fill(now)
        promised = self._promised.get(row)
        if promised is not None and now < promised:
            return promised - now
        self._promised.pop(row, None)
        if self._tokens >= 1 and (promised is not None or self._next <= now):
            self._tokens -= 1
            return 0.0
        at = max(self._next, now + (1 - min(self._tokens, 1.0)) / self._a_second)
        self._next = at + 1 / self._a_second
        self._promise(row, at, now)
        return at - now

    def _fill(self, now: float) -> None:
        since = max(0.0, now - self._filled_at)
        self._filled_at = now
        if since:
            self._tokens = min(self._most, self._tokens + since * self._a_second)

    def _promise(self, row: str, at: float, now: float) -> None:
        if len(self._promised) >= _MOST_REMEMBERED:
            # What did not come for its time was taken back meanwhile.
            self._promised = {name: when for name, when in self._promised.items() if now - when < _HOUR_SECONDS}
        self._promised[row] = at


class _Apart:
    """So much time between two messages to one address."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._last: dict[str, float] = {}

    def left(self, to: str, now: float) -> float:
        return self._last[to] + self._seconds - now if to in self._last else 0.0

    def sent(self, to: str, now: float) -> None:
        if not self._seconds:
            return
        if len(self._last) >= _MOST_REMEMBERED:
            self._last = {one: at for one, at in self._last.items() if now - at < self._seconds}
        self._last[to] = now


class _Day:
    """So many within any 24 hours, counted by the hour."""

    def __init__(self, most: int) -> None:
        self._whole = self._most = most
        self._hours: deque[tuple[float, int]] = deque()

    def divide(self, count: int) -> None:
        self._most = max(1, self._whole // count) if self._whole else 0

    def left(self, now: float) -> float:
        while self._hours and self._over(self._hours[0][0]) <= now:
            self._hours.popleft()
        if not self._most or sum(count for _, count in self._hours) < self._most:
            return 0.0
        return self._over(self._hours[0][0]) - now

    def sent(self, now: float) -> None:
        if self._most and self._hours and now - self._hours[-1][0] < _HOUR_SECONDS:
            begun, count = self._hours.pop()
            self._hours.append((begun, count + 1))
        elif self._most:
            self._hours.append((now, 1))

    @staticmethod
    def _over(begun: float) -> float:
        """Returns when nothing of an hour is within the last 24 any more."""
        return begun + _HOUR_SECONDS + _DAY_SECONDS
