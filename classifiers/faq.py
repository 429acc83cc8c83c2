"""Which FAQ a question asks for, if any: by its exact words, else by characters, else, where unsure, by morphemes."""

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property

from classifiers._grams import Space, Vector, character_grams, word_grams
from classifiers._match import Match, Matcher, Wordings
from classifiers._morphemes import Morphemes
from classifiers._speech import speech_of
from classifiers._text import Lexicon, Reading, phrases, read, reading_of
from classifiers.base import Classifier
from config.schema import City
from core.decision import Finding
from core.message import Message

SURE = 0.8
_EXACT = 0.98
# A second best, and what is nearer to a sentence that must not match, is a hint for an officer.
_DOUBTED = 0.45
# Below this nearness no wording has enough in common to ask Kiwi about.
_NEAR = 0.1
_LEAST = 0.15
# Who wants something done is given no answer; it is not even looked for.
_DEMAND = 0.0
# A letter of more is read by a person, whatever it asks.
_MOST_CHARACTERS = 1_000
_LONG_CHARACTERS, _STATEMENT_CHARACTERS = 80, 25
_HANGUL = re.compile(r"[가-힣]")
# Folding turns ㅋㅋ and ㅠㅠ into the conjoining letters of U+1100 to U+11FF.
_POLITE = re.compile(
    r"안녕\s?하(?:세요|십니까|세여)|수고\s?(?:하십니다|하세요|많으(?:십니다|세요)|가?\s?많으십니다)|반갑습니다|실례합니다|"
    r"(?:문의|질문)\s?(?:좀\s?)?(?:드립니다|드려요|드려봅니다|합니다|해요|할게요|있습니다|있어요)|여쭤\s?(?:봅니다|볼게요)|"
    r"궁금(?:합니다|해요|해서요|한데요|하네요)|(?:알려|가르쳐)\s?(?:주세요|주십시오|주실\s?수\s?있나요|줘요?)|"
    r"알고\s?싶(?:습니다|어요|은데요)|(?:답변|안내|회신)\s?(?:부탁\s?(?:드립니다|드려요|합니다)|바랍니다|주세요)|"
    r"부탁\s?(?:드립니다|드려요|합니다)|감사\s?(?:합니다|해요|드립니다)|고맙습니다|혹시|저기요|[\u1100-\u11ff]+|"
    r"\b(?:hello|hi|dear sir|please|thanks?|thank you|excuse me)\b"
)
_PARTICLE = re.compile(r"(?<=[^ ][^ ])(?:에서는|에서|은|는|이|가|을|를|의|도|로|으로|요|좀)(?= |\Z)")
_STOP = frozenset(phrases("a|an|the|is|are|do|does|i|to|of|in|my|me|it|can|for|on|at|and|be|have|s|t|you|am|seoul"))


