"""What is peculiar to mail: identity at the door, trust, threading, the signs of machines, our own mail."""

import email
import email.policy
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydantic import ValidationError

from connectors._mail import quotes
from connectors.email import Email, EmailSettings
from core.errors import Rejected
from core.message import Arrival, Assurance, Envelope, Message
from core.reply import Reply

FIXTURES = Path(__file__).with_name("fixtures") / "connectors" / "email"
NOON = datetime(2026, 11, 20, 3, 0, tzinfo=UTC)
OURS = "minwon@eungdapso.example"
OUR_ID = "<019aa0f0-5c5e-7d3a-9c57-2f6f0d3c1a10@eungdapso.example>"
MAIL = "\r\n".join(
    [
        "From: =?utf-8?B?7Iuc66+8?= <citizen@example.kr>",
        f"To: {OURS}",
        "Subject: streetlight",
        "Message-ID: <1@mail.example.kr>",
        "Date: Fri, 20 Nov 2026 11:59:00 +0900",
        "Content-Type: text/plain; charset=utf-8",
        "",
        "노원구 상계동 가로등이 꺼졌습니다.",
        "",
    ]
).encode()
NOTICE = Reply(
    id="019aa0f0-5c5e-7d3a-9c57-2f6f0d3c1a10",
    channel="email",
    account=OURS,
    to="citizen@example.kr",
    subject="[응답소] 접수되었습니다 — 담당부서와 처리기한을 알려 드립니다",
    text="안녕하십니까. 응답소입니다.\n말씀하신 내용을 노원구로 보냈습니다.",
    kind="notice",
    case="20261120-000123-4",
    created_at=NOON,
    in_reply_to="<2@mail.example.kr> 0123abcd",
    references=("<parent@mail.example.kr>", "<root@mail.example.kr>", "<2@mail.example.kr> 0123abcd"),
)


def connector(**more: object) -> Email:
    return Email("email", EmailSettings.model_validate(more))


def arrived(raw: bytes = MAIL, sender: str = "citizen@example.kr", *, to: str = OURS) -> Arrival:
    return connector().arrival(raw, Envelope(sender=sender, recipients=(to,)), NOON)


def read(raw: bytes, sender: str = "citizen@example.kr", **more: object) -> Message:
    return connector(**more).parse(arrived(raw, sender))


def headed(*lines: str) -> bytes:
    """The mail with more lines in its header, before its own."""
    return "".join(f"{line}\r\n" for line in lines).encode() + MAIL


def composed(reply: Reply = NOTICE, **more: object) -> email.message.EmailMessage:
    return email.message_from_bytes(connector(**more).as_eml(reply), policy=email.policy.default)


def changed(**fields: object) -> Reply:
    return Reply(**{**{name: getattr(NOTICE, name) for name in NOTICE.__struct_fields__}, **fields})


# Identity.


def test_mail_brought_again_is_the_same() -> None:
    """The same mail on another way, with other Received lines, has the same identity."""
    assert arrived().identity == arrived(headed("Received: from elsewhere by here; Fri, 20 Nov 2026")).identity


def test_forged_message_id_swallows_nobody() -> None:
    """A mail that bears another's Message-ID is another mail: by its sender, and by its body."""
    others = (arrived(sender="other@example.kr"), arrived(MAIL.replace("꺼졌".encode(), "켜졌".encode())))

    assert 3 == len({arrived().identity, *(other.identity for other in others)})


def test_mail_without_message_id_gets_one_that_stays() -> None:
    """Without Message-ID date, subject and body make one, the same when the sender tries again."""
    bare = MAIL.replace(b"Message-ID: <1@mail.example.kr>\r\n", b"")
    later = bare.replace(b"11:59:00", b"12:30:00")

    assert arrived(bare).identity == arrived(bare).identity
    assert arrived(bare).identity != arrived(later).identity
    assert read(bare).conversation.endswith("@no-message-id.invalid>")


def test_account_is_the_address_without_tag() -> None:
    """A plus-address belongs to its address."""
    assert OURS == arrived(to="Minwon+20261120-000123-4@Eungdapso.example").account


