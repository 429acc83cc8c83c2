"""The names that a city's tables give its districts, dong and places, each with what it may mean."""

import re
from collections.abc import Iterator
from enum import IntEnum
from typing import NamedTuple

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


# Simplified Chinese and Japanese forms of the characters in the districts' names.
_HAN = str.maketrans("区东东門门阳广広龙竜芦铜钟鐘", "區東東門門陽廣廣龍龍蘆銅鍾鍾")
_ANY_HAN = re.compile(r"[\u3400-\u9fff]")
# 동작 is a motion, 중 a middle, Jung a family: without 구 they name nothing.
_NO_AREAS = frozenset({"동작", "중", "jung"})
# Dong whose name is an everyday word: 초동 대응, 합동 단속, 능동적.
_WORDS = frozenset(phrases("초동|합동|중동|정동|평동|능동|화동|본동|재동|번동|항동|이동"))
_NUMBER = re.compile(r"\d+동$")
_DISTRICT_END = re.compile(r"(?:구|구청|gu|ku|區|district)$")


def unify(text: str) -> str:
    """Returns the text with one form for each Chinese character; of the same length."""
    return text.translate(_HAN) if _ANY_HAN.search(text) else text


def names_of(city: City) -> dict[str, Name]:
    """Returns all names by their surface; what several places share means all of them."""
    names: dict[str, Name] = {}
    for name in _all(city):
        known = names.get(name.surface)
        names[name.surface] = _joined(known, name) if known else name
    names.pop("", None)
    return names


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
    yield Name(english, Says.DISTRICT, own)
    yield Name(tight(district.english.removesuffix("-gu")) + "district", Says.DISTRICT, own)
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
    for dong in dict.fromkeys((*district.legal_dongs, *district.admin_dongs)):
        surface = tight(dong)
        says = Says.WEAK if surface in _WORDS else Says.INSIDE
        yield Name(surface, says, (district.id,), dong=True)
        # 역삼1동 and 상계3.4동 are parts of what people call 역삼동 and 상계동.
        base = _NUMBER.sub("동", surface)
        if base != surface and len(base) > 1:
            # The official tables write 역삼제1동.
            number = surface[len(base) - 1 :]
            for spelling in (base[:-1] + number, base[:-1] + "제" + number):
                yield Name(spelling, says, (district.id,), dong=True)
            says = Says.WEAK if base in _WORDS else Says.INSIDE
            yield Name(base, says, (district.id,), dong=True)


def _place(place: Place) -> Iterator[Name]:
    for surface in (place.name, *place.aliases):
        name = unify(tight(surface))
        yield Name(name, Says.INSIDE, place.districts, place.owner, dong=name.endswith("동"))


def _joined(one: Name, other: Name) -> Name:
    districts = tuple(dict.fromkeys((*one.districts, *other.districts)))
    same = set(one.districts) == set(other.districts)
    says = min(one.says, other.says) if same else max(one.says, other.says)
    return Name(one.surface, says, districts, one.owner or other.owner, one.dong and other.dong)
