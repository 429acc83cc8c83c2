"""Where the names stand in a text, whatever particle or missing blank is beside them."""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from ahocorasick_rs import AhoCorasick, MatchKind

from classifiers._names import Name, Says, names_of, unify
from classifiers._text import Reading
from config.schema import City

_PARTICLES = (
    r"(?:에서는|에서도|에서|에게|에도|에는|에선|에|의|은|는|이|가|을|를|으로|로|도|만|까지|부터|쪽|과|와|랑|"
    r"입니다|이에요|예요|인데요|인데|이고|이라|라서|이요|요|임)"
)
_AFTER = (
    r"(?:청|민|관내|일대|지역|전역|주민|보건소|의회|거주|근처|인근|부근|앞|옆|뒤|골목|길|거리|시장|사거리|역|"
    r"공원|입구|방면|방향|아파트|쪽|내|시내|권)"
)
_REST = re.compile(rf"{_AFTER}*{_PARTICLES}*")
_BEGINS = re.compile(rf"(?:청|관내|일대|지역|주민|보건소|의회|에|사거리|역|앞|근처)|{_PARTICLES}?\d")
# 강남구간 is a section of road, 노원구역 a zone, 용산구입처 a shop: no districts.
_NO_DISTRICT = re.compile(r"간(?!선)|역(?!삼|촌)|획|매|급차|독|형|입(?!니|구|장)|성원|석")
# 신사동네 is a neighbourhood, 생 a brother, 물 an animal.
_NO_DONG = re.compile(r"네|물|생|시에|안(?!전|에|내|쪽)|작(?!구)")
_HOME = re.compile(
    rf"{_PARTICLES}? ?(?:사는|살고|살아|산다|삽니다|살며|살면|거주|주민(?!센터|등록|자치|세)|구민(?!회관|체육)|토박이|"
    r"이사 ?온|이사 ?왔)"
)
_HOME_BEFORE = re.compile(r"(?:집은|집이|사는곳은|거주지는|사는동네는)$")
_CITY = r"(?:광역시|특별자치시|특별자치도|특별시|시|도|군)"
_CITY_AND_PART = re.compile(
    rf"{_CITY}? ?(?!친구|가구|입구|출구|야구|축구|농구|요구|연구|도구|기구|인구|항구|혹시|다시|택시|즉시|잠시|역시)"
    rf"(?!표시|몇시)[가-힣]{{1,3}}(?:구|군|시|읍)(?=$| |청|{_PARTICLES})"
)
_CITY_ALONE = re.compile(rf"{_CITY}(?:청|{_PARTICLES})*")
_CITY_BARE = re.compile(r"(?:에서|에서는|에는|에|의|은|는|으로|로|까지|부터|쪽|살|사는)*")
_CITY_BETWEEN = re.compile(rf"{_CITY}?(?:[가-힣]{{1,3}}시)?")
# 구리 is copper, too.
_NO_CITY_ALONE = frozenset({"구리"})
_LOOK_AHEAD = 16
# More names than that are no message about a place; their number is the sender's choice.
_MOST_NAMES = 200
_SEOUL = re.compile(r"서울(?:시|특별시)?$")
_HAN = re.compile(r"[\u3400-\u9fff]")


class Mention(NamedTuple):
    """A name found. `home`: the writer lives there; `strong`: an ELSEWHERE that names a place in another city."""

    surface: str
    start: int
    end: int
    says: Says
    districts: tuple[str, ...]
    owner: str = ""
    home: bool = False
    strong: bool = False


class _Spot(NamedTuple):
    """A place in the text where a name stands, with what is around it."""

    name: Name
    start: int
    end: int
    at_word: bool
    broken: bool
    rest: str
    before: str
    text: str
    starts: Sequence[int]

    def after(self) -> str:
        """Returns what follows, with the blanks between its words."""
        begin, starts = self.end, self.starts
        end = min(begin + _LOOK_AHEAD, len(self.text))
        cuts = [begin, *starts[bisect_left(starts, begin) : bisect_left(starts, end)], end]
        return " ".join([self.text[one:other] for one, other in pairwise(cuts)]).lstrip()