def test_key_is_the_senders() -> None:
    """Mails of one sender keep their order; the key does not tell the address."""
    assert arrived().key == arrived(headed("X-Other: 1"), "Citizen@Example.kr").key
    assert "citizen" not in arrived().key


# Trust.


@pytest.mark.parametrize(
    ("expected", "results"),
    [
        (Assurance.CHANNEL_VERIFIED, ["mx.eungdapso.example; dmarc=pass header.from=example.kr"]),
        (Assurance.SELF_DECLARED, ["mx.eungdapso.example; dmarc=fail header.from=example.kr"]),
        (Assurance.SELF_DECLARED, ["mx.eungdapso.example; dmarc=pass header.from=other.example"]),
        (Assurance.SELF_DECLARED, ["mx.elsewhere.example; dmarc=pass header.from=example.kr"]),
        (Assurance.SELF_DECLARED, ["mx.eungdapso.example; dmarc=none (dmarc=pass) header.from=example.kr"]),
        (
            Assurance.SELF_DECLARED,
            [
                "mx.eungdapso.example; dmarc=fail header.from=example.kr",
                "mx.eungdapso.example; dmarc=pass header.from=example.kr",
            ],
        ),
    ],
)
def test_only_our_own_gateway_vouches(expected: Assurance, results: list[str]) -> None:
    """An author is verified only by the topmost result of our own gateway, for the domain in From."""
    raw = headed(*(f"Authentication-Results: {result}" for result in results))

    assert expected is read(raw, trusted_authserv_id="mx.eungdapso.example").author.assurance


def test_nobody_vouches_unless_a_gateway_is_named() -> None:
    """Without a trusted gateway every author is self-declared."""
    raw = headed("Authentication-Results: mx; dmarc=pass header.from=example.kr")

    assert Assurance.SELF_DECLARED is read(raw).author.assurance


def test_two_authors_verify_nobody() -> None:
    """A mail with two From lines proves nothing about either."""
    raw = headed(
        "Authentication-Results: mx; dmarc=pass header.from=example.kr", "From: someone@example.kr", "X-Eungdapso: 1"
    )

    assert Assurance.SELF_DECLARED is read(raw, trusted_authserv_id="mx").author.assurance


def test_encoded_name_cannot_pass_for_an_address() -> None:
    """The address is read before the display name is decoded."""
    # The name decodes to: mayor@seoul.example>
    raw = MAIL.replace(b"=?utf-8?B?7Iuc66+8?=", b"=?utf-8?Q?mayor=40seoul.example=3E?=")

    assert "citizen@example.kr" == read(raw).author.handle


def test_answer_goes_to_the_return_path() -> None:
    """An answer goes where the envelope says, and nowhere when it says nothing (RFC 3834)."""
    assert "back@example.kr" == read(MAIL, "back@example.kr").reply_to
    assert ("", False) == (read(MAIL, "").reply_to, read(MAIL, "").replyable)


# Threading and times.


def test_references_are_nearest_first() -> None:
    """What a mail cites is listed nearest first; the thread is named by its first mail."""
    message = read(headed("References: <root@x> <middle@x>\r\n <near@x>", "In-Reply-To: <near@x>"))

    assert ("<near@x>", "<middle@x>", "<root@x>") == message.references
    assert ("<near@x>", "<root@x>") == (message.in_reply_to, message.conversation)


def test_ids_without_brackets_get_them() -> None:
    """A Message-ID that came without angle brackets is the same as with them."""
    assert "<near@x>" == read(headed("In-Reply-To: near@x")).in_reply_to


@pytest.mark.parametrize("date", ["", "yesterday", "Fri, 31 Feb 2026 10:00:00 +0900", "1 Jan 0000 99:99:99 +9999"])
def test_bad_date_is_none(date: str) -> None:
    """A date that is none is no date."""
    assert read(MAIL.replace(b"Fri, 20 Nov 2026 11:59:00 +0900", date.encode())).sent_at is None


