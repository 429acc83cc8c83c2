"""Topics by words and by examples."""

from datetime import UTC, datetime

import pytest

from classifiers._bayes import Bayes
from classifiers._linear import dump
from classifiers.topic import Topic as TopicClassifier
from config.schema import Account, City, District, Routing, Templates, Topic
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
    by_likeness = found(topic, "겨울에는 이 길이 무서워요")[0].confidence

    assert by_word > by_likeness


def test_two_topics_are_unsure(topic: TopicClassifier) -> None:
    """A message about two matters is sure of neither, and the lead says so."""
    best = found(topic, "가로등도 꺼졌고 불법주차도 심해요")[0]

    assert (True, True) == (best.confidence < 0.5, best.lead < 0.2)


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


def test_counts_learn_in_a_moment() -> None:
    """What starts without a model knows its sentences and says nothing of a stranger."""
    documents = [["taxi", "fare"], ["taxi", "rude"], ["lamp", "dark"], ["lamp", "out"]]
    bayes = Bayes(documents, [0, 0, 1, 1], 2)
    scores, is_known = bayes.scores([["taxi"], ["dark", "lamp"], ["moon"]])

    assert [0, 1] == scores[:2].argmax(axis=1).tolist()
    assert [True, True, False] == is_known.tolist()


def test_nothing_to_count_is_no_mistake() -> None:
    """A city without any sentence starts, and finds nothing by likeness."""
    assert not Bayes([], [], 2).scores([["taxi"]])[1].any()


def test_what_strangers_add_makes_unsure() -> None:
    """The same known word says less in the midst of unknown ones."""
    bayes = Bayes([["taxi", "fare"], ["lamp", "dark"]], [0, 1], 2)
    alone, amid = bayes.scores([["taxi"], ["taxi", "moon", "sun", "star"]])[0]

    assert alone[0] - alone[1] > amid[0] - amid[1]


def test_sayings_are_learned_from(topic: TopicClassifier) -> None:
    """A way to say it that stands under `sayings` leads to its topic."""
    said = tuple(
        each.model_copy(update={"sayings": ("캄캄해서 넘어질 뻔했네요",)}) if each.id == "street-light" else each
        for each in TOPICS
    )
    taught = TopicClassifier(CITY.model_copy(update={"topics": said}))

    assert () == found(topic, "캄캄하네요")
    assert "street-light" == found(taught, "캄캄하네요")[0].value


def test_what_is_about_nothing_is_unsure() -> None:
    """What is like a message of `no_topic` is no topic's, even with a word that it shares with one."""
    none = ("밤에 볼 영화 추천해 줘", "재미있는 영화 알려 줘", "밤에 들을 노래 추천해 줘")
    cities = [CITY.model_copy(update={"topics": TOPICS, "no_topic": it}) for it in ((), none)]
    text = "밤에 보기 좋은 영화 추천해 주세요"
    unaware, aware = (found(TopicClassifier(city), text) for city in cities)

    assert unaware[0].confidence > (aware[0].confidence if aware else 0.0)
    assert not aware or aware[0].confidence < 0.5


def test_the_place_says_nothing_about_the_matter() -> None:
    """A dong that an example happens to name leads to no topic."""
    district = District(
        id="eunpyeong",
        name="은평구",
        english="Eunpyeong-gu",
        code="11380",
        address="서울 은평구 은평로 195",
        phone="120",
        lat=37.6027,
        lon=126.9291,
        legal_dongs=("응암동",),
        admin_dongs=(),
        units=("교통",),
    )
    named = tuple(
        each.model_copy(update={"examples": ("은평구 응암동 전등이 나갔어요",)}) if each.id == "street-light" else each
        for each in TOPICS
    )
    placed = TopicClassifier(CITY.model_copy(update={"topics": named, "districts": (district,)}))

    assert () == found(placed, "은평구 응암동에서")


def test_unsure_names_the_two_best(topic: TopicClassifier) -> None:
    """Who has to decide sees the second guess too."""
    two = found(topic, "가로등도 꺼졌고 불법주차도 심해요")

    assert {"street-light", "illegal-parking"} == {finding.value for finding in two}
