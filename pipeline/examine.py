"""Reads everything, runs every example, and tells all mistakes at once: what `eungdapso check` does."""

import os
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from config.boxes import past
from config.mistakes import in_order
from config.patterns import refusal
from config.schema import City
from core.errors import ConfigError
from pipeline.build import Drafted, Plan, draft
from router.examples import check_examples


def examine(path: Path, now: datetime, environment: Mapping[str, str] = os.environ) -> tuple[Plan, list[str]]:
    """Returns the plan when nothing is wrong with it, and notes on rows whose time is over.

    Raises `ConfigError` with every mistake, examples too.
    """
    drafted = draft(path, environment)
    mistakes = in_order((*drafted.mistakes, *failed_examples(drafted)))
    if mistakes or drafted.plan is None or drafted.city is None:
        raise ConfigError(*mistakes)
    return drafted.plan, past(drafted.city.tables, now)


def failed_examples(drafted: Drafted) -> list[str]:
    """Returns the examples that are not decided as they say; of wrong files those that certainly are not."""
    plan, files = drafted.plan, drafted.city
    if plan is None or files is None:
        return []
    if not drafted.mistakes:
        return check_examples(plan.router(), plan.city, files.at)
    rows = str(plan.path.resolve().parent / plan.settings.city / "routing.toml")
    if not all(mistake.startswith(rows) for mistake in drafted.mistakes):
        # Where topics or districts are missing, any example may fail.
        return []
    try:
        return check_examples(plan.router(_usable(plan.city)), plan.city, files.at, is_whole=False)
    except ConfigError:
        return []


def _usable(city: City) -> City:
    """Returns the city without the patterns that cannot be used."""
    routing = city.routing
    kinds = tuple(row.model_copy(update={"patterns": _good(row.patterns)}) for row in routing.kinds)
    urgent = tuple(row.model_copy(update={"patterns": _good(row.patterns)}) for row in routing.urgent)
    return city.model_copy(update={"routing": routing.model_copy(update={"kinds": kinds, "urgent": urgent})})


def _good(patterns: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(pattern for pattern in patterns if not refusal(pattern))
