"""From the raw bytes of a mail to the Message that every channel's payload becomes."""

from hashlib import sha256

from connectors._mail import body, decode, headers, loops, mime, quotes, report
from connectors._mail.mime import Part
from core.errors import Rejected
from core.message import Arrival, Assurance, Author, DeliveryReport, Message

_CLAIMED = Assurance.SELF_DECLARED
_SUBJECT_CHARACTERS = 1_000
_ANSWERED = ("re:", "re :", "[re]", "답장:", "회신:", "[답장]", "[회신]")
_FORWARDED = ("fw:", "fwd:", "전달:", "[전달]", "[fwd]", "fw :", "전달 :")


def message_of(arrival: Arrival, ours: loops.Ours, trusted_authserv_id: str) -> Message:
    """Returns the message; raises `Rejected` when there are no bytes to read."""
    if not arrival.raw.strip():
        raise Rejected("an empty mail: nothing was sent after DATA; ask the sender to send it again")
    root = mime.read(arrival.raw)
    own_id = arrival.native_id.partition(" ")[0]
    sender = headers.address((arrival.envelope.sender if arrival.envelope else "").encode("utf-8", "replace"))
    parent, references, root_id = headers.threading(root.get(b"in-reply-to"), root.get(b"references"))
    subject = decode.header(root.get(b"subject"))[:_SUBJECT_CHARACTERS]
    signals, told = _signs(root, arrival, own_id, ours)
    author = _author(root, trusted_authserv_id, sender)
    content = body.gather(root)
    reply_to = sender if arrival.envelope else author.handle
    return Message(
        id=arrival.id,
        channel=arrival.channel,
        account=arrival.account,
        native_id=arrival.native_id,
        version=arrival.version,
        received_at=arrival.received_at,
        conversation=root_id or own_id,
        author=author,
        text=_written_anew(content.text, subject, is_reply=bool(parent)),
        subject=subject,
        attachments=content.attachments,
        sent_at=headers.date(root.get(b"date")),
        in_reply_to=parent,
        references=references,
        reply_to=reply_to,
        replyable=bool(reply_to),
        signals=signals,
        report=told,
        raw_digest=sha256(arrival.raw).hexdigest(),
    )


def _signs(
    root: Part, arrival: Arrival, own_id: str, ours: loops.Ours
) -> tuple[tuple[str, ...], DeliveryReport | None]:
    """What speaks against a person having written this, and what it reports of a mail of ours."""
    signals = loops.signals(root, arrival.envelope.sender if arrival.envelope else None, own_id, ours)
    told = report.read(root, signals, ours.hostname)
    if told and not signals[0].startswith("report: "):
        signals = ("report: bounce in prose", *signals)
    return signals, told


def _written_anew(text: str, subject: str, *, is_reply: bool) -> str:
    """What somebody passes on is what they want us to read; what they answer is ours already."""
    subject = subject.lower()
    if subject.startswith(_FORWARDED):
        return text
    return quotes.cut(text, reply=is_reply or subject.startswith(_ANSWERED))


def _author(root: Part, trusted_authserv_id: str, sender: str) -> Author:
    """Whoever the mail says it is from, else whoever brought it; believed only when our own gateway vouches for it."""
    written = root.every(b"from")
    box = headers.mailbox(written[0]) if written else headers.Mailbox()
    if not box.address:
        return Author(handle=sender, name=box.name, assurance=_CLAIMED if sender else Assurance.ANONYMOUS)
    results = root.every(b"authentication-results") if len(written) == 1 else []
    verified = headers.is_verified(results, trusted_authserv_id, box.address)
    return Author(handle=box.address, name=box.name, assurance=Assurance.CHANNEL_VERIFIED if verified else _CLAIMED)
