"""What every classifier promises, run on each one found in the folder."""

import inspect
from copy import deepcopy
from datetime import UTC, date, datetime
from importlib import import_module
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import classifiers
from classifiers.base import Classifier
from config.schema import (
    Abuse,
    City,
    District,
    Faq,
    KindWords,
    Letter,
    Place,
    Routing,
    Templates,
    Topic,
    Urgency,
    Words,
)
from core.message import Location, Message

FOLDER = Path(classifiers.__file__).parent
NAMES = sorted(path.stem for path in FOLDER.glob("[a-z]*.py") if path.stem != "base")
TEXTS = (
    "",
    "   ",
    "😀😀",
    "강남구 역삼동 골목에 쓰레기 무단투기가 심해요 단속해주세요",
    "전입신고는 언제까지 하나요?",
    "이사했는데 전입신고를 언제까지 해야 하는지 궁금합니다",
    "지금 불이 났어요",
    "공무원이 뇌물을 받았습니다",
    "신사동에 불법주차가 많아요",
    "How do I report a change of address?",
    "垃圾怎么扔?",
    "매우 만족합니다",
    "이 멍청이들아",
    "\ud800 깨진 글자 \x00\x1b[31m",
    "가" * 20_000,
    "구 " * 10_000,
)
LETTER = Letter(text="접수되었습니다.", text_en="Received.")
CITY = City(
    districts=(
        District(
            id="gangnam",
            name="강남구",
            english="Gangnam-gu",
            code="11680",
            hanja="江南區",
            address="강남구 학동로 426",
            phone="02-3423-5114",
            lat=37.518,
            lon=127.047,
            legal_dongs=("역삼동", "신사동"),
            admin_dongs=("역삼1동", "신사동"),
        ),
        District(
            id="eunpyeong",
            name="은평구",
            english="Eunpyeong-gu",
            code="11380",
            address="은평구 은평로 195",
            phone="02-351-6114",
            lat=37.603,
            lon=126.929,
            legal_dongs=("신사동",),
            admin_dongs=("신사1동",),
        ),
    ),
    places=(Place(name="코엑스", districts=("gangnam",), owner="hq.culture"),),
    departments=(),
    topics=(
        Topic(id="litter", name="무단투기", english="Litter", owner="district", keywords=("쓰레기", "무단투기")),
        Topic(
            id="illegal-parking",
            name="불법주차",
            english="Parking",
            owner="district",
            keywords=("불법주차",),
            weak=("차",),
        ),
    ),
    faqs=(
        Faq(
            id="move-in-report",
            category="주민등록",
            question="전입신고는 언제까지 하나요?",
            variants=(
                "전입신고 기한이 언제까지예요?",
                "이사하면 며칠 안에 전입신고 해야 하나요",
                "전입신고 늦으면 어떻게 되나요",
                "전입신고 기간",
                "이사 왔는데 신고를 언제까지 해야 돼요?",
                "주소 이전 신고는 언제까지인가요?",
            ),
            not_examples=("전입신고 담당자가 불친절했어요",),
            answer="전입한 날부터 14일 이내에 신고하셔야 합니다.",
            short="전입한 날부터 14일 이내",
            en=Words(
                question="When do I report a change of address?",
                answer="Within 14 days.",
                variants=("How do I report a change of address?", "moving in report deadline"),
            ),
            as_of=date(2026, 11, 1),
            source="주민등록법 제16조",
            verified=True,
        ),
    ),
    routing=Routing(
        rules=(),
        kinds=(KindWords(kind="corruption", keywords=("뇌물",), patterns=("금품.{0,5}받",), confidential=True),),
        urgent=(Urgency(id="fire", keywords=("불이 났",), not_keywords=("화재보험",), hint="119", hint_en="119"),),
        elsewhere=("부산", "부산시"),
        abuse=(Abuse(id="insult", keywords=("멍청이",)),),
    ),
    words=Templates(letters={"notice": LETTER}, states={}, kinds={}),
)


def message(text: str, **fields: object) -> Message:
    received = datetime(2026, 11, 23, 1, 0, tzinfo=UTC)
    given_fields = {"id": "1", "channel": "sms", "account": "120", "native_id": "1", "received_at": received}
    return Message(**(given_fields | {"text": text} | fields))  # type: ignore[arg-type]


