"""Whether a machine wrote this: what the channel saw (RFC 3834 and its kin), and how machines begin their subjects."""

import re
from collections.abc import Iterator, Sequence

from classifiers.base import Classifier
from config.schema import City
from core.decision import Finding
from core.message import Message

# A delivery report is automatic too; the more particular comes first.
_CONFIDENCE = {"report": 1.0, "echo": 0.99, "automatic": 0.98, "bulk": 0.95}
# What programs put before the subject of a mail that they answer, without saying so in the headers.
_SUBJECT = re.compile(
    r"\s*(?:[\[(<]?\s*(?:자동\s?(?:응답|회신|답장)|부재중?\s?(?:알림|안내|자동응답))\s*[\])>:]"
    r"|automatic reply\s*:|auto(?:matic)?[- ]?re(?:ply|sponse)\s*:|out of (?:the )?office\s*[:\]]"
    r"|自动回复\s*[:：]|自動応答\s*[:：])",
    re.IGNORECASE,
)


class Auto(Classifier):
    """Reads `message.signals`: "report: …", "echo: …", "automatic: …", "bulk: …"; other signals say nothing here."""

    def __init__(self, city: City) -> None:
        pass

    def classify(self, messages: Sequence[Message]) -> list[tuple[Finding, ...]]:
        return [_findings(message) for message in messages]


def _findings(message: Message) -> tuple[Finding, ...]:
    if not (message.signals or message.subject or message.report):
        return ()
    reasons: dict[str, str] = {}
    for value, reason in _reasons(message):
        reasons.setdefault(value, reason)
    return tuple(
        Finding("auto", value, confidence, because=reasons[value])
        for value, confidence in _CONFIDENCE.items()
        if value in reasons
    )


def _reasons(message: Message) -> Iterator[tuple[str, str]]:
    for signal in message.signals:
        yield signal.partition(":")[0].strip().lower().removeprefix("delivery "), signal
    if message.report:
        yield "report", f"a delivery report: {message.report.action}"
    if found := _SUBJECT.match(message.subject):
        yield "automatic", f"its subject: '{found[0].strip()}'"
