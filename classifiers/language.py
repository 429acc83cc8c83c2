"""Which language a message is written in: by its letters, its words and spelling, and by lingua where these do not
tell."""

import re
from collections.abc import Sequence
from functools import cached_property
from math import exp, log

from lingua import Language as Tongue
from lingua import LanguageDetector, LanguageDetectorBuilder

from classifiers._cyrillic import leaning
from classifiers._han import han_language
from classifiers._latin import latin_language
from classifiers._latin_words import GRAMMAR
from classifiers._text import MOST_CHARACTERS, Reading, phrases, read, reading_of
from classifiers.base import Classifier
from config.schema import City
from core.decision import Finding
from core.message import Message

_MOST_WORDS, _MOST_CHARACTERS, _MOST_COUNTED = 60, 600, 4_000
_LETTERS = re.compile(
    r"(?P<hangul>[가-힣ㄱ-ㆎ\u1100-\u11ff]+)|(?P<kana>[\u3041-\u30ff]+)|(?P<han>[\u3400-\u9fff]+)"
    r"|(?P<latin>[a-z\u00c0-\u024f\u1e00-\u1eff]+)|(?P<cyrillic>[\u0400-\u04ff]+)|(?P<other>[^\W\d_])"
)
_PLAIN_KOREAN = re.compile(r"\d*[가-힣][가-힣\d]*")
_MOST_PLAIN = 300
# What is sent along and says nothing of the writer's language.
_SENT_ALONG = re.compile(r"(?:https?://|www\.)[^\s가-힣]+|[\w.+-]+@[\w-]+(?:\.[\w-]+)+|(?<!\w)@\w+|(?<!\w)#[^\s#]+")
_TAG = re.compile(r"#([^\s#]+)")
_KOREAN_END = re.compile(r"(?:요|다|까|죠|지|네|나|라|에|에서|은|는|을|를|이|가|로|도|의|좀|줘|함|음)$")
_NAME = re.compile(r"(?:구|동|로|길|역|시|청|대|공원|시장|아파트)$")
# Koreans write these in Latin letters; alone they are no English. So are words without a vowel.
_KOREANS_OWN = frozenset(
    phrases(
        """cctv|wifi|wi|fi|ktx|lh|sh|tv|led|app|qr|pc|pdf|id|url|sns|gps|ai|it|kt|sk|lg|kbs|mbc|sbs|gs|cu|atm|coex|ddp|ok|okay|no|yes|test
        asdf|qwer|zxcv|qwerty|as|vip|b1|b2|kakao|naver|google|youtube|x|o|a|b|c"""
    )
)
_VOWELLESS = re.compile(r"[bcdfghjklmnpqrstvwxz]+")
_TONGUES = {
    Tongue.ENGLISH: "en",
    Tongue.VIETNAMESE: "vi",
    Tongue.MONGOLIAN: "mn",
}
_LATIN_TONGUES = (
    Tongue.ENGLISH, Tongue.VIETNAMESE, Tongue.FRENCH, Tongue.GERMAN, Tongue.SPANISH, Tongue.PORTUGUESE, Tongue.ITALIAN,
    Tongue.INDONESIAN, Tongue.TAGALOG, Tongue.TURKISH,
)  # fmt: skip
_CYRILLIC_TONGUES = (Tongue.MONGOLIAN, Tongue.RUSSIAN, Tongue.KAZAKH)
_KNOWN = frozenset({"ko", "en", "zh", "ja", "vi", "mn"})
# From here down what is known of the writer counts more than the text.
UNSURE = 0.5
# How Cyrillic is spelt decides alone from here on; below, beside what lingua says, it counts so much.
_SPELLING_ALONE, _SPELLING_WEIGHT = 8.0, 1.5
_PLAIN = Finding("language", "ko", 0.99, because="all letters are Hangul")

Guess = tuple[str, float, str]


