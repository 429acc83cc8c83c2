"""Each role by itself, and what is prepared before it: what containers and their operators rely on."""

import os
import re
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.commands import done

ROOT = Path(__file__).parent.parent
OURS = {name: value for name, value in os.environ.items() if not name.startswith("EUNGDAPSO_")}
PATHS = ["/healthz", "/readyz", "/metrics"]
CONFIG = """
[web]
port = 0
[health]
port = 0
[connectors.email]
port = 0
[connectors.form]
"""


@pytest.mark.parametrize("role", ["intake", "router", "sinks", "web"])
def test_a_role_alone_runs_until_it_is_told_to_stop(role: str, tmp_path: Path) -> None:
    """Each role by itself becomes ready, answers what probes and monitors ask, and stops cleanly."""
    with _running(role, tmp_path) as (process, address):
        answers = [_asked(f"{address}{path}") for path in PATHS]

        assert [200] * len(PATHS) == answers
        assert None is process.poll()
        process.terminate()
        assert 0 == process.wait(300)


@pytest.mark.parametrize("role", ["router", "sinks"])
def test_a_role_without_pages_answers_nothing_else(role: str, tmp_path: Path) -> None:
    """Where health is told, there is neither a page nor a hook."""
    with _running(role, tmp_path) as (_, address):
        assert [404, 404, 404] == [_asked(f"{address}{path}") for path in ("/", "/hooks/webhook", "/api/v1/faq")]


@contextmanager
def _running(role: str, folder: Path) -> Iterator[tuple["subprocess.Popen[str]", str]]:
    """Runs one role on files and free ports; gives its process and its address when it is ready."""
    command = [sys.executable, "-m", "pipeline", "run", "--role", role, "--config", str(on_files(folder))]
    with subprocess.Popen(command, cwd=ROOT, env=OURS, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr
            said = ""
            for line in process.stderr:
                said += line
                if line == "eungdapso: ready\n":
                    break
            yield process, re.findall(r"(?:web|health): (http://\S+)/", said)[0]
        finally:
            process.kill()


def _asked(url: str) -> int:
    try:
        with urllib.request.urlopen(url, timeout=120) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code


def on_files(folder: Path) -> Path:
    """Returns a configuration without any server."""
    (folder / "config").symlink_to(ROOT / "config")
    path = folder / "pipeline.toml"
    path.write_text(CONFIG, encoding="utf-8")
    return path


def test_setup_may_be_done_again(tmp_path: Path) -> None:
    """What is prepared already stays as it is."""
    path = on_files(tmp_path)

    assert [0, 0] == [done("setup", "--config", str(path)).returncode for _ in range(2)]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("--group nobody --since 2026-11-23T09:00", "there is no such group. There are: router, cases"),
        ("--group cases --since yesterday", "this is no day or time. Write 2026-11-23 or 2026-11-23T09:00"),
        ("--group cases --since 2026-11-23T09:00", 'This is for "kafka://'),
    ],
)
def test_a_rewind_that_cannot_be_says_why(tmp_path: Path, words: str, said: str) -> None:
    """What was not understood is explained, and nothing is touched."""
    told = done("topics", "rewind", *words.split(), "--config", str(on_files(tmp_path)))

    assert 2 == told.returncode
    assert said in told.stderr
