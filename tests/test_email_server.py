"""The mail server over real TCP: what is accepted is durable, what is refused is refused rightly."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

import aiosmtplib
import pytest

from connectors.email import Email, EmailSettings
from core.errors import ConfigError, Unavailable
from core.message import Arrival
from tests.mail_relay import certified

NOON = datetime(2026, 11, 20, 3, 0, tzinfo=UTC)
OURS = "minwon@eungdapso.example"
MAIL = f"From: citizen@example.kr\r\nTo: {OURS}\r\nMessage-ID: <1@x>\r\n\r\n가로등이 꺼졌습니다.\r\n".encode()


class Log:
    """Stands where the stream stands: keeps what is made durable, or says why it cannot."""

    def __init__(self) -> None:
        self.kept: list[Arrival] = []
        self.error: Exception | None = None
        self.wait: asyncio.Event | None = None
        self.asked = asyncio.Event()

    async def accept(self, arrivals: Sequence[Arrival]) -> None:
        self.asked.set()
        if self.wait is not None:
            await self.wait.wait()
        if self.error is not None:
            raise self.error
        self.kept += arrivals


@asynccontextmanager
async def serving(log: Log, **settings: object) -> AsyncIterator[tuple[int, "asyncio.Task[None]"]]:
    """A running mail server: its port, and the task to cancel."""
    email = Email("email", EmailSettings.model_validate({"port": 0, "addresses": [OURS], **settings}))
    started: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    task = asyncio.create_task(email.serve(log.accept, lambda: NOON, started.set_result))
    try:
        yield int((await started).rpartition(":")[2]), task
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


class Talk:
    """A mail client that says exactly what it is told to."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def heard(self) -> str:
        """The next answer, its last line; "" when the connection is closed."""
        async with asyncio.timeout(300):
            while line := (await self.reader.readline()).decode():
                if line[3:4] == " ":
                    return line.strip()
        return ""

    async def say(self, *lines: str | bytes) -> str:
        """Says all at once; returns the answer to the last."""
        sent = [line.encode() if isinstance(line, str) else line for line in lines]
        self.writer.write(b"".join(line + b"\r\n" for line in sent))
        answers = [await self.heard() for _ in lines]
        return answers[-1]

    async def begun(self, sender: str = "citizen@example.kr") -> str:
        """Comes as far as DATA."""
        return await self.say("EHLO mail.example.kr", f"MAIL FROM:<{sender}>", f"RCPT TO:<{OURS}>", "DATA")


@asynccontextmanager
async def talking(port: int) -> AsyncIterator[Talk]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        yield Talk(reader, writer)
    finally:
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()


async def answer_to(data: bytes, log: Log, **settings: object) -> str:
    async with serving(log, **settings) as (port, _), talking(port) as client:
        await client.heard()
        await client.begun()
        return await client.say(data)


def code(answer: str) -> str:
    return answer[:3]


# Taken.


async def test_accepted_mail_is_kept_as_it_came() -> None:
    """A mail is answered with 250 when it is durable: its bytes, its envelope, its time."""
    log = Log()
    answer = await answer_to(MAIL + b".", log)

    assert "250" == code(answer)
    assert (MAIL, NOON, OURS) == (log.kept[0].raw, log.kept[0].received_at, log.kept[0].account)
    assert log.kept[0].envelope is not None
    assert ("citizen@example.kr", (OURS,), "127.0.0.1") == (
        log.kept[0].envelope.sender,
        log.kept[0].envelope.recipients,
        log.kept[0].envelope.peer,
    )


async def test_no_answer_before_it_is_durable() -> None:
    """Nothing is said while the mail is not durable yet."""
    log = Log()
    log.wait = asyncio.Event()
    async with serving(log) as (port, _), talking(port) as client:
        await client.heard()
        await client.begun()
        answer = asyncio.create_task(client.say(MAIL + b"."))
        await log.asked.wait()

        assert not answer.done()
        log.wait.set()
        assert "250" == code(await answer)


@pytest.mark.parametrize(
    "error", [Unavailable("backlog"), RuntimeError("a mistake of ours"), OSError("disk full"), ValueError("x")]
)
async def test_fault_of_ours_is_never_the_senders(error: Exception) -> None:
    """Backlog, full disk or a mistake: the sender is told to try again, and can on the same connection."""
    log = Log()
    log.error = error
    async with serving(log) as (port, _), talking(port) as client:
        await client.heard()
        await client.begun()

        assert (await client.say(MAIL + b".")).startswith("451 4.3.0")
        log.error = None
        await client.begun()
        assert "250" == code(await client.say(MAIL + b"."))


