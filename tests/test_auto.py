"""Machine-written mail is told by what the channel saw."""

from datetime import UTC, datetime

import pytest

from bench.city import NOWHERE
from classifiers.auto import Auto
from core.message import DeliveryReport, Message


@pytest.fixture
def auto() -> Auto:
    return Auto(NOWHERE)


def values(auto: Auto, *signals: str, subject: str = "", report: DeliveryReport | None = None) -> list[str]:
    received = datetime(2026, 11, 23, 1, 0, tzinfo=UTC)
    message = Message(
        id="1",
        channel="email",
        account="minwon",
        native_id="1",
        received_at=received,
        text="부재중입니다",
        signals=signals,
        subject=subject,
        report=report,
    )
    return [finding.value for finding in auto.classify([message])[0]]


@pytest.mark.parametrize(
    ("signal", "expected"),
    [
        ("report: multipart/report", "report"),
        ("automatic: auto-submitted: auto-replied", "automatic"),
        ("bulk: precedence: list", "bulk"),
        ("echo: our own Message-ID", "echo"),
        ("delivery report: undelivered", "report"),
    ],
)
def test_each_signal_is_a_finding(auto: Auto, signal: str, expected: str) -> None:
    """The word before the colon says what it is."""
    assert [expected] == values(auto, signal)


def test_suppress_is_no_finding(auto: Auto) -> None:
    """A signal that only forbids automatic answers does not say that a machine wrote."""
    assert [] == values(auto, "suppress: X-Auto-Response-Suppress: All")


def test_people_write_without_signals(auto: Auto) -> None:
    """No signal, no finding."""
    assert [] == values(auto)


def test_report_comes_before_automatic(auto: Auto) -> None:
    """A delivery report is automatic too; what it is more particularly comes first."""
    assert ["report", "automatic"] == values(auto, "automatic: auto-replied", "report: rfc822")


@pytest.mark.parametrize(
    "subject",
    ["[자동응답] 부재중입니다", "자동 회신: 민원 답변", "Automatic reply: your case", "Out of Office: petition"],
)
def test_subjects_of_machines(auto: Auto, subject: str) -> None:
    """A machine that forgot its headers is known by how it begins its subject."""
    assert ["automatic"] == values(auto, subject=subject)


@pytest.mark.parametrize("subject", ["자동차세 문의", "부재중 전화가 와서요", "자동응답기가 고장났어요", "Re: 민원"])
def test_subjects_of_people(auto: Auto, subject: str) -> None:
    """Subjects that only begin alike are people's."""
    assert [] == values(auto, subject=subject)


def test_what_carries_a_report_is_one(auto: Auto) -> None:
    """What became of a message of ours is no petition, whatever signals stand beside it."""
    assert ["report"] == values(auto, report=DeliveryReport(action="failed"))
