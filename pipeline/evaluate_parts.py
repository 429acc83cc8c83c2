"""What the running classifiers, or a model learned for the occasion, say of labelled lines."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime

from classifiers._linear import Linear, Model
from classifiers._text import read
from classifiers.base import Classifier
from config.near import nearest
from config.schema import City
from core.decision import ELSEWHERE, OWNER, Context, Decision, Finding
from core.errors import ConfigError
from core.message import Location, Message
from pipeline.evaluate import Said
from pipeline.evaluate_lines import NOTHING, Line, label_of
from router.router import Router

Answers = Sequence[tuple[Finding, ...]]

# As sure as the rules of config/routing.toml want each to be; others are said however unsure.
SURE: Mapping[str, float] = {"topic": 0.5, "faq": 0.8, "district": 0.8, "kind": 0.8, "urgent": 0.9}
_CALLED = {"speech": "demand"}
_ROUTE = "route"
_BATCH = 256
# Noon of a working day, for lines that say no time: what is answered at all is answered at once.
_NOON = datetime(2026, 11, 23, 3, tzinfo=UTC)


def part_of(name: str, classifiers: Mapping[str, Classifier], city: City, lines: Sequence[Line]) -> str:
    """Returns the part that is meant; without a name the one whose values the labels are."""
    known = [*classifiers, _ROUTE]
    if name:
        found = _CALLED.get(name, name)
        if found not in known:
            raise ConfigError(f"--part {name}: there is no such part.{nearest(name, known, called=_CALLED)}")
        return found
    labels = {label for line in lines for label in line.label.split("+")} - {NOTHING}
    shares = {part: len(labels & values) for part, values in _values(city).items()}
    best = max(shares, key=lambda part: shares[part])
    if not shares[best] * 2 > len(labels):
        raise ConfigError(
            f"the labels ({', '.join(sorted(labels)[:3])} …) are no part's. Say which with --part: {', '.join(known)}"
        )
    return best


def said_by_part(part: str, router: Router, classifiers: Mapping[str, Classifier], lines: Sequence[Line]) -> list[Said]:
    """Returns what the running part says of each line."""
    if part != _ROUTE:
        return said_by_classifier(part, classifiers[part], lines)
    decided = [each for batch in _batches(lines) for each in router.route(batch, [Context()] * len(batch))]
    return [_decided(line, decision) for line, decision in zip(lines, decided, strict=True)]


def said_by_classifier(part: str, asked: Classifier, lines: Sequence[Line]) -> list[Said]:
    """Returns what one classifier says of each line."""
    found = [each for batch in _batches(lines) for each in asked.classify(batch)]
    read_as = _READ_AS.get(part, _first)
    return [read_as(line, findings, SURE.get(part, 0.0)) for line, findings in zip(lines, found, strict=True)]


def said_by_model(model: Model, lines: Sequence[Line]) -> list[Said]:
    """Returns what a model says of each line; below its threshold it says nothing."""
    asked = Linear(model)
    found = [asked.ranked(asked.scores(read(line.whole)), 1)[0] for line in lines]
    return [
        Said(line.label, guess.value, guess.confidence, guess.confidence >= asked.threshold)
        for line, guess in zip(lines, found, strict=True)
    ]


def _first(line: Line, findings: tuple[Finding, ...], sure: float) -> Said:
    if not findings:
        return Said(line.label, NOTHING, 1.0)
    return Said(line.label, findings[0].value, findings[0].confidence, findings[0].confidence >= sure)


def _districts(line: Line, findings: tuple[Finding, ...], sure: float) -> Said:
    """Several districts that cannot be told apart are one value, in their order."""
    places = [finding for finding in findings if not finding.value.startswith(OWNER)]
    if not places:
        return Said(line.label, NOTHING, 1.0)
    if places[0].confidence >= sure:
        return Said(line.label, places[0].value, places[0].confidence)
    # Listed, not guessed: that is what is said.
    return Said(line.label, label_of([place.value for place in places]), places[0].confidence)


_READ_AS: Mapping[str, Callable[[Line, tuple[Finding, ...], float], Said]] = {"district": _districts}


def _decided(line: Line, decision: Decision) -> Said:
    """Compares as much of the decision as the label says: its action, or action and queue or question."""
    found = label_of({"action": decision.action, "queue": decision.queue, "faq": decision.faq})
    words = found.split()
    return Said(line.label, " ".join(words[: max(len(line.label.split()), 1)]), decision.confidence)


def _values(city: City) -> dict[str, set[str]]:
    return {
        "topic": {topic.id for topic in city.topics},
        "faq": {faq.id for faq in city.faqs},
        "district": {*(district.id for district in city.districts), ELSEWHERE},
        "kind": {row.kind for row in city.routing.kinds} | {"other", "inquiry", "proposal"},
        "urgent": {row.id for row in city.routing.urgent},
        "language": {"ko", "en", "zh", "ja", "vi", "mn", "other"},
        "demand": {"demand", "question", "statement"},
    }


def _batches(lines: Sequence[Line]) -> list[list[Message]]:
    messages = [_message(line) for line in lines]
    return [messages[start : start + _BATCH] for start in range(0, len(messages), _BATCH)]


def _message(line: Line) -> Message:
    place = None if line.lat is None or line.lon is None else Location(line.lat, line.lon)
    return Message(
        id="",
        channel="form",
        account="",
        native_id="",
        received_at=(line.at or _NOON).astimezone(UTC),
        text=line.text,
        subject=line.subject,
        location=place,
    )
