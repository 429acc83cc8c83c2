"""The other doors of mail: LMTP, which answers for each recipient, and the one where offices log in."""

import asyncio
import smtplib
import socket
import ssl
from base64 import b64encode
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydantic import ValidationError

from connectors.email import Email, EmailSettings
from core.errors import ConfigError, Unavailable
from core.message import Arrival
from tests.mail_relay import certified

NOON = datetime(2026, 11, 20, 3, 0, tzinfo=UTC)
ONE, TWO = "one@eungdapso.example", "two@eungdapso.example"
MAIL = b"From: citizen@example.kr\r\nMessage-ID: <1@x>\r\n\r\nx\r\n.\r\n"
ENVIRONMENT = {"EUNGDAPSO_EMAIL_PASSWORD_GANGNAM": "correct horse", "EUNGDAPSO_EMAIL_PASSWORD_JONGNO_GU": "battery"}


class Log:
    """Stands where the stream stands."""

    def __init__(self) -> None:
        self.kept: list[Arrival] = []
        self.error: Exception | None = None

    async def accept(self, arrivals: Sequence[Arrival]) -> None:
        if self.error is not None:
            raise self.error
        self.kept += arrivals


@asynccontextmanager
async def serving(log: Log, **settings: object) -> AsyncIterator[str]:
    described = {"port": 0, "addresses": [ONE, TWO], **settings}
    email = Email("email", EmailSettings.model_validate(described), environment=ENVIRONMENT)
    started: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    task = asyncio.create_task(email.serve(log.accept, lambda: NOON, started.set_result))
    try:
        yield await started
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def port_of(address: str) -> int:
    return int(address.rpartition(":")[2])


def delivered(client: smtplib.SMTP, content: bytes, recipients: Sequence[str]) -> list[int]:
    """Hands a mail over by LMTP; returns what was said after the dot, reading as many replies as there are."""
    client.docmd("LHLO", "mx.example.kr")
    client.docmd("MAIL", "FROM:<citizen@example.kr>")
    for recipient in recipients:
        client.docmd("RCPT", f"TO:<{recipient}>")
    client.docmd("DATA")
    client.send(content)
    codes: list[int] = []
    with suppress(TimeoutError, smtplib.SMTPServerDisconnected):
        while True:
            codes.append(client.getreply()[0])
            assert client.sock is not None
            client.sock.settimeout(0.3)
    return codes


async def brought(log: Log, content: bytes, recipients: Sequence[str] = (ONE, TWO), **settings: object) -> list[int]:
    async with serving(log, protocol="lmtp", **settings) as address:
        return await asyncio.to_thread(
            lambda: delivered(smtplib.SMTP("127.0.0.1", port_of(address), timeout=10), content, recipients)
        )


@pytest.mark.filterwarnings("ignore::ResourceWarning")
class TestLmtp:
    """One reply for each recipient that was accepted, whatever becomes of the mail (RFC 2033)."""

    async def test_mail_that_is_kept(self) -> None:
        """A mail that is durable is told so once for each recipient, and is one mail."""
        log = Log()

        assert [250, 250] == await brought(log, MAIL)
        assert [(ONE, TWO)] == [a.envelope.recipients for a in log.kept if a.envelope]

    async def test_only_accepted_recipients_count(self) -> None:
        """Who was refused at RCPT is owed no reply."""
        assert [250] == await brought(Log(), MAIL, (ONE, "nobody@eungdapso.example"))

    async def test_mail_that_cannot_be_kept_now(self) -> None:
        """451 for each recipient when the stream is full."""
        log = Log()
        log.error = Unavailable("full")

        assert [451, 451] == await brought(log, MAIL)

    async def test_unforeseen_failure(self) -> None:
        """451 for each recipient when something breaks that nobody thought of."""
        log = Log()
        log.error = RuntimeError("nobody thought of it")

        assert [451, 451] == await brought(log, MAIL)

    async def test_mail_that_is_too_large(self) -> None:
        """552 for each recipient."""
        assert [552, 552] == await brought(Log(), MAIL[:-5] + b"x" * 3_000 + b"\r\n.\r\n", size_bytes=1_024)

    async def test_line_that_is_too_long(self) -> None:
        """500 for each recipient."""
        assert [500, 500] == await brought(Log(), MAIL[:-5] + b"x" * 3_000 + b"\r\n.\r\n", line_bytes=1_000)

    async def test_smtp_is_told_off(self) -> None:
        """Whoever greets as in SMTP is told what this is."""
        async with serving(Log(), protocol="lmtp") as address:
            client = await asyncio.to_thread(smtplib.SMTP, "127.0.0.1", port_of(address), timeout=10)
            said = await asyncio.to_thread(client.docmd, "EHLO", "x")

        assert 500 == said[0]

    async def test_socket_in_a_folder(self, tmp_path: Path) -> None:
        """A socket in a folder serves a mail server on this machine, also after a run that was killed; it is for this
        user and its group, and gone at the end."""
        path, log = tmp_path / "lmtp.sock", Log()
        with socket.socket(socket.AF_UNIX) as left:
            left.bind(str(path))
        async with serving(log, protocol="lmtp", socket=path) as address:
            mode = path.stat().st_mode & 0o777
            codes = await asyncio.to_thread(lambda: delivered(smtplib.LMTP(str(path)), MAIL, (ONE, TWO)))

        assert (f"lmtp://{path}", 0o660, [250, 250]) == (address, mode, codes)
        assert not path.exists()

    async def test_socket_that_cannot_be_made(self, tmp_path: Path) -> None:
        """The operator hears which setting is wrong."""
        path = tmp_path / "none" / "lmtp.sock"
        email = Email("email", EmailSettings(protocol="lmtp", socket=path), environment={})
        with pytest.raises(ConfigError, match=r"connectors\.email\.socket"):
            await email.serve(Log().accept, lambda: NOON, lambda _address: None)


