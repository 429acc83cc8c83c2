"""The conditions that a rule may have: whether each holds for a message, and on which findings."""

import re
from collections.abc import Callable, Sequence
from fnmatch import fnmatchcase
from functools import partial

from classifiers._text import Lexicon, quote, reading_of
from config.boxes import box_of
from config.schema import Rule, When
from core.decision import ELSEWHERE, Finding
from core.text import fold
from router import answers
from router.view import View

# What a condition rests on; () when it holds without a finding, None when it does not hold.
Grounds = tuple[Finding, ...] | None
Condition = Callable[[View], Grounds]
Values = Sequence[str]

# Classifiers whose findings a row needs when it names them.
ANY_FINDING = ("auto", "urgent", "kind", "abuse", "rating")
BY_FINDING = (*ANY_FINDING, "faq", "topic")
_BETWEEN = re.compile(r"[\W_]+")
CONTEXTS: dict[str, Callable[[View], bool]] = {
    "reply": lambda view: bool(view.context.reply_to_case),
    "awaits_place": lambda view: bool(view.context.reply_to_case) and view.context.awaits_place,
    "answered_by_faq": lambda view: bool(view.context.reply_to_case) and view.context.answered_by_faq,
    "same_case": lambda view: bool(view.context.same_case),
    "rating_asked": lambda view: bool(view.context.reply_to_case) and view.context.rating_asked,
}


def conditions(rule: Rule) -> list[tuple[str, Condition]]:
    """Returns the conditions of a row with their names, the cheapest first."""
    when = rule.when
    wanted: list[tuple[str, object, Condition]] = [
        ("from, until", rule.begins or rule.until, _within(rule)),
        ("channel", when.channel, partial(_told, "channel", when.channel)),
        ("account", when.account, partial(_told, "account", when.account)),
        ("context", when.context, lambda view: _holds(CONTEXTS[when.context](view))),
        ("threaded", when.threaded is not None, partial(_threaded, when)),
        ("text", when.text, _text(when.text)),
        ("words", when.words, _words(when.words)),
        *((name, getattr(when, name), partial(_found, name, when)) for name in ANY_FINDING),
        ("demand", when.demand is not None, partial(_demand, when)),
        *((name, getattr(when, name), partial(_best, name, when)) for name in ("faq", "topic")),
        ("owner", when.owner, partial(_owner, when)),
        ("district", when.district, partial(_district, when)),
    ]
    named = [(name, condition) for name, given, condition in wanted if given]
    return [*named, ("may be answered", _may_answer)] if rule.then == "answer" else named


def _holds(fact: bool) -> Grounds:
    return () if fact else None


def _told(name: str, values: Values, view: View) -> Grounds:
    """What the message says of itself is sure, and a ground like others."""
    said: str = getattr(view.message, name)
    return (Finding(name, said, 1.0),) if said in values else None


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

    def holds(view: View) -> Grounds:
        # Of two spellings at one place one will do.
        hits = {hit.start: hit.phrase for hit in reversed(lexicon.hits(reading_of(view.message)))}
        return (Finding("words", "", 1.0, quote([hits[place] for place in sorted(hits)])),) if hits else None

    return holds


def _text(alternatives: str) -> Condition:
    """The row's own words are the ground, not the message's: behind them may stand whatever somebody wrote."""
    words = alternatives.split("|")
    whole = {_bare(word): word for word in reversed(words) if not word.endswith("*")}
    begins = {_bare(word): word for word in words if word.endswith("*")}

    def holds(view: View) -> Grounds:
        said = _bare(view.message.text[:200])
        word = whole.get(said) or next((begins[start] for start in begins if said.startswith(start)), "")
        return (Finding("text", "", 1.0, quote([word])),) if word else None

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
    if not owns(when, view.owner):
        return None
    return (topic, view.owned) if view.owned else (topic,)


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


def owns(when: When, owner: str) -> bool:
    return bool(owner) and (when.owner == "*" or any(fnmatchcase(owner, pattern) for pattern in when.owner))
