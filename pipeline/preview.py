"""What would be decided: `eungdapso route`, without a store and without acting."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from core.clock import SEOUL, clock_of, parse_instant
from core.decision import Context, Decision
from core.errors import ConfigError
from core.message import Location, Message
from pipeline.build import plan
from pipeline.desk import redacted

_BATCH = 256
# What the interface promises; a decision carries more for the stages behind it.
_SHOWN = (
    *("action", "queue", "unit", "faq", "kind", "confidential", "topic", "district", "districts", "language"),
    *("confidence", "rule", "because", "urgent", "urgency", "public", "answer_at", "due_at", "ask", "reason"),
    *("shadowed", "rules_version", "faq_version"),
)


class Row(msgspec.Struct, forbid_unknown_fields=True):
    """One line of `route --jsonl`."""

    text: str = ""
    channel: str | None = None
    account: str | None = None
    lat: float | None = None
    lon: float | None = None
    at: str | None = None
    subject: str | None = None
    id: Any = None


class Preview:
    """Decides rows as the running pipeline would."""

    def __init__(self, config: Path) -> None:
        self._plan = plan(config)
        self._router = self._plan.router()
        self._clock = clock_of(self._plan.environment)

    def decided(self, rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        messages = [self._message(row) for row in rows]
        return [shown(decision) for decision in self._router.route(messages, [Context()] * len(messages))]

    def explained(self, row: Mapping[str, Any]) -> dict[str, Any]:
        return dict(self._router.explain(self._message(row), Context()))

    def lines(self, rows: Iterable[Mapping[str, Any]]) -> Iterator[str]:
        """Yields one decision a line, in order."""
        batch: list[Mapping[str, Any]] = []
        for row in rows:
            batch.append(row)
            if len(batch) == _BATCH:
                yield from self._encoded(batch)
                batch = []
        yield from self._encoded(batch)

    def _encoded(self, batch: Sequence[Mapping[str, Any]]) -> list[str]:
        return [msgspec.json.encode(decision).decode() for decision in self.decided(batch)]

    def _message(self, row: Mapping[str, Any]) -> Message:
        try:
            given = msgspec.convert(row, Row)
            received_at = parse_instant(given.at) if given.at else self._clock()
        except (msgspec.ValidationError, ValueError) as error:
            raise ConfigError(f'not a message: {error}. Write for example {{"text": "…", "channel": "sms"}}') from error
        place = None if given.lat is None or given.lon is None else Location(given.lat, given.lon)
        return redacted(
            Message(
                id="",
                channel=given.channel or "form",
                account=given.account or "",
                native_id="",
                received_at=received_at.astimezone(UTC),
                text=given.text,
                subject=given.subject or "",
                location=place,
            )
        )


def shown(decision: Decision) -> dict[str, Any]:
    """Returns the decision as the interface shows it, times in Asia/Seoul."""
    return {name: _seoul(getattr(decision, name)) for name in _SHOWN}


def _seoul(value: Any) -> Any:
    return value.astimezone(SEOUL) if isinstance(value, datetime) else value