def login(port: int, mechanism: str, user: str, password: str) -> list[int]:
    """Logs in over TLS by one mechanism; returns what was said to that and to a mail afterwards."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with smtplib.SMTP("127.0.0.1", port, timeout=10) as client:
        client.starttls(context=context)
        client.ehlo()
        if mechanism == "PLAIN":
            said = client.docmd("AUTH PLAIN " + b64encode(f"\0{user}\0{password}".encode()).decode())[0]
        else:
            client.docmd("AUTH LOGIN " + b64encode(user.encode()).decode())
            said = client.docmd(b64encode(password.encode()).decode())[0]
        return [said, client.docmd("MAIL", "FROM:<x@gangnam.example>")[0]]


class TestSubmission:
    """Offices log in, over TLS, by the names and passwords that were given to them."""

    @pytest.fixture
    def settings(self, tmp_path: Path) -> dict[str, object]:
        submission = {"port": 0, "offices": ["gangnam", "jongno-gu", "forgotten"]}
        return {"certificate": certified(tmp_path), "submission": submission}

    @pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN"])
    @pytest.mark.parametrize(
        ("user", "password", "expected"),
        [
            ("gangnam", "correct horse", [235, 250]),
            ("jongno-gu", "battery", [235, 250]),
            ("gangnam", "battery", [535, 530]),
            ("nobody", "correct horse", [535, 530]),
            ("nobody", "", [535, 530]),
            ("forgotten", "", [535, 530]),
        ],
    )
    async def test_who_logs_in(
        self, settings: dict[str, object], mechanism: str, user: str, password: str, expected: list[int]
    ) -> None:
        """Each office by its own password; an office without one, and everybody else, not at all."""
        async with serving(Log(), **settings) as address:
            said = await asyncio.to_thread(login, port_of(address), mechanism, user, password)

        assert expected == said

    async def test_guessing_ends(self, settings: dict[str, object]) -> None:
        """After three wrong passwords the line is cut."""

        def guess(port: int) -> int:
            context = ssl.create_default_context()
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            with smtplib.SMTP("127.0.0.1", port, timeout=10) as client:
                client.starttls(context=context)
                client.ehlo()
                wrong = "AUTH PLAIN " + b64encode(b"\0gangnam\0guess").decode()
                said = [client.docmd(wrong)[0] for _ in range(3)]
                said.append(client.getreply()[0])
                with suppress(smtplib.SMTPServerDisconnected):
                    client.docmd(wrong)
                    said.append(0)
                client.close()
                return said[-1]

        async with serving(Log(), **settings) as address:
            assert 421 == await asyncio.to_thread(guess, port_of(address))

    async def test_first_door_knows_no_login(self, settings: dict[str, object]) -> None:
        """Where everybody brings mail nobody can log in."""
        async with serving(Log(), **settings) as address:
            port = port_of(address.partition(",")[0])
            client = await asyncio.to_thread(smtplib.SMTP, "127.0.0.1", port, timeout=10)
            said = await asyncio.to_thread(client.docmd, "AUTH PLAIN")
            await asyncio.to_thread(client.quit)

        assert 502 == said[0]

    def test_login_wants_a_certificate(self) -> None:
        """Without a certificate there is no submission: passwords would travel in the clear."""
        with pytest.raises(ValidationError, match="in the clear"):
            EmailSettings.model_validate({"submission": {"offices": ["gangnam"]}})
