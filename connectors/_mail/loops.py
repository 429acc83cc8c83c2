"""Signs that no person wrote a mail, or that it must not be answered by itself (RFC 3834 and common practice).

Each sign begins with what it speaks for: "report: ", "automatic: ", "bulk: ", "echo: ", "suppress: "."""

import re
from collections.abc import Iterator

import msgspec

from connectors._mail import bounces, decode, headers
from connectors._mail.mime import Part

TO_OTHERS = "suppress: not addressed to us"
_RECEIVED = 30
# Nobody writes from these.
_ROBOTS = re.compile(
    r"mailer-daemon|mail-?daemon|(?:.+[-_.])?(?:no|do-?not)[-_.]?reply(?:[-_.+].*)?|.+-request"
    r"|owner-.+|.+-owner|listserv|majordomo|autoresponder|auto-?reply"
)
_BOUNCES = re.compile(r".+-bounces?|bounces?[-+].+")
# These have a mailbox that somebody may read and write from.
_STAFFED = re.compile(r"postmaster|bounces?")
_MACHINE = "automatic: sender is a machine"
_UNSURE = "suppress: sender is an address for bounces"
_LISTS = (
    b"list-id",
    b"list-post",
    b"list-help",
    b"list-unsubscribe",
    b"list-subscribe",
    b"list-owner",
    b"list-archive",
)
_AUTOREPLY = (b"x-autoreply", b"x-autorespond", b"x-autoreply-from", b"x-auto-reply")
_REPORT_TYPES = {
    "delivery-status": "delivery status",
    "disposition-notification": "disposition notification",
    "feedback-report": "feedback",
}


class Ours(msgspec.Struct, frozen=True, kw_only=True):
    """By what we know our own: the addresses we receive and the name that our Message-IDs and X-Loop carry."""

    addresses: frozenset[str]
    hostname: str


def signals(root: Part, sender: str | None, own_id: str, ours: Ours) -> tuple[str, ...]:
    """Returns every sign found, each once. `sender` is the envelope's, None when there was no envelope."""
    author = headers.mailbox(root.get(b"from")).address
    said, bulk = [*_reports(root), *_automatic(root, sender)], list(_bulk(root))
    found = [*said, *_address(root, sender, author, is_told=bool(said or bulk)), *bulk]
    return tuple(dict.fromkeys([*found, *_echo(root, author, own_id, ours), *_suppress(root, ours)]))


def without_tag(address: str) -> str:
    """Returns a plus-address without its tag: minwon+x@… is minwon@…"""
    local, at, domain = address.rpartition("@")
    return local.partition("+")[0] + at + domain


def _reports(root: Part) -> Iterator[str]:
    if root.declared == "multipart/report":
        kind = root.params.get("report-type", "").lower()
        yield f"report: {_REPORT_TYPES.get(kind, 'multipart/report')}"


def _automatic(root: Part, sender: str | None) -> Iterator[str]:
    if sender == "" or (sender is None and root.get(b"return-path").strip() == b"<>"):
        yield "automatic: null return path"
    submitted = _word(root, b"auto-submitted")
    if submitted and submitted != "no":
        yield f"automatic: auto-submitted {submitted}"
    if any(root.has(name) for name in _AUTOREPLY):
        yield "automatic: x-autoreply"
    if _word(root, b"precedence") in ("auto_reply", "auto-reply"):
        yield "automatic: precedence auto_reply"


def _address(root: Part, sender: str | None, author: str, *, is_told: bool) -> Iterator[str]:
    """What the names of author and envelope say. Bounces go to many an envelope's address in whose name a person
    writes, so that one alone, without another sign (`is_told`) or a bounce's subject, proves no machine."""
    written, brought = (address.rpartition("@")[0].lower() for address in (author, sender or ""))
    if _ROBOTS.fullmatch(written) or _ROBOTS.fullmatch(brought) or _BOUNCES.fullmatch(written):
        yield _MACHINE
    elif _STAFFED.fullmatch(written) or _STAFFED.fullmatch(brought) or _BOUNCES.fullmatch(brought):
        yield _MACHINE if is_told or bounces.is_told_by(decode.header(root.get(b"subject"))) else _UNSURE


def _bulk(root: Part) -> Iterator[str]:
    precedence = _word(root, b"precedence")
    if precedence in ("bulk", "junk", "list"):
        yield f"bulk: precedence {precedence}"
    if any(root.has(name) for name in _LISTS):
        yield "bulk: mailing list"


def _echo(root: Part, author: str, own_id: str, ours: Ours) -> Iterator[str]:
    if own_id.rstrip(">").rpartition("@")[2].lower() == ours.hostname.lower():
        yield "echo: our own message-id"
    if any(without_tag(address) in ours.addresses for address in headers.addresses(root.every(b"x-loop"))):
        yield "echo: our own x-loop"
    if without_tag(author) in ours.addresses:
        yield "echo: from our own address"
    if len(root.every(b"received")) > _RECEIVED:
        yield "echo: too many hops"


def _suppress(root: Part, ours: Ours) -> Iterator[str]:
    suppressed = b" ".join(root.every(b"x-auto-response-suppress")).decode("latin-1").lower()
    if re.search(r"\b(?:all|autoreply|oof)\b", suppressed):
        yield "suppress: x-auto-response-suppress"
    named = root.every(b"to") + root.every(b"cc") + root.every(b"resent-to") + root.every(b"resent-cc")
    # A mail that names no recipient at all is a bare one; one that names others came to us blind or by a list.
    if named and not any(without_tag(address) in ours.addresses for address in headers.addresses(named)):
        yield TO_OTHERS


def _word(root: Part, name: bytes) -> str:
    """A header's first word in lower case; letters and hyphens only, for it stands in records."""
    found = re.match(r"[a-z_-]{1,40}", root.get(name).decode("latin-1").lower())
    return found[0] if found else ""
