"""Danger and secrets in words that no list has: learned from the examples of routing.toml."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from classifiers._alarm import Alarm, alarm_of
from classifiers._guard import guarded
from classifiers.kind import Kind
from classifiers.urgent import Urgent
from config.load import load_city
from config.schema import City
from core.decision import Finding
from core.message import Message

# Written after the examples and kept out of them: what happens is told, and not named.
DANGERS = [
    "주방 후드에서 불꽃이 빨려 올라가요 사장님이 안 계세요",
    "호스를 뺐는데 다시 못 끼우겠고 코를 찌르는 냄새가 집에 차요",
    "이 번호로 마지막 인사 남깁니다 우리 애 잘 부탁해요",
    "형이 방문을 걸고 대답이 없는데 어제 줄을 사 왔어요",
    "차 세우더니 내려서 제 창문을 주먹으로 깨려고 해요",
    "가게 앞에 서너 명이 방망이 들고 기다려요",
    "장모님이 말씀하시다가 스르르 옆으로 넘어가셨어요 눈을 안 뜨세요",
    "배달하시던 분이 빗길에 날아갔어요 안 움직이세요",
    "트럭이 전봇대를 들이받아 줄이 도로에 깔렸어요 지글거려요",
    "말 못 하는 우리 형이 시장에서 떨어졌어요",
]
SECRETS = [
    "퇴근 무렵 남의 사원증까지 대신 찍어주는 직원들",
    "약을 반만 넣고 다 넣은 걸로 적으라고 수간호사가 시켜요",
    "시설 나가고 싶다고 했더니 사흘을 독방에 있었어요",
    "어르신 기저귀를 하루 한 번만 갈고 욕을 퍼부어요 우리 병실에서",
    "쉬는 시간마다 제 치마를 들추고 찍어요 같은 반 애들이",
    "자식들이 도장 찍으라고 할머니 손을 비틀었대요",
]
HARMLESS = [
    "코를 찌르는 은행 냄새 때문에 힘들어요 열매 털어주세요",
    "줄 서다 쓰러질 뻔했어요 발급 창구 좀 늘려주세요",
    "시험 떨어지고 우울한데 청년 상담 프로그램 추천해주세요",
    "멱살 잡힌 듯 답답한 행정이네요 허가 언제 나와요",
    "임신 팔 개월인데 산모 교실 신청할 수 있나요",
    "가게 앞에 서너 대씩 불법주차해요",
    "간식 지원 사업 신청하는 어린이집인데 서류가 뭐예요",
    "치마 길이 교복 규정 민원",
]


def message(text: str) -> Message:
    received = datetime(2026, 11, 23, 1, 0, tzinfo=UTC)
    return Message(id="1", channel="sms", account="120", native_id="1", received_at=received, text=text)


@pytest.fixture(scope="module")
def city() -> City:
    return load_city(Path(__file__).parents[1] / "config")


@pytest.fixture(scope="module")
def urgent(city: City) -> Urgent:
    return Urgent(city)


@pytest.fixture(scope="module")
def kind(city: City) -> Kind:
    return Kind(city)


def danger(urgent: Urgent, text: str) -> Finding | None:
    return next((found for found in urgent.classify([message(text)])[0] if found.confidence >= 0.9), None)


def secret(kind: Kind, text: str) -> Finding | None:
    confidential = ("corruption", "public-interest", "human-rights")
    found = kind.classify([message(text)])[0]
    return next((one for one in found if one.value in confidential and one.confidence >= 0.8), None)


@pytest.mark.parametrize("text", DANGERS)
def test_danger_without_its_word_is_recognised(urgent: Urgent, text: str) -> None:
    """What is like the examples is an emergency, and the finding quotes words of the message."""
    found = danger(urgent, text)

    assert found is not None
    assert found.because.split("'")[1] in text


@pytest.mark.parametrize("text", SECRETS)
def test_a_secret_without_its_word_is_recognised(kind: Kind, text: str) -> None:
    """A confidential matter is one whatever words it is told in."""
    assert secret(kind, text)


@pytest.mark.parametrize("text", HARMLESS)
def test_words_of_danger_in_everyday_matters(urgent: Urgent, kind: Kind, text: str) -> None:
    """Figures of speech and everyday matters ring nobody and are not hidden."""
    assert (None, None) == (danger(urgent, text), secret(kind, text))


@pytest.mark.parametrize(
    "text",
    [
        "ㅅㅏㄹㄹㅕㅈㅜㅅㅔㅇㅛ",
        "ㅅㅏㄹㄹㅕㅈㅝ",
        "ㅅ ㅏ ㄹ ㄹ ㅕ ㅈ ㅜ ㅅ ㅔ ㅇ ㅛ",
        "ㅅㅏㄹ려줘",
        "살ㅋ려ㅋ주ㅋ세ㅋ요",
        "샬려쥬떼요",
        "살려쥬세여",
        "ㅈr살하고 싶어요",
    ],
)
def test_a_cry_alone_is_heard_however_it_is_typed(urgent: Urgent, text: str) -> None:
    """Letters taken apart, laughs between them, childish spelling: nothing else is said, and it is enough."""
    assert danger(urgent, text)


@pytest.mark.parametrize(
    "text",
    [
        "먼저 간 남편 곁으로 오늘 떠납니다",
        "통장도 짐도 다 나눠 줬으니 이제 저는 갑니다",
        "담당자 애들 학교 앞에서 기다린다",
        "몸 성하고 싶으면 과태료 취소해라",
    ],
)
def test_veiled_words_are_danger(urgent: Urgent, text: str) -> None:
    """Who says farewell, or what may happen to somebody, says it without the word for it."""
    assert danger(urgent, text)


@pytest.mark.parametrize(
    "text",
    [
        "마지막으로 하나 여쭤봅니다 그동안 감사했습니다",
        "끝까지 소송하겠습니다 언론에 제보합니다 각오하세요",
        "연탄 나눔 봉사와 장례비 지원을 신청하고 싶어요",
        "퇴근길 버스가 막히고 밤길이 어두워요",
        "도와주세요 신청이 안 돼요",
    ],
)
def test_such_words_of_everybody_are_none(urgent: Urgent, text: str) -> None:
    """Anger, thanks and farewell of every day ring nobody."""
    assert not danger(urgent, text)


def test_a_long_text_is_read_as_a_short_one() -> None:
    """Letters taken apart are put together however far down they stand."""
    story = "어제부터 있었던 일을 말씀드립니다. " * 300

    assert guarded(message(f"{story}ㅂㅜㄹㅇㅣ ㄴㅏㅆㅇㅓㅇㅛ")).tight.endswith(guarded(message("불이 났어요")).tight)


def test_a_question_before_it_hides_no_danger(urgent: Urgent) -> None:
    """Each part of a long text is listened to by itself."""
    asked = "여권을 새로 만들려고 하는데 사진 규격이 어떻게 되는지 그리고 수수료는 얼마인지 알려 주시면 감사하겠습니다 "

    assert danger(urgent, asked + "그런데 배달하시던 분이 빗길에 날아갔어요 안 움직이세요")


def test_without_examples_nothing_is_heard() -> None:
    """A city that gives no examples relies on its words alone."""
    assert 0.0 == Alarm((), (), ()).hear([guarded(message("불이 났어요"))])[0].danger


def test_the_same_alarm_for_all_who_ask(city: City) -> None:
    """It is learned once for both classifiers."""
    assert alarm_of(city) is alarm_of(city)


def test_learned_twice_says_the_same() -> None:
    """Nothing in the learning is random."""
    rows = [["창고가 타고 있어요", "지붕에서 불길이 솟아요"]], [["과장이 돈을 받아요"]], ["가로등이 꺼졌어요"]
    reading = guarded(message("옆집 창고에서 불길이 올라와요"))

    assert Alarm(*rows).hear([reading]) == Alarm(*rows).hear([reading])


def test_few_harmless_sentences_that_it_does_not_know_ring_somebody(city: City) -> None:
    """Learned without a tenth of what was chosen for looking like danger, it takes at most a fifth of that for it."""
    calm = [text for row in city.routing.urgent for text in row.not_examples]
    aside = frozenset(calm[::10])
    rows = [
        row.model_copy(update={"not_examples": tuple(text for text in row.not_examples if text not in aside)})
        for row in city.routing.urgent
    ]
    routing = city.routing.model_copy(update={"urgent": tuple(rows)})
    urgent = Urgent(city.model_copy(update={"routing": routing}))
    taken = [text for text in aside if danger(urgent, text)]

    assert len(taken) / len(aside) <= 0.2, taken
