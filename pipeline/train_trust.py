"""How far to trust a model: a curve from its scores to how often they were right, learned on what it has not seen."""

from collections.abc import Sequence
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from classifiers._linear import Linear, Model, Trust
from classifiers._text import Reading

# Of what would be said rightly this much may stay unsaid, so that less is said wrongly.
_GIVEN_UP = 0.002
_SMOOTH = 1e-2


class Trusted(NamedTuple):
    """The curve, and the confidence below which nothing is said."""

    trust: Trust
    threshold: float


def trusted(model: Model, rows: Sequence[tuple[Reading, str]]) -> Trusted:
    """Returns the curve from scores to how often that was right, and the threshold that gives up few right ones."""
    asked = Linear(model)
    scores = [asked.scores(reading) for reading, _ in rows]
    signs = np.array([asked.signs(each) for each in scores], dtype=np.float64)
    right = np.array([asked.ranked(s, 1)[0].value == label for s, (_, label) in zip(scores, rows, strict=True)])
    if right.all() or not right.any():
        return Trusted(Trust(), 0.0)
    trust = _curve(signs, right)
    level = Linear(msgspec.structs.replace(model, trust=trust))
    sure = np.array([level.confidence(each) for each in scores])
    return Trusted(trust, round(float(np.quantile(sure[right], _GIVEN_UP)), 4))


def _curve(signs: NDArray[np.float64], right: NDArray[np.bool_]) -> Trust:
    """Returns the logistic curve that fits best, by Newton's steps; small coefficients are preferred a little."""
    rows = np.column_stack((np.ones(len(signs)), signs))
    found = np.zeros(rows.shape[1])
    prefer = np.diag([0.0, *[_SMOOTH * len(rows) / 100] * signs.shape[1]])
    for _ in range(50):
        share = 1 / (1 + np.exp(-np.clip(rows @ found, -30, 30)))
        slope = rows.T @ (right - share) - prefer @ found
        bend = (rows * (share * (1 - share))[:, None]).T @ rows + prefer + np.eye(rows.shape[1]) * 1e-9
        move = np.linalg.solve(bend, slope)
        found = found + move
        if float(np.abs(move).max()) < 1e-8:
            break
    level, best, lead, inside = (round(float(value), 6) for value in found)
    return Trust(level=level, best=best, lead=lead, inside=inside)
