"""E-mail: a mail server of our own takes it in, the worker reads it, a relay takes answers out."""

import asyncio
import re
import ssl
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from datetime import datetime
from hashlib import sha256
from hmac import compare_digest
from pathlib import Path
from typing import Literal

from msgspec import structs
from pydantic import Field, model_validator

from connectors._mail import door
from connectors._mail.channel import MailChannel
from connectors._mail.server import Door, Limits, quieten
from connectors._mail.settings import MailSettings, SubmissionSettings
from connectors.base import Accept, Server
from core import telemetry
from core.clock import Clock
from core.errors import ConfigError
from core.message import Arrival, Envelope

_SOCKET_MODE = 0o660


class EmailSettings(MailSettings):
    """[connectors.email]"""

    addresses: tuple[str, ...] = Field(default=("minwon@eungdapso.example",), min_length=1)
    """Addresses that are received, each with all its plus-addresses; everything else is refused with 550."""
    protocol: Literal["smtp", "lmtp"] = "smtp"
    """How mail is brought: "smtp" by any mail server, "lmtp" by our own one, which hears of every recipient by itself.
    Whoever reaches an LMTP port hands in unchecked: keep it on this machine."""
    socket: Path | None = None
    """Socket in a folder to listen on instead of `host` and `port`, with its whole path: for a mail server on this
    machine. Its group may use it."""
    host: str = "127.0.0.1"
    """Address to listen on; "0.0.0.0" for all."""
    port: int = Field(default=8025, ge=0, le=65_535)
    """Port to listen on; 0 takes a free one."""
    size_bytes: int = Field(default=26_214_400, ge=1_024, le=209_715_200)
    """Largest mail in bytes, told by SIZE; larger ones are refused with 552."""
    line_bytes: int = Field(default=1_000_000, ge=1_000, le=10_000_000)
    """Longest line in bytes with its CR LF. RFC 5321 asks for 1,000; many programs write longer ones, and no
    citizen is refused for that."""
    connections: int = Field(default=200, ge=1, le=10_000)
    """Sessions at the same time; more are told 421."""
    connections_from_one: int = Field(default=50, ge=1, le=10_000)
    """Sessions at the same time from one address, so that nobody takes every place; behind a gateway as many as
    `connections`."""
    recipients: int = Field(default=100, ge=1, le=1_000)
    """Recipients of one mail; more are told 452."""
    mails: int = Field(default=10_000, ge=1)
    """Mails in one session; then it has to begin anew."""
    timeout_seconds: float = Field(default=300.0, gt=0, le=3_600)
    """Longest time from command to command, and for one mail to come in."""
    certificate: Path | None = None
    """PEM file with the certificate chain; with it STARTTLS is offered."""
    key: Path | None = None
    """PEM file with the certificate's private key; left out when it stands in the same file."""

    submission: SubmissionSettings | None = None
    """Where offices log in to hand in mail; left out: nowhere."""

    @model_validator(mode="after")
    def _logs_in_encrypted(self) -> "EmailSettings":
        if self.submission and not self.certificate:
            raise ValueError("submission without certificate: passwords would travel in the clear; set certificate")
        return self

    @model_validator(mode="after")
    def _key_has_certificate(self) -> "EmailSettings":
        if self.key and not self.certificate:
            raise ValueError("a key without certificate; set certificate too")
        return self


class Email(MailChannel[EmailSettings], Server[EmailSettings]):
    """Mail to the city's addresses. Whoever can type an address can write in its name, so authors are self-declared
    unless our own gateway vouches for them."""

    Settings = EmailSettings

    async def serve(self, accept: Accept, clock: Clock, started: Callable[[str], None]) -> None:
        async def deliver(content: bytes, envelope: Envelope) -> None:
            await accept([self.arrival(content, envelope, clock())])

        quieten()
        limits = self._limits()
        async with AsyncExitStack() as stack:
            places = [await self._open(stack, Door(self.name, limits, deliver), self.settings)]
            if (submission := self.settings.submission) is not None:
                limits = structs.replace(limits, lmtp=False, login=self._offices(submission))
                places.append(await self._open(stack, Door(self.name, limits, deliver), submission))
            started(", submission ".join(places))
            await asyncio.get_running_loop().create_future()

    async def _open(self, stack: AsyncExitStack, entrance: Door, at: EmailSettings | SubmissionSettings) -> str:
        """Listens until the stack ends; returns the address."""
        socket = at.socket if isinstance(at, EmailSettings) else None
        where = str(socket) if socket else f"{at.host}:{at.port}"
        table = f"connectors.{self.name}" + ("" if isinstance(at, EmailSettings) else ".submission")
        loop = asyncio.get_running_loop()
        try:
            if socket:
                server = await loop.create_unix_server(entrance.session, socket, backlog=1_024)
                stack.callback(socket.unlink, missing_ok=True)
                socket.chmod(_SOCKET_MODE)
            else:
                server = await loop.create_server(entrance.session, at.host, at.port, backlog=1_024)
        except OSError as error:
            raise ConfigError(
                f"{table}.{'socket' if socket else 'port'}: cannot listen on {where} ({error.strerror});"
                " choose another one or stop what uses it"
            ) from error
        stack.push_async_callback(entrance.close)
        stack.callback(server.close)
        kind = "lmtp" if entrance.limits.lmtp else "smtp"
        return f"{kind}://{socket}" if socket else _place(kind, server.sockets[0].getsockname())

    def _offices(self, submission: SubmissionSettings) -> Callable[[bytes, bytes], str]:
        """Returns what knows the offices by name and password."""
        passwords = {
            office: password.encode()
            for office in submission.offices
            if (password := self.secret(None, f"PASSWORD_{_capitals(office)}").value(self.environment))
        }
        for office in set(submission.offices) - set(passwords):
            telemetry.warned("an office has no password and cannot log in", channel=self.name, office=office)

        def known(login: bytes, password: bytes) -> str:
            name = login.decode("utf-8", "replace")
            # Also for a name that nobody has: how long it takes tells nothing.
            right = compare_digest(sha256(passwords.get(name, b"")).digest(), sha256(password).digest())
            return name if right and name in passwords else ""

        return known

    def arrival(self, raw: bytes, envelope: Envelope, received_at: datetime) -> Arrival:
        """Returns the mail as it is made durable, unparsed. Pure."""
        return door.arrival(self.name, raw, envelope, received_at)

    def _limits(self) -> Limits:
        settings = self.settings
        return Limits(
            hostname=self.hostname,
            addresses=frozenset(settings.addresses),
            size_bytes=settings.size_bytes,
            line_bytes=settings.line_bytes,
            connections=settings.connections,
            connections_from_one=settings.connections_from_one,
            recipients=settings.recipients,
            mails=settings.mails,
            seconds=settings.timeout_seconds,
            tls=self._tls(),
            lmtp=settings.protocol == "lmtp",
        )

    def _tls(self) -> ssl.SSLContext | None:
        certificate = self.settings.certificate
        if certificate is None:
            return None
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        try:
            context.load_cert_chain(certificate, self.settings.key)
        except (OSError, ssl.SSLError) as error:
            raise ConfigError(
                f"connectors.{self.name}.certificate: {certificate} cannot be used ({error.strerror or error});"
                " give a PEM file with the chain, and the key's file in key"
            ) from error
        return context


def _capitals(name: str) -> str:
    return re.sub(r"[^A-Z0-9]", "_", name.upper())


def _place(kind: str, socket_name: Sequence[object]) -> str:
    host, port = socket_name[0], socket_name[1]
    return f"{kind}://[{host}]:{port}" if ":" in str(host) else f"{kind}://{host}:{port}"
