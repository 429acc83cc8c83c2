"""Names of people in a text: after a label, in an introduction, before a title."""

import re
from collections.abc import Iterator
from typing import NamedTuple

_SURNAMES = frozenset(
    "김이박최정강조윤장임한오서신권황안송류전홍고문양손배백허유남심노하곽성차주우구민진지엄채원천방공현함변염여추도소석선설마길연위표명기반라왕금옥육인맹제모탁국어은편용"
)
_LABEL = (
    r"(?:성 ?명|이 ?름|성함|예금주|신청인|민원인|신고인|신고자|신청자|제보자|피해자"
    r"|가해자|보호자|대리인|세대주|수령인|담당자)"
)
_END = r"(?=[\s,.()/]|님|씨|입니다|이고|이며|이에요|예요|$)"
_AFTER_COLON = re.compile(rf"{_LABEL} ?: ?([가-힣]{{2,4}}|[가-힣] [가-힣] [가-힣]){_END}")
_AFTER_BLANK = re.compile(rf"{_LABEL}(?:은|는|이|가)? ([가-힣]{{2}}(?![이가는한해])[가-힣]){_END}")
_NAMED = re.compile(rf"{_LABEL}(?:은|는|이|가) ?([가-힣]{{3,4}}?)(?=입니다|이고|이며|이에요|예요)")
_SELF = re.compile(
    r"(?<![가-힣])(?:(?:저는|나는|본인은|제가)[ ,]{0,2}|[전저][ ,]{1,2})([가-힣]{3})"
    r"(?=입니다|이고요|이고|인데요|인데|이에요|예요|이라고|라고"
    r"|이라 합니다|라 합니다|이며|임[\s.])"
)
_ENGLISH = re.compile(
    r"\b(?:[Mm]y name is|[Tt]his is Mr\.?|[Tt]his is Ms\.?) ([A-Z][a-z]{1,15}(?: [A-Z][a-z]{1,15}){0,2})"
)
_CHINESE = re.compile(r"(?:我叫|我的名字是|姓名[:：]?) ?([一-鿿]{2,3})(?![一-鿿]{2})")
_VIETNAMESE = re.compile(r"[Tt]ên tôi là ([^\W\d_]{1,8}(?: [^\W\d_]{1,8}){1,3})")
_TITLED = re.compile(
    r"(?<![가-힣])([가-힣])[가-힣]{1,2} ?(?:씨|주무관|사무관|팀장|과장|계장|국장|소장)(?:님)?(?![가-힣]{2})"
)

# What people say they are, or what stands after a label, and is no name though it begins like one.
_NO_NAMES = frozenset(
    re.findall(
        r"\w+",
        """
        민원인 신청인 신청자 신고자 신고인 제보자 공무원 노동자 장애인 외국인 보호자 보행자 이용자 한국인
        직장인 유학생 이웃 입주민 세입자 피해자 구직자 여행자 전학생 신혼부 노숙인 조합원 배달원 경비원 상담원
        강남구 강동구 강북구 강서구 관악구 광진구 구로구 금천구 노원구 도봉구 동작구 마포구 서대문 서초구
        성동구 성북구 송파구 양천구 영등포 용산구 은평구 종로구 중랑구 서울시 서울시민 전문가 정말로 지금은
        지금도 지금부 이번에 이제는 이제야 이곳의 이곳에 이것이 이것은 이동네 이사람 이사왔 우리집 우리는
        우리도 우리동 아이가 오늘도 오늘은 매일매 주민들 주민입 주차장 주택가 차주인 차량을 소상공 소유자
        소비자 고등학 고객님 고객센 중학생 대학생 초등학 학부모 임대인 임차인 임산부 임신부 임신중 자영업
        작업자 전업주 주부인 주부로 방문자 방관자 유권자 유족인 이주민 이민자 이재민 한부모 한가지 한국어
        한글로 한국말 천주교 기독교 무직자 구민인 시민인 국민인 반대입 반대하 찬성하 정상인 현역군 현장에
        노인인 여성인 여자인 남자인 남성인 남학생 여학생 여행객 기초수 차상위 최선을 최근에 최고령 최저임
        신입생 신규로 신혼인 신불자 공익요 공장장 공동체 공사장 공공근 공부하 원래는 원룸에 원래도 도저히
        도대체 도봉동 하나도 하지만 하루에 한명의 한번도 한달째 전혀요 전세입 전입자 전체가 정기적 정확히
        장사하 장기간 장모님 장인어 조금만 조심하 조용히 조카인 안전요 안내원 배우자 배고픈 백수인 백신을
        문의자 문제가 문외한 성인인 성소수 성실히 진심으 진짜로 진정인 진료를 지체장 지인이 지역주 지방에
        지하철 구청에 구경꾼 구매자 구독자 변호사 변경인 선생님 선의의 소방관 소시민 마을주 마음이 길거리
        연구원 연금생 위원인 위원장 반장인 명예훼 기자인 기사인 금연자 모르는 모두가 국가유 국민임 어르신
        어린이 어머니 은퇴자 은행원 편의점 용의자 미성년 고령자 고용주 고소인 학생인 대리인 담당자 책임자
        관리자 운영자 사용자 사업자 설명을 설치를 인천시 인근에 제대로 제일먼 여기서 여러분 여러번 추가로
        추천을 석달째 미정 미상 무기명 익명 비공개 홍길동전 변경을 변경은 공개를 공개는 기재를 기억이 오류가
        오타가 명시해 표기를 한자로 영문으 영어로
        """,
    )
)
# Given names do not end in a particle; the syllables of these end sentences of another kind.
_NO_ENDINGS = (
    "을",
    "를",
    "에",
    "의",
    "로",
    "서",
    "들",
    "도",
    "만",
    "까",
    "요",
    "니",
    "데",
    "고",
    "면",
    "며",
    "게",
    "적",
    "할",
    "처",
    "지는",
    "하는",
)


class Named(NamedTuple):
    """Where a name stands, and what is shown in its place."""

    start: int
    end: int
    text: str


def names(text: str) -> Iterator[Named]:
    """Yields the names that are said to be names."""
    for pattern in (_AFTER_COLON, _AFTER_BLANK, _NAMED, _SELF):
        for found in pattern.finditer(text):
            if _may_be_name(found[1]):
                yield Named(*found.span(1), mask_name(found[1].replace(" ", "")))
    for pattern in (_ENGLISH, _CHINESE, _VIETNAMESE):
        yield from (Named(*found.span(1), _mask_foreign(found[1])) for found in pattern.finditer(text))


def names_titled(text: str) -> bool:
    """Whether an officer or another person is called by name and title."""
    return any(found[1] in _SURNAMES for found in _TITLED.finditer(text))


def mask_name(name: str) -> str:
    """Returns "김*수" for "김철수", "김*" for "김철", "J*** S***" for "John Smith"."""
    return " ".join(_mask_word(word) for word in name.split())


def _may_be_name(name: str) -> bool:
    bare = name.replace(" ", "")
    if bare[0] not in _SURNAMES or bare in _NO_NAMES or "*" in bare:
        return False
    return not bare.endswith(_NO_ENDINGS) and not any(bare.startswith(word) for word in _NO_NAMES if len(word) > 2)


def _mask_foreign(name: str) -> str:
    return " ".join(word[0] + "***" if len(word) > 1 else "*" for word in name.split())


def _mask_word(word: str) -> str:
    if word.isascii():
        return word[0] + "***"
    if len(word) < 3:
        return word[0] + "*" * (len(word) - 1 or 1)
    return word[0] + "*" * (len(word) - 2) + word[-1]
