"""What would be decided: `eungdapso route`, without a store and without acting."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import IO, Any

import msgspec

from core.clock import SEOUL, clock_of, parse_instant
from core.decision import Context, Decision
from core.errors import ConfigError
from core.message import Location, Message
from pipeline import json_lines
from pipeline.build import plan
from pipeline.desk import redacted

_BATCH = 256
# Deadlines are reckoned for these; nobody writes from other times.
_YEARS = range(2000, 2100)
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
        self.plan = plan(config)
        self._router = self.plan.router()
        self._clock = clock_of(self.plan.environment)

    def decided(self, rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        return self._decided([self._message(row) for row in rows])

    def explained(self, row: Mapping[str, Any]) -> dict[str, Any]:
        return dict(self._router.explain(self._message(row), Context()))

    def lines(self, rows: Iterable[Mapping[str, Any]]) -> Iterator[str]:
        """Yields one decision a line, in order."""
        return self._encoded(map(self._message, rows))

    def piped(self, stream: IO[bytes]) -> Iterator[str]:
        """Yields one decision for each line of JSON; raises `ConfigError` with the number of one that is no message."""
        return self._encoded(json_lines.read(stream, self._message))

    def _encoded(self, messages: Iterator[Message]) -> Iterator[str]:
        while batch := list(islice(messages, _BATCH)):
            yield from (msgspec.json.encode(decision).decode() for decision in self._decided(batch))

    def _decided(self, messages: Sequence[Message]) -> list[dict[str, Any]]:
        return [shown(decision) for decision in self._router.route(messages, [Context()] * len(messages))]

    def _message(self, row: Mapping[str, Any]) -> Message:
        try:
            given = msgspec.convert(row, Row)
        except (msgspec.ValidationError, ValueError) as error:
            raise ConfigError(f'not a message: {error}. Write for example {{"text": "…", "channel": "sms"}}') from error
        return redacted(
            Message(
                id="",
                channel=given.channel or "form",
                account=given.account or "",
                native_id="",
                received_at=self._moment(given.at),
                text=given.text,
                subject=given.subject or "",
                location=_location(given),
            )
        )

    def _moment(self, at: str | None) -> datetime:
        try:
            moment = parse_instant(at) if at else self._clock()
        except ValueError as error:
            raise ConfigError(f"at: {error}. Write for example 2026-11-23T09:00") from error
        if moment.year not in _YEARS:
            raise ConfigError(
                f"at: nobody writes in the year {moment.year}. Write one from {_YEARS.start} to {_YEARS.stop - 1}"
            )
        return moment.astimezone(UTC)


def _location(given: Row) -> Location | None:
    if given.lat is None or given.lon is None:
        return None
    if not (-90 <= given.lat <= 90 and -180 <= given.lon <= 180):
        raise ConfigError("lat and lon: this is nowhere. Write degrees of WGS 84, for example 37.5663 and 126.9779")
    return Location(given.lat, given.lon)


def shown(decision: Decision) -> dict[str, Any]:
    """Returns the decision as the interface shows it, times in Asia/Seoul."""
    return {name: _seoul(getattr(decision, name)) for name in _SHOWN}


def _seoul(value: Any) -> Any:
    return value.astimezone(SEOUL) if isinstance(value, datetime) else value
