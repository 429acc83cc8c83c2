"""What in a text points to a person: numbers, addresses, names after a label. Read from plain characters."""

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

# Blanks, dots and dashes that people put into a number; full-width and other forms are made these first.
_S = r"[-. )_~/]{0,3}"
_CODE = rf"(?:\+|00)82{_S}\(?0?\)?"
_MOBILE = rf"(?<!\d)(?:{_CODE}|82{_S}|\(?0)1[016789]{_S}\d{{3,4}}{_S}\d{{4}}(?!\d)"
_LANDLINE = rf"(?<!\d)(?:{_CODE}|\(?0)(?:2|[3-6][1-5]|[678]0|50\d?){_S}\d{{3,4}}{_S}\d{{4}}(?!\d)"
_SPREAD_MOBILE = r"(?<!\d)0([ .-])1\1[016789](?:\1\d){7,8}(?!\1?\d)"
_FOREIGN = r"(?<![\d+])\+(?!82)\d{1,3}(?:[-. ()]{0,2}\d){8,12}(?!\d)"
_PHONE = re.compile(rf"{_MOBILE}|{_LANDLINE}|{_SPREAD_MOBILE}|{_FOREIGN}")
_NUMERAL = "[공영일이삼사오육칠팔구]"
_SPOKEN = re.compile(rf"(?<![가-힣])공일공{_S}{_NUMERAL}{{3,4}}{_S}({_NUMERAL}{{4}})(?!{_NUMERAL})")

# What else people put between the two halves: other signs, a line end, "뒷자리는".
_HALVES = r"[-. _~/:,;|=*()\n]{0,6}(?:생?(?:이고|이며)?[ ,]{0,2}(?:뒤|뒷 ?자리|뒷 ?번호)(?:[는은]|가)?[ :]{0,2})?"
_RESIDENT = re.compile(
    r"(?<!\d)(?:(?:19|20)?(\d\d)[-./ ]?(\d\d)[-./ ]?(\d\d)[-. _~/:]{0,3}\d ?\d{6}"
    r"|(\d)([ .-])(\d)\5(\d)\5(\d)\5(\d)\5(\d)[-. ]{0,3}\d(?:\5\d){6}"
    rf"|(?:(\d{{6}})|(?:19|20)?(\d\d)년 ?(\d\d)월 ?(\d\d)일){_HALVES}\d[- ]?\d{{3}} ?\d{{3}}(?! ?[원만억명건개]))(?!\d)"
)
_DAYS = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)

_CARD = re.compile(r"(?<![\d-])(?=[3-69]|2[2-7])\d(?:[ -]?\d){13,18}(?!\d)")
_LICENCE = re.compile(r"(?<![\d-])\d\d-\d\d-\d{6}-\d\d(?![\d-])")
_PASSPORT = re.compile(r"(?<![A-Za-z0-9])[MSRGD](\d{8}|\d{3}[A-Z]\d{4})(?![A-Za-z0-9])")
_BANK = r"(?:계좌|통장|입금|송금|예금|은행|뱅크|농협|수협|신협|새마을금고|우체국)"
_NO_DATE = r"(?!(?:19|20)\d\d[-. ]?(?:0[1-9]|1[0-2])[-. ]?\d\d(?:[- ]\d\d?[:시]|[- ]\d{6,}-\d))"
_ACCOUNT_NUMBER = rf"{_NO_DATE}\d(?:[- ]?\d){{9,15}}(?!-?\d| ?[원만억])"
_ACCOUNT = re.compile(
    rf"{_BANK}[^\d\n]{{0,20}}({_ACCOUNT_NUMBER})|(?<![\d-])({_ACCOUNT_NUMBER})(?=[^\d\n]{{0,6}}{_BANK})"
)
_PLATE = re.compile(
    r"(?<!\d)\d{2,3} ?[가나다라마거너더러머버서어저고노도로모보소오조구누두루무부수우주바사아자허하호배국합육해공]"
    r" ?(\d{4})(?!\d| ?(?:년|월|원|명|개|만|억|호|동|km))"
)

