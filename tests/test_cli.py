"""The command line: one clear message for each mistake, and what scripts rely on."""

import json
import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from bench.instance import ROOT, Instance
from tests.commands import Done, done

_KEPT = {name: value for name, value in os.environ.items() if not name.startswith("EUNGDAPSO_")}


def eungdapso(*words: str, stdin: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "pipeline", *words],
        input=stdin,
        cwd=ROOT,
        env={**_KEPT, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the shipped configuration to spoil."""
    Instance(tmp_path)
    shutil.copytree(ROOT / "config", tmp_path / "config", ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    config = tmp_path / "pipeline.toml"
    config.write_text(config.read_text().replace(f'city = "{ROOT / "config"}"', 'city = "config"'))
    return tmp_path


def spoil(folder: Path, name: str, old: str, new: str) -> None:
    path = folder / name
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def check(folder: Path) -> Done:
    return done("check", "--config", str(folder / "pipeline.toml"))


def test_the_shipped_configuration_has_no_mistake(found_before: Path) -> None:
    """Rules' examples and FAQs' variants included; missing secrets are notes."""
    ended = eungdapso("check", EUNGDAPSO_VAR=str(found_before))

    assert (0, "") == (ended.returncode, ended.stderr)
    assert "connectors.sms does not start: EUNGDAPSO_SMS_TOKEN is not set" in ended.stdout


def test_every_mistake_is_reported_at_once(folder: Path) -> None:
    """Each with its file, its key, what is wrong and what now; exit 2."""
    spoil(folder, "pipeline.toml", "[connectors.form]", "[connectors.telegrm]\n\n[connectors.form]\ntokn_hours = 3")
    spoil(folder, "pipeline.toml", 'other = "7d"', 'other = "7 dais"')
    spoil(folder, "config/routing.toml", 'then = "', 'then = "x')
    ended = check(folder)

    assert 2 == ended.returncode
    for words in ("telegrm", "Did you mean token_hours", "deadlines.other", "routing.toml"):
        assert words in ended.stderr


def test_a_secret_written_out_is_a_mistake(folder: Path) -> None:
    """The message does not repeat it."""
    spoil(folder, "pipeline.toml", "[connectors.sms]", '[connectors.sms]\ntoken = "s3cr3t-value"')
    ended = check(folder)

    assert 2 == ended.returncode
    assert "connectors.sms.token" in ended.stderr
    assert "s3cr3t-value" not in ended.stderr + ended.stdout


def test_a_port_in_use_is_one_message(folder: Path) -> None:
    """Which one, where it is set, what now; exit 2."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        text = (folder / "pipeline.toml").read_text()
        port = next(line for line in text.splitlines() if line.startswith("port = ")).removeprefix("port = ").split()[0]
        (folder / "pipeline.toml").write_text(text.replace(f"port = {port}", f"port = {taken.getsockname()[1]}", 1))
        ended = eungdapso("run", "--config", str(folder / "pipeline.toml"), EUNGDAPSO_VAR=str(folder / "v"))

    assert 2 == ended.returncode
    assert "web.port" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_an_unwritable_var_is_one_message(folder: Path) -> None:
    """A file stands where the folder should be: exit 2."""
    (folder / "blocked").write_text("")
    ended = eungdapso("run", "--config", str(folder / "pipeline.toml"), EUNGDAPSO_VAR=str(folder / "blocked"))

    assert (2, 1) == (ended.returncode, len(ended.stderr.strip().splitlines()))
    assert "EUNGDAPSO_VAR" in ended.stderr


def test_a_second_instance_is_one_message(folder: Path, on_paper: Instance) -> None:
    """Another instance on the same folder and ports' free: refused, the first goes on."""
    other = Instance(folder / "other", extra={"EUNGDAPSO_VAR": str(on_paper.var)})
    ended = eungdapso("run", "--config", str(other.config), **{**other.extra, "EUNGDAPSO_SMS_TOKEN": "x"})

    assert 2 == ended.returncode
    assert on_paper.readiness()["ready"]
    assert "already runs" in ended.stderr


def test_a_decision_is_shown_as_json() -> None:
    """The fields that scripts rely on."""
    ended = eungdapso("route", "강남구 역삼동 골목에 쓰레기 무단투기가 심해요 단속해주세요", "--at", "2026-11-23T10:00")
    decision: dict[str, Any] = json.loads(ended.stdout)

    assert ("dispatch", "gangnam", "other") == (decision["action"], decision["queue"], decision["kind"])
    assert "2026-12-01T18:00:00+09:00" == decision["due_at"]


def test_a_line_in_is_a_decision_out() -> None:
    """In order, one JSON object a line, equal to the single decision."""
    rows = [
        {"text": "노원구 상계동 가로등 고쳐주세요"},
        {"text": "대형폐기물은 어떻게 버리나요?", "at": "2026-11-23T10:00"},
    ]
    ended = done("route", "--jsonl", stdin="\n".join(json.dumps(row) for row in rows))

    assert ["dispatch", "answer"] == [json.loads(line)["action"] for line in ended.stdout.splitlines()]


def test_a_line_that_is_no_json_is_named() -> None:
    """Where, what, what now; exit 2."""
    ended = done("route", "--jsonl", stdin='{"text": "a"}\nnonsense\n')

    assert 2 == ended.returncode
    assert "line 2" in ended.stderr


def test_the_mask_is_shown() -> None:
    """One text as an argument, many as lines."""
    ended = done("mask", "--jsonl", stdin=json.dumps({"text": "제 번호는 010-1234-5678"}))

    assert "5678" not in json.loads(ended.stdout)["text"]


@pytest.mark.parametrize(
    "words", [["--help"], ["run", "--help"], ["case", "--help"], ["dead", "--help"], ["route", "--help"]]
)
def test_every_command_explains_itself(words: list[str]) -> None:
    """--help is worth reading and needs no configuration."""
    ended = done(*words)

    assert 0 == ended.returncode
    assert "Usage" in ended.stdout


@pytest.mark.parametrize("verb", [["release"], ["withdraw"], ["reopen", "--why", "다시"]])
def test_a_case_that_is_not_there_is_said(tmp_path: Path, verb: list[str]) -> None:
    """In a sentence, without a trace; exit 1."""
    ended = done("case", *verb, "20261123-000001-0", EUNGDAPSO_VAR=str(tmp_path))

    assert 1 == ended.returncode
    assert "there is no such case" in ended.stderr


def test_no_other_distribution_owns_our_names() -> None:
    """A foreign `config` on the path would shadow ours."""
    from importlib.metadata import packages_distributions

    ours = ("cases", "classifiers", "config", "connectors", "core", "pipeline", "router", "sinks", "streams", "web")
    owners = packages_distributions()

    assert not {name: owners[name] for name in ours if set(owners.get(name, ())) - {"eungdapso"}}
