"""What kind of matter it is in law: by the words and patterns of routing.toml."""

from collections.abc import Sequence

from classifiers._patterns import Patterns
from classifiers._text import Lexicon, Reading, quote, reading_of
from classifiers.base import Classifier
from config.schema import City
from core.decision import Finding
from core.message import Message


class Kind(Classifier):
    """Finds the kinds of matter that the words speak for; nothing where none does.

    A confidential matter that is missed may be shown to others, one that is found wrongly costs a look: one word
    is enough for it, inside another word too. For other kinds short words inside other words count less.
    """

    def __init__(self, city: City) -> None:
        """Raises `ConfigError` for patterns that cannot be used."""
        self._rows = city.routing.kinds
        self._words = Lexicon((word, row) for row, kind in enumerate(self._rows) for word in kind.keywords)
        patterns = [(pattern, row) for row, kind in enumerate(self._rows) for pattern in kind.patterns]
        self._patterns = Patterns(patterns, where="routing.toml: kind")

    def classify(self, messages: Sequence[Message]) -> list[tuple[Finding, ...]]:
        return [self._findings(reading_of(message)) for message in messages]

    def _findings(self, reading: Reading) -> tuple[Finding, ...]:
        found: dict[int, list[str]] = {}
        doubtful: dict[int, list[str]] = {}
        for hit in self._words.hits(reading):
            is_clear = hit.at_word or hit.end - hit.start > 2
            (found if is_clear else doubtful).setdefault(hit.entry, []).append(hit.phrase)
        for row, _, words in self._patterns.hits(reading):
            found.setdefault(row, []).append(words)
        sure = {row: min(0.85 + 0.05 * len(set(words)), 0.95) for row, words in found.items()}
        weights = {row: 0.8 if self._rows[row].confidential else 0.5 for row in doubtful} | sure
        return self._ranked(weights, doubtful | found) if weights else ()

    def _ranked(self, weights: dict[int, float], words: dict[int, list[str]]) -> tuple[Finding, ...]:
        """Returns one finding for each kind; of equals the confidential comes first, then the earlier row."""
        order = sorted(weights, key=lambda row: (-weights[row], not self._rows[row].confidential, row))
        best: dict[str, int] = {}
        for row in order:
            best.setdefault(self._rows[row].kind, row)
        rows = list(best.values())
        lead = round(weights[rows[0]] - weights[rows[1]], 4) if len(rows) > 1 else 1.0
        return tuple(
            Finding("kind", kind, weights[row], because=quote(words[row]), lead=lead if row == rows[0] else 0.0)
            for kind, row in best.items()
        )
