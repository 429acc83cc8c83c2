"""The real router, and each of its classifiers alone, asked about bare sentences."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from config.schema import City
from core.decision import Context, Decision, Finding
from core.message import Author, Location, Message
from pipeline.build import plan
from router.router import Router

# Noon of a working day: what is answered at all is answered at once.
_NOON = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One line of tests/quality: a sentence, where it was written if known, and what is right for it."""

    text: str
    label: str | list[str] | dict[str, str | None] = ""
    expect: str = ""
    secret: str = ""
    lat: float | None = None
    lon: float | None = None
    # False where even the one place must be doubted: coordinates without boundaries.
    sure: bool = True


class Judge:
    """The router as it would run. Building loads no slow model; the first sentence that needs one does."""

    def __init__(self, path: Path = Path("pipeline.toml"), *, var: Path | None = None) -> None:
        planned = plan(path, {"EUNGDAPSO_VAR": str(var)} if var else {})
        self.city: City = planned.city
        self.router: Router = planned.router()

    def findings(self, name: str, rows: Sequence[Row]) -> list[tuple[Finding, ...]]:
        """Returns what the classifier of this name finds in each sentence, best first."""
        return self.router._classifiers[name].classify(messages(rows))

    def decisions(self, rows: Sequence[Row]) -> list[Decision]:
        return self.router.route(messages(rows), [Context()] * len(rows))


def bare(texts: Sequence[str]) -> list[Row]:
    return [Row(text=text) for text in texts]


def messages(rows: Sequence[Row]) -> list[Message]:
    return [_message(number, row) for number, row in enumerate(rows)]


def _message(number: int, row: Row) -> Message:
    return Message(
        id=str(number),
        channel="sms",
        account="+8225550120",
        native_id=str(number),
        received_at=_NOON,
        author=Author(handle=f"+8210{number:08d}"),
        text=row.text,
        location=Location(row.lat, row.lon) if row.lat is not None and row.lon is not None else None,
    )
