"""From the raw bytes of a mail to the Message that every channel's payload becomes."""

from hashlib import sha256

from connectors._mail import body, decode, enclosed, headers, loops, mime, quotes, report
from connectors._mail.door import HANDED_IN
from connectors._mail.mime import Part
from connectors._mail.ticket import Tickets
from core.errors import Rejected
from core.message import Arrival, Assurance, Author, DeliveryReport, Message

_CLAIMED = Assurance.SELF_DECLARED
_SUBJECT_CHARACTERS = 1_000
_RECIPIENTS = (b"delivered-to", b"x-original-to", b"to", b"cc")
_ANSWERED = ("re:", "re :", "[re]", "답장:", "회신:", "[답장]", "[회신]")
_FORWARDED = ("fw:", "fwd:", "전달:", "[전달]", "[fwd]", "fw :", "전달 :")


def message_of(arrival: Arrival, ours: loops.Ours, trusted_authserv_id: str, tickets: Tickets | None = None) -> Message:
    """Returns the message; raises `Rejected` when there are no bytes to read."""
    if not arrival.raw.strip():
        raise Rejected("an empty mail: nothing was sent after DATA; ask the sender to send it again")
    root = mime.read(arrival.raw)
    own_id = arrival.native_id.partition(" ")[0]
    sender = headers.address((arrival.envelope.sender if arrival.envelope else "").encode("utf-8", "replace"))
    ticket = tickets.letter(_recipients(root, arrival)) if tickets else ""
    parent, references, root_id = _threading(root, ticket)
    subject = decode.header(root.get(b"subject"))[:_SUBJECT_CHARACTERS]
    signals, told = _signs(root, arrival, own_id, ours, ticket)
    author = _author(root, trusted_authserv_id, sender)
    content = body.gather(root)
    # An office that hands in a citizen's mail is who brought it, not who wants to be answered.
    text = _written_anew(content.text, subject, is_reply=bool(parent))
    # What a report or a reply brings back is ours already.
    more = "" if told else enclosed.texts(root, text, with_mails=not parent)
    reply_to = sender if arrival.envelope and not handed_in(arrival) else author.handle
    return Message(
        id=arrival.id,
        channel=arrival.channel,
        account=arrival.account,
        native_id=arrival.native_id,
        version=arrival.version,
        received_at=arrival.received_at,
        conversation=root_id or own_id,
        author=author,
        text="\n\n".join(filter(None, (text, more))),
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


def handed_in(arrival: Arrival) -> bool:
    """Whether an office logged in to bring it: it was written to that office, and is meant for us all the same."""
    return any(option.startswith(HANDED_IN) for option in arrival.envelope.options) if arrival.envelope else False


def _recipients(root: Part, arrival: Arrival) -> list[str]:
    """Whom the mail came to, by its envelope and by its headers: a ticket proves itself wherever it stands."""
    said = arrival.envelope.recipients if arrival.envelope else ()
    named = [value for name in _RECIPIENTS for value in root.every(name)]
    return [*(address.lower() for address in said), *headers.addresses(named)]


def _threading(root: Part, ticket: str) -> tuple[str, tuple[str, ...], str]:
    """What the mail answers: by its headers, and by the letter that its ticket stands for."""
    parent, references, root_id = headers.threading(root.get(b"in-reply-to"), root.get(b"references"))
    if ticket and ticket not in (parent, *references):
        references = (ticket, *references)
    return parent or ticket, references, root_id or ticket


def _signs(
    root: Part, arrival: Arrival, own_id: str, ours: loops.Ours, ticket: str
) -> tuple[tuple[str, ...], DeliveryReport | None]:
    """What speaks against a person having written this, and what it reports of a mail of ours."""
    # Who brought it says nothing when that is an office with a citizen's mail.
    brought = arrival.envelope.sender if arrival.envelope and not handed_in(arrival) else None
    signals = loops.signals(root, brought, own_id, ours)
    if handed_in(arrival):
        signals = tuple(signal for signal in signals if signal != loops.TO_OTHERS)
    told = report.read(root, signals, ours.hostname, ticket)
    if told and not any(signal.startswith("report: ") for signal in signals):
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
