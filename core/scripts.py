"""Whether a text says something in two languages: what was understood of it may be the lesser half."""

import re

_HANGUL = re.compile(r"[가-힣]")
_HAN_AND_KANA = re.compile(r"[㐀-鿿぀-ヿ]")
_CYRILLIC = re.compile(r"[Ѐ-ӿ]")
# Vietnamese letters that no other language here has.
_VIETNAMESE = re.compile(r"[ăđơưạ-ỹ]", re.IGNORECASE)
_LATIN_WORD = re.compile(r"[a-zà-ỹ']{2,}", re.IGNORECASE)
_ADDRESSES = re.compile(r"\S+@\S+|https?://\S+|www\.\S+")
# Fewer are names and borrowed words: "subway fare 얼마예요", 大路.
_LEAST_HANGUL, _LEAST_HAN, _LEAST_CYRILLIC, _LEAST_LATIN = 4, 4, 6, 4


def speaks_twice(text: str) -> bool:
    """Whether there is a Korean part and one in another language, each long enough to say something."""
    if text.isascii() or len(_HANGUL.findall(text)) < _LEAST_HANGUL:
        return False
    text = _ADDRESSES.sub(" ", text)
    words = _LATIN_WORD.findall(text)
    return (
        len(_HAN_AND_KANA.findall(text)) >= _LEAST_HAN
        or len(_CYRILLIC.findall(text)) >= _LEAST_CYRILLIC
        or len(words) >= _LEAST_LATIN
        or (len(words) > 1 and _VIETNAMESE.search(text) is not None)
    )