_UNIT = (
    r"(?:분|시|일(?!대)|년|월|명|개|원(?!룸)|만|천|억|미터|킬로|[ckm]?m|kg|번(?![지길가])|호선|번째|회|대|퍼센트|배"
    r"|차|주(?![변택])|건(?!물)|살|세|마리|초|가지|조|채|평|키로|방|인(?![근접도데가])|가(?!길)|[번가나다라]?길)"
)
_NO_UNIT = rf"(?![\d:%]|[.,]\d|{_UNIT})"
_TAIL = r"(?:[ ,(]{0,3}(?:[가-힣A-Za-z]{1,15}[), ]{1,3})?(?:제|지하 ?|B|b)?\d{1,4} ?(?:동|층|호)(?![선차기])){0,4}"
_ROAD_END = r"(?:로|길)(?: ?\d{1,3}(?:번|가|나|다|라)?길)?"
_ROAD_NUMBER = rf"(?:지하 ?)?\d{{1,5}}(?:-\d{{1,4}})?{_NO_UNIT}"
_ROAD = re.compile(rf"([가-힣]{{1,10}}{_ROAD_END}) ?({_ROAD_NUMBER}{_TAIL})")
_LOT_NUMBER = rf"(?:\d{{2,4}}|\d(?=-\d| ?번지))(?:-\d{{1,4}})?(?: ?번지)?(?![동호층]){_NO_UNIT}"
_LOT = re.compile(rf"([가-힣]{{1,8}}동|[가-힣]{{1,5}}\d{{1,2}}[동가]) ?(?:산 ?)?({_LOT_NUMBER}{_TAIL})")
_ROOM = re.compile(r"(?<!\d)((?:\d{1,4} ?동|(?:지하 ?|B|b)?\d{1,2} ?층)[ ,]{0,2}\d{1,5} ?호)(?![선차기])")
_ROMAN_ROAD = re.compile(r"(?<![\d-])(\d{1,4}(?:-\d{1,4})?),? (?=[A-Za-z]{2,20}(?:-?\d{1,3})?-?(?:daero|ro|gil)\b)")
# Words that end like a road or a neighbourhood and are none.
_NO_ROAD = re.compile(
    "(?:[으서새바따별도차진경통가세홀제때위]|[그이제맘음멋]대|버스|택시|철|전화|문자|메일|카드|실제|아래|선|하나)로$"
)
_NO_DONG = re.compile("[자부이운활행아공변노작소충감진수유출합협연시가난폭선발율구기]동$")

_AT = re.compile(r"(?:@| ?골뱅이 ?| ?[(\[]at[)\]] ?)[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}", re.IGNORECASE)
_AT_SIGN = re.compile(r"[@)\]]|골뱅이")
_LOCAL = re.compile(r"[A-Za-z0-9._%+'-]+\Z")
_ANY_LOCAL = re.compile(r"\w+\Z")
_LOCAL_CHARACTERS = 64

_NAME = re.compile(
    r"(?:성명|이름|성함|예금주|신청인|민원인|신고인)(?: ?: ?([가-힣]{2,4})(?=[\s,.()/]|님|씨|입니다|$)"
    r"|[은는] ?([가-힣]{3,4}?)(?=입니다|이고|이며|이에요|예요))"
)
_SURNAMES = frozenset(
    "김이박최정강조윤장임한오서신권황안송류전홍고문양손배백허유남심노하곽성차주우구민진지엄채원천방공현함변염"
)

_TITLED = re.compile(
    r"(?<![가-힣])([가-힣])[가-힣]{1,2} ?(?:씨|주무관|사무관|팀장|과장|계장|국장|소장)(?:님)?(?![가-힣]{2})"
)
_HIDDEN_RESIDENT = re.compile(r"\d{6}-\*{7}")

# Every number, document and plate has so many digits so close together; looking for them first is quick, and most
# texts have none. The gaps: "12 가 3456" is the widest of six, a telephone's last seven the widest of seven.
_SIX_DIGITS = re.compile(r"\d(?:\D{0,3}\d){5}")
_SEVEN_DIGITS = re.compile(r"\d(?:\D{0,3}\d){6}")
# The same for addresses: how each one goes on after the name, which takes the longest to look for.
_NUMBERED_ROAD = re.compile(rf"{_ROAD_END} ?{_ROAD_NUMBER}")
_NUMBERED_DONG = re.compile(rf"[동가] ?(?:산 ?)?{_LOT_NUMBER}")
_NUMBERED_ROOM = re.compile(r"\d ?호")
_LONGEST_PLACE = 10

_OFFICES = (("02731", 9), ("022133", 10))


class Claim(NamedTuple):
    """A stretch of the skeleton: all digits after the first `keep` become stars, or all of it becomes `text`."""

    start: int
    end: int
    keep: int = 0
    text: str | None = None


def mask_name(name: str) -> str:
    """Returns "김*수" for "김철수", "김*" for "김철", "J*** S***" for "John Smith"."""
    return " ".join(_mask_word(word) for word in name.split())


def names_somebody(text: str) -> bool:
    """Whether the text is about a certain person: by number, plate, account or name; a telephone alone is none."""
    marks = (_HIDDEN_RESIDENT, _LICENCE, _PASSPORT, _ACCOUNT, _PLATE)
    if _SIX_DIGITS.search(text) and (any(mark.search(text) for mark in marks) or any(True for _ in residents(text))):
        return True
    if any(True for _ in _names(text)):
        return True
    return any(found[1] in _SURNAMES for found in _TITLED.finditer(text))


