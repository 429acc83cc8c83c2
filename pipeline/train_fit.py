"""Labelled texts become a model: two views that learn apart and vote, and a curve that says how far to trust them.

scikit-learn and SciPy are imported here and in what this calls, nowhere else: what runs needs NumPy alone.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from classifiers._features import Sort
from classifiers._linear import Linear, Model, Trust
from classifiers._text import Reading, read
from core.errors import ConfigError
from pipeline import train_layer
from pipeline.train_columns import Counted, columns_of, counted, matrix_of

OUTSIDE = frozenset({"oos", "none"})
LETTERS: tuple[Sort, ...] = ("pieces", "words")
KOREAN: tuple[Sort, ...] = ("pieces", "runs", "morphemes", "content")
KOREAN_QUICK: tuple[Sort, ...] = ("pieces", "runs", "words")

_HANGUL = re.compile("[가-힣]")
_STRENGTHS = (0.1, 0.3, 1.0)
_SHARE = 0.6
_EVEN = 0.6
# Enough to choose by, and quick.
_REHEARSED, _HELD_OUT = 9_000, 3_000
# Of what would be said rightly this much may stay unsaid, so that less is said wrongly.
_GIVEN_UP = 0.002
_SMOOTH = 1e-2


@dataclass(frozen=True, kw_only=True)
class Example:
    """A text and what it is. `weight` is how much it counts: less when it is long ago."""

    text: str
    label: str
    weight: float = 1.0


@dataclass(frozen=True, kw_only=True)
class Options:
    """How to learn. `sorts` left out: by the language of the texts."""

    name: str = "topic"
    seed: int = 20_261_101
    sorts: tuple[Sort, ...] = ()
    made_at: str = ""


class _Task(NamedTuple):
    """Examples as numbers."""

    texts: Counted
    labels: NDArray[np.intp]
    weights: NDArray[np.float32]

    def of(self, places: NDArray[np.intp]) -> "_Task":
        return _Task(self.texts.of(places.tolist()), self.labels[places], self.weights[places])


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
    order = np.random.default_rng(options.seed).permutation(len(examples))
    held, rest = order[: min(_HELD_OUT, len(order) // 5)], order[min(_HELD_OUT, len(order) // 5) :][:_REHEARSED]
    chosen = _strength(task.of(rest), task.of(held), names)
    # The more examples, the less each of them counts against simplicity.
    strength = chosen * len(rest) / len(order)
    model = _model(task, names, strength, options)
    if validation:
        trusted = _trusted(model, [(read(example.text), example.label) for example in validation])
    else:
        rehearsal = _model(task.of(rest), names, chosen, options)
        trusted = _trusted(rehearsal, [(readings[each], examples[each].label) for each in held.tolist()])
    return msgspec.structs.replace(model, trust=trusted.trust, threshold=trusted.threshold, made_from=digest(examples))


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
        right.append((float((found == held.labels).mean()), -strength))
    return -max(right)[1]


def _model(task: _Task, names: tuple[str, ...], strength: float, options: Options) -> Model:
    columns = columns_of(task.texts, len(names))
    texts = matrix_of(task.texts, columns)
    weights, bias = _linear(texts, task, len(names), strength)
    # Else what is rare would be drowned by what is frequent, and the frequent of last year need not be today's.
    often = np.bincount(task.labels, weights=task.weights, minlength=len(names)) / task.weights.sum()
    bias = bias - _EVEN * np.log(often) / _sharpness(strength)
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


def _sharpness(strength: float) -> float:
    """Returns what makes the scores of the linear view speak as loud as those of the layer."""
    return float(6 * strength**0.3)


def _linear(texts: Any, task: _Task, count: int, strength: float) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
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


class _Trusted(NamedTuple):
    trust: Trust
    threshold: float


def _trusted(model: Model, rows: Sequence[tuple[Reading, str]]) -> _Trusted:
    """Returns the curve from scores to how often that was right, and the threshold that gives up few right ones."""
    asked = Linear(model)
    scores = [asked.scores(reading) for reading, _ in rows]
    signs = np.array([asked.signs(each) for each in scores], dtype=np.float64)
    right = np.array([asked.ranked(s, 1)[0].value == label for s, (_, label) in zip(scores, rows, strict=True)])
    if right.all() or not right.any():
        return _Trusted(Trust(), 0.0)
    trust = _curve(signs, right)
    level = Linear(msgspec.structs.replace(model, trust=trust))
    sure = np.array([level.confidence(each) for each in scores])
    return _Trusted(trust, round(float(np.quantile(sure[right], _GIVEN_UP)), 4))


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