async def test_real_client_sends_twice_on_one_connection() -> None:
    """A client that none of us wrote sends several mails on one connection."""
    log = Log()
    async with serving(log) as (port, _), aiosmtplib.SMTP(hostname="127.0.0.1", port=port, timeout=10) as client:
        for _ in range(2):
            await client.sendmail("citizen@example.kr", [OURS], MAIL)

    assert [MAIL, MAIL] == [arrival.raw for arrival in log.kept]


async def test_one_arrival_for_several_of_our_addresses() -> None:
    """A mail to two of our addresses is one arrival, at the first of them."""
    log = Log()
    async with serving(log, addresses=[OURS, "jongno@eungdapso.example"]) as (port, _), talking(port) as client:
        await client.heard()
        await client.say(
            "EHLO x", "MAIL FROM:<a@b>", "RCPT TO:<Jongno+x@Eungdapso.example>", f"RCPT TO:<{OURS}>", "DATA"
        )
        await client.say(MAIL + b".")

    assert ["jongno@eungdapso.example"] == [arrival.account for arrival in log.kept]


@pytest.mark.parametrize(
    ("expected", "path"),
    [
        ("", "<>"),
        ("a@b", "<@relay.example,@other.example:a@b>"),
        ("a@b", "a@b"),
        ("시민@예시.한국", "<시민@예시.한국> SMTPUTF8"),
        ("a b@c", '<"a b"@c> SIZE=100 BODY=8BITMIME'),
        ("a+tag@b", "<a+tag@b>"),
    ],
)
async def test_senders(expected: str, path: str) -> None:
    """Null sender, source route, quoted and Korean addresses are understood."""
    log = Log()
    async with serving(log) as (port, _), talking(port) as client:
        await client.heard()
        await client.say("EHLO x", f"MAIL FROM:{path}", f"RCPT TO:<{OURS}>", "DATA")
        await client.say(MAIL + b".")

    assert [expected] == [arrival.envelope.sender for arrival in log.kept if arrival.envelope]


# Refused.


@pytest.mark.parametrize(
    "recipient",
    ["nobody@eungdapso.example", "minwon@elsewhere.example", "postmaster@x", "other+minwon@eungdapso.example"],
)
async def test_unknown_recipient(recipient: str) -> None:
    """Only our addresses get mail; nothing is relayed."""
    async with serving(Log()) as (port, _), talking(port) as client:
        await client.heard()

        assert "550" == code(await client.say("EHLO x", "MAIL FROM:<a@b>", f"RCPT TO:<{recipient}>"))
        assert "503" == code(await client.say("DATA"))


@pytest.mark.parametrize("path", ["<a@b", "a", "<a b@c>", "<a@b>x", b"<\xff\xfe@b>", "<@:a@b>", "<a@b\x00>"])
async def test_what_is_no_address(path: str | bytes) -> None:
    """A path that is no address is a syntax error, never an exception."""
    sent = b"MAIL FROM:" + (path.encode() if isinstance(path, str) else path)
    async with serving(Log()) as (port, _), talking(port) as client:
        await client.heard()

        assert "553" == code(await client.say("EHLO x", sent))


async def test_too_large_is_said_before_and_after() -> None:
    """A mail over the limit is refused by its announced size, and by its real one; the session goes on."""
    log = Log()
    async with serving(log, size_bytes=2_048) as (port, _), talking(port) as client:
        await client.heard()

        assert "552" == code(await client.say("EHLO x", "MAIL FROM:<a@b> SIZE=2049"))
        await client.begun()
        assert "552" == code(await client.say(b"x" * 900 + b"\r\n" + b"y" * 900 + b"\r\n" + b"z" * 900 + b"\r\n."))
        await client.begun()
        assert "250" == code(await client.say(MAIL + b"."))
    assert [MAIL] == [arrival.raw for arrival in log.kept]


async def test_mail_of_exactly_the_limit_is_whole() -> None:
    """The last byte that is allowed is kept."""
    log = Log()
    lines = b"".join(b"%097d.\r\n" % number for number in range(18))
    mail = MAIL + lines + b"y" * (2_048 - len(MAIL) - len(lines) - 2) + b"\r\n"

    assert "250" == code(await answer_to(mail + b".", log, size_bytes=2_048))
    assert [mail] == [arrival.raw for arrival in log.kept]


@pytest.mark.parametrize(("expected", "length"), [("250", 998), ("500", 999), ("500", 100_000)])
async def test_line_length(expected: str, length: int) -> None:
    """A line holds at most what the operator set, its CR LF included."""
    assert expected == code(await answer_to(MAIL + b"x" * length + b"\r\n.", Log(), line_bytes=1_000))


