"""How well the shipped city's districts are found: the sentences of tests/quality, none sure and wrong."""

import json
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from classifiers.district import District
from config.load import load_city
from core.decision import Finding
from core.message import Location, Message

FOLDER = Path(__file__).parent / "quality"
RECEIVED = datetime(2026, 11, 23, 1, 0, tzinfo=UTC)


def rows_of(name: str) -> list[dict[str, Any]]:
    lines = (FOLDER / name).read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def message(row: dict[str, Any]) -> Message:
    location = Location(row["lat"], row["lon"]) if "lat" in row else None
    return Message(
        id="1",
        channel="sms",
        account="120",
        native_id="1",
        received_at=RECEIVED,
        text=row["text"],
        location=location,
    )


def grade(row: dict[str, Any], findings: Sequence[Finding]) -> str:
    """Returns "right", "unsure" (a person decides, with the right one in sight), "missed" or "wrong"."""
    listed = [finding for finding in findings if not finding.value.startswith("owner:")]
    sure = {finding.value for finding in listed if finding.confidence >= 0.8 and len(listed) == 1}
    wanted, seen = set(row["label"]), {finding.value for finding in listed}
    if sure:
        return "right" if sure == wanted and row.get("sure", True) else "wrong"
    if seen == wanted and (len(wanted) != 1 or not row.get("sure", True)):
        return "right"
    return "unsure" if wanted <= seen else "missed"


@pytest.mark.parametrize("name", ["district.dev.jsonl", "district.test.jsonl"])
def test_sentences(name: str) -> None:
    """No sure district is wrong, and at least 97 of 100 sentences are settled as a person would."""
    classifier = District(load_city(Path(__file__).parent.parent / "config"))
    rows = rows_of(name)
    found = classifier.classify([message(row) for row in rows])
    grades = Counter(grade(row, findings) for row, findings in zip(rows, found, strict=True))

    assert 0 == grades["wrong"]
    assert grades["right"] >= 0.97 * len(rows)
