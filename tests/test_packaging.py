"""What is written down twice says the same: the packages, the image, and the rules of who may import whom."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from pipeline.parts import names

ROOT = Path(__file__).parent.parent
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PACKAGES = sorted(PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["only-include"])


def test_every_room_is_packaged() -> None:
    """Whatever folder is a package, but for the benchmark, is part of the application."""
    rooms = {path.parent.name for path in ROOT.glob("*/__init__.py")} - {"bench"}

    assert sorted(rooms) == PACKAGES


def test_every_room_is_under_the_import_rules() -> None:
    """No package is left out of who may import whom."""
    assert PACKAGES == sorted(PROJECT["tool"]["importlinter"]["root_packages"])


def test_the_image_holds_every_room() -> None:
    """The Dockerfile copies what the application consists of."""
    copied = re.findall(r"^COPY (\w+) \1$", (ROOT / "Dockerfile").read_text(encoding="utf-8"), re.MULTILINE)

    assert PACKAGES == sorted(copied)


@pytest.mark.parametrize("folder", ["classifiers", "connectors", "sinks"])
def test_no_part_may_know_another(folder: str) -> None:
    """A new part is under the rule of independence from its first day."""
    contracts = PROJECT["tool"]["importlinter"]["contracts"]
    ruled = [name for contract in contracts if contract["type"] == "independence" for name in contract["modules"]]

    assert {f"{folder}.{name}" for name in names(folder)} == {name for name in ruled if name.startswith(f"{folder}.")}
