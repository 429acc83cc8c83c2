"""Plus-addresses that only we can make, and the bounces in prose that come back to them or cite us."""

from datetime import UTC, datetime
from hashlib import blake2b

import pytest

from connectors._mail.compose import return_path
from connectors._mail.ticket import Tickets
from connectors.email import Email, EmailSettings
from core.message import DeliveryReport, Envelope, Message
from core.reply import Reply
from core.wire import Seal

NOON = datetime(2026, 11, 20, 3, 0, tzinfo=UTC)
OURS = "minwon@eungdapso.example"
LETTER = "019aa0f0-5c5e-7d3a-9c57-2f6f0d3c1a10"
ITS_ID = f"<{LETTER}@eungdapso.example>"
OTHER = "019aa0f0-5c5e-7d3a-9c57-2f6f0d3c1a11"


def email(key: bytes = b"k" * 32, **settings: object) -> Email:
    made = Email("email", EmailSettings.model_validate({"addresses": [OURS], **settings}))
    made.mark = Seal(key).mark
    return made


def tickets(key: bytes = b"k" * 32) -> Tickets:
    return Tickets("eungdapso.example", Seal(key).mark)


TICKET = tickets().address(OURS, LETTER)


def parsed(raw: str, *, to: str = OURS, sender: str = "citizen@example.kr") -> Message:
    part = email()
    data = raw.replace("\n", "\r\n").encode()
    return part.parse(part.arrival(data, Envelope(sender=sender, recipients=(to,)), NOON))


def letter(*, automatic: bool) -> Reply:
    return Reply(
        id=LETTER,
        channel="email",
        account=f"{OURS.replace('@', '+park@')}",
        to="citizen@example.kr",
        text="접수되었습니다.",
        kind="notice",
        case="20261120-000123-4",
        created_at=NOON,
        automatic=automatic,
    )


def test_letter_asks_for_replies_to_its_ticket() -> None:
    """A letter's Reply-To is the address that only we can make for it; so is the return path of a person's letter."""
    part = email()
    mail = part.as_eml(letter(automatic=True)).decode()

    assert f"Reply-To: {TICKET}\r\n" in mail
    assert TICKET == return_path(letter(automatic=False), part._letterhead())
    assert "" == return_path(letter(automatic=True), part._letterhead())


def test_ticket_fits_into_an_address() -> None:
    """The local part keeps to the 64 octets of RFC 5321, and to lower case, which mail programs change."""
    local = TICKET.partition("@")[0]

    assert 64 >= len(local)
    assert local == local.lower()


def test_without_tickets_replies_come_to_the_plain_address() -> None:
    """Where plus-addresses do not arrive a setting does without them."""
    assert f"Reply-To: {OURS}\r\n" in email(tickets=False).as_eml(letter(automatic=True)).decode()


@pytest.mark.parametrize("to", [TICKET, TICKET.upper(), TICKET.replace("eungdapso.example", "EUNGDAPSO.example")])
def test_reply_to_a_ticket_names_its_letter(to: str) -> None:
    """A mail to a ticket answers that letter though it cites nothing."""
    assert ITS_ID == parsed("From: citizen@example.kr\nSubject: x\n\nhello\n", to=to).in_reply_to


def test_ticket_counts_in_the_headers_too() -> None:
    """Where a mail system does not tell the envelope, the ticket in To counts: it proves itself."""
    assert ITS_ID == parsed(f"From: citizen@example.kr\nTo: <{TICKET}>\nSubject: x\n\nhello\n").in_reply_to


def test_ticket_stands_beside_what_the_mail_cites() -> None:
    """What a mail cites itself is not forgotten for its ticket."""
    message = parsed("From: citizen@example.kr\nIn-Reply-To: <a@b>\nReferences: <r@b> <a@b>\n\nhello\n", to=TICKET)

    assert ("<a@b>", (ITS_ID, "<a@b>", "<r@b>")) == (message.in_reply_to, message.references)


def test_every_changed_character_makes_it_worthless() -> None:
    """A ticket with any one character changed, cut or doubled names nothing."""
    local, _, domain = TICKET.partition("@")
    start = local.index("+") + 1
    changed = [local[:n] + ("b" if local[n] != "b" else "c") + local[n + 1 :] for n in range(start, len(local))]
    others = [*changed, local[:-1], local + "a", local[:start], local.replace(".", "")]

    assert {""} == {tickets().letter([f"{other}@{domain}"]) for other in others if other != local}


def test_ticket_of_another_instance_is_worthless() -> None:
    """Another key makes other tickets."""
    foreign = tickets(b"x" * 32).address(OURS, LETTER)

    assert "" == tickets().letter([foreign])
    assert foreign != TICKET


def test_proof_is_of_this_letter() -> None:
    """The proof of one letter does not open another."""
    other = tickets().address(OURS, OTHER)
    mixed = TICKET.partition(".")[0] + "." + other.partition("@")[0].partition(".")[2] + "@eungdapso.example"

    assert "" == tickets().letter([mixed])


