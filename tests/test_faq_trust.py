"""How sure an answer must be follows from the table of questions and from the precision that is asked for."""

import pytest

from classifiers._match import Match
from classifiers._trials import Trial
from classifiers._trust import Trust, calibrated, evidence


def match(*, alike: float, margin: float = 8.0, hindrance: str = "") -> Match:
    features = (20.0, margin, -3.0, 0.0, 0.0, alike, 0.0, alike, -0.5, -0.5, -0.5)
    return Match(0, 1, margin, features, against=False, hindrance=hindrance)


def asked(right: int, wrong: int, *, hindrance: str = "") -> list[Trial]:
    """Returns trials of which the right ones stand above the wrong ones, wrong by wrong."""
    good = [Trial(match(alike=10 + number / 100), is_right=True, weight=1.0) for number in range(right)]
    bad = [Trial(match(alike=9 + n / 100, hindrance=hindrance), is_right=False, weight=1.0) for n in range(wrong)]
    return [*good, *bad]


def test_bound_lies_above_what_was_wrong() -> None:
    """Where right and wrong lie apart, what was right is answered and, as far as asked for, nothing else."""
    right = [Trial(match(alike=14 + number / 50), is_right=True, weight=1.0) for number in range(200)]
    wrong = [Trial(match(alike=2 + number / 50), is_right=False, weight=1.0) for number in range(100)]
    bound = calibrated([*right, *wrong], 0.98).bound
    passing = [one.is_right for one in (*right, *wrong) if evidence(one.match) >= bound]

    assert 200 == sum(passing) >= 0.98 * len(passing)


@pytest.mark.parametrize("alike", [8.0, 10.0, 12.0])
def test_one_more_wrong_answer_moves_the_bound_little(alike: float) -> None:
    """Where one trial more comes out wrong, anywhere, the bound stays about where it was."""
    right = [Trial(match(alike=7 + number / 40), is_right=True, weight=1.0) for number in range(400)]
    wrong = [Trial(match(alike=4 + number / 10), is_right=False, weight=1.0) for number in range(60)]
    one = Trial(match(alike=alike), is_right=False, weight=1.0)

    assert 0.15 > abs(calibrated([*right, *wrong, one], 0.98).bound - calibrated([*right, *wrong], 0.98).bound)


def test_more_precision_answers_less() -> None:
    """A higher precision never has a lower bound."""
    right = [Trial(match(alike=7 + number / 40), is_right=True, weight=1.0) for number in range(400)]
    mixed = [*right, *(Trial(match(alike=5 + number / 20), is_right=False, weight=1.0) for number in range(60))]

    assert calibrated(mixed, 0.8).bound < calibrated(mixed, 0.98).bound


def test_what_is_hindered_anyway_bounds_nothing() -> None:
    """A match that is never answered by itself has no say in the bound."""
    free = calibrated(asked(100, 0), 0.98)

    assert free == calibrated(asked(100, 100, hindrance="asks where"), 0.98)


def test_table_of_few_wordings_takes_the_general_bound() -> None:
    """Too few trials say nothing: the bound found on other questions holds."""
    assert calibrated([], 0.98) == calibrated(asked(3, 0), 0.98)


@pytest.mark.parametrize(("margin", "sure"), [(2.9, False), (3.0, True), (15.0, True)])
def test_lead_of_a_tenth_is_the_least_distance(margin: float, *, sure: bool) -> None:
    """A lead of 0.1 is reached exactly at the least distance to the second best."""
    assert sure is (Trust(bound=0.0, margin=3.0).lead(match(alike=10.0, margin=margin)) >= 0.1)


def test_confidence_at_the_bound() -> None:
    """Whatever the bound is, 0.8 says that it is reached."""
    one = match(alike=10.0)

    assert pytest.approx(0.8) == Trust(bound=evidence(one), margin=3.0).confidence(one)
