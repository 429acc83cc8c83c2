"""Which FAQ a question asks for, if any: by its exact words, else by morphemes; by characters where none may answer."""

import re
from collections.abc import Sequence
from functools import cached_property
from typing import NamedTuple

from classifiers._cores import core, cores, keys
from classifiers._grams import Space, Vector, character_grams
from classifiers._limits import DEMAND, LONG_CHARACTERS, Limit, Limits, doubt, lowered
from classifiers._match import Asking, Match, Matcher, Wordings
from classifiers._morphemes import Morphemes
from classifiers._speech import speech_of
from classifiers._text import Reading, read, reading_of
from classifiers._trials import ALL, Strangers, Trial, foreign_words, trials
from classifiers._trust import Trust, calibrated, digest, remember, remembered
from classifiers.base import Classifier, Kept
from config.schema import City
from core.decision import SURE, Finding
from core.message import Message

_EXACT = 0.98
# A second best, and what is nearer to a sentence that must not match, is a hint for an officer; what something hinders
# stays just below `SURE`.
_DOUBTED, _UNSURE = 0.45, 0.79
# Below this nearness no wording has enough in common to ask Kiwi about.
_NEAR = 0.035
_LEAST = 0.15
# A letter of more is read by a person, whatever it asks.
_MOST_CHARACTERS = 1_000
# So many of a table's wordings tell as much as all.
_MOST_TRIED = 800
# So many sentences of a matter tell which words are common: more of them take time at the first start.
_OF_MATTER = 4
# A subject that says no more than that there is a question.
_GENERAL = re.compile(
    "문의|질문|질의|의견|시민|건의|민원|안내|요청|관련|관해|대해|대하여|궁금|알려|드립|드려|있[습어]|합니다|사항|제목|없음|무제|안녕|부탁|답변|감사|수고"
    r"|(?:re|fw|fwd|question|questions|inquiry|enquiry|request|hello|hi|about|subject|no|a|the|my)\Z"
)


class _Look(NamedTuple):
    """What the first glance at a message finds, or else what is asked and within which limit; `is_hint` where no more
    than a hint for an officer may come of it."""

    found: tuple[Finding, ...] = ()
    asked: Sequence[Reading] = ()
    limit: Limit = Limit(0.0)
    is_hint: bool = False


