"""Mails that others recorded, read a second time by Python's own library: do both readings agree?"""

import email
import email.policy
import html
import re
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from email.errors import MessageError
from email.message import EmailMessage, Message
from email.utils import getaddresses, parsedate_to_datetime
from hashlib import sha256
from pathlib import Path

from bench._recordings_row import NONE, RIGHT, Row, beginning
from connectors.email import Email, EmailSettings
from core.errors import Rejected
from core.message import Envelope
from core.message import Message as Ours

_AT = datetime(2026, 11, 23, 1, 15, tzinfo=UTC)
_BEARER = "citizen@example.kr"
# A body without its mail, as collections of quotations have them, is tried as a reply.
_HEAD = "From: {bearer}\nMessage-ID: <{name}@example.kr>\nIn-Reply-To: <1@example.kr>\nSubject: Re: 1\n{kind}\n\n"
_KINDS = {".txt": "Content-Type: text/plain; charset=utf-8", ".html": "Content-Type: text/html; charset=utf-8"}
_TAGS = re.compile(r"<(head|style|script|title)\b.*?</\1>|<!--.*?-->|<[^>]*>", re.DOTALL | re.IGNORECASE)
# What a mail that was answered looks like in the answer.
_LEFT = re.compile(r"(?m)^>|^(From|Sent|Date|От): .*\n(.*\n)?(To|Sent|Subject|Date|Отправлено|Кому): |<.*@.*>.{0,20}:$")
_WORD = re.compile(r"\w+")


def row(path: Path, name: str) -> Row:
    """Returns what became of a mail; `name` is what the file is called in the table."""
    raw = path.read_bytes()
    if path.suffix in _KINDS:
        head = _HEAD.format(bearer=_BEARER, name=path.stem, kind=_KINDS[path.suffix])
        raw = head.encode() + raw
    connector = Email("email", EmailSettings())
    try:
        ours = connector.parse(connector.arrival(raw, Envelope(sender=_BEARER), _AT))
    except Rejected as error:
        return Row.refused(name, "email", error.reason)
    theirs = email.message_from_bytes(raw, policy=email.policy.default)
    kinds = dict.fromkeys(signal.partition(":")[0] for signal in ours.signals)
    return Row(
        name=name,
        channel="email",
        text=_text(ours, theirs),
        sender=_sender(ours, email.message_from_bytes(raw)),
        id=_id(ours, theirs),
        time=_time(ours, theirs),
        attachments=_files(ours, theirs),
        begins=beginning(ours.text),
        # That a recording of others was not written to us goes without saying.
        note="; ".join(kind for kind in kinds if kind != "suppress"),
    )


def _text(ours: Ours, mail: EmailMessage) -> str:
    mine, other = _WORD.findall(ours.text), _WORD.findall(_body(mail))
    if not mine and not other:
        return NONE
    if _LEFT.search(ours.text):
        return "a quotation is left in it"
    if mine == other:
        return RIGHT
    if mine and not Counter(mine) - Counter(other):
        return f"{RIGHT}, {len(mine)} of {len(other)} words: what is quoted is cut"
    return f"{len(mine)} words, Python reads {len(other)}"


def _body(mail: EmailMessage) -> str:
    try:
        part = mail.get_body(("plain", "html"))
        content = str(part.get_content()) if part is not None else ""
    except (MessageError, LookupError, ValueError, AttributeError, TypeError, KeyError):
        return ""
    is_html = part is not None and part.get_content_subtype() == "html"
    return html.unescape(_TAGS.sub(" ", content)) if is_html else content


def _sender(ours: Ours, mail: "Message[str, str]") -> str:
    found = getaddresses([str(mail.get("from", ""))])
    address = next((address for _, address in found if "@" in address), "")
    if not address:
        return "not given: whoever brought it" if ours.author.handle == _BEARER else "read, where Python reads none"
    return RIGHT if ours.author.handle.lower() == address.lower() else "another address than Python reads"


def _id(ours: Ours, mail: EmailMessage) -> str:
    found = re.search(r"<([^<>\s]+)>", str(mail.get("message-id", "")))
    own = ours.native_id.partition(" ")[0]
    if found is None:
        return (
            "not given: made from the mail" if own.endswith("@no-message-id.invalid>") else "another than Python reads"
        )
    return RIGHT if own == found[0] else "another than Python reads"


def _time(ours: Ours, mail: EmailMessage) -> str:
    written = str(mail.get("date", ""))
    try:
        at = parsedate_to_datetime(written)
    except (ValueError, TypeError, IndexError):
        return "not given: time of receipt" if ours.sent_at is None else "read, where Python reads none"
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    return RIGHT if ours.sent_at == at else "another than Python reads" if ours.sent_at else "not read"


def _files(ours: Ours, mail: EmailMessage) -> str:
    mine = Counter(file.digest for file in ours.attachments)
    theirs = Counter(sha256(content).hexdigest() for content in _named(mail))
    if not mine and not theirs:
        return NONE
    if not theirs - mine:
        more = (mine - theirs).total()
        return f"{RIGHT} ({mine.total()})" if not more else f"{RIGHT} ({mine.total()}, {more} without a name)"
    return f"{mine.total()}, Python finds {theirs.total()}"


def _named(mail: EmailMessage) -> Iterator[bytes]:
    """Returns the contents of parts that have a file's name or are called attachments."""
    for part in mail.walk():
        if part.is_multipart() or part is mail:
            continue
        if part.get_filename() or part.get_content_disposition() == "attachment":
            content = part.get_payload(decode=True)
            yield content if isinstance(content, bytes) else b""
