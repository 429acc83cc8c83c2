"""The one mask for personal data: what may never be stored (`redact`), and what may never be shown (`mask`)."""

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

from core.people import mask_name
from core.personal import Claim, comparable, personal, residents
from core.plain import NUMERAL, Skeleton, readings, skeletons

__all__ = ["mask", "mask_handle", "mask_name", "redact"]

# Nothing to hide in a skeleton without one of these.
_WORTH_LOOKING = re.compile(
    rf"[\d@]|골뱅이|{NUMERAL}[-. ,~/_]{{0,3}}{NUMERAL}|[(\[]at[)\]]"
    r"|\bat |[앳엣]|메일|mail"
    r"|톡|ㅋㅌ|아이디|아뒤|계정|라인|텔레|인스타|위챗|왓츠|잘로|스카이프|디스?코|line|kakao|wechat|telegram|zalo|whatsapp"
    r"|viber|insta|discord|skype|微信|t\.me|wa\.me"
    r"|성 ?명|이 ?름|성함"
    r"|예금주|신청인|민원인|신고인|신고자|신청자|제보자"
    r"|피해자|가해자|보호자|대리인|세대주|수령인|담당자|저는|제가|[전저][ ,]|나는|본인은"
    r"|my name|我叫|tên tôi",
    re.IGNORECASE,
)
_NUMBERED = re.compile(rf"\d|{NUMERAL}[-. ,~/_]{{0,3}}{NUMERAL}")


def redact(text: str) -> str:
    """Returns the text without resident and alien registration numbers: "900101-*******"; all else stays."""
    return _replace(text, residents, _NUMBERED)


def mask(text: str, public: frozenset[str] = frozenset()) -> str:
    """Returns the text without what points to a person; `mask(mask(x)) == mask(x)`.

    `public` are numbers and addresses that stay, as anybody writes them ("02-2148-1114"). Service numbers (120,
    1577-1234) and the city hall's own lines always stay.
    """
    known = comparable(public)
    masked = _replace(text, lambda skeleton: personal(skeleton, known), _WORTH_LOOKING)
    # What one claim leaves of a stretch may look different to another; each round has fewer digits than the last.
    while masked != text:
        text, masked = masked, _replace(masked, lambda skeleton: personal(skeleton, known), _WORTH_LOOKING)
    return masked


def mask_handle(handle: str) -> str:
    """Returns an author's address, number or account name with only its beginning readable."""
    masked = mask(handle)
    if masked != handle or not handle or handle.endswith("***") or "***@" in handle:
        return masked
    sign = handle[0] if handle[0] in "@+" else ""
    word = handle[len(sign) :]
    return f"{sign}{word[: min(2, len(word) // 2)]}***"


def _replace(text: str, find: Callable[[str], Iterator[Claim]], worth: re.Pattern[str]) -> str:
    """Returns the text with what `find` claims in its skeletons replaced; who comes first gets it."""
    found = [
        _Found(*bones.span(claim.start, claim.end), claim, reading, bones)
        for bones in skeletons(text)
        if worth.search(bones.text)
        for reading in readings(bones.text)
        for claim in find(reading)
    ]
    if not found:
        return text
    parts: list[str] = []
    done = 0
    for one in _without_overlaps(found):
        parts += text[done : one.start], _hidden(text, one)
        done = one.end
    return "".join((*parts, text[done:]))


class _Found(NamedTuple):
    """Where a claim is in the text, and the reading of the skeleton that it was made in."""

    start: int
    end: int
    claim: Claim
    reading: str
    bones: Skeleton


def _without_overlaps(found: list[_Found]) -> list[_Found]:
    """Returns what was found in the order of the text; of two that overlap, the one that was found first."""
    ranked = sorted(enumerate(found), key=lambda pair: (pair[1].start, pair[0]))
    kept: list[tuple[int, _Found]] = []
    for rank, one in ranked:
        while kept and kept[-1][1].end > one.start and kept[-1][0] > rank:
            kept.pop()
        if not kept or kept[-1][1].end <= one.start:
            kept.append((rank, one))
    return [one for _, one in kept]


def _hidden(text: str, found: _Found) -> str:
    claim, bones = found.claim, found.bones
    if claim.text is not None:
        return claim.text
    digits = 0
    written: list[str] = []
    done = found.start
    for place in range(claim.start, claim.end):
        start, end = bones.span(place, place + 1)
        is_digit = found.reading[place].isdigit()
        digits += is_digit
        written += text[done:start], "*" if is_digit and digits > claim.keep else text[start:end]
        done = end
    return "".join((*written, text[done : found.end]))
