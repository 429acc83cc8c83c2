"""The mask: hides what points to a person in every writing of it, keeps the rest, and ends whatever it is given."""

import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from core import handles as handle_marks
from core import mask as mask_module
from core import personal as personal_marks
from core.mask import mask, mask_handle, mask_name, redact

# A machine that is busy elsewhere fails no promise.
UNHURRIED = settings(deadline=None)
OFFICES = frozenset({"02-2148-1114", "minwon@seoul.example"})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("주민번호는 900101-1234567입니다", "주민번호는 900101-*******입니다"),
        ("9001011234567", "900101-*******"),
        ("９００１０１－１２３４５６７", "900101-*******"),
        ("900101 - 1234567", "900101-*******"),
        ("900101.1234567", "900101-*******"),
        ("900101\u20131234567", "900101-*******"),
        ("90.01.01 1234567", "900101-*******"),
        ("9 0 0 1 0 1 - 1 2 3 4 5 6 7", "900101-*******"),
        ("19900101-1234567", "900101-*******"),
        ("9001\u200b01-12\u00ad34567", "900101-*******"),
        ("90\x000101-1234567", "900101-*******"),
        ("외국인등록번호 881231-5123457", "외국인등록번호 881231-*******"),
        ("000229-7123456", "000229-*******"),
        ("900101, 1234567", "900101-*******"),
        ("900101\n1234567", "900101-*******"),
        ("900101(1234567)", "900101-*******)"),
        ("900101-1-234567", "900101-*******"),
        ("앞자리 900101 뒷자리는 1234567", "앞자리 900101-*******"),
        ("900101이고 뒤는 1234567", "900101-*******"),
        ("90년 01월 01일생 뒷자리 1234567", "900101-*******"),
        ("850505-0123456 그리고 850505-9123456", "850505-******* 그리고 850505-*******"),
    ],
)
def test_resident_numbers_are_redacted(text: str, expected: str) -> None:
    """A resident or alien registration number loses its last seven digits, however it is written."""
    assert expected == redact(text)
    assert expected == mask(text)


@pytest.mark.parametrize(
    "text",
    [
        "901301-1234567",
        "900132-1234567",
        "010-1234-5678",
        "1732320000000",
        "880101-12345678",
        "20261123-000123-4",
        "",
        "2026-11-23, 1500000원",
        "24년 11월 05일 (3500000원)",
        "261123, 010-1234-5678",
    ],
)
def test_other_numbers_are_not_redacted(text: str) -> None:
    """What has no date of birth in it, or not thirteen digits, may be stored."""
    assert text == redact(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("010-1234-5678", "010-1234-****"),
        ("01012345678로", "0101234****로"),
        ("010 1234 5678", "010 1234 ****"),
        ("010.1234.5678", "010.1234.****"),
        ("０１０－１２３４－５６７８", "０１０－１２３４－****"),
        ("010-12\u200b34-5678", "010-12\u200b34-****"),
        ("0 1 0 1 2 3 4 5 6 7 8", "0 1 0 1 2 3 4 * * * *"),
        ("011-234-5678", "011-234-****"),
        ("+82 10-1234-5678", "+82 10-1234-****"),
        ("+821012345678", "+82101234****"),
        ("82-10-1234-5678", "82-10-1234-****"),
        ("+82-2-345-6789", "+82-2-345-****"),
        ("02-345-6789", "02-345-****"),
        ("(031)123-4567", "(031)123-****"),
        ("070-1234-5678", "070-1234-****"),
        ("0507-1234-5678", "0507-1234-****"),
        ("+1 415 555 2671", "+1 415 555 ****"),
        ("공일공 일이삼사 오육칠팔", "공일공 일이삼사 ****"),
        ("010-1111-2222, 010-3333-4444", "010-1111-****, 010-3333-****"),
    ],
)
def test_telephones_lose_their_last_four(text: str, expected: str) -> None:
    """A telephone number is hidden in its last four digits, however it is written."""
    assert expected == mask(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("hong.gildong@naver.com으로 보내주세요", "ho***@naver.com으로 보내주세요"),
        ("메일은ab@example.co.kr", "메일은a***@example.co.kr"),
        ("홍길동@한메일.kr", "홍길***@한메일.kr"),
        ("hong＠naver.com", "ho***＠naver.com"),
        ("hong 골뱅이 naver.com", "ho*** 골뱅이 naver.com"),
        ("hong(at)naver.com", "ho***(at)naver.com"),
    ],
)
def test_mail_addresses_lose_their_name(text: str, expected: str) -> None:
    """Of a mail address only the first letters and the domain stay."""
    assert expected == mask(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("카드 4111-1111-1111-1111", "카드 4111-****-****-****"),
        ("4111111111111111", "4111************"),
        ("국민은행 123456-04-123456", "국민은행 123***-**-******"),
        ("환급 계좌: 110-123-456789 (신한)", "환급 계좌: 110-***-****** (신한)"),
        ("1002-345-678901 우리은행", "100*-***-****** 우리은행"),
        ("12가3456 차량", "12가**** 차량"),
        ("서울12가 3456", "서울12가 ****"),
        ("123허4567", "123허****"),
        ("면허 11-12-345678-90", "면허 11-**-******-**"),
        ("여권 M12345678", "여권 M********"),
        ("성명: 김철수, 연락처", "성명: 김*수, 연락처"),
        ("제 이름은 홍길동입니다", "제 이름은 홍*동입니다"),
    ],
)
def test_other_marks_of_a_person_are_hidden(text: str, expected: str) -> None:
    """Cards, accounts, plates, licences, passports and labelled names are hidden."""
    assert expected == mask(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("강남구 테헤란로 123 4층 402호", "강남구 테헤란로 *** *층 ***호"),
        ("테헤란로 123, 행복아파트 101동 1203호에", "테헤란로 ***, 행복아파트 ***동 ****호에"),
        ("도봉로89길 13 (쌍문동) 402호", "도봉로89길 ** (쌍문동) ***호"),
        ("중앙로 12번길 5", "중앙로 12번길 *"),
        ("서울특별시마포구월드컵로212", "서울특별시마포구월드컵로***"),
        ("역삼동 823-24", "역삼동 ***-**"),
        ("신림동 1433번지 앞", "신림동 ****번지 앞"),
        ("종로3가 12-3", "종로3가 **-*"),
        ("101동 1203호 층간소음", "***동 ****호 층간소음"),
        ("123 Teheran-ro, Gangnam-gu", "*** Teheran-ro, Gangnam-gu"),
    ],
)
def test_addresses_end_at_the_road(text: str, expected: str) -> None:
    """Of an address the road or neighbourhood stays, the building's and the flat's numbers do not."""
    assert expected == mask(text)


