"""Kinds of matters by their words; confidential ones rather too often than once too rarely."""

from datetime import UTC, datetime

import pytest

from classifiers.kind import Kind
from config.schema import City, KindWords, Routing, Templates
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


def built(*rows: KindWords) -> Kind:
    return Kind(CITY.model_copy(update={"routing": Routing(rules=(), kinds=rows, urgent=(), elsewhere=())}))


@pytest.fixture(scope="module")
def kind() -> Kind:
    return built(
        KindWords(kind="inquiry", keywords=("문의", "궁금")),
        KindWords(kind="proposal", keywords=("제안합니다", "제안드립니다")),
        KindWords(kind="corruption", keywords=("뇌물", "비리"), patterns=(r"금품.{0,8}받",), confidential=True),
        KindWords(kind="human-rights", keywords=("인권침해", "성희롱"), confidential=True),
        KindWords(kind="human-rights", keywords=("아동학대",), queue="hq.women", confidential=True),
    )


def found(kind: Kind, text: str, subject: str = "") -> tuple[Finding, ...]:
    received = datetime(2026, 11, 23, 1, 0, tzinfo=UTC)
    message = Message(
        id="1", channel="email", account="minwon", native_id="1", received_at=received, text=text, subject=subject
    )
    return kind.classify([message])[0]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("담당 공무원이 뇌물을 받았습니다", "corruption"),
        ("구청비리를 알립니다", "corruption"),
        ("과장이 업체에서 금품을 여러 번 받았어요", "corruption"),
        ("시설에서 인권 침해가 있었습니다", "human-rights"),
        ("옆집에서 아동학대가 의심됩니다", "human-rights"),
        ("자전거 도로를 늘리자고 제안합니다", "proposal"),
    ],
)
def test_kind_of_a_text(kind: Kind, text: str, expected: str) -> None:
    """The words of the table decide, blanks aside, with at least 0.8."""
    finding = found(kind, text)[0]

    assert (expected, True) == (finding.value, finding.confidence >= 0.8)


def test_nothing_without_words(kind: Kind) -> None:
    """An everyday matter has no kind of its own."""
    assert () == found(kind, "가로등이 꺼졌어요")


def test_confidential_comes_first(kind: Kind) -> None:
    """Of two kinds that are as sure the confidential one leads."""
    assert ["human-rights", "inquiry"] == [finding.value for finding in found(kind, "성희롱 신고 문의")]


def test_subject_counts(kind: Kind) -> None:
    """What stands in the subject of a mail is read as well."""
    assert ["corruption"] == [finding.value for finding in found(kind, "첨부 파일을 보세요", "뇌물 제보")]


def test_wrong_pattern_is_a_mistake_of_the_file() -> None:
    """A pattern that cannot be compiled is reported with the file it stands in."""
    with pytest.raises(ConfigError, match=r"routing\.toml: kind"):
        built(KindWords(kind="corruption", keywords=("뇌물",), patterns=("(",)))
