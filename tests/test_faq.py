"""FAQs are found in people's own words, and left alone when it is not what they ask."""

import shutil
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from classifiers.faq import Faq as FaqClassifier
from config.load import load_city
from config.schema import City, Faq, Routing, Templates, Words
from core.decision import Finding
from core.message import Message
from pipeline.models import Kept, folder_of

CITY = City(
    districts=(),
    places=(),
    departments=(),
    topics=(),
    faqs=(),
    routing=Routing(rules=(), kinds=(), urgent=(), elsewhere=()),
    words=Templates(letters={}, states={}, kinds={}),
)


def faq(name: str, question: str, *variants: str, against: tuple[str, ...] = (), en: Words | None = None) -> Faq:
    return Faq(
        id=name,
        category="생활",
        question=question,
        variants=variants,
        not_examples=against,
        answer="안내해 드립니다.",
        short="안내",
        en=en,
        as_of=date(2026, 11, 1),
        source="서울특별시",
        verified=True,
    )


FAQS = (
    faq(
        "bulky-waste",
        "대형폐기물은 어떻게 버리나요?",
        "소파를 버리려면 어떻게 해야 하나요?",
        "침대 버리는 방법",
        "장롱 버리고 싶은데 신고를 어디서 하나요?",
        "대형폐기물 스티커는 어디서 사나요?",
        "대형폐기물 수거 신청 방법 알려주세요",
        "큰 가구는 어떻게 내놓나요?",
        against=("길에 버려진 소파를 치워 주세요", "대형폐기물을 신고했는데 안 가져가요"),
        en=Words(
            question="How do I throw away bulky waste?",
            answer="Report it to the district.",
            variants=("how to throw away a sofa", "where can I buy a bulky waste sticker"),
        ),
    ),
    faq(
        "subway-fare",
        "지하철 기본요금은 얼마인가요?",
        "지하철 요금이 얼마예요?",
        "전철 타는 데 얼마 들어요?",
        "청소년 지하철 요금 알려주세요",
        "어린이는 지하철 요금이 얼마인가요?",
        "지하철 기본요금 인상 후 얼마죠",
        "교통카드로 지하철 타면 얼마인가요?",
        against=("지하철 요금이 두 번 찍혔어요", "부산 지하철 요금 얼마예요?"),
    ),
    faq(
        "bus-fare",
        "시내버스 요금은 얼마인가요?",
        "버스 요금이 얼마예요?",
        "마을버스는 얼마예요?",
        "심야버스 요금 알려주세요",
        "광역버스 요금이 얼마인가요?",
        "버스비 얼마죠",
        "청소년 버스 요금",
        against=("버스 요금을 왜 올렸나요",),
    ),
)


@pytest.fixture(scope="module")
def classifier() -> FaqClassifier:
    routing = Routing(rules=(), kinds=(), urgent=(), elsewhere=("부산", "인천"))
    return FaqClassifier(CITY.model_copy(update={"faqs": FAQS, "routing": routing}))


def found(classifier: FaqClassifier, text: str, subject: str = "") -> tuple[Finding, ...]:
    received = datetime(2026, 11, 23, 1, 0, tzinfo=UTC)
    message = Message(
        id="1", channel="email", account="minwon", native_id="1", received_at=received, text=text, subject=subject
    )
    return classifier.classify([message])[0]


@pytest.mark.parametrize(
    "text",
    [
        "대형폐기물은 어떻게 버리나요?",
        "대형폐기물은어떻게버리나요",
        "대형폐기물 어떻게 버리나요ㅠㅠ",
        "안녕하세요. 대형폐기물은 어떻게 버리나요? 감사합니다.",
        "수고하십니다 문의드립니다 침대 버리는 방법 알려주세요",
        "how to throw away a sofa?",
    ],
)
def test_word_for_word_is_sure(classifier: FaqClassifier, text: str) -> None:
    """A wording of the table is known without its blanks, particles, greetings and thanks."""
    best = found(classifier, text)[0]

    assert ("bulky-waste", True) == (best.value, best.confidence >= 0.97)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("소파 버리고 싶은데 어떻게 하나요", "bulky-waste"),
        ("청소년은 지하철 요금이 얼마인가요?", "subway-fare"),
        ("심야버스 요금이 얼마예요?", "bus-fare"),
    ],
)
def test_other_words_lead_there(classifier: FaqClassifier, text: str, expected: str) -> None:
    """A question in other words finds its FAQ."""
    assert expected == found(classifier, text)[0].value


