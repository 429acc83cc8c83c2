"""Whether a machine wrote this: what the channel saw (RFC 3834 and its kin) as findings."""

from collections.abc import Sequence

from classifiers.base import Classifier
from config.schema import City
from core.decision import Finding
from core.message import Message

# A delivery report is automatic too; the more particular comes first.
_CONFIDENCE = {"report": 1.0, "echo": 0.99, "automatic": 0.98, "bulk": 0.95}


class Auto(Classifier):
    """Reads `message.signals`: "report: …", "echo: …", "automatic: …", "bulk: …"; other signals say nothing here."""

    def __init__(self, city: City) -> None:
        pass

    def classify(self, messages: Sequence[Message]) -> list[tuple[Finding, ...]]:
        return [_findings(message.signals) if message.signals else () for message in messages]


def _findings(signals: Sequence[str]) -> tuple[Finding, ...]:
    reasons: dict[str, str] = {}
    for signal in signals:
        reasons.setdefault(signal.partition(":")[0].strip().lower(), signal)
    return tuple(
        Finding("auto", value, confidence, because=reasons[value])
        for value, confidence in _CONFIDENCE.items()
        if value in reasons
    )
