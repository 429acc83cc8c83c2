"""How often the engines are looked at."""

import pytest

from pipeline.status import _rest


@pytest.mark.parametrize(("took", "rests"), [(0.0, 1.0), (0.05, 1.0), (0.2, 4.0), (20.0, 15.0)])
def test_looking_is_cheap_and_never_long_ago(took: float, rests: float) -> None:
    """A look takes a twentieth of the time at most; when it took long since an engine was away, the next one does not
    wait for minutes."""
    assert rests == pytest.approx(_rest(took))
