"""What `make live` promises of its suites: each is named with how it went, none is waited for without end."""

import os
from pathlib import Path

import pytest

from tests.live.run import run


def suite(folder: Path, name: str, body: str) -> str:
    path = folder / f"test_{name}.py"
    path.write_text(f"def test_it():\n    {body}\n")
    return str(path)


def test_a_suite_that_fails_is_named_last(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Whatever comes after it: the last line says which suite failed."""
    suites = [suite(tmp_path, "bad", "assert False"), suite(tmp_path, "good", "assert True")]
    code = run(suites, os.environ, 60)
    *_, good, bad = capfd.readouterr().err.splitlines()

    assert 1 == code
    assert good.startswith(f"live: {suites[1]} passed in ")
    assert bad.startswith(f"live: {suites[0]} failed with 1 in ")


def test_a_suite_that_hangs_is_ended(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """It counts as failed, and is named like any other that failed."""
    waits = suite(tmp_path, "waits", "import threading; threading.Event().wait()")
    code = run([waits], os.environ, 4)

    assert 1 == code
    assert f"live: {waits} hung, ended after 4 s" == capfd.readouterr().err.splitlines()[-1]
