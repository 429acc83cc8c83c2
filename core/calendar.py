"""Working hours and days in Seoul: Saturdays, public holidays and the operator's own days are no working days."""

from collections.abc import Container, Iterable, Iterator, Mapping
from datetime import date, datetime, time, timedelta

import holidays

from core.clock import SEOUL
from core.errors import ConfigError

_ONE_DAY = timedelta(days=1)
_WEEKEND = {5: "토요일", 6: "일요일"}


class Calendar:
    """Tells when the city works. All answers are in Asia/Seoul; every instant asked about needs a zone.

    `days_off` are the operator's own holidays with their names; `working_days` are worked whatever else is said.
    A year's public holidays are computed when the year is first asked for. May be used by several threads.
    """

    def __init__(
        self,
        *,
        opens: time = time(9),
        closes: time = time(18),
        lunch: tuple[time, time] | None = (time(12), time(13)),
        days_off: Mapping[date, str] | None = None,
        working_days: Iterable[date] = (),
    ) -> None:
        self.opens, self.closes = opens, closes
        self._shifts = _shifts(opens, closes, lunch)
        self._days_off = dict(days_off or {})
        self._working_days = frozenset(working_days)
        self._years: dict[int, dict[date, str]] = {}
        self._known: dict[date, bool] = {}
        self._nth: dict[tuple[date, int], date] = {}

    def warm(self) -> None:
        """Loads the public holidays' rules, which the first day that is asked about would else wait for."""
        holidays.country_holidays("KR", language="ko")

    def is_working_day(self, day: date) -> bool:
        known = self._known.get(day)
        if known is None:
            known = self._known[day] = not self.why_off(day)
        return known

    def why_off(self, day: date) -> str:
        """Returns why nobody works that day ("개천절 대체 휴일", "토요일"), "" for a working day."""
        if day in self._working_days:
            return ""
        return self._days_off.get(day) or self._public_holidays(day.year).get(day) or _WEEKEND.get(day.weekday(), "")

    def is_open(self, at: datetime) -> bool:
        """Whether `at` lies on a working day between opening and closing (strictly before); lunch is open."""
        local = _local(at)
        return self.opens <= local.time() < self.closes and self.is_working_day(local.date())

    def next_opening(self, at: datetime) -> datetime:
        """Returns the first instant from `at` on when the city works: `at` itself when open."""
        local = _local(at)
        if self.is_open(local):
            return local
        missed = local.time() >= self.opens
        return self.opening(self.add_working_days(local.date() + _ONE_DAY * missed, 1))

    def opening(self, day: date) -> datetime:
        return datetime.combine(day, self.opens, SEOUL)

    def closing(self, day: date) -> datetime:
        return datetime.combine(day, self.closes, SEOUL)

    def add_working_days(self, start: date, n: int, *, skip: Container[date] = ()) -> date:
        """Returns the n-th working day from `start` on, `start` included when it is one; `skip` does not count."""
        if not skip and (known := self._nth.get((start, n))):
            return known
        day, left = start - _ONE_DAY, n
        while left > 0:
            day += _ONE_DAY
            left -= self.is_working_day(day) and day not in skip
        if not skip:
            self._nth[start, n] = day
        return day

    def add_working_hours(self, at: datetime, hours: float) -> datetime:
        """Returns when `hours` of working time from `at` on are over; closing time is still the same day."""
        left = timedelta(hours=hours)
        if not left:
            return self.next_opening(at)
        for begin, end in self.working_time(at):
            if left <= end - begin:
                return begin + left
            left -= end - begin
        raise AssertionError("working time never ends")

    def working_time(self, at: datetime, *, skip: Container[date] = ()) -> Iterator[tuple[datetime, datetime]]:
        """Yields the stretches of working time from `at` on, without end; days in `skip` have none."""
        local = _local(at)
        day = local.date()
        while True:
            if self.is_working_day(day) and day not in skip:
                for begin, end in self._shifts:
                    start = max(datetime.combine(day, begin, SEOUL), local)
                    if start < (until := datetime.combine(day, end, SEOUL)):
                        yield start, until
            day += _ONE_DAY

    def _public_holidays(self, year: int) -> dict[date, str]:
        found = self._years.get(year)
        if found is None:
            # One object a year: a shared one that grows by itself shows half a year to a second thread.
            made = holidays.country_holidays("KR", years=year, language="ko")
            found = self._years[year] = {day: name for day, name in made.items() if day.year == year}
        return found


def _local(at: datetime) -> datetime:
    if at.tzinfo is None:
        raise ValueError(f"{at.isoformat()} has no zone")
    return at.astimezone(SEOUL)


def _shifts(opens: time, closes: time, lunch: tuple[time, time] | None) -> tuple[tuple[time, time], ...]:
    if opens >= closes:
        raise ConfigError(f"hours: opens {opens:%H:%M} is not before closes {closes:%H:%M}. Set opens to the earlier.")
    if lunch is None:
        return ((opens, closes),)
    if not opens < lunch[0] < lunch[1] < closes:
        raise ConfigError(
            f"hours: lunch {lunch[0]:%H:%M} to {lunch[1]:%H:%M} does not lie between opens {opens:%H:%M} and "
            f"closes {closes:%H:%M}. Mend it or leave lunch out."
        )
    return ((opens, lunch[0]), (lunch[1], closes))
