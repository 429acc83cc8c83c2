"""What X costs is counted over restarts, by all processes together, month by month."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from cases.store import CaseStore
from connectors._x_settings import XSettings
from connectors._x_spent import Spent
from core.errors import Rejected

NOVEMBER = datetime(2026, 11, 30, 23, 0, tzinfo=UTC)
DECEMBER = datetime(2026, 12, 1, 0, 0, tzinfo=UTC)


def spent(store: CaseStore | None, *, at: datetime = NOVEMBER, budget: str = "1") -> Spent:
    settings = XSettings(monthly_budget=Decimal(budget))
    return Spent("x", settings, lambda: store.places if store else None, clock=lambda: at)


async def test_another_process_counts_on(store: CaseStore) -> None:
    """What one process bought is missing to the next, also after a restart."""
    await spent(store).count(Decimal("0.995"))

    with pytest.raises(Rejected, match="monthly budget is spent"):
        await spent(store).reserve(Decimal("0.010"))


async def test_new_month_begins_at_nothing(store: CaseStore) -> None:
    """With the month the budget is new."""
    await spent(store).count(Decimal(2))
    later = spent(store, at=DECEMBER)
    await later.reserve(Decimal("0.9"))

    assert not later.is_over


async def test_reading_goes_on_and_is_told() -> None:
    """Reading may go beyond the budget; that nothing is sent any more is said."""
    money = spent(None)
    await money.count(Decimal("1.5"))

    assert money.is_over
    assert "the monthly budget of 1 dollars is spent: nothing is sent" == money.note


async def test_without_a_limit_nothing_ends() -> None:
    """A budget of nothing is none."""
    money = spent(None, budget="0")
    await money.reserve(Decimal(1_000))

    assert not money.is_over


async def test_what_is_given_back_can_be_spent() -> None:
    """A reply that did not go out leaves the money for the next."""
    money = spent(None)
    await money.reserve(Decimal("0.9"))
    await money.give_back(Decimal("0.9"))
    await money.reserve(Decimal("0.9"))

    assert 900_000 == money._last.micros


async def test_what_is_owed_is_counted_with_the_next() -> None:
    """What webhooks cost is known when they come and written down later."""
    money = spent(None)
    money.owe(Decimal("0.005"))
    money.owe(Decimal("0.005"))
    await money.count()

    assert 10_000 == money._last.micros


async def test_what_cannot_be_read_is_begun_anew(store: CaseStore) -> None:
    """A row that somebody spoiled stops nothing."""
    store.places.change("x spent", lambda _: "?")
    money = spent(store)
    await money.count(Decimal("0.5"))

    assert 500_000 == money._last.micros


async def test_every_process_tells_the_same_sum(store: CaseStore) -> None:
    """What one bought, another that has bought nothing yet tells too; with what may be spent."""
    await spent(store).count(Decimal("0.25"))

    assert (0.25, 1.0) == spent(store).known()