@pytest.mark.parametrize(
    "text",
    [
        "강남구 역삼동 골목에 쓰레기 무단투기가 심해요 단속해주세요",
        "120, 112, 119로 전화하세요. 지하철은 1577-1234, 병무청은 1588-9090",
        "시청 02-731-2345, 02-2133-1234, 종로구청 02-2148-1114, minwon@seoul.example",
        "접수번호 20261123-000123-4 조회",
        "앞으로 3일, 버스로 30분, 걸어서 도로 5m, 사실 그대로 2명",
        "2호선 강남역 3번 출구, 종로 3가, 역삼동 3번 마을버스, 401번과 N62 버스",
        "2026-11-23 10:30에 1,550원 입금했는데 재산세 20만원 이하",
        "계좌에 1000000000원, 입금일 2026-11-23 10:30",
        "테헤란로 2개 차로, 강남대로 5km, 제101호 2026년",
        "법 제12조 2026년 개정, 12월 2026",
        "@Seoulgyotong 확인 바랍니다",
        "이름은 모릅니다. 성명: 미상. 이름은 차별이라고 생각합니다",
        "평화로 1조원 절약, 부동산 16채, 투자로 1인 기업",
        "자동 3회, 운동 30분, 아동 12명",
    ],
)
def test_the_rest_is_kept(text: str) -> None:
    """Words, dates, prices, stations, public numbers and case numbers stay as they are."""
    assert text == mask(text, OFFICES)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("김철수", "김*수"),
        ("김철", "김*"),
        ("남궁민수", "남**수"),
        ("John Smith", "J*** S***"),
        ("김", "김*"),
        ("", ""),
    ],
)
def test_names(name: str, expected: str) -> None:
    """Of a name the first syllable and the last stay."""
    assert expected == mask_name(name)


