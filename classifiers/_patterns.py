"""Regular expressions that admins write: refused when they could hang, tried only where they can match."""

import re
from collections.abc import Iterator, Sequence
from re import _constants as ops  # type: ignore[attr-defined]
from re import _parser  # type: ignore[attr-defined]
from typing import Any

from classifiers._text import Lexicon, Reading, tight
from core.errors import ConfigError

# How many ways to try from one place of the text, times the characters of a window, bounds the work.
_MOST_WAYS = 500
_WINDOW = 1_000
_OVERLAP = 100
_REPEATS = (ops.MAX_REPEAT, ops.MIN_REPEAT, ops.POSSESSIVE_REPEAT)
_LOOKS = (ops.ASSERT, ops.ASSERT_NOT)
_BLANKS = re.compile(r"\s+")


class Patterns:
    """Compiled patterns of many entries over a text, with blanks folded and without blanks.

    Raises `ConfigError` with every pattern that is wrong or too costly; `where` says what file they stand in.
    """

    def __init__(self, entries: Sequence[tuple[str, int]], *, where: str) -> None:
        mistakes = [f"{where}: {why}" for pattern, _ in entries if (why := _refusal(pattern))]
        if mistakes:
            raise ConfigError(*mistakes)
        self._compiled = [(re.compile(pattern, re.IGNORECASE), pattern, entry) for pattern, entry in entries]
        needed = [_needed(_parser.parse(pattern)) for pattern, _ in entries]
        self._always = [place for place, literals in enumerate(needed) if not literals]
        self._gate = Lexicon((literal, place) for place, literals in enumerate(needed) for literal in literals)

    def hits(self, reading: Reading) -> list[tuple[int, str, str]]:
        """Returns the entry, the pattern and the words it matched, for each pattern that matches."""
        places = sorted({*self._always, *(self._gate.entries(reading.tight))})
        if not places:
            return []
        texts = [*_windows(_BLANKS.sub(" ", reading.spaced)), *_windows(reading.tight)]
        found = []
        for compiled, pattern, entry in (self._compiled[place] for place in places):
            match = next((match for text in texts if (match := compiled.search(text))), None)
            if match:
                found.append((entry, pattern, match.group()))
        return found


def _windows(text: str) -> Iterator[str]:
    for start in range(0, max(len(text), 1), _WINDOW - _OVERLAP):
        yield text[start : start + _WINDOW]


def _refusal(pattern: str) -> str:
    """Returns why a pattern cannot be used, "" when it can."""
    try:
        ways = _ways(_parser.parse(pattern))
    except (re.error, RecursionError, OverflowError) as error:
        return f"the pattern {pattern!r} is no regular expression: {error}. Mend it or write the words as keywords"
    if ways > _MOST_WAYS:
        return (
            f"the pattern {pattern!r} may take too long on a hostile text. Write .{{0,20}} in place of .* or .+, "
            "and no repeat inside a repeat"
        )
    return ""


def _ways(tree: Any) -> int:
    """Returns how many ways there are to match from one place, at most; too many are cut short."""
    ways = 1
    for operator, argument in tree:
        ways = min(ways * _ways_of(operator, argument), _WINDOW**2)
    return ways


def _ways_of(operator: Any, argument: Any) -> int:
    if operator in _REPEATS:
        return _ways_of_repeat(*argument)
    if operator is ops.BRANCH:
        branches = [_ways(branch) for branch in argument[1]]
        return max(branches) if _tells_apart(argument[1]) else sum(branches)
    if operator is ops.SUBPATTERN:
        return _ways(argument[-1])
    if operator in _LOOKS:
        return _ways(argument[1])
    if operator is ops.ATOMIC_GROUP:
        return _ways(argument)
    # References to groups match texts of any length again and again.
    return _WINDOW if operator in {ops.GROUPREF, ops.GROUPREF_EXISTS} else 1


def _ways_of_repeat(least: int, most: int, body: Any) -> int:
    # Blanks are folded before: a run of them is one.
    most = min(int(most), 1 if _is_blank(body) else _WINDOW)
    least = int(least)
    inner = _ways(body)
    if inner == 1:
        return max(most - least, 0) + 1
    ways: int = sum(inner ** min(times, 20) for times in range(least, most + 1))
    return min(ways, _WINDOW**2)


def _is_blank(body: Any) -> bool:
    items = list(body)
    if len(items) != 1:
        return False
    operator, argument = items[0]
    return (operator is ops.LITERAL and chr(argument) == " ") or (
        operator is ops.IN and list(argument) == [(ops.CATEGORY, ops.CATEGORY_SPACE)]
    )


def _tells_apart(branches: Any) -> bool:
    """Whether the first character already says which branch it is."""
    firsts = [list(branch)[:1] for branch in branches]
    letters = [first[0][1] for first in firsts if first and first[0][0] is ops.LITERAL]
    return len(letters) == len(firsts) == len(set(letters))


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
