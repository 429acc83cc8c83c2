"""Which FAQ a question asks for, if any: by its exact words, else by morphemes; by characters where none may answer."""

import re
from collections.abc import Sequence
from functools import cached_property
from typing import NamedTuple

from classifiers._cores import core, cores, keys
from classifiers._grams import Space, character_grams
from classifiers._match import Match, Matcher, Wordings
from classifiers._morphemes import Morphemes
from classifiers._speech import speech_of
from classifiers._text import Lexicon, Reading, read, reading_of
from classifiers._trials import Strangers, Trial, foreign_words, trials
from classifiers._trust import SURE, Trust, calibrated, digest, remember, remembered
from classifiers.base import Classifier, Kept
from config.schema import City
from core.decision import Finding
from core.message import Message

_EXACT = 0.98
# A second best, and what is nearer to a sentence that must not match, is a hint for an officer; what something hinders
# stays just below `SURE`.
_DOUBTED, _UNSURE = 0.45, 0.79
# Below this nearness no wording has enough in common to ask Kiwi about.
_NEAR = 0.035
_LEAST = 0.15
# Who wants something done is given no answer.
_DEMAND = 0.1
# A letter of more is read by a person, whatever it asks.
_MOST_CHARACTERS = 1_000
_LONG_CHARACTERS, _STATEMENT_CHARACTERS = 80, 25
# Of more sentences the second, third and so on tell as much.
_MOST_TRIED = 1_000
# What no matcher reads, and somebody may mean: words in first letters (ㅅㄹㅈㅅㅇ), numbers that no wording has (119),
# other scripts, signs of danger.
_INITIALS = re.compile(r"[\u1100-\u11ff]{2,}")
_SLANG = re.compile(
    "[\u110f\u1112\u1172\u116e\u1173]+|\u110b+|\u1100+|\u1103+|\u1102+"
    "|\u1100\u1109|\u1109\u1100|\u1112\u110b|\u110b\u110f|\u110e\u110f"
)
_UNREAD = re.compile(r"\d{3,}(?:에|요|좀|로|으로|이요|이에요|입니다)?|[^가-힣a-z]+")
_ALARMING = re.compile("[🆘🔪🗡🩸🔥🚨🔫💣💀☠⚰🪦🚒🚑🚓🅾]|[.·•]{3} ?[-–—_ㅡ]{3} ?[.·•]{3}")
# A subject that says no more than that there is a question.
_GENERAL = re.compile(
    "문의|질문|질의|의견|시민|건의|민원|안내|요청|관련|관해|대해|대하여|궁금|알려|드립|드려|있[습어]|합니다|사항|제목|없음|무제|안녕|부탁|답변|감사|수고"
    r"|(?:re|fw|fwd|question|questions|inquiry|enquiry|request|hello|hi|about|subject|no|a|the|my)\Z"
)
_OWN_CASE = re.compile(r"(?:신고|신청|접수|예약|납부|청구|환불)\s?(?:을|를)?\s?(?:했|하였)(?:는데|지만|더니|으나)")


