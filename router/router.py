"""Decides what happens with each message: the first row of routing.toml that applies. Pure and deterministic."""

import re
from collections.abc import Mapping, Sequence

import msgspec

from cases.clock import Period, accepted_at, due_at
from classifiers.base import Classifier
from config.schema import City, Faq, Rule
from core.calendar import Calendar
from core.decision import CONFIDENTIAL, TRIAGE, Context, Decision, Finding, Kind
from core.message import Message
from core.reply import Style
from core.text import fold
from router import answers
from router.cutoff import AfterCutoff, answer_at
from router.explain import explanation
from router.reasons import Reasons
from router.rules import Row, Rows
from router.view import Kinds, View, Views

# From here on an emergency is said to happen now.
_URGENT = 0.9
_RATING = re.compile(r"[1-5]")
_PLAIN = Style()
_NOTHING: tuple[Finding, ...] = ()
_TAKEN_BACK = Rule(name="taken back by its author", then="ignore")
_SETTLED = "answered by word of mouth"
_FALLBACK = Rule(name="no row applied", then="hold")


class Router:
    """Holds the compiled rules; `route` takes a batch, with for each message what the case store knows of it."""

    def __init__(
        self,
        city: City,
        classifiers: Mapping[str, Classifier],
        calendar: Calendar,
        deadlines: Mapping[Kind, Period],
        after_cutoff: AfterCutoff,
        styles: Mapping[str, Style],
    ) -> None:
        self._classifiers = classifiers
        self._calendar = calendar
        self._deadlines = deadlines
        self._after_cutoff = after_cutoff
        self._styles = styles
        self._versions = {"rules_version": city.rules_version, "faq_version": city.faq_version}
        self._units = {district.id: frozenset(district.units) for district in city.districts}
        self._offices = {one.id for one in city.districts} | {one.id for one in city.departments}
        self._views = Views(city)
        self._kinds = Kinds(city)
        self._reasons = Reasons(city)
        self._rows = [Row(rule) for rule in city.routing.rules]
        # A case that is routed anew by what it says is not answered, joined or put aside.
        self._routing = Rows([row for row in self._rows if row.rule.then in ("dispatch", "hold")])
        self._all = Rows(self._rows)

    def warm(self) -> None:
        """Loads models that would else be loaded with the first unsure message; takes seconds."""
        self._calendar.warm()
        for classifier in self._classifiers.values():
            classifier.warm()

    def route(self, messages: Sequence[Message], contexts: Sequence[Context]) -> list[Decision]:
        """Returns one decision for each message, in order."""
        joined = [_joined(message, context) for message, context in zip(messages, contexts, strict=True)]
        whole = [message for message in joined if message is not None]
        views = self._look([*messages, *whole], [*contexts, *(Context() for _ in whole)])
        again = iter(views[len(messages) :])
        return [
            self._decide(view, next(again) if other is not None else None)
            for view, other in zip(views[: len(messages)], joined, strict=True)
        ]

    def explain(self, message: Message, context: Context | None = None) -> dict[str, object]:
        """Returns the decision, every finding, the rows that were tried and why each did not apply, and what was
        close to deciding."""
        context = context or Context()
        view = self._look([message], [context])[0]
        return explanation(view, self._rows, self.route([message], [context])[0], self._reasons)

    def _look(self, messages: Sequence[Message], contexts: Sequence[Context]) -> list[View]:
        names = list(self._classifiers)
        columns = [self._classifiers[name].classify(messages) for name in names]
        rows = zip(*columns, strict=True) if columns else ((),) * len(messages)
        return [
            self._views.make(message, context, dict(zip(names, row, strict=True)))
            for message, context, row in zip(messages, contexts, rows, strict=True)
        ]

    def _decide(self, view: View, whole: View | None) -> Decision:
        if view.message.change == "removal":
            return self._join(view, _TAKEN_BACK, _NOTHING, None)
        if view.message.settled is not None:
            return self._settled(view)
        rule, grounds = _first(self._all, view)
        decision = self._acted(view, whole, rule, grounds)
        shadowed = self._all.shadowed(view, rule)
        return msgspec.structs.replace(decision, shadowed=shadowed) if shadowed else decision

    def _acted(self, view: View, whole: View | None, rule: Rule, grounds: Sequence[Finding]) -> Decision:
        if rule.then == "answer" and view.faq is not None:
            return self._answer(view, rule, grounds, view.faq)
        if rule.then in ("dispatch", "hold"):
            return self._place(view, rule, grounds)
        return self._join(view, rule, grounds, whole)

    def _answer(self, view: View, rule: Rule, grounds: Sequence[Finding], faq: Faq) -> Decision:
        found = view.best("faq")
        kind, _, _ = self._kinds.of(view)
        style = self._styles.get(view.message.channel, _PLAIN)
        at = answer_at(view.message.received_at, self._calendar, after_cutoff=self._after_cutoff, anytime=faq.anytime)
        return self._decision(
            view,
            rule,
            grounds,
            faq=faq.id,
            kind="inquiry" if kind == "other" else kind,
            confidence=found.confidence if found else 0.0,
            answer_at=at,
            answer=answers.words(faq, view.language, style),
        )

    def _place(self, view: View, rule: Rule, grounds: Sequence[Finding]) -> Decision:
        """Returns where the matter goes, what it is in law, and until when it is due."""
        kind, row, seen = self._kinds.of(view)
        queue = rule.queue or (TRIAGE if rule.then == "hold" else row.queue if row and row.queue else "")
        queue = queue or _owner_of(view, grounds)
        grounds = tuple(dict.fromkeys((*grounds, *((seen,) if seen else ()))))
        accepted = accepted_at(view.message.received_at, self._calendar)
        period = self._deadlines.get(kind) or self._deadlines.get("other")
        asks = rule.ask and view.message.replyable and not view.districts
        return self._decision(
            view,
            rule,
            grounds,
            action="hold" if queue == TRIAGE else "dispatch",
            queue=queue,
            unit=self._unit(view, rule, queue, grounds),
            kind=kind,
            confidential=kind in CONFIDENTIAL or (row is not None and row.confidential),
            accepted_at=accepted,
            due_at=due_at(period, accepted, self._calendar) if period else None,
            ask=rule.ask if asks else "",
        )

    def _settled(self, view: View) -> Decision:
        """Returns whose an answer by word of mouth is: the office's that gave it, but for what only some may read."""
        decision = self._place(view, *_first(self._routing, view))
        office = view.message.account
        own = decision.confidential or office not in self._offices
        queue = decision.queue if own else office
        unit = decision.unit if queue == decision.queue else None
        return msgspec.structs.replace(decision, action="dispatch", queue=queue, unit=unit, ask="", reason=_SETTLED)

    def _join(self, view: View, rule: Rule, grounds: Sequence[Finding], whole: View | None) -> Decision:
        """Returns what a message means for a case that is there, or that it makes none and why."""
        case = view.context.same_case if rule.when.context == "same_case" else view.context.reply_to_case
        rating = _rating_of(view) if rule.then == "rate" else None
        placed: dict[str, object] = {"confidential": view.confidential}
        if rule.then == "follow_up" and whole is not None:
            again = self._place(whole, *_first(self._routing, whole))
            grounds = (*grounds, *(finding for finding in whole.findings.get("district", ())[:1]))
            placed = {name: getattr(again, name) for name in _PLACED}
        signs = [finding.because for finding in grounds if finding.classifier == "auto"]
        return self._decision(
            view,
            rule,
            grounds,
            case=case or None,
            reason=f"{rule.name} ({signs[0]})" if signs else rule.name,
            rating=rating,
            **placed,
        )

    def _decision(self, view: View, rule: Rule, grounds: Sequence[Finding], **said: object) -> Decision:
        urgent = _emergency(view, grounds)
        common: dict[str, object] = {
            "action": rule.then,
            "topic": view.topic.id if view.topic and rule.then in _OWN_MATTER else None,
            "district": view.district.value if view.district else None,
            "districts": tuple(finding.value for finding in view.districts),
            "language": view.language,
            "confidence": round(min((finding.confidence for finding in grounds), default=0.0), 4),
            "rule": rule.name,
            "because": tuple(dict.fromkeys(self._reasons.because(grounds, view))) or tuple(self._reasons.guesses(view)),
            "urgent": urgent is not None,
            "urgency": urgent.value if urgent else "",
        }
        return Decision(**(common | self._versions | said))  # type: ignore[arg-type]  # the fields by their names

    def _unit(self, view: View, rule: Rule, queue: str, grounds: Sequence[Finding]) -> str | None:
        by_topic = view.topic.unit if view.topic and view.best("topic") in grounds else ""
        unit = rule.unit or by_topic
        return unit if unit in self._units.get(queue, ()) else None