@pytest.mark.parametrize(
    "text",
    [
        "우리 집 앞에 누가 소파를 버렸어요 치워주세요",
        "길에 버려진 소파를 치워 주세요",
        "대형폐기물을 신고했는데 안 가져가요",
        "버스 요금을 왜 이렇게 많이 올렸나요",
        "부산 지하철 요금이 얼마예요?",
        "택시 기본요금은 얼마인가요?",
        "공항버스 예약은 어떻게 하나요?",
        "소파를 샀는데 환불이 안 돼요",
        "가로등이 고장났어요",
        "여권은 어떻게 만드나요?",
    ],
)
def test_what_is_not_asked_is_not_sure(classifier: FaqClassifier, text: str) -> None:
    """Demands, other cities, neighbouring matters and what must not match stay below 0.8."""
    assert [] == [finding for finding in found(classifier, text) if finding.confidence >= 0.8]


@pytest.mark.parametrize("entry", FAQS, ids=lambda entry: entry.id)
def test_sentence_that_must_not_match(classifier: FaqClassifier, entry: Faq) -> None:
    """A sentence named as one that must not match has less than 0.5 for its FAQ."""
    rows = [finding for text in entry.not_examples for finding in found(classifier, text)]

    assert [] == [finding for finding in rows if finding.value == entry.id and finding.confidence >= 0.5]


@pytest.mark.parametrize("more", ["억울해요", "정전이 됐어요", "환불"])
def test_what_is_said_after_the_question_makes_unsure(of_the_city: FaqClassifier, more: str) -> None:
    """The words after a question may be the matter; courtesy after it changes nothing."""
    asked = "대형폐기물은 어떻게 버리나요?"

    unsure, sure = (found(of_the_city, f"{asked} {rest}")[0].confidence for rest in (more, "감사합니다"))

    assert unsure < 0.8 <= sure


def test_long_story_is_not_sure(classifier: FaqClassifier) -> None:
    """A question inside a long story is for a person to read."""
    story = "지난주에 이사를 하면서 짐을 정리했는데 옛날 가구가 많이 나왔고 어머니가 쓰시던 물건도 있어서 고민입니다. "
    rows = found(classifier, story * 2 + "소파를 버리려면 어떻게 해야 하나요?")

    assert [] == [finding for finding in rows if finding.confidence >= 0.8]


def test_subject_asks_and_text_greets(classifier: FaqClassifier) -> None:
    """A mail that asks in its subject is understood."""
    assert "subway-fare" == found(classifier, "안녕하세요. 감사합니다.", "지하철 요금이 얼마예요?")[0].value


def test_text_asks_under_a_general_subject(classifier: FaqClassifier) -> None:
    """A subject that says nothing does not hide the question."""
    assert 0.98 == found(classifier, "지하철 요금이 얼마예요?", "시민 의견 드립니다")[0].confidence


def test_demand_in_the_subject_counts(classifier: FaqClassifier) -> None:
    """What is demanded in the subject keeps the text from being answered as a question, other words aside."""
    rows = found(classifier, "소파 버리고 싶은데 어떻게 하나요", "우리 집 앞 소파 치워주세요")

    assert [] == [finding for finding in rows if finding.confidence >= 0.8]


def test_greeting_alone_asks_nothing(classifier: FaqClassifier) -> None:
    """Politeness without a question finds nothing."""
    assert () == found(classifier, "안녕하세요 문의드립니다")


