"""A reply as the bytes of a mail: the same reply is the same bytes, every time."""

import re
from base64 import encodebytes
from collections.abc import Sequence
from email.header import Header
from email.utils import format_datetime
from hashlib import sha256

import msgspec

from connectors._mail import headers
from connectors._mail.loops import without_tag
from connectors._mail.ticket import Tickets
from core.clock import SEOUL
from core.errors import Rejected
from core.reply import Picture, Reply
from core.text import clean

_SUBJECT_CHARACTERS = 200
_REFERENCES = 30
_LINE = 900


class Letterhead(msgspec.Struct, frozen=True, kw_only=True):
    """What all our mail has in common: our receiving addresses, the one we write from, its name, our host's name."""

    # What makes addresses for replies to one letter; None: replies come to the plain address.
    tickets: Tickets | None = None

    addresses: frozenset[str]
    from_address: str
    display_name: str
    hostname: str


def message_id(reply: Reply, hostname: str) -> str:
    """Returns the Message-ID, the same for every try."""
    return f"<{re.sub(r'[^A-Za-z0-9._-]', '', reply.id)}@{hostname}>"


def recipient(reply: Reply) -> str:
    """Returns the address as it may stand in a mail dialogue; raises `Rejected` when it is none."""
    to = reply.to.strip()
    local, _, domain = to.rpartition("@")
    if not to.isprintable() or not headers.address(to.encode("utf-8", "replace")) or local.startswith("-"):
        raise Rejected("the recipient is no mail address; correct it in the case and send the answer again")
    try:
        return f"{local}@{domain.encode('idna').decode('ascii')}"
    except UnicodeError as error:
        raise Rejected("the recipient's domain is none; correct it in the case and send the answer again") from error


def compose(reply: Reply, letterhead: Letterhead) -> bytes:
    """Returns the mail with CR LF line ends; raises `Rejected` when the recipient is no address."""
    fields = [
        ("From", _mailbox(letterhead)),
        ("To", recipient(reply)),
        ("Subject", _subject(reply, letterhead)),
        ("Date", format_datetime(reply.created_at.astimezone(SEOUL))),
        ("Message-ID", message_id(reply, letterhead.hostname)),
        ("Reply-To", _answers_to(reply, letterhead)),
        *_thread(reply),
        *_courtesy(reply, letterhead),
        ("MIME-Version", "1.0"),
    ]
    encoding, body = _body(reply.text)
    words = _part([("Content-Type", "text/plain; charset=utf-8"), ("Content-Transfer-Encoding", encoding)], body)
    if not reply.pictures:
        return _head(fields) + words
    # No line of base64 begins with two hyphens, and whoever writes words does not know the digest of what they wrote.
    boundary = f"=_{sha256(words).hexdigest()[:32]}"
    parts = b"".join(b"--%b\r\n%b\r\n" % (boundary.encode(), part) for part in (words, *map(_picture, reply.pictures)))
    kind = ("Content-Type", f'multipart/mixed; boundary="{boundary}"')
    return _part([*fields, kind], parts + b"--%b--\r\n" % boundary.encode())


def _picture(picture: Picture) -> bytes:
    name = re.sub(r"[^A-Za-z0-9._-]", "_", picture.name)
    fields = [
        ("Content-Type", f'{picture.media_type}; name="{name}"'),
        ("Content-Disposition", f'attachment; filename="{name}"'),
        ("Content-Transfer-Encoding", "base64"),
    ]
    return _part(fields, encodebytes(picture.data).replace(b"\n", b"\r\n"))


def _part(fields: Sequence[tuple[str, str]], body: bytes) -> bytes:
    return _head(fields) + b"\r\n" + body


def _head(fields: Sequence[tuple[str, str]]) -> bytes:
    return "".join(f"{name}: {value}\r\n" for name, value in fields).encode()


def return_path(reply: Reply, letterhead: Letterhead) -> str:
    """Returns the envelope's sender: nobody for an automatic mail (RFC 3834), else an address that tells which letter
    came back."""
    if reply.automatic:
        return ""
    return _ticketed(letterhead.from_address, reply, letterhead)


def _thread(reply: Reply) -> list[tuple[str, str]]:
    """In-Reply-To and References: the oldest first, what is answered last. A `Message` lists its own references
    nearest first, and a native id may carry more than the Message-ID."""
    answered = headers.message_ids(reply.in_reply_to.encode("utf-8", "replace"))[:1]
    cited = " ".join(reply.references[::-1]).encode("utf-8", "replace")
    chain = [name for name in headers.message_ids(cited) if name not in answered]
    chain = [*chain[:1], *chain[1:][-_REFERENCES:], *answered]
    found = [("In-Reply-To", name) for name in answered]
    return [*found, ("References", "\r\n ".join(chain))] if chain else found


def _courtesy(reply: Reply, letterhead: Letterhead) -> list[tuple[str, str]]:
    """What keeps machines from answering machines (RFC 3834)."""
    loop = ("X-Loop", letterhead.from_address)
    if not reply.automatic:
        return [loop]
    return [("Auto-Submitted", "auto-replied"), ("X-Auto-Response-Suppress", "All"), loop]


def _mailbox(letterhead: Letterhead) -> str:
    name = _line(letterhead.display_name)
    if not name:
        return letterhead.from_address
    quoted = '"' + name.replace("\\", "").replace('"', "") + '"' if name.isascii() else _encoded(name, "From")
    return f"{quoted} <{letterhead.from_address}>"


def _answers_to(reply: Reply, letterhead: Letterhead) -> str:
    """The address that the citizen wrote to, when it is ours."""
    account = without_tag(reply.account.strip().lower())
    return _ticketed(account if account in letterhead.addresses else letterhead.from_address, reply, letterhead)


def _ticketed(address: str, reply: Reply, letterhead: Letterhead) -> str:
    """What would come to an address that is not received here bears no ticket."""
    if letterhead.tickets is None or address not in letterhead.addresses:
        return address
    return letterhead.tickets.address(address, reply.id)


def _subject(reply: Reply, letterhead: Letterhead) -> str:
    subject = _line(reply.subject) or _line(f"[{letterhead.display_name or letterhead.from_address}] {reply.case}")
    subject = subject[:_SUBJECT_CHARACTERS]
    return subject if subject.isascii() else _encoded(subject, "Subject")


def _encoded(text: str, name: str) -> str:
    return Header(text, "utf-8", header_name=name, maxlinelen=75).encode(linesep="\r\n")


def _line(text: str) -> str:
    """One line: whoever wrote it begins no header of his own."""
    return clean(text).replace("\n", " ")


def _body(text: str) -> tuple[str, bytes]:
    lines = text.replace("\r\n", "\n").replace("\r", "\n").rstrip("\n").split("\n")
    body = "".join(f"{line}\r\n" for line in lines).encode("utf-8", "replace")
    if body.isascii() and max(map(len, lines)) < _LINE:
        return "7bit", body
    return "base64", encodebytes(body).replace(b"\n", b"\r\n")
