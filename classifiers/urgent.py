"""Whether somebody is in danger now: fire, gas, suicide, violence … by the words and patterns of routing.toml."""

from collections.abc import Sequence

from classifiers._patterns import Patterns
from classifiers._text import Hit, Lexicon, Reading, phrases, quote, reading_of
from classifiers.base import Classifier
from config.schema import City
from core.decision import Finding
from core.message import Message

_NOW = phrases(
    """
    지금|방금|불이야|됐어|됐습|당했|났어|났습|났다|가 나요|이 나요|가 납니다|이 납니다|가 나고|타고 있
    있어요|있습니다|있다|살려|도와|빨리|긴급|급해|급합|위급|119|112
    발생|쓰러|의식|죽고 싶|죽을|죽이|들고|휘두|협박|위협|무너|붕괴|끊고|뛰어내|갇혔|갇혀|now|help|hurry
    """
)
_RATHER_NOT = phrases(
    """
    예방|훈련|교육|보험|대비|경보기|감지기|만약|나면 어디|나면 어떻게|났을 때|날 경우|발생 시|발생했을 때|행동요령
    체험|캠페인|드라마|영화|뉴스|강의|공사 예정|어디에 신고|어디로 신고|신고 방법|신고방법|작년|지난해
    """
)
# A short word that nothing speaks against is no emergency yet, but nothing to answer by itself either.
_CLEAR, _PLAIN, _SHORT, _UNSURE = 0.95, 0.9, 0.75, 0.6


class Urgent(Classifier):
    """Finds emergencies: at least 0.9 where it is said to happen now, 0.75 where a short word may say so, 0.6 where
    it is spoken of.

    A word that stands within one of the row's `not_keywords` ("화재보험") is no emergency.
    """

    def __init__(self, city: City) -> None:
        """Raises `ConfigError` for patterns that cannot be used."""
        self._rows = city.routing.urgent
        self._words = Lexicon((word, row) for row, urgency in enumerate(self._rows) for word in urgency.keywords)
        self._not = Lexicon((word, row) for row, urgency in enumerate(self._rows) for word in urgency.not_keywords)
        patterns = [(pattern, row) for row, urgency in enumerate(self._rows) for pattern in urgency.patterns]
        self._patterns = Patterns(patterns, where="routing.toml: urgent")
        self._signs = Lexicon((word, code) for code, words in enumerate((_NOW, _RATHER_NOT)) for word in words)

    def classify(self, messages: Sequence[Message]) -> list[tuple[Finding, ...]]:
        return [self._findings(reading_of(message)) for message in messages]

    def _findings(self, reading: Reading) -> tuple[Finding, ...]:
        hits = self._words.hits(reading)
        matches = self._patterns.hits(reading)
        if not hits and not matches:
            return ()
        excused = self._not.hits(reading)
        found: dict[int, list[str]] = {}
        for hit in hits:
            if not _within(hit, excused):
                found.setdefault(hit.entry, []).append(hit.phrase)
        for row, _, words in matches:
            if not _spoken_of(words, row, excused):
                found.setdefault(row, []).append(words)
        return self._ranked(reading, found, excused)

    def _ranked(self, reading: Reading, found: dict[int, list[str]], excused: list[Hit]) -> tuple[Finding, ...]:
        signs = {hit.entry for hit in self._signs.hits(reading)}
        doubted = {hit.entry for hit in excused}
        weights = {row: _confidence(words, signs, doubted=row in doubted) for row, words in found.items()}
        order = sorted(found, key=lambda row: (-weights[row], row))
        second = weights[order[1]] if len(order) > 1 else 0.0
        return tuple(
            Finding(
                "urgent",
                self._rows[row].id,
                weights[row],
                because=quote(found[row]),
                lead=(round(weights[row] - second, 4) if second else 1.0) if place == 0 else 0.0,
            )
            for place, row in enumerate(order)
        )


def _within(hit: Hit, excused: list[Hit]) -> bool:
    return any(other.entry == hit.entry and other.start <= hit.start < other.end for other in excused)


def _spoken_of(words: str, row: int, excused: list[Hit]) -> bool:
    return any(other.entry == row and other.phrase in words for other in excused)


def _confidence(words: Sequence[str], signs: set[int], *, doubted: bool) -> float:
    whole = any(len(word) > 4 or " " in word for word in words)
    if doubted or 1 in signs:
        return _PLAIN if whole and 0 in signs else _UNSURE
    if 0 in signs:
        return _CLEAR
    return _PLAIN if whole else _SHORT
