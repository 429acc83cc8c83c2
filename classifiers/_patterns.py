"""Regular expressions that admins write: refused when they could hang, tried only where they can match."""

import re
from collections.abc import Iterator, Sequence
from re import _constants as ops  # type: ignore[attr-defined]
from typing import Any

from classifiers._text import Lexicon, Reading, tight
from config.patterns import WINDOW, parsed, refusal, steps
from core.errors import ConfigError

_OVERLAP = 100
# Steps for one message and all patterns, a tenth of a second or so: who writes long texts against a costly pattern gets
# its beginning read. Counted and not timed, so that the same text is always read as far.
_MOST_STEPS = 40_000_000
_REPEATS = (ops.MAX_REPEAT, ops.MIN_REPEAT, ops.POSSESSIVE_REPEAT)
_BLANKS = re.compile(r"\s+")


class Patterns:
    """Compiled patterns of many entries over a text, with blanks folded and without blanks.

    Raises `ConfigError` with every pattern that is wrong or too costly; `where` says what file they stand in.
    """

    def __init__(self, entries: Sequence[tuple[str, int]], *, where: str) -> None:
        mistakes = [f"{where}: the pattern {p!r} {why}." for p, _ in entries if (why := refusal(p))]
        if mistakes:
            raise ConfigError(*mistakes)
        self._compiled = [(re.compile(pattern, re.IGNORECASE), pattern, entry) for pattern, entry in entries]
        self._steps = [steps(pattern) for pattern, _ in entries]
        needed = [_needed(parsed(pattern)) for pattern, _ in entries]
        self._always = [place for place, literals in enumerate(needed) if not literals]
        self._gate = Lexicon((literal, place) for place, literals in enumerate(needed) for literal in literals)

    def hits(self, reading: Reading) -> list[tuple[int, str, str]]:
        """Returns the entry, the pattern and the words it matched, for each pattern that matches."""
        places = sorted({*self._always, *(self._gate.entries(reading.tight))})
        if not places:
            return []
        texts = (_BLANKS.sub(" ", reading.spaced), reading.tight)
        share = _MOST_STEPS // len(places)
        found = []
        for place in places:
            compiled, pattern, entry = self._compiled[place]
            # The beginning of both forms before the rest of one.
            most = share // (len(texts) * self._steps[place])
            match = next((match for text in texts if (match := _search(compiled, text, most))), None)
            if match:
                found.append((entry, pattern, match.group()))
        return found


def _search(compiled: re.Pattern[str], text: str, most: int) -> re.Match[str] | None:
    """Returns the first match in as many characters of the text as may be tried."""
    return next(
        (match for start, end in _windows(min(len(text), most)) if (match := compiled.search(text, start, end))), None
    )


def _windows(length: int) -> Iterator[tuple[int, int]]:
    for start in range(0, max(length, 1), WINDOW - _OVERLAP):
        yield start, min(start + WINDOW, length)


def _needed(tree: Any) -> frozenset[str]:
    """Returns literals of which every match has at least one, none when there are no such; the rarest are best."""
    best: frozenset[str] = frozenset()
    run = ""
    for operator, argument in [*tree, (None, None)]:
        if operator is ops.LITERAL:
            run += chr(argument)
            continue
        best = max(best, frozenset({tight(run)} - {""}), _needed_of(operator, argument), key=_rarity)
        run = ""
    return best


def _needed_of(operator: Any, argument: Any) -> frozenset[str]:
    if operator is ops.SUBPATTERN:
        return _needed(argument[-1])
    if operator is ops.BRANCH:
        parts = [_needed(branch) for branch in argument[1]]
        return frozenset().union(*parts) if all(parts) else frozenset()
    if operator in _REPEATS and argument[0] > 0:
        return _needed(argument[2])
    return frozenset()


def _rarity(literals: frozenset[str]) -> int:
    return min(map(len, literals), default=0)
