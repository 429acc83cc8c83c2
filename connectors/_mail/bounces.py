"""Bounces in prose: what mail systems say that do not write delivery reports (RFC 3464).

qmail, Exim, Exchange and Lotus of old, the Korean portals: each has its words. What counts is that the mail comes from
a mail system and names a mail that only we can have sent; the words tell the rest as well as they can.
"""

import re

from connectors._mail import decode, headers
from connectors._mail.body import plain_text
from connectors._mail.html import text_of
from connectors._mail.mime import Part
from core.message import DeliveryReport
from core.text import clean

_READ_CHARACTERS = 65_536
_WORDS_CHARACTERS = 4_000
_DAEMON = re.compile(r"mailer-daemon|postmaster|mail-?daemon|mail\.?delivery.*|daemon|mdaemon|mmdf|smtp", re.IGNORECASE)
_STATUS = re.compile(r"(?<![\d.])([245]\.\d{1,3}\.\d{1,3})(?![\d.])")
_CODE = re.compile(r"(?<![\d.:-])([45])\d{2}(?=[ -](?:[45]\.\d|\D))")
_DELAYED = re.compile(
    r"delay(?:ed)?\b|\bwarning\b|will (?:keep|be) (?:trying|retr)|still being retried|지연|재시도|다시 (?:시도|전송)",
    re.IGNORECASE,
)
_FAILED = re.compile(
    r"undeliver|not (?:be )?delivered|fail|returned|reject|permanent|giving up|could ?n[o']t|unable to|unknown user"
    r"|no such user|반송|실패|전송되지|전달되지|배달되지|존재하지 않|수신 ?거부|용량 ?초과|휴면",
    re.IGNORECASE,
)
# "To", "Delivery to", "수신자": what stands before the address that could not be reached.
_RECIPIENT = re.compile(
    r"(?:recipients?|addressee|address(?:es)?|deliver(?:y|ed)? to|받는 ?사람|수신자|수신인)[^@<\n]{0,60}[\s<:]"
    r"([\w.+-]{1,64}@[\w.-]{1,190}\w)|^\s*<([\w.+-]{1,64}@[\w.-]{1,190}\w)>:?\s*$",
    re.IGNORECASE | re.MULTILINE,
)


def read(root: Part, signals: tuple[str, ...], hostname: str, ticket: str) -> DeliveryReport | None:
    """Returns what became of a mail of ours, None when the mail is no bounce or names nothing that we sent."""
    told = root.get(b"x-failed-recipients")
    local = headers.mailbox(root.get(b"from")).address.rpartition("@")[0]
    is_system = bool(_DAEMON.fullmatch(local)) or bool(told)
    if not is_system and not _has_no_sender(signals):
        return None
    words = _words(root)
    subject = decode.header(root.get(b"subject"))
    found = _ours_in(root, hostname)
    if not found and (is_system or _FAILED.search(subject + "\n" + words)):
        found = ticket or _cited(root, hostname)
    if not found:
        return None
    status = _status(words)
    return DeliveryReport(
        action=_action(status, subject, words),
        status=status,
        recipient=headers.addresses([told])[0] if headers.addresses([told]) else _recipient(words, hostname),
        original_id=ticket or found,
    )


def is_told_by(subject: str) -> bool:
    """Whether a subject is one of a mail that came back or is late."""
    return bool(_FAILED.search(subject) or _DELAYED.search(subject))


def _has_no_sender(signals: tuple[str, ...]) -> bool:
    """The null return path of a bounce; a person's absence notice has it too, and says what it is."""
    return "automatic: null return path" in signals and not any("auto-replied" in signal for signal in signals)


def _words(root: Part) -> str:
    """What the mail system itself says: the first text, before our mail that it brings back."""
    for leaf in root.leaves():
        if leaf.media_type in ("text/plain", "text/html"):
            text = plain_text(leaf)[:_READ_CHARACTERS]
            return clean(text_of(text) if leaf.media_type == "text/html" else text)[:_WORDS_CHARACTERS]
    return ""


def _ours_in(root: Part, hostname: str) -> str:
    """The Message-ID that only we give, wherever the mail that came back is shown."""
    own = re.compile(rf"<[\w.+-]{{8,80}}@{re.escape(hostname)}>", re.IGNORECASE)
    for leaf in root.leaves():
        text = plain_text(leaf)[:_READ_CHARACTERS].replace("&lt;", "<").replace("&gt;", ">")
        if found := own.search(text):
            return clean(found[0])
    return ""


def _cited(root: Part, hostname: str) -> str:
    """The Message-ID of ours in the headers of a mail system's mail that shows nothing of what came back."""
    cited = headers.message_ids(root.get(b"in-reply-to")) + headers.message_ids(root.get(b"references"))
    return next((name for name in cited if name.lower().endswith(f"@{hostname.lower()}>")), "")


def _status(words: str) -> str:
    if found := _STATUS.search(words):
        return found[1]
    code = _CODE.search(words)
    return f"{code[1]}.0.0" if code else ""


def _action(status: str, subject: str, words: str) -> str:
    if status.startswith("5"):
        return "failed"
    if status.startswith("4") or (_DELAYED.search(f"{subject}\n{words}") and not _FAILED.search(subject)):
        return "delayed"
    return "failed"


def _recipient(words: str, hostname: str) -> str:
    for found in _RECIPIENT.finditer(words):
        address = headers.address((found[1] or found[2]).encode())
        if address and not address.endswith("@" + hostname.lower()):
            return address
    return ""
