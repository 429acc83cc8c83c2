"""When a match is sure enough to answer by itself: two bounds, found for a stated precision."""

from collections.abc import Sequence
from math import exp, log
from typing import NamedTuple

import numpy as np

from classifiers._match import FEATURES, Match
from classifiers._trials import Trial

SURE, LEAD = 0.8, 0.1
_MOST = 0.96
# Found by logistic regression (L2, C 0.3) on the trials of the shipped questions and, with a weight of 0.5, on 1,200
# questions about nothing of the city, a third of which no entry covered.
_WEIGHTS = {
    "score": -0.053,
    "margin": 0.229,
    "against": -0.049,
    "odd": -1.518,
    "oddest": -6.256,
    "own": 0.648,
    "against word": -1.403,
    "alike": 0.188,
}
_BIAS = -1.446
_VECTOR = np.array([_WEIGHTS[name] for name in FEATURES])
# What it took on those questions, each known by one wording: for tables that have too few wordings to tell themselves.
_PRECISIONS, _BOUNDS = (0.5, 0.9, 0.95, 0.98, 1.0), (-2.0, -1.0, 1.0, 3.3, 6.0)
_MARGINS = (3.0, 4.0, 6.0)
# The wordings of a table are of one hand and easier than what people write: half of the errors are theirs.
_OF_ONE_HAND = 0.5
_LEAST_EVIDENCE = 50
_FURTHEST = 15.0
# Below the bound the confidence falls slowly: it still tells a person what is likely.
_SLOWLY = 4.0


def evidence(match: Match) -> float:
    """Returns what speaks for a match, in log odds."""
    return float(_VECTOR @ match.features) + _BIAS


class Trust(NamedTuple):
    """`bound` is the least evidence, `margin` the least distance to the second best."""

    bound: float
    margin: float

    def confidence(self, match: Match) -> float:
        """Returns 0.8 at the bound."""
        beyond = evidence(match) - self.bound
        odds = log(SURE / (1 - SURE)) + (beyond if beyond >= 0 else beyond / _SLOWLY)
        return min(1 / (1 + exp(-max(min(odds, 20.0), -20.0))), _MOST)

    def lead(self, match: Match) -> float:
        """Returns 0.1 at the least distance, towards 1 beyond."""
        if match.margin < self.margin:
            return max(LEAD * match.margin / self.margin, 0.0) * 0.99
        return min(LEAD + (1 - LEAD) * (match.margin - self.margin) / _FURTHEST, 1.0)


def calibrated(trials: Sequence[Trial], precision: float) -> Trust:
    """Returns the bounds that let most right answers through while `precision` of all answers are right."""
    asked = [trial for trial in trials if not trial.match.hindrance]
    general = Trust(float(np.interp(precision, _PRECISIONS, _BOUNDS)), _MARGINS[0])
    if sum(trial.is_right for trial in asked) < _LEAST_EVIDENCE:
        return general
    strict = 1 - (1 - precision) * _OF_ONE_HAND
    found = [(*_bound(asked, margin, strict), margin) for margin in _MARGINS]
    right, bound, margin = max(found, key=lambda one: (one[0], -one[2]))
    return Trust(round(bound, 4), margin) if right else general


def _bound(trials: Sequence[Trial], margin: float, precision: float) -> tuple[int, float]:
    """Returns how many right answers pass with this least margin, and the least evidence with which they do."""
    ranked = sorted(
        (-evidence(trial.match), trial.is_right, trial.weight) for trial in trials if trial.match.margin >= margin
    )
    right = np.cumsum([is_right * weight for _, is_right, weight in ranked])
    answered = np.cumsum([weight for *_, weight in ranked])
    good = np.flatnonzero(right >= precision * answered)
    return (int(right[good[-1]]), -ranked[good[-1]][0]) if len(good) else (0, 0.0)
