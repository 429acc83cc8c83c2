"""Topics by words and by examples."""

from datetime import UTC, datetime

import pytest

from classifiers.topic import Topic as TopicClassifier
from config.schema import City, Routing, Templates, Topic
from core.decision import Finding
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


@pytest.fixture(scope="module")
def topic() -> TopicClassifier:
    topics = (
        Topic(
            id="illegal-parking",
            name="불법주차",
            english="Illegal parking",
            owner="district",
            keywords=("불법주차", "불법 주정차", "주차 단속"),
            weak=("주차", "차"),
            examples=("집 앞에 차를 세워 놓고 안 빼요", "골목을 차로 막아 놨어요"),
        ),
        Topic(
            id="public-parking-lot",
            name="공영주차장",
            english="Public parking",
            owner="district",
            keywords=("공영주차장", "주차장 정기권"),
            weak=("주차",),
            examples=("공영주차장 정기권을 신청하고 싶어요",),
        ),
        Topic(
            id="street-light",
            name="가로등",
            english="Street lights",
            owner="district",
            keywords=("가로등", "보안등"),
            weak=("어두", "불"),
            examples=("길이 너무 어두워서 밤에 무서워요",),
        ),
    )
    return TopicClassifier(CITY.model_copy(update={"topics": topics}))


def found(topic: TopicClassifier, text: str) -> tuple[Finding, ...]:
    received = datetime(2026, 11, 23, 1, 0, tzinfo=UTC)
    message = Message(id="1", channel="sms", account="120", native_id="1", received_at=received, text=text)
    return topic.classify([message])[0]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("불법 주차 단속해 주세요", "illegal-parking"),
        ("불 법 주 정 차 신고합니다", "illegal-parking"),
        ("공영 주차장이 너무 비싸요", "public-parking-lot"),
        ("가로등이 꺼졌어요", "street-light"),
        ("밤길이 어두워서 무서워요", "street-light"),
        ("차로 골목을 막아 놓았습니다", "illegal-parking"),
    ],
)
def test_best_topic(topic: TopicClassifier, text: str, expected: str) -> None:
    """Keywords, with whatever blanks, or likeness to an example lead to the topic."""
    assert expected == found(topic, text)[0].value


def test_keyword_is_surer_than_likeness(topic: TopicClassifier) -> None:
    """A word of the topic says more than a sentence that is only alike."""
    by_word = found(topic, "가로등이 꺼졌어요")[0].confidence
    by_likeness = found(topic, "밤길이 어두워서 무서워요")[0].confidence

    assert by_word > by_likeness


def test_two_topics_are_unsure(topic: TopicClassifier) -> None:
    """A message about two matters is sure of neither, and the lead says so."""
    best = found(topic, "가로등도 꺼졌고 불법주차도 심해요")[0]

    assert (True, True) == (best.confidence < 0.8, best.lead < 0.1)


def test_nothing_for_other_matters(topic: TopicClassifier) -> None:
    """What has no word of any topic has none."""
    assert () == found(topic, "여권은 며칠 걸리나요?")
