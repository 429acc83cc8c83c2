"""Rule files that are no text, or that would keep the reader busy, are told at once and change nothing."""

import os
from pathlib import Path

import pytest

from config import broken
from config.mistakes import read_text
from core.errors import ConfigError


@pytest.mark.parametrize(
    "text",
    [
        "\0" * 100,
        "a = 1\rb = 2",
        "x = " + "9" * 5_000,
        "a" + ".a" * 50_000 + " = 1",
        "[" + ".".join("a" * 50_000) + "]",
    ],
    ids=["nothing", "old line ends", "long number", "deep name", "deep table"],
)
def test_hostile_text_is_a_fault(text: str) -> None:
    """Nothing but a fault comes of it, and soon."""
    assert broken.read(text).faults


def test_what_is_no_file_is_not_waited_for(tmp_path: Path) -> None:
    """A pipe in place of a file would be waited for, for ever."""
    pipe = tmp_path / "routing.toml"
    os.mkfifo(pipe)

    with pytest.raises(ConfigError, match="is no file"):
        read_text(pipe)