async def test_a_long_line_is_taken_as_shipped() -> None:
    """Programs that fold no lines are many; their users are heard."""
    assert "250" == code(await answer_to(MAIL + b"x" * 500_000 + b"\r\n.", Log()))


async def test_long_command_line() -> None:
    """A command too long is refused, and the session goes on."""
    async with serving(Log()) as (port, _), talking(port) as client:
        await client.heard()

        assert "500" == code(await client.say("EHLO " + "x" * 200_000))
        assert "250" == code(await client.say("EHLO x"))


async def test_too_many_recipients() -> None:
    """Recipients over the limit are to be sent separately."""
    async with serving(Log(), recipients=1) as (port, _), talking(port) as client:
        await client.heard()

        assert "452" == code(await client.say("EHLO x", "MAIL FROM:<a@b>", f"RCPT TO:<{OURS}>", f"RCPT TO:<{OURS}>"))


async def test_too_many_connections() -> None:
    """One session more than the limit is told to come later; when one goes, there is room."""
    async with serving(Log(), connections=1) as (port, _):
        async with talking(port) as first:
            await first.heard()
            async with talking(port) as second:
                assert "421" == code(await second.heard())
            await first.say("QUIT")
            await first.heard()
        async with talking(port) as third:
            assert "220" == code(await third.heard())


async def test_commands_are_counted() -> None:
    """A session that only makes noise comes to an end."""
    async with serving(Log()) as (port, _), talking(port) as client:
        await client.heard()

        assert "421" == code(await client.say(*["NOOP"] * 51))


async def test_silent_session_is_closed() -> None:
    """A client that says nothing for too long is let go."""
    async with serving(Log(), timeout_seconds=0.05) as (port, _), talking(port) as client:
        await client.heard()

        assert "" == await client.heard()


@pytest.mark.parametrize("command", ["AUTH PLAIN AGEAYg==", "VRFY root", "EXPN staff", "ETRN x"])
async def test_nothing_else_is_offered(command: str) -> None:
    """Nobody logs in, nobody learns who has a mailbox."""
    async with serving(Log()) as (port, _), talking(port) as client:
        await client.heard()

        assert code(await client.say("EHLO x", command)) in {"252", "500", "502"}


# Odd, but right.


@pytest.mark.parametrize(
    ("expected", "data"),
    [
        (b"", b"."),
        (b".\r\n", b"..\r\n."),
        (b"a\r\n.b\r\n..\r\n", b"a\r\n..b\r\n...\r\n."),
        (b"a.\r\nb.\r\n", b"a.\r\nb.\r\n."),
        (b"a\n.\nb\r\n", b"a\n.\nb\r\n."),
        (b"a\n.\r\nb\r\n", b"a\n.\r\nb\r\n."),
        (b"a\r.\r\nb\r\n", b"a\r.\r\nb\r\n."),
        (b"\r\nx\r\n", b"\r\nx\r\n."),
    ],
)
async def test_dots_and_line_ends(expected: bytes, data: bytes) -> None:
    """Only CR LF . CR LF ends a mail: bare line ends are its own bytes, so none smuggles a second mail in."""
    log = Log()

    assert "250" == code(await answer_to(data, log))
    assert [expected] == [arrival.raw for arrival in log.kept]


async def test_everything_in_one_packet() -> None:
    """Commands and two mails that come all at once are taken in their order."""
    log = Log()
    async with serving(log) as (port, _), talking(port) as client:
        await client.heard()
        await client.say("EHLO x")
        one = [b"MAIL FROM:<a@b>", f"RCPT TO:<{OURS}>".encode(), b"DATA"]
        client.writer.write(b"\r\n".join([*one, b"first.", b".", *one, b"second.", b".", b"QUIT", b""]))
        answers = [code(await client.heard()) for _ in range(9)]

    assert ["250", "250", "354", "250", "250", "250", "354", "250", "221"] == answers
    assert [b"first.\r\n", b"second.\r\n"] == [arrival.raw for arrival in log.kept]


async def test_mail_in_crumbs() -> None:
    """A mail that comes byte by byte, and one larger than any buffer, arrive whole."""
    log = Log()
    large = b"".join(b"%060d.\r\n" % number for number in range(5_000))
    async with serving(log) as (port, _), talking(port) as client:
        await client.heard()
        await client.begun()
        for byte in b"a.\r\n..\r\n.\r\n":
            client.writer.write(bytes([byte]))
            await client.writer.drain()
        await client.heard()
        await client.begun()
        await client.say(large + b".")

    assert [b"a.\r\n.\r\n", large] == [arrival.raw for arrival in log.kept]


