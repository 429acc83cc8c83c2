"""Which language a message is written in: by its letters, and by lingua where languages share them."""

import re
from collections.abc import Sequence
from functools import cached_property

from lingua import Language as Tongue
from lingua import LanguageDetector, LanguageDetectorBuilder

from classifiers._text import Reading, phrases, reading_of
from classifiers.base import Classifier
from config.schema import City
from core.decision import Finding
from core.message import Message

_MOST_WORDS, _MOST_CHARACTERS = 60, 600
_LETTERS = re.compile(
    r"(?P<hangul>[가-힣ㄱ-ㆎ\u1100-\u11ff]+)|(?P<kana>[\u3041-\u30ff]+)|(?P<han>[\u3400-\u9fff]+)"
    r"|(?P<latin>[a-z\u00c0-\u024f\u1e00-\u1eff]+)|(?P<cyrillic>[\u0400-\u04ff]+)|(?P<other>[^\W\d_])"
)
_PLAIN_KOREAN = re.compile(r"\d*[가-힣][가-힣\d]*")
_MOST_PLAIN = 300
_VIETNAMESE = re.compile(r"[ăđơưĩũ\u1ea0-\u1ef9]")
_MONGOLIAN = re.compile(r"[өү]")
# Kazakh, Kyrgyz, Tatar and Bashkir share ө and ү with Mongolian, these not.
_TURKIC = re.compile(r"[ңқғәһұіҡҙҫ]")
_SIMPLIFIED = re.compile(r"[们这请问电话车边费时间钱业为么垃圾办证]")
_ENGLISH = frozenset(
    phrases(
        """a|an|the|is|are|am|was|were|be|do|does|did|have|has|had|can|could|will|would|should|may|i|you|he|she|it|we
        they|my|your|our|their|me|us|to|of|in|on|at|for|from|with|by|and|or|not|no|what|where|when|who|why|how|which
        this|that|there|here|please|hello|hi|thank|thanks|help|need|want|if|but|about|much|many"""
    )
)
_ROMANISED = re.compile(
    r"\b(annyeong\w*|\w+(haseyo|juseyo|seyo|hamnida|imnida|seumnida|nayo)|eodi\w*|eonje\w*|eotteoke|"
    r"ssure?gi|sseuregi|bulbeop|jucha|singo|gamsa\w*|gusok)\b"
)
_KOREAN_END = re.compile(r"(?:요|다|까|죠|지|네|나|라|에|에서|은|는|을|를)$")
_TONGUES = {
    Tongue.ENGLISH: "en",
    Tongue.VIETNAMESE: "vi",
    Tongue.MONGOLIAN: "mn",
}
_OTHER_TONGUES = (
    Tongue.FRENCH, Tongue.GERMAN, Tongue.SPANISH, Tongue.PORTUGUESE, Tongue.ITALIAN, Tongue.INDONESIAN,
    Tongue.TAGALOG, Tongue.TURKISH, Tongue.RUSSIAN, Tongue.KAZAKH,
)  # fmt: skip
_KNOWN = frozenset({"ko", "en", "zh", "ja", "vi", "mn"})

Guess = tuple[str, float, str]


class Language(Classifier):
    """Says ko, en, zh, ja, vi, mn or other, always exactly one; texts without words are taken for Korean, unsure."""

    def __init__(self, city: City) -> None:
        pass

    def classify(self, messages: Sequence[Message]) -> list[tuple[Finding, ...]]:
        return [(self._finding(message),) for message in messages]

    def _finding(self, message: Message) -> Finding:
        value, confidence, because = self._guess(reading_of(message), message.language)
        return Finding("language", value, confidence, because=because)

    def _guess(self, reading: Reading, hint: str) -> Guess:
        if _PLAIN_KOREAN.fullmatch(reading.tight, 0, _MOST_PLAIN):
            return "ko", 0.99, "all letters are Hangul"
        words = reading.words[:_MOST_WORDS]
        counts = _letters(words)
        if not counts:
            known = hint[:2].lower()
            return (known, 0.5, "the channel's word for it") if known in _KNOWN else ("ko", 0.3, "no words in it")
        total = sum(counts.values())
        if counts.get("hangul", 0) == total:
            return "ko", 0.99, "all letters are Hangul"
        script = _leading(counts)
        share = f"{counts[script] * 100 // total} % of the letters are {script}"
        if script == "hangul":
            if counts.get("latin") and _is_english_with_names(words):
                return "en", 0.75, "English function words, Korean names"
            return "ko", 0.95 if counts[script] * 2 > total else 0.75, share
        return self._by_script(script, counts, words, share)

    def _by_script(self, script: str, counts: dict[str, int], words: Sequence[str], share: str) -> Guess:
        if script == "latin":
            return self._latin(words, counts, share)
        if script == "cyrillic":
            return self._cyrillic(" ".join(words)[:_MOST_CHARACTERS], share)
        if script == "kana" or (script == "han" and counts.get("kana")):
            return "ja", 0.95, share
        if script == "han":
            return ("zh", 0.95 if _SIMPLIFIED.search("".join(words)) else 0.8, share)
        return "other", 0.9, share

    def _latin(self, words: Sequence[str], counts: dict[str, int], share: str) -> Guess:
        text = " ".join(words)[:_MOST_CHARACTERS]
        if len(_VIETNAMESE.findall(text)) * 25 > len(text):
            return "vi", 0.95, "Vietnamese letters"
        if _ROMANISED.search(text):
            return "ko", 0.6, "Korean in Latin letters"
        plain = sum(word in _ENGLISH for word in words)
        if plain * 4 >= len(words) and text.isascii():
            return "en", 0.95 if plain > 1 else 0.75, "English function words"
        if counts.get("hangul"):
            return ("ko", 0.6, "Korean words among Latin letters")
        if len(words) < 3:
            return "en", 0.5, share
        return self._lingua(text)

    def _cyrillic(self, text: str, share: str) -> Guess:
        if _TURKIC.search(text):
            return "other", 0.8, share
        if _MONGOLIAN.search(text):
            return "mn", 0.95, "Mongolian letters"
        return self._lingua(text)

    def _lingua(self, text: str) -> Guess:
        best = self._detector.compute_language_confidence_values(text)[0]
        value = _TONGUES.get(best.language, "other")
        return value, round(min(best.value, 0.95), 4), f"looks like {best.language.name.title()}"

    @cached_property
    def _detector(self) -> LanguageDetector:
        languages = (*_TONGUES, *_OTHER_TONGUES)
        return LanguageDetectorBuilder.from_languages(*languages).with_low_accuracy_mode().build()


def _is_english_with_names(words: Sequence[str]) -> bool:
    korean = [word for word in words if "가" <= word[0] <= "힣"]
    return sum(word in _ENGLISH for word in words) > 1 and not any(_KOREAN_END.search(word) for word in korean)


def _letters(words: Sequence[str]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for match in _LETTERS.finditer(" ".join(words)):
        script = str(match.lastgroup)
        counts[script] = counts.get(script, 0) + match.end() - match.start()
    return counts


def _leading(counts: dict[str, int]) -> str:
    # A syllable of Hangul says as much as two or three letters: Korean with "Wi-Fi" in it stays Korean.
    weights = {"hangul": 2.0, "kana": 2.0, "han": 2.0}
    return max(counts, key=lambda script: (counts[script] * weights.get(script, 1.0), script))
