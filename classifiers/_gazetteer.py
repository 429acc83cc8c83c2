"""The places that a text names and means: not those it denies, and not the namesakes in other cities."""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from typing import NamedTuple

from ahocorasick_rs import AhoCorasick, MatchKind

from classifiers._elsewhere import address_after, is_elsewhere
from classifiers._names import Says, names_of, unify
from classifiers._particles import AWAY, HOME, HOME_BEFORE, NOT_MEANT
from classifiers._spot import Spot, after, spot_of
from classifiers._text import Reading
from config.schema import City

# More names than that are no message about a place; their number is the sender's choice.
_MOST_NAMES = 500
_SEOUL = re.compile(r"서울(?:시|특별시)?$")
_BETWEEN = re.compile(r"(?:광역시|특별자치시|특별자치도|특별시|시|도|군)?(?:[가-힣]{1,3}시)?")
# 해운대구 is in one city only; 대구 is no 구.
_LONG_NAME = 3


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


class Gazetteer:
    """All names of a city, found at once."""

    def __init__(self, city: City) -> None:
        self._names = list(names_of(city).values())
        self._automaton = AhoCorasick([name.surface for name in self._names], matchkind=MatchKind.Standard)

    def mentions(self, reading: Reading) -> list[Mention]:
        """Returns what is named and meant, in the order of the text; parts of other words are left out."""
        text = unify(reading.tight)
        matches = self._automaton.find_matches_as_indexes(text, overlapping=True)
        if not matches:
            return []
        # At each place the longest name that is one there: in "서울 역삼동" that is not 서울역.
        matches.sort(key=_leftmost_longest)
        found: list[Mention] = []
        starts = sorted(reading.starts)
        # A word ends where another name begins that the blanks do not break: not 강서 before "진 주무관".
        joints = {start for _, start, end in matches if bisect_right(starts, start) == bisect_left(starts, end)}
        for number, start, end in matches[:_MOST_NAMES]:
            before = found[-1] if found else None
            if before and start < before.end:
                continue
            mention = _mention(spot_of(self._names[number], (start, end), text, starts, joints), before, reading.tight)
            if mention:
                found.append(mention)
        return _meant(_with_homes(found), text, starts)


def _leftmost_longest(match: tuple[int, int, int]) -> tuple[int, int]:
    return match[1], -match[2]


def _mention(spot: Spot, before: Mention | None, tight: str) -> Mention | None:
    """Returns the mention that stands here, None when the name is no name here."""
    surface = tight[spot.start : spot.end]
    if spot.name.says is Says.ELSEWHERE:
        return _elsewhere(spot, surface, before)
    follows = before is not None and before.says is Says.ELSEWHERE and _follows(before, spot, tight)
    joined = before is not None and before.end == spot.start
    says = spot.says(joined=follows or joined or bool(_SEOUL.search(spot.before)))
    if says is None:
        return None
    if before and follows:
        whole = f"{before.surface} {surface}"
        return Mention(whole, spot.start, spot.end, Says.ELSEWHERE, (), home=_is_home(spot), strong=True)
    return Mention(surface, spot.start, spot.end, says, spot.name.districts, spot.name.owner, home=_is_home(spot))


def _is_home(spot: Spot) -> bool:
    return bool(HOME.match(spot.after()) or HOME_BEFORE.search(spot.before))


def _elsewhere(spot: Spot, surface: str, before: Mention | None) -> Mention | None:
    """Returns the mention of another city, with the whole address behind its name: 부산(광역시) 강서구 명지동."""
    joined = before is not None and before.says is Says.ELSEWHERE and before.end == spot.start
    begins = spot.is_latin_word() if surface.isascii() else spot.at_word or spot.before.endswith(("시", "도"))
    if not (begins or joined) or spot.is_other_word():
        return None
    following = spot.after()
    address = address_after(following)
    if not (address or is_elsewhere(surface, spot.rest)):
        return None
    end = spot.end + len(address.replace(" ", ""))
    behind = following[len(address) :]
    home = bool(HOME.match(behind) or AWAY.match(behind) or HOME_BEFORE.search(spot.before))
    strong = bool(address) or joined or (surface[-1] in "구군" and len(surface) >= _LONG_NAME)
    return Mention(spot.text[spot.start : end], spot.start, end, Says.ELSEWHERE, (), home=home, strong=strong)


def _follows(before: Mention, spot: Spot, tight: str) -> bool:
    """Whether a name stands right behind another city's name: 부산(광역시) 강서구."""
    return _BETWEEN.fullmatch(tight[before.end : spot.start]) is not None and spot.name.says <= Says.WEAK


def _meant(mentions: list[Mention], text: str, starts: Sequence[int]) -> list[Mention]:
    """Returns the mentions without those that the writer denies: "강남구 말고 서초구"."""
    return [mention for mention in mentions if not NOT_MEANT.match(after(mention.end, text, starts))]


def _with_homes(mentions: list[Mention]) -> list[Mention]:
    """Returns the mentions, every part of "노원구 상계동에 사는데" being where the writer lives."""
    forth = range(1, len(mentions))
    for place, neighbour in [
        *((place - 1, place) for place in reversed(forth)),
        *((place, place - 1) for place in forth),
    ]:
        here, beside = mentions[place], mentions[neighbour]
        if beside.home and (here.end == beside.start or beside.end == here.start):
            mentions[place] = here._replace(home=True)
    return mentions
