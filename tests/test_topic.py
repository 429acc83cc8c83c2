"""Topics by words and by examples."""

from datetime import UTC, datetime

import pytest

from classifiers._linear import dump
from classifiers.topic import Topic as TopicClassifier
from config.schema import Account, City, Routing, Templates, Topic
from core.decision import Finding
from core.message import Message
from pipeline.train_fit import KOREAN_QUICK, Example, Options, fit

CITY = City(
    districts=(),
    places=(),
    departments=(),
    topics=(),
    faqs=(),
    routing=Routing(rules=(), kinds=(), urgent=(), elsewhere=()),
    words=Templates(letters={}, states={}, kinds={}),
)


TOPICS = (
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


@pytest.fixture(scope="module")
def topic() -> TopicClassifier:
    return TopicClassifier(CITY.model_copy(update={"topics": TOPICS}))


def found(topic: TopicClassifier, text: str, channel: str = "sms", account: str = "120") -> tuple[Finding, ...]:
    received = datetime(2026, 11, 23, 1, 0, tzinfo=UTC)
    message = Message(id="1", channel=channel, account=account, native_id="1", received_at=received, text=text)
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


def test_the_account_is_a_hint(topic: TopicClassifier) -> None:
    """What arrives at a department's account is a little surer to be its matter; alone the account says nothing."""
    account = Account(platform="x", handle="seoul_light", name="조명", english="Lights", department="hq.light")
    lights = tuple(
        each.model_copy(update={"owner": "hq.light"}) if each.id == "street-light" else each for each in TOPICS
    )
    hinted = TopicClassifier(CITY.model_copy(update={"topics": lights, "accounts": (account,)}))
    text = "길이 너무 어두워요"
    by_account, by_text = (found(hinted, text, "x", handle)[0] for handle in ("seoul_light", "seoul_other"))

    assert by_account.confidence > by_text.confidence
    assert () == found(hinted, "여권은 며칠 걸리나요?", "x", "seoul_light")


def test_a_trained_model_is_asked_where_words_are_unsure() -> None:
    """What was learned from other sentences decides where no keyword does."""
    taught = [
        Example(text=text, label="street-light")
        for text in ("전등이 나갔네요", "전구 갈아 주세요", "전등 교체 바랍니다")
    ]
    taught += [
        Example(text=text, label="illegal-parking")
        for text in ("통로가 막혔네요", "통로를 비워 주세요", "통로 확보 바랍니다")
    ]
    trained = TopicClassifier(CITY.model_copy(update={"topics": TOPICS}))
    trained.use(dump(fit(taught, Options(sorts=KOREAN_QUICK))), where="topic.model")

    assert "street-light" == found(trained, "전등이 또 나갔어요")[0].value


def test_a_model_of_other_topics_is_passed_over() -> None:
    """Topics that are no more are never named, whatever an old model knows."""
    old = [
        Example(text=text, label=label) for label, text in (("gone", "전등이 나갔네요"), ("past", "통로가 막혔네요"))
    ] * 2
    trained = TopicClassifier(CITY.model_copy(update={"topics": TOPICS}))
    trained.use(dump(fit(old, Options(sorts=KOREAN_QUICK))), where="topic.model")

    assert () == found(trained, "전등이 나갔네요")
