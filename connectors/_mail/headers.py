"""What single headers say: mailboxes, Message-IDs, dates, authentication results. Everything hostile until read."""

import re
from datetime import UTC, datetime, timedelta, timezone

import msgspec

from connectors._mail import decode
from core.text import clean

_VALUE = 16_384
_NAME = 320
_ADDRESS = re.compile(r"[^\s<>\"(),;:@\\]{1,128}@[^\s<>\"(),;:@\\]{1,190}")
_MESSAGE_IDS = 50
_MESSAGE_ID = re.compile(r"<([^<>\s]{1,900})>")
_BARE_ID = re.compile(r"[^\s<>\"(),;]{1,450}@[^\s<>\"(),;]{1,450}")
_ANGLE = re.compile(rb"<([^<>]*)>")
_BARE_ADDRESS = re.compile(rb"[^\s<>\"(),;:]{1,250}@[^\s<>\"(),;:]{1,250}")
_COMMENT = re.compile(rb"\(([^()]*)\)")
_BLANKS = re.compile(rb"\s*([.@])\s*")
_DATE = re.compile(
    r"(\d{1,2})[\s-]+([a-z]{3})[a-z]*[\s-]+(\d{2,4})\s+(\d{1,2})\s*:\s*(\d{2})(?:\s*:\s*(\d{2}))?\s*(?:([+-])(\d{2}):?(\d{2})|([a-z]{1,5}))?",
    re.IGNORECASE,
)
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_ZONES = {"kst": 9, "jst": 9, "est": -5, "edt": -4, "cst": -6, "cdt": -5, "mst": -7, "mdt": -6, "pst": -8, "pdt": -7}
_RESULT = re.compile(r"\bdmarc\s*=\s*pass\b")
_RESULT_FROM = re.compile(r"\bheader\.from\s*=\s*\"?([^\s;\"]+)")


class Mailbox(msgspec.Struct, frozen=True):
    address: str = ""
    name: str = ""


def mailbox(value: bytes) -> Mailbox:
    """Returns the first mailbox of a From. The address is read before anything is decoded, so that an encoded
    display name cannot pass for one."""
    value = value[:_VALUE]
    angle = _ANGLE.search(value)
    if angle:
        name = value[: angle.start()].strip().strip(b'"').replace(b'\\"', b'"')
        return Mailbox(address(_bare(angle[1][:_NAME])), decode.header(name)[:_NAME])
    bare = _BARE_ADDRESS.search(_COMMENT.sub(b" ", value))
    comment = _COMMENT.search(value)
    return Mailbox(address(bare[0]) if bare else "", decode.header(comment[1])[:_NAME] if comment else "")


def _bare(raw: bytes) -> bytes:
    """Returns an address without the comments and blanks that old programs wrote into it (RFC 5322, 4.4)."""
    return _BLANKS.sub(rb"\1", _COMMENT.sub(b"", raw))


def address(raw: bytes) -> str:
    """Returns an address in lower case, "" when it is none."""
    text = clean(raw.decode("utf-8", "replace")).lower()
    return text if _ADDRESS.fullmatch(text) and "\ufffd" not in text else ""


def addresses(values: list[bytes]) -> list[str]:
    """Returns every address in To or Cc headers."""
    joined = b",".join(values)[:_VALUE]
    return [text for found in _BARE_ADDRESS.findall(joined) if (text := address(found))]


def message_ids(value: bytes) -> list[str]:
    """Returns the Message-IDs in References or In-Reply-To in their order, each in angle brackets."""
    text = clean(value[:_VALUE].decode("utf-8", "replace"))
    found = _MESSAGE_ID.findall(text) or _BARE_ID.findall(text)
    return [f"<{name}>" for name in dict.fromkeys(found)]


def threading(in_reply_to: bytes, references: bytes) -> tuple[str, tuple[str, ...], str]:
    """Returns what the mail answers, its references (nearest first) and the first mail of the thread ("")."""
    parents = message_ids(in_reply_to)
    chain = message_ids(references)
    parent = parents[0] if parents else (chain[-1] if chain else "")
    root = chain[0] if chain else parent
    return parent, tuple(chain[::-1][:_MESSAGE_IDS]), root


def date(value: bytes) -> datetime | None:
    """Returns the instant in UTC, None when the header names none."""
    found = _DATE.search(_COMMENT.sub(b"", value[:200]).decode("latin-1"))
    if not found or found[2].lower() not in _MONTHS:
        return None
    day, year, hour, minute = (int(found[group]) for group in (1, 3, 4, 5))
    # RFC 5322, 4.3: years of two digits are of 1950 to 2049.
    year += 0 if year > 999 else 1900 if year > 49 else 2000
    zone = timezone(_offset(found[7], found[8], found[9], found[10]))
    try:
        second = min(int(found[6] or 0), 59)
        month = _MONTHS.index(found[2].lower()) + 1
        return datetime(year, month, day, hour, minute, second, tzinfo=zone).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _offset(sign: str | None, hours: str | None, minutes: str | None, name: str | None) -> timedelta:
    if not sign:
        return timedelta(hours=_ZONES.get((name or "").lower(), 0))
    offset = timedelta(hours=min(int(hours or 0), 23), minutes=min(int(minutes or 0), 59))
    return -offset if sign == "-" else offset


def is_verified(results: list[bytes], trusted: str, author: str) -> bool:
    """Whether our own mail server vouches for the author's domain: only the topmost result that bears its name
    counts, whatever others wrote below it."""
    for value in results if trusted else ():
        text = _COMMENT.sub(b" ", value[:_VALUE]).decode("utf-8", "replace").lower()
        server, _, result = text.partition(";")
        if server.split()[:1] != [trusted.lower()]:
            continue
        domain = _RESULT_FROM.search(result)
        return bool(_RESULT.search(result)) and bool(domain and author.endswith("@" + domain[1]))
    return False