async def test_client_that_hangs_up_leaves_nothing() -> None:
    """A mail whose end never came is not taken, and its place is free again."""
    log = Log()
    async with serving(log, connections=1) as (port, _):
        async with talking(port) as client:
            await client.heard()
            await client.begun()
            client.writer.write(MAIL)
            await client.writer.drain()
            client.writer.transport.abort()
        async with asyncio.timeout(300):
            while True:
                async with talking(port) as client:
                    if code(await client.heard()) == "220":
                        break

    assert [] == log.kept


# Stopping.


async def test_stopping_finishes_the_mail_at_hand() -> None:
    """When the server stops, idle sessions are sent away and a mail that is being handed over is finished."""
    log = Log()
    log.wait = asyncio.Event()
    async with serving(log) as (port, task), talking(port) as idle, talking(port) as busy:
        await idle.heard()
        await busy.heard()
        await busy.begun()
        answer = asyncio.create_task(busy.say(MAIL + b"."))
        await log.asked.wait()
        task.cancel()

        assert "421" == code(await idle.heard())
        log.wait.set()
        assert "250" == code(await answer)
        assert "421" == code(await busy.heard())
        with pytest.raises(asyncio.CancelledError):
            await task
    assert [MAIL] == [arrival.raw for arrival in log.kept]


async def test_port_in_use_is_told() -> None:
    """A port that something else uses is a mistake that names the place and the setting."""
    async with serving(Log()) as (port, _):
        email = Email("email", EmailSettings(port=port))

        with pytest.raises(
            ConfigError, match=rf"connectors\.email\.port: cannot listen on 127\.0\.0\.1:{port} .*choose"
        ):
            await email.serve(Log().accept, lambda: NOON, lambda _: None)


# TLS.


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A certificate for localhost and its key, in one file."""
    return certified(tmp_path)


async def test_starttls(certificate: Path) -> None:
    """With a certificate STARTTLS is offered, works, and the envelope tells of it; nobody can log in then either."""
    log = Log()
    trusting = ssl.create_default_context(cafile=str(certificate))
    client = aiosmtplib.SMTP(hostname="localhost", timeout=10, start_tls=True, tls_context=trusting)
    async with serving(log, host="localhost", certificate=str(certificate)) as (port, _):
        await client.connect(port=port)
        await client.ehlo()
        offered = set(client.esmtp_extensions)
        await client.sendmail("citizen@example.kr", [OURS], MAIL)
        await client.quit()

    assert log.kept[0].envelope is not None
    assert "TLS" in log.kept[0].envelope.options
    assert {"auth", "starttls"}.isdisjoint(offered)


async def test_without_certificate_no_starttls() -> None:
    """Without a certificate STARTTLS is not offered."""
    async with serving(Log()) as (port, _), aiosmtplib.SMTP(hostname="127.0.0.1", port=port, timeout=10) as client:
        await client.ehlo()

        assert {"size", "8bitmime", "smtputf8"} <= set(client.esmtp_extensions)
        assert "starttls" not in client.esmtp_extensions


async def test_words_said_before_tls_are_forgotten(certificate: Path) -> None:
    """Commands slipped in behind STARTTLS, in the clear, are never carried out."""
    trusting = ssl.create_default_context(cafile=str(certificate))
    async with serving(Log(), certificate=str(certificate)) as (port, _), talking(port) as client:
        await client.heard()
        await client.say("EHLO x")
        client.writer.write(b"STARTTLS\r\nMAIL FROM:<evil@example.kr>\r\n")
        await client.heard()
        await client.writer.start_tls(trusting, server_hostname="localhost")

        assert "503" == code(await client.say("EHLO x", f"RCPT TO:<{OURS}>"))


async def test_certificate_that_is_none_is_told(tmp_path: Path) -> None:
    """A certificate that cannot be used is a mistake that names the file."""
    path = tmp_path / "none.pem"
    path.write_text("nothing")
    email = Email("email", EmailSettings(port=0, certificate=path))

    with pytest.raises(ConfigError, match=r"connectors\.email\.certificate: .*none\.pem"):
        await email.serve(Log().accept, lambda: NOON, lambda _: None)


async def test_one_address_cannot_take_every_place() -> None:
    """Beyond its share an address is told to come again; its first sessions go on."""
    async with serving(Log(), connections_from_one=2) as (port, _), talking(port) as first, talking(port) as second:
        await first.heard()
        await second.heard()
        async with talking(port) as third:
            assert "421" == code(await third.heard())
        assert "250" == code(await first.say("EHLO x"))
