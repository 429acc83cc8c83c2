"""What is read of a mail at the door: as little as its identity needs. Parsing waits for the worker."""

import re
from datetime import datetime
from hashlib import blake2b

from connectors._mail.loops import without_tag
from core.message import Arrival, Envelope

_ANGLE = re.compile(rb"<([\x21-\x3b\x3d\x3f-\x7e]{1,900})>")
_FOLD = re.compile(rb"\r?\n[ \t]")
_HEADER_BYTES = 262_144
MEDIA_TYPE = "message/rfc822"
# Among the options of an envelope: who logged in to hand the mail in. No option of a dialogue has a blank.
HANDED_IN = "HANDED-IN "


def arrival(name: str, raw: bytes, envelope: Envelope, received_at: datetime) -> Arrival:
    """Returns the mail as it is made durable. Its native id is the Message-ID with a digest of sender and body:
    the same mail brought again is the same, a forged Message-ID swallows nobody else's mail."""
    head, body = _split(raw)
    sender = envelope.sender.lower().encode("utf-8", "replace")
    digest = _digest(sender, body)
    message_id = _message_id(head) or _made_up(head, digest)
    account = without_tag(envelope.recipients[0].lower()) if envelope.recipients else ""
    return Arrival(
        id="",
        channel=name,
        account=account,
        native_id=f"{message_id} {digest}",
        # A bounce has no sender; bounces need no order among each other.
        key=_digest(sender or digest.encode()),
        received_at=received_at,
        raw=raw,
        media_type=MEDIA_TYPE,
        envelope=envelope,
    )


def _split(raw: bytes) -> tuple[bytes, bytes]:
    dos = raw.find(b"\r\n\r\n", 0, _HEADER_BYTES)
    unix = raw.find(b"\n\n", 0, dos if dos >= 0 else _HEADER_BYTES)
    end = unix if unix >= 0 else dos
    return (raw[:end], raw[end:].lstrip()) if end >= 0 else (raw[:_HEADER_BYTES], raw)


def _message_id(head: bytes) -> str:
    """Returns the Message-ID in angle brackets, "" when there is none that could be cited."""
    found = _ANGLE.search(_field(head, b"message-id"))
    return f"<{found[1].decode('ascii')}>" if found else ""


def _made_up(head: bytes, digest: str) -> str:
    """What a sender without Message-ID repeats when it tries again: its date, subject and body."""
    told = b"\n".join(_field(head, name) for name in (b"date", b"from", b"subject"))
    return f"<{_digest(told, digest.encode())}@no-message-id.invalid>"


def _field(head: bytes, name: bytes) -> bytes:
    """Returns the first header of that name, unfolded, b"" when there is none."""
    lower = head.lower()
    start = 0 if lower.startswith(name + b":") else lower.find(b"\n" + name + b":") + 1
    if start == 0 and not lower.startswith(name + b":"):
        return b""
    start += len(name) + 1
    value = _FOLD.sub(b" ", head[start : start + 2_000])
    return value.partition(b"\n")[0].strip()


def _digest(*parts: bytes) -> str:
    digest = blake2b(digest_size=16)
    for part in parts:
        digest.update(len(part).to_bytes(8, "big"))
        digest.update(part)
    return digest.hexdigest()
