"""Runs the examples that rules and questions carry, as `eungdapso check` does."""

from collections.abc import Iterator
from datetime import date, datetime, time

from config.schema import City, Faq, Rule
from core.clock import SEOUL
from core.decision import Context, Decision
from core.message import Message
from router.router import Router

# A Monday that is worked; examples of rules do not depend on the day.
_DAY = date(2026, 11, 23)
_CONTEXTS = {
    "": Context(),
    "reply": Context(reply_to_case="1"),
    "awaits_place": Context(reply_to_case="1", awaits_place=True, case_text="쓰레기 무단투기를 단속해주세요"),
    "answered_by_faq": Context(reply_to_case="1", answered_by_faq=True),
    "same_case": Context(same_case="1"),
    "rating_asked": Context(reply_to_case="1", rating_asked=True),
}


def check_examples(router: Router, city: City) -> list[str]:
    """Returns a sentence for each example that is not decided as it says."""
    return [*_rules(router, city), *_faqs(router, city)]


def _rules(router: Router, city: City) -> Iterator[str]:
    for rule in city.routing.rules:
        texts = (*rule.examples, *rule.not_examples)
        decisions = router.route(
            [_message(text, _DAY, rule) for text in texts], [_CONTEXTS[rule.when.context]] * len(texts)
        )
        for text, decision, wanted in zip(texts, decisions, _wanted(rule), strict=True):
            if wanted is not (decision.rule == rule.name):
                what = "examples" if wanted else "not_examples"
                yield f'routing.toml: rule "{rule.name}": {what}: "{text}" is decided by {_told(decision)}'


def _wanted(rule: Rule) -> list[bool]:
    return [True] * len(rule.examples) + [False] * len(rule.not_examples)


def _faqs(router: Router, city: City) -> Iterator[str]:
    for faq in city.faqs:
        day = faq.valid_from or min(_DAY, faq.valid_until or _DAY)
        asked = [faq.question, *faq.variants, *((faq.en.question, *faq.en.variants) if faq.en else ())]
        texts = [*asked, *faq.not_examples]
        decisions = router.route([_message(text, day) for text in texts], [Context()] * len(texts))
        for place, (text, decision) in enumerate(zip(texts, decisions, strict=True)):
            wanted = place < len(asked) and faq.verified
            if wanted is not _is_answered(decision, faq):
                what = "variants" if place < len(asked) else "not_examples"
                yield f'faq "{faq.id}": {what}: "{text}" is decided by {_told(decision)}'


def _is_answered(decision: Decision, faq: Faq) -> bool:
    return decision.action == "answer" and decision.faq == faq.id


def _told(decision: Decision) -> str:
    target = decision.faq or decision.queue or decision.case or ""
    because = "; ".join(decision.because) or "nothing found"
    return f'rule "{decision.rule}": {decision.action} {target} ({because}). Mend the rule, its words or the example.'


def _message(text: str, day: date, rule: Rule | None = None) -> Message:
    """Returns a message that the row's outer conditions hold for."""
    when = rule.when if rule else None
    auto = () if when is None or not when.auto else ("automatic",) if when.auto == "*" else when.auto[:1]
    return Message(
        id="",
        channel=when.channel[0] if when and when.channel else "form",
        account=when.account[0] if when and when.account else "",
        native_id="",
        received_at=datetime.combine(day, time(10), SEOUL),
        text=text,
        signals=tuple(f"{signal}: an example" for signal in auto),
        in_reply_to="an example" if when and when.threaded else "",
    )
