"""Districts in the ways people write them; what cannot be told apart is listed, never guessed."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from classifiers.district import District as DistrictClassifier
from config.load import load_city
from config.schema import City, District, Place, Routing, Templates
from core.decision import Finding
from core.message import Location, Message

CITY = City(
    districts=(),
    places=(),
    departments=(),
    topics=(),
    faqs=(),
    routing=Routing(rules=(), kinds=(), urgent=(), elsewhere=()),
    words=Templates(letters={}, states={}, kinds={}),
)


def district(name: str, korean: str, english: str, lat: float, lon: float, *dongs: str, hanja: str = "") -> District:
    return District(
        id=name,
        name=korean,
        english=english,
        code="11000",
        hanja=hanja,
        address=f"{korean} 1",
        phone="02-120",
        lat=lat,
        lon=lon,
        legal_dongs=tuple(dong for dong in dongs if not any(letter.isdigit() for letter in dong)),
        admin_dongs=tuple(dong for dong in dongs if any(letter.isdigit() for letter in dong)),
    )


DISTRICTS = (
    district("jongno", "종로구", "Jongno-gu", 37.573, 126.979, "인사동", "평창동", hanja="鍾路區"),
    district("jung", "중구", "Jung-gu", 37.564, 126.998, "신당동", "명동", "초동", hanja="中區"),
    district("gangseo", "강서구", "Gangseo-gu", 37.551, 126.85, "화곡동", "마곡동"),
    district("yangcheon", "양천구", "Yangcheon-gu", 37.517, 126.866, "목동", "신정동"),
    district("mapo", "마포구", "Mapo-gu", 37.566, 126.901, "신정동", "합정동"),
    district("eunpyeong", "은평구", "Eunpyeong-gu", 37.603, 126.929, "신사1동", "불광동"),
    district("nowon", "노원구", "Nowon-gu", 37.654, 127.056, "상계동", "상계1동"),
    district("gwanak", "관악구", "Gwanak-gu", 37.478, 126.951, "신림동", "삼성동", "신사동"),
    district("seocho", "서초구", "Seocho-gu", 37.484, 127.033, "서초동", "양재동"),
    district(
        "gangnam", "강남구", "Gangnam-gu", 37.518, 127.047, "역삼동", "역삼1동", "신사동", "삼성동", hanja="江南區"
    ),
    district("dongjak", "동작구", "Dongjak-gu", 37.512, 126.94, "사당동"),
)
PLACES = (
    Place(name="강남역", districts=("gangnam", "seocho"), kind="station"),
    Place(name="코엑스", districts=("gangnam",)),
    Place(name="남산", aliases=("남산공원",), districts=("jung",), kind="park", owner="office.parks"),
)
ELSEWHERE = ("부산", "부산시", "부산광역시", "인천", "경기도", "수원", "고양", "구리")


@pytest.fixture(scope="module")
def classifier() -> DistrictClassifier:
    routing = Routing(rules=(), kinds=(), urgent=(), elsewhere=ELSEWHERE)
    return DistrictClassifier(CITY.model_copy(update={"districts": DISTRICTS, "places": PLACES, "routing": routing}))


def found(classifier: DistrictClassifier, text: str, location: Location | None = None) -> tuple[Finding, ...]:
    received = datetime(2026, 11, 23, 1, 0, tzinfo=UTC)
    message = Message(
        id="1", channel="sms", account="120", native_id="1", received_at=received, text=text, location=location
    )
    return classifier.classify([message])[0]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("강남구 역삼동 골목에 쓰레기 무단투기가 심해요 단속해주세요", "gangnam"),
        ("강남구역삼동골목에쓰레기가심해요", "gangnam"),
        ("종로구에서는 언제 치우나요", "jongno"),
        ("종로구청에서 안내를 받았습니다", "jongno"),
        ("중구 신당동 가로등", "jung"),
        ("서울 중구에서 주차 단속", "jung"),
        ("서울중구청 앞", "jung"),
        ("노원구상계동가로등이나갔어요", "nowon"),
        ("역삼 1동 주민센터 앞 쓰레기", "gangnam"),
        ("역삼제1동 가로등", "gangnam"),
        ("상계동 아파트 소음", "nowon"),
        ("코엑스 앞 노점", "gangnam"),
        ("목동 아파트 앞 주차", "yangcheon"),
        ("Trash in Jongno-gu every day", "jongno"),
        ("gangnam district office", "gangnam"),
        ("江南区怎么办护照", "gangnam"),
        ("江南區 쓰레기", "gangnam"),
        ("鍾路區에 살아요", "jongno"),
    ],
)
def test_one_sure_district(classifier: DistrictClassifier, text: str, expected: str) -> None:
    """One district is meant, and the finding is first and sure where the text itself names the place."""
    assert expected == found(classifier, text)[0].value


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("신정동에 쓰레기가 많아요", {"yangcheon", "mapo"}),
        ("삼성동 주택가 소음", {"gangnam", "gwanak"}),
        ("신사동 골목 불법주차", {"gangnam", "gwanak", "eunpyeong"}),
        ("강남역 앞 노점", {"gangnam", "seocho"}),
        ("저는 노원구에 사는데 강남역 앞 노점이 많아요", {"gangnam", "seocho"}),
        ("종로구에서 강남구로 가는 버스", {"jongno", "gangnam"}),
        ("강남구 신림동 소음", {"gangnam", "gwanak"}),
    ],
)
def test_what_cannot_be_told_apart_is_listed(classifier: DistrictClassifier, text: str, expected: set[str]) -> None:
    """Each candidate has 0.5 and no lead."""
    rows = {(finding.value, finding.confidence, finding.lead) for finding in found(classifier, text)}

    assert {(value, 0.5, 0.0) for value in expected} == rows


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("관악구 신사동 시장", "gwanak"),
        ("은평구 신사동 골목", "eunpyeong"),
        ("강남 신사동 가로수", "gangnam"),
        ("마포 신정동 쓰레기", "mapo"),
        ("서초구 강남역 쪽 노점", "seocho"),
        ("저는 노원구에 사는데 종로구 인사동에 쓰레기가 많아요", "jongno"),
        ("집은 노원구인데 화곡동 도로가 파였어요", "gangseo"),
        ("노원구민인데요 화곡동 도로가 파였어요", "gangseo"),
        ("저는 노원구에서 온 관광객인데 인사동 보도가 깨졌어요", "jongno"),
        ("부산 강서구에 사는데 합정동 숙소 앞이 시끄러워요", "mapo"),
        ("강남구 말고 관악구예요 가로등이 나갔어요", "gwanak"),
    ],
)
def test_other_words_settle_it(classifier: DistrictClassifier, text: str, expected: str) -> None:
    """Another name beside it, or where the thing is rather than where the writer lives, settles a shared name."""
    rows = [finding.value for finding in found(classifier, text) if finding.confidence >= 0.8]

    assert [expected] == rows


@pytest.mark.parametrize(
    "text",
    [
        "수중구조 장비가 필요해요",
        "공중구역 드론",
        "업무가 중구난방입니다",
        "강남구간 정체가 심합니다",
        "노원구역 재개발",
        "강남 구두수선",
        "동작이 느려요",
        "고양이가 많아요",
        "구리 냄새",
        "친구가 다쳤어요",
        "우리 동네 쓰레기",
    ],
)
def test_parts_of_other_words_are_no_district(classifier: DistrictClassifier, text: str) -> None:
    """Letters of a name inside another word name nothing."""
    assert [] == [finding for finding in found(classifier, text) if finding.confidence > 0.5]


@pytest.mark.parametrize(
    "text",
    [
        "부산 강서구 불법주차",
        "부산시 중구 남포동",
        "부산광역시 강서구 명지동 가로등",
        "인천 서구 악취",
        "경기도 수원시 영통구 소음",
        "고양시 일산동구 공원",
        "부산강서구명지동쓰레기",
        "인천 남동구 신정동 가로등",
        "수원 인계동 소음",
        "경기도 고양시 덕양구 신원동 도로",
    ],
)
def test_same_names_in_other_cities(classifier: DistrictClassifier, text: str) -> None:
    """A district behind another city's name is elsewhere, and none of ours."""
    rows = [(finding.value, finding.confidence >= 0.8) for finding in found(classifier, text)]

    assert [("elsewhere", True)] == rows


