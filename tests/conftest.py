"""What the suites of the case store share: an empty store in each form, and its clock."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from cases.store import CaseStore
from tests.casework import FORMS, Time, make_store, place


@pytest.fixture(autouse=True)
def _own_log() -> Iterator[None]:
    """A verb that a test runs in this process configures the log for what comes after, on an output that is gone."""
    yield
    structlog.reset_defaults()


@pytest.fixture
def time() -> Time:
    return Time("2026-11-23 10:00")


@pytest.fixture(params=FORMS)
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Returns where an empty case store is."""
    with place(request.param, tmp_path) as made:
        yield made


@pytest.fixture
def store(url: str, time: Time) -> Iterator[CaseStore]:
    made = make_store(url, time)
    yield made
    made.close()