class _Limit(NamedTuple):
    """How sure a match may be at most, and why."""

    confidence: float
    why: str


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
        self._slang = frozenset(letters for text in ways for letters in _INITIALS.findall(read(text).spaced))
        self._elsewhere = Lexicon((name, 0) for name in city.routing.elsewhere)
        self._exact = _exact(self._entries)
        self._not = [{key for reading in entry.against for key in keys(reading)} for entry in self._entries]
        self._glance = Space([_all_grams(entry) for entry in self._entries])

    def keep(self, kept: Kept) -> None:
        self._kept = kept

    def warm(self) -> None:
        """Loads now what else is loaded with the first unsure question."""
        if self._ids:
            _ = self._trust

    def classify(self, messages: Sequence[Message]) -> list[tuple[Finding, ...]]:
        return [self._findings(message) for message in messages]

    def _findings(self, message: Message) -> tuple[Finding, ...]:
        whole = reading_of(message)
        if len(whole.spaced) > _MOST_CHARACTERS:
            return ()
        asked = [core(whole.spaced), *((core(message.text),) if self._is_general(message) else ())]
        asked = [one for one in asked if one.words]
        unheard = self._unheard(whole)
        for one in () if unheard else asked:
            if exact := self._word_for_word(one):
                return exact
        if not asked or not self._ids:
            return ()
        limit = self._limit(whole, min(len(one.tight) for one in asked))
        if unheard:
            limit = _Limit(min(limit.confidence, 0.7), limit.why or f"not to be read: '{unheard}'")
        if limit.confidence <= _DEMAND or len(asked[0].tight) > _LONG_CHARACTERS:
            return self._glanced(asked[0], limit)
        return max((self._matched(one, limit) for one in asked), key=_surest, default=())

    def _is_general(self, message: Message) -> bool:
        """Whether there is a subject, and it says nothing beside the text: only then the text may be asked alone."""
        if not message.subject or self._unheard(read(message.subject)):
            return False
        text = read(message.text).tight
        said = (word for word in core(message.subject).words if not _GENERAL.match(word))
        return all(len(word) > 1 and word[:2] in text for word in said)

    def _unheard(self, whole: Reading) -> str:
        """Returns what stands in a text for words and is none, "" when that is nothing."""
        if found := _ALARMING.search(whole.spaced):
            return found.group()
        letters = (one for one in _INITIALS.findall(whole.spaced) if one not in self._slang)
        return next((one for one in letters if not _SLANG.fullmatch(one)), "")

    def _word_for_word(self, asked: Reading) -> tuple[Finding, ...]:
        for key in keys(asked):
            entries = self._exact.get(key, ())
            if len(entries) == 1 and key not in self._not[entries[0]]:
                because = f"word for word: '{self._names[entries[0]]}'"
                return (Finding("faq", self._ids[entries[0]], _EXACT, because=because, lead=0.9),)
        return ()

    def _glanced(self, asked: Reading, limit: _Limit) -> tuple[Finding, ...]:
        """Returns what an officer may want to see where no answer goes out by itself: the cheap look is enough."""
        near = self._glance.near(self._glance.places(character_grams(asked)))
        best = int(near.argmax())
        confidence = round(min(float(near[best]), limit.confidence), 4)
        if near[best] < _LEAST:
            return ()
        return (Finding("faq", self._ids[best], confidence, f"like '{self._names[best]}'; {limit.why}", lead=0.0),)

    def _limit(self, whole: Reading, length: int) -> _Limit:
        """Returns how sure a match may be at most with what else the text does."""
        speech = speech_of(whole)
        if speech.act == "demand":
            return _Limit(_DEMAND, f"asks for action: '{speech.word}'")
        if hits := [hit for hit in self._elsewhere.hits(whole) if hit.at_word]:
            return _Limit(0.6, f"another city: '{hits[0].phrase}'")
        if speech.place:
            return _Limit(0.7, f"a concrete place: '{speech.place}'")
        if found := _OWN_CASE.search(whole.spaced):
            return _Limit(0.7, f"a case of their own: '{found.group()}'")
        if length > _LONG_CHARACTERS or (speech.act == "statement" and length > _STATEMENT_CHARACTERS):
            return _Limit(0.7, "a story rather than a question")
        return _Limit(1.0, "")

    def _matched(self, asked: Reading, limit: _Limit) -> tuple[Finding, ...]:
        if float(self._glance.near(self._glance.places(character_grams(asked))).max(initial=0.0)) < _NEAR:
            return ()
        # Learned before anything is asked that is not of the city: what is learned from is kept.
        _ = self._trust
        match = self._matcher.match(self._matcher.taken(asked))
        if match and (unread := self._unread(asked, match.entry)):
            limit = _Limit(min(limit.confidence, 0.7), limit.why or f"not to be read: '{unread}'")
        return self._graded(match, limit) if match else ()

    def _unread(self, asked: Reading, entry: int) -> str:
        """Returns a word of no letters that the matcher reads, unless the entry has it; "" when there is none."""
        known = {word for way in self._entries[entry].ways for word in way.words}
        return next((word for word in asked.words if word not in known and _UNREAD.fullmatch(word)), "")

    def _graded(self, match: Match, limit: _Limit) -> tuple[Finding, ...]:
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
        matters = [cores(topic.examples) for topic in self._city.topics]
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
        wordings = sum(len(entry.ways) + len(entry.against) for entry in self._entries)
        with self._morphemes.own():
            found = calibrated(self.trials(every=max(wordings // _MOST_TRIED, 1)), self._city.answer_precision)
        self._morphemes.keep(all_asked=True)
        remember(self._kept, made_by, found)
        return found

    def trials(self, every: int = 1) -> list[Trial]:
        """Returns what comes of asking the table of questions its own sentences, of one in so many of them."""
        bank = self._bank()
        told = [one for one in bank if speech_of(one).act == "statement" and self._may_ask(one)]
        return list(trials(self._matcher, Strangers(told, foreign_words(self._matcher, bank), self._may_ask), every))

    def _bank(self) -> list[Reading]:
        """Returns the sentences that the city's tables hold about other things than its questions."""
        topics = (text for topic in self._city.topics for text in topic.examples)
        rules = (text for rule in self._city.routing.rules for text in (*rule.examples, *rule.not_examples))
        return list(cores((*topics, *rules)))

    def _may_ask(self, one: Reading) -> bool:
        return self._limit(one, len(one.tight)).confidence >= SURE


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
