"""The names that a city's tables give its districts, dong and places, each with what it may mean."""

import re
from collections.abc import Iterable, Iterator
from enum import IntEnum
from typing import NamedTuple

from classifiers._romanise import romanised
from classifiers._text import phrases, tight
from config.schema import City, District, Place


class Says(IntEnum):
    """How much a name says: the smaller the more."""

    DISTRICT = 0
    INSIDE = 1
    # It may be another word, or a part of one.
    WEAK = 2
    # 강남 is a part of town more than a district.
    AREA = 3
    ELSEWHERE = 4


class Name(NamedTuple):
    """A name as it stands in a text without blanks. `owner` is the department that looks after the place."""

    surface: str
    says: Says
    districts: tuple[str, ...]
    owner: str = ""
    dong: bool = False


# Simplified Chinese and Japanese forms of the characters in the names, and vowels of the older romanisation.
_FORMS = str.maketrans(
    "区东门阳广広龙竜芦铜钟鐘駅驿马鹭边辺蚕芸恵渓沢圣会関关剣长张険贤净浄论验岘岗台湾万与宝宪弥发発丰亀龟寿场国图図团団县県乡郷"
    "桥庆莲绿緑兴后为无医学灵霊楽乐党气気济云苏ŏŭŎŬ清青内黄黒戸户奨奖汉双来徳杨鴎鸥仓鹤贞塩盐凉开华顺头农凤忧鹰枣宽网歩泽罗总",
    "區東門陽廣廣龍龍蘆銅鍾鍾驛驛馬鷺邊邊蠶藝惠溪澤聖會關關劍長張險賢淨淨論驗峴崗臺灣萬與寶憲彌發發豐龜龜壽場國圖圖團團縣縣鄕鄕"
    "橋慶蓮綠綠興後爲無醫學靈靈樂樂黨氣氣濟雲蘇ouou淸靑內黃黑戶戶獎獎漢雙來德楊鷗鷗倉鶴貞鹽鹽涼開華順頭農鳳憂鷹棗寬網步澤羅總",
)
_OTHER_FORMS = re.compile(r"[\u3400-\u9fffŏŭŎŬ]")
# 동작 is a motion, 중 a middle, Jung a family: without 구 they name nothing.
_NO_AREAS = frozenset({"동작", "중", "jung"})
# Dong whose name is an everyday word: 초동 대응, 합동 단속, 능동적.
_WORDS = frozenset(phrases("초동|합동|중동|평동|화동|본동|이동|학동|중앙동"))
_NUMBERED = re.compile(r"(?P<base>[가-힣]+?(?:\d가)?)제?(?P<numbers>\d[\d.·,]*)동$")
_STREET = re.compile(r"(?P<base>[가-힣]+?)(?P<number>\d+)가$")
_DIVIDED = re.compile(r"[.·,]")
# Numbers that dong had before they were joined are still in use: 신림13동.
_HIGHEST = 14
_DISTRICT_END = re.compile(r"(?:구|구청|gu|ku|goo|區|district)$")


def unify(text: str) -> str:
    """Returns the text with one form for each Chinese character; of the same length."""
    return text.translate(_FORMS) if not text.isascii() and _OTHER_FORMS.search(text) else text


def names_of(city: City) -> dict[str, Name]:
    """Returns all names by their surface; what several places share means all of them."""
    names: dict[str, Name] = {}
    exact = _gather(names, _all(city))
    # A spelling that is made up must not take from a name that somebody gave.
    _gather(names, (name for name in _spelled(city) if name.surface not in exact))
    names.pop("", None)
    return names


def _gather(names: dict[str, Name], found: Iterable[Name]) -> frozenset[str]:
    for name in found:
        known = names.get(name.surface)
        names[name.surface] = _joined(known, name) if known else name
    return frozenset(names)


def _all(city: City) -> Iterator[Name]:
    for district in city.districts:
        yield from _district(district)
        yield from _dongs(district)
    for place in city.places:
        yield from _place(place)
    for elsewhere in city.routing.elsewhere:
        yield Name(unify(tight(elsewhere)), Says.ELSEWHERE, ())


def _district(district: District) -> Iterator[Name]:
    own = (district.id,)
    english = tight(district.english)
    yield Name(tight(district.name), Says.DISTRICT, own)
    for spelling in _latin(tight(district.name).removesuffix("구")) | {english.removesuffix("gu")}:
        for end in ("gu", "ku", "goo", "구", "district"):
            yield Name(spelling + end, Says.DISTRICT, own)
    for bare in (tight(district.name).removesuffix("구"), english.removesuffix("gu")):
        if bare not in _NO_AREAS:
            yield Name(bare, Says.AREA, own)
    hanja = unify(tight(district.hanja))
    yield Name(hanja, Says.DISTRICT if len(hanja) > 2 else Says.WEAK, own)
    for alias in district.aliases:
        surface = unify(tight(alias))
        sure = _DISTRICT_END.search(surface) and len(surface) > 2
        yield Name(surface, Says.DISTRICT if sure else Says.INSIDE, own)


