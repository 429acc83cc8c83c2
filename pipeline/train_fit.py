"""Labelled texts become a model: views that learn apart and vote, and a curve that says how far to trust them.

scikit-learn and SciPy are imported here and in what this calls, nowhere else: what runs needs NumPy alone.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b
from typing import Any, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from classifiers._features import Sort
from classifiers._linear import Model
from classifiers._text import Reading, read
from core.errors import ConfigError
from pipeline import train_even, train_layer, train_meaning, train_ratio, train_trust
from pipeline.train_columns import Columns, Counted, columns_of, counted, matrix_of

OUTSIDE = frozenset({"oos", "none"})
LETTERS: tuple[Sort, ...] = ("pieces", "words")
KOREAN: tuple[Sort, ...] = ("pieces", "runs", "morphemes", "content")
KOREAN_QUICK: tuple[Sort, ...] = ("pieces", "runs", "words")

_HANGUL = re.compile("[가-힣]")
_STRENGTHS = (0.1, 0.3, 1.0)
# What the other views count beside the support vector machine.
_SHARE, _RATIO, _MEANING = 0.6, 0.5, 0.2
# Ratios of a label's few texts are noise.
_LEAST_FOR_RATIO = 200
_OLDER = 0.5
# Enough to choose by, and quick.
_REHEARSED, _HELD_OUT = 9_000, 3_000


@dataclass(frozen=True, kw_only=True)
class Example:
    """A text and what it is. `weight` is how much it counts: less when it is long ago (`at`)."""

    text: str
    label: str
    weight: float = 1.0
    at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Options:
    """How to learn. `sorts` left out: by the language of the texts."""

    name: str = "topic"
    seed: int = 20_261_101
    sorts: tuple[Sort, ...] = ()
    made_at: str = ""


# Weights by feature and label, and one bias for each label.
_View = tuple[NDArray[np.float32], NDArray[np.float32]]


class _Task(NamedTuple):
    """Examples as numbers."""

    texts: Counted
    labels: NDArray[np.intp]
    weights: NDArray[np.float32]

    def of(self, places: NDArray[np.intp]) -> "_Task":
        return _Task(self.texts.of(places.tolist()), self.labels[places], self.weights[places])

    def often(self, count: int) -> NDArray[np.float64]:
        """Returns the share of each label."""
        often = np.bincount(self.labels, weights=self.weights, minlength=count).astype(np.float64)
        shares: NDArray[np.float64] = often / often.sum()
        return shares


def fit(examples: Sequence[Example], options: Options, validation: Sequence[Example] = ()) -> Model:
    """Returns the model of these examples; the same for the same examples in the same order and the same seed.

    Labels `oos` and `none` mean: none of the others. How far to trust it is learned from `validation`, without one
    from examples that a rehearsal did not see. Raises `ConfigError` when there is nothing to learn.
    """
    from threadpoolctl import threadpool_limits

    names = tuple(sorted({example.label for example in examples}))
    if len(set(names) - OUTSIDE) < 2:
        raise ConfigError(f"{len(names)} labels are nothing to tell apart. Give examples of two matters at least")
    with threadpool_limits(limits=1):
        return _fitted(examples, names, options, validation)


def _fitted(
    examples: Sequence[Example], names: tuple[str, ...], options: Options, validation: Sequence[Example]
) -> Model:
    readings = [read(example.text) for example in examples]
    place = {name: number for number, name in enumerate(names)}
    task = _Task(
        counted(readings, options.sorts or sorts_for(readings)),
        np.array([place[example.label] for example in examples], dtype=np.intp),
        np.array([example.weight for example in examples], dtype=np.float32),
    )
    order = _order(examples, options.seed)
    held, rest = np.split(order, [_held_out(len(order))])
    seen = task.of(rest[:_REHEARSED])
    chosen = _strength(seen, task.of(held), names)
    # The more examples, the less each of them counts against simplicity; what is older than the rehearsal adds less.
    share = float(seen.weights.sum() / task.weights.sum())
    model = _model(task, names, chosen * share ** (_OLDER if _is_timed(examples) else 1.0), options)
    if validation:
        tried, often = model, task.often(len(names))
        rows = [(read(example.text), example.label) for example in validation]
    else:
        tried, often = _model(seen, names, chosen, options), seen.often(len(names))
        rows = [(readings[each], examples[each].label) for each in held.tolist()]
    even = train_even.chosen(tried, often, rows)
    trusted = train_trust.trusted(train_even.evened(tried, often, even), rows)
    model = train_even.evened(model, task.often(len(names)), even)
    return msgspec.structs.replace(model, trust=trusted.trust, threshold=trusted.threshold, made_from=digest(examples))


def _order(examples: Sequence[Example], seed: int) -> NDArray[np.intp]:
    """Returns the places of the examples, the newest first where all have a time: what comes next is like them."""
    order = np.random.default_rng(seed).permutation(len(examples))
    if not _is_timed(examples):
        return order
    times = [example.at.timestamp() for example in examples if example.at is not None]
    newest = order[np.argsort(-np.array(times)[order], kind="stable")]
    # What is nothing to tell apart without the newest is tried on any.
    older = {examples[place].label for place in newest[_held_out(len(examples)) :].tolist()}
    return newest if len(older - OUTSIDE) > 1 else order


def _is_timed(examples: Sequence[Example]) -> bool:
    return all(example.at is not None for example in examples)


def _held_out(size: int) -> int:
    return min(_HELD_OUT, size // 5)


def sorts_for(readings: Sequence[Reading]) -> tuple[Sort, ...]:
    """Returns the sorts of features that suit the language of most of these texts."""
    korean = sum(bool(_HANGUL.search(reading.tight)) for reading in readings)
    return KOREAN if korean * 2 > len(readings) else LETTERS


def digest(examples: Iterable[Example]) -> str:
    """Returns what tells these examples from others."""
    told = blake2b(digest_size=12)
    for example in examples:
        told.update(f"{example.label}\x00{example.text}\x00{example.weight:.4f}\x01".encode(errors="replace"))
    return told.hexdigest()


def _strength(seen: _Task, held: _Task, names: tuple[str, ...]) -> float:
    """Returns how closely the linear view should follow its examples, tried on examples that it has not seen."""
    if not len(held.labels):
        return _STRENGTHS[-1]
    columns = columns_of(seen.texts, len(names))
    texts, others = matrix_of(seen.texts, columns), matrix_of(held.texts, columns)
    right: list[tuple[float, float]] = []
    for strength in _STRENGTHS:
        weights, bias = _linear(texts, seen, len(names), strength)
        found = np.asarray(others @ weights + bias).argmax(1)
        right.append((train_even.worth(found, held.labels), -strength))
    return -max(right)[1]


def _model(task: _Task, names: tuple[str, ...], strength: float, options: Options) -> Model:
    columns = columns_of(task.texts, len(names))
    texts = matrix_of(task.texts, columns)
    weights, bias = _voted(texts, task, columns, names, strength)
    layer = train_layer.learned(texts, task.labels, len(names), task.weights / task.weights.mean(), options.seed)
    return Model(
        name=options.name,
        labels=names,
        outside=next((name for name in names if name in OUTSIDE), ""),
        blocks=columns.blocks,
        weights=weights.astype(np.float16).tobytes(),
        bias=bias.astype(np.float32).tobytes(),
        sharpness=_sharpness(strength),
        inner=layer.inner.astype(np.float16).tobytes(),
        inner_bias=layer.inner_bias.astype(np.float32).tobytes(),
        outer=layer.outer.astype(np.float32).tobytes(),
        outer_bias=layer.outer_bias.astype(np.float32).tobytes(),
        scale=layer.scale,
        share=_SHARE,
        made_at=options.made_at,
    )


def _voted(texts: Any, task: _Task, columns: Columns, names: tuple[str, ...], strength: float) -> _View:
    """Returns the views that are linear as one: at work they cost no more than one of them."""
    count, sharpness = len(names), _sharpness(strength)
    weights, bias = _linear(texts, task, count, strength)
    if texts.shape[0] >= _LEAST_FOR_RATIO * count:
        ratio = train_ratio.learned(texts, task.labels, task.weights, count, strength)
        weights, bias = weights + _RATIO * ratio[0], bias + _RATIO * ratio[1]
    meaning = train_meaning.learned(texts, task.labels, task.weights, count, columns)
    if meaning is not None:
        share = np.float32(_MEANING / sharpness)
        weights, bias = weights + share * meaning[0], bias + share * meaning[1]
    return weights, bias


def _sharpness(strength: float) -> float:
    """Returns what makes the scores of the linear view speak as loud as those of the layer."""
    return float(6 * strength**0.3)


def _linear(texts: Any, task: _Task, count: int, strength: float) -> _View:
    """Returns weights by feature and label, and one bias for each label: what was not met speaks against a label."""
    from sklearn.svm import LinearSVC

    machine = LinearSVC(C=strength, random_state=0).fit(texts, task.labels, sample_weight=task.weights)
    weights = np.zeros((texts.shape[1], count), dtype=np.float32)
    bias = np.full(count, -1.0, dtype=np.float32)
    if len(machine.classes_) == 2:
        rows, levels = np.vstack((-machine.coef_, machine.coef_)), np.append(-machine.intercept_, machine.intercept_)
    else:
        rows, levels = machine.coef_, machine.intercept_
    weights[:, machine.classes_], bias[machine.classes_] = rows.T, levels
    return weights, bias
