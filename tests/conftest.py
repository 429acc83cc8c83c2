"""What all suites share: what a test that failed tells of its instances; an empty case store, and its clock."""

import fcntl
import os
from collections.abc import Generator, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import structlog

from bench.instance import ROOT, Instance
from cases.store import CaseStore
from pipeline import models
from pipeline.build import plan
from tests import order
from tests import town as towns
from tests.casework import FORMS, Time, make_store, place


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: order.row_of(item.nodeid))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> order.RowByRow:
    config.option.loadscopereorder = False
    return order.RowByRow(config, log)


@pytest.fixture(autouse=True)
def _own_log() -> Iterator[None]:
    """A verb that a test runs in this process configures the log for what comes after, on an output that is gone."""
    yield
    structlog.reset_defaults()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(call: pytest.CallInfo[None]) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Whatever failed, what the instances that worked meanwhile warned of stands below it."""
    report = yield
    if report.failed:
        worked = [one for one in Instance.begun if one.ended_at is None or one.ended_at >= call.start]
        told = [f"{one.folder.name}: {line}" for one in worked for line in one.warnings()]
        report.sections.append(("Warnings of running instances", "\n".join(told) or f"none, of {len(worked)}"))
    return report


@pytest.fixture(scope="session")
def found_before() -> Path:
    """A var with what the shipped files come to; nobody writes there."""
    assert Instance.found_before is not None
    return Instance.found_before()


@pytest.fixture(scope="session", autouse=True)
def _found_before(tmp_path_factory: pytest.TempPathFactory) -> None:
    """What every instance would find anew from the shipped files, which takes a processor seconds, is found once."""
    folder = tmp_path_factory.getbasetemp()
    # Workers that run beside each other have folders in one folder.
    shared = folder.parent if folder.name.startswith("popen-") else folder
    Instance.found_before = cache(lambda: found_in(shared / "found-before"))
    # What is looked at in this process keeps it, too, and never in the folder of a checkout.
    own = folder / "var"
    own.mkdir(exist_ok=True)
    os.environ["EUNGDAPSO_VAR"] = str(own)


def found_in(var: Path) -> Path:
    var.mkdir(exist_ok=True)
    with (var / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not models.folder_of(var).exists():
            plan(ROOT / "pipeline.toml", {"EUNGDAPSO_VAR": str(var)}).router().warm()
    return var


@pytest.fixture(scope="session")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[towns.Town]:
    """One for all round trips: whoever kills its instance starts it again."""
    with towns.running(tmp_path_factory.mktemp("town")) as made:
        yield made


@pytest.fixture(scope="session")
def on_paper(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Instance]:
    with towns.on_paper(tmp_path_factory.mktemp("paper")) as made:
        yield made


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
