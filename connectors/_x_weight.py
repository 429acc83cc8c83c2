"""How long a post is as X counts: Hangul and emoji two, an address 23, of at most 280; cut so that nothing breaks."""

import re
import unicodedata
from collections.abc import Iterator

MOST_WEIGHT = 280
MOST_MESSAGE_CHARACTERS = 10_000
_URL_WEIGHT = 23
# Weight one; everything else weighs two. © and ® may be shown as emoji.
_LIGHT = re.compile("[\u0000-\u00a8\u00aa-\u00ad\u00af-\u10ff\u2000-\u200d\u2010-\u201f\u2032-\u2037]")
_PICTURE = (
    "[\u2194-\u21aa\u231a-\u23ff\u25aa-\u27bf\u2934-\u2935\u2b05-\u2b55\u3030\u303d\u3297\u3299\U0001f000-\U0001faff]"
)
_TONE = "[\U0001f3fb-\U0001f3ff]"
_EMOJI = (
    "[\U0001f1e6-\U0001f1ff]{2}"
    "|[0-9#*]\ufe0f?\u20e3"
    f"|{_PICTURE}\ufe0f?{_TONE}?(?:[\U000e0020-\U000e007f]+|(?:\u200d{_PICTURE}\ufe0f?{_TONE}?)*)"
)
# Also without a scheme: X makes links of names that end in a known domain, and whether it is known may change.
_LABELS = r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+"
_DOMAIN = rf"{_LABELS}[a-z]{{2,24}}"
_PATH = r"(?:[:/?#][a-z0-9!*';:=+,.$/%#\[\]\-_~@|&()?]*)?"
# Also in letters that are not Latin; where such an address ends is for X to say, and it counts at least as it stands.
_URL = rf"(?:https?://|(?<![@a-z0-9._/-])){_DOMAIN}(?![a-z0-9@_]){_PATH}|https?://[^\s/?#]+{_PATH}"
# That X knows these is sure.
_KNOWN = re.compile(rf"https?://{_LABELS}(?:[a-z]{{2}}|com|net|org|gov|edu|info|biz)(?:[:/?#]|$)", re.IGNORECASE)
_LINK = re.compile(_URL, re.IGNORECASE)
_PIECES = re.compile(rf"(?P<url>{_URL})|(?P<emoji>{_EMOJI})|(?P<other>[\s\S])", re.IGNORECASE)
# Letters that later ones melt into: nothing is cut between them.
_JOINER = "\u200d"
# What one reads as one thing: dates and times, numbers with their units, addresses.
_WHOLE = re.compile(
    rf"{_URL}"
    r"|\d{1,4}년 \d{1,2}월(?: \d{1,2}일)?|\d{1,2}월 \d{1,2}일(?:\([월화수목금토일]\))?(?: \d{1,2}:\d{2})?"
    r"|(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d{1,2} [A-Z][a-z]{2}(?: \d{1,2}:\d{2})?"
    r"|[+]?\d[\d.,:/~-]*(?: ?[가-힣A-Za-z%]+)?",
    re.IGNORECASE,
)
_SENTENCE_END = re.compile(r"[.!?…](?=\s)|(?=\n)")


def weight(text: str) -> int:
    """Returns how long X finds this text; where X's own list of domains would decide, the more."""
    return sum(_weight_of(piece) for piece in _PIECES.finditer(unicodedata.normalize("NFC", text)))


def has_link(text: str) -> bool:
    """Whether X would make a link of something in it, and charge for that."""
    return _LINK.search(text) is not None


def shortened(text: str, tail: str, *, most: int = MOST_WEIGHT) -> str:
    """Returns the text if it fits, else its beginning up to a good place, and `tail`."""
    text = _plain(text)
    if weight(text) <= most:
        return text
    return f"{_head(text, most - weight(tail) - 1)} {tail}".strip()


def announced(contact: str, text: str) -> str:
    """Returns the text as it goes to everybody: whole, or cut and saying where the rest is."""
    return shortened(text, f"… 문의 {contact}")


def split(text: str, *, posts: int, most: int = MOST_WEIGHT) -> list[str]:
    """Returns the text in as few numbered posts as it needs; [] when these are more than `posts`."""
    text = _plain(text)
    if weight(text) <= most:
        return [text]
    # Each ends with its number, like (1/3).
    room, rest = most - 6, text
    parts: list[str] = []
    while rest and len(parts) < posts:
        head = _head(rest, room)
        rest = rest[len(head) :].lstrip()
        parts.append(head.rstrip())
    return [] if rest else [f"{part} ({place}/{len(parts)})" for place, part in enumerate(parts, 1)]


def _plain(text: str) -> str:
    return unicodedata.normalize("NFC", text).strip()


def _weight_of(piece: re.Match[str]) -> int:
    found = piece[0]
    if piece.lastgroup == "url":
        # An address that X does not know counts as it stands.
        return _URL_WEIGHT if _KNOWN.match(found) else max(_URL_WEIGHT, sum(map(_weight_of_letter, found)))
    if piece.lastgroup == "emoji":
        return 2
    return _weight_of_letter(found)


def _weight_of_letter(letter: str) -> int:
    return 1 if _LIGHT.fullmatch(letter) else 2


def _head(text: str, room: int) -> str:
    """Returns as much as fits: whole sentences if that is half of it, else whole words, else whole letters."""
    fits = _fitting(text, room)
    head = text[:fits]
    if fits == len(text):
        return head
    ends = [end.end() for end in _SENTENCE_END.finditer(text[: fits + 1]) if end.end() <= fits]
    words = [place for place in range(1, fits + 1) if text[place : place + 1].isspace()]
    held = _held(text, fits)
    for places in (ends, words):
        good = [place for place in places if place * 2 >= fits and not _is_inside(place, held)]
        if good:
            return head[: good[-1]].rstrip()
    letters = [place for place in _seams(text[: fits + 1]) if 0 < place <= fits and not _is_inside(place, held)]
    return head[: letters[-1]] if letters else head[: _last_seam(text, fits)]


def _fitting(text: str, room: int) -> int:
    """Returns how many characters weigh no more than `room`, by the pieces that X counts."""
    taken = 0
    for piece in _PIECES.finditer(text):
        room -= _weight_of(piece)
        if room < 0:
            break
        taken = piece.end()
    return taken


def _held(text: str, fits: int) -> list[tuple[int, int]]:
    return [found.span() for found in _WHOLE.finditer(text) if found.start() <= fits]


def _is_inside(place: int, held: list[tuple[int, int]]) -> bool:
    return any(start < place < end for start, end in held)


def _seams(text: str) -> Iterator[int]:
    """Returns where the text may be cut without breaking what is one letter to its reader."""
    for piece in _PIECES.finditer(text):
        place = piece.start()
        if place and not _joins(text[place - 1], piece[0][0]):
            yield place
    if text:
        yield len(text)


def _joins(before: str, after: str) -> bool:
    is_late_letter = "\u1160" <= after <= "\u11ff" or unicodedata.category(after)[0] == "M"
    return is_late_letter or _JOINER in (before, after) or "\U0001f3fb" <= after <= "\U0001f3ff"


def _last_seam(text: str, fits: int) -> int:
    """Where one thing alone is longer than the room it is cut all the same, between two letters if there are two."""
    return max((place for place in _seams(text[: fits + 1]) if 0 < place <= fits), default=fits)
