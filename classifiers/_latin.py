"""What is written in Latin letters: Vietnamese, with its marks or without, and Korean and Mongolian spelt in them."""

import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache

from classifiers._latin_words import (
    ENGLISH,
    KOREAN,
    KOREAN_PIECES,
    KOREAN_WEAK,
    MONGOLIAN,
    MONGOLIAN_WEAK,
    NOT_KOREAN,
    OTHERS,
    OTHERS_ALONE,
    PLACE_ENDS,
    VIETNAMESE,
    VIETNAMESE_WEAK,
)

Guess = tuple[str, float, str]

_MARKED = re.compile(r"[\u00c0-\u024f\u1e00-\u1eff]")
# No other language of ours writes these.
_OWN_MARKS = re.compile(r"[đơư\u1ea0-\u1ef9]")
_MARKS_OF_OTHERS = re.compile(r"[äöüßçñåøæœšžčćśłńşğıțșőűëïÿ]")
# A syllable of Vietnamese: how it may begin, its vowels, how it may end.
_SYLLABLE = re.compile(
    r"(?:ngh|ng|nh|ch|gh|gi|kh|ph|qu|th|tr|[bcdghklmnpqrstvxđ])?"
    r"(?:uye|uyu|oai|oay|oeo|uay|uoi|uou|ieu|yeu|uya|ia|ie|iu|ai|ao|au|ay|eo|eu|oa|oe|oi|oo|ua|ue|ui|uo|uu|uy|ye|[aeiouy])"
    r"(?:ng|nh|ch|[cmnpt])?"
)
_CLOSED = re.compile(r"[^aeiou](?:ng|nh|ch|[cmnpt])$")
_VIETNAMESE_SHAPE = re.compile(r"^(?:ngh?|nh|tr|kh|th|ph|gi|qu|ch)|(?:ng|nh|ch)$|uo|ie|uy|oa|ua|uu")
# Fewer syllables of this shape come together by chance in English, too.
_LEAST_SYLLABLES = 4
_KOREAN_MARKS = re.compile(r"[ŏŭ]")
# Vowels and consonants by turns, each in runs that Korean has; no letter can be read in two ways.
_KOREAN_WORD = re.compile(
    r"(?=.*[aeiou])(?!.*(?:c(?!h)|[wy](?![aeiouy])))(?:kk|tt|pp|ss|jj|t?ch|sh|[gkndtrlmbpsjh])?"
    r"(?:[aeiouyw]{1,5}[gkndtrlmbpsjhc]{1,4})*[aeiouyw]{0,5}(?<![jc])"
)
_KOREAN_END = re.compile(
    r"(?:[jc]u?s(?:e|ae|ey|ei)yy?o|(?:ha|ga|o|eu|u|ka|[mnlr]a|i)s(?:e|ae|ey|ei)yy?o|shipsio|sipsio|sibsio"
    r"|h(?:ae|e|ea)yy?o|(?:eo|ae|a|yeo|wo|o|uh|u|ye|e)yy?o|naa?yo|[kg]+ayo|neyy?o|neundeyo|geodeunyo|janayo|jyo|jiyo|gunyo"
    r"|[ptbm]ni(?:da|kka|ka|ta)|m?nida|nikka|(?:su|seu)[mbp]?nida|sumnikka|haess?eo|haejwo|juseo|haji|dago|neunde|hago|eseo|kkaji|buteo)$"
)
_STRONG_VOWEL = re.compile(r"eo|eu(?!r\b)|ssu|kk|jj|wae|(?<=\w)oe|yae|tteo|bb?eob|gyeo|hwa")
# Of Korean by the official spelling every eighth letter or so begins such a vowel.
_LETTERS_A_VOWEL = 10
# Of fewer letters, or fewer words all of which can be spelt so, it may be chance.
_LEAST_LETTERS, _LEAST_SPELT = 9, 5
_KOREAN_PIECE = re.compile("|".join(sorted(KOREAN_PIECES)))
_LONG_VOWEL = re.compile(r"aa|uu|ii(?!$)|(?:ee|oo)(?=[bdghlnrsx]+[aeiou]|[rsxh]?$)")
_MONGOLIAN_END = re.compile(
    r"(?:[bdghklmnrstvz]iin|uulah|uuleh|uulax|uulex|aar|eer|oor|aas|ees|oos|tai|toi|gui|guu|huu|uu|aad|eed|ood|aan|een|lah|leh|loh|dag|deg"
    r"|san|sen|son|saan|seen|laa|lee|loo|maar|meer|chih|gaad|geed|laach|leech|nii|giin|uud|tei)$"
)
# What the keys of Hangul stand for on a keyboard that is set to English.
_KEYS_FIRST, _KEYS_VOWEL = "[rsefaqtdwczxvg]", "(?:hk|ho|hl|nj|np|nl|ml|[koijpuhynbml])"
_KEYS_LAST = "(?:rt|sw|sg|fr|fa|fq|ft|fx|fv|fg|qt|[rsefaqtdwczxvg])"
_BLIND = re.compile(rf"(?:{_KEYS_FIRST}{_KEYS_VOWEL}(?:{_KEYS_LAST}(?!{_KEYS_VOWEL}))?)+")
_BLIND_SYLLABLE = re.compile(f"{_KEYS_FIRST}{_KEYS_VOWEL}")
# 요, 다, 까, 죠.
_BLIND_ENDS = ("dy", "ek", "rk", "wy")
# Two syllables are also abbreviations; whoever has typed more than so many words has seen what comes out.
_LEAST_BLIND, _MOST_BLIND = 3, 8
# From here on half of the words are English ones: the rest are names and slips.
_PLAINLY = 0.5
# Words of English that are syllables of others, too.
_LITTLE = frozenset(
    ("a", "i", "an", "am", "me", "we", "he", "do", "go", "so", "no", "to", "in", "on", "us", "be", "can")
)


