"""When a match is sure enough to answer by itself: two bounds, found for a stated precision."""

from collections.abc import Sequence
from hashlib import blake2b
from math import exp, floor, log
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from classifiers._match import FEATURES, Match
from classifiers._trials import Trial
from classifiers.base import Kept
from core.decision import SURE

LEAD = 0.1
_MOST = 0.96
# Found by `python -m bench.faq_weights`: logistic regression (L2, C 0.3) on what the shipped questions come to when
# they are asked their own sentences. What would weigh the wrong way is left out.
_WEIGHTS = {
    "score": 0.030,
    "margin": 0.000,
    "against": -0.215,
    "odd": 0.000,
    "oddest": -9.286,
    "own": 0.623,
    "against word": -2.543,
    "alike": 0.000,
    "asked": 0.721,
    "asked least": 0.000,
    "heart": 0.233,
}
_BIAS = 1.435
# In a table that has one wording for each question nobody can tell by words that it lacks: the same regression on
# `python -m bench.pairs` (four draws of 100 Korean questions and 300 others, about nothing of a city), and what it
# took there for such a precision.
_ALONE_WEIGHTS = {"margin": 0.163, "own": 0.416, "alike": 0.450}
_ALONE_BIAS = -6.62
_PRECISIONS, _BOUNDS = (0.5, 0.9, 0.95, 0.98, 1.0), (-3.6, 0.0, 0.9, 2.7, 4.6)
# Of what is this far ahead of the second best, and as evident, as much is right as of what is further ahead.
_MARGIN = 3.0
# The evidence is in log odds already: the line that is fitted starts from it, and few trials turn it little.
_LEVEL_RIDGE, _SLOPE_RIDGE, _STEPS = 0.01, 4.0, 60
# The wordings of a table are of one hand and easier than what people write: seven of ten errors are theirs.
_OF_ONE_HAND = 0.7
_LEAST_EVIDENCE = 50
_FURTHEST = 15.0
# Below the bound the confidence falls slowly: it still tells a person what is likely.
_SLOWLY = 4.0
_WHAT = "trust"
_HERE = Path(__file__).parent
_CODE = (_HERE, _HERE.parent / "core")


_MANY = (np.array([_WEIGHTS[name] for name in FEATURES]), _BIAS)
_ALONE = (np.array([_ALONE_WEIGHTS.get(name, 0.0) for name in FEATURES]), _ALONE_BIAS)


def evidence(match: Match, *, alone: bool = False) -> float:
    """Returns what speaks for a match, in log odds; `alone` where its table has few wordings."""
    weights, bias = _ALONE if alone else _MANY
    return float(weights @ match.features) + bias


class Trust(NamedTuple):
    """`bound` is the least evidence, `margin` the least distance to the second best."""

    bound: float
    margin: float
    alone: bool = False

    def confidence(self, match: Match) -> float:
        """Returns `SURE` at the bound."""
        beyond = evidence(match, alone=self.alone) - self.bound
        odds = log(SURE / (1 - SURE)) + (beyond if beyond >= 0 else beyond / _SLOWLY)
        return min(1 / (1 + exp(-max(min(odds, 20.0), -20.0))), _MOST)

    def lead(self, match: Match) -> float:
        """Returns 0.1 at the least distance, towards 1 beyond."""
        if match.margin < self.margin:
            return max(LEAD * match.margin / self.margin, 0.0) * 0.99
        return min(LEAD + (1 - LEAD) * (match.margin - self.margin) / _FURTHEST, 1.0)


def calibrated(trials: Sequence[Trial], precision: float) -> Trust:
    """Returns the bounds that let most right answers through while `precision` of all answers are right.

    How likely a match is right is fitted over all trials: the few wrong ones near the bound say little each.
    """
    asked = [one for one in trials if not one.match.hindrance and not one.match.against and one.match.margin >= _MARGIN]
    general = Trust(float(np.interp(precision, _PRECISIONS, _BOUNDS)), _MARGIN, alone=True)
    if sum(trial.is_right for trial in asked) < _LEAST_EVIDENCE:
        return general
    ranked = sorted(((evidence(trial.match), trial.is_right, trial.weight) for trial in asked), reverse=True)
    found, right, weight = (np.array(column, dtype=np.float64) for column in zip(*ranked, strict=True))
    level, slope = _fitted(found, right, weight)
    likely = _likely(level + slope * found)
    strict = 1 - (1 - precision) * _OF_ONE_HAND
    # Where the curve does not fit, what was counted has to bear it out.
    good = np.flatnonzero(_shares(likely, weight) >= strict)
    counted = np.flatnonzero(_shares(right, weight) >= precision)
    if not len(good) or not len(counted):
        return general
    # Down: what the bound was found on must pass it.
    return Trust(floor(float(found[min(good[-1], counted[-1])]) * 10_000) / 10_000, _MARGIN)


def _shares(right: NDArray[np.float64], weight: NDArray[np.float64]) -> NDArray[np.float64]:
    """Returns for each place how much of all up to there is right."""
    shares: NDArray[np.float64] = np.cumsum(right * weight) / np.cumsum(weight)
    return shares


def _likely(odds: NDArray[np.float64]) -> NDArray[np.float64]:
    likely: NDArray[np.float64] = 1 / (1 + np.exp(-np.clip(odds, -30.0, 30.0)))
    return likely


def _fitted(found: NDArray[np.float64], right: NDArray[np.float64], weight: NDArray[np.float64]) -> tuple[float, float]:
    """Returns level and slope of the log odds that a match is right, by its evidence: a logistic regression."""
    table = np.c_[np.ones(len(found)), found]
    line = np.array([0.0, 1.0])
    ridge = np.diag([_LEVEL_RIDGE, _SLOPE_RIDGE])
    for _ in range(_STEPS):
        likely = _likely(table @ line)
        slope = table.T @ (weight * (likely - right)) + ridge @ (line - (0.0, 1.0))
        bend = table.T @ (table * (weight * likely * (1 - likely))[:, None]) + ridge
        step = np.linalg.solve(bend, slope)
        # Where right and wrong lie apart, a whole step would lead beyond the aim.
        line = line - step / max(1.0, float(np.abs(step).max()))
    return float(line[0]), float(line[1])


class _File(msgspec.Struct, frozen=True, kw_only=True):
    made_by: str
    trust: Trust


def digest(*said: str) -> str:
    """Returns what names all that bounds follow from: what is said here, and the code that finds them.

    The code is taken as it lies there: a number that somebody has to raise by hand would be forgotten, and bounds of
    other code would be believed.
    """
    whole = blake2b(np.__version__.encode())
    for folder in _CODE:
        for path in sorted(folder.glob("*.py")):
            whole.update(path.read_bytes())
    whole.update("\0".join(said).encode())
    return whole.hexdigest()


def remembered(kept: Kept | None, made_by: str) -> Trust | None:
    """Returns the bounds that were found before from the very same, None when none were."""
    data = kept.read(_WHAT) if kept else None
    try:
        file = msgspec.msgpack.decode(data, type=_File) if data else None
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    return file.trust if file and file.made_by == made_by else None


def remember(kept: Kept | None, made_by: str, trust: Trust) -> None:
    if kept:
        kept.write(_WHAT, msgspec.msgpack.encode(_File(made_by=made_by, trust=trust)))