class Language(Classifier):
    """Says ko, en, zh, ja, vi, mn or other, always exactly one; texts without words are taken for Korean, unsure.

    Where the text says little, confidence is `UNSURE` at most, and what the channel says of the writer decides.
    """

    def __init__(self, city: City) -> None:
        pass

    def warm(self) -> None:
        self._latin_detector.compute_language_confidence_values("kiosk di mana")
        self._cyrillic_detector.compute_language_confidence_values("киоск")

    def classify(self, messages: Sequence[Message]) -> list[tuple[Finding, ...]]:
        return [(self._finding(message),) for message in messages]

    def _finding(self, message: Message) -> Finding:
        reading = reading_of(message)
        if _PLAIN_KOREAN.fullmatch(reading.tight, 0, _MOST_PLAIN):
            return _PLAIN
        value, confidence, because = self._guess(_spoken(reading))
        if confidence <= UNSURE and message.language:
            value, confidence, because = _hinted(message.language), UNSURE, "the channel's word for it"
        return Finding("language", value, confidence, because=because)

    def _guess(self, words: Sequence[str]) -> Guess:
        counts = _letters(words)
        if not counts:
            return "ko", 0.3, "no words in it"
        total = sum(counts.values())
        if counts.get("hangul", 0) == total:
            return "ko", 0.99, "all letters are Hangul"
        script = _leading(counts)
        share = f"{counts[script] * 100 // total} % of the letters are {script}"
        if script == "hangul":
            if counts.get("latin") and _is_english_with_names(words):
                return "en", 0.75, "English words, Korean names"
            return "ko", 0.95 if counts[script] * 2 > total else 0.75, share
        if script == "kana" or (script == "han" and counts.get("kana")):
            return "ja", 0.95, share
        if script == "han":
            return _han(words, counts)
        if script == "latin":
            return self._latin(words, counts)
        return self._cyrillic(words) if script == "cyrillic" else ("other", 0.9, share)

    def _latin(self, words: Sequence[str], counts: dict[str, int]) -> Guess:
        latin = _text_of([word for word in words if not "가" <= word[0] <= "힣"]).split()
        if counts.get("hangul") and _is_korean_with_latin(words):
            return "ko", 0.7, "Korean words among Latin letters"
        if all(word in _KOREANS_OWN or _VOWELLESS.fullmatch(word) or word.isdigit() for word in latin):
            return "ko", 0.4, "letters that Koreans use, too"
        found = latin_language(latin)
        if counts.get("hangul") and (found is None or found[0] in ("ko", "en")) and GRAMMAR.isdisjoint(latin):
            names = all(_NAME.search(word) for word in words if "가" <= word[-1] <= "힣")
            return found if found and names else ("ko", 0.6, "Korean words among Latin letters")
        if found is not None:
            return found
        if len(words) < 3:
            return "en", UNSURE, "a word in Latin letters"
        best = self._latin_detector.compute_language_confidence_values(" ".join(latin))[0]
        value = _TONGUES.get(best.language, "other")
        return value, round(min(max(best.value, 0.51), 0.95), 4), f"looks like {best.language.name.title()}"

    def _cyrillic(self, words: Sequence[str]) -> Guess:
        text = _text_of([word for word in words if "\u0400" <= word[0] <= "\u04ff"] or words)
        score = leaning(text.split())
        if abs(score) < _SPELLING_ALONE:
            values = self._cyrillic_detector.compute_language_confidence_values(text)
            likely = next((found.value for found in values if found.language == Tongue.MONGOLIAN), 0.0)
            score = _SPELLING_WEIGHT * score + log((likely + 0.001) / (1.001 - likely))
        sure = round(min(1 / (1 + exp(-abs(score))), 0.95), 4)
        return ("mn", sure, "spelt like Mongolian") if score > 0 else ("other", sure, "not spelt like Mongolian")

    @cached_property
    def _latin_detector(self) -> LanguageDetector:
        return _detector(*_LATIN_TONGUES)

    @cached_property
    def _cyrillic_detector(self) -> LanguageDetector:
        return _detector(*_CYRILLIC_TONGUES)


def _detector(*tongues: Tongue) -> LanguageDetector:
    return LanguageDetectorBuilder.from_languages(*tongues).with_low_accuracy_mode().build()


def _spoken(reading: Reading) -> Sequence[str]:
    """Returns the first words, without addresses, mentions and hashtags: these only where nothing else is said."""
    spaced = reading.spaced
    if "@" in spaced or "#" in spaced or "://" in spaced or "www." in spaced:
        words = read(_SENT_ALONG.sub(" ", spaced[:MOST_CHARACTERS])).words
        if not _letters(words):
            words = tuple(word for tag in _TAG.findall(spaced) for word in read(tag).words)
        return words[:_MOST_WORDS]
    return reading.words[:_MOST_WORDS]


def _hinted(hint: str) -> str:
    known = hint[:2].lower()
    return known if known in _KNOWN else "other"


def _han(words: Sequence[str], counts: dict[str, int]) -> Guess:
    if counts.get("hangul") and any(_KOREAN_END.search(word) for word in words if "가" <= word[-1] <= "힣"):
        return "ko", 0.75, "Korean words among Han characters"
    return han_language(_text_of(words))


def _text_of(words: Sequence[str]) -> str:
    return " ".join(words)[:_MOST_CHARACTERS]


def _is_english_with_names(words: Sequence[str]) -> bool:
    korean = [word for word in words if "가" <= word[-1] <= "힣"]
    return sum(word in GRAMMAR for word in words) > 1 and not any(_KOREAN_END.search(word) for word in korean)


def _is_korean_with_latin(words: Sequence[str]) -> bool:
    """Whether Korean makes the sentence, and English gives but words to it."""
    korean = sum(_KOREAN_END.search(word) is not None for word in words if "가" <= word[-1] <= "힣")
    return korean > 0 and korean * 2 >= sum(word in GRAMMAR for word in words)


def _letters(words: Sequence[str]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for match in _LETTERS.finditer(" ".join(words)[:_MOST_COUNTED]):
        script = str(match.lastgroup)
        counts[script] = counts.get(script, 0) + match.end() - match.start()
    return counts


def _leading(counts: dict[str, int]) -> str:
    # A syllable of Hangul says as much as two or three letters: Korean with "Wi-Fi" in it stays Korean.
    weights = {"hangul": 2.0, "kana": 2.0, "han": 2.0}
    return max(counts, key=lambda script: (counts[script] * weights.get(script, 1.0), script))
