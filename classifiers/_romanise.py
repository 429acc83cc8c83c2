"""Korean names in Latin letters, in the spellings that people use: by sound, letter by letter, without marks."""

from itertools import pairwise


def _letters(table: str) -> list[str]:
    return ["" if letter == "-" else letter for letter in table.split()]


# The Revised Romanisation of the first, middle and last letters of a syllable, in the order of Unicode.
_FIRST = _letters("g kk n d tt r m b pp s ss - j jj ch k t p h")
_MIDDLE = _letters("a ae ya yae eo e yeo ye o wa wae oe yo u wo we wi yu eu ui i")
_LAST = _letters("- k k k n n n t l k m l l l p l m p p t t ng t t k t p t")
# What McCune and Reischauer wrote, without the marks that keyboards lack.
_OLD_FIRST = _letters("k kk n t tt r m p pp s ss - ch tch ch' k' t' p' h")
_OLD_MIDDLE = _letters("a ae ya yae o e yo ye o wa wae oe yo u wo we wi yu u ui i")
_VOICED = {"k": "g", "t": "d", "p": "b", "ch": "j"}
_SONANTS = frozenset({"", "n", "m", "ng", "l"})
# Before a vowel the last letter is spoken with the next syllable.
_LINKED = {"k": "g", "t": "d", "p": "b", "l": "r"}
_NASAL = {"k": "ng", "t": "n", "p": "m"}


def romanised(name: str) -> frozenset[str]:
    """Returns the spellings of a name in Hangul, digits kept: 신림 gives sillim, sinlim, shillim, …"""
    spoken = _spoken(name)
    plain = "".join(map(_plain, name))
    found = {spoken, plain, plain[:1] + plain[1:].replace("r", "l"), _old(name), spoken.replace("eo", "u")}
    return frozenset({*found, *(spelling.replace("si", "shi") for spelling in (spoken, _old(name)))})


def _parts(character: str) -> tuple[int, int, int] | None:
    code = ord(character) - 0xAC00
    return (code // 588, code % 588 // 28, code % 28) if 0 <= code < 11172 else None


def _plain(character: str) -> str:
    parts = _parts(character)
    return f"{_FIRST[parts[0]]}{_MIDDLE[parts[1]]}{_LAST[parts[2]]}" if parts else character


def _syllables(name: str, first: list[str], middle: list[str]) -> list[list[str]]:
    found = [(_parts(character), character) for character in name]
    return [[first[p[0]], middle[p[1]], _LAST[p[2]]] if p else ["", c, ""] for p, c in found]


def _spoken(name: str) -> str:
    """Returns the Revised Romanisation, with the sounds that meet changed as they are spoken."""
    syllables = _syllables(name, _FIRST, _MIDDLE)
    for one, two in pairwise(syllables):
        one[2], two[0] = _meeting(one[2], two[0], starts_with_vowel=two[1][:1] in "aeiouwy")
    return "".join(["".join(syllable) for syllable in syllables])


def _meeting(last: str, first: str, *, starts_with_vowel: bool) -> tuple[str, str]:
    if not first:
        return ("", _LINKED[last]) if last in _LINKED and starts_with_vowel else (last, first)
    if first == "r" and last in ("n", "l"):
        return "l", "l"
    if first == "n" and last == "l":
        return "l", "l"
    if first == "r" and last:
        return _NASAL.get(last, last), "n"
    if first in ("n", "m"):
        return _NASAL.get(last, last), first
    return last, first


def _old(name: str) -> str:
    """Returns McCune-Reischauer: a sound between voiced ones is written voiced."""
    syllables = _syllables(name, _OLD_FIRST, _OLD_MIDDLE)
    for one, two in pairwise(syllables):
        last, first = _meeting(one[2], two[0], starts_with_vowel=two[1][:1] in "aeiouwy")
        if one[2] in _SONANTS and first == two[0]:
            first = _VOICED.get(first, first)
        one[2], two[0] = last, first
    return "".join(["".join(syllable) for syllable in syllables]).replace("'", "")