@pytest.mark.parametrize(
    ("handle", "expected"),
    [
        ("+821012345678", "+82101234****"),
        ("hong@naver.com", "ho***@naver.com"),
        ("@kim_chulsoo", "@ki***"),
        ("123456789", "12***"),
        ("ab", "a***"),
        ("", ""),
    ],
)
def test_handles(handle: str, expected: str) -> None:
    """An author is shown by the beginning of a handle; masked twice it is the same."""
    assert expected == mask_handle(handle)
    assert expected == mask_handle(expected)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("010ㅋ1234ㅋ5678", "010ㅋ1234ㅋ****"),
        ("0ㅋ1ㅋ0ㅋ1ㅋ2ㅋ3ㅋ4ㅋ5ㅋ6ㅋ7ㅋ8", "0ㅋ1ㅋ0ㅋ1ㅋ2ㅋ3ㅋ4ㅋ*ㅋ*ㅋ*ㅋ*"),
        ("02♥♥2345♥♥6789", "02♥♥2345♥♥****"),
        ("010 다시 1234 다시 5678", "010 다시 1234 다시 ****"),
        ("010이고 가운데 1234 뒤는 5678", "010이고 가운데 1234 뒤는 ****"),
        ("뒷번호 5678 앞은 010-1234", "뒷번호 **** 앞은 010-1234"),
        ("〇一〇-一二三四-五六七八", "〇一〇-一二三四-****"),
        ("영일영 일이삼사 오륙칠팔", "영일영 일이삼사 ****"),
        ("공하나공 하나둘셋넷 다섯여섯일곱여덟이에요", "공하나공 하나둘셋넷 ****이에요"),
        ("zero one zero one two three four five six seven eight", "zero one zero one two three four * * * *"),
        ("①010-1234-5678", "①010-1234-****"),
        ("연락처 2345-6789", "연락처 2345-****"),
        ("九〇〇一〇一-一二三四五六七", "900101-*******"),
        ("9ㅋ0ㅋ0ㅋ1ㅋ0ㅋ1ㅋ1ㅋ2ㅋ3ㅋ4ㅋ5ㅋ6ㅋ7", "900101-*******"),
        ("90 01 01 1 2 3 4 5 6 7", "900101-*******"),
        ("90년 1월 1일생 1234567", "900101-*******"),
        ("900101-1******", "900101-*******"),
        ("국민 김철수 123456-04-123456", "국민 김철수 123***-**-******"),
        ("110-123-456789 김철수 (신한은행)", "110-***-****** 김철수 (신한은행)"),
        ("카드 4111-1111-1111-1111 CVC 123", "카드 4111-****-****-**** CVC ***"),
    ],
)
def test_disguises_hide_no_number(text: str, expected: str) -> None:
    """Digits in other words and scripts, laughs and hearts between them, and a number told in pieces are read, too."""
    assert expected == mask(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("minji앳네이버닷컴", "mi***앳네이버닷컴"),
        ("minji골뱅이naver점com", "mi***골뱅이naver점com"),
        ("minji at 네이버", "mi*** at 네이버"),
        ("m i n j i @ n a v e r . c o m", "m*** @ n a v e r . c o m"),
        ("이메일은 minji92이고 네이버예요", "이메일은 mi***이고 네이버예요"),
        ("카톡 아이디 minji_92", "카톡 아이디 mi***"),
        ("카톡 minji92로 추가", "카톡 mi***로 추가"),
        ("라인 id: minji", "라인 id: mi***"),
        ("텔레 @minji", "텔레 @mi***"),
        ("인스타 @minji.daily 디엠", "인스타 @mi*** 디엠"),
        ("微信号 minji_wx", "微信号 mi***"),
        ("t.me/minji92", "t.me/mi***"),
    ],
)
def test_names_in_messengers_are_hidden(text: str, expected: str) -> None:
    """Of a name under which somebody is written to only the first letters stay, however it is told."""
    assert expected == mask(text)


@pytest.mark.parametrize(
    "text",
    [
        "카카오톡 채널 서울톡, 인스타 @seoul_official, 트위터 @Seoulgyotong",
        "카카오톡 v10.4 업데이트, 카톡 pdf 파일, 텔레비전 33번, 2호선 라인 A구역",
        "아이디 찾기, 시스템 오류 ID E-4012, 온라인 e-learning 2026",
        "하나 둘 셋 넷 다섯 여섯 일곱 여덟 아홉 열까지 세는 구령",
        "이천이십육년 십일월, 공사 이 일 삼사일, 第一次来首尔 三天两夜 二〇二六年十一月二十三日",
        "전화 2133-7000, 1588-1234로, 연락처 2020-2021년, 뒷자리 2024",
        "①신청서 ②신분증, ①2026년, 1ㅋㅋ2ㅋㅋ3, 1♥2♥3♥4♥5♥6♥7",
        "010 통합 2021년 종료 2025년 발표, 010으로 시작하는 번호",
        "국민신문고 2026-0001234, 신한은행 옆 12번, 우리 동네 2020-11-23",
        "meet me at kakao office, 골뱅이 소면, 메일 답장이고 네이버 검색",
    ],
)
def test_what_looks_like_a_disguise_is_kept(text: str) -> None:
    """Counting, the city's own accounts, versions and codes stay."""
    assert text == mask(text)