class Gazetteer:
    """All names of a city, found at once."""

    def __init__(self, city: City) -> None:
        self._names = list(names_of(city).values())
        self._automaton = AhoCorasick([name.surface for name in self._names], matchkind=MatchKind.LeftmostLongest)

    def mentions(self, reading: Reading) -> list[Mention]:
        """Returns what is named, in the order of the text; what is only a part of another word is left out."""
        text = unify(reading.tight)
        matches = self._automaton.find_matches_as_indexes(text)[:_MOST_NAMES]
        if not matches:
            return []
        found: list[Mention] = []
        starts = sorted(reading.starts)
        joints = {start for _, start, _ in matches}
        for number, start, end in matches:
            spot = _spot(self._names[number], start, end, text, starts, joints)
            mention = _mention(spot, found[-1] if found else None, reading.tight)
            if mention:
                found.append(mention)
        return _with_homes(found)


def _spot(name: Name, start: int, end: int, text: str, starts: Sequence[int], joints: set[int]) -> _Spot:
    place = bisect_right(starts, start)
    at_word = place > 0 and starts[place - 1] == start
    further = bisect_left(starts, end)
    following = starts[further] if further < len(starts) else len(text)
    broken = place < len(starts) and starts[place] < end
    rest = "" if end in joints else text[end:following]
    return _Spot(name, start, end, at_word, broken, rest, text[max(start - 8, 0) : start], text, starts)


def _mention(spot: _Spot, before: Mention | None, tight: str) -> Mention | None:
    """Returns the mention that stands here, None when the name is no name here."""
    surface = tight[spot.start : spot.end]
    if spot.name.says is Says.ELSEWHERE:
        return _elsewhere(spot, surface)
    if before and before.says is Says.ELSEWHERE and _follows(before, spot, tight):
        return Mention(before.surface + " " + surface, spot.start, spot.end, Says.ELSEWHERE, (), strong=True)
    joined = before is not None and before.end == spot.start
    says = _says(spot, joined=joined or bool(_SEOUL.search(spot.before)))
    if says is None:
        return None
    home = bool(_HOME.match(spot.after()) or _HOME_BEFORE.search(spot.before))
    return Mention(surface, spot.start, spot.end, says, spot.name.districts, spot.name.owner, home)


def _elsewhere(spot: _Spot, surface: str) -> Mention | None:
    if not (spot.at_word or spot.before.endswith(("시", "도"))):
        return None
    strong = bool(_CITY_AND_PART.match(spot.after()))
    alone = bool(_CITY_ALONE.fullmatch(spot.rest)) or (surface[-1] in "시도군" and bool(_REST.fullmatch(spot.rest)))
    bare = bool(_CITY_BARE.fullmatch(spot.rest)) and not (surface in _NO_CITY_ALONE and not spot.rest)
    if strong or alone or bare:
        return Mention(surface, spot.start, spot.end, Says.ELSEWHERE, (), strong=strong)
    return None


def _follows(before: Mention, spot: _Spot, tight: str) -> bool:
    """Whether a name stands right behind another city's name: 부산(광역시) 강서구."""
    return _CITY_BETWEEN.fullmatch(tight[before.end : spot.start]) is not None and spot.name.says <= Says.WEAK


def _says(spot: _Spot, *, joined: bool) -> Says | None:
    surface = spot.name.surface
    if surface.isascii():
        return spot.name.says if spot.at_word and not spot.rest else None
    if _HAN.match(surface):
        return spot.name.says
    whole = _REST.fullmatch(spot.rest) is not None
    if len(surface) < 3:
        fits = (spot.at_word or joined) and not spot.broken and (whole or bool(_BEGINS.match(spot.rest)))
        return spot.name.says if fits else None
    if spot.name.says is Says.DISTRICT:
        fits = not _NO_DISTRICT.match(spot.rest) and (whole or not spot.broken)
        return Says.DISTRICT if fits else None
    return _says_inside(spot, whole=whole, joined=joined)


def _says_inside(spot: _Spot, *, whole: bool, joined: bool) -> Says | None:
    if spot.name.dong and (_NO_DONG.match(spot.rest) or (spot.broken and not whole)):
        return None
    if spot.at_word or joined:
        return spot.name.says
    # In the middle of a word it may be a part of it; where blanks are missing throughout, others settle it.
    return None if spot.broken else max(spot.name.says, Says.WEAK)


def _with_homes(mentions: list[Mention]) -> list[Mention]:
    """Returns the mentions, 노원구 in "노원구 상계동에 사는데" being where the writer lives, too."""
    for place in range(len(mentions) - 1, 0, -1):
        here, before = mentions[place], mentions[place - 1]
        if here.home and before.end == here.start:
            mentions[place - 1] = before._replace(home=True)
    return mentions
