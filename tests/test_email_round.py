"""Mail there and back: a running instance, a relay that misbehaves, mail systems that bounce each in its own way."""

import base64
import re
import smtplib
import ssl
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import create_engine, func, select

from cases.schema import cases, messages, outbox
from tests.commands import asked
from tests.mail_relay import Took, deliver
from tests.town import OFFICE_PASSWORD, Town
from tests.waiting import until

OURS = "minwon@eungdapso.example"
WASTE = "강남구 역삼동 골목에 쓰레기 무단투기가 심해요 단속해주세요"


class City:
    """A running instance, the relay that its letters go to, and its other doors."""

    def __init__(self, town: Town) -> None:
        self.instance, self.relay = town.instance, town.relay
        self.submission, self.lmtp = town.submission, town.lmtp

    def mail(self, name: str, text: str = WASTE, *, to: str = OURS, extra: str = "") -> str:
        """Brings a citizen's mail; returns its Message-ID."""
        made = f"<{uuid4().hex}@example.kr>"
        head = f"From: {name}@example.kr\nTo: {to}\nMessage-ID: {made}\n{extra}Subject: 민원\n"
        kind = "Content-Type: text/plain; charset=utf-8\n\n"
        deliver(self.instance.smtp, f"{head}{kind}{text}\n", sender=f"{name}@example.kr", to=to)
        return made

    def letter(self, name: str, number: int = 0) -> Took:
        """Returns the letter that a citizen got, waiting for it."""
        return until(lambda: self.relay.to(f"{name}@example.kr")[number : number + 1])[0]  # type: ignore[no-any-return]

    def answered(self, name: str) -> Took:
        """Lets an officer answer a citizen's case; returns that letter."""
        number = str(re.search(r"\d{8}-\d{6,}-\d", self.letter(name).text)[0])  # type: ignore[index]
        said = asked(self.instance, "case", "answer", number, "치웠습니다.", "--by", "담당자")
        assert 0 == said.exit_code, said.output
        return self.letter(name, 1)

    def rows(self, statement: Any) -> list[Any]:
        engine = create_engine(self.instance.cases_url)
        with engine.connect() as connection:
            found = list(connection.execute(statement))
        engine.dispose()
        return found

    def cases_of(self, name: str) -> int:
        statement = select(func.count()).select_from(cases).where(cases.c.author == f"{name}@example.kr")
        return int(self.rows(statement)[0][0])

    def all_cases(self) -> int:
        return int(self.rows(select(func.count()).select_from(cases))[0][0])

    def state_of(self, letter: Took) -> str:
        row = letter.id.strip("<>").partition("@")[0]
        return str(self.rows(select(outbox.c.state).where(outbox.c.id == row))[0][0])


@pytest.fixture(scope="module")
def city(town: Town) -> City:
    return City(town)


def test_each_citizen_is_answered_once(city: City) -> None:
    """Mails that are brought again, a relay that says later or breaks the line after all: one letter each."""
    city.relay.instead.extend(["451 4.7.1 greylisted", "", "lost", "452 4.3.1 full", "421 4.7.0 too fast"])
    for number in range(6):
        head = f"From: round{number}@example.kr\nTo: {OURS}\nMessage-ID: <round{number}@example.kr>\nSubject: 민원\n"
        mail = f"{head}Content-Type: text/plain; charset=utf-8\n\n{WASTE}\n"
        for _ in range(3):
            deliver(city.instance.smtp, mail, sender=f"round{number}@example.kr", to=OURS)
    for number in range(6):
        city.letter(f"round{number}")
    city.instance.drain()

    assert [1] * 6 == [len(city.relay.to(f"round{number}@example.kr")) for number in range(6)]
    assert [1] * 6 == [city.cases_of(f"round{number}") for number in range(6)]


# How mail systems say that a letter did not arrive. `{id}` is its Message-ID, `{to}` whom it was for.
REPORT = """From: MAILER-DAEMON@mx.example.org (Mail Delivery System)
To: {back}
Subject: Undelivered Mail Returned to Sender
Auto-Submitted: auto-replied
Message-ID: <{new}@mx.example.org>
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="cut"

--cut
Content-Type: text/plain

This is the mail system at host mx.example.org.
--cut
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example.org

Final-Recipient: rfc822; {to}
Action: {action}
Status: {status}

--cut
Content-Type: text/rfc822-headers

Message-ID: {id}
Subject: =?utf-8?B?66+87JuQ?=

--cut--
"""
EXIM = """From: Mail Delivery System <Mailer-Daemon@mx.example.org>
To: {back}
Subject: Mail delivery failed: returning message to sender
Auto-Submitted: auto-replied
X-Failed-Recipients: {to}
Message-ID: <{new}@mx.example.org>

This message was created automatically by mail delivery software.

A message that you sent could not be delivered to one or more of its
recipients. This is a permanent error. The following address(es) failed:

  {to}
    Unrouteable address

------ This is a copy of the message, including all the headers. ------

Message-ID: {id}
Subject: test
"""
QMAIL = """From: MAILER-DAEMON@mx.example.org
To: {back}
Subject: failure notice

Hi. This is the qmail-send program at mx.example.org.
I'm afraid I wasn't able to deliver your message to the following addresses.
This is a permanent error; I've given up. Sorry it didn't work out.

<{to}>:
Sorry, no mailbox here by that name. (#5.1.1)

--- Below this line is a copy of the message.

Return-Path: <{back}>
Message-ID: {id}
"""
PORTAL = """From: "메일센터" <postmaster@portal.example>
To: {back}
Subject: =?utf-8?B?W+uwmOyGoV0g66mU7J287J20IOyghOyGoeuQmOyngCDslYrslZjsirXri4jri6Q=?=
Message-ID: <{new}@portal.example>
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary="cut"

--cut
Content-Type: text/html; charset=utf-8

<html><body><p>메일이 전송되지 않았습니다.</p>
<p>받는 사람: <b>{to}</b></p><p>사유: 존재하지 않는 계정 (550)</p></body></html>
--cut
Content-Type: message/rfc822

Message-ID: {id}
Subject: test

text
--cut--
"""
NOTHING_BACK = """From: System Administrator <postmaster@office.example>
To: {back}
Subject: Undeliverable: letter
Message-ID: <{new}@office.example>

Your message did not reach some or all of the intended recipients.

The recipient's mailbox is full. 5.2.2
"""


