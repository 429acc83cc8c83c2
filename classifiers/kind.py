"""What kind of matter it is in law: by the words, patterns and examples of routing.toml."""

from collections.abc import Sequence

from classifiers._alarm import Heard, alarm_of
from classifiers._guard import Table, guarded, whole
from classifiers._patterns import Patterns
from classifiers._text import Reading, quote
from classifiers.base import Classifier
from config.schema import City
from core.decision import SURE, Finding
from core.message import Message

# A weak word of a confidential kind: enough to keep machines silent, not to say what it is.
_WEAK = 0.55
# From here on rules take a matter for confidential.
# How like the examples of confidential kinds a message must be: surely, and enough to keep machines silent.
_LIKE, _MAYBE = 0.36, 0.32
# So few letters inside another word may be another word.
_SHORT = 2


class Kind(Classifier):
    """Finds the kinds of matter that the words speak for; nothing where none does.

    A confidential matter that is missed may be shown to others, one that is found wrongly costs a look: one word
    is enough for it, inside another word too. For other kinds short words inside other words count less. Where
    several rows are of one kind, a finding "queue:<id>" beside it says which of them spoke. Where no word says that a
    matter is confidential, what is like the examples of such a row is of its kind.
    """

    def __init__(self, city: City) -> None:
        """Raises `ConfigError` for patterns that cannot be used."""
        self._rows = city.routing.kinds
        self._table = Table(self._rows)
        patterns = [(pattern, row) for row, kind in enumerate(self._rows) for pattern in kind.patterns]
        self._patterns = Patterns(patterns, where="routing.toml: kind")
        self._alarm = alarm_of(city)
        kinds = [row.kind for row in self._rows]
        self._shared = {kind for kind in kinds if kinds.count(kind) > 1}

    def classify(self, messages: Sequence[Message]) -> list[tuple[Finding, ...]]:
        readings = [guarded(message) for message in messages]
        return list(map(self._findings, messages, readings, self._alarm.hear(readings)))

    def _findings(self, message: Message, reading: Reading, heard: Heard) -> tuple[Finding, ...]:
        seen = self._table.look(reading)
        found: dict[int, list[str]] = {}
        doubtful: dict[int, list[str]] = {}
        for said in seen.said:
            is_clear = said.at_word or said.size > _SHORT
            (found if is_clear else doubtful).setdefault(said.row, []).append(said.words)
        for row, _, words in self._patterns.hits(whole(message)):
            found.setdefault(row, []).append(words)
        weak: dict[int, list[str]] = {}
        for said in seen.weak:
            weak.setdefault(said.row, []).append(said.words)
        sure = {row: min(0.85 + 0.05 * len(set(words)), 0.95) for row, words in found.items()}
        weights = {row: 0.8 if self._rows[row].confidential else 0.5 for row in doubtful} | sure
        weights = dict.fromkeys(weak, _WEAK) | weights
        spoken = weak | doubtful | found
        is_secret = any(self._rows[row].confidential and weight >= SURE for row, weight in weights.items())
        if heard.secret >= _MAYBE and not is_secret:
            # The row whose examples the text is like.
            weights[heard.kind] = max(SURE if heard.secret >= _LIKE else _WEAK, weights.get(heard.kind, 0.0))
            spoken[heard.kind] = self._alarm.words(reading, secret=True)
        return self._ranked(weights, spoken) if weights else ()

    def _ranked(self, weights: dict[int, float], words: dict[int, list[str]]) -> tuple[Finding, ...]:
        """Returns one finding for each kind; what is surely confidential comes first, then the earlier row."""
        open_ = {row: not (self._rows[row].confidential and weights[row] >= SURE) for row in weights}
        order = sorted(weights, key=lambda row: (open_[row], -weights[row], not self._rows[row].confidential, row))
        best: dict[str, int] = {}
        for row in order:
            best.setdefault(self._rows[row].kind, row)
        rows = list(best.values())
        lead = round(max(weights[rows[0]] - weights[rows[1]], 0.0), 4) if len(rows) > 1 else 1.0
        kinds = [
            Finding("kind", kind, weights[row], because=quote(words[row]), lead=lead if row == rows[0] else 0.0)
            for kind, row in best.items()
        ]
        queues = [
            Finding("kind", f"queue:{self._rows[row].queue}", weights[row], because=quote(words[row]), lead=0.0)
            for kind, row in best.items()
            if kind in self._shared and self._rows[row].queue
        ]
        return (*kinds, *queues)
