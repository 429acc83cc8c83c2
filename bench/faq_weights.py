"""Finds what speaks for a match, and how much, from the shipped questions alone: `python -m bench.faq_weights`.

Every wording, every look-alike and every stranger is asked as for the bounds (classifiers/_trials.py), but all of
them; a logistic regression (L2) over what they come to gives the weights of classifiers/_trust.py. A feature whose
weight would have the wrong sign (more unknown words for a match) is left out and the rest found again. Nothing is
random: a second run prints the same.
"""

import numpy as np
from numpy.typing import NDArray

from bench._judge import Judge
from classifiers._match import FEATURES
from classifiers._trials import Trial
from classifiers.faq import Faq

_C, _STEPS = 0.3, 50
_FOR = frozenset(("score", "margin", "own", "asked", "asked least", "alike", "heart"))
Table = NDArray[np.float64]


def weights(trials: list[Trial]) -> tuple[dict[str, float], float]:
    """Returns the weight of each feature, and the bias."""
    open_ = [trial for trial in trials if not trial.match.hindrance and not trial.match.against]
    table = np.array([trial.match.features for trial in open_])
    right = np.array([trial.is_right for trial in open_], dtype=np.float64)
    counts = np.array([trial.weight for trial in open_])
    used = list(range(len(FEATURES)))
    while True:
        found, bias = _fitted(table[:, used], right, counts)
        wrong = [at for at, value in zip(used, found, strict=True) if (value > 0) != (FEATURES[at] in _FOR)]
        if not wrong:
            return dict.fromkeys(FEATURES, 0.0) | {
                FEATURES[at]: round(float(value), 3) for at, value in zip(used, found, strict=True)
            }, round(bias, 3)
        used = [at for at in used if at not in wrong]


def _fitted(table: Table, right: Table, counts: Table) -> tuple[Table, float]:
    """Returns weights and bias by Newton's method, on features of mean 0 and deviation 1."""
    mean, deviation = table.mean(axis=0), table.std(axis=0) + 1e-9
    scaled = np.c_[(table - mean) / deviation, np.ones(len(table))]
    ridge = np.eye(scaled.shape[1]) / _C
    ridge[-1, -1] = 0.0
    found = np.zeros(scaled.shape[1])
    for _ in range(_STEPS):
        likely = 1 / (1 + np.exp(-scaled @ found))
        slope = scaled.T @ (counts * (likely - right)) + ridge @ found
        bend = scaled.T @ (scaled * (counts * likely * (1 - likely))[:, None]) + ridge
        found = found - np.linalg.solve(bend, slope)
    raw = found[:-1] / deviation
    return raw, float(found[-1] - mean @ raw)


def main() -> None:
    found, bias = weights(Faq(Judge().city).trials())
    for name, weight in found.items():
        print(f"{name:14} {weight:7.3f}")
    print(f"{'bias':14} {bias:7.3f}")


if __name__ == "__main__":
    main()
