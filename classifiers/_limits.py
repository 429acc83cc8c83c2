"""How sure an FAQ's match may be at most with what else a message does: demands, tells, names, or says unreadably."""

import re
from collections.abc import Container, Iterable
from typing import NamedTuple

from classifiers._speech import speech_of
from classifiers._text import Lexicon, Reading, read

# Who wants something done is given no answer.
DEMAND = 0.1
# Of more characters a question is a story, of more without a question mark or word a tale.
LONG_CHARACTERS, _STATEMENT_CHARACTERS = 80, 25
# What no matcher reads, and somebody may mean: words in first letters (ㅅㄹㅈㅅㅇ), numbers that no wording has (119),
# other scripts, signs of danger.
_INITIALS = re.compile(r"[\u1100-\u11ff]{2,}")
_SLANG = re.compile(
    "[\u110f\u1112\u1172\u116e\u1173]+|\u110b+|\u1100+|\u1103+|\u1102+"
    "|\u1100\u1109|\u1109\u1100|\u1112\u110b|\u110b\u110f|\u110e\u110f"
)
_UNREAD = re.compile(r"\d{3,}(?:에|요|좀|로|으로|이요|이에요|입니다)?|[^가-힣a-z]+")
_ALARMING = re.compile("[🆘🔪🗡🩸🔥🚨🔫💣💀☠⚰🪦🚒🚑🚓🅾]|[.·•]{3} ?[-–—_ㅡ]{3} ?[.·•]{3}")
_OWN_CASE = re.compile(r"(?:신고|신청|접수|예약|납부|청구|환불)\s?(?:을|를)?\s?(?:했|하였)(?:는데|지만|더니|으나)")


class Limit(NamedTuple):
    """How sure a match may be at most, and why."""

    confidence: float
    why: str = ""


class Limits:
    """Holds what a city's tables make harmless: its wordings in first letters; and the names of other cities."""

    def __init__(self, wordings: Iterable[str], elsewhere: Iterable[str]) -> None:
        self._slang = frozenset(letters for text in wordings for letters in _INITIALS.findall(read(text).spaced))
        self._elsewhere = Lexicon((name, 0) for name in elsewhere)

    def of(self, whole: Reading, length: int) -> Limit:
        """Returns the limit of a message whose question has so many characters."""
        speech = speech_of(whole)
        if speech.act == "demand":
            return Limit(DEMAND, f"asks for action: '{speech.word}'")
        if hits := [hit for hit in self._elsewhere.hits(whole) if hit.at_word]:
            return Limit(0.6, f"another city: '{hits[0].phrase}'")
        if speech.place:
            return Limit(0.7, f"a concrete place: '{speech.place}'")
        if found := _OWN_CASE.search(whole.spaced):
            return Limit(0.7, f"a case of their own: '{found.group()}'")
        if length > LONG_CHARACTERS or (speech.act == "statement" and length > _STATEMENT_CHARACTERS):
            return Limit(0.7, "a story rather than a question")
        return Limit(1.0)

    def unheard(self, whole: Reading) -> str:
        """Returns what stands in a text for words and is none, "" when that is nothing."""
        if found := _ALARMING.search(whole.spaced):
            return found.group()
        letters = (one for one in _INITIALS.findall(whole.spaced) if one not in self._slang)
        return next((one for one in letters if not _SLANG.fullmatch(one)), "")


def unread(asked: Reading, known: Container[str]) -> str:
    """Returns a word of no letters that the matcher reads, unless it is one of these; "" when there is none."""
    return next((word for word in asked.words if word not in known and _UNREAD.fullmatch(word)), "")


def lowered(limit: Limit, what: str) -> Limit:
    """Returns the limit with something that cannot be read beside the question."""
    return Limit(min(limit.confidence, 0.7), limit.why or f"not to be read: '{what}'") if what else limit
