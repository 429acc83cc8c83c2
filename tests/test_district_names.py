"""Every dong of the city in every way people write it: right, or listed with all districts that have it."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import pytest

from classifiers._romanise import romanised
from classifiers.district import District
from config.load import load_city
from config.schema import City
from core.message import Message

Owners = Mapping[str, frozenset[str]]

FRAMES = (
    "{}",
    "{} 골목에 쓰레기가 쌓여 있습니다",
    "{}에 가로등이 나갔어요",
    "{}에서 소음이 심해요",
    "{}의 도로가 파손됐습니다",
    "{}은 왜 청소를 안 하나요",
    "{}쪽 불법주차",
    "{}인데요 하수구 냄새나요",
    "{}입니다 빨리 와주세요",
    "저희 동네는 {}이에요",
    "{}주민센터 앞 계단",
    "{}쓰레기무단투기단속해주세요",
    "{} 123-4번지 앞",
    "{}123-4번지앞",
    "서울 {} 도로 파손",
    "서울시{}가로등고장",
    "안녕하세요 {} 사는 주민인데 우리 집 앞 가로등",
    "어제 {}, 거기 사거리요",
    "[{}] 불법주차/민원",
    "{}까지 버스가 안 와요",
    "{}ㅠㅠ 소음",
    "{}아파트 공사 소음",
    "{}도로파손",
)
WITH_DISTRICT = (
    "{gu} {dong} 쓰레기",
    "{gu}{dong} 쓰레기",
    "{gu}{dong}쓰레기무단투기",
    "서울특별시{gu}{dong}골목가로등",
)
LATIN = ("{0}-{1}dong trash", "trash in {2}{1}dong every day", "{0} {1}dong 가로등", "{2}-{1}Dong, Seoul")
# 초동 대응, 합동 단속, 중동 전쟁: alone these are listed and not sure.
EVERYDAY = {"초동", "합동", "중동", "평동", "화동", "본동", "중앙동", "이동"}
SHARED: dict[str, set[str]] = {
    "신사동": {"gangnam", "eunpyeong", "gwanak"},
    "신정동": {"yangcheon", "mapo"},
    "삼성동": {"gangnam", "gwanak"},
    "신원동": {"seocho", "gwanak"},
}
NUMBERED = re.compile(r"([가-힣]+?(?:\d가)?)(\d[\d·.]*)동$")


@pytest.fixture(scope="module")
def city() -> City:
    return load_city(Path(__file__).parent.parent / "config")


@pytest.fixture(scope="module")
def classifier(city: City) -> District:
    return District(city)


@pytest.fixture(scope="module")
def owners(city: City) -> Owners:
    """The districts that have a dong of that name, by all its official spellings."""
    found: dict[str, set[str]] = {}
    for district in city.districts:
        for dong in (*district.legal_dongs, *district.admin_dongs):
            for name in spellings(dong):
                found.setdefault(name, set()).add(district.id)
    return {name: frozenset(districts) for name, districts in found.items()}


def spellings(dong: str) -> list[str]:
    numbered = NUMBERED.match(dong)
    if not numbered:
        return [dong]
    base, numbers = numbered.groups()
    each = [f"{base}{number}동" for number in re.split(r"[·.]", numbers)]
    return [dong, f"{base}제{numbers}동", f"{base}동", *each]


def seen(classifier: District, text: str) -> tuple[frozenset[str], bool]:
    """Returns the districts found, and whether it is one and sure."""
    found = classifier.classify([message(text)])[0]
    districts = [finding for finding in found if not finding.value.startswith("owner:")]
    sure = len(districts) == 1 and districts[0].confidence >= 0.8
    return frozenset(finding.value for finding in districts), sure


@cache
def received() -> datetime:
    return datetime(2026, 11, 23, 1, 0, tzinfo=UTC)


def message(text: str) -> Message:
    return Message(id="1", channel="sms", account="120", native_id="1", received_at=received(), text=text)


def may_be(dong: str, wanted: frozenset[str], verdict: tuple[frozenset[str], bool]) -> bool:
    """Whether the verdict is the sure district, or for shared names and everyday words the unsure list."""
    districts, sure = verdict
    if len(wanted) == 1 and dong not in EVERYDAY:
        return sure and districts == wanted
    return wanted <= districts and (not sure or districts == wanted)


def test_the_city_is_whole(city: City) -> None:
    """All 25 districts, 467 legal and 426 administrative dongs are known."""
    legal = sum(len(district.legal_dongs) for district in city.districts)
    administrative = sum(len(district.admin_dongs) for district in city.districts)

    assert (25, 467, 426) == (len(city.districts), legal, administrative)


@pytest.mark.parametrize("frame", FRAMES)
def test_every_dong(classifier: District, owners: Owners, frame: str) -> None:
    """With particles, without blanks, with numbers: every dong names its district or all that have it."""
    wrong = [
        text
        for dong, wanted in owners.items()
        for text in [frame.format(dong)]
        if not may_be(dong, wanted, seen(classifier, text))
    ]

    assert [] == wrong


@pytest.mark.parametrize("frame", WITH_DISTRICT)
def test_every_dong_behind_its_district(classifier: District, city: City, owners: Owners, frame: str) -> None:
    """Behind its district's name even a shared dong is sure."""
    names = {district.id: district.name for district in city.districts}
    rows = [(frame.format(gu=names[one], dong=dong), one) for dong, wanted in owners.items() for one in wanted]

    assert [] == [text for text, one in rows if seen(classifier, text) != (frozenset({one}), True)]


