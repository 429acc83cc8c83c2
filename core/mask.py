"""The one mask for personal data: what may never be stored (`redact`), and what may never be shown (`mask`)."""

import re
import unicodedata
from collections.abc import Callable, Iterator
from functools import lru_cache

from core.personal import Claim, comparable, mask_name, personal, residents

__all__ = ["mask", "mask_handle", "mask_name", "redact"]

# Nothing to hide in a skeleton without one of these.
_WORTH_LOOKING = re.compile(
    r"[\d@]|골뱅이|공일공|성명|이름|성함|예금주|신청인|민원인|신고인|[(\[]at[)\]]", re.IGNORECASE
)
_UNUSUAL = re.compile(r"[^\n -~가-힣]")


def redact(text: str) -> str:
    """Returns the text without resident and alien registration numbers: "900101-*******"; all else stays."""
    return _replace(text, residents)


def mask(text: str, public: frozenset[str] = frozenset()) -> str:
    """Returns the text without what points to a person; `mask(mask(x)) == mask(x)`.

    `public` are numbers and addresses that stay, as anybody writes them ("02-2148-1114"). Service numbers (120,
    1577-1234) and the city hall's own lines always stay.
    """
    known = comparable(public)
    masked = _replace(text, lambda skeleton: personal(skeleton, known))
    # What one claim leaves of a stretch may look different to another; each round has fewer digits than the last.
    while masked != text:
        text, masked = masked, _replace(masked, lambda skeleton: personal(skeleton, known))
    return masked


def mask_handle(handle: str) -> str:
    """Returns an author's address, number or account name with only its beginning readable."""
    masked = mask(handle)
    if masked != handle or not handle or handle.endswith("***") or "***@" in handle:
        return masked
    sign = handle[0] if handle[0] in "@+" else ""
    word = handle[len(sign) :]
    return f"{sign}{word[: min(2, len(word) // 2)]}***"


def _replace(text: str, find: Callable[[str], Iterator[Claim]]) -> str:
    """Returns the text with what `find` claims in its skeleton replaced; who comes first gets it."""
    skeleton, places = _skeleton(text)
    if not _WORTH_LOOKING.search(skeleton):
        return text
    parts: list[str] = []
    done = 0
    for claim in _without_overlaps(find(skeleton)):
        start = places[claim.start] if places else claim.start
        end = places[claim.end - 1] + 1 if places else claim.end
        parts += text[done:start], _hidden(text[start:end], claim)
        done = end
    return "".join((*parts, text[done:]))


def _without_overlaps(claims: Iterator[Claim]) -> list[Claim]:
    """Returns the claims in the order of the text; of two that overlap, the one that was found first."""
    ranked = sorted(enumerate(claims), key=lambda pair: (pair[1].start, pair[0]))
    kept: list[tuple[int, Claim]] = []
    for rank, claim in ranked:
        while kept and kept[-1][1].end > claim.start and kept[-1][0] > rank:
            kept.pop()
        if not kept or kept[-1][1].end <= claim.start:
            kept.append((rank, claim))
    return [claim for _, claim in kept]


def _hidden(stretch: str, claim: Claim) -> str:
    if claim.text is not None:
        return claim.text
    digits = 0
    written: list[str] = []
    for character in stretch:
        is_digit = character.isdigit()
        digits += is_digit
        written.append("*" if is_digit and digits > claim.keep else character)
    return "".join(written)


def _skeleton(text: str) -> tuple[str, list[int] | None]:
    """Returns the text with plain digits, dashes, dots and blanks and nothing invisible, and where each character
    stood (None: where it stands)."""
    if not _UNUSUAL.search(text):
        return text, None
    plain = _UNUSUAL.sub(lambda found: _plain(found[0]), text)
    if "\x00" not in plain:
        return plain, None
    places = [place for place, character in enumerate(plain) if character != "\x00"]
    return plain.replace("\x00", ""), places


@lru_cache(maxsize=4096)
def _plain(character: str) -> str:
    """Returns the one ASCII character that this one is read as, NUL when it is not seen, else itself."""
    category = unicodedata.category(character)
    if character in "\t\r\v\f":
        return " "
    if category in ("Cc", "Cf", "Mn", "Me"):
        return "\x00"
    if category == "Pd" or character in "−ㅡー":
        return "-"
    if category == "Zs":
        return " "
    if character in "·ㆍ‧∙•。・･":
        return "."
    if (digit := unicodedata.digit(character, None)) is not None:
        return str(digit)
    same = unicodedata.normalize("NFKC", character)
    return same if len(same) == 1 and same.isascii() else character
