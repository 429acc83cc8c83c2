"""Languages of real messages, short and mixed ones too."""

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.languages import SPLITS, languages, said
from cases.letters import Facts, Letters
from classifiers.language import Language
from config.load import load_city
from config.schema import City, Routing, Templates
from core.decision import Context, Finding
from core.message import Message
from router.view import Views

CITY = City(
    districts=(),
    places=(),
    departments=(),
    topics=(),
    faqs=(),
    routing=Routing(rules=(), kinds=(), urgent=(), elsewhere=()),
    words=Templates(letters={}, states={}, kinds={}),
)
# Whether one may ask in another language is also asked in that language.
_HANGUL = re.compile("[가-힣]")


@pytest.fixture(scope="module")
def language() -> Language:
    return Language(CITY)


def written(text: str, hint: str = "") -> Message:
    received = datetime(2026, 11, 23, 1, 0, tzinfo=UTC)
    return Message(id="1", channel="sms", account="120", native_id="1", received_at=received, text=text, language=hint)


def found(language: Language, text: str, hint: str = "") -> Finding:
    return language.classify([written(text, hint)])[0][0]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("가로등이 고장났어요", "ko"),
        ("wifi 비밀번호 알려주세요", "ko"),
        ("區廳이 어디예요", "ko"),
        ("ㅋㅋㅋ", "ko"),
        ("CCTV", "ko"),
        ("Samsung Smart TV UHD 버리는 방법", "ko"),
        ("Hi 안녕하세요 여권 문의드려요", "ko"),
        ("https://map.example/p/1 여기 좀 치워주세요", "ko"),
        ("#가로등 #고장", "ko"),
        ("dkssudgktpdy", "ko"),
        ("an nyeong ha se yo", "ko"),
        ("annyŏng hasimnikka", "ko"),
        ("gajeong pyegimul eodie beoryeoyo", "ko"),
        ("Hello 안녕하세요, I want to ask about my visa", "en"),
        ("Illegal parking in Yeoksam-dong, Gangnam-gu", "en"),
        ("@seoul_120 the street light is broken #dark", "en"),
        ("旅券申請窓口", "ja"),
        ("停車罰款怎麼繳", "zh"),
        ("khong biet tieng han, ai giup toi voi", "vi"),
        ("Chủ nhà không trả 보증금 cho tôi", "vi"),
        ("nghìn", "vi"),
        ("sain baina uu, pasport haanaas avah ve", "mn"),
        ("Визаны кайдан узартса болот?", "other"),
        ("төлеу", "other"),
        ("Saan po ako kukuha ng visa?", "other"),
        ("Di mana saya bisa membuang sofa?", "other"),
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


@pytest.mark.parametrize("split", SPLITS)
def test_sentences_of_every_language_and_manner(split: str) -> None:
    """Of sentences written by hand 97 in 100 are known, and no Korean one is taken for English."""
    rows = said(split)
    guesses = languages(row.text for row in rows)

    assert 0.97 <= sum(row.label == guess for row, guess in zip(rows, guesses, strict=True)) / len(rows)
    assert [] == [row.text for row, guess in zip(rows, guesses, strict=True) if (row.label, guess) == ("ko", "en")]


def test_every_question_of_the_city_is_korean() -> None:
    """However the city's questions are put, whoever asks one in Hangul is answered in Korean."""
    texts = [text for faq in load_city(Path("config")).faqs for text in (faq.question, *faq.variants)]

    assert {"ko"} == set(languages(text for text in texts if _HANGUL.search(text)))


@given(st.text(max_size=200), st.sampled_from(["", "ko", "vi-VN", "fr"]))
def test_any_text_has_one_language(text: str, hint: str) -> None:
    """Whatever is written, there is one answer, and the same when asked again."""
    language = Language(CITY)
    first, second = found(language, text, hint), found(language, text, hint)

    assert first == second
    assert first.value in {"ko", "en", "zh", "ja", "vi", "mn", "other"}
    assert 0 < first.confidence <= 1


@pytest.mark.parametrize(
    "text", ["가" * 100_000, "a" * 100_000, "ж " * 50_000, "ă" * 50_000, "#" * 50_000, "a.b@" * 25_000]
)
def test_a_very_long_text_is_read_in_part(language: Language, text: str) -> None:
    """The beginning tells; a sender's length is not our time."""
    assert found(language, text[:2_000]).value == found(language, text).value


@pytest.mark.parametrize(
    ("text", "hint", "before", "expected"),
    [
        ("👍", "", "vi", "vi"),
        ("👍", "en", "vi", "vi"),
        ("👍", "en", "", "en"),
        ("👍", "fr", "", "other"),
        ("👍", "", "", "ko"),
        ("OK", "", "ko", "ko"),
        ("OK", "", "en", "en"),
        ("hello", "", "ko", "ko"),
        ("How do I get a passport?", "", "ko", "en"),
        ("쓰레기 좀 치워 주세요", "en", "en", "ko"),
    ],
)
def test_what_says_too_little_is_in_the_language_before(
    language: Language, text: str, hint: str, before: str, expected: str
) -> None:
    """An emoji, a word: the conversation's language decides, then the channel's word, then Korean. A text outweighs
    them."""
    message = written(text, hint)
    view = Views(CITY).make(message, Context(language=before), {"language": language.classify([message])[0]})

    assert expected == view.language


@pytest.mark.parametrize("language", ["en", "zh", "ja", "vi", "mn", "other"])
def test_who_writes_no_korean_reads_english(language: str) -> None:
    """There is one other text than the Korean one: everybody else gets it, in every letter, with no Korean in it."""
    letters = Letters(load_city(Path("config")))
    facts = Facts(number="20261123-000001-0", channel="email", language=language, queue="gangnam", answer="It is.")
    written = [letters.write(name, facts) for name in load_city(Path("config")).words.letters]

    assert [] == [words.text for words in written if re.search("[가-힣]", words.text + words.subject)]


def test_who_writes_korean_reads_korean() -> None:
    """No letter of the city's is English for a Korean citizen."""
    letters = Letters(load_city(Path("config")))
    facts = Facts(number="20261123-000001-0", channel="email", queue="gangnam", answer="신고하십시오.")

    assert all(re.search("[가-힣]", letters.write(n, facts).text) for n in load_city(Path("config")).words.letters)
