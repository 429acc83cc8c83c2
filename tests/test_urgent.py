"""Danger now is told from words that only speak of it; patterns of admins cannot hang."""

from datetime import UTC, datetime

import pytest

from classifiers.urgent import Urgent
from config.schema import City, Routing, Templates, Urgency
from core.decision import Finding
from core.errors import ConfigError
from core.message import Message

CITY = City(
    districts=(),
    places=(),
    departments=(),
    topics=(),
    faqs=(),
    routing=Routing(rules=(), kinds=(), urgent=(), elsewhere=()),
    words=Templates(letters={}, states={}, kinds={}),
)


def urgency(name: str, *keywords: str, excuses: tuple[str, ...] = (), patterns: tuple[str, ...] = ()) -> Urgency:
    return Urgency(
        id=name, keywords=keywords, not_keywords=excuses, patterns=patterns, hint="119에 전화하세요", hint_en="Call 119"
    )


def built(*rows: Urgency) -> Urgent:
    return Urgent(CITY.model_copy(update={"routing": Routing(rules=(), kinds=(), urgent=rows, elsewhere=())}))


@pytest.fixture(scope="module")
def urgent() -> Urgent:
    return built(
        urgency("fire", "불이 났", "화재", excuses=("화재보험", "화재경보기"), patterns=(r"불이.{0,6}(붙었|번지)",)),
        urgency("gas", "가스 냄새", "가스가 새", excuses=("가스요금",)),
        urgency("suicide", "죽고 싶", "자살"),
        urgency("violence", "칼을 들고", "흉기"),
    )


def found(urgent: Urgent, text: str) -> tuple[Finding, ...]:
    received = datetime(2026, 11, 23, 1, 0, tzinfo=UTC)
    message = Message(id="1", channel="sms", account="120", native_id="1", received_at=received, text=text)
    return urgent.classify([message])[0]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("지금 불이 났어요", "fire"),
        ("지금불이났어요", "fire"),
        ("옆 건물에서 불이 막 번지고 있어요", "fire"),
        ("가스 냄새가 나요", "gas"),
        ("도시가스 냄새가 나요", "gas"),
        ("죽고 싶어요", "suicide"),
        ("누가 칼을 들고 있어요", "violence"),
        ("화재보험 든 옆집에 불이 났어요", "fire"),
    ],
)
def test_danger_now_is_clear(urgent: Urgent, text: str, expected: str) -> None:
    """What happens now is an emergency with at least 0.9, with or without blanks."""
    finding = found(urgent, text)[0]

    assert (expected, True) == (finding.value, finding.confidence >= 0.9)


@pytest.mark.parametrize(
    "text", ["화재보험 가입 문의합니다", "가로등 불이 꺼졌어요", "가스요금 고지서가 안 왔어요", "이불 나눔 행사"]
)
def test_other_words_are_no_danger(urgent: Urgent, text: str) -> None:
    """Words that only share letters with danger are nothing."""
    assert () == found(urgent, text)


def test_a_short_word_may_be_danger(urgent: Urgent) -> None:
    """Nothing speaks against it: no emergency by itself, but above what may be answered by a machine."""
    assert [0.75] == [finding.confidence for finding in found(urgent, "여권은 어디서 발급받나요? 흉기")]


@pytest.mark.parametrize(
    "text", ["화재 예방 교육을 신청합니다", "자살 예방 상담 전화번호", "가스 냄새가 나면 어디에 신고하나요?"]
)
def test_speaking_of_danger_is_unsure(urgent: Urgent, text: str) -> None:
    """Prevention and what-if questions stay below 0.9."""
    assert [0.6] == [finding.confidence for finding in found(urgent, text)]


@pytest.mark.parametrize(
    "pattern", ["(불+)+났", "불.*났.*요", "(가|가나)*", "((a{1,9}){1,9}){1,9}", r"(불)\1{2,900}", ".+"]
)
def test_costly_pattern_is_refused(pattern: str) -> None:
    """A pattern that could take long on a hostile text is a mistake of the file."""
    with pytest.raises(ConfigError, match="may take too long"):
        built(urgency("fire", patterns=(pattern,)))


def test_all_wrong_patterns_are_reported() -> None:
    """Every broken pattern is named at once."""
    with pytest.raises(ConfigError) as error:
        built(urgency("fire", patterns=("(불", "났]+?*")))

    assert 2 == len(error.value.mistakes)


@pytest.mark.parametrize("pattern", [r"불이.{0,20}났", r"칼\s*을\s*들", r"(불|화재)가?\s+(났|나)", "폭[행력]"])
def test_bounded_pattern_is_used(pattern: str) -> None:
    """Bounded repeats, alternatives and folded blanks are allowed."""
    rows = found(built(urgency("any", patterns=(pattern,))), "불이 크게 났어요 칼을 들고 폭행 화재가 났")

    assert ["any"] == [finding.value for finding in rows]


def test_pattern_is_found_far_down_a_long_text(urgent: Urgent) -> None:
    """A long story before it does not hide the danger."""
    rows = found(urgent, "어제부터 있었던 일을 말씀드립니다. " * 300 + "지금 불이 옷에 붙었어요")

    assert ["fire"] == [finding.value for finding in rows]
