"""Languages of real messages, short and mixed ones too."""

from datetime import UTC, datetime

import pytest

from classifiers.language import Language
from config.schema import City, Routing, Templates
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
def language() -> Language:
    return Language(CITY)


def found(language: Language, text: str, hint: str = "") -> Finding:
    received = datetime(2026, 11, 23, 1, 0, tzinfo=UTC)
    message = Message(
        id="1", channel="sms", account="120", native_id="1", received_at=received, text=text, language=hint
    )
    return language.classify([message])[0][0]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("가로등이 고장났어요", "ko"),
        ("wifi 비밀번호 알려주세요", "ko"),
        ("區廳이 어디예요", "ko"),
        ("ㅋㅋㅋ", "ko"),
        ("annyeonghaseyo, sseuregi eodi beoryeoyo", "ko"),
        ("How do I get a passport?", "en"),
        ("Where is 강남구청?", "en"),
        ("hello", "en"),
        ("怎么办理护照?", "zh"),
        ("粗大ごみはどう捨てますか", "ja"),
        ("Tôi muốn đăng ký tạm trú ở đâu?", "vi"),
        ("Би гадаад паспортоо хаанаас авах вэ?", "mn"),
        ("үнэ хэд вэ", "mn"),
        ("Где получить паспорт?", "other"),
        ("Қайда паспорт алуға болады", "other"),
        ("Bonjour, où est la mairie ?", "other"),
        ("ขอความช่วยเหลือหน่อยครับ", "other"),
    ],
)
def test_language_of_a_text(language: Language, text: str, expected: str) -> None:
    """Each language is known by its letters, or by its words where it shares them."""
    assert expected == found(language, text).value


@pytest.mark.parametrize("text", ["", "   ", "😀😀", "120", "???"])
def test_no_words_is_korean_and_unsure(language: Language, text: str) -> None:
    """Where nothing can be read the city answers in Korean and does not claim to know."""
    finding = found(language, text)

    assert ("ko", True) == (finding.value, finding.confidence < 0.5)


def test_hint_of_the_channel_counts_without_words(language: Language) -> None:
    """What the channel knows of the writer helps where the text says nothing."""
    assert "vi" == found(language, "👍", "vi-VN").value


def test_text_is_stronger_than_the_hint(language: Language) -> None:
    """A Korean text is Korean on a telephone set to English."""
    assert "ko" == found(language, "쓰레기 좀 치워 주세요", "en").value
