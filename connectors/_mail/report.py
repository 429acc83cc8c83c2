"""What a delivery report (RFC 3464), a receipt (RFC 8098) or a plain bounce says became of a mail of ours."""

import re

from connectors._mail import bounces, headers
from connectors._mail.mime import Part, read_headers
from core.message import DeliveryReport

_ACTIONS = frozenset({"failed", "delayed", "delivered", "relayed", "expanded"})
_STATUS = re.compile(r"\b([245]\.\d{1,3}\.\d{1,3})\b")
_READ_CHARACTERS = 65_536


def read(root: Part, signals: tuple[str, ...], hostname: str, ticket: str) -> DeliveryReport | None:
    """Returns what is reported, None when the mail is no report. `ticket` is the Message-ID of the letter that the
    address it came to stands for, "" for none."""
    if root.declared == "multipart/report":
        return _structured(root, ticket)
    return bounces.read(root, signals, hostname, ticket)


def _structured(root: Part, ticket: str) -> DeliveryReport:
    fields = _fields(root)
    original = ticket or _first_id(fields.get(b"original-message-id", b"")) or _returned_id(root)
    status = _STATUS.search(fields.get(b"status", b"").decode("latin-1"))
    recipient = fields.get(b"final-recipient") or fields.get(b"original-recipient") or b""
    return DeliveryReport(
        action=_action(root, fields, status[1] if status else ""),
        status=status[1] if status else "",
        recipient=headers.address(recipient.rpartition(b";")[2]),
        original_id=original,
    )


def _action(root: Part, fields: dict[bytes, bytes], status: str) -> str:
    action = fields.get(b"action", b"").strip().lower().decode("latin-1")
    if action in _ACTIONS:
        return action
    if b"disposition" in fields:
        return re.sub(r"[^a-z]", "", fields[b"disposition"].decode("latin-1").lower().rpartition(";")[2])[:20]
    if root.params.get("report-type", "").lower() == "feedback-report":
        return "complaint"
    return {"2": "delivered", "4": "delayed"}.get(status[:1], "failed")


def _fields(root: Part) -> dict[bytes, bytes]:
    """The fields of every status part; of a name that comes twice the first."""
    fields: dict[bytes, bytes] = {}
    for leaf in root.leaves():
        if leaf.media_type.startswith("message/") and leaf.media_type not in ("message/rfc822", "message/global"):
            data = leaf.content()[:_READ_CHARACTERS]
            for group in re.split(rb"\r?\n[ \t]*\r?\n", data):
                for name, value in read_headers(group, 0, len(group))[0]:
                    fields.setdefault(name, value)
    return fields


def _returned_id(root: Part) -> str:
    """The Message-ID of the mail that came back, whole or its headers only."""
    for leaf in root.leaves():
        if leaf.media_type in ("message/rfc822", "message/global", "text/rfc822-headers", "message/rfc822-headers"):
            data = leaf.content()[:_READ_CHARACTERS]
            for name, value in read_headers(data, 0, len(data))[0]:
                if name == b"message-id":
                    return _first_id(value)
    return ""


def _first_id(value: bytes) -> str:
    return next(iter(headers.message_ids(value)), "")
