"""What X costs this month: counted over restarts, and the end of sending when the budget is spent."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal

import msgspec

from connectors._x_settings import XSettings
from connectors.base import Memory
from core import telemetry
from core.clock import Clock, machine_clock
from core.errors import Rejected


class Month(msgspec.Struct, frozen=True):
    """Of one month (UTC), in millionths of a dollar."""

    month: str = ""
    micros: int = 0


class Spent:
    """Counts in the case store, where all processes of the channel meet; without one, in this process.

    The month is by the machine's clock, as X's bill is.
    """

    def __init__(
        self, channel: str, settings: XSettings, memory: Callable[[], Memory | None], *, clock: Clock = machine_clock
    ) -> None:
        self._channel = channel
        self._most = settings.monthly_budget
        self._least = settings.prices.answer
        self._memory = memory
        self._clock = clock
        self._own = ""
        self._owed = Decimal(0)
        self._told = ""
        self._last = Month()

    @property
    def is_over(self) -> bool:
        """Whether not one more reply could be paid when it was last looked at."""
        return bool(self._most) and self._last.month == self._now() and self._dollars + self._least > self._most

    @property
    def note(self) -> str:
        return f"the monthly budget of {self._most} dollars is spent: nothing is sent" if self.is_over else ""

    def owe(self, dollars: Decimal) -> None:
        """Remembers what is to be counted with the next thing that is."""
        self._owed += dollars

    async def count(self, dollars: Decimal = Decimal(0)) -> None:
        """Counts what was bought, and what is owed."""
        total, self._owed = dollars + self._owed, Decimal(0)
        try:
            await self._change(total)
        except BaseException:
            self._owed += total
            raise

    async def reserve(self, dollars: Decimal) -> None:
        """Counts what is about to be bought; raises `Rejected` when the budget does not have it, `Unavailable`."""
        if not await self._change(dollars, within=self._most):
            self._tell(is_over=True)
            raise Rejected("monthly budget is spent")

    async def give_back(self, dollars: Decimal) -> None:
        """Takes back what was not bought after all."""
        await self._change(-dollars)

    async def affords_links(self) -> bool:
        """Whether there is so much left that addresses may be spent on: half of the month's budget."""
        await self._change(Decimal(0))
        return not self._most or self._dollars * 2 <= self._most

    def known(self) -> tuple[float, float]:
        """Returns what all processes have bought this month and what they may (0: as much as they like), in dollars;
        used from threads. Raises `Unavailable`."""
        memory = self._memory()
        text = self._own if memory is None else memory.change(self._name, str)
        return _read(text, self._now()).micros / 1_000_000, float(self._most)

    @property
    def _name(self) -> str:
        return f"{self._channel} spent"

    @property
    def _dollars(self) -> Decimal:
        return Decimal(self._last.micros) / 1_000_000

    async def _change(self, dollars: Decimal, *, within: Decimal = Decimal(0)) -> bool:
        """Adds, unless that is more than `within` (0: no limit); returns whether it did."""
        micros, most, is_added = int(dollars * 1_000_000), int(within * 1_000_000), True

        def added(text: str) -> str:
            nonlocal is_added
            known = _read(text, self._now())
            is_added = not most or known.micros + micros <= most
            # What was given back in a new month belongs to the old one.
            new = Month(known.month, max(0, known.micros + micros)) if is_added else known
            return msgspec.json.encode(new).decode()

        memory = self._memory()
        if memory is None:
            self._own = text = added(self._own)
        else:
            text = await asyncio.to_thread(memory.change, self._name, added)
        self._last = _read(text, self._now())
        self._tell(is_over=self.is_over)
        return is_added

    def _tell(self, *, is_over: bool) -> None:
        """Tells the log, once a month."""
        is_news = is_over and self._told != self._last.month
        self._told = self._last.month if is_over else self._told
        if is_news:
            telemetry.overspent(channel=self._channel, most_dollars=float(self._most))

    def _now(self) -> str:
        moment: datetime = self._clock()
        return f"{moment.astimezone(UTC):%Y-%m}"


def _read(text: str, month: str) -> Month:
    try:
        known = msgspec.json.decode(text, type=Month) if text else Month()
    except (msgspec.DecodeError, ValueError):
        known = Month()
    return known if known.month == month else Month(month)