def test_area_is_unsure(classifier: DistrictClassifier) -> None:
    """강남 alone is a part of town: not sure enough for a district's queue."""
    assert [("gangnam", 0.5)] == [(f.value, f.confidence) for f in found(classifier, "강남에 주차할 곳이 없어요")]


def test_everyday_word_is_unsure(classifier: DistrictClassifier) -> None:
    """초동 is a dong and a first response: where nothing tells which, it is not sure."""
    assert [0.5] == [finding.confidence for finding in found(classifier, "초동 골목에 쓰레기가 많아요")]


def test_everyday_word_among_its_own_is_no_dong(classifier: DistrictClassifier) -> None:
    """초동 before 대응 is no dong."""
    assert () == found(classifier, "초동 대응이 늦었어요")


def test_home_alone_is_not_sure(classifier: DistrictClassifier) -> None:
    """Where somebody lives is not yet where the matter is."""
    assert [("nowon", 0.7)] == [(f.value, f.confidence) for f in found(classifier, "저는 노원구에 사는 사람입니다")]


def test_home_with_a_place_at_home_is_sure(classifier: DistrictClassifier) -> None:
    """In front of one's house is where one lives."""
    rows = found(classifier, "노원구에 사는 사람인데 우리 집 앞 가로등이 나갔어요")

    assert [("nowon", 0.85)] == [(finding.value, finding.confidence) for finding in rows]


