"""Whether two texts say the same: small edits do not matter; another place, time, number or thing does."""

import re
from collections.abc import Collection, Iterable, Sequence, Set
from functools import lru_cache
from typing import NamedTuple

from cases._stems import HARD, REQUESTS, apart, bare, canon, is_light, is_particle, may_be_misspelt
from core.text import fold

_MOST_CHARACTERS = 8_000
_WORD = re.compile(
    r"\d+(?:[-.,:/]\d+)*(?:번지|번|호선|호|층|동|단지|시|분|일|월|년|개|원|차|대|명|km|m(?![^\W\d_]))?|[^\W\d_]+"
)
# Which of two places comes first says which way.
_WAY = re.compile(r"[가-힣](?:에서|부터|까지|방향|방면|행)(?![가-힣])|\bfrom\b")
_LAUGH = re.compile(r"[ㄱ-ㅎㅏ-ㅣ\u1100-\u11ff]+")
# What is longer is rare and would make the memory of the cache a sender's choice.
_KNOWN, _KNOWN_CHARACTERS = 2_048, 1_000
# Of so many words one may be said by only one of the two.
_WORDS_A_SLIP = 6
_MOST_SLIPS = 4
_LEAST_SHARED = 3
_LONGEST_GLUED = 40


class Said(NamedTuple):
    """What a text says: `firm` exactly, `loose` up to endings and slips of the hand. `whole` is all of it without
    blanks and signs, for what says nothing but courtesies; `is_way` when it says from where to where."""

    firm: tuple[str, ...]
    loose: frozenset[str]
    words: tuple[str, ...]
    whole: str
    is_way: bool


def says(text: str) -> Said:
    """Returns what a text says; the same text gives the same."""
    return _known(text) if len(text) <= _KNOWN_CHARACTERS else _said(text[:_MOST_CHARACTERS])


def is_same(one: Said, other: Said) -> bool:
    """Whether both say the same, whichever comes first."""
    if one.whole == other.whole:
        return bool(one.whole)
    if not (one.words and other.words):
        return False
    if _says_the_same(one, other):
        return True
    cut, by = _cut(one, other), _cut(other, one)
    return (cut is not one or by is not other) and _says_the_same(cut, by)


def _says_the_same(one: Said, other: Said) -> bool:
    if len(one.firm) != len(other.firm):
        return False
    ordered = one.is_way or other.is_way
    firm = one.firm == other.firm if ordered else set(one.firm) == set(other.firm)
    # Of what is nothing but requests and courtesies nobody knows what it is about.
    return firm and bool(one.firm or one.loose) and _agree(one.loose, other.loose)


def _said(text: str) -> Said:
    folded = apart(_LAUGH.sub(" ", fold(text)))
    spoken = _WORD.findall(folded)
    words = tuple([word for word in spoken if not is_light(word)])
    return _sorted(words, "".join(spoken), is_way=bool(_WAY.search(folded)))


_known = lru_cache(maxsize=_KNOWN)(_said)


def _sorted(words: Sequence[str], whole: str, *, is_way: bool) -> Said:
    firm: dict[str, None] = {}
    loose: set[str] = set()
    for word in words:
        kind, stem = canon(word)
        if kind == HARD:
            firm[stem] = None
        elif stem:
            loose.add(stem)
    return Said(tuple(firm), frozenset(loose), tuple(words), whole, is_way)


def _agree(one: Set[str], other: Set[str]) -> bool:
    """Whether the loose words are the same ones: up to misspellings, or a few of many that only one of them says."""
    here, there = one - other, other - one
    if not (one & REQUESTS and other & REQUESTS):
        here, there = here - REQUESTS, there - REQUESTS
    if max(len(here), len(there)) > _MOST_SLIPS:
        return False
    shared = len(one & other)
    for word in sorted(here):
        twin = next((w for w in sorted(there) if _is_slip(word, w)), None)
        if twin is not None:
            here, there, shared = here - {word}, there - {twin}, shared + 1
    if not here and not there:
        return shared > 0 or one == other
    if here and there:
        return False
    slips = min((shared + len(here) + len(there)) // _WORDS_A_SLIP, _MOST_SLIPS)
    return shared >= _LEAST_SHARED and len(here) + len(there) <= slips


def _is_slip(one: str, other: str) -> bool:
    """Whether these are one word of which a letter was mistyped: never a short one, nor one that may be a name."""
    if len(one) != len(other) or not (may_be_misspelt(one) and may_be_misspelt(other)):
        return False
    differing = [(a, b) for a, b in zip(one, other, strict=True) if a != b]
    return len(differing) == 1 and _is_near(*differing[0])


def _is_near(one: str, other: str) -> bool:
    """Whether two syllables share two of their three parts."""
    if not ("가" <= one <= "힣" and "가" <= other <= "힣"):
        return False
    a, b = ord(one) - 0xAC00, ord(other) - 0xAC00
    parts = (a // 588 == b // 588, a % 588 // 28 == b % 588 // 28, a % 28 == b % 28)
    return sum(parts) == len(parts) - 1


def _cut(said: Said, by: Said) -> Said:
    """Returns what is said with words that were written without blanks cut where the other text cuts them."""
    known = {word for word in by.words if len(word) > 1}
    known |= {stem for word in by.words if len(stem := bare(word)) > 1}
    stems = {*by.firm, *by.loose}
    words = [piece for word in said.words for piece in _pieces(word, known, stems)]
    return said if len(words) == len(said.words) else _sorted(words, said.whole, is_way=said.is_way)


def _pieces(word: str, known: Collection[str], stems: Set[str]) -> Iterable[str]:
    """Returns the pieces of a glued word when every one of them is a word of the other text, else the word."""
    if word in known or len(word) > _LONGEST_GLUED or canon(word)[1] in stems:
        return (word,)
    pieces: list[str] = []
    rest = word
    while rest:
        piece = next((rest[:n] for n in range(len(rest), 1, -1) if rest[:n] in known), "")
        if not piece:
            break
        pieces.append(piece)
        rest = rest[len(piece) :]
        if rest and is_particle(rest):
            rest = ""
        rest = _without_particle(rest, known)
    if not pieces or (rest and not is_light(rest) and canon(rest)[1] not in stems):
        return (word,)
    return (*pieces, rest) if rest and not is_light(rest) else tuple(pieces)


def _without_particle(rest: str, known: Collection[str]) -> str:
    """Returns the rest without a particle that stands before the next word."""
    for n in (1, 2, 3):
        if is_particle(rest[:n]) and any(rest[n:].startswith(word) for word in known):
            return rest[n:]
    return rest