@pytest.mark.parametrize(
    "report", [REPORT, EXIM, QMAIL, PORTAL, NOTHING_BACK], ids=["report", "exim", "qmail", "portal", "bare"]
)
def test_bounce_is_seen(city: City, report: str) -> None:
    """However a mail system says that a letter did not arrive: the letter is undeliverable, no case is opened."""
    name = f"gone{uuid4().hex[:8]}"
    city.mail(name)
    letter = city.answered(name)
    before = city.all_cases()
    told = report.format(
        back=letter.sender, id=letter.id, to=letter.recipient, new=uuid4().hex, action="failed", status="5.1.1"
    )
    deliver(city.instance.smtp, told, sender="", to=letter.sender)
    until(lambda: city.state_of(letter) == "undeliverable")
    city.instance.drain()

    assert before == city.all_cases()


def test_delay_is_no_failure(city: City) -> None:
    """A letter that is still being tried is not undeliverable; the report is kept under its case."""
    city.mail("later")
    letter = city.answered("later")
    told = REPORT.format(
        back=letter.sender, id=letter.id, to=letter.recipient, new="delay", action="delayed", status="4.4.1"
    )
    deliver(city.instance.smtp, told, sender="", to=letter.sender)
    kept = select(messages.c.number).where(messages.c.native_id.like("<delay@%"))

    assert until(lambda: city.rows(kept))[0][0]
    assert "sent" == city.state_of(letter)


def test_reply_without_a_reference_joins(city: City) -> None:
    """A mail program that cites nothing: the address that the citizen answers to tells the case."""
    city.mail("cites.nothing")
    letter = city.letter("cites.nothing")
    made = city.mail("cites.nothing", "어제부터 냄새가 더 심해졌습니다.", to=letter.answers_to)
    kept = select(messages.c.number).where(messages.c.native_id.like(f"{made}%"))

    assert until(lambda: city.rows(kept))
    assert 1 == city.cases_of("cites.nothing")


@pytest.mark.parametrize("kind", ["forged", "foreign"])
def test_ticket_of_others_is_worth_nothing(city: City, kind: str) -> None:
    """A ticket that is not ours, or that somebody else was given, opens a case of its own."""
    owner, writer = f"owner.{kind}", f"writer.{kind}"
    city.mail(owner)
    given = city.letter(owner).answers_to
    local, _, domain = given.partition("@")
    city.mail(writer, to=given if kind == "foreign" else f"{local[:-4]}aaaa@{domain}")
    city.letter(writer)

    assert (1, 1) == (city.cases_of(owner), city.cases_of(writer))


def handed_in(city: City, password: str) -> str:
    """Hands in a citizen's mail as the office gangnam; returns what was said at the end."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    mail = f"From: visitor@example.kr\nTo: info@gangnam.example\nMessage-ID: <{uuid4().hex}@x>\nSubject: m\n\n"
    try:
        with smtplib.SMTP("127.0.0.1", city.submission, timeout=120) as client:
            client.starttls(context=context)
            client.login("gangnam", password)
            client.sendmail("bounces@gangnam.example", [OURS], (mail + WASTE).encode())
    except smtplib.SMTPAuthenticationError as error:
        return str(error.smtp_code)
    return "250"


def test_office_hands_in(city: City) -> None:
    """An office that logged in hands in what was written to it; its citizen is answered, not the office."""
    said = handed_in(city, OFFICE_PASSWORD)
    letter = city.letter("visitor")

    assert "250" == said
    assert "강남구" in letter.text
    assert [] == city.relay.to("bounces@gangnam.example")


def test_wrong_password_is_refused(city: City) -> None:
    """A wrong password lets nobody in."""
    assert "535" == handed_in(city, "wrong")


def test_nobody_hands_in_without_logging_in(city: City) -> None:
    """Without encryption there is no login, without login nothing is taken."""
    with smtplib.SMTP("127.0.0.1", city.submission, timeout=120) as client:
        client.ehlo()
        offered, refused = client.has_extn("auth"), client.docmd("MAIL FROM:<x@example.kr>")
        plain = client.docmd("AUTH PLAIN " + base64.b64encode(b"\0gangnam\0" + OFFICE_PASSWORD.encode()).decode())

    assert not offered
    assert (530, 538) == (refused[0], plain[0])


def test_lmtp_answers_for_each_recipient(city: City) -> None:
    """Our own mail server hears of every recipient by itself, and the citizen is answered once."""
    with smtplib.LMTP("127.0.0.1", city.lmtp, timeout=120) as client:
        client.ehlo()
        client.mail("local@example.kr")
        for recipient in ("one@eungdapso.example", "two@eungdapso.example"):
            client.rcpt(recipient)
        client.putcmd("data")
        client.getreply()
        client.send(f"From: local@example.kr\r\nMessage-ID: <local@x>\r\n\r\n{WASTE}\r\n.\r\n".encode())
        said = [client.getreply()[0], client.getreply()[0]]
    city.instance.drain()

    assert [250, 250] == said
    assert 1 == city.cases_of("local")