def test_channel_without_a_seal_believes_nothing() -> None:
    """Before there is a key nothing is a ticket."""
    part = Email("email", EmailSettings(addresses=(OURS,)))
    arrival = part.arrival(b"From: citizen@example.kr\r\n\r\nx\r\n", Envelope(recipients=(TICKET,)), NOON)

    assert "" == part.parse(arrival).in_reply_to


def test_mark_is_not_a_plain_hash() -> None:
    """Nobody makes a mark who does not have the key."""
    assert Seal(b"k" * 32).mark(b"x") != blake2b(b"x", digest_size=16).digest()


# Bounces in prose. {id} is the Message-ID of the letter.
EXIM = """From: Mail Delivery System <Mailer-Daemon@mx.example.org>
Subject: Mail delivery failed: returning message to sender
Auto-Submitted: auto-replied
X-Failed-Recipients: gone@example.org

A message that you sent could not be delivered. The following address(es) failed:

  gone@example.org
    host mx.example.org [192.0.2.1]
    SMTP error from remote mail server after RCPT TO:<gone@example.org>:
    550 no such user

------ This is a copy of the message, including all the headers. ------

Message-ID: {id}
"""
EXIM_LATER = """From: Mail Delivery System <Mailer-Daemon@mx.example.org>
Subject: Warning: message 1rX-00 delayed 24 hours
Auto-Submitted: auto-replied

This message was created automatically by mail delivery software.
A message that you sent has not yet been delivered to one or more of its recipients after more than 24 hours.
The message identifier is: 1rX-00
Message-ID: {id}
No action is required on your part. Delivery attempts will continue for some time.
"""
QMAIL = """From: MAILER-DAEMON@mx.example.org
Subject: failure notice

Hi. This is the qmail-send program at mx.example.org.

<gone@example.org>:
192.0.2.1 does not like recipient.
Remote host said: 554 5.7.1 rejected

--- Below this line is a copy of the message.

Message-ID: {id}
"""
NOTES = """From: postmaster@corp.example
Subject: DELIVERY FAILURE: User gone (gone@example.org) not listed in public Name & Address Book
In-Reply-To: {id}

Your message

  Subject: reply

was not delivered to:

  gone@example.org
"""
KOREAN = """From: "=?euc-kr?B?uN7Az7yttsU=?=" <postmaster@portal.example>
Subject: x
Content-Type: text/html; charset=utf-8

<p>보내신 메일이 전송되지 않았습니다.</p><p>수신자: gone@example.org</p><p>사유: 휴면 계정입니다. (5.2.1)</p>
<pre>Message-ID: &lt;019aa0f0-5c5e-7d3a-9c57-2f6f0d3c1a10@eungdapso.example&gt;</pre>
"""


def report(**fields: str) -> DeliveryReport:
    return DeliveryReport(original_id=ITS_ID, **fields)


@pytest.mark.parametrize(
    ("raw", "sender", "expected"),
    [
        (EXIM, "", report(action="failed", status="5.0.0", recipient="gone@example.org")),
        (EXIM_LATER, "", report(action="delayed")),
        (QMAIL, "", report(action="failed", status="5.7.1", recipient="gone@example.org")),
        (NOTES, "postmaster@corp.example", report(action="failed")),
        (KOREAN, "postmaster@portal.example", report(action="failed", status="5.2.1", recipient="gone@example.org")),
    ],
    ids=["exim", "exim warning", "qmail", "notes", "korean portal"],
)
def test_bounce_in_prose(raw: str, sender: str, expected: DeliveryReport) -> None:
    """A mail system's prose that brings our letter back is a report of it."""
    message = parsed(raw.replace("{id}", ITS_ID), sender=sender)

    assert expected == message.report
    assert message.signals


def test_bounce_that_brings_nothing_back() -> None:
    """What comes from a mail system to a letter's own address is about that letter, whatever it says."""
    message = parsed("From: postmaster@x.example\nSubject: Undeliverable\n\nNo.\n", to=TICKET, sender="")

    assert report(action="failed") == message.report


def test_absence_notice_is_no_bounce() -> None:
    """A person's absence notice to the letter's own address reports nothing, though nobody is its sender."""
    away = (
        "From: kim@example.kr\nSubject: away\nAuto-Submitted: auto-replied\n\n휴가 중입니다. 11월 30일에 돌아옵니다.\n"
    )

    assert parsed(away, to=TICKET, sender="").report is None


def test_citizen_who_writes_of_failure_is_no_bounce() -> None:
    """A citizen's own mail is a message, whatever words are in it and whatever it cites."""
    mail = (
        f"From: citizen@example.kr\nIn-Reply-To: {ITS_ID}\nSubject: 반송\n\n우편물이 반송되었습니다. 550원 {ITS_ID}\n"
    )

    assert parsed(mail, to=TICKET).report is None
