"""A short form of `make crash`: the whole pipeline killed at random moments under load."""

from pathlib import Path

from bench.crash import crash


def test_nothing_is_lost_or_doubled_by_kills(tmp_path: Path) -> None:
    """Every acknowledged new matter has exactly one case and exactly one answer or notice."""
    verdict = crash(tmp_path, kills=3, per_second=150, seed=11)

    assert verdict.is_clean, str(verdict)
    assert verdict.acknowledged
