"""Whether somebody insults or advertises, and whether there is a matter beside the insult."""

import re
from collections.abc import Sequence
from typing import NamedTuple

from classifiers._guard import Table, guarded, soft
from classifiers._text import quote, tight
from classifiers.base import Classifier
from config.schema import Abuse as Words
from config.schema import City
from core.decision import Finding
from core.message import Message

# First letters for whole words, which readings leave out as laughter.
_LETTERS = re.compile("[ㅅㅆ][ㅂㅃ]|ㅂㅅ|ㅈㄹ|ㄱㅅㄲ|ㄲㅈ(?!ㅣ)|ㅁㅊㄴ")
_LINK = re.compile(r"https?://|www\.|\b[\w-]+\.(?:com|net|kr|me|ly|gl|xyz|top|shop|club|site|vip)\b", re.IGNORECASE)
_LABEL = re.compile(r"\s*[(\[<【]\s*광\s*고\s*[)\]>】]")
# What is left beside insults and fillers says nothing if it is this short.
_NOTHING_SAID = 5
_FILLERS = re.compile(
    "진짜|정말|아주|완전|너희|니들|니네|너네|당신들?|공무원|담당자|구청|시청|놈들?|년들?|것들|새끼들?|들아|들이|같은|다들|하는|이런|그냥|제발|맨날"
    "|[아야이그저넌너님들은는을를도의다요]"
)
_SURE = 0.95
_LIKELY = 0.9
_ENOUGH_SIGNS = 2


class _Row(NamedTuple):
    keywords: tuple[str, ...]
    not_keywords: tuple[str, ...]
    weak: tuple[str, ...]
    together: tuple[str, ...] = ()


class Abuse(Classifier):
    """Finds "insult" (nothing else is said), "abusive" (a matter is in it, too) and "spam".

    Advertising needs a ware and two signs of advertising, and nobody who complains of it: a petition that is thrown
    away is worse than an advertisement that somebody reads.
    """

    def __init__(self, city: City) -> None:
        self._insults = Table([_row(words) for words in city.routing.abuse if words.id == "insult"])
        spam = [words for words in city.routing.abuse if words.id == "spam"]
        self._wares = Table([_row(words) for words in spam])
        self._complaints = [tight(word) for words in spam for word in words.not_keywords]

    def classify(self, messages: Sequence[Message]) -> list[tuple[Finding, ...]]:
        return [(*self._insulted(message), *self._advertised(message)) for message in messages]

    def _insulted(self, message: Message) -> tuple[Finding, ...]:
        reading = guarded(message)
        # A short word inside another one is another word: 도시발전.
        said = [one.words for one in self._insults.look(reading).said if one.at_word or one.size > 2]
        letters = _LETTERS.findall(message.text)
        if not said and not letters:
            return ()
        rest = reading.tight
        for words in sorted(said, key=len, reverse=True):
            rest = rest.replace(soft(tight(words)), " ")
        left = len("".join(_FILLERS.sub("", rest).split()))
        value = "insult" if left <= _NOTHING_SAID else "abusive"
        return (Finding("abuse", value, _LIKELY, because=quote([*said, *letters])),)

    def _advertised(self, message: Message) -> tuple[Finding, ...]:
        reading = guarded(message)
        seen = self._wares.look(reading)
        wares = list(dict.fromkeys(one.words for one in seen.said))
        if not wares or any(word in reading.tight for word in self._complaints):
            return ()
        signs = list(dict.fromkeys(one.words for one in seen.weak))
        signs += ["a link"] * bool(_LINK.search(message.text)) + ["(광고)"] * bool(_LABEL.match(message.text))
        if len(signs) < _ENOUGH_SIGNS:
            return ()
        return (Finding("abuse", "spam", _SURE, because=quote([*wares[:2], *signs])),)


def _row(words: Words) -> _Row:
    return _Row(words.keywords, words.not_keywords if words.id == "insult" else (), words.signs)