class Faq(Classifier):
    """Finds FAQs, at most two. At least 0.8 means: asked with the FAQ's own sentences, this much similarity was
    right in 99 of 100. Whoever demands, names a concrete place or another city, or tells a long story stays below."""

    def __init__(self, city: City) -> None:
        self._ids = [faq.id for faq in city.faqs]
        self._names = [faq.question for faq in city.faqs]
        self._korean = [Wordings(_cores((f.question, *f.variants)), _cores(f.not_examples)) for f in city.faqs]
        self._english = [
            Wordings(_cores((f.en.question, *f.en.variants)) if f.en else _cores((f.id,)), ()) for f in city.faqs
        ]
        self._elsewhere = Lexicon((name, 0) for name in city.routing.elsewhere)
        self._exact = _keys((*self._korean, *self._english), len(city.faqs))
        self._not = [{key for reading in entry.against for key in _key(reading)} for entry in self._korean]
        self._glance = Space([_all_grams(entry) for entry in self._korean])

    def warm(self) -> None:
        """Loads now what else is loaded with the first unsure question."""
        if self._ids:
            _ = self._by_morphemes, self._by_words

    def classify(self, messages: Sequence[Message]) -> list[tuple[Finding, ...]]:
        return [self._findings(message) for message in messages]

    def _findings(self, message: Message) -> tuple[Finding, ...]:
        whole = reading_of(message)
        if len(whole.spaced) > _MOST_CHARACTERS:
            return ()
        cores = [_core(whole.spaced)]
        if message.subject:
            cores.append(_core(message.text))
        cores = [core for core in cores if core.words]
        for core in cores:
            if exact := self._word_for_word(core):
                return exact
        limit, why = self._limit(whole, min((len(core.tight) for core in cores), default=0))
        if _more_is_said(message.text):
            limit, why = min(limit, 0.7), why or "something else is said after the question"
        if limit < SURE:
            return self._glanced(cores[0], limit, why) if cores and limit > _DEMAND else ()
        graded = [self._graded(match, threshold) for core in cores for match, threshold in self._matches(core)]
        return max(graded, key=lambda findings: findings[0].confidence if findings else 0.0, default=())

    def _glanced(self, core: Reading, limit: float, why: str) -> tuple[Finding, ...]:
        """Returns what an officer may want to see where no answer goes out by itself: the cheap look is enough."""
        near = self._near(core)
        best = int(near.argmax()) if self._ids else 0
        confidence = round(min(float(near.max(initial=0.0)), limit), 4)
        if confidence < _LEAST:
            return ()
        return (Finding("faq", self._ids[best], confidence, f"like '{self._names[best]}'; {why}", lead=0.0),)

    def _near(self, core: Reading) -> Vector:
        return self._glance.near(self._glance.places(character_grams(core)))

    def _matches(self, core: Reading) -> Iterator[tuple[Match, float]]:
        if not self._ids:
            return
        if not _HANGUL.search(core.tight):
            matcher = self._by_words
        elif float(self._near(core).max(initial=0.0)) >= _NEAR:
            matcher = self._by_morphemes
        else:
            return
        if match := matcher.match(core):
            yield match, matcher.threshold

    def _word_for_word(self, core: Reading) -> tuple[Finding, ...]:
        for key in _key(core):
            entries = self._exact.get(key, ())
            if len(entries) == 1 and key not in self._not[entries[0]]:
                because = f"word for word: '{self._names[entries[0]]}'"
                return (Finding("faq", self._ids[entries[0]], _EXACT, because=because, lead=0.9),)
        return ()

    def _limit(self, whole: Reading, length: int) -> tuple[float, str]:
        """Returns how sure a match may be at most with what else the text does, and why."""
        speech = speech_of(whole)
        if speech.act == "demand":
            return _DEMAND, f"asks for action: '{speech.word}'"
        if hits := [hit for hit in self._elsewhere.hits(whole) if hit.at_word]:
            return 0.6, f"another city: '{hits[0].phrase}'"
        if speech.place:
            return 0.7, f"a concrete place: '{speech.place}'"
        if length > _LONG_CHARACTERS or (speech.act == "statement" and length > _STATEMENT_CHARACTERS):
            return 0.7, "a story rather than a question"
        return 1.0, ""

    def _graded(self, match: Match, threshold: float) -> tuple[Finding, ...]:
        confidence = _confidence(match.score, threshold)
        because = f"like '{self._names[match.entry]}'"
        if match.against:
            confidence = min(confidence, _DOUBTED)
            because += "; nearer to a sentence that must not match"
        if confidence < _LEAST:
            return ()
        best = Finding("faq", self._ids[match.entry], confidence, because, lead=round(match.lead, 4))
        second = min(_confidence(match.second_score, threshold), confidence, _DOUBTED)
        if match.second == match.entry or second < _LEAST:
            return (best,)
        return best, Finding("faq", self._ids[match.second], second, f"like '{self._names[match.second]}'", lead=0.0)

    @cached_property
    def _by_words(self) -> Matcher:
        return Matcher(self._english, character_grams, _english_words)

    @cached_property
    def _by_morphemes(self) -> Matcher:
        return Matcher(self._korean, character_grams, Morphemes())


def _more_is_said(text: str) -> bool:
    """Whether a question is followed by more than courtesy: what that is, no likeness of the question tells."""
    head, mark, rest = text.replace("？", "?").rpartition("?")
    return bool(mark and head) and len(_core(rest).tight) > 1


def _confidence(score: float, threshold: float) -> float:
    """Returns 0.8 at the threshold, less in proportion below, at most 0.96 above."""
    if score < threshold:
        return round(max(0.0, SURE * score / threshold - 0.005), 4)
    return round(min(SURE + 0.16 * (score - threshold) / max(1.3 - threshold, 0.1), 0.96), 4)


def _core(text: str) -> Reading:
    """Returns the reading of a text without greetings, thanks and polite tails."""
    spaced = read(text).spaced
    return read(_POLITE.sub(" ", spaced))


def _cores(texts: Iterable[str]) -> tuple[Reading, ...]:
    return tuple(_core(text) for text in texts)


def _all_grams(entry: Wordings) -> list[str]:
    return list(dict.fromkeys(gram for way in entry.ways for gram in character_grams(way)))


def _key(core: Reading) -> tuple[str, str]:
    """Returns what two spellings of the same question share: without blanks; without particles too."""
    return core.tight, "~" + _PARTICLE.sub("", " ".join(core.words)).replace(" ", "")


def _keys(entries: Sequence[Wordings], count: int) -> dict[str, tuple[int, ...]]:
    found: dict[str, list[int]] = {}
    for place, entry in enumerate(entries):
        for reading in entry.ways:
            for key in _key(reading):
                owners = found.setdefault(key, [])
                if place % count not in owners:
                    owners.append(place % count)
    return {key: tuple(owners) for key, owners in found.items() if key.strip("~")}


def _english_words(reading: Reading) -> list[str]:
    return [gram for gram in word_grams(reading) if gram not in _STOP]
