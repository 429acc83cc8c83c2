"""The same message is decided the same way, whatever stands beside it; `python -m bench.same` asks it of 10,000."""

from pathlib import Path

import pytest

from bench.same import alone, batched, rows, shuffled
from pipeline.preview import Preview

GIVEN = rows(300)


@pytest.fixture(scope="module")
def decided() -> list[str]:
    return batched(Preview(Path("pipeline.toml")), GIVEN)


def test_a_batch_is_decided_like_its_messages_alone(decided: list[str]) -> None:
    """Batches are for speed: they change nothing, by a router that has seen nothing before."""
    assert decided == alone(Preview(Path("pipeline.toml")), GIVEN)


def test_neighbours_and_order_change_nothing(decided: list[str]) -> None:
    """Neither what was decided before nor what is decided together with it."""
    preview = Preview(Path("pipeline.toml"))

    assert decided == shuffled(preview, GIVEN)
    assert decided == batched(preview, GIVEN)


def test_the_mix_has_everything(decided: list[str]) -> None:
    """Answers, dispatches and what is held are all among them."""
    assert all(any(f'"action":"{action}"' in line for line in decided) for action in ("answer", "dispatch", "hold"))
