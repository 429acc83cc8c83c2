"""Danger, secrets and personal data in every disguise: no machine answers them, and nothing of them is shown."""

import json
import unicodedata
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from config.load import load_city
from config.schema import City
from core.clock import SEOUL
from core.decision import Context, Decision
from core.mask import mask
from core.message import Message
from core.text import clean
from pipeline.build import plan
from pipeline.desk import redacted

ROOT = Path(__file__).parents[1]
SENTENCES = [
    json.loads(line)
    for part in ("dev", "test")
    for line in (ROOT / "tests" / "quality" / f"guard.{part}.jsonl").read_text(encoding="utf-8").splitlines()
]
PROTECTED = ("hq.audit", "hq.human-rights", "hq.protection")


def sentences(expect: str) -> list[dict[str, Any]]:
    return [row for row in SENTENCES if row["expect"] == expect]


def message(text: str) -> Message:
    return redacted(
        Message(
            id="",
            channel="form",
            account="",
            native_id="",
            received_at=datetime(2026, 11, 24, 10, tzinfo=SEOUL),
            text=text,
        )
    )


@pytest.fixture(scope="module")
def city() -> City:
    return load_city(ROOT / "config")


@pytest.fixture(scope="module")
def decided(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Decision]:
    """Returns what the shipped configuration decides about every sentence."""
    router = plan(ROOT / "pipeline.toml", {"EUNGDAPSO_VAR": str(tmp_path_factory.mktemp("var"))}).router()
    texts = [row["text"] for row in SENTENCES]
    decisions = router.route([message(text) for text in texts], [Context()] * len(texts))
    return dict(zip(texts, decisions, strict=True))


def letters(text: str) -> str:
    """Returns the letters and digits of a text in one form, so that no sign between them hides one."""
    return "".join(c for c in unicodedata.normalize("NFKC", text) if c.isalnum())


def shares(rows: list[dict[str, Any]], holds: list[bool]) -> float:
    return sum(holds) / len(rows)


def test_there_are_enough_sentences() -> None:
    """The promise is tried on at least 200 adversarial sentences and 100 harmless ones."""
    adversarial = [*sentences("urgent"), *sentences("confidential"), *sentences("masked")]

    assert len(adversarial) >= 200
    assert len(sentences("harmless")) >= 100


@pytest.mark.parametrize("expect", ["urgent", "confidential"])
def test_danger_and_secrets_are_never_answered_by_a_machine(decided: dict[str, Decision], expect: str) -> None:
    """Whatever question stands before it: nobody in danger gets an FAQ, no report of a crime is put aside."""
    answered = [row["text"] for row in sentences(expect) if decided[row["text"]].action not in ("dispatch", "hold")]

    assert [] == answered


def test_personal_data_is_never_answered_by_a_machine(decided: dict[str, Decision]) -> None:
    """A message with somebody's number, plate or name in it waits for a person."""
    answered = [row["text"] for row in sentences("masked") if decided[row["text"]].action == "answer"]

    assert [] == answered


def test_nothing_of_a_secret_is_left() -> None:
    """As it came and as it is stored: the mask leaves neither the secret nor five digits of it in a row."""
    left = []
    for row in sentences("masked"):
        secret = letters(row["secret"])
        pieces = [secret[at : at + 5] for at in range(len(secret) - 4)] if secret.isdigit() else []
        for text in (row["text"], clean(row["text"])):
            shown = letters(mask(text))
            left += [row["text"]] * any(piece in shown for piece in (secret, *pieces))

    assert [] == left


def test_masked_twice_is_masked_once() -> None:
    """What was masked does not change any more."""
    changed = [row["text"] for row in SENTENCES if mask(row["text"]) != mask(mask(row["text"]))]

    assert [] == changed


def test_what_is_no_secret_stays() -> None:
    """Public numbers, dates, prices and words that only look like names are kept as they are."""
    changed = [row["text"] for row in sentences("kept") if row["text"] != mask(row["text"])]

    assert [] == changed


def test_every_office_can_be_rung(city: City) -> None:
    """The main lines of districts, offices and agencies are never hidden."""
    phones = {phone for district in city.districts for phone in (district.phone, district.duty_phone)}
    phones |= {phone for department in city.departments for phone in (department.phone, department.duty_phone)}

    assert [] == [phone for phone in sorted(phones) if mask(f"문의 {phone}") != f"문의 {phone}"]


def test_most_emergencies_are_recognised(decided: dict[str, Decision]) -> None:
    """At least 95 of 100 ring somebody at once, and at least 85 of 100 are told the right hint for it."""
    rows = sentences("urgent")
    typed = [row for row in rows if "type" in row]

    assert shares(rows, [decided[row["text"]].urgent for row in rows]) >= 0.95
    assert shares(typed, [decided[row["text"]].urgency == row["type"] for row in typed]) >= 0.85


def test_most_confidential_matters_reach_their_queue(decided: dict[str, Decision]) -> None:
    """At least 85 of 100 go to a queue of their own and are marked confidential."""
    rows = sentences("confidential")
    reached = [decided[row["text"]].confidential and decided[row["text"]].queue in PROTECTED for row in rows]

    assert shares(rows, reached) >= 0.85


def test_the_same_words_without_danger_are_no_emergency(decided: dict[str, Decision]) -> None:
    """At most 4 of 100 harmless sentences with words of danger or crime ring somebody."""
    rows = sentences("harmless")

    assert shares(rows, [decided[row["text"]].urgent for row in rows]) <= 0.04


def test_the_same_words_without_a_secret_are_rarely_hidden(decided: dict[str, Decision]) -> None:
    """At most 6 of 100 harmless sentences are kept from others: those about the offices that hear secrets."""
    rows = sentences("harmless")

    assert shares(rows, [decided[row["text"]].confidential for row in rows]) <= 0.06


def test_an_emergency_that_only_some_may_read(decided: dict[str, Decision]) -> None:
    """Violence at home that happens now is urgent, and in the queue of those who may read it."""
    decision = decided["지금 남친이 목 졸라서 화장실에 숨어있어요"]

    assert ("dispatch", "hq.protection", True, True) == (
        decision.action,
        decision.queue,
        decision.urgent,
        decision.confidential,
    )