PARAPHRASES = (
    ("movein", "이사 왔는데 전입신고 며칠 안에 해야 되나요", "move-in-report"),
    ("birth", "신생아 출생신고 기간이 어떻게 되죠", "birth-report"),
    ("death", "할머니가 돌아가셨어요 사망신고는 며칠 안에 하나요", "death-report"),
    ("property", "토지분 재산세는 몇월에 내나요", "property-tax"),
    ("car", "자동차세 언제까지 내야 하나요", "car-tax"),
    ("parking", "불법 주정차 차량 신고하는 앱 있나요?", "report-illegal-parking"),
    ("smoking", "금연구역에서 담배 피우면 벌금 얼마예요", "smoking-fine"),
    ("subway", "어린이 지하철비 얼마예요", "subway-fare"),
    ("bus", "광역버스 요금 얼마죠", "bus-fare"),
    ("climate", "기후동행카드 따릉이 포함하면 얼마예요?", "climate-card"),
    ("bike", "따릉이 두시간 빌리면 얼마", "bike-fee"),
    ("lost", "지하철에 가방을 두고 내렸어요 어떻게 찾나요", "lost-property"),
    ("water", "이사할 때 수도요금은 어떻게 정산하나요", "water-bill-moving"),
    ("bulky", "매트리스는 어떻게 버려요?", "bulky-waste"),
    ("appliance", "안쓰는 세탁기 무료로 수거해 가나요?", "free-ewaste"),
    ("passport", "여권 신청할 때 뭐 가져가야 해요", "passport"),
    ("foi", "정보공개 청구하면 며칠 걸리나요", "foi-period"),
    ("withdraw", "민원 취하하려면 어떻게 하나요", "withdraw-petition"),
    ("tent", "한강공원 그늘막 텐트 몇시까지 가능해요", "river-tents"),
    ("cooking", "한강공원에서 취사 가능한가요", "river-cooking"),
    ("senior", "만 65세 이상 지하철 무료인가요?", "senior-free-ride"),
    ("english", "how do i throw away a sofa", "bulky-waste"),
)
NOT_COVERED = (
    "주차위반 과태료 얼마예요",
    "운전면허 갱신은 어디서 하나요",
    "택시 기본요금 얼마인가요",
    "공항버스 요금 얼마예요",
    "부산 지하철 요금 얼마예요",
    "지하철 막차 시간이 몇시예요",
    "버스에 지갑 두고 내렸어요 어디에 연락하나요",
    "고양이 등록도 해야 하나요",
    "전기요금 이사 정산은 어떻게 하나요",
    "기후동행카드 환불은 어떻게 하나요",
    "따릉이 대여소 위치가 어디인가요",
    "한강에서 낚시해도 되나요",
    "정보공개청구 수수료가 얼마예요",
    "자동차세 연납 할인율이 얼마인가요",
    "보건소 운영시간이 어떻게 되나요",
    "우리 집 앞 불법주차 좀 단속해주세요 관악구 신림동입니다",
    "한강공원 망원지구에서 고기 굽는 사람들 단속해주세요",
    "버스 요금 왜 올렸나요 너무 비쌉니다",
    "따릉이 요금이 이중으로 결제됐어요 환불해주세요",
    "대형폐기물 신고했는데 2주째 안 가져가요",
    "여권 담당 직원이 너무 불친절했습니다",
    "급수 중지 신청했는데 요금이 나왔어요 확인해 주세요",
    "what is the taxi fare",
    "how do I renew my driver license",
)


@pytest.fixture(scope="module")
def shipped() -> City:
    return load_city(Path(__file__).parent.parent / "config")


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory, found_before: Path) -> Kept:
    """What was found before from the shipped files, to be read and written."""
    var = tmp_path_factory.mktemp("var")
    shutil.copytree(folder_of(found_before), folder_of(var))
    return Kept(var, "faq")


@pytest.fixture(scope="module")
def of_the_city(shipped: City, kept: Kept) -> FaqClassifier:
    made = FaqClassifier(shipped)
    made.keep(kept)
    return made


@pytest.mark.parametrize(
    "text",
    [
        "따릉이 요금은 얼마인가요? 그리고 헬멧도 빌릴 수 있나요",
        "주민세는 얼마 내요?",
        "대형폐기물 신고했는데 취소는 어떻게 하나요",
        "수도계량기가 안 얼게 하려면 뭘로 싸야 하나요",
    ],
)
def test_another_question_about_the_same_matter_is_not_sure(of_the_city: FaqClassifier, text: str) -> None:
    """A word or a question that no wording of the entry has makes unsure, however near the rest is."""
    best = found(of_the_city, text)[0]

    assert best.confidence < 0.8 or best.lead < 0.1


def test_more_precision_makes_no_answer_surer(shipped: City, of_the_city: FaqClassifier, kept: Kept) -> None:
    """With a higher `answer_precision` in pipeline.toml the same question is at most as sure."""
    strict = FaqClassifier(shipped.model_copy(update={"answer_precision": 0.999}))
    strict.keep(kept)
    texts = [text for _, text, _ in PARAPHRASES]
    pairs = [(found(strict, text)[0].confidence, found(of_the_city, text)[0].confidence) for text in texts]

    assert [] == [pair for pair in pairs if pair[0] > pair[1]]


