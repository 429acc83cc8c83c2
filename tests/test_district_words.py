"""Everyday words and people's names in which the letters of a dong or district stand: they name no place."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from classifiers._text import phrases
from classifiers.district import District
from config.load import load_city
from core.message import Message

WORDS = phrases(
    """
    이동|활동|운동|자동|행동|감동|노동|아동|변동|공동|냉동|작동|진동|파동|율동|선동|난동|소동|가동|연동|협동
    충동|유동|고동색|반동|발동|시동|요동|제동|태동|폭동|구동|기동대|주동자|전동 휠체어|부동산|수동|아동복|운동화
    이동권|자동문|행동강령|활동비|공동현관|냉동실|노동청|변동금리|부동액|원동기|유동인구|출동|생활동반자
    방과후활동|봉사활동|체육활동|환경운동|국내자동차|가사노동|중구난방|동작하다|동작 인식|동작이 느린|오동작
    수중구조|대중구매|공중구역|가구로 분류|입구로 들어가|출구로 나가|도구로 쓰는|친구로 지내는|기구로 측정
    인구로 나눈|요구로 인해|야구로 유명한|지구로 떨어진|항구로 가는|창구로 안내|연구로 밝혀진|강남구간 정체
    강남구두|노원구역 재개발|관악구성 연주|관악기 연주|용산구입처|동구 밖 과수원길|서구 문화|남구만 시조|강동원
    정동진|정동영|강동윤|강서윤|성동일|신동엽|노원희|홍길동|홍길동전|길동무|서초롱|방학동안|장사동안|수유동안
    회기동안|개화동안|공사동안|대학동기|대학동아리|대학동문|대학동문회|중앙동아리|초동대처|초동 대응|초동수사
    합동수사본부|합동 점검|합동단속|중동지역|중동 전쟁|중동발 위기|능동적으로|정동장애|본동 2층|본동 옆 별관
    화동 역할|재동작|번동기|생명동아리|설명동영상|투명동의|청구동의서|인수동의서|인수동의 절차|청구 동의 여부
    사직동의서|수송동의서|온수동파|상수동파|수도동파|계량기 동파|천연동굴|이화동산|낙원동산|신사동네
    평창동계올림픽|방화동기|수색동원|오류동작|공항동반자|미아동생|망우동생|우이동생|저동네|저동생|저동물
    다동의합니다|다 동의합니다|남성역차별|안전 삼각지대|마포걸레|마포 걸레|가락국수|거여 어디|오금이 저리다
    방이 작아요|마천루|길동이라는 이름|강일이가|양재를 배우다|훈민정음 반포|의견이 대치하다|역삼각형|정삼각형
    일원화|수서본|청담배|천동설|지동설|미성년자|성현의 말씀|인헌|사당패|상도덕|대방출|당산나무|문래카|양평해장국
    개봉 영화|온수매트|천왕성|가산점|시흥분|개화기|공항버스|방화범|오곡밥|신정 연휴|공덕을 쌓다|도화지|망원경
    상수도|상수원|성산일출봉|토정비결|연희 씨|천연가스|현저하다|대조적|수색대|수색 작업|신사적|상계관세
    상계 처리|월계수|중계방송|하계휴가|방학숙제|미아 신고|번화가|수유실|동선 공개|삼선짜장|면목이 없다
    이산가족 상봉|중화요리|신설 학교|용두사미|제기하다|청량음료|광장에서|구의원|구의회|자양강장제|화양연화
    금호타이어|사근사근|옥수수|행당 아니고|홍익인간|도원결의|문배주|주성치|청암|산천어|서빙하다|이촌향도|다산콜
    만리장성|방산업체|산림청|삼각김밥|소공녀|수표 발행|수하물|순화하다|오장육부|입정|주교|주자|충무공
    고양이가 많아요|구리 냄새|친구가 다쳤어요|경기가 나빠요|공주 인형|화성 탐사|오산입니다|전주 3번|진주 목걸이
    이천 원|시공사|우리 동네|옆 동네|온 동네|동사무소|동주민센터|동장님|101동|3동 주민|가동 중단|나동 건물
    """
)
FRAMES = ("{}", "{} 관련해서 문의드립니다", "어제 {} 때문에 전화했어요", "그리고 {}")


@pytest.fixture(scope="module")
def classifier() -> District:
    return District(load_city(Path(__file__).parent.parent / "config"))


def found(classifier: District, text: str) -> list[str]:
    received = datetime(2026, 11, 23, 1, 0, tzinfo=UTC)
    message = Message(id="1", channel="sms", account="120", native_id="1", received_at=received, text=text)
    return [finding.value for finding in classifier.classify([message])[0]]


@pytest.mark.parametrize("frame", FRAMES)
def test_everyday_words_name_no_district(classifier: District, frame: str) -> None:
    """None of these words gives any district, sure or unsure."""
    rows = {word: found(classifier, frame.format(word)) for word in WORDS}

    assert {} == {word: districts for word, districts in rows.items() if districts}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("방학동 안전 점검", ["dobong"]),
        ("방학동안전점검", ["dobong"]),
        ("청구동의 도로", ["jung"]),
        ("신사동 동물병원 강남구", ["gangnam"]),
        ("대학동 동네 주차", ["gwanak"]),
        ("능동 어린이집 앞", ["gwangjin"]),
        ("정동 돌담길 보도", ["jung"]),
        ("수유동 안쪽 골목", ["gangbuk"]),
        ("서울 역삼동", ["gangnam"]),
        ("서울시청담동", ["gangnam"]),
        ("서울광장동", ["gwangjin"]),
        ("구로구로 이사했는데 구로구 도로", ["guro"]),
    ],
)
def test_names_beside_such_words_are_names(classifier: District, text: str, expected: list[str]) -> None:
    """What keeps words out keeps no name out."""
    assert expected == found(classifier, text)


@pytest.mark.parametrize(
    "text",
    [
        "From now on I want to pay by card",
        "The song pauses for a moment",
        "Hong Gil-dong is a name in the example",
        "I saw the bus at six",
        "Could you map our house?",
        "여의도 면적의 세 배",
        "한강의 기적이라는 책",
        "강남처럼 단속해 주세요",
        "강남구 말고요",
    ],
)
def test_letters_and_sayings_name_no_district(classifier: District, text: str) -> None:
    """Neither English words that sound alike nor comparisons name a place."""
    assert [] == found(classifier, text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("대전 현충원 주차장", {"elsewhere"}),
        ("울산 남구 신정동 불법주차", {"elsewhere"}),
        ("부산 해운대 우동 공사 소음", {"elsewhere"}),
        ("분당 정자동 카페거리", {"elsewhere"}),
        ("대전 동구 가양동 가로등", {"elsewhere"}),
        ("시흥시 신천동 하수구", {"elsewhere"}),
        ("동탄에 있는 세브란스병원", {"seodaemun", "elsewhere"}),
        ("수원에서 출퇴근하는데 선릉역 계단이 위험합니다", {"gangnam"}),
        ("대구 말고 서울 중구 회현동이에요", {"jung"}),
    ],
)
def test_namesakes_in_other_cities(classifier: District, text: str, expected: set[str]) -> None:
    """A dong or landmark behind another city's name is that city's; who comes from there speaks of ours."""
    assert expected == set(found(classifier, text))