class Faq(Classifier):
    """Finds FAQs, at most two. A confidence of 0.8 and a lead of 0.1 together mean: asked with the city's own
    sentences, such answers were right in `answer_precision` of all. Whoever demands, names a concrete place or another
    city, tells a long story or asks about a case of their own stays below."""

    def __init__(self, city: City) -> None:
        self._city = city
        self._kept: Kept | None = None
        self._ids = [faq.id for faq in city.faqs]
        self._names = [faq.question for faq in city.faqs]
        self._entries = [
            Wordings(
                cores((faq.question, *faq.variants, *((faq.en.question, *faq.en.variants) if faq.en else ()))),
                cores(faq.not_examples),
            )
            for faq in city.faqs
        ]
        ways = (text for faq in city.faqs for text in (faq.question, *faq.variants))
        self._limits = Limits(ways, city.routing.elsewhere)
        self._exact = _exact(self._entries)
        self._not = [{key for reading in entry.against for key in keys(reading)} for entry in self._entries]
        self._known = [frozenset(word for way in entry.ways for word in way.words) for entry in self._entries]
        self._said = ["\n".join(way.spaced for way in entry.ways) for entry in self._entries]
        self._glance = Space([_all_grams(entry) for entry in self._entries])

    def keep(self, kept: Kept) -> None:
        self._kept = kept

    def warm(self) -> None:
        """Loads now what else is loaded with the first unsure question."""
        if self._ids:
            _ = self._trust

    def classify(self, messages: Sequence[Message]) -> list[tuple[Finding, ...]]:
        looks = list(map(self._looked, messages))
        asked = [(one, look) for look in looks for one in look.asked]
        compared = iter(self._compared(asked))
        return [max((next(compared) for _ in look.asked), key=_surest, default=look.found) for look in looks]

    def _looked(self, message: Message) -> _Look:
        whole = reading_of(message)
        if len(whole.spaced) > _MOST_CHARACTERS:
            return _Look()
        asked = [core(whole.spaced), *((core(message.text),) if self._is_general(message) else ())]
        asked = [one for one in asked if one.words]
        unheard = self._limits.unheard(whole)
        for one in () if unheard else asked:
            if exact := self._word_for_word(one):
                return _Look(exact)
        if not asked or not self._ids:
            return _Look()
        limit = self._limits.of(whole, min(len(one.tight) for one in asked))
        limit = lowered(limit, unheard and f"not to be read: '{unheard}'")
        is_hint = limit.confidence <= DEMAND or len(asked[0].tight) > LONG_CHARACTERS
        return _Look((), asked[:1] if is_hint else asked, limit, is_hint)

    def _compared(self, asked: Sequence[tuple[Reading, _Look]]) -> list[tuple[Finding, ...]]:
        """Returns for each question what it is like: many at once cost less, and find the same."""
        near = self._glance.all_near([self._glance.places(character_grams(one)) for one, _ in asked])
        open_ = [
            place
            for place, ((_, look), most) in enumerate(zip(asked, near.max(axis=1, initial=0.0).tolist(), strict=True))
            if not look.is_hint and most >= _NEAR
        ]
        found = [self._glanced(row, look) if look.is_hint else () for (_, look), row in zip(asked, near, strict=True)]
        if open_:
            # Learned before anything is asked that is not of the city: what is learned from is kept.
            _ = self._trust
        questions = [Asking(self._matcher.taken(asked[place][0])) for place in open_]
        for place, match in zip(open_, self._matcher.matches(questions) if open_ else (), strict=True):
            one, look = asked[place]
            if match:
                beside = doubt(one, self._said[match.entry], self._known[match.entry])
                found[place] = self._graded(match, lowered(look.limit, beside))
        return found

    def _is_general(self, message: Message) -> bool:
        """Whether there is a subject, and it says nothing beside the text: only then the text may be asked alone."""
        if not message.subject or self._limits.unheard(read(message.subject)):
            return False
        text = read(message.text).tight
        said = (word for word in core(message.subject).words if not _GENERAL.match(word))
        return all(len(word) > 1 and word[:2] in text for word in said)

    def _word_for_word(self, asked: Reading) -> tuple[Finding, ...]:
        for key in keys(asked):
            entries = self._exact.get(key, ())
            if len(entries) == 1 and key not in self._not[entries[0]]:
                because = f"word for word: '{self._names[entries[0]]}'"
                return (Finding("faq", self._ids[entries[0]], _EXACT, because=because, lead=0.9),)
        return ()

    def _glanced(self, near: Vector, look: _Look) -> tuple[Finding, ...]:
        """Returns what an officer may want to see where no answer goes out by itself: the cheap look is enough."""
        best = int(near.argmax())
        confidence = round(min(float(near[best]), look.limit.confidence), 4)
        if near[best] < _LEAST:
            return ()
        because = f"like '{self._names[best]}'; {look.limit.why}"
        return (Finding("faq", self._ids[best], confidence, because, lead=0.0),)

    def _graded(self, match: Match, limit: Limit) -> tuple[Finding, ...]:
        confidence, because = self._trust.confidence(match), f"like '{self._names[match.entry]}'"
        if match.against:
            confidence, because = min(confidence, _DOUBTED), f"{because}; nearer to a sentence that must not match"
        elif match.hindrance:
            confidence, because = min(confidence, _UNSURE), f"{because}; {match.hindrance}"
        if confidence > limit.confidence:
            confidence, because = limit.confidence, f"{because}; {limit.why}"
        lead = round(self._trust.lead(match), 4)
        best = Finding("faq", self._ids[match.entry], round(confidence, 4), because, lead=lead)
        second = round(min(confidence, _DOUBTED) * (1 - lead), 4)
        if match.second is None or second < _LEAST:
            return (best,)
        return best, Finding("faq", self._ids[match.second], second, f"like '{self._names[match.second]}'", lead=0.0)

    @cached_property
    def _morphemes(self) -> Morphemes:
        names = [name for one in self._city.districts for name in (one.name, *one.legal_dongs, *one.admin_dongs)]
        return Morphemes((name for name in names if len(name) > 2), self._kept)

    @cached_property
    def _matcher(self) -> Matcher:
        matters = [cores(topic.examples[:_OF_MATTER]) for topic in self._city.topics]
        with self._morphemes.own():
            return Matcher(self._entries, self._morphemes, matters)

    @cached_property
    def _trust(self) -> Trust:
        """The bounds for this table of questions; another question in it, and they are found anew."""
        _ = self._matcher
        made_by = digest(self._morphemes.made_by, self._city.model_dump_json()) if self._kept else ""
        if known := remembered(self._kept, made_by):
            self._morphemes.keep(all_asked=False)
            return known
        with self._morphemes.own():
            found = calibrated(self.trials(_MOST_TRIED), self._city.answer_precision)
        self._morphemes.keep(all_asked=True)
        remember(self._kept, made_by, found)
        return found

    def trials(self, most: int = ALL) -> list[Trial]:
        """Returns what comes of asking the table of questions its own sentences, at most so many of them."""
        bank = self._bank()
        told = [one for one in bank if speech_of(one).act == "statement" and self._may_ask(one)]
        return list(trials(self._matcher, Strangers(told, foreign_words(self._matcher, bank), self._may_ask), most))

    def _bank(self) -> list[Reading]:
        """Returns the sentences that the city's tables hold about other things than its questions."""
        topics = (text for topic in self._city.topics for text in topic.examples[:_OF_MATTER])
        rules = (text for rule in self._city.routing.rules for text in (*rule.examples, *rule.not_examples))
        return list(cores((*topics, *rules)))

    def _may_ask(self, one: Reading) -> bool:
        return self._limits.of(one, len(one.tight)).confidence >= SURE


def _surest(findings: tuple[Finding, ...]) -> float:
    return findings[0].confidence if findings else -1.0


def _all_grams(entry: Wordings) -> list[str]:
    return list(dict.fromkeys(gram for way in entry.ways for gram in character_grams(way)))


def _exact(entries: Sequence[Wordings]) -> dict[str, tuple[int, ...]]:
    found: dict[str, dict[int, None]] = {}
    for place, entry in enumerate(entries):
        for key in (key for reading in entry.ways for key in keys(reading)):
            found.setdefault(key, {})[place] = None
    return {key: tuple(owners) for key, owners in found.items() if key.strip("~")}