def _dongs(district: District) -> Iterator[Name]:
    own = (district.id,)
    for dong in dict.fromkeys((*district.legal_dongs, *district.admin_dongs, *district.former_dongs)):
        surface = tight(dong)
        yield Name(surface, _dong_says(surface), own, dong=surface.endswith("동"))
        # 역삼1동 and 상계3.4동 are parts of what people call 역삼동 and 상계동.
        numbered = _NUMBERED.match(dong)
        if numbered:
            base = numbered["base"]
            yield Name(base + "동", _dong_says(base + "동"), own, dong=True)
            for number in {tight(numbered["numbers"]), *_DIVIDED.split(numbered["numbers"])}:
                for spelling in (f"{base}{number}동", f"{base}제{number}동"):
                    yield Name(spelling, Says.INSIDE, own, dong=True)
    for surface in map(unify, map(tight, district.other_dongs)):
        yield Name(surface, Says.INSIDE, own)


def _dong_says(surface: str) -> Says:
    return Says.WEAK if surface in _WORDS else Says.INSIDE


def _place(place: Place) -> Iterator[Name]:
    for surface in (place.name, *place.aliases):
        name = unify(tight(surface))
        yield Name(name, Says.INSIDE, place.districts, place.owner, dong=name.endswith("동"))


def _spelled(city: City) -> Iterator[Name]:
    """Yields the names as people write them who have no Hangul at hand, and the numbers that dong once had."""
    for surface, districts in _owners(city).items():
        end = "동" if surface.endswith("동") else ""
        for spelling in _latin(surface.removesuffix(end)):
            for ending in ("dong", "tong") if end else ("",):
                yield Name(spelling + ending, Says.INSIDE, districts)
        if end and not surface[-2].isdigit():
            yield from _numbers(surface[:-1], districts)
    for place in city.places:
        if place.kind == "station" and place.name.endswith("역"):
            for spelling in _latin(place.name.removesuffix("역")):
                yield Name(spelling + "station", Says.INSIDE, place.districts, place.owner)


def _owners(city: City) -> dict[str, tuple[str, ...]]:
    """Returns the districts of each dong, by every name it has without a number or with one."""
    found: dict[str, dict[str, None]] = {}
    named: list[tuple[str, tuple[str, ...]]] = [
        (dong, (district.id,))
        for district in city.districts
        for dong in (*district.legal_dongs, *district.admin_dongs, *district.former_dongs)
    ]
    named += [(place.name, place.districts) for place in city.places if place.name.endswith("동")]
    for dong, districts in named:
        for surface in _bases(dong):
            found.setdefault(surface, {}).update(dict.fromkeys(districts))
    return {surface: tuple(districts) for surface, districts in found.items()}


def _bases(dong: str) -> Iterator[str]:
    yield tight(dong)
    numbered = _NUMBERED.match(dong)
    if numbered:
        yield numbered["base"] + "동"
        for number in _DIVIDED.split(numbered["numbers"]):
            yield f"{numbered['base']}{number}동"


def _numbers(base: str, districts: tuple[str, ...]) -> Iterator[Name]:
    """Yields the spellings with a number; which of several districts it was once is not known any more."""
    for number in range(1, _HIGHEST + 1):
        for spelling in (f"{base}{number}동", f"{base}제{number}동"):
            yield Name(spelling, Says.INSIDE, districts, dong=True)
        if len(base) > 1 or base == "목":
            for spelling in _latin(base):
                yield Name(f"{spelling}{number}dong", Says.INSIDE, districts)


def _latin(name: str) -> frozenset[str]:
    """Returns the romanised spellings of a name, 종로3가 as of 종로 and 3ga."""
    street = _STREET.match(name)
    if street:
        return frozenset(f"{base}{street['number']}ga" for base in romanised(street["base"]))
    return romanised(name)


def _joined(one: Name, other: Name) -> Name:
    districts = tuple(dict.fromkeys((*one.districts, *other.districts)))
    same = set(one.districts) == set(other.districts)
    says = min(one.says, other.says) if same else max(one.says, other.says)
    return Name(one.surface, says, districts, one.owner or other.owner, one.dong and other.dong)