def latin_language(words: Sequence[str]) -> Guess | None:
    """Returns the language of words in Latin letters, how sure, and why; None when none of ours can be seen."""
    text = " ".join(words)
    if _MARKED.search(text):
        return _marked(words, text)
    plain = [word for word in words if word.isalpha()]
    if not plain:
        return None
    english = _share(plain, ENGLISH)
    if english >= _PLAINLY and any(word in ENGLISH and word not in _LITTLE for word in plain):
        return "en", _sure(plain, english), "English words"
    guesses = [found for found in (_bare_vietnamese(plain), _korean(plain), _mongolian(plain)) if found]
    if guesses:
        best = max(guesses, key=lambda guess: guess[1])
        if best[1] > english:
            return best[0], round(min(0.55 + best[1] / 3, 0.9), 2), best[2]
    if _is_of_others(plain, english):
        return "other", 0.8, "words of another language"
    if english >= 0.25:
        return "en", _sure(plain, english), "English words"
    if len(plain) <= _MOST_BLIND and _is_blind(plain):
        return "ko", 0.6, "Korean, typed with the keyboard set to English"
    return _by_sound(plain)


def _sure(words: Sequence[str], english: float) -> float:
    """Returns how sure English is: of one word anybody may know it."""
    return 0.5 if len(words) == 1 else 0.95 if english * len(words) > 1 else 0.75


def _marked(words: Sequence[str], text: str) -> Guess | None:
    if _KOREAN_MARKS.search(text) and not _MARKS_OF_OTHERS.search(text):
        korean = sum(_is_korean_word(_without_marks(word)) for word in words)
        if korean * 3 >= len(words) * 2:
            return "ko", 0.7, "Korean in Latin letters"
    fits = sum(_is_syllable(word) for word in words)
    if _OWN_MARKS.search(text) and fits * 2 >= len(words):
        return "vi", 0.95, "Vietnamese letters"
    if fits * 4 >= len(words) * 3 and not _MARKS_OF_OTHERS.search(text):
        return "vi", 0.9 if len(words) > 1 else 0.7, "Vietnamese syllables"
    if len(words) == 2 and any(_CLOSED.search(word) and _is_syllable(word) for word in words if not word.isascii()):
        return "vi", 0.7, "Vietnamese syllables"
    if len(_OWN_MARKS.findall(text)) * 20 > len(text):
        return "vi", 0.8, "Vietnamese letters"
    return None


def _bare_vietnamese(words: Sequence[str]) -> Guess | None:
    """Vietnamese as it is typed in haste: every word one syllable, most of them common ones."""
    strong, weak = (sum(word in table for word in words) for table in (VIETNAMESE, VIETNAMESE_WEAK))
    fits = sum(_is_syllable(word) for word in words)
    if not strong or fits * 4 < len(words) * 3:
        return None
    score = (strong + 0.4 * weak) / len(words)
    return ("vi", min(score + 0.25, 1.5), "Vietnamese without marks") if score >= 0.3 else None


