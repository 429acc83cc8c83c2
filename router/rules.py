"""The rows of routing.toml, compiled: the first that applies to a message, and why the others do not."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import takewhile

from config.schema import Rule, When
from core.decision import Finding
from router.conditions import BY_FINDING, CONTEXTS, Grounds, Values, conditions, owns
from router.view import View

# Senders choose the signs; there are far fewer in practice.
_MOST_SIGNS = 4_096


class Rows:
    """Rows in their order. What most messages have in common is looked at once, not for each of them anew."""

    def __init__(self, rows: Sequence["Row"]) -> None:
        self._all = rows
        self._rows = [row for row in rows if not row.rule.shadow]
        self._has_shadows = len(self._rows) < len(rows)
        self._open: dict[tuple[object, ...], list[Row]] = {}

    def first(self, view: View) -> tuple[Rule, tuple[Finding, ...]] | None:
        """Returns the first row that applies with its grounds, None when none does."""
        signs = _signs(view)
        rows = self._open.get(signs)
        if rows is None:
            if len(self._open) >= _MOST_SIGNS:
                self._open.clear()
            rows = self._open[signs] = [row for row in self._rows if row.may_apply(view)]
        for row in rows:
            grounds = row.grounds(view)
            if grounds is not None:
                return row.rule, grounds
        return None

    def shadowed(self, view: View, decided: Rule) -> tuple[str, ...]:
        """Returns the names of the shadow rows that stand before the row that decided and apply, too."""
        if not self._has_shadows:
            return ()
        before = takewhile(lambda row: row.rule is not decided, self._all)
        return tuple(row.rule.name for row in before if row.rule.shadow and row.grounds(view) is not None)


class Row:
    """A rule that was compiled once.

    `at_least` and `lead` hold for every finding that the row names, but for two: of places only `at_least`, of those
    that are named, and of `demand` neither.
    """

    def __init__(self, rule: Rule) -> None:
        self.rule = rule
        self._conditions = list(conditions(rule))
        self._needs = list(_needs(rule.when))

    def may_apply(self, view: View) -> bool:
        """Whether the row can apply to a message with the same signs; says the same for all of them."""
        return all(need(view) for need in self._needs)

    def grounds(self, view: View) -> Grounds:
        """Returns the findings for which the row applies, None when it does not apply."""
        found: list[Finding] = []
        for _, holds in self._conditions:
            grounds = holds(view)
            if grounds is None:
                return None
            found += grounds
        return tuple(dict.fromkeys(found)) if len(found) > 1 else tuple(found)

    def failing(self, view: View) -> str:
        """Returns the name of the first condition that does not hold, "" when all do."""
        return next((name for name, holds in self._conditions if holds(view) is None), "")

    def lacks(self, view: View) -> list[str]:
        """Returns the names of all conditions that do not hold."""
        return [name for name, holds in self._conditions if holds(view) is None]

    def is_meant(self, name: str, found: Finding, view: View) -> bool:
        """Whether the row names what was found, however sure that is."""
        if name == "owner":
            return owns(self.rule.when, view.owner)
        values = getattr(self.rule.when, name)
        return values in ("*", "one") or found.value in values


def _signs(view: View) -> tuple[object, ...]:
    """Returns all that the needs of rows look at."""
    findings, context = view.findings, view.context
    return (
        *[not findings.get(name) for name in BY_FINDING],
        view.owner,
        view.speech == "demand",
        not view.districts,
        view.district is None,
        view.away is None,
        not context.reply_to_case,
        not context.same_case,
        context.awaits_place,
        context.answered_by_faq,
        context.rating_asked,
    )


def _needs(when: When) -> Iterator[Callable[[View], bool]]:
    """Yields what must hold for a row to apply, as far as the signs tell."""
    for name in BY_FINDING:
        if getattr(when, name):
            yield partial(_is_found, name)
    if when.context:
        yield CONTEXTS[when.context]
    if when.demand is not None:
        yield lambda view: (view.speech == "demand") is when.demand
    if when.owner:
        yield lambda view: owns(when, view.owner)
    if when.district:
        yield lambda view: _district_possible(when.district, view)


def _is_found(classifier: str, view: View) -> bool:
    return bool(view.findings.get(classifier))


def _district_possible(wanted: Values, view: View) -> bool:
    """Whether there is a finding of the sort that is wanted, whatever it says."""
    if wanted == "none":
        return not view.districts and not view.away
    if wanted == "several":
        return bool(view.districts) and not view.district and not view.away
    if wanted == "*":
        return bool(view.districts or view.away)
    return bool(view.district or view.away)
