"""A mail server beside a test: takes mail for anybody, says what it is told to, gives nothing on."""

import email
import smtplib
from collections import deque
from datetime import UTC, datetime, timedelta
from email.message import Message
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from bench.instance import free_port


class Took:
    """One mail that was taken: its dialogue and its bytes."""

    def __init__(self, sender: str, recipient: str, raw: bytes) -> None:
        self.sender = sender
        self.recipient = recipient
        self.raw = raw

    @property
    def parsed(self) -> Message:
        return email.message_from_bytes(self.raw)

    @property
    def id(self) -> str:
        return str(self.parsed["Message-ID"])

    @property
    def answers_to(self) -> str:
        return str(self.parsed["Reply-To"])

    @property
    def text(self) -> str:
        body = self.parsed.get_payload(decode=True)
        return body.decode() if isinstance(body, bytes) else ""


class Relay:
    """`instead` is what it says next instead of 250; "lost" takes the mail and breaks the line."""

    def __init__(self) -> None:
        self.took: list[Took] = []
        self.instead: deque[str] = deque()
        self.port = free_port()
        self._controller = Controller(self, hostname="127.0.0.1", port=self.port)

    def start(self) -> None:
        self._controller.start()

    def stop(self) -> None:
        self._controller.stop()

    async def handle_DATA(self, server: Any, _session: Any, envelope: Any) -> str:
        said = self.instead.popleft() if self.instead else ""
        if said in ("", "lost"):
            self.took.append(Took(envelope.mail_from, envelope.rcpt_tos[0], envelope.content))
        if said == "lost":
            server.transport.abort()
        return said or "250 OK"

    def to(self, address: str) -> list[Took]:
        """What somebody got, each mail once however often it came: mail programs know it by its Message-ID."""
        return list({one.id: one for one in self.took if one.recipient == address}.values())


def deliver(port: int, raw: str, *, sender: str, to: str) -> None:
    """Brings a mail as another mail server does."""
    with smtplib.SMTP("127.0.0.1", port, timeout=120) as client:
        client.sendmail(sender, [to], raw.replace("\n", "\r\n").encode())


def certified(folder: Path) -> Path:
    """Makes a certificate for localhost and its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = folder / "mail.pem"
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(built.public_bytes(serialization.Encoding.PEM) + secret)
    return path