def test_coordinates_alone_are_unsure(classifier: DistrictClassifier) -> None:
    """The nearest district office is a guess that says so."""
    rows = found(classifier, "여기 쓰레기요", Location(37.65, 127.05))

    assert [("nowon", 0.5)] == [(finding.value, finding.confidence) for finding in rows]


def test_coordinates_far_away(classifier: DistrictClassifier) -> None:
    """Coordinates of another city are elsewhere."""
    assert ["elsewhere"] == [finding.value for finding in found(classifier, "여기요", Location(35.1, 129.0))]


def test_text_and_coordinates_that_disagree_are_both_listed(classifier: DistrictClassifier) -> None:
    """A telephone may be far from the matter, and a name be mistaken: nobody guesses which."""
    rows = found(classifier, "강남구 역삼동 쓰레기", Location(37.65, 127.05))

    assert {("gangnam", 0.5), ("nowon", 0.5)} == {(finding.value, finding.confidence) for finding in rows}


def test_coordinates_nearby_leave_the_text_alone(classifier: DistrictClassifier) -> None:
    """Without boundaries, coordinates that a district may well have do not shake what the text names."""
    rows = found(classifier, "강남구 세곡동 쓰레기", Location(37.466, 127.104))

    assert [("gangnam", 0.97)] == [(finding.value, finding.confidence) for finding in rows]


@pytest.mark.parametrize("location", [Location(0.0, 0.0), Location(91.0, 200.0), Location(float("nan"), 127.0)])
def test_what_are_no_coordinates_say_nothing(classifier: DistrictClassifier, location: Location) -> None:
    """Zeros of a broken device and numbers off the globe are nowhere."""
    assert () == found(classifier, "여기 쓰레기요", location)


def test_coordinates_settle_a_shared_name(classifier: DistrictClassifier) -> None:
    """Beside one of the candidates, far from the others, coordinates decide between them."""
    rows = found(classifier, "삼성동 골목 쓰레기", Location(37.48, 126.95))

    assert [("gwanak", 0.8)] == [(finding.value, finding.confidence) for finding in rows]


def test_place_with_an_owner(classifier: DistrictClassifier) -> None:
    """A place that a department looks after names the department too."""
    assert {"jung", "owner:office.parks"} == {
        finding.value for finding in found(classifier, "남산공원 의자가 부서졌어요")
    }


def test_reason_quotes_the_name(classifier: DistrictClassifier) -> None:
    """The reason shows the words that were found."""
    assert "'강남구', '역삼동'" == found(classifier, "강남구 역삼동 소음")[0].because


@pytest.fixture(scope="module")
def shipped() -> City:
    return load_city(Path(__file__).parent.parent / "config")


def test_every_dong_of_the_city(shipped: City) -> None:
    """Each dong in config/districts.toml is found right, or every district that has it is listed."""
    classifier = DistrictClassifier(shipped)
    owners: dict[str, set[str]] = {}
    for each in shipped.districts:
        for dong in (*each.legal_dongs, *each.admin_dongs):
            owners.setdefault(dong, set()).add(each.id)
    rows = {dong: found(classifier, f"{dong} 골목에 쓰레기가 쌓여 있습니다") for dong in owners}
    listed = {dong: {finding.value for finding in found_ if ":" not in finding.value} for dong, found_ in rows.items()}
    sure = {
        dong: {f.value for f in found_ if f.confidence >= 0.8 and ":" not in f.value} for dong, found_ in rows.items()
    }
    missed = {dong for dong, districts in owners.items() if not districts <= listed[dong]}
    guessed = {dong for dong, districts in owners.items() if sure[dong] and sure[dong] != districts}

    assert (set(), set()) == (missed, guessed)


def test_every_district_of_the_city(shipped: City) -> None:
    """Each district is found by its Korean, English and Chinese name."""
    classifier = DistrictClassifier(shipped)
    names = [(each.id, name) for each in shipped.districts for name in (each.name, each.english, each.hanja)]
    values = [(district, name, found(classifier, f"{name} 가로등")) for district, name in names]

    assert [] == [(district, name) for district, name, all_ in values if [district] != [f.value for f in all_]]
