"""What in a text points to a person: numbers, addresses, names after a label. Read from plain characters."""

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

from core.handles import handles, mails
from core.people import names, names_titled
from core.plain import readings, skeletons

# Blanks, dots and dashes that people put into a number; full-width and other forms are made these first.
_S = r"[-. )_~/]{0,3}"
_CODE = rf"(?:\+|00)82{_S}\(?0?\)?"
# What stands between the parts of a mobile number, which nothing else begins like.
_M = r"(?:[-. ()_~/*,:|\[\]\n]{0,3}|에 ?)"
_MOBILE = rf"(?<!\d)(?:{_CODE}|82{_S}|\(?0)1[016789]{_M}\d{{3,4}}{_M}\d{{4}}(?!\d)"
_LANDLINE = rf"(?<!\d)(?:{_CODE}|\(?0)(?:2|[3-6][1-5]|[678]0|50\d?){_S}\d{{3,4}}{_S}\d{{4}}(?!\d)"
_SPREAD_MOBILE = r"(?<!\d)(?<!\d[-./:])0(?P<gap>[ .-]?)1(?P=gap)0(?:[-. ,~/*\n]{0,3}\d){8}(?!\d)"
# Whatever else stands between: what begins with 010 and has two more fours is nothing but a telephone.
_PARTED_MOBILE = r"(?<!\d)(?:010|공십)\D{0,8}\d{4}(?! ?년)\D{0,8}\d{4}(?!\d|[,.]\d| ?(?:년|원|명|만|억|건|개|월))"
_FOREIGN = r"(?<![\d+])\+(?!82)\d{1,3}(?:[-. ()]{0,2}\d){8,12}(?!\d)"
_PHONE = re.compile(rf"{_MOBILE}|{_LANDLINE}|{_SPREAD_MOBILE}|{_PARTED_MOBILE}|{_FOREIGN}")
# The rest of a number, told apart from its beginning, and one without its area code.
_LAST_FOUR = re.compile(r"(?:뒷 ?(?:자리|번호)|뒤|끝 ?(?:자리|번호)?)[는은가이]? ?:? ?(\d{4})(?![\d년원명.,])")
_BEGUN = re.compile(r"(?<!\d)01[016789][-. )_~/]{0,3}\d{3,4}(?!\d)")
_LOCAL_LINE = re.compile(
    r"(?:연락처|전화 ?(?:번호)?|휴대 ?폰|핸드폰|폰 ?번호|\b[Tt]el|TEL|[Pp]hone)(?:은|는|로)?[ :.)]{0,3}"
    r"((?!1[568]\d\d|19\d\d|20[0-3]\d)[2-9]\d{2,3}[- ]\d{4})(?![-\d]| ?(?:년|원|명|만|억|건|개))"
)

# What else people put between the two halves: other signs, a line end, "뒷자리는".
_HALVES = (
    r"[-. _~/:,;|=*()\[\]<>→의\n]{0,6}(?:다시|대시|하이픈|빼기|에|일)?[-. \n]{0,2}"
    r"(?:생?(?:이고|이며)?[ ,]{0,2}(?:뒤|뒷 ?자리|뒷 ?번호)(?:[는은]|가)?[ :]{0,2})?"
)
_RESIDENT = re.compile(
    r"(?<!\d)(?:(?:19|20)?(\d\d)[-./ ]?(\d\d)[-./ ]?(\d\d)[-. _~/:]{0,3}\d(?: ?\d{6}|(?: \d){6})"
    r"|(\d)([ .-])(\d)\5(\d)\5(\d)\5(\d)\5(\d)[-. ]{0,3}\d(?:\5\d){6}"
    rf"|(?:(\d{{6}})|(?:19|20)?(\d\d)년 ?(\d\d)월 ?(\d\d)일){_HALVES}\d[- ]?\d{{3}} ?\d{{3}}(?! ?[원만억명건개])"
    r"|(?:19|20)?(\d\d)년 ?(?P<month>\d\d?)월 ?(?P<day>\d\d?)일생 ?\d{7})(?!\d)"
)
_LABELLED_RESIDENT = re.compile(
    r"(?:주민|외국인 ?등록|ARC)[^\d\n]{0,12}(\d(?:[^\d가-힣A-Za-z]{0,3}\d){12})(?!\d)", re.IGNORECASE
)
# The digit that says when and as what somebody was born.
_HALF_HIDDEN = re.compile(r"(?<!\d)(\d{6})-\d\*{6}(?!\*)")
_LATTER_HALF = re.compile(
    r"(?:뒷 ?자리|뒷 ?번호|뒷자)(?:[는은가이]|번호)?[ :은는]{0,3}(\d[ -]?\d{3}[ -]?\d{3})(?![\d원만])"
)
_DAYS = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)

