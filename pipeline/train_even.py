"""What is rare would be drowned by what is frequent, and the frequent of last year need not be today's.

So a model's labels are taken to be somewhere between as often as they were and all as often; where between is chosen
on texts that the model has not seen, the newest ones where their time is known.
"""

from collections.abc import Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from classifiers._linear import Linear, Model
from classifiers._text import Reading

_EVENS = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
# Where too little is held out to choose.
_USUAL = 3
_LEAST = 1_000


def chosen(model: Model, often: NDArray[np.float64], rows: Sequence[tuple[Reading, str]]) -> float:
    """Returns how even the labels are best taken to be: where accuracy and macro F1, with those of the neighbours,
    are highest together."""
    if len(rows) < _LEAST:
        return _EVENS[_USUAL]
    asked = Linear(model)
    place = {name: number for number, name in enumerate(model.labels)}
    labels = np.array([place.get(label, -1) for _, label in rows])
    scores = np.array([asked.scores(reading) for reading, _ in rows])
    worths = [worth((scores - even * _logarithms(often)).argmax(1), labels) for even in _EVENS]
    smooth = [np.mean(worths[max(each - 1, 0) : each + 2]) for each in range(len(worths))]
    best = max(range(len(smooth)), key=lambda each: (round(float(smooth[each]), 4), -abs(each - _USUAL)))
    return _EVENS[best]


def evened(model: Model, often: NDArray[np.float64], even: float) -> Model:
    """Returns the model with its labels that much more even."""
    bias = np.frombuffer(model.bias, dtype=np.float32) - even * _logarithms(often) / model.sharpness
    return msgspec.structs.replace(model, bias=bias.astype(np.float32).tobytes())


def _logarithms(often: NDArray[np.float64]) -> NDArray[np.float64]:
    # A label without an example has nothing to be moved.
    return np.log(np.where(often > 0, often, 1.0))


def worth(found: NDArray[np.intp], labels: NDArray[np.intp]) -> float:
    """Returns accuracy and macro F1 together."""
    size = int(max(found.max(), labels.max())) + 1
    right = np.bincount(found[found == labels], minlength=size)
    both = np.bincount(found, minlength=size) + np.bincount(labels[labels >= 0], minlength=size)
    each = 2 * right[both > 0] / both[both > 0]
    return float((found == labels).mean() + each.mean())
