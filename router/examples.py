"""Runs the examples that rules and questions carry, as `eungdapso check` does."""

from collections.abc import Callable, Iterator, Sequence
from datetime import date, datetime, time, timedelta

from config.boxes import box_of
from config.schema import City, Faq, KindWords, Rule, Urgency
from core.clock import SEOUL
from core.decision import Context, Decision
from core.message import Message
from router.router import Router

# ("rule" | "faq" | "urgent" | "kind", its name, of the last two its number, steps in it) -> where that stands.
At = Callable[..., str]

# A Monday that is worked; examples of rules do not depend on the day.
_DAY = date(2026, 11, 23)
_MOST_DAYS = 1_000
_CONTEXTS = {
    "": Context(),
    "reply": Context(reply_to_case="1"),
    "awaits_place": Context(reply_to_case="1", awaits_place=True, case_text="쓰레기 무단투기를 단속해주세요"),
    "answered_by_faq": Context(reply_to_case="1", answered_by_faq=True),
    "same_case": Context(same_case="1"),
    "rating_asked": Context(reply_to_case="1", rating_asked=True),
}


def check_examples(router: Router, city: City, at: At | None = None, *, is_whole: bool = True) -> list[str]:
    """Returns a sentence for each example that is not decided as it says.

    Of a city whose files have mistakes (`is_whole` false) only what cannot be a consequence of those: the examples of
    its rows. A row that applies although others are missing would not apply less without them.
    """
    where = at or _named
    if not is_whole:
        return [*_rules(router, city, where, is_whole)]
    return [*_rules(router, city, where, is_whole), *_faqs(router, city, where), *_guarded(router, city, where)]


def _named(table: str, name: str, *_steps: str | int) -> str:
    return f'faq "{name}"' if table == "faq" else f'routing.toml: {table} "{name}"'


def _rules(router: Router, city: City, at: At, is_whole: bool) -> Iterator[str]:
    calm = _calm_day(city)
    for rule in city.routing.rules:
        kinds = ("examples", "not_examples") if is_whole else ("examples",)
        cases = [(kind, place, text) for kind in kinds for place, text in enumerate(getattr(rule, kind))]
        when = _moment(rule, calm)
        decisions = router.route(
            [_message(text, when, rule) for _, _, text in cases], [_CONTEXTS[rule.when.context]] * len(cases)
        )
        for (kind, place, text), decision in zip(cases, decisions, strict=True):
            if (kind == "examples") is not _applies(rule, decision):
                yield f'{at("rule", rule.name, kind, place)}: {kind}: "{text}" is decided by {_told(decision)}'


def _applies(rule: Rule, decision: Decision) -> bool:
    return rule.name in decision.shadowed if rule.shadow else decision.rule == rule.name


def _calm_day(city: City) -> date:
    """Returns a day on which no row holds for a time only: what others say of their rows is said of most days."""
    boxes = [box_of(rule) for rule in city.routing.rules if (rule.begins or rule.until) and not rule.shadow]
    days = (_DAY + timedelta(weeks=weeks) for weeks in range(_MOST_DAYS))
    return next((day for day in days if not any(_is_open(box, day) for box in boxes)), _DAY)


def _is_open(box: tuple[datetime | None, datetime | None], day: date) -> bool:
    begins, ends = box
    noon = datetime.combine(day, time(10), SEOUL)
    return (begins is None or begins <= noon) and (ends is None or noon < ends)


def _moment(rule: Rule, calm: date) -> datetime:
    """Returns an instant at which the row may apply."""
    begins, ends = box_of(rule)
    usual = datetime.combine(calm, time(10), SEOUL)
    if begins is not None:
        return begins
    return min(usual, ends - timedelta(minutes=1)) if ends is not None else usual


def _faqs(router: Router, city: City, at: At) -> Iterator[str]:
    calm = _calm_day(city)
    for faq in city.faqs:
        day = faq.valid_from or min(calm, faq.valid_until or calm)
        asked = [("question", 0, faq.question), *(("variants", n, text) for n, text in enumerate(faq.variants))]
        if faq.en:
            asked += [("en", 0, text) for text in (faq.en.question, *faq.en.variants)]
        cases = [*asked, *(("not_examples", place, text) for place, text in enumerate(faq.not_examples))]
        when = datetime.combine(day, time(10), SEOUL)
        decisions = router.route([_message(text, when) for *_, text in cases], [Context()] * len(cases))
        for (what, place, text), decision in zip(cases, decisions, strict=True):
            if (what != "not_examples" and faq.verified) is not _is_answered(decision, faq):
                yield f'{at("faq", faq.id, what, place)}: {what}: "{text}" is decided by {_told(decision)}'


def _guarded(router: Router, city: City, at: At) -> Iterator[str]:
    """Yields the examples of emergencies and kinds that are missed, and sentences wrongly taken for one."""
    tables: tuple[tuple[str, Sequence[Urgency | KindWords]], ...] = (
        ("urgent", city.routing.urgent),
        ("kind", city.routing.kinds),
    )
    when = datetime.combine(_calm_day(city), time(10), SEOUL)
    for table, rows in tables:
        for number, row in enumerate(rows):
            cases = [
                (what, n, text) for what in ("examples", "not_examples") for n, text in enumerate(getattr(row, what))
            ]
            decisions = router.route([_message(text, when) for *_, text in cases], [Context()] * len(cases))
            for (what, place, text), decision in zip(cases, decisions, strict=True):
                is_row = decision.urgent if table == "urgent" else decision.confidential
                # Who is in danger at home is in either table: what is recognised as the other is recognised, too.
                if is_row if what == "not_examples" else not (decision.urgent or decision.confidential):
                    yield f'{at(table, str(number), what, place)}: {what}: "{text}" is decided by {_told(decision)}'


def _is_answered(decision: Decision, faq: Faq) -> bool:
    return decision.action == "answer" and decision.faq == faq.id


def _told(decision: Decision) -> str:
    target = decision.faq or decision.queue or decision.case or ""
    because = "; ".join(decision.because) or "nothing found"
    return f'rule "{decision.rule}": {decision.action} {target} ({because}). Mend {_culprit(decision)}or the example.'


def _culprit(decision: Decision) -> str:
    """Returns the row that is probably wrong: of what is recognised by sentences, the one that recognised it."""
    if decision.urgent:
        return f'[[urgent]] "{decision.urgency}", its not_examples, '
    return f'[[kind]] "{decision.kind}", its not_examples, ' if decision.confidential else "the rule, its words "


def _message(text: str, when_received: datetime, rule: Rule | None = None) -> Message:
    """Returns a message that the row's outer conditions hold for."""
    when = rule.when if rule else None
    auto = () if when is None or not when.auto else ("automatic",) if when.auto == "*" else when.auto[:1]
    return Message(
        id="",
        channel=when.channel[0] if when and when.channel else "form",
        account=when.account[0] if when and when.account else "",
        native_id="",
        received_at=when_received,
        text=text,
        signals=tuple(f"{signal}: an example" for signal in auto),
        in_reply_to="an example" if when and when.threaded else "",
    )
