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
# Who is in a hurry now waits for a person, not for a text: "급할 때는" speaks of another day, "발급해" of nothing.
_HURRIES = re.compile(
    r"(?<![발환지공보수월연])급(?:해(?:요|용|여)?(?![가-힣])|합니다|함(?![가-힣])|한데요?(?![가-힣])|하(?:다|네요|거든요))"
    r"|(?<![가-힣])(?:당장|얼른|빨리요|빨리 ?좀)"
)
# "카드로만", "세대주만 할 수": the question is whether that is all, and no longer the question of the entry. "하지만",
# "잠깐만", "십만 원", "며칠 만에" narrow nothing.
_ONLY = re.compile(
    r"[가-힣]+(?:로|에서|에게|한테|까지|부터|끼리)만(?:요|은|도|이)?(?![가-힣])"
    r"|(?<![가-힣\d])[가-힣]*[^지다니랜깐시금나번백천십몇억\W\d]만(?:이|은|도)?(?= (?!있으면))"
    r"|[가-힣](?:로|에서|에게|한테)만(?=내|되|돼|됩|가능|받|할|하|해|사|써|쓸|신청|결제|납부)"
)
_HARMLESS_ONLY = re.compile(r"얼마만|며칠만|그것만|이것만|[시기동]간만")
# Rules are others for them than for a household: "회사 대형폐기물", "식당에서 나온". Not: 동사무소, 이사 가게 되면.
_ASKERS = re.compile(
    r"회사|사업장|사업자|(?<!사)업소|식당|음식점|법인|사무실|(?<!동)사무소|업체|기업|공장|점포|학원|호텔|단체|푸드트럭"
    r"|(?<!이)상가(?!능)|(?<![가-힣])가게(?! ?[되됐돼됩하해])"
)


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
        if found := _HURRIES.search(whole.spaced):
            return Limit(0.7, f"in a hurry: '{found.group()}'")
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


def doubt(asked: Reading, said: str, known: Container[str]) -> str:
    """Returns why a question that is like an entry may be another one, "" for nothing; `said` are the entry's
    wordings, `known` their words."""
    if word := unread(asked, known):
        return f"not to be read: '{word}'"
    narrow = narrowed(asked, said)
    return f"narrower than what is known: '{narrow}'" if narrow else ""


def narrowed(asked: Reading, said: str) -> str:
    """Returns what makes the question narrower than the wordings of an entry, which are `said`; "" for nothing."""
    only = (found.group() for found in _ONLY.finditer(asked.spaced))
    others = (found.group() for found in _ASKERS.finditer(asked.spaced))
    narrowing = (one for one in only if not _HARMLESS_ONLY.search(one))
    return next((one for one in (*narrowing, *others) if one not in said), "")


def lowered(limit: Limit, why: str) -> Limit:
    """Returns the limit with something beside the question that makes unsure, "" for nothing."""
    return Limit(min(limit.confidence, 0.7), limit.why or why) if why else limit