MESSAGES = (
    *(message(text) for text in TEXTS),
    message("감사합니다", subject="전입신고는 언제까지 하나요?"),
    message("여기 쓰레기요", location=Location(37.5, 127.04)),
    message("부재중입니다", signals=("automatic: auto-replied", "suppress: list mail"), language="ko"),
)


def found(name: str) -> list[type[Classifier]]:
    module = import_module(f"classifiers.{name}")
    members = [member for _, member in inspect.getmembers(module, inspect.isclass)]
    return [
        member
        for member in members
        if issubclass(member, Classifier) and member is not Classifier and member.__module__ == module.__name__
    ]


@pytest.fixture(params=NAMES, scope="module")
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def classifier(name: str) -> Classifier:
    return found(name)[0](CITY)


def test_one_classifier_in_each_file(name: str) -> None:
    """A file has exactly one classifier, so that its name finds it."""
    assert 1 == len(found(name))


def test_batch_equals_one_by_one(classifier: Classifier) -> None:
    """A message gets the same findings alone and in a batch, in the order of the batch."""
    alone = [classifier.classify([each])[0] for each in MESSAGES]

    assert alone == classifier.classify(MESSAGES)


def test_same_findings_again(name: str, classifier: Classifier) -> None:
    """A second classifier of the same tables finds the same: nothing is remembered, nothing is drawn by lot."""
    other = found(name)[0](CITY)

    assert classifier.classify(MESSAGES) == other.classify(MESSAGES)


def test_nothing_for_no_messages(classifier: Classifier) -> None:
    """An empty batch gives an empty list."""
    assert [] == classifier.classify([])


def test_findings_carry_the_name_of_the_module(name: str, classifier: Classifier) -> None:
    """Each finding says which classifier found it."""
    names = {finding.classifier for findings in classifier.classify(MESSAGES) for finding in findings}

    assert {name} == names


def test_findings_have_reasons(classifier: Classifier) -> None:
    """Each finding says what it rests on."""
    findings = [finding for findings in classifier.classify(MESSAGES) for finding in findings]

    assert [] == [finding for finding in findings if not finding.because.strip()]


def test_confidence_and_lead_are_parts_of_one(classifier: Classifier) -> None:
    """Confidence and lead lie between 0 and 1."""
    findings = [finding for findings in classifier.classify(MESSAGES) for finding in findings]

    assert [] == [each for each in findings if not (0 <= each.confidence <= 1 and 0 <= each.lead <= 1)]


def test_best_comes_first(classifier: Classifier) -> None:
    """Findings stand in the order of their confidence."""
    rows = [[finding.confidence for finding in findings] for findings in classifier.classify(MESSAGES)]

    assert [sorted(row, reverse=True) for row in rows] == rows


def test_each_value_once(classifier: Classifier) -> None:
    """No message gets the same value twice."""
    rows = [[finding.value for finding in findings] for findings in classifier.classify(MESSAGES)]

    assert [] == [row for row in rows if len(set(row)) != len(row)]


def test_nothing_is_changed(classifier: Classifier) -> None:
    """Classifying leaves the messages and the city as they were."""
    messages, city = deepcopy(MESSAGES), CITY.model_dump_json()
    classifier.classify(MESSAGES)

    assert (messages, city) == (MESSAGES, CITY.model_dump_json())


@given(text=st.text(max_size=300), subject=st.text(max_size=20))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_text_is_survived(classifier: Classifier, text: str, subject: str) -> None:
    """Whatever characters come, findings come back and no exception."""
    rows = classifier.classify([message(text, subject=subject)])

    assert 1 == len(rows)


@given(part=st.text(alphabet="가구동 로에서강남신사불이났어요12\n", min_size=1, max_size=12))
@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_long_text_is_survived(classifier: Classifier, part: str) -> None:
    """A text of 20,000 characters, however it repeats itself, gives findings as well."""
    rows = classifier.classify([message((part * 20_000)[:20_000])])

    assert 1 == len(rows)


def test_city_without_tables() -> None:
    """A city that has filled in nothing yet can be classified for: nothing of it is found."""
    empty = CITY.model_copy(
        update={
            "districts": (),
            "places": (),
            "topics": (),
            "faqs": (),
            "routing": Routing(rules=(), kinds=(), urgent=(), elsewhere=()),
        }
    )
    rows = {
        name: found(name)[0](empty).classify([message("강남구 불법주차는 어디에 신고하나요?")])[0] for name in NAMES
    }

    assert {"demand", "language"} == {name for name, findings in rows.items() if findings}
