"""Names, days and texts on the command line: what is none is refused, with what was probably meant."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from bench.instance import ROOT
from config.load import load_city
from config.near import nearest
from config.schema import City
from core.errors import ConfigError
from pipeline import cli_names, parts
from pipeline.cli import app
from pipeline.cli_evaluate import PARTS


@pytest.fixture(scope="module")
def city() -> City:
    return load_city(ROOT / "config")


Ask = Callable[[City], object]


@pytest.mark.parametrize(
    ("ask", "hint"),
    [
        (lambda city: cli_names.queue("--queue", "gangnma", city), "--queue gangnma: there is no such queue."),
        (lambda city: cli_names.queue("--queue", "gangnma", city), "Did you mean gangnam?"),
        (lambda city: cli_names.queue("--to", "강남구청", city), "Did you mean gangnam (강남구)?"),
        (lambda city: cli_names.queue("--queue", "brodcasts", city, "broadcasts"), "Did you mean broadcasts?"),
        (lambda city: cli_names.topic("ilegal-parking", city), "Did you mean illegal-parking?"),
        (lambda city: cli_names.kind("부패", ("corruption", "none")), "Did you mean corruption (부패)?"),
        (lambda city: cli_names.known("--state", "hold", ("held", "done"), "state"), "Did you mean held?"),
        (lambda city: cli_names.account("--account", "Seoulgyotog", city, ()), "Did you mean Seoulgyotong?"),
        (lambda city: cli_names.moment("--at", "tomorrow"), "Write 2026-11-23 or 2026-11-23T09:00"),
        (lambda city: cli_names.moment("--since", "23.11.2026"), "Write 2026-11-23 or 2026-11-23T09:00"),
    ],
)
def test_a_name_that_is_none_is_refused(city: City, ask: Ask, hint: str) -> None:
    """In a sentence: the option, what was written, what was probably meant."""
    with pytest.raises(ConfigError) as caught:
        ask(city)

    assert hint in caught.value.mistakes[0]


@pytest.mark.parametrize("name", ["", "Seoulgyotong", "minwon@eungdapso.example", "+8225551234", "gangnam", "telegram"])
def test_a_name_that_an_account_may_have_is_taken(city: City, name: str) -> None:
    """A handle, an address, a number, an office that files records, a channel that has one account only."""
    assert name == cli_names.account("--account", name, city, ["telegram"])


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("gangnam-gu", "gangnam"),
        ("gangnam gu office", "gangnam"),
        ("교통정책", "hq.traffic (교통정책과)"),
        ("gangnamm", "gangnam"),
    ],
)
def test_the_name_that_has_the_word_in_it_is_meant(word: str, meant: str) -> None:
    """A slip first, then a name that has the word in it or is in it, then what looks alike."""
    known = ["gangbuk", "gangnam", "gangdong", "hq.traffic"]

    assert f" Did you mean {meant}?" == nearest(word, known, called={"교통정책과": "hq.traffic"})


def test_several_that_have_the_word_in_them_are_told() -> None:
    """Nobody can say which of them is meant."""
    assert " Did you mean hq.bus or agency.bus?" == nearest("bus", ["hq.bus", "mapo", "agency.bus"])


@pytest.mark.parametrize("command", ["mask", "route"])
def test_no_text_is_refused(command: str) -> None:
    """With the ways to give one; exit 2."""
    done = CliRunner().invoke(app, [command], input="")

    assert 2 == done.exit_code
    assert f'Write eungdapso {command} "…", or pipe one in' in done.stderr


def test_what_is_piped_in_is_masked() -> None:
    """As if it were an argument."""
    assert "5678" not in CliRunner().invoke(app, ["mask"], input="제 번호는 010-1234-5678").stdout


def test_a_channel_that_is_none_is_refused(tmp_path: Path) -> None:
    """Only tables of pipeline.toml are channels."""
    config = tmp_path / "pipeline.toml"
    config.write_text(f'city = "{ROOT / "config"}"\n[connectors.form]\n[connectors.phone]\ntype = "record"\n', "utf-8")
    done = CliRunner().invoke(app, ["route", "안녕하세요", "--channel", "naver", "--config", str(config)])

    assert 2 == done.exit_code
    assert "--channel naver: there is no such channel" in done.stderr
    assert "There are: form, phone." in done.stderr


def test_every_part_is_listed() -> None:
    """`evaluate --help` names all that can be asked."""
    assert {*parts.names("classifiers"), "route"} == set(PARTS)


def test_all_queues_are_named(city: City) -> None:
    """Whoever does not know what they are called sees all of them."""
    with pytest.raises(ConfigError) as told:
        cli_names.queue("--queue", "zzzzzz", city)

    assert "…" not in str(told.value)
    assert {one.id for one in city.departments} <= set(re.findall(r"[a-z0-9.-]+[a-z0-9]", str(told.value)))