pieces = st.sampled_from(
    [*"0123456789-. @+()로동길호층가계좌은행번지\u200b０９성명:김", "010-", "12가", "90.01.01", "@a.kr"]
)
personal = st.lists(pieces, max_size=40).map("".join)


@UNHURRIED
@given(st.one_of(st.text(max_size=80), personal))
@example("계좌 110-010-1234-5678 900101-1234567")
@example("도봉로89길 13")
def test_twice_is_once(text: str) -> None:
    """What was masked once is not changed by masking it again."""
    assert mask(text) == mask(mask(text))
    assert redact(text) == redact(redact(text))


everything = st.lists(
    st.one_of(
        pieces,
        st.sampled_from([*"❶⓪¹①０٣＠﹫（ａｔ）\u200b", "（ａｔ）naver.com", "공\u200b일공", "성\u00ad명: 김철수 "]),
        st.sampled_from(
            ["카톡 ", "아이디 ", "minji_92", "하나", "ㅋ", "一", "다시", "one ", "①", "뒷번호 ", "국민 ", " @"]
        ),
        st.sampled_from(
            ["역삼동 ", "종로3가 ", "청담동산 ", "세종대로 ", "12번길 ", "지하 ", "번지 ", "12", "345", "M12"]
        ),
    ),
    max_size=40,
).map("".join)


@UNHURRIED
@given(st.one_of(st.text(max_size=80), personal, everything))
@example("hong（ａｔ）naver.com")
@example("예금주\u200b: 김철수")
@example("공일공 일이삼사 오육칠팔")
@example("❾⓪❶❷❸❹❶❷❸❹❶❷❸")
@example("서울 12가3456")
@example("가나다라마바사아자로 12번길 5")
@example("가나다라마바사동 산12-3, 12 가 3456")
@example("여권 M123A4567, 900101이고 뒷자리는 1 234 567")
def test_looking_away_changes_nothing(text: str) -> None:
    """What is left out because a text has nothing of the sort would have found nothing."""
    masked, redacted, named = mask(text), redact(text), personal_marks.names_somebody(text)

    with pytest.MonkeyPatch.context() as patch:
        for look in ("_WORTH_LOOKING", "_NUMBERED"):
            patch.setattr(mask_module, look, re.compile(""))
        for look in ("_AT_SIGN", "_HAS_HANDLE"):
            patch.setattr(handle_marks, look, re.compile(""))
        for look in ("_SIX_DIGITS", "_SEVEN_DIGITS", "_NUMBERED_ROAD", "_NUMBERED_DONG", "_NUMBERED_ROOM"):
            patch.setattr(personal_marks, look, re.compile(""))
        assert (masked, redacted, named) == (mask(text), redact(text), personal_marks.names_somebody(text))


@UNHURRIED
@given(st.text(st.characters(blacklist_categories=["Nd", "No", "Cs"], blacklist_characters="@골공성이예신민[(")))
def test_words_are_kept(text: str) -> None:
    """A text without numbers, addresses and labels stays as it is."""
    assert text == mask(text)


@UNHURRIED
@given(
    st.integers(0, 99),
    st.integers(1, 12),
    st.integers(1, 28),
    st.integers(0, 9_999_999),
    st.sampled_from(["", "-", " ", "."]),
)
def test_no_resident_number_survives(year: int, month: int, day: int, rest: int, between: str) -> None:
    """No number with a date of birth comes through, whatever its check digit."""
    number = f"{year:02}{month:02}{day:02}{between}{rest:07}"

    assert f"{rest:07}" not in redact(f"번호 {number} 끝")


@pytest.mark.parametrize(
    "piece",
    [
        *(
            "1",
            "1 ",
            "9 0 ",
            "010-",
            "가로 1",
            "동 1",
            "a@",
            "@a.a",
            "은행",
            "은행 1",
            "+1",
            "성명:",
            "12가",
            "(at)",
            "일ㅋ",
        ),
        *("하나", "one ", "카톡 a_", "아이디 ", "텔레@", "a @ ", "010 ", "뒤", "국민 1-", "메일 a.", "1-1234-"),
    ],
)
def test_hostile_texts_end(piece: str) -> None:
    """A hundred thousand characters of the worst kind are masked; and twice is once."""
    masked = mask(piece * (10_000 // len(piece)))

    assert masked == mask(masked)
    assert mask(piece * (100_000 // len(piece)))


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("010 (1234) 5678", "010 (1234) ****"),
        ("900101 [1234567]", "900101-*******]"),
        ("900101 → 1234567", "900101-*******"),
    ],
)
def test_brackets_and_arrows_hide_no_number(text: str, masked: str) -> None:
    """What stands between the parts of a number is no disguise."""
    assert masked == mask(text)
