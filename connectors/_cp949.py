"""What a Korean text message can carry: the characters of cp949, counted in its bytes."""

import re
import unicodedata
from functools import cache

SHORT_BYTES = 90
LONG_BYTES = 2_000
# Twilio takes no longer body, whatever its characters.
_MOST_CHARACTERS = 1_600

_SPELLED = {
    "—": "-",
    "–": "-",
    "‒": "-",
    "‑": "-",
    "−": "-",
    "⁄": "/",
    "•": "·",
    "‧": "·",
    "₩": "￦",
    "〜": "～",
    "©": "(c)",
    "\u00a0": " ",
    "\u202f": " ",
    "«": "《",
    "»": "》",
}
_BLANKS = re.compile(r"[ \t]{2,}")
_LINE_ENDS = re.compile(r"[ \t]+(?=\n|$)")
_SENTENCE_END = re.compile(r"[.!?…](?=\s|$)|(?=\n)")
_PART_OF_SYLLABLE = re.compile(r"CHOSEONG|JUNGSEONG|JONGSEONG")


def safe(text: str) -> str:
    """Returns the text in characters of cp949: accents and emoji go, Hangul stays, unknown letters show as '?'."""
    text = unicodedata.normalize("NFC", text)
    if _fits(text):
        return text
    spelled = "".join(map(_spell, text))
    return _LINE_ENDS.sub("", _BLANKS.sub(" ", spelled)).strip()


def fit(text: str, *, most_bytes: int = LONG_BYTES, contact: str = "120") -> str:
    """Returns what goes out as one message: all of it, or whole sentences and where to ask for the rest."""
    text = safe(text)
    body = text.encode("cp949")
    if len(body) <= most_bytes and len(text) <= _MOST_CHARACTERS:
        return text
    tail = f"… 문의 {contact}" if re.search("[가-힣]", text) else f"... Call {contact}"
    room = most_bytes - len(tail.encode("cp949")) - 1
    head = body[:room].decode("cp949", "ignore")[: _MOST_CHARACTERS - len(tail) - 1]
    ends = [end.end() for end in _SENTENCE_END.finditer(head[:-1])]
    if ends and ends[-1] * 2 >= len(head):
        return f"{head[: ends[-1]].rstrip()} {tail}"
    # One endless sentence: between two words, or where the room ends.
    words = head.rpartition(" ")[0]
    return f"{(words if len(words) * 2 >= len(head) else head).rstrip()}{tail}"


def _fits(text: str) -> bool:
    try:
        text.encode("cp949")
    except UnicodeEncodeError:
        return False
    return True


@cache
def _spell(character: str) -> str:
    if _fits(character):
        return character
    if character in _SPELLED:
        return _SPELLED[character]
    parts = [part for part in unicodedata.normalize("NFKD", character) if not unicodedata.combining(part)]
    if parts and parts != [character]:
        return "".join(map(_spell, parts))
    return _letter_of_jamo(character) or ("?" if unicodedata.category(character)[0] in "LN" else "")


def _letter_of_jamo(character: str) -> str:
    """Returns the letter ㄱ for a loose ᄀ that is no part of a syllable, "" for what is no Hangul."""
    name = _PART_OF_SYLLABLE.sub("LETTER", unicodedata.name(character, ""))
    try:
        letter = unicodedata.lookup(name)
    except KeyError:
        return ""
    return letter if letter != character and _fits(letter) else ""
