"""Words for the comparison of texts: which say nothing, which must be the same, and what they are without endings."""

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Literal

from cases import _stem_words as words

Kind = Literal["hard", "soft"]
HARD: Kind = "hard"
SOFT: Kind = "soft"
_KNOWN = 16_384
_LEAST_MISSPELT = 4
# What is longer is no word; it is compared as it stands.
_LONGEST = 40
# "조치하", "추워하": what is done is said before it.
_LEAST_DOING = 2
_LIGHT = frozenset(words.LIGHT)
_PARTICLE_WORDS = frozenset(words.PARTICLES)


def _any(table: Iterable[str]) -> str:
    return f"(?:{'|'.join(table)})"


_HANGUL = re.compile(r"[가-힣]+")
_DENIAL = re.compile(f"(?<![가-힣])(안|못)(?={_any(words.DENIED)})")
_OURS = re.compile(r"^(?:우리|저희)(?=.)")
_PARTICLE = re.compile(f"{_any(words.PARTICLES)}$")
_ENDING = re.compile(f"{_any(words.ENDINGS)}$")
# "막고 있다", "꺼져 있다": written in one, too.
_AUXILIARIES = ("있", "계시")
_AUXILIARY = re.compile(f"(?<=.){_any(_AUXILIARIES)}$")
_PLACE = f"(?!{_any(words.PLAIN_WORDS)}$)[가-힣]+{_any(words.PLACES)}"
_COUNT = f"{_any(words.NUMERALS)}{_any(words.COUNTED)}?"
_EXACT = re.compile("|".join([_PLACE, _any(words.WHERE), _any(words.WHEN), _COUNT, _any(words.NOT)]))
_DANGER = re.compile(f"(?!{_any(words.HARMLESS)}){_any(words.DANGER)}")
_THING = re.compile(_any(words.THINGS))

# Vowels that melted with the ending: 버려 is 버리어, 져 is 지어, 봐 is 보아, 줘 is 주어, 돼 is 되어; and 해 is 하여.
_MELTED = {6: 20, 9: 8, 14: 13, 10: 11}
_FIRST_OF_HAE, _AE, _A = 18, 1, 0
# ㄴ, ㅁ, ㅂ and ㅆ at the end of a stem are the ending's own.
_OPENED = frozenset({4, 16, 17, 20})


def apart(text: str) -> str:
    """Returns a folded text with 안 and 못 as words of their own."""
    return _DENIAL.sub(r"\1 ", text)


def is_particle(text: str) -> bool:
    return text in _PARTICLE_WORDS


def is_light(word: str) -> bool:
    """Whether a word says nothing of the matter."""
    return word in _LIGHT


def bare(word: str) -> str:
    """Returns a word without the particle at its end."""
    return _PARTICLE.sub("", word) if len(word) > 2 else word


def may_be_misspelt(stem: str) -> bool:
    """Whether another letter in it would be a slip of the hand, not another name or thing."""
    return len(stem) >= _LEAST_MISSPELT and canon(stem)[0] == SOFT


@lru_cache(maxsize=_KNOWN)
def canon(word: str) -> tuple[Kind, str]:
    """Returns what a word is compared by; `HARD` when nothing else may stand for it, "" when it says nothing."""
    if len(word) > _LONGEST or not _HANGUL.fullmatch(word):
        # A name of a place looks like any other word here, and is misread as easily.
        return HARD, bare(word)
    if _THING.match(word):
        noun = bare(word)
        return SOFT, _ALIKE.get(noun, noun)
    if _is_hard(word):
        return HARD, word
    if len(word) > 1 and _is_hard(noun := _PARTICLE.sub("", word)):
        return HARD, noun
    stem = _stem(_OURS.sub("", word))
    if stem in _NOTHING:
        return SOFT, ""
    stem = _ALIKE.get(stem, stem)
    return (HARD if _is_hard(stem) else SOFT), stem


def _is_hard(word: str) -> bool:
    return bool(_DANGER.match(word) or _EXACT.fullmatch(word))


def _stem(word: str) -> str:
    """Returns a word without its endings, "버려요" and "버립니다" as "버리"."""
    stem = word
    for _ in range(4):
        shorter = _AUXILIARY.sub("", _ENDING.sub("", stem, count=1))
        if not shorter or shorter == stem:
            break
        stem = shorter if shorter.endswith(_AUXILIARIES) else _open(shorter)
    stem = _open(bare(word)) if stem == word else stem
    return _open(stem[:-1]) if stem.endswith("하") and len(stem) > _LEAST_DOING else stem


def _open(stem: str) -> str:
    """Returns a stem with its last syllable as it is before any ending."""
    last = ord(stem[-1]) - 0xAC00
    if not 0 <= last < 11_172 or len(stem) < 2:
        return stem
    first, vowel, final = last // 588, last % 588 // 28, last % 28
    if final in _OPENED:
        final = 0
    if final == 0:
        vowel = _A if (first, vowel) == (_FIRST_OF_HAE, _AE) else _MELTED.get(vowel, vowel)
    return stem[:-1] + chr(0xAC00 + first * 588 + vowel * 28 + final)


def _opened(table: Iterable[str]) -> frozenset[str]:
    """Returns the stems as they are found, and as they are written in the table."""
    return frozenset(form for word in table for form in (word, _open(word)))


_NOTHING = _opened((*words.NOTHING, *words.LIGHT_STEMS))
_ALIKE = {form: alike[0] for alike in words.ALIKE for form in _opened(alike)}
REQUESTS = frozenset(_ALIKE.get(form, form) for form in _opened(words.REQUESTS))
