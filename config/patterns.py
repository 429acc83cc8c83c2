"""What a regular expression that an admin wrote may cost at most: found by looking at it, before it meets any text.

The engine tries one way after the other, so that an innocent pattern and a hostile text can take longer than the sun
lasts. Here the steps from one place of a text are bounded: whoever tries a pattern knows what it will cost.
"""

import re
import warnings
from re import _constants as ops  # type: ignore[attr-defined]
from re import _parser  # type: ignore[attr-defined]
from typing import Any, NamedTuple

# The longest piece of text that a pattern is tried on.
WINDOW = 1_000
# Steps from one place of the text: ".{0,20}" twice takes some 2,500.
MOST_STEPS = 5_000
# Ways to match from there: nobody means a hundred words between two.
_MOST_WAYS = 500
_MOST_CHARACTERS = 500
_MOST_DEPTH = 20
_ENDLESS = 10**9
_REPEATS = (ops.MAX_REPEAT, ops.MIN_REPEAT, ops.POSSESSIVE_REPEAT)
_LOOKS = (ops.ASSERT, ops.ASSERT_NOT)


class _Cost(NamedTuple):
    """In how many ways something matches from one place, and the steps to try them all."""

    ways: int
    steps: int


def parsed(pattern: str) -> Any:
    """Returns the pattern as the library's own tree."""
    return _parser.parse(pattern)


def steps(pattern: str) -> int:
    """Returns how many steps the pattern takes from one place of a window at most."""
    return _all(parsed(pattern), 0).steps


def refusal(pattern: str) -> str:
    """Returns why a pattern cannot be used and what now, "" when it can."""
    if len(pattern) > _MOST_CHARACTERS:
        return f"is longer than {_MOST_CHARACTERS} characters. Write the words as keywords, or several patterns"
    try:
        # A warning of the library is about what will mean something else one day.
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            cost = _all(parsed(pattern), 0)
            re.compile(pattern, re.IGNORECASE)
    except (re.error, RecursionError, OverflowError, Warning) as error:
        why = str(error) or "it is nested too deep"
        return f"is no regular expression: {why}. Mend it or write the words as keywords"
    if cost.steps > MOST_STEPS or cost.ways > _MOST_WAYS:
        return (
            "may take too long on a hostile text. Write .{0,20} in place of .* or .+, no repeat inside a repeat, and "
            "no \\1"
        )
    return ""


def _all(tree: Any, depth: int) -> _Cost:
    """What stands one after the other: every way through the first ones leads to all ways of the next one."""
    if depth > _MOST_DEPTH:
        return _Cost(_ENDLESS, _ENDLESS)
    ways, taken = 1, 1
    for operator, argument in tree:
        cost = _one(operator, argument, depth + 1)
        taken = min(taken + ways * cost.steps, _ENDLESS)
        ways = min(ways * cost.ways, _ENDLESS)
    return _Cost(ways, taken)


def _one(operator: Any, argument: Any, depth: int) -> _Cost:
    if operator in _REPEATS:
        least, most, body = argument
        cost = _repeated(least, most, body, depth)
        return _Cost(1, cost.steps) if operator is ops.POSSESSIVE_REPEAT else cost
    if operator is ops.BRANCH:
        return _any([_all(branch, depth) for branch in argument[1]], exclusive=_tells_apart(argument[1]))
    if operator is ops.SUBPATTERN:
        return _all(argument[-1], depth)
    if operator in _LOOKS:
        # Looking ahead finds one way and never another.
        return _Cost(1, _all(argument[1], depth).steps)
    if operator is ops.ATOMIC_GROUP:
        return _Cost(1, _all(argument, depth).steps)
    if operator in {ops.GROUPREF, ops.GROUPREF_EXISTS}:
        # References to groups match texts of any length again and again.
        return _Cost(_ENDLESS, _ENDLESS)
    return _Cost(1, 1 + len(argument) // 8 if operator is ops.IN else 1)


def _any(branches: list[_Cost], *, exclusive: bool) -> _Cost:
    tried = sum(branch.steps for branch in branches)
    count = max if exclusive else sum
    return _Cost(count(branch.ways for branch in branches), tried)


def _repeated(least: int, most: int, body: Any, depth: int) -> _Cost:
    ways, taken = _all(body, depth)
    most = min(int(most), max(int(least), _longest_run(body)))
    through = [1]
    for _ in range(min(most, 2 * MOST_STEPS)):
        through.append(min(through[-1] * ways, _ENDLESS))
    if most >= len(through):
        return _Cost(_ENDLESS, _ENDLESS)
    return _Cost(sum(through[int(least) :]), sum(through) + sum(through[:-1]) * taken)


def _longest_run(body: Any) -> int:
    """Returns how often a window holds the body at most; blanks are folded before: a run of them is one."""
    if _is_blank(body):
        return 1
    shortest, _ = body.getwidth()
    return WINDOW // max(int(shortest), 1)


def _is_blank(body: Any) -> bool:
    items = list(body)
    if len(items) != 1:
        return False
    operator, argument = items[0]
    return (operator is ops.LITERAL and chr(argument) == " ") or (
        operator is ops.IN and list(argument) == [(ops.CATEGORY, ops.CATEGORY_SPACE)]
    )


def _tells_apart(branches: Any) -> bool:
    """Whether the first character already says which branch it is, capital or not."""
    firsts = [list(branch)[:1] for branch in branches]
    letters = [chr(first[0][1]) for first in firsts if first and first[0][0] is ops.LITERAL]
    return len(letters) == len(firsts) and all(
        # As the engine compares: K, k and the sign for Kelvin are one letter, and so are S, s and the long s.
        not re.match(f"[{re.escape(''.join(letters[:place]))}]", letter, re.IGNORECASE)
        for place, letter in enumerate(letters)
        if place
    )
