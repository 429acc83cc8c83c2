"""A new model beside the one that runs: what is compared with what, and on which texts."""

from pathlib import Path

import pytest

from classifiers._linear import dump
from classifiers.topic import Topic
from config.schema import City
from core.errors import ConfigError
from pipeline.evaluate_lines import Line
from pipeline.train import _apart, _known, _running
from pipeline.train_examples import of_city
from pipeline.train_fit import KOREAN_QUICK, Example, Options, fit
from tests.test_topic import CITY, TOPICS

WHERE = "var/models/topic.model"
TOWN: City = CITY.model_copy(update={"topics": TOPICS})


def lines(*labels: str) -> list[Line]:
    return [Line(number=number, text="길이 어두워요", label=label) for number, label in enumerate(labels, start=1)]


def test_a_damaged_model_can_be_made_anew() -> None:
    """Whoever is told to train again can: what runs is then what runs without a model, and the damage is told."""
    whole = dump(fit(of_city(TOWN), Options(name="topic", sorts=KOREAN_QUICK)))
    runs, damage = _running(TOWN, whole[:-1], WHERE)

    assert isinstance(runs, Topic)
    assert f"{WHERE}: damaged, its digest is another" == damage
    assert "" == _running(TOWN, whole, WHERE)[1]
    assert "" == _running(TOWN, None, WHERE)[1]


def test_labels_that_are_no_topic_are_told() -> None:
    """Each wrong label of the file to compare on once, with its first line and what was probably meant."""
    with pytest.raises(ConfigError) as error:
        _known(lines("street-light", "street-lihgt", "none", "moon", "street-lihgt"), Path("frozen.jsonl"), TOWN)

    assert (
        "frozen.jsonl:2: street-lihgt is no topic. Did you mean street-light?",
        "frozen.jsonl:4: moon is no topic. Take one of topics.toml, or none",
    ) == tuple(error.value.mistakes)


def test_a_text_is_learned_or_asked_never_both() -> None:
    """What staff corrected of a sentence that is kept aside is kept aside, too."""
    examples = [Example(text=f"가로등이 {n}일째 꺼져 있어요", label="street-light") for n in range(200)]
    again = [Example(text=each.text, label="public-parking-lot") for each in examples]
    seen, aside = _apart([*examples, *again])

    assert aside
    assert not {each.text for each in seen} & {each.text for each in aside}


def test_when_a_model_was_made_is_not_what_it_is() -> None:
    """The same examples give the same version, on another day, too."""
    examples = of_city(TOWN)
    one, other = (fit(examples, Options(sorts=KOREAN_QUICK, made_at=day)) for day in ("2026-11-23", "2026-11-24"))

    assert one.version == other.version
    assert one.made_at != other.made_at
