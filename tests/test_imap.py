"""A mailbox that is asked: everything in it comes once, in order, whatever breaks, and nothing in it is changed."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime

import pytest
from pydantic import ValidationError

from connectors._imap_session import encoded
from connectors.base import Asked
from connectors.imap import Imap, ImapSettings
from core.errors import Rejected, Unavailable
from core.message import Arrival, Envelope, Message
from tests.imap_server import PASSWORD, USER, Folder, MailServer

NOON = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)
OURS = "gangnam@eungdapso.example"


def mail(name: str, *, to: str = OURS, extra: str = "", text: str = "가로등이 꺼졌습니다.") -> bytes:
    head = f"Return-Path: <{name}@example.kr>\nFrom: {name}@example.kr\nTo: {to}\nMessage-ID: <{name}@example.kr>\n"
    return f"{head}{extra}Subject: 문의\n\n{text}\n".replace("\n", "\r\n").encode()


class Log:
    """Stands where the stream stands."""

    def __init__(self) -> None:
        self.kept: list[Arrival] = []
        self.error: Exception | None = None

    async def accept(self, arrivals: Sequence[Arrival]) -> None:
        if self.error is not None:
            raise self.error
        self.kept += arrivals

    @property
    def ids(self) -> list[str]:
        """Which mails there are, each once, in the order in which they came first."""
        return list(dict.fromkeys(arrival.native_id.partition("@")[0].strip("<") for arrival in self.kept))


@pytest.fixture
async def server() -> AsyncIterator[MailServer]:
    made = MailServer()
    await made.start()
    yield made
    await made.stop()


@pytest.fixture
def log() -> Log:
    return Log()


def mailbox(server: MailServer, **settings: object) -> Imap:
    described = {
        "host": "127.0.0.1",
        "port": server.port,
        "encryption": "none",
        "username": USER,
        "addresses": [OURS],
        "timeout_seconds": 2,
        **settings,
    }
    part = Imap("imap", ImapSettings.model_validate(described), environment={"EUNGDAPSO_IMAP_PASSWORD": PASSWORD})
    part.today = lambda: NOON
    return part


async def asked(part: Imap, log: Log, place: str = "") -> Asked:
    return await part.ask(place, log.accept, lambda: NOON)


async def test_everything_comes_once_in_order(server: MailServer, log: Log) -> None:
    """The mails of a folder come in the order in which they came there; what was seen is not asked for again."""
    for number in range(70):
        server.inbox.add(mail(f"c{number}"))
    part = mailbox(server)
    first = await asked(part, log)
    server.inbox.add(mail("later"))
    await asked(part, log, first.place)

    assert [*(f"c{number}" for number in range(70)), "later"] == log.ids
    assert 71 == len(log.kept) == len(server.given)


async def test_mailbox_stays_as_it_is(server: MailServer, log: Log) -> None:
    """Only what reads is said: no folder is opened for writing, nothing is marked as seen."""
    server.inbox.add(mail("unread"))
    await asked(mailbox(server), log)

    assert {"CAPABILITY", "AUTHENTICATE", "EXAMINE", "UID", "LOGOUT"} == {line.split()[0] for line in server.said}
    assert all("BODY.PEEK[]" in line for line in server.said if "BODY" in line)


async def test_place_waits_until_mail_is_durable(server: MailServer, log: Log) -> None:
    """When the stream takes nothing, the place stays; later the mail comes."""
    server.inbox.add(mail("waits"))
    part = mailbox(server)
    log.error = Unavailable("the stream is full")
    with pytest.raises(Unavailable):
        await asked(part, log)
    log.error = None
    await asked(part, log)

    assert ["waits"] == log.ids


async def test_line_that_breaks_loses_nothing(server: MailServer, log: Log) -> None:
    """The connection breaks inside a mail: it is asked again from the same place, half a mail is none."""
    for number in range(60):
        server.inbox.add(mail(f"c{number}"))
    server.cut_at = 41
    part = mailbox(server)
    with pytest.raises(Unavailable):
        await asked(part, log)
    await asked(part, log)

    assert [f"c{number}" for number in range(60)] == log.ids
    assert 60 == len({arrival.raw for arrival in log.kept})


async def test_server_that_says_nothing_is_left(server: MailServer, log: Log) -> None:
    """A server that stops answering is Unavailable after the time that a setting allows."""
    server.inbox.add(mail("silent"))
    server.hang_at = 1
    part = mailbox(server, timeout_seconds=0.2)
    with pytest.raises(Unavailable):
        await asked(part, log)
    server.hang_at = -1
    await asked(part, log)

    assert ["silent"] == log.ids


async def test_turn_that_is_over_ends_at_once(server: MailServer, log: Log) -> None:
    """Whoever cancels does not wait for a server that says nothing, and no thread is left behind."""
    server.inbox.add(mail("silent"))
    server.hang_at = 1
    asking = asyncio.create_task(asked(mailbox(server, timeout_seconds=60), log))
    while not server.given:
        await asyncio.sleep(0.01)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(asking, 10)

    assert [] == log.kept


async def test_new_numbers_bring_nothing_twice(server: MailServer, log: Log) -> None:
    """A mailbox that was moved has new numbers: what came meanwhile is found, what is known is the same message."""
    server.inbox.add(mail("long-ago"), "01-Mar-2020")
    server.inbox.add(mail("known"), "20-Nov-2026")
    part = mailbox(server)
    place = (await asked(part, log)).place
    server.inbox.add(mail("meanwhile"), "23-Nov-2026")
    server.inbox.renumber(1_800_000_002)
    await asked(part, log, place)

    assert ["known", "meanwhile"] == log.ids
    assert 2 == len({arrival.identity for arrival in log.kept})


async def test_moved_mail_comes_however_old(server: MailServer, log: Log) -> None:
    """A mail that somebody moves into the folder is new there, whatever its day."""
    part = mailbox(server)
    place = (await asked(part, log)).place
    server.inbox.add(mail("moved"), "01-Mar-2020")
    await asked(part, log, place)

    assert ["moved"] == log.ids


async def test_old_mail_is_left_to_people(server: MailServer, log: Log) -> None:
    """Of what lies there when a folder is first seen only the last days count."""
    for number in range(300):
        server.inbox.add(mail(f"old{number}"), "01-Mar-2020")
    server.inbox.add(mail("new"), "22-Nov-2026")
    await asked(mailbox(server), log)

    assert ["new"] == log.ids
    assert [301] == server.given


async def test_numbers_far_apart(server: MailServer, log: Log) -> None:
    """Numbers of mails may be millions apart: empty stretches are leapt over."""
    server.inbox.add(mail("first"))
    server.inbox.next_number = 3_000_000_000
    server.inbox.add(mail("last"))
    await asked(mailbox(server), log)

    assert ["first", "last"] == log.ids
    assert 60 > len(server.said)


async def test_several_folders(server: MailServer, log: Log) -> None:
    """Folders are read one after the other, each with a place of its own; Korean names are written as IMAP does."""
    server.folders[encoded("받은 민원")] = korean = Folder(validity=7)
    server.inbox.add(mail("inbox"))
    korean.add(mail("folder"))
    part = mailbox(server, folders=["INBOX", "받은 민원"])
    place = (await asked(part, log)).place
    korean.add(mail("again"))
    await asked(part, log, place)

    assert ["inbox", "folder", "again"] == log.ids


async def test_missing_folder_is_told(server: MailServer, log: Log) -> None:
    """A folder that is not there keeps nobody from the others; the operator is told its name."""
    server.inbox.add(mail("inbox"))
    found = await asked(mailbox(server, folders=["Minwon", "INBOX"]), log)

    assert ["inbox"] == log.ids
    assert "'Minwon'" in found.note


async def test_mail_that_is_not_given_out(server: MailServer, log: Log) -> None:
    """A mail that the server cannot read holds nobody up; it is asked for again until it comes."""
    for name in ("first", "broken", "last"):
        server.inbox.add(mail(name))
    server.refused = {2}
    part = mailbox(server)
    held = await asked(part, log)
    server.refused = set()
    await asked(part, log, held.place)

    assert ["first", "last", "broken"] == log.ids
    assert "UID 2" in held.note


async def test_large_mail_comes_with_its_beginning(server: MailServer, log: Log) -> None:
    """Of a mail that is too large the beginning is taken: nobody is told that a mailbox is full of nothing."""
    server.inbox.add(mail("large", text="가로등이 꺼졌습니다. " * 1_000))
    await asked(mailbox(server, size_bytes=2_048), log)

    assert [2_048] == [len(arrival.raw) for arrival in log.kept]


async def test_wrong_password_is_the_operators(server: MailServer, log: Log) -> None:
    """A refused login is Rejected; one that is turned away for now is Unavailable. Neither tells the password."""
    part = mailbox(server, username="nobody")
    with pytest.raises(Rejected) as refused:
        await asked(part, log)
    server.busy = 1
    with pytest.raises(Unavailable):
        await asked(mailbox(server), log)

    assert PASSWORD not in refused.value.reason


async def test_server_that_is_away(log: Log) -> None:
    """A server that does not listen is Unavailable."""
    away = MailServer()
    await away.start()
    await away.stop()

    with pytest.raises(Unavailable):
        await asked(mailbox(away), log)


async def test_length_that_nobody_asked_for(server: MailServer, log: Log) -> None:
    """A server that announces more than was asked for is left before anything is read of it."""
    server.inbox.add(mail("bomb"))
    server.announces = 4_000_000_000
    with pytest.raises(Unavailable, match="nobody asked for"):
        await asked(mailbox(server), log)

    assert [] == log.kept


def message_of(raw: bytes) -> Message:
    part = Imap("imap", ImapSettings(host="mail.example.kr", addresses=(OURS,)), environment={})
    return part.parse(part.arrival(raw, Envelope(), NOON))


def test_answer_goes_to_the_author() -> None:
    """There was no dialogue, so the answer goes to whom the mail is from; the account is the address it came to."""
    message = message_of(mail("citizen", extra=f"Delivered-To: {OURS}\n"))

    assert ("citizen@example.kr", OURS) == (message.reply_to, message.account)


def test_bounce_in_a_mailbox_is_automatic() -> None:
    """The empty Return-Path that the last mail server wrote tells a bounce."""
    raw = mail("x").replace(b"Return-Path: <x@example.kr>", b"Return-Path: <>")

    assert "automatic: null return path" in message_of(raw).signals


def test_a_table_without_its_server_is_a_mistake() -> None:
    """Whoever names addresses and no server is told before anything starts; a table that is empty starts nothing."""
    with pytest.raises(ValidationError, match="name the mail server"):
        ImapSettings(addresses=(OURS,))

    assert "" == ImapSettings().host


def test_password_never_goes_in_the_clear() -> None:
    """Without encryption only this machine is asked."""
    with pytest.raises(ValidationError, match="in the clear"):
        ImapSettings(host="mail.example.kr", encryption="none")


def test_the_start_says_which_mailbox_is_asked() -> None:
    """Of several, an operator sees which one each is."""
    part = Imap("imap", ImapSettings(host="mail.example.kr", addresses=(OURS,)), environment={})

    assert f"mail.example.kr:993 for {OURS}, INBOX" == part.whom
