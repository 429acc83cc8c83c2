"""One row of routing.toml, compiled: which messages it applies to, and why it does not apply to the others."""

import re
from collections.abc import Callable, Iterator, Sequence
from fnmatch import fnmatchcase
from functools import partial
from itertools import takewhile

from classifiers._text import Lexicon, reading_of
from config.boxes import box_of
from config.schema import Rule, When
from core.decision import Finding
from core.text import fold
from router import answers
from router.view import ELSEWHERE, View

# What a condition rests on; () when it holds without a finding, None when it does not hold.
Grounds = tuple[Finding, ...] | None
Condition = Callable[[View], Grounds]
Values = Sequence[str]

# Classifiers whose findings a row needs when it names them.
_ANY_FINDING = ("auto", "urgent", "kind", "abuse", "rating")
_BY_FINDING = (*_ANY_FINDING, "faq", "topic")
# Senders choose the signs; there are far fewer in practice.
_MOST_SIGNS = 4_096
_BETWEEN = re.compile(r"[\W_]+")
_CONTEXTS: dict[str, Callable[[View], bool]] = {
    "reply": lambda view: bool(view.context.reply_to_case),
    "awaits_place": lambda view: bool(view.context.reply_to_case) and view.context.awaits_place,
    "answered_by_faq": lambda view: bool(view.context.reply_to_case) and view.context.answered_by_faq,
    "same_case": lambda view: bool(view.context.same_case),
    "rating_asked": lambda view: bool(view.context.reply_to_case) and view.context.rating_asked,
}


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
        self._conditions = list(_conditions(rule))
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


def _signs(view: View) -> tuple[object, ...]:
    """Returns all that the needs of rows look at."""
    findings, context = view.findings, view.context
    return (
        *[not findings.get(name) for name in _BY_FINDING],
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
    for name in _BY_FINDING:
        if getattr(when, name):
            yield partial(_is_found, name)
    if when.context:
        yield _CONTEXTS[when.context]
    if when.demand is not None:
        yield lambda view: (view.speech == "demand") is when.demand
    if when.owner:
        yield lambda view: _owns(when, view.owner)
    if when.district:
        yield lambda view: _district_possible(when.district, view)


def _conditions(rule: Rule) -> list[tuple[str, Condition]]:
    """Returns the conditions of a row with their names, the cheapest first."""
    when = rule.when
    wanted: list[tuple[str, object, Condition]] = [
        ("from, until", rule.begins or rule.until, _within(rule)),
        ("channel", when.channel, lambda view: _holds(view.message.channel in when.channel)),
        ("account", when.account, lambda view: _holds(view.message.account in when.account)),
        ("context", when.context, lambda view: _holds(_CONTEXTS[when.context](view))),
        ("threaded", when.threaded is not None, partial(_threaded, when)),
        ("text", when.text, _text(when.text)),
        ("words", when.words, _words(when.words)),
        *((name, getattr(when, name), partial(_found, name, when)) for name in _ANY_FINDING),
        ("demand", when.demand is not None, partial(_demand, when)),
        *((name, getattr(when, name), partial(_best, name, when)) for name in ("faq", "topic")),
        ("owner", when.owner, partial(_owner, when)),
        ("district", when.district, partial(_district, when)),
    ]
    named = [(name, condition) for name, given, condition in wanted if given]
    return [*named, ("may be answered", _may_answer)] if rule.then == "answer" else named


def _holds(fact: bool) -> Grounds:
    return () if fact else None


def _threaded(when: When, view: View) -> Grounds:
    return _holds(bool(view.message.in_reply_to or view.message.references) is when.threaded)


def _within(rule: Rule) -> Condition:
    """By the time of receipt: the same message is decided the same way whenever somebody looks."""
    begins, ends = box_of(rule)

    def holds(view: View) -> Grounds:
        at = view.message.received_at
        return _holds((begins is None or at >= begins) and (ends is None or at < ends))

    return holds


def _words(words: Values) -> Condition:
    lexicon = Lexicon((word, 0) for word in words)
    return lambda view: _holds(bool(lexicon.hits(reading_of(view.message))))


def _text(alternatives: str) -> Condition:
    begins = tuple(_bare(word) for word in alternatives.split("|") if word.endswith("*"))
    whole = frozenset(_bare(word) for word in alternatives.split("|") if not word.endswith("*"))

    def holds(view: View) -> Grounds:
        said = _bare(view.message.text[:200])
        return _holds(said in whole or (bool(begins) and said.startswith(begins)))

    return holds


def _bare(text: str) -> str:
    return _BETWEEN.sub("", fold(text))


def _is_enough(found: Finding, when: When) -> bool:
    return found.confidence >= when.at_least and found.lead >= when.lead


def _is_meant(found: Finding, values: Values) -> bool:
    return values == "*" or found.value in values


def _found(classifier: str, when: When, view: View) -> Grounds:
    """Any finding of the classifier will do."""
    values = getattr(when, classifier)
    for found in view.findings.get(classifier, ()):
        if _is_enough(found, when) and _is_meant(found, values):
            return (found,)
    return None


def _best(classifier: str, when: When, view: View) -> Grounds:
    """Only the best finding will do."""
    found = view.best(classifier)
    return (found,) if found and _is_enough(found, when) and _is_meant(found, getattr(when, classifier)) else None


def _demand(when: When, view: View) -> Grounds:
    found = view.best("demand")
    if (view.speech == "demand") is not when.demand:
        return None
    return (found,) if found and when.demand else ()


def _owner(when: When, view: View) -> Grounds:
    topic = view.best("topic")
    if topic is None or not view.owner or not _is_enough(topic, when):
        return None
    if not _owns(when, view.owner):
        return None
    return (topic, view.owned) if view.owned else (topic,)


def _is_found(classifier: str, view: View) -> bool:
    return bool(view.findings.get(classifier))


def _owns(when: When, owner: str) -> bool:
    return bool(owner) and (when.owner == "*" or any(fnmatchcase(owner, pattern) for pattern in when.owner))


def _district_possible(wanted: Values, view: View) -> bool:
    """Whether there is a finding of the sort that is wanted, whatever it says."""
    if wanted == "none":
        return not view.districts and not view.away
    if wanted == "several":
        return bool(view.districts) and not view.district and not view.away
    if wanted == "*":
        return bool(view.districts or view.away)
    return bool(view.district or view.away)


def _district(when: When, view: View) -> Grounds:
    wanted = when.district
    if wanted == "none":
        return _holds(not view.districts and not view.away)
    if wanted == "several":
        return view.districts if view.districts and not view.district and not view.away else None
    if wanted == "*":
        return view.districts or ((view.away,) if view.away else None)
    found = view.away if view.away and ELSEWHERE in wanted else view.district
    if found is None or found.confidence < when.at_least:
        return None
    return (found,) if wanted == "one" or found.value in wanted else None


def _may_answer(view: View) -> Grounds:
    return _holds(not answers.why_not(view))
