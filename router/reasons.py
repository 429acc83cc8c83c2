"""Why a message was decided so, in words for people: short, with the names that officers know."""

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import pairwise

from classifiers._text import tight
from config.schema import City
from core.decision import OWNER, SURE, Finding
from router.view import View

# How classifiers say that no word spoke for it.
_LIKE = "like "
_MOST_QUOTED = 40
_MOST_COMPARED = 400


class Reasons:
    """Tells decisions' grounds; knows what ids are called and which sentences they are known by."""

    def __init__(self, city: City) -> None:
        offices = {one.id: one.name for one in city.districts} | {one.id: one.name for one in city.departments}
        self._names: Mapping[str, Mapping[str, str]] = {
            "topic": {topic.id: topic.name for topic in city.topics},
            "district": offices,
            "owner": offices,
            "faq": {faq.id: faq.question for faq in city.faqs},
        }
        self._examples: Mapping[tuple[str, str], Sequence[str]] = {
            **{("topic", topic.id): (*topic.examples, *topic.sayings) for topic in city.topics},
            **{("urgent", row.id): row.examples for row in city.routing.urgent},
        }

    def because(self, grounds: Sequence[Finding], view: View) -> Iterator[str]:
        """Yields what the decision rests on."""
        for found in grounds:
            if found.classifier == "faq":
                yield f"faq {found.value}: {found.because} {found.confidence:.2f}, lead {found.lead:.2f}"
            else:
                yield _joined(self.called(found.classifier, found.value), self.why(found, view))

    def guesses(self, view: View) -> Iterator[str]:
        """Yields what came nearest, for whoever reads why nothing was sure."""
        for classifier in ("topic", "faq", "district"):
            found = view.best(classifier)
            if found:
                guess = f"{self.called(classifier, found.value)} {found.confidence:.2f}"
                guess = guess if found.confidence >= SURE else f"unsure {guess}"
                yield _joined(guess, self.why(found, view))

    def called(self, classifier: str, value: str) -> str:
        """Returns "topic litter (쓰레기)": what was found, and what officers call it."""
        classifier = "owner" if value.startswith(OWNER) else classifier
        return f"{classifier} {self.named(classifier, value.removeprefix(OWNER))}".rstrip()

    def named(self, classifier: str, value: str) -> str:
        """Returns "litter (쓰레기)"."""
        name = self._names.get(classifier, {}).get(value.removeprefix(OWNER), "")
        return f"{value} ({name})" if name else value

    def why(self, found: Finding, view: View) -> str:
        """Returns what speaks for it: words that were found, else the sentence that the message is most like."""
        if _LIKE not in found.because:
            return found.because
        example = _nearest(view.message.whole, self._examples.get((found.classifier, found.value), ()))
        return f"like '{example}'" if example else found.because


def _joined(what: str, why: str) -> str:
    return f"{what}, {why}" if why.startswith(_LIKE) else f"{what}: {why}" if why else what


def _nearest(text: str, sentences: Sequence[str]) -> str:
    """Returns the sentence that has most pairs of letters in common with a text, of equals the first."""
    said = _pairs(text[:_MOST_COMPARED])
    best = max(sentences, key=lambda sentence: _alike(said, _pairs(sentence)), default="")
    return best if len(best) <= _MOST_QUOTED else f"{best[: _MOST_QUOTED - 1]}…"


def _alike(one: frozenset[str], other: frozenset[str]) -> float:
    return len(one & other) / (len(one | other) or 1)


@lru_cache(maxsize=16_384)
def _pairs(text: str) -> frozenset[str]:
    letters = tight(text)
    return frozenset(map("".join, pairwise(letters)))