_OWN_MATTER = frozenset({"answer", "dispatch", "hold"})
_PLACED = ("queue", "unit", "kind", "confidential", "topic", "district", "districts", "accepted_at", "due_at")


def _first(rows: Rows, view: View) -> tuple[Rule, tuple[Finding, ...]]:
    return rows.first(view) or (_FALLBACK, _NOTHING)


def _rating_of(view: View) -> int | None:
    """Returns the rating that was found, else the first number of a message that a row takes for one."""
    found = view.best("rating")
    number = _RATING.search(found.value if found else fold(view.message.text))
    return int(number[0]) if number else None


def _joined(message: Message, context: Context) -> Message | None:
    """Returns what the case says together with this reply, when the case is to be routed anew."""
    if not (context.reply_to_case and context.case_text and (context.awaits_place or context.answered_by_faq)):
        return None
    return msgspec.structs.replace(message, subject="", text=f"{context.case_text}\n{message.text}", signals=())


def _owner_of(view: View, grounds: Sequence[Finding]) -> str:
    """Returns the queue that the findings of the row point to: the topic's owner, else the one sure district."""
    by_topic = view.best("topic") in grounds
    if by_topic and view.owner not in ("", "district"):
        return view.owner
    return view.district.value if view.district else TRIAGE


def _emergency(view: View, grounds: Sequence[Finding]) -> Finding | None:
    found = view.best("urgent")
    return found if found and (found.confidence >= _URGENT or found in grounds) else None
