"""What the writer wrote anew: without the quoted mail, the signature and the telephone's advertisement."""

import re

_LINE = 400
_SIGNATURE_LINES = 12
_HEADER_LINES = 8
_WHOLE_LINES = 4
_ATTRIBUTION_LINES = 3

_DIVIDER = re.compile(
    r"[-=_* ]{2,60}(?:original +(?:message|e-?mail|appointment)|원본 *(?:메시지|메세지|메일|이메일|내용)"
    r"|원문 *(?:메일|메시지)?|답장 *원문|이전 *(?:메일|메시지))[-=_* ]{2,60}",
    re.IGNORECASE,
)
_RULE = re.compile(r"[_\-=*─━]{5,}")
_HEADER = re.compile(
    r"[>*\s]*(?:(?P<from>from|보낸\s*사람|보낸\s*이|발신(?:인|자)?|발송인)|(?P<other>to|cc|bcc|sent|date|subject|reply-to"
    r"|받는\s*사람|받는\s*이|수신(?:인|자)?|참조|숨은\s*참조|보낸\s*날짜|보낸\s*시간|보낸\s*일시|날짜|일시|작성일|제목))"
    r"\s*\*?\s*[::]",
    re.IGNORECASE,
)
# "On … wrote:" and its Korean sisters: a date with a time, or an address, then the verb and a colon.
_ATTRIBUTION = (
    re.compile(r"on\s.{4,300}\swrote\s*:", re.IGNORECASE),
    re.compile(
        r"(?:\d{2,4} ?년|\d{4} ?[-./]) ?\d{1,2}.{2,60}?\d{1,2} ?[:시].{0,250}"
        r"(?:작성(?:함|한 글|했습니다)?|썼습니다|씀|쓴 ?글|쓰셨습니다|님의 ?말) ?[::]"
    ),
    re.compile(
        r".{0,200}<[^<> ]+@[^<> ]+> ?(?:님이|님께서|이\(가\)|이|가)? ?(?:작성|wrote|썼습니다|쓴 ?글) ?[::]",
        re.IGNORECASE,
    ),
)
_ATTRIBUTION_BEGINS = re.compile(r"on\s|\d{2,4} ?년|\d{4} ?[-./]|.{0,200}<", re.IGNORECASE)
_DEVICE = re.compile(
    r"(?:나의|내|제)?\s*(?:iphone|ipad|아이폰|아이패드|galaxy|갤럭시|휴대폰|스마트폰|samsung\s*mobile|삼성\s*모바일)"
    r"(?:\s*(?:스마트폰|폰|기기|탭))?\s*에서\s*(?:보냄|보냈습니다|보낸\s*메일입니다|전송됨|발송)"
    r"|sent\s+from\s+(?:my|a|an|mail\s+for|outlook|yahoo|samsung|proton|the)?\s*[\w ./-]{1,60}"
    r"|get\s+outlook\s+for\s+\w+|(?:ios|android|windows)\s*용\s*(?:outlook|메일|mail)\S*\s*(?:받기|가져오기|다운로드|에서\s*보냄)"
    r"|(?:네이버|naver|다음|daum|한메일|hanmail|카카오|kakao|gmail|지메일|네이트|nate)\s*(?:메일)?\s*(?:앱|어플|app)?\s*"
    r"에서\s*(?:보냄|보냈습니다|보낸\s*메일입니다|발송(?:되었|하였)습니다)"
    r"|mail\.\w+\.com에서\s*보냄|thunderbird에서\s*보냄",
    re.IGNORECASE,
)
_LINK = re.compile(r"\s*[<(]https?://[^\s<>()]*[>)]")


def cut(text: str, *, reply: bool) -> str:
    """Returns the text without quotes and signature; the whole text when nothing else would remain. Pure.

    In what is no `reply`, lines with `>` and copied headers are the writer's own way to list or to show something.
    """
    kept = _without_signature(_without_quotes(text.split("\n"), reply=reply))
    return "\n".join(kept).strip() or text


def _without_quotes(lines: list[str], *, reply: bool) -> list[str]:
    kept: list[str] = []
    number = 0
    while number < len(lines):
        if attribution := _attribution(lines, number):
            number += attribution
            if not _quote_follows(lines, number):
                break
            reply = True
        elif _is_divider(lines, number, reply=reply):
            break
        else:
            if not (reply and lines[number].lstrip().startswith(">")):
                kept.append(lines[number])
            number += 1
    return kept


def _attribution(lines: list[str], number: int) -> int:
    """Returns over how many lines an "… wrote:" stands here, 0 for none."""
    first = lines[number].strip()
    if len(first) > _LINE or not _ATTRIBUTION_BEGINS.match(first):
        return 0
    joined = ""
    for count, line in enumerate(lines[number : number + _ATTRIBUTION_LINES], start=1):
        if not line.strip() or len(joined) > _LINE:
            return 0
        joined = f"{joined} {line.strip()[:_LINE]}".strip()
        if any(pattern.fullmatch(joined) for pattern in _ATTRIBUTION):
            return count
    return 0


def _quote_follows(lines: list[str], number: int) -> bool:
    """With `>` before the quoted lines, what follows them is the writer's again."""
    following = next((line.strip() for line in lines[number:] if line.strip()), "")
    return following.startswith(">")


def _is_divider(lines: list[str], number: int, *, reply: bool) -> bool:
    line = lines[number].strip()
    if not line or len(line) > _LINE:
        return False
    if _DIVIDER.fullmatch(line):
        return True
    if not reply:
        return False
    following = lines[number + 1 : number + 1 + _HEADER_LINES]
    if _RULE.fullmatch(line):
        text = [other for other in following if other.strip()]
        return bool(text) and _is_header_block(text)
    return _is_header_block([line, *following])


def _is_header_block(lines: list[str]) -> bool:
    """Whether a copied mail header begins here: a sender, and two of date, recipient and subject right below; or all
    of them without a gap, in whatever order."""
    found = [_HEADER.match(line[:_LINE]) for line in lines[:_HEADER_LINES]]
    if found[0] and found[0]["from"]:
        return sum(bool(match and match["other"]) for match in found) >= 2
    whole = [match for match in found[:_WHOLE_LINES] if match]
    return len(whole) == _WHOLE_LINES and any(match["from"] for match in whole)


def _without_signature(lines: list[str]) -> list[str]:
    lines = _trimmed(lines)
    for number, line in enumerate(lines):
        if (
            line.rstrip() == "--"
            and 0 < len(lines) - number <= _SIGNATURE_LINES
            and any(map(str.strip, lines[:number]))
        ):
            lines = _trimmed(lines[:number])
            break
    while lines and _is_device(lines[-1]):
        lines = _trimmed(lines[:-1])
    return lines


def _is_device(line: str) -> bool:
    return len(line) < 200 and bool(_DEVICE.fullmatch(_LINK.sub("", line).strip(" .-*_")))


def _trimmed(lines: list[str]) -> list[str]:
    end = len(lines)
    while end and not lines[end - 1].strip():
        end -= 1
    return lines[:end]