_CARD = re.compile(r"(?<![\d-])(?=[3-69]|2[2-7])\d(?:[ -]?\d){13,18}(?!\d)")
_CARD_SHAPE = re.compile(r"(?<![\d-])(?!(?:(?:19|20)\d\d[-. \n]){3})\d{4}([-. \n])\d{4}\1\d{4}\1\d{4}(?![\d-])")
_LABELLED_CARD = re.compile(
    r"카드[^\d\n]{0,12}\n?(\d(?:[-. \n]{0,2}\d){13,18})(?!\d)|(?i:\bcard)[^\d\n]{0,12}(\d(?:[-. ]{0,2}\d){13,18})(?!\d)"
)
_CARD_CODE = re.compile(r"\b[Cc][Vv][CcVv]2?[ :은는]{0,3}(\d{3})(?!\d)")
_LICENCE = re.compile(
    r"(?<![\d-])\d\d-\d\d-\d{6}-\d\d(?![\d-])"
    r"|(?:서울|부산|경기|강원|충북|충남|전북|전남|경북|경남|제주|대구|인천|광주|대전|울산)"
    r" ?\d\d[- ]\d{6}[- ]\d\d(?![\d-])"
)
_LABELLED_LICENCE = re.compile(r"면허[^\d\n]{0,12}(\d(?:[- ]?\d){9,11})(?!\d)")
_PASSPORT = re.compile(r"(?<![A-Za-z0-9])[MSRGD](\d{8}|\d{3}[A-Z]\d{4})(?![A-Za-z0-9])")
_LABELLED_PASSPORT = re.compile(
    r"(?:여권|(?i:passport))[^\dA-Za-z\n]{0,12}[A-Za-z] ?(\d{3}[ -]?[\dA-Za-z](?:[ -]?\d){4})(?![A-Za-z0-9])"
)
_BANK = r"(?:계좌|통장|입금|송금|예금|은행|뱅크|농협|수협|신협|새마을금고|우체국)"
_NO_DATE = (
    r"(?!(?:19|20)\d\d[-. ]?(?:0[1-9]|1[0-2])[-. ]?\d\d(?:[- ]\d\d?[:시]|[- ]\d{6,}-\d)|(?:19|20)\d\d-\d{4,7}(?![-\d]))"
)
_ACCOUNT_NUMBER = rf"{_NO_DATE}\d(?:[-. \n]?\d){{9,15}}(?!-?\d| ?[원만억])"
# Names of banks that may be other words, too.
_SHORT_BANK = (
    r"(?:국민|신한|우리|하나|기업|카카오|토스|제일|씨티|산업|축협|케이|카뱅|케뱅|(?<![A-Z])(?:KB|IBK|NH|SC)(?![A-Z]))"
)
_ACCOUNT_SHAPE = rf"{_NO_DATE}(?!0)\d{{2,6}}-\d{{2,6}}-\d{{4,8}}(?:-\d{{1,3}})?(?![-\d])"
_ACCOUNT = re.compile(
    rf"{_BANK}[^\d\n]{{0,20}}\n?({_ACCOUNT_NUMBER})|(?<![\d-])({_ACCOUNT_NUMBER})(?=[^\d\n]{{0,12}}{_BANK})"
    rf"|{_SHORT_BANK}[ :]{{0,2}}({_ACCOUNT_NUMBER})"
    rf"|{_SHORT_BANK}[ :,]{{0,2}}[가-힣]{{2,4}}[ ,:(]{{1,2}}({_ACCOUNT_SHAPE})"
    rf"|(?<![\d-])({_ACCOUNT_NUMBER})(?= ?\(?(?:국민|신한|우리은|하나은|기업은|농협|카카오|토스|케이뱅|케뱅))"
    rf"|(?<![\d-])({_ACCOUNT_SHAPE})(?=[ (]{{0,2}}[가-힣]{{2,4}}[ ,/(]{{1,2}}{_SHORT_BANK})"
)
_PLATE_LETTERS = "가나다라마거너더러머버서어저고노도로모보소오조구누두루무부수우주바사아자허하호배국합육해공"
_PLATE = re.compile(
    rf"(?<!\d)\d{{2,3}}[ -]?[{_PLATE_LETTERS}]"
    r"[ -]?(\d{2} ?\d{2})(?!\d| ?(?:년|월|원|명|개|만|억|호|동|km))"
)
_NUMERALS = "공영일이삼사오육칠팔구"
_SPOKEN_PLATE = re.compile(
    rf"(?:차 ?번호|차량 ?번호|차번|번호판)[^\n\d]{{0,6}}?[{_NUMERALS}십백]{{2,4}} ?[가-힣]"
    rf" ?([{_NUMERALS}]{{4}})(?![{_NUMERALS}])"
    rf"|(?<!\d)\d{{2,3}} ?[{_PLATE_LETTERS}] ?([{_NUMERALS}]{{4}})(?![가-힣])"
    rf"|[{_NUMERALS}십백]{{2,4}} ?[가-힣] ?([{_NUMERALS}]{{4}})(?= ?(?:번 ?)?(?:차|번호판|차량))"
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
_BLOCK = re.compile(
    r"(?:아파트|빌라|래미안|자이|푸르지오|힐스테이트|캐슬|편한세상|아이파크|더샵|오피스텔|주공|현대|맨션|단지)"
    r" ?(\d{1,4}-\d{2,4})(?![-\d])"
    r"|(?<![\d-])(\d{2,4}-\d{3,4})(?=호?(?:에)? ?(?:사는|살고|살아|거주|입주))"
    r"|(?:[가-하]동|[A-Za-z]동) ?((?:B|b|지하 ?)?\d{1,4} ?호)(?![선차기])"
)
_SPOKEN_ROOM = re.compile(
    r"(?<![가-힣])([일이삼사오육칠팔구십백천]{2,8}동 ?[일이삼사오육칠팔구십백천]{2,10}호)(?![선차기가-힣]{2})"
)
_ROMAN_ROAD = re.compile(r"(?<![\d-])(\d{1,4}(?:-\d{1,4})?),? (?=[A-Za-z]{2,20}(?:-?\d{1,3})?-?(?:daero|ro|gil)\b)")
# Words that end like a road or a neighbourhood and are none.
_NO_ROAD = re.compile(
    "(?:[으서새바따별도차진경통가세홀제때위]|[그이제맘음멋]대|버스|택시|메트|철|전화|문자|메일|카드|실제|아래|선|하나)로$"
)
_NO_DONG = re.compile("[자부이운활행아공변노작소충감진수유출합협연시가난폭선발율구기]동$")

_HIDDEN_RESIDENT = re.compile(r"\d{6}-\*{7}")

# Every number, document and plate has so many digits so close together; looking for them first is quick, and most
# texts have none. The gaps: "12 가 3456" is the widest of six, "010이고 가운데 1234" the widest of seven.
_SIX_DIGITS = re.compile(r"\d(?:\D{0,3}\d){5}")
_SEVEN_DIGITS = re.compile(r"\d(?:\D{0,8}\d){6}")
# The same for addresses: how each one goes on after the name, which takes the longest to look for.
_NUMBERED_ROAD = re.compile(rf"{_ROAD_END} ?{_ROAD_NUMBER}")
_NUMBERED_DONG = re.compile(rf"[동가] ?(?:산 ?)?{_LOT_NUMBER}")
_NUMBERED_ROOM = re.compile(r"\d ?호")
_LONGEST_PLACE = 10

# The city hall's exchanges, and the main lines of the districts, offices and agencies.
_OFFICES = (("02731", 9), ("022133", 10))
_LINES = frozenset(
    re.findall(
        r"\d+",
        """
        0220912000 0220912120 0220940114 0220941114 0221163000 0221163114 0221274114 0221275000 0221472000
        0221481114 0221556114 0221996114 0221997114 0222411114 0222413114 0222865000 0222865114 0226006114
        0226203114 0226271000 0226272114 0226703000 0226703114 0231538000 0231538114 023301114 023301301
        0233964114 0234235114 0234251188 0234251577 0234255114 023516000 023516114 024101114 024501114
        024507000 024507114 025007335 028201114 028202025 028202113 028602114 028795000 029016000 029016114
        029090497 03180187777
        """,
    )
)


class Claim(NamedTuple):
    """A stretch of the skeleton: all digits after the first `keep` become stars, or all of it becomes `text`."""

    start: int
    end: int
    keep: int = 0
    text: str | None = None


def names_somebody(text: str) -> bool:
    """Whether the text is about a certain person: by number, plate, account or name; a telephone alone is none."""
    return any(_is_about_somebody(reading) for bones in skeletons(text) for reading in readings(bones.text))


def _is_about_somebody(text: str) -> bool:
    if _HIDDEN_RESIDENT.search(text) or names_titled(text):
        return True
    marks = (residents(text), _cards(text), _documents(text)) if _SIX_DIGITS.search(text) else ()
    plates = (_PLATE, _SPOKEN_PLATE)
    return any(True for claims in (*marks, names(text)) for _ in claims) or any(p.search(text) for p in plates)


def personal(skeleton: str, public: frozenset[str]) -> Iterator[Claim]:
    """Yields what is to be hidden, the surest first."""
    has_plates, has_numbers = _SIX_DIGITS.search(skeleton), _SEVEN_DIGITS.search(skeleton)
    if has_numbers:
        yield from residents(skeleton)
        yield from _cards(skeleton)
        yield from _phones(skeleton, public)
    yield from (Claim(*found.span(found.lastindex or 0), text="****") for found in _SPOKEN_PLATE.finditer(skeleton))
    for reached in (*handles(skeleton, public), *mails(skeleton, public)):
        yield Claim(*reached[:2], text=reached.text)
    if has_numbers:
        yield from _documents(skeleton)
    if has_plates:
        yield from (Claim(*found.span(1)) for found in _PLATE.finditer(skeleton))
    yield from _addresses(skeleton)
    yield from (Claim(*name[:2], text=name.text) for name in names(skeleton))


def _documents(skeleton: str) -> Iterator[Claim]:
    yield from (Claim(*found.span(), 2) for found in _LICENCE.finditer(skeleton))
    yield from (Claim(*found.span(1), 2) for found in _LABELLED_LICENCE.finditer(skeleton))
    yield from (Claim(*found.span(1), text="********") for found in _PASSPORT.finditer(skeleton))
    yield from (Claim(*found.span(1), text="********") for found in _LABELLED_PASSPORT.finditer(skeleton))
    for found in _ACCOUNT.finditer(skeleton):
        yield Claim(*found.span(found.lastindex or 0), 3)


def residents(skeleton: str) -> Iterator[Claim]:
    for found in _RESIDENT.finditer(skeleton):
        few = {found["month"], found["day"]}
        parts = [part.zfill(2) if part in few else part for part in found.groups() if part and part.isdigit()]
        birth = "".join(parts)
        month, day = int(birth[2:4]), int(birth[4:6])
        if 1 <= month <= 12 and 1 <= day <= _DAYS[month - 1]:
            yield Claim(*found.span(), text=f"{birth}-*******")
    yield from (Claim(*found.span(), text=f"{found[1]}-*******") for found in _HALF_HIDDEN.finditer(skeleton))
    yield from (Claim(*found.span(1), 6) for found in _LABELLED_RESIDENT.finditer(skeleton))
    yield from (Claim(*found.span(1)) for found in _LATTER_HALF.finditer(skeleton))


def _cards(skeleton: str) -> Iterator[Claim]:
    for found in _CARD.finditer(skeleton):
        if passes_luhn([int(digit) for digit in found[0] if digit.isdigit()]):
            yield Claim(*found.span(), 4)
    yield from (Claim(*found.span(1)) for found in _CARD_CODE.finditer(skeleton))
    yield from (Claim(*found.span(), 4) for found in _CARD_SHAPE.finditer(skeleton))
    yield from (Claim(*found.span(found.lastindex or 0), 4) for found in _LABELLED_CARD.finditer(skeleton))


def passes_luhn(digits: list[int]) -> bool:
    doubled = [digit * 2 - 9 * (digit > 4) for digit in digits[-2::-2]]
    return (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0


def _phones(skeleton: str, public: frozenset[str]) -> Iterator[Claim]:
    for found in _PHONE.finditer(skeleton):
        digits = sum(map(str.isdigit, found[0]))
        # A public number is claimed too, so that nobody else takes it for an account.
        yield Claim(*found.span(), digits if _is_public(found[0], public) else digits - 4)

    if _BEGUN.search(skeleton):
        yield from (Claim(*found.span(1)) for found in _LAST_FOUR.finditer(skeleton))
    for found in _LOCAL_LINE.finditer(skeleton):
        digits = sum(map(str.isdigit, found[1]))
        yield Claim(*found.span(1), digits if _is_public("02" + found[1], public) else digits - 4)


def _is_public(number: str, public: frozenset[str]) -> bool:
    digits = _national(number)
    return (
        digits in public
        or digits in _LINES
        or any(digits.startswith(begin) and len(digits) == size for begin, size in _OFFICES)
    )


def _national(number: str) -> str:
    digits = "".join(filter(str.isdigit, number))
    for code in ("0082", "82"):
        if digits.startswith(code):
            return "0" + digits[len(code) :].lstrip("0")
    return digits


@lru_cache(maxsize=16)
def comparable(public: frozenset[str]) -> frozenset[str]:
    return frozenset(entry.lower() if "@" in entry else _national(entry) for entry in public)


def _addresses(skeleton: str) -> Iterator[Claim]:
    for found in _numbered(_ROAD, _NUMBERED_ROAD, skeleton):
        if not _NO_ROAD.search(found[1]):
            yield Claim(*found.span(2))
    for found in _numbered(_LOT, _NUMBERED_DONG, skeleton):
        if not _NO_DONG.search(found[1]):
            yield Claim(*found.span(2))
    if _NUMBERED_ROOM.search(skeleton):
        yield from (Claim(*found.span(1)) for found in _ROOM.finditer(skeleton))
    yield from (Claim(*found.span(found.lastindex or 0)) for found in _BLOCK.finditer(skeleton))
    if "호" in skeleton:
        yield from (Claim(*found.span(1), text="**동 **호") for found in _SPOKEN_ROOM.finditer(skeleton))
    if "ro" in skeleton or "gil" in skeleton:
        yield from (Claim(*found.span(1)) for found in _ROMAN_ROAD.finditer(skeleton))


def _numbered(place: re.Pattern[str], end: re.Pattern[str], skeleton: str) -> Iterator[re.Match[str]]:
    """Yields the places, looked for from as far before the first `end` of one as its name can reach."""
    first = end.search(skeleton)
    return place.finditer(skeleton, max(0, first.start() - _LONGEST_PLACE)) if first else iter(())
