"""How good a classifier is on labelled texts: accuracy, macro F1, coverage at a precision, the curve, confusions."""

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from pipeline.evaluate_lines import NOTHING

PRECISION = 0.95
_RECALLS = (0.5, 0.6, 0.7, 0.8, 0.9)
_MOST_CONFUSIONS = 20


class Said(NamedTuple):
    """What a text is, what was found first in it ("none" for nothing), how sure that was, and whether it is sure
    enough to be said."""

    label: str
    value: str
    confidence: float
    is_sure: bool = True


class Point(msgspec.Struct, frozen=True, kw_only=True):
    """One threshold: how much of what is outside is refused, how much of the rest is said rightly all the same."""

    threshold: float
    outside_recall: float
    in_scope_accuracy: float


class Confusion(msgspec.Struct, frozen=True, kw_only=True):
    label: str
    found: str
    texts: int


class LabelFigures(msgspec.Struct, frozen=True, kw_only=True):
    texts: int
    precision: float
    recall: float
    f1: float


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """`accuracy` counts "none" as a label like others: right where nothing was said. `best_guess` asks of texts that
    have a label only whether it came first, however unsure. The in-scope figures hold at the threshold."""

    part: str
    texts: int
    in_scope: int
    outside: int
    accuracy: float
    macro_f1: float
    best_guess: float
    coverage: float
    """Share of all texts that can be said so that `precision` of what is said is right."""
    precision: float = PRECISION
    in_scope_accuracy: float
    outside_recall: float | None
    threshold: float | None = None
    curve: tuple[Point, ...]
    labels: dict[str, LabelFigures]
    confusions: tuple[Confusion, ...]


def figures(part: str, rows: Sequence[Said], threshold: float | None = None) -> Figures:
    """Returns the figures of what was said. Without a text outside of all labels, the best guess counts as said."""
    outside = [row for row in rows if row.label == NOTHING]
    inside = [row for row in rows if row.label != NOTHING]
    found = [(row.label, row.value if row.is_sure or not outside else NOTHING) for row in rows]
    by_label = _by_label(found)
    return Figures(
        part=part,
        texts=len(rows),
        in_scope=len(inside),
        outside=len(outside),
        accuracy=_share(sum(label == value for label, value in found), len(rows)),
        macro_f1=_share(sum(each.f1 for each in by_label.values()), len(by_label)),
        best_guess=_share(sum(row.label == row.value for row in inside), len(inside)),
        coverage=coverage(rows),
        in_scope_accuracy=_share(sum(row.is_sure and row.label == row.value for row in inside), len(inside)),
        outside_recall=_share(sum(_is_refused(row) for row in outside), len(outside)) if outside else None,
        threshold=threshold,
        curve=tuple(_curve(inside, outside)),
        labels=by_label,
        confusions=tuple(
            Confusion(label=label, found=value, texts=count)
            for (label, value), count in sorted(
                Counter(pair for pair in found if pair[0] != pair[1]).items(), key=lambda item: (-item[1], item[0])
            )[:_MOST_CONFUSIONS]
        ),
    )


def coverage(rows: Sequence[Said], precision: float = PRECISION) -> float:
    """Returns the largest share of all texts that may be said when so much of what is said must be right.

    Texts of equal confidence are said together or not at all.
    """
    order = sorted((row for row in rows if row.value != NOTHING), key=lambda row: -row.confidence)
    right = best = 0
    for place, row in enumerate(order):
        right += row.label == row.value
        is_last = place + 1 == len(order) or order[place + 1].confidence < row.confidence
        if is_last and right >= precision * (place + 1):
            best = place + 1
    return _share(best, len(rows))


def _curve(inside: Sequence[Said], outside: Sequence[Said]) -> list[Point]:
    """Returns for some shares of what is outside the threshold that refuses as much, and what it costs."""
    levels = sorted(0.0 if row.value == NOTHING else row.confidence for row in outside)
    points = []
    for wanted in _RECALLS if levels else ():
        number = min(int(wanted * len(levels)), len(levels) - 1)
        # The next number above: what is as sure as that is refused, too.
        threshold = levels[number]
        refused = sum(level < threshold for level in levels)
        right = sum(row.label == row.value and row.confidence >= threshold for row in inside)
        points.append(
            Point(
                threshold=round(threshold, 4),
                outside_recall=_share(refused, len(levels)),
                in_scope_accuracy=_share(right, len(inside)),
            )
        )
    return points


def _by_label(found: Sequence[tuple[str, str]]) -> dict[str, LabelFigures]:
    truth, said = Counter(label for label, _ in found), Counter(value for _, value in found)
    right = Counter(label for label, value in found if label == value)
    return {
        label: LabelFigures(
            texts=truth[label],
            precision=_share(right[label], said[label]),
            recall=_share(right[label], truth[label]),
            f1=_share(2 * right[label], truth[label] + said[label]),
        )
        for label in sorted(truth.keys() | said.keys())
    }


def _is_refused(row: Said) -> bool:
    return row.value == NOTHING or not row.is_sure


def _share(part: float, whole: int) -> float:
    return round(part / whole, 4) if whole else 0.0