def _korean(words: Sequence[str]) -> Guess | None:
    """Korean spelt by any of its romanisations, or none; names of places alone are no Korean."""
    said = [word for n, word in enumerate(words) if word not in PLACE_ENDS and not _is_before_place_end(words, n)]
    if not said:
        return None
    known, weak = (sum(word in table for word in said) for table in (KOREAN, KOREAN_WEAK))
    fits = [word for word in said if _is_korean_word(word)]
    ends = sum(len(word) > 3 and word not in KOREAN and _KOREAN_END.search(word) is not None for word in fits)
    against = sum(word in NOT_KOREAN for word in said)
    evidence = known + 1.2 * ends + 0.3 * weak + 0.3 * sum(_STRONG_VOWEL.search(word) is not None for word in fits)
    evidence -= 1.5 * against
    if (known + ends) == 0 or (len(fits) + known) * 5 < len(said) * 3:
        return None
    score = evidence / len(said)
    return ("ko", min(score + 0.2, 1.5), "Korean in Latin letters") if score >= 0.3 else None


def _mongolian(words: Sequence[str]) -> Guess | None:
    strong, weak = (sum(word in table for word in words) for table in (MONGOLIAN, MONGOLIAN_WEAK))
    ends = sum(len(w) > 4 and w not in MONGOLIAN and _MONGOLIAN_END.search(w) is not None for w in words)
    if not strong:
        return None
    score = (strong + 0.4 * weak + 0.5 * ends) / len(words)
    return ("mn", min(score + 0.2, 1.5), "Mongolian in Latin letters") if score >= 0.3 else None


def _by_sound(words: Sequence[str]) -> Guess | None:
    """Returns one of ours where no word is known, but all sound like it and some like nothing else."""
    fits = sum(_is_korean_word(word) for word in words)
    strong = sum(len(_STRONG_VOWEL.findall(word)) for word in words)
    letters = sum(map(len, words))
    # Written syllable by syllable, some look like little words of other languages.
    is_spelt = fits == len(words) >= _LEAST_SPELT and strong > 1
    if not is_spelt and sum(word in NOT_KOREAN or word in OTHERS for word in words) * 6 > len(words):
        return None
    if fits * 5 >= len(words) * 4 and letters >= _LEAST_LETTERS:
        if len(words) > 1 and _KOREAN_END.search("".join(words[-3:])):
            return "ko", 0.6, "ends like Korean in Latin letters"
        if (strong * _LETTERS_A_VOWEL >= letters and strong > 1) or any(_KOREAN_PIECE.search(word) for word in words):
            return "ko", 0.55, "sounds like Korean in Latin letters"
    if len(words) >= _LEAST_SYLLABLES and sum(map(_is_syllable, words)) * 10 >= len(words) * 9:
        typical = sum(_VIETNAMESE_SHAPE.search(word) is not None for word in words)
        if typical * 2 >= len(words):
            return "vi", 0.6, "sounds like Vietnamese without marks"
    long = sum(_LONG_VOWEL.search(word) is not None for word in words)
    if len(words) > 2 and long * 2 >= len(words) and any(_MONGOLIAN_END.search(word) for word in words):
        return "mn", 0.55, "sounds like Mongolian in Latin letters"
    return None


def _is_of_others(words: Sequence[str], english: float) -> bool:
    known = sum(word in OTHERS for word in words)
    return known > english * len(words) and (known * 5 > len(words) if known > 1 else words[0] in OTHERS_ALONE)


def _share(words: Sequence[str], table: frozenset[str]) -> float:
    return sum(word in table for word in words) / len(words)


def _is_before_place_end(words: Sequence[str], n: int) -> bool:
    return n + 1 < len(words) and words[n + 1] in PLACE_ENDS


def _is_blind(words: Sequence[str]) -> bool:
    """Whether every word is a row of Hangul syllables for who looks at the keys, and the last ends as sentences do."""
    if not words[-1].endswith(_BLIND_ENDS) or not all(_BLIND.fullmatch(word) for word in words):
        return False
    return sum(len(_BLIND_SYLLABLE.findall(word)) for word in words) >= _LEAST_BLIND


@lru_cache(maxsize=8_192)
def _is_syllable(word: str) -> bool:
    return len(word) < 8 and _SYLLABLE.fullmatch(_without_marks(word)) is not None


@lru_cache(maxsize=8_192)
def _is_korean_word(word: str) -> bool:
    return len(word) < 40 and _KOREAN_WORD.fullmatch(word) is not None


def _without_marks(word: str) -> str:
    if word.isascii():
        return word
    plain = unicodedata.normalize("NFD", word.replace("đ", "d"))
    return "".join([character for character in plain if not unicodedata.combining(character)])
