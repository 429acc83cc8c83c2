"""How satisfied somebody is, 1 to 5, as people write it: "5", "4점", "매우 만족합니다", "별로예요"."""

import re
from collections.abc import Sequence

from classifiers._text import read
from classifiers.base import Classifier
from config.schema import City
from core.decision import Finding
from core.message import Message

# Who writes more says more than a rating.
_MOST_CHARACTERS = 60

_NUMBER = re.compile(r"([1-5])(?:점|점이요|점입니다|점이에요|점이예요|점드려요|점드립니다|점줄게요|점요)?")
_OUT_OF_FIVE = re.compile(r"\s*([1-5])\s*/\s*5\s*점?\s*")
_STARS = re.compile(r"\s*([★⭐]{1,5})\uFE0F?☆*\s*")
_THANKS = re.compile(
    r"(?:감사합니다|감사해요|고맙습니다|고마워요|수고하세요|수고하셨습니다|감사|요|ㅎ+|ㅋ+|ᄏ+|ᄒ+|ᅲ+|ㅠ+)+$"
)
_VERY = re.compile("^(?:매우|아주|정말|너무|완전|대단히|진짜|굉장히|무척|많이|몹시|전혀|very|really|totally)")
_END = (
    "(?:함|해|합니다|했습니다|했어|하였습니다|스럽습니다|스러워|스럽네|하네|이에|에|아|예|이예|였어|였습니다|입니다|이네|네|임|다"
    "|이었습니다|도)?"
)
# Words, and what they say without and with "매우".
_SAYINGS = (
    ("안만족|불만족|만족못|만족하지않|만족하지못|불만|unsatisfied|dissatisfied|notsatisfied", 2, 1),
    ("최악이?|형편없습니다|형편없|엉망이?|worst|terrible|verybad", 1, 1),
    ("별로|그저그렇|실망|나쁨|나빠|안좋|poor|bad", 2, 1),
    ("보통이?|그냥그래|그저그래|그럭저럭|soso|average|okay", 3, 3),
    ("만족|좋아|좋습니|좋았습니|좋음|괜찮습니|괜찮았습니|괜찮|친절|satisfied|good|happy", 4, 5),
    ("최고|훌륭|완벽|대만족|excellent|great|perfect|best", 5, 5),
)
_WORDS = tuple((re.compile(f"(?:{words}){_END}"), plain, very) for words, plain, very in _SAYINGS)
# Whatever begins otherwise is no rating.
_BEGINNING = re.compile("|".join(["[1-5]", _VERY.pattern.removeprefix("^"), *(words for words, _, _ in _SAYINGS)]))


class Rating(Classifier):
    """Finds "1" to "5" in messages that are a rating and nothing else; only who was asked for one means it so."""

    def __init__(self, city: City) -> None:
        pass

    def classify(self, messages: Sequence[Message]) -> list[tuple[Finding, ...]]:
        return [_finding(message.text) if len(message.text) <= _MOST_CHARACTERS else () for message in messages]


def _finding(text: str) -> tuple[Finding, ...]:
    rating = rating_of(text)
    return () if rating is None else (Finding("rating", str(rating), 1.0, because=f"'{text.strip()}'"),)


def rating_of(text: str) -> int | None:
    """Returns the rating when the text is one and nothing else, None when more or something else is said."""
    for form in (_OUT_OF_FIVE, _STARS):
        if found := form.fullmatch(text):
            return int(found[1]) if found[1].isdigit() else len(found[1])
    said = read(text).tight
    if not _BEGINNING.match(said):
        return None
    bare = _THANKS.sub("", said)
    if found := _NUMBER.fullmatch(said) or _NUMBER.fullmatch(bare):
        return int(found[1])
    very = _VERY.match(bare)
    bare = bare[very.end() :] if very else bare
    return next((strong if very else plain for form, plain, strong in _WORDS if form.fullmatch(bare)), None)
