"""docs/adding-a-channel.md shows LINE as it is shipped: its code, its recordings, its table."""

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
GUIDE = (ROOT / "docs" / "adding-a-channel.md").read_text(encoding="utf-8")
FIXTURES = ROOT / "tests" / "fixtures" / "connectors" / "line"


def shown(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", GUIDE, re.DOTALL)


@pytest.mark.parametrize("excerpt", shown("python"), ids=lambda excerpt: excerpt.split("\n")[0].strip())
def test_shown_code_is_the_code(excerpt: str) -> None:
    """Every paragraph of code that the guide shows stands in the channel's files, word for word."""
    files = [ROOT / "connectors" / "line.py", *sorted((ROOT / "connectors").glob("_line_*.py"))]
    code = "\n".join(file.read_text(encoding="utf-8") for file in files)

    assert [] == [part for part in excerpt.rstrip().split("\n\n") if part not in code]


def test_shown_tables_are_the_tables() -> None:
    """The settings that the guide shows are those of the suite and of the shipped file."""
    suite = tomllib.loads((FIXTURES / "suite.toml").read_text(encoding="utf-8"))
    first, table, reply = (tomllib.loads(text) for text in shown("toml"))

    assert first["covered"] == suite["covered"]
    assert first["environment"].items() <= suite["environment"].items()
    assert reply["reply"] == suite["reply"]
    assert "line" in table["connectors"]


def test_recordings_are_as_many_as_told() -> None:
    """The guide tells how many recordings there are."""
    count = len(list(FIXTURES.glob("*.raw.http")))

    assert {19: "nineteen"}[count] in GUIDE


def test_every_file_that_is_named_is_there() -> None:
    """Whatever the guide links to exists."""
    links = re.findall(r"\]\(\.\./([^)]+)\)", GUIDE)

    assert [] == [link for link in links if not (ROOT / link).exists()]
