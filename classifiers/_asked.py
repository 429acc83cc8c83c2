"""What kind of answer a question wants (a day, a place, a sum, a way, a leave), and how often an entry is asked so."""

import re
from collections.abc import Sequence
from math import log

import numpy as np

from classifiers._grams import Vector
from classifiers._likeness import Question
from classifiers._morphemes import ASKS

_MAY = re.compile(r"[도면]안?(?:되|돼|됩|될|됨)|가능|괜찮|수있")
_NOT = re.compile(r"(?:안|못)[^안못]+/V[VA]")
_LACKS = frozenset(("없/VA", "못하/VX", "않/VX"))
_NOTHING, _LEAVE, _DENIAL = "nothing", "may", "not"
_KINDS = (*sorted(set(ASKS.values())), _LEAVE, _DENIAL, _NOTHING)
_PLACES = {kind: place for place, kind in enumerate(_KINDS)}


def kinds(question: Question) -> frozenset[str]:
    """Returns the kinds of answer that a question wants, what it denies among them; never none."""
    found = {ASKS[word.form] for word in question.words.all if word.form in ASKS}
    if _MAY.search(question.reading.tight):
        found.add(_LEAVE)
    elif any(name in _LACKS or _NOT.fullmatch(name) for name in question.names):
        found.add(_DENIAL)
    return frozenset(found) or frozenset((_NOTHING,))


class Asked:
    """Holds how many wordings of each entry want which kind of answer."""

    def __init__(self, wordings: Sequence[Question], owner: Sequence[int], entries: int) -> None:
        self._counts: Vector = np.zeros((entries, len(_KINDS)), dtype=np.float32)
        self._sizes: Vector = np.zeros(entries, dtype=np.float32)
        for wording, entry in zip(wordings, owner, strict=True):
            self._counts[entry, [_PLACES[kind] for kind in kinds(wording)]] += 1
            self._sizes[entry] += 1

    def shares(self, question: Question, entry: int, without: Question | None = None) -> tuple[float, float]:
        """Returns the largest and the smallest share, as logarithms, of the entry's wordings that want an answer of a
        kind that the question wants; `without` is a wording of it that is left out."""
        left_out = kinds(without) if without is not None else frozenset()
        size = float(self._sizes[entry]) - (without is not None)
        counts = [float(self._counts[entry, _PLACES[kind]]) - (kind in left_out) for kind in sorted(kinds(question))]
        found = [log((count + 0.5) / (size + 1)) for count in counts]
        return max(found), min(found)
