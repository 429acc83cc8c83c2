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
_SENTENCE_END = re.compile(r"[.!?…](?=\s)|(?=\n)")
_BLANK = re.compile(r"(?=\s)")
# Nothing is cut in here: links, and dates, numbers and times of several words ("2026. 12. 2.", "12월 2일", "02 120").
_NUMBER = r"[\w()+./:,~-]*\d[\w()+./:,~-]*"
_WHOLE = re.compile(rf"https?://\S+|{_NUMBER}(?:[^\S\n]{_NUMBER})*")
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
    most = len(body[:room].decode("cp949", "ignore")[: _MOST_CHARACTERS - len(tail) - 1])
    if end := _last(_SENTENCE_END, text, most):
        return f"{text[:end].rstrip()} {tail}"
    # One endless sentence: between two words, or where the room ends.
    return f"{text[: _last(_BLANK, text, most) or _outside(text, most)].rstrip()}{tail}"


def _last(places: re.Pattern[str], text: str, most: int) -> int:
    """Returns the last such place that leaves at least half of the room filled, 0 for none."""
    found = [place.end() for place in places.finditer(text, 0, most + 1)]
    return next((end for end in reversed(found) if most <= 2 * end <= 2 * most and _outside(text, end) == end), 0)


def _outside(text: str, place: int) -> int:
    """Returns the place, or where what may not be cut there begins; what fills all the room alone is cut."""
    begins = next((whole.start() for whole in _WHOLE.finditer(text) if whole.start() < place < whole.end()), place)
    return begins or place


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