def test_every_wording_of_the_city_is_known(shipped: City, of_the_city: FaqClassifier) -> None:
    """Each wording in config/faq leads to its own entry, without doubt."""
    asked = [(entry.id, text) for entry in shipped.faqs for text in (entry.question, *entry.variants)]
    answers = [(found(of_the_city, text) or (None,))[0] for _, text in asked]

    assert [] == [
        (name, text)
        for (name, text), best in zip(asked, answers, strict=True)
        if best is None or (best.value, best.confidence >= 0.97) != (name, True)
    ]


def test_no_sentence_of_the_city_that_must_not_match(shipped: City, of_the_city: FaqClassifier) -> None:
    """Each not_example in config/faq has less than 0.5 for its entry."""
    rows = [(entry.id, text, found(of_the_city, text)) for entry in shipped.faqs for text in entry.not_examples]

    assert [] == [(name, text) for name, text, all_ in rows for f in all_ if f.value == name and f.confidence >= 0.5]


@pytest.mark.parametrize(("text", "expected"), [row[1:] for row in PARAPHRASES], ids=[row[0] for row in PARAPHRASES])
def test_paraphrase_finds_its_entry(of_the_city: FaqClassifier, text: str, expected: str) -> None:
    """Questions in words that no entry has are answered with the right one."""
    best = found(of_the_city, text)[0]

    assert (expected, True) == (best.value, best.confidence >= 0.8)


@pytest.mark.parametrize("text", NOT_COVERED)
def test_what_no_entry_covers_is_for_a_person(of_the_city: FaqClassifier, text: str) -> None:
    """Neighbouring questions, demands and complaints never get an automatic answer."""
    assert [] == [finding for finding in found(of_the_city, text) if finding.confidence >= 0.8]


@pytest.mark.parametrize(
    "text",
    [
        "시내버스 요금은 카드로만 내나요?",
        "사망신고는 가족만 할 수 있나요?",
        "불법주정차 신고는 앱으로만되나요?",
        "회사 대형폐기물은 어떻게 버리나요?",
        "식당에서 나온 큰 가구는 어떻게 버려요?",
        "구급차 부르려면 몇 번이에요? 급해요",
        "대형폐기물은 어떻게 버리나요? 급합니다",
    ],
)
def test_a_narrower_question_is_another(of_the_city: FaqClassifier, text: str) -> None:
    """Who asks whether that is all, asks for somebody for whom other rules hold, or is in a hurry, waits for a
    person."""
    assert [] == [finding for finding in found(of_the_city, text) if finding.confidence >= 0.8]


@pytest.mark.parametrize(
    "text",
    [
        "전입신고는 동사무소에 며칠 만에 하면 되나요?",
        "급할 때는 어디로 전화하나요?",
        "가게 쉬는 동안 물 끊어두려면 어디에 신청해요?",
    ],
)
def test_what_narrows_nothing_hinders_nothing(of_the_city: FaqClassifier, text: str) -> None:
    """Words that look like it, and what an entry says itself, are no reason."""
    assert "narrower" not in found(of_the_city, text)[0].because


@pytest.mark.parametrize(
    "beside",
    ["119", "119요", "ㅅㄹㅈㅅㅇ", "🆘", "🔪", "ช่วยด้วย", "кал", "살ㅋ려ㅋ주ㅋ세ㅋ요", "&#49332;&#47140;&#51480;"],
)
def test_what_cannot_be_read_is_not_passed_over(classifier: FaqClassifier, beside: str) -> None:
    """A question beside letters, numbers or signs that no matcher reads is for a person."""
    assert [] == [one for one in found(classifier, f"지하철 요금이 얼마예요? {beside}") if one.confidence >= 0.8]


@pytest.mark.parametrize("laugh", ["ㅋㅋㅋ", "ㅠㅠ", "ㅎㅎ", "ㄱㅅ"])
def test_laughter_hides_no_question(classifier: FaqClassifier, laugh: str) -> None:
    """Who laughs or weeps asks all the same."""
    assert 0.98 == found(classifier, f"지하철 요금이 얼마예요? {laugh}")[0].confidence


@pytest.mark.parametrize("subject", ["숨소리가 없어", "help me", "살려줘ㅋㅋ", "119", "엄마가 이상해"])
def test_what_the_subject_says_counts(classifier: FaqClassifier, subject: str) -> None:
    """Under a subject that says something else the text is not asked alone."""
    rows = found(classifier, "지하철 요금이 얼마예요?", subject)

    assert [] == [finding for finding in rows if finding.confidence >= 0.8]