def test_date_is_read_with_its_zone() -> None:
    """The date of sending keeps its instant."""
    assert datetime(2026, 11, 20, 2, 59, tzinfo=UTC) == read(MAIL).sent_at


# Machines.


@pytest.mark.parametrize(
    ("expected", "line"),
    [
        ("automatic: auto-submitted auto-generated", "Auto-Submitted: auto-generated (warning)"),
        ("automatic: x-autoreply", "X-Autoreply: yes"),
        ("automatic: precedence auto_reply", "Precedence: auto_reply"),
        ("bulk: precedence junk", "Precedence: junk"),
        ("bulk: mailing list", "List-Id: <a.example>"),
        ("echo: our own x-loop", f"X-Loop: {OURS}"),
        ("suppress: x-auto-response-suppress", "X-Auto-Response-Suppress: DR, OOF"),
        ("report: disposition notification", "Content-Type: multipart/report; report-type=disposition-notification"),
    ],
)
def test_sign_of_a_machine(expected: str, line: str) -> None:
    """Every header by which machines make themselves known is a sign."""
    assert (expected,) == read(headed(line)).signals


@pytest.mark.parametrize(
    "line", ["Auto-Submitted: no", "Precedence: normal", "X-Auto-Response-Suppress: DR", "X-Eungdapso-Action: answer"]
)
def test_people_give_no_signs(line: str) -> None:
    """What people's mail programs write is no sign, and headers in our name mean nothing."""
    assert () == read(headed(line)).signals


@pytest.mark.parametrize(
    "local", ["MAILER-DAEMON", "noreply", "no-reply", "news-noreply", "list-bounces", "owner-list"]
)
def test_machines_address_is_a_sign(local: str) -> None:
    """Addresses that nobody reads are machines'."""
    raw = MAIL.replace(b"citizen@example.kr", f"{local}@example.kr".encode())

    assert ("automatic: sender is a machine",) == read(raw).signals


@pytest.mark.parametrize("local", ["bounce", "Bounces", "postmaster"])
def test_an_address_for_bounces_alone_proves_no_machine(local: str) -> None:
    """Somebody may write from it: such a mail gets no letter by itself, and a person reads it."""
    raw = MAIL.replace(b"citizen@example.kr", f"{local}@example.kr".encode())

    assert ("suppress: sender is an address for bounces",) == read(raw).signals


def test_a_mailing_service_may_bring_a_persons_mail() -> None:
    """The envelope's address is its own, for what comes back; who wrote stands in the mail."""
    message = read(MAIL, sender="bounces+123@service.example")

    assert ("suppress: sender is an address for bounces",) == message.signals


@pytest.mark.parametrize("line", ["Subject: Undelivered Mail Returned to Sender", "Precedence: bulk"])
def test_an_address_for_bounces_with_another_sign_is_a_machines(line: str) -> None:
    """A bounce's subject, or any sign in the headers, is proof enough."""
    raw = headed(line).replace(b"citizen@example.kr", b"bounce@example.kr")

    assert "automatic: sender is a machine" in read(raw).signals


def test_our_own_mail_is_an_echo() -> None:
    """Mail that bears our Message-ID, our address, or has come around for ever, is an echo."""
    own = read(MAIL.replace(b"<1@mail.example.kr>", OUR_ID.encode()))
    ours = read(MAIL.replace(b"citizen@example.kr", OURS.encode()))
    hops = read(headed(*["Received: from a by b"] * 31))

    assert ("echo: our own message-id",) == own.signals
    assert ("echo: from our own address",) == ours.signals
    assert ("echo: too many hops",) == hops.signals


def test_blind_copy_is_not_answered_by_itself() -> None:
    """A mail that names others and not us may not be answered by a machine."""
    raw = MAIL.replace(f"To: {OURS}".encode(), b"To: friends@example.kr")

    assert ("suppress: not addressed to us",) == read(raw).signals


# Content.


