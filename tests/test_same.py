"""The same message is decided the same way, whatever stands beside it; `python -m bench.same` asks it of 10,000."""

import io
from pathlib import Path

import pytest

from bench.same import alone, batched, rows, shuffled
from core.errors import ConfigError
from pipeline.preview import Preview

GIVEN = rows(300)


@pytest.fixture(scope="module")
def decided() -> list[str]:
    return batched(Preview(Path("pipeline.toml")), GIVEN)


@pytest.fixture(scope="module")
def preview() -> Preview:
    return Preview(Path("pipeline.toml"))


def test_a_batch_is_decided_like_its_messages_alone(decided: list[str]) -> None:
    """Batches are for speed: they change nothing, by a router that has seen nothing before."""
    assert decided == alone(Preview(Path("pipeline.toml")), GIVEN)


def test_neighbours_and_order_change_nothing(decided: list[str], preview: Preview) -> None:
    """Neither what was decided before nor what is decided together with it."""
    assert decided == shuffled(preview, GIVEN)
    assert decided == batched(preview, GIVEN)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (b'{"at": "0001-01-01"}', "at: nobody writes in the year 1"),
        (b'{"at": "9999-12-31T23:59:59-12:00"}', "at: nobody writes in the year 9999"),
        (b'{"at": "soon"}', "at: Invalid isoformat"),
        (b'{"lat": 1e308, "lon": 1}', "lat and lon: this is nowhere"),
        (b'{"text": 5}', "not a message"),
    ],
)
def test_a_line_that_is_no_message_is_named(preview: Preview, line: bytes, told: str) -> None:
    """Years and places that nobody writes from are refused before anything is reckoned with them."""
    with pytest.raises(ConfigError, match=rf"^standard input, line 2: {told}"):
        list(preview.piped(io.BytesIO(b'{"text": "a"}\n' + line)))


def test_the_mix_has_everything(decided: list[str]) -> None:
    """Answers, dispatches and what is held are all among them."""
    assert all(any(f'"action":"{action}"' in line for line in decided) for action in ("answer", "dispatch", "hold"))
