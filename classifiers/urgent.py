"""Whether somebody is in danger now: fire, gas, suicide, violence … by the words and examples of routing.toml."""

import re
from collections.abc import Iterator, Sequence

from classifiers._alarm import Heard, alarm_of
from classifiers._guard import Said, Seen, Table, guarded, whole
from classifiers._patterns import Patterns
from classifiers._speech import speech_of
from classifiers._text import Reading, phrases, quote, reading_of
from classifiers.base import Classifier
from config.schema import City
from core.decision import Finding
from core.message import Message

_NOW = phrases(
    """
    지금|방금|불이야|됐어|됐습|당했|났어|났습|났다|타고 있|고 있어|고 있습|고 있는|살려|도와주|도와줘|빨리|긴급|급해
    급합|위급|발생했|발생하였|쓰러졌|쓰러지셨|갇혔|119 좀|119 불러|112 불러|now|help|hurry
    """
)
_RATHER_NOT = phrases(
    """
    예방|훈련|교육|보험|대비|경보기|감지기|만약|나면 어디|나면 어떻게|나면 어느|나면 몇 번
    나면 119|들면 어디|생기면 어디|부르는 번호|부르려면|났을 때|날 경우|발생 시|발생했을 때|행동요령
    숙제|체험|캠페인|드라마|영화|뉴스|강의|강좌|공사 예정|신고 방법|신고방법|작년|지난해|몇 년 전|안전진단|현황|통계
    자료 요청|어떻게 대처|들었을 때|대처 방법|대책|보험금|보상|이재민
    drill|training|in case of|what if|if there is|insurance
    """
)
# Who asks for a number wants to know it; only weak words are less for it.
_ASKING = phrases(
    """
    몇 번이|몇번|번호가|번호 좀|번호 알|전화번호|어디로 연락|어디로 전화|which number|what number|phone number
    emergency number|number do i call|how do i call|number in korea
    """
)
# What the signs of a table say: their places among its lists.
_IS_NOW, _IS_NOT, _IS_ASKED = range(3)
_NO_DANGER = frozenset({_IS_NOT, _IS_ASKED})
# A short word that nothing speaks against is no emergency yet, but nothing to answer by itself either.
_CLEAR, _PLAIN, _SHORT, _UNSURE = 0.95, 0.9, 0.75, 0.6
# Of a weak word: it may be any emergency or none.
_ANY = "unclear"
_WEAK = 0.72
# How like the examples of emergencies a message must be. A weak word beside it counts; where it is only spoken of, or
# who writes wants something done, it must be more like them. Chosen so that of strangers' sentences with words of
# danger about two in a hundred ring somebody, of everyday messages one.
_LIKE, _LIKE_AND_WEAK, _LIKE_THOUGH_DOUBTED, _MORE_FOR_DEMANDS, _MAYBE = 0.45, 0.37, 0.65, 0.1, 0.35
# What is as much like a confidential matter is left to those who may read it.
_LEAD = 0.15
# A phrase of more letters is enough by itself, as is one of several words.
_LONG = 4
_SHORT_SCRIPTS = re.compile("[a-z가-힣]")


class Urgent(Classifier):
    """Finds emergencies: at least 0.9 where it is said to happen now, 0.75 where a short word may say so, 0.6 where
    it is spoken of.

    A word that stands within one of the row's `not_keywords` ("화재보험") is no emergency. Weak words give "unclear":
    no emergency, but nothing for a machine to answer. Where words do not settle it, what is like the rows' `examples`
    is an emergency, too.
    """

    def __init__(self, city: City) -> None:
        """Raises `ConfigError` for patterns that cannot be used."""
        self._rows = city.routing.urgent
        self._table = Table(self._rows, (_NOW, _RATHER_NOT, _ASKING))
        patterns = [(pattern, row) for row, urgency in enumerate(self._rows) for pattern in urgency.patterns]
        self._patterns = Patterns(patterns, where="routing.toml: urgent")
        self._alarm = alarm_of(city)

    def classify(self, messages: Sequence[Message]) -> list[tuple[Finding, ...]]:
        readings = [guarded(message) for message in messages]
        return list(map(self._findings, messages, readings, self._alarm.hear(readings)))

    def _findings(self, message: Message, reading: Reading, heard: Heard) -> tuple[Finding, ...]:
        seen = self._table.look(reading)
        found: dict[int, list[Said]] = {}
        for said in (*seen.said, *self._by_patterns(message)):
            found.setdefault(said.row, []).append(said)
        by_words = self._ranked(found, seen) if found else ()
        if by_words and by_words[0].confidence >= _PLAIN:
            return by_words
        alike = self._alike(message, reading, seen, heard)
        if alike and alike[0].confidence >= _PLAIN:
            return (*alike, *(other for other in by_words if other.value != alike[0].value))
        if by_words:
            return by_words
        if not seen.weak:
            return alike
        confidence = _UNSURE if seen.signs & _NO_DANGER else _WEAK
        return (Finding("urgent", _ANY, confidence, because=quote([said.words for said in seen.weak])),)

    def _alike(self, message: Message, reading: Reading, seen: Seen, heard: Heard) -> tuple[Finding, ...]:
        """Returns what the message is like, when it is like an emergency; only spoken of, it may be none."""
        if heard.danger < (_LIKE_THOUGH_DOUBTED if seen.signs & _NO_DANGER else _MAYBE):
            return ()
        least = _LIKE_AND_WEAK if seen.weak else _LIKE
        if heard.danger < least + _MORE_FOR_DEMANDS and speech_of(reading_of(message)).act == "demand":
            least += _MORE_FOR_DEMANDS
        is_clear = heard.danger >= least and heard.danger - heard.secret >= _LEAD
        value, confidence = (self._rows[heard.urgency].id, _PLAIN) if is_clear else (_ANY, _WEAK)
        words = quote(self._alarm.words(reading))
        return (Finding("urgent", value, confidence, because=f"{words}, like the examples ({heard.danger:.2f})"),)

    def _by_patterns(self, message: Message) -> Iterator[Said]:
        for row, _, words in self._patterns.hits(whole(message)):
            if not any(word in words for word in self._rows[row].not_keywords):
                yield Said(row, words, len(words), at_word=True, whole=False)

    def _ranked(self, found: dict[int, list[Said]], seen: Seen) -> tuple[Finding, ...]:
        weights = {row: _confidence(said, seen.signs, doubted=row in seen.doubted) for row, said in found.items()}
        # Of equals the one that more is said of.
        order = sorted(found, key=lambda row: (-weights[row], -len({said.words for said in found[row]}), row))
        second = weights[order[1]] if len(order) > 1 else 0.0
        return tuple(
            Finding(
                "urgent",
                self._rows[row].id,
                weights[row],
                because=quote([said.words for said in found[row]]),
                lead=(round(weights[row] - second, 4) if second else 1.0) if place == 0 else 0.0,
            )
            for place, row in enumerate(order)
        )


def _is_enough(said: Said) -> bool:
    """Whether words are enough by themselves; a letter of other scripts than Hangul and Latin says more."""
    return said.whole or len(said.words) > _LONG or " " in said.words or not _SHORT_SCRIPTS.search(said.words)


def _confidence(said: Sequence[Said], signs: frozenset[int], *, doubted: bool) -> float:
    enough = any(_is_enough(one) for one in said)
    if doubted or _IS_NOT in signs:
        return _PLAIN if enough and _IS_NOW in signs else _UNSURE
    if _IS_NOW in signs:
        return _CLEAR
    return _PLAIN if enough else _SHORT
