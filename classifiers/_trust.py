"""When a match is sure enough to answer by itself: two bounds, found for a stated precision."""

from collections.abc import Sequence
from hashlib import blake2b
from math import exp, floor, log
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np

from classifiers._match import FEATURES, Match
from classifiers._trials import Trial
from classifiers.base import Kept

SURE, LEAD = 0.8, 0.1
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
_MARGINS = (3.0, 4.0, 6.0)
# The wordings of a table are of one hand and easier than what people write: six of ten errors are theirs.
_OF_ONE_HAND = 0.6
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
        """Returns 0.8 at the bound."""
        beyond = evidence(match, alone=self.alone) - self.bound
        odds = log(SURE / (1 - SURE)) + (beyond if beyond >= 0 else beyond / _SLOWLY)
        return min(1 / (1 + exp(-max(min(odds, 20.0), -20.0))), _MOST)

    def lead(self, match: Match) -> float:
        """Returns 0.1 at the least distance, towards 1 beyond."""
        if match.margin < self.margin:
            return max(LEAD * match.margin / self.margin, 0.0) * 0.99
        return min(LEAD + (1 - LEAD) * (match.margin - self.margin) / _FURTHEST, 1.0)


def calibrated(trials: Sequence[Trial], precision: float) -> Trust:
    """Returns the bounds that let most right answers through while `precision` of all answers are right."""
    asked = [trial for trial in trials if not trial.match.hindrance and not trial.match.against]
    general = Trust(float(np.interp(precision, _PRECISIONS, _BOUNDS)), _MARGINS[0], alone=True)
    if sum(trial.is_right for trial in asked) < _LEAST_EVIDENCE:
        return general
    strict = 1 - (1 - precision) * _OF_ONE_HAND
    found = [(*_bound(asked, margin, strict), margin) for margin in _MARGINS]
    right, bound, margin = max(found, key=lambda one: (one[0], -one[2]))
    # Down: what the bound was found on must pass it.
    return Trust(floor(bound * 10_000) / 10_000, margin) if right else general


def _bound(trials: Sequence[Trial], margin: float, precision: float) -> tuple[int, float]:
    """Returns how many right answers pass with this least margin, and the least evidence with which they do."""
    ranked = sorted(
        (-evidence(trial.match), trial.is_right, trial.weight) for trial in trials if trial.match.margin >= margin
    )
    right = np.cumsum([is_right * weight for _, is_right, weight in ranked])
    answered = np.cumsum([weight for *_, weight in ranked])
    good = np.flatnonzero(right >= precision * answered)
    return (int(right[good[-1]]), -ranked[good[-1]][0]) if len(good) else (0, 0.0)


class _File(msgspec.Struct, frozen=True, kw_only=True):
    made_by: str
    trust: Trust


def digest(*said: str) -> str:
    """Returns what names all that bounds follow from: what is said here, and the code that finds them."""
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