def personal(skeleton: str, public: frozenset[str]) -> Iterator[Claim]:
    """Yields what is to be hidden, the surest first."""
    has_plates = _SIX_DIGITS.search(skeleton)
    has_numbers = has_plates and _SEVEN_DIGITS.search(skeleton)
    if has_numbers:
        yield from residents(skeleton)
        yield from _cards(skeleton)
        yield from _phones(skeleton, public)
    if "공일공" in skeleton:
        yield from (Claim(*found.span(1), text="****") for found in _SPOKEN.finditer(skeleton))
    yield from _mails(skeleton, public)
    if has_numbers:
        yield from _documents(skeleton)
    if has_plates:
        yield from (Claim(*found.span(1)) for found in _PLATE.finditer(skeleton))
    yield from _addresses(skeleton)
    yield from _names(skeleton)


def _documents(skeleton: str) -> Iterator[Claim]:
    yield from (Claim(*found.span(), 2) for found in _LICENCE.finditer(skeleton))
    yield from (Claim(*found.span(1), text="********") for found in _PASSPORT.finditer(skeleton))
    for found in _ACCOUNT.finditer(skeleton):
        yield Claim(*found.span(1 if found[1] else 2), 3)


def residents(skeleton: str) -> Iterator[Claim]:
    for found in _RESIDENT.finditer(skeleton):
        birth = "".join(part for part in found.groups() if part and part.isdigit())
        month, day = int(birth[2:4]), int(birth[4:6])
        if 1 <= month <= 12 and 1 <= day <= _DAYS[month - 1]:
            yield Claim(*found.span(), text=f"{birth}-*******")


def _cards(skeleton: str) -> Iterator[Claim]:
    for found in _CARD.finditer(skeleton):
        if passes_luhn([int(digit) for digit in found[0] if digit.isdigit()]):
            yield Claim(*found.span(), 4)


def passes_luhn(digits: list[int]) -> bool:
    doubled = [digit * 2 - 9 * (digit > 4) for digit in digits[-2::-2]]
    return (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0


def _phones(skeleton: str, public: frozenset[str]) -> Iterator[Claim]:
    for found in _PHONE.finditer(skeleton):
        digits = sum(map(str.isdigit, found[0]))
        # A public number is claimed too, so that nobody else takes it for an account.
        yield Claim(*found.span(), digits if _is_public(found[0], public) else digits - 4)


def _is_public(number: str, public: frozenset[str]) -> bool:
    digits = _national(number)
    return digits in public or any(digits.startswith(begin) and len(digits) == size for begin, size in _OFFICES)


def _national(number: str) -> str:
    digits = "".join(filter(str.isdigit, number))
    for code in ("0082", "82"):
        if digits.startswith(code):
            return "0" + digits[len(code) :].lstrip("0")
    return digits


@lru_cache(maxsize=16)
def comparable(public: frozenset[str]) -> frozenset[str]:
    return frozenset(entry.lower() if "@" in entry else _national(entry) for entry in public)


def _mails(skeleton: str, public: frozenset[str]) -> Iterator[Claim]:
    for found in _AT.finditer(skeleton) if _AT_SIGN.search(skeleton) else ():
        before = skeleton[max(0, found.start() - _LOCAL_CHARACTERS) : found.start()]
        local = _LOCAL.search(before) or _ANY_LOCAL.search(before)
        if local and (local[0] + found[0]).lower() not in public:
            shown = local[0][: min(2, len(local[0]) - 1)]
            yield Claim(found.start() - len(local[0]), found.start(), text=f"{shown}***")


def _addresses(skeleton: str) -> Iterator[Claim]:
    for found in _numbered(_ROAD, _NUMBERED_ROAD, skeleton):
        if not _NO_ROAD.search(found[1]):
            yield Claim(*found.span(2))
    for found in _numbered(_LOT, _NUMBERED_DONG, skeleton):
        if not _NO_DONG.search(found[1]):
            yield Claim(*found.span(2))
    if _NUMBERED_ROOM.search(skeleton):
        yield from (Claim(*found.span(1)) for found in _ROOM.finditer(skeleton))
    if "ro" in skeleton or "gil" in skeleton:
        yield from (Claim(*found.span(1)) for found in _ROMAN_ROAD.finditer(skeleton))


def _numbered(place: re.Pattern[str], end: re.Pattern[str], skeleton: str) -> Iterator[re.Match[str]]:
    """Yields the places, looked for from as far before the first `end` of one as its name can reach."""
    first = end.search(skeleton)
    return place.finditer(skeleton, max(0, first.start() - _LONGEST_PLACE)) if first else iter(())


def _names(skeleton: str) -> Iterator[Claim]:
    for found in _NAME.finditer(skeleton):
        group = 1 if found[1] else 2
        if found[group][0] in _SURNAMES:
            yield Claim(*found.span(group), text=mask_name(found[group]))


def _mask_word(word: str) -> str:
    if word.isascii():
        return word[0] + "***"
    if len(word) < 3:
        return word[0] + "*" * (len(word) - 1 or 1)
    return word[0] + "*" * (len(word) - 2) + word[-1]