def test_attachment_is_found_again() -> None:
    """The bytes of an attachment are those that its size and digest were told of."""
    raw = (FIXTURES / "attachment-rfc2231.raw.eml").read_bytes()
    attachment = read(raw).attachments[0]

    assert attachment.size == len(connector().attachment(raw, attachment.place))


@pytest.mark.parametrize("place", ["raw:0", "raw:9", "raw:-1", "raw:²", "", "https://example.com/"])
def test_no_attachment_there(place: str) -> None:
    """A place that is none in this mail is Rejected."""
    with pytest.raises(Rejected):
        connector().attachment(MAIL, place)


def test_empty_mail_is_rejected() -> None:
    """A mail of no bytes is no message."""
    with pytest.raises(Rejected, match="empty mail"):
        read(b"\r\n")


def test_plain_wording_that_says_nothing_gives_way() -> None:
    """Of two wordings the plain one is taken, unless it is blank."""
    raw = headed("Content-Type: multipart/alternative; boundary=b").replace(
        "노원구 상계동 가로등이 꺼졌습니다.".encode(),
        b"--b\r\nContent-Type: text/plain\r\n\r\n \r\n--b\r\nContent-Type: text/html\r\n\r\n<p>html</p>\r\n--b--",
    )

    assert ("html", ()) == (read(raw).text, read(raw).attachments)


@pytest.mark.parametrize(
    "ending",
    [
        "\n\n-----Original Message-----\nFrom: 응답소",
        "\n\n-----원본 메시지-----\n보낸 사람: 응답소",
        "\n\nOn Fri, Nov 20, 2026 at 1:40 PM 응답소 <minwon@eungdapso.example>\nwrote:\n\n> 안녕하십니까.",
        "\n\n2026년 11월 20일 (금) 오후 1:40, 응답소 <minwon@eungdapso.example>님이 작성:\n\n안녕하십니까.",
        "\n\n보낸사람: 응답소\n보낸날짜: 2026-11-20\n받는사람: 시민\n제목: 접수\n\n안녕하십니까.",
        "\n\nFrom: 응답소\nSent: Friday\nTo: 시민\nSubject: x\n\n안녕하십니까.",
        "\n> 안녕하십니까.\n> 응답소입니다.",
        "\n\n-- \n시민\n02-0000-0000",
        "\n\n내 Galaxy에서 보냄",
        "\n\n나의 iPhone에서 보냄",
        "\n\n네이버 메일앱에서 보냈습니다.",
        "\n\nSent from my iPhone\n\n-------- 원본 이메일 --------\n발신: 응답소",
        "\n\nGet Outlook for iOS<https://aka.ms/o0ukef>",
    ],
)
def test_quotes_and_signatures_are_cut(ending: str) -> None:
    """Of an answer only what was written anew is left."""
    assert "네, 맞습니다." == quotes.cut("네, 맞습니다." + ending, reply=True)


def test_answers_between_the_quotes_stay() -> None:
    """What stands between and below quoted lines is the writer's."""
    text = "On Fri, 응답소 wrote:\n> 언제입니까?\n어제요.\n> 어디입니까?\n역삼동입니다."

    assert "어제요.\n역삼동입니다." == quotes.cut(text, reply=True)


@pytest.mark.parametrize("text", ["> 안녕하십니까.", "-----Original Message-----\nFrom: a", "-- \n시민"])
def test_cutting_leaves_something(text: str) -> None:
    """A text of nothing but quotes or a signature stays whole."""
    assert text == quotes.cut(text, reply=True)


def test_first_mail_keeps_its_own_arrows() -> None:
    """In a mail that answers nothing, lines with > and copied headers are the writer's own."""
    text = "> 위치: 강남역\n> 시간: 밤 11시\n\n보낸 사람: 가게\n받는 사람: 나\n제목: 할인\n이런 문자가 옵니다."

    assert text == quotes.cut(text, reply=False)


# Our own mail.


