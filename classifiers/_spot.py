"""A place in a text where a name's letters stand, and whether they are the name there or part of other words."""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from classifiers._homonyms import (
    is_brand,
    is_half_a_word,
    is_no_district,
    is_other_word,
    makes_other_word,
    may_be_consent,
)
from classifiers._names import Name, Says
from classifiers._particles import AFTER, BESIDE, PARTICLES

_REST = re.compile(rf"{AFTER}*{PARTICLES}*")
_BEGINS = re.compile(rf"(?:청|에|역|앞|민(?=[입이인으은의들에]))|{BESIDE}|{PARTICLES}?\d")
# What may stand before a name in a word without blanks.
_BOUNDARY = re.compile(
    r"(?:서울|시|구|동|은|는|이|가|에|에서|의|를|을|로|도|과|와|랑|고|요|다|죠|저희|우리|여기|지금|오늘|어제|앞|옆|뒤|쪽|및|밤|낮|까)$"
)
# From so many letters on a word without blanks is a sentence: a name inside of it may stand at any place.
_LONG_WORD = 8
# What is looked at around a name: behind it the longest row of particles and the word after it, before it one word.
_LOOK_AHEAD, _LOOK_BACK = 24, 8
# A name of fewer letters is part of too many other words to be believed by itself.
_SHORT = 3
# More than particles and "에서부터는요" is another word.
_LONGEST_END = 16
_HAN = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]")
_NUMBER = re.compile(r"제?\d")
_LATIN_END = re.compile(r"(?:dong|tong|gu|ku|goo|ga|ro|station|district)$")


class Spot(NamedTuple):
    """What is around the letters: `rest` ends their word, `before` and what follows are without blanks."""

    name: Name
    start: int
    end: int
    at_word: bool
    broken: bool
    rest: str
    text: str
    starts: Sequence[int]

    @property
    def before(self) -> str:
        return self.text[max(self.start - _LOOK_BACK, 0) : self.start]

    def after(self) -> str:
        """Returns what follows, with the blanks between its words."""
        return after(self.end, self.text, self.starts)

    def says(self, *, joined: bool) -> Says | None:
        """Returns how much the name says here, None when it is no name; `joined` to a name before it."""
        surface = self.name.surface
        if is_half_a_word(self.rest) or self.is_other_word():
            return None
        if surface.isascii():
            return self.name.says if self.is_latin_word() else None
        if _HAN.match(surface):
            return self.name.says
        if len(surface) < _SHORT:
            return self._short_says(joined=joined)
        if self.name.says is Says.DISTRICT:
            return self._district_says(joined=joined)
        return self._inside_says(joined=joined)

    def is_other_word(self) -> bool:
        """Whether what stands beside it makes an everyday word or a saying of it."""
        return is_other_word(self.name.surface, self.before, self.rest, self._following)

    def is_latin_word(self) -> bool:
        """Whether it begins a word and ends one: "in Uidong" is not 인의동, "now on" not 노원."""
        if not (self.at_word and self._is_whole):
            return False
        if not self.broken:
            return True
        first = self.starts[bisect_right(self.starts, self.start)] - self.start
        return first >= _SHORT and (self.end - self.start >= _LONG_WORD or bool(_LATIN_END.search(self.name.surface)))

    def _short_says(self, *, joined: bool) -> Says | None:
        fits = (self.at_word or joined) and not self.broken and (self._is_whole or _BEGINS.match(self.rest))
        return self.name.says if fits else None

    def _district_says(self, *, joined: bool) -> Says | None:
        at_word = self.at_word or joined
        if is_no_district(self.name.surface, self.before, self.rest, at_word=at_word):
            return None
        return Says.DISTRICT if self._is_whole or not self.broken else None

    def _inside_says(self, *, joined: bool) -> Says | None:
        name = self.name
        if name.dong and (makes_other_word(self.rest, self._following) or self._is_broken_before_dong):
            return None
        if self.broken and not self._is_whole and not name.surface.endswith("동"):
            return None
        weak = max(name.says, Says.WEAK)
        if may_be_consent(name.surface, self._following) or is_brand(self.rest):
            return weak
        if self.at_word or joined:
            return name.says
        if self.broken:
            return None
        # In the middle of a word it may be a part of it; where blanks are missing, an ending must stand before it.
        if not _BOUNDARY.search(self.before):
            return None if name.dong or len(name.surface) <= _SHORT else weak
        return name.says if self._length_of_word >= _LONG_WORD else weak

    @property
    def _following(self) -> str:
        return self.text[self.end : self.end + _LOOK_AHEAD]

    @property
    def _is_whole(self) -> bool:
        # Longer ends are no ends, and what can be cut in many ways would be tried in all of them.
        return len(self.rest) <= _LONGEST_END and _REST.fullmatch(self.rest) is not None

    @property
    def _length_of_word(self) -> int:
        place = bisect_right(self.starts, self.start)
        return (self.starts[place] if place < len(self.starts) else len(self.text)) - self.starts[place - 1]

    @property
    def _is_broken_before_dong(self) -> bool:
        """Whether a blank stands inside the name where no number follows it: 청구 동의, but 역삼 1동."""
        if not self.broken:
            return False
        breaks = self.starts[bisect_right(self.starts, self.start) : bisect_left(self.starts, self.end)]
        numbered = all(_NUMBER.match(self.text, place) or self.text[place] in "가동" for place in breaks)
        return not numbered or self.text[breaks[-1]] == "동"


def spot_of(name: Name, span: tuple[int, int], text: str, starts: Sequence[int], joints: set[int]) -> Spot:
    """Returns the spot of a name at a span of the text; where another name begins, its word ends."""
    start, end = span
    place = bisect_right(starts, start)
    at_word = place > 0 and starts[place - 1] == start
    further = bisect_left(starts, end)
    following = starts[further] if further < len(starts) else len(text)
    broken = place < len(starts) and starts[place] < end
    return Spot(name, start, end, at_word, broken, "" if end in joints else text[end:following], text, starts)


def after(begin: int, text: str, starts: Sequence[int]) -> str:
    """Returns what follows in the text, with the blanks between its words."""
    end = min(begin + _LOOK_AHEAD, len(text))
    cuts = [begin, *starts[bisect_left(starts, begin) : bisect_left(starts, end)], end]
    return " ".join([text[one:other] for one, other in pairwise(cuts)]).lstrip()