@pytest.mark.parametrize("frame", LATIN)
def test_every_dong_romanised(classifier: District, owners: Owners, frame: str) -> None:
    """Romanised by sound, by letter or the old way, a dong is right or listed; no other district is ever sure."""
    rows = [
        (frame.format(spelling, f"{number}-" if number else "", spelling.capitalize()), dong)
        for dong in owners
        if dong.endswith("동") and "제" not in dong and not re.search(r"[·.]", dong)
        for base, number in [NUMBERED.match(dong).groups() if NUMBERED.match(dong) else (dong[:-1], "")]  # type: ignore[union-attr]  # matched above
        for spelling in romanised(base)
        # Ta, pon and the like are short words of other languages, too.
        if len(spelling) > 2
    ]
    verdicts = [(text, owners[dong], seen(classifier, text)) for text, dong in rows]

    assert [] == [text for text, wanted, (districts, _) in verdicts if not wanted <= districts]
    assert [] == [text for text, wanted, (districts, sure) in verdicts if sure and districts != wanted]


@pytest.mark.parametrize(("dong", "districts"), SHARED.items())
def test_shared_names_are_listed(owners: Owners, classifier: District, dong: str, districts: set[str]) -> None:
    """The names that several districts share are known as such, and never guessed."""
    assert districts == owners[dong]
    assert (frozenset(districts), False) == seen(classifier, f"{dong} 골목 쓰레기")


def test_former_names(classifier: District, city: City) -> None:
    """Abolished dongs and numbers are still in people's mouths."""
    rows = [(dong, district.id) for district in city.districts for dong in district.former_dongs if dong != "학동"]
    rows += [("신림13동", "gwanak"), ("봉천9동", "gwanak"), ("사당 6동", "dongjak"), ("미아제7동", "gangbuk")]

    assert [] == [dong for dong, one in rows if seen(classifier, f"{dong} 골목") != (frozenset({one}), True)]


def test_every_station(classifier: District, city: City) -> None:
    """Each station names the districts it lies in; on a border all of them, unsure."""
    stations = [place for place in city.places if place.kind == "station" and place.name.endswith("역")]
    rows = [(place.name, place.districts, seen(classifier, f"{place.name} 앞 쓰레기")) for place in stations]

    assert [] == [name for name, districts, seen_ in rows if seen_ != (frozenset(districts), len(districts) == 1)]


def test_every_road(classifier: District, city: City) -> None:
    """Each main road lists the districts it runs through."""
    roads = [place for place in city.places if place.kind == "road"]
    rows = [(place.name, place.districts, seen(classifier, f"{place.name}에 구멍이 났어요")[0]) for place in roads]

    assert [] == [name for name, districts, found in rows if not set(districts) <= found]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("明洞の道にごみが多いです", "jung"),
        ("三清洞の看板が危ない", "jongno"),
        ("延南洞で騒音がひどい", "mapo"),
        ("清潭洞 停车", "gangnam"),
        ("加里峰洞垃圾问题", "guro"),
        ("大林洞垃圾没人收", "yeongdeungpo"),
        ("紫阳洞 垃圾", "gwangjin"),
        ("ミョンドンの客引き", "jung"),
        ("聖水洞の路地", "seongdong"),
        ("新村洞", "seodaemun"),
    ],
)
def test_chinese_characters_and_kana(classifier: District, text: str, expected: str) -> None:
    """Traditional, simplified and Japanese forms of a character are the same name."""
    assert (frozenset({expected}), True) == seen(classifier, text)