def test_automatic_reply_says_so() -> None:
    """An automatic mail tells machines not to answer, and threads below what it answers."""
    mail = composed()

    assert "auto-replied" == mail["Auto-Submitted"]
    assert "All" == mail["X-Auto-Response-Suppress"]
    assert OURS == mail["X-Loop"] == mail["Reply-To"]
    assert OUR_ID == mail["Message-ID"]
    assert "<2@mail.example.kr>" == mail["In-Reply-To"]
    assert "<root@mail.example.kr> <parent@mail.example.kr> <2@mail.example.kr>" == mail["References"]
    assert mail["Precedence"] is None


def test_composed_mail_is_read_as_it_was_meant() -> None:
    """Korean subject, name and text arrive as they were written."""
    mail = composed()

    assert NOTICE.subject == mail["Subject"]
    assert f"응답소 <{OURS}>" == mail["From"]
    assert NOTICE.text == mail.get_content().strip().replace("\r\n", "\n")
    assert NOON == mail["Date"].datetime


def test_composing_again_gives_the_same_bytes() -> None:
    """The same reply is the same mail, byte for byte, with no line too long."""
    raw = connector().as_eml(NOTICE)

    assert raw == connector().as_eml(NOTICE)
    assert max(map(len, raw.split(b"\r\n"))) <= 998


def test_answer_by_a_person_is_no_automatic_mail() -> None:
    """What an officer wrote does not call itself automatic."""
    assert composed(changed(automatic=False))["Auto-Submitted"] is None


def test_our_own_answer_coming_back_is_known() -> None:
    """Our own mail, sent back to us, is recognised by every sign that it carries."""
    signals = read(connector().as_eml(changed(to=OURS))).signals

    assert {"automatic", "echo", "suppress"} == {signal.partition(":")[0] for signal in signals}


@pytest.mark.parametrize(
    "to", ["", "nobody", "a@b\r\nBcc: c@d", "a@b, c@d", "<a@b>", "-oQ/tmp@x", "a b@c", "a@" + "x" * 300]
)
def test_reply_to_no_address_is_rejected(to: str) -> None:
    """What is no single address is refused before anything is written."""
    with pytest.raises(Rejected):
        connector().as_eml(changed(to=to))


def test_nobody_writes_headers_of_his_own() -> None:
    """Line ends in a subject or in a cited id begin no header."""
    mail = composed(changed(subject="접수\r\nBcc: other@example.kr", in_reply_to="<a@b\r\nX-Evil: 1>"))

    assert (None, None) == (mail["Bcc"], mail["X-Evil"])


def test_answer_comes_from_the_address_written_to() -> None:
    """Answers return to the address that the citizen used; mail to others comes from our first one."""
    second = {"addresses": [OURS, "jongno@eungdapso.example"]}

    assert "jongno@eungdapso.example" == composed(changed(account="jongno@eungdapso.example"), **second)["Reply-To"]
    assert OURS == composed(changed(account="forged@example.kr"), **second)["Reply-To"]


# Settings.


@pytest.mark.parametrize(
    "settings",
    [
        {"addresses": []},
        {"addresses": ["minwon+x@eungdapso.example"]},
        {"addresses": ["minwon"]},
        {"from_address": "a@b\nBcc: c@d"},
        {"key": "key.pem"},
        {"relay": {"host": "relay.example", "password": "secret"}},
        {"relay": {"host": "relay.example", "username": "a", "password": {"env": "EUNGDAPSO_EMAIL_PASSWORD"}}},
        {"size": 5},
    ],
)
def test_wrong_settings_are_refused(settings: dict[str, object]) -> None:
    """A setting that cannot work is a mistake when it is read, not when the first mail comes."""
    with pytest.raises(ValidationError):
        connector(**settings)


def test_missing_password_is_told() -> None:
    """A relay's password that is not set is named."""
    relay = {"host": "127.0.0.1", "username": "a", "password": {"env": "EUNGDAPSO_EMAIL_PASSWORD"}}
    silent = Email("email", EmailSettings.model_validate({"relay": relay}), environment={})

    assert ("EUNGDAPSO_EMAIL_PASSWORD",) == silent.missing()


def test_without_relay_nothing_goes_out() -> None:
    """Without a relay there is no sender: replies go to files."""
    assert connector().sender() is None
