"""Where somebody can be written to under a name of their own: mail addresses, messenger and user names."""

import re
from collections.abc import Iterator
from typing import NamedTuple

_PROVIDER = (
    r"(?:네이버|지메일|다음|한메일|네이트|구글|카카오|핫메일|아웃룩|야후|드림위즈"
    r"|(?:gmail|naver|daum|hanmail|nate|yahoo|outlook|hotmail|icloud)(?![\w-]))"
)
_DOT = r"(?: ?\. ?(?=[A-Za-z가-힣])| ?(?:점|쩜|닷|[(\[]dot[)\]]|\bdot\b) ?)"
_AT = re.compile(
    rf"(?:\s?@\s{{0,2}}| ?[(\[]?골뱅이[)\]]? ?| 앳 "
    rf"|(?<=[A-Za-z0-9._-])앳 ?| (?:at|앳|엣) (?={_PROVIDER})| ?[(\[]at[)\]] ?)"
    rf"(?:[\w-]{{1,63}}?(?:{_DOT}[\w-]{{1,63}}){{1,8}}|{_PROVIDER})"
    rf"| at (?:gmail|naver|daum|hanmail|nate|yahoo|outlook|hotmail|icloud)\b",
    re.IGNORECASE,
)
_AT_SIGN = re.compile(r"[@)\]]|골뱅이| at |앳|엣", re.IGNORECASE)
_LOCAL = re.compile(r"[A-Za-z0-9._%+'-]+\Z")
_ANY_LOCAL = re.compile(r"\w+\Z")
_LOCAL_CHARACTERS = 64
# One letter at a time: "h o n g @ n a v e r . c o m".
_SPREAD = re.compile(r"(?<![\w.] )(?<![\w.])([A-Za-z0-9](?: [\w.]){2,40}) ?@ ?(?:[A-Za-z0-9] ?[.] ?|[A-Za-z0-9] ){4}")
# The name and its provider in a sentence: "메일은 hong이고 네이버예요".
_TOLD = re.compile(
    rf"메일[^\w@\n]{{0,3}}(?:은|는|주소는?)? ?[:：]? ?([A-Za-z][\w.-]{{3,40}}?)(?![A-Za-z0-9_.@-])"
    rf"(?:이고|이구|인데|이며|이에요|,)? ?(?={_PROVIDER})",
    re.IGNORECASE,
)

# Messengers that people are found in by name, by words that mean nothing else, and by words that do.
_SERVICE = (
    r"(?:(?:카카오|카|깨|까)톡|ㅋㅌ|카카오|텔레(?:그램)?|인스타(?:그램)?|위챗|왓츠앱|잘로|스카이프|디스코드|디코|微信|微訊"
    r"|(?<![a-z])(?:kakao(?: ?talk)?|telegram|insta(?:gram)?|wechat|whatsapp|zalo|viber|skype|discord))"
)
_ANY_SERVICE = rf"(?:{_SERVICE}|(?<![가-힣])라인|(?<![a-z])line|페이스북|페북|트위터|facebook|twitter|유튜브)"
_ID = r"(?:아이디|아뒤|계정|(?<![a-z])id(?![a-z])|号|號)"
_SERVICE_BEFORE = re.compile(rf"(?:{_ANY_SERVICE}|{_ID}|dm|디엠)(?:은|는|요)?\Z", re.IGNORECASE)
_IS = r"(?:은|는|이|가|로|의)?요?(?: ?(?:dm|디엠|주소|닉네임|닉))?[ :：=,('\"\[]{0,4}"
_NAME = r"[a-z][a-z0-9._-]{2,40}(?:#\d{4})?"
# No ordinary word: it has a digit or a sign inside.
_PECULIAR = r"(?=[a-z._-]{0,40}(?:\d|[._#-][a-z0-9]))"
_ENDS = r"(?![\w./@:])"
_HANDLES = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        rf"{_ANY_SERVICE} ?{_ID}{_IS}@?({_NAME})",
        rf"(?:{_SERVICE}|(?<![가-힣])라인|(?<![a-z])line ?[:=]){_IS}@({_NAME})",
        rf"{_SERVICE}{_IS}{_PECULIAR}({_NAME}){_ENDS}",
        rf"(?<![가-힣])라인[ :：]{{1,3}}{_PECULIAR}([a-z][a-z0-9._-]{{4,40}}){_ENDS}",
        rf"{_SERVICE}{_IS}({_NAME}) ?(?=(?:으로|로)? ?(?:추가|친추))",
        rf"{_SERVICE} ?{_ID}?{_IS}(\d(?:[ -]?\d){{8,11}})(?!\d)",
        rf"(?:아이디|아뒤|네이버 ?id){_IS}@?{_PECULIAR}({_NAME}){_ENDS}",
        r"(?:(?<![\w.])(?:t|wa|m)\.me|open\.kakao\.com/(?:o|me)|line\.me/ti/p)/[+~]?([\w.+-]{3,60})",
    )
)
_HAS_HANDLE = re.compile(rf"{_ANY_SERVICE}|{_ID}|\.me/|open\.kakao", re.IGNORECASE)
# The city's and other offices' own accounts, and what follows such a word without being a name.
_NO_HANDLE = re.compile(
    r"(?:https?|www|com|app|pay|bank|talk|taxi|map|story|channel|login|password|dm|id|pdf)(?![a-z0-9])|(?:v|ver|ios|android)\.?\d"
    r"|.*(?:seoul|official|\bgov\b|go\.kr|city|\.(?:com|net|kr|org)\b)",
    re.IGNORECASE,
)


class Reached(NamedTuple):
    """Where a name stands, and what is shown in its place."""

    start: int
    end: int
    text: str


def handles(text: str, public: frozenset[str]) -> Iterator[Reached]:
    """Yields the names under which somebody is found in messengers and elsewhere."""
    if not _HAS_HANDLE.search(text):
        return
    for pattern in _HANDLES:
        for found in pattern.finditer(text):
            name = found[1].rstrip(".-_")
            if len(name) > 2 and name.lower() not in public and not _NO_HANDLE.match(name):
                yield Reached(found.start(1), found.start(1) + len(name), f"{name[:2]}***")


def mails(text: str, public: frozenset[str]) -> Iterator[Reached]:
    """Yields the names before the @ of mail addresses."""
    if "메일" in text or "mail" in text:
        yield from (Reached(*found.span(1), f"{found[1][:2]}***") for found in _TOLD.finditer(text))
    if not _AT_SIGN.search(text):
        return
    if " @" in text or "@ " in text:
        yield from (Reached(*found.span(1), f"{found[1][0]}***") for found in _SPREAD.finditer(text))
    for found in _AT.finditer(text):
        before = text[max(0, found.start() - _LOCAL_CHARACTERS) : found.start()]
        local = _LOCAL.search(before) or _ANY_LOCAL.search(before)
        if not local or (local[0] + found[0]).lower() in public:
            continue
        # "인스타 @minji.daily" is no address of somebody called 인스타.
        if not (found[0].startswith(" @") and _SERVICE_BEFORE.search(local[0])):
            shown = local[0][: min(2, len(local[0]) - 1)]
            yield Reached(found.start() - len(local[0]), found.start(), f"{shown}***")
