"""`eungdapso replay`: what would move under other rules, without anything being moved."""

import json
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from msgspec.structs import replace

from bench.instance import Instance
from cases.store import CaseStore
from core.errors import ConfigError
from pipeline.build import plan as planned
from pipeline.build import prepared
from pipeline.replay import home
from tests.casework import Time, dispatched, message
from tests.commands import ran

ROOT = Path(__file__).parents[1]
# A row before all others.
MARKET = """
[[rule]]
name = "market"
when = { words = ["벼룩시장"] }
then = "dispatch"
queue = "jongno"
"""
OLD, NEW = "2026-11-01 10:00", "2026-11-23 10:00"
TEXTS = ("강남구 벼룩시장을 열어 주세요. 010-1234-5678", "강남구 역삼동 골목에 쓰레기 무단투기가 심해요 단속해주세요")


@pytest.fixture
def instance(tmp_path: Path) -> Instance:
    made = Instance(tmp_path)
    made.furnish()
    return made


@pytest.fixture
def store(instance: Instance) -> Iterator[CaseStore]:
    """Returns the instance's own store: two matters of the first of November, two of the twenty-third."""
    time = Time(OLD)
    with patch.dict(os.environ, instance.environment):
        plan = prepared(instance.config)
    made = plan.store(plan.seal(), time)
    made.open()
    for moment in (OLD, NEW):
        made.record([dispatched(message(text, Time(moment))) for text in TEXTS])
    yield made
    made.close()


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    """A rule file with one row more."""
    text = (ROOT / "config" / "routing.toml").read_text("utf-8")
    path = tmp_path / "rules.toml"
    path.write_text(text.replace("\n[[rule]]", f"{MARKET}\n[[rule]]", 1), "utf-8")
    return path


def found(instance: Instance, *words: str) -> dict[str, Any]:
    return dict(json.loads(ran(instance, "replay", *words, "--json").stdout))


def test_what_would_move_is_counted_and_shown(instance: Instance, store: CaseStore, rules: Path) -> None:
    """From where to where, how many, and which, with the row that did it."""
    seen = found(instance, "--config", str(rules))

    assert (4, 2) == (seen["decided"], seen["moved"])
    assert [{"before": "gangnam", "after": "jongno", "count": 2}] == seen["moves"]
    assert ["market"] * 2 == [move["rule_after"] for move in seen["messages"]]
    assert all(move["number"] for move in seen["messages"])


def test_only_what_came_since_a_day(instance: Instance, store: CaseStore, rules: Path) -> None:
    """A day begins at midnight in Seoul."""
    seen = found(instance, "--config", str(rules), "--since", "2026-11-23")

    assert (2, 1) == (seen["decided"], seen["moved"])


def test_the_list_is_bounded_and_the_counts_are_not(instance: Instance, store: CaseStore, rules: Path) -> None:
    """However much would move, a screen of it is shown."""
    seen = found(instance, "--config", str(rules), "--limit", "1")

    assert (2, 1) == (seen["moved"], len(seen["messages"]))


def test_another_pipeline_file_is_as_good(instance: Instance, store: CaseStore, rules: Path, tmp_path: Path) -> None:
    """Its city's folder says the rules; where it has no messages of its own, those of var are meant."""
    city = tmp_path / "city"
    city.mkdir()
    for path in (ROOT / "config").glob("*.toml"):
        (city / path.name).symlink_to(path)
    (city / "faq").symlink_to(ROOT / "config" / "faq")
    (city / "routing.toml").unlink()
    rules.rename(city / "routing.toml")
    other = tmp_path / "other.toml"
    other.write_text('city = "city"\n[connectors.form]\n', "utf-8")

    assert 2 == found(instance, "--config", str(other))["moved"]


def test_people_read_it_without_personal_data(instance: Instance, store: CaseStore, rules: Path) -> None:
    """A line a message: when, from where, to where, and how it begins, masked."""
    told = ran(instance, "replay", "--config", str(rules)).stdout

    assert "4 messages decided anew: 2 would move" in told
    assert "gangnam → jongno" in told
    assert "벼룩시장을 열어" in told
    assert "1234-5678" not in told


def test_words_of_confidential_matters_are_not_shown(instance: Instance, store: CaseStore, rules: Path) -> None:
    """What only some may read is counted and not quoted."""
    item = dispatched(message("벼룩시장 허가에 뒷돈이 오갔습니다", Time(NEW)))
    store.record([replace(item, decision=replace(item.decision, kind="corruption", confidential=True))])
    told = ran(instance, "replay", "--config", str(rules)).stdout

    assert "3 would move" in told
    assert "뒷돈" not in told


def test_nothing_is_acted_on(instance: Instance, store: CaseStore, rules: Path) -> None:
    """Not a row of the case store is another one afterwards."""

    def everything() -> list[str]:
        with sqlite3.connect(instance.var / "cases.sqlite") as database:
            return list(database.iterdump())

    before = everything()
    ran(instance, "replay", "--config", str(rules))

    assert before == everything()


def test_a_wrong_rule_file_is_told_as_check_tells_it(instance: Instance, store: CaseStore, rules: Path) -> None:
    """Every mistake with its line; exit 2."""
    rules.write_text(rules.read_text("utf-8").replace('"jongno"', '"jogno"'), "utf-8")
    done = ran(instance, "replay", "--config", str(rules))

    assert 2 == done.exit_code
    assert "Did you mean jongno?" in done.stderr


def test_a_day_that_is_none_is_told(instance: Instance, store: CaseStore, rules: Path) -> None:
    """What was written and how it should be."""
    done = ran(instance, "replay", "--config", str(rules), "--since", "gestern")

    assert 2 == done.exit_code
    assert "Write 2026-11-23" in done.stderr


def test_that_nothing_came_in_is_told(instance: Instance, store: CaseStore, rules: Path) -> None:
    """Since when, and what to do; nothing is wrong, and no zeros are shown."""
    told = ran(instance, "replay", "--config", str(rules), "--since", "2030-01-01").stdout

    assert "no message came in since 2030-01-01 00:00. Name an earlier day, or leave --since out\n" == told


def test_a_folder_without_messages_is_named_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And how another one is named."""
    monkeypatch.setenv("EUNGDAPSO_VAR", str(tmp_path))
    monkeypatch.chdir(ROOT)
    with pytest.raises(ConfigError) as caught:
        home(planned(ROOT / "pipeline.toml"), Path("pipeline.toml"))

    assert (
        f"no messages are stored in {tmp_path}. Name the folder of the instance: EUNGDAPSO_VAR=FOLDER"
        == (caught.value.mistakes[0])
    )
