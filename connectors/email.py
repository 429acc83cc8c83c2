"""E-mail: a mail server of our own takes it in, the worker reads it, a relay takes answers out."""

import asyncio
import ssl
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import cached_property
from pathlib import Path

from pydantic import Field, field_validator, model_validator

from connectors._mail import door, message, mime
from connectors._mail.compose import Letterhead, compose
from connectors._mail.loops import Ours
from connectors._mail.relay import MailSender, Relay
from connectors._mail.server import Door, Limits, quieten
from connectors.base import Accept, ChannelSettings, Server
from core.clock import Clock
from core.errors import ConfigError, Rejected
from core.message import Arrival, Envelope, Message
from core.reply import Reply, Sender
from core.settings import SecretRef, Settings

# Python refuses to read numbers of many thousand digits.
_LONGEST_NUMBER = 9


class RelaySettings(Settings):
    """[connectors.email.relay]: where outgoing mail goes."""

    host: str = Field(min_length=1)
    """Name or address of the relay."""
    port: int = Field(default=25, ge=1, le=65_535)
    """Its port."""
    username: str = ""
    """Whom to log in as; "" for nobody."""
    password: SecretRef | None = None
    """Password of that user."""
    starttls: bool | None = None
    """Encrypt: true always, false never, left out whenever the relay offers it."""
    timeout_seconds: float = Field(default=20.0, gt=0, le=300)
    """Longest wait for one answer of the relay."""

    @model_validator(mode="after")
    def _logs_in_encrypted(self) -> "RelaySettings":
        if self.password and not self.username:
            raise ValueError("a password without username; set username too")
        if self.password and not self.starttls and self.host not in ("127.0.0.1", "::1", "localhost"):
            raise ValueError("a password would travel in the clear; set starttls = true")
        return self


class EmailSettings(ChannelSettings):
    """[connectors.email]"""

    addresses: tuple[str, ...] = Field(default=("minwon@eungdapso.example",), min_length=1)
    """Addresses that are received, each with all its plus-addresses; everything else is refused with 550."""
    host: str = "127.0.0.1"
    """Address to listen on; "0.0.0.0" for all."""
    port: int = Field(default=8025, ge=0, le=65_535)
    """Port to listen on; 0 takes a free one."""
    hostname: str = ""
    """Name of this mail server in greetings and Message-IDs; "" for the domain of the first address."""
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
    trusted_authserv_id: str = ""
    """Name in Authentication-Results by which our own mail gateway is known; "" trusts none."""
    from_address: str = ""
    """Address that answers come from; "" for the first of `addresses`."""
    display_name: str = "응답소"
    """Name beside that address."""
    relay: RelaySettings | None = None
    """Where outgoing mail goes; left out: to files."""

    @field_validator("addresses", mode="after")
    @classmethod
    def _are_addresses(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(_address(address) for address in value)

    @field_validator("from_address", mode="after")
    @classmethod
    def _is_address(cls, value: str) -> str:
        return _address(value) if value else ""

    @model_validator(mode="after")
    def _key_has_certificate(self) -> "EmailSettings":
        if self.key and not self.certificate:
            raise ValueError("a key without certificate; set certificate too")
        return self


class Email(Server[EmailSettings]):
    """Mail to the city's addresses. Whoever can type an address can write in its name, so authors are self-declared
    unless our own gateway vouches for them."""

    Settings = EmailSettings
    names_earlier = True
    is_threaded = True

    def missing(self) -> Sequence[str]:
        relay = self.settings.relay
        wanted = relay.password if relay else None
        return (wanted.env,) if wanted and not wanted.value(self.environment) else ()

    async def serve(self, accept: Accept, clock: Clock, started: Callable[[str], None]) -> None:
        async def deliver(content: bytes, envelope: Envelope) -> None:
            await accept([self.arrival(content, envelope, clock())])

        quieten()
        settings = self.settings
        entrance = Door(self.name, self._limits(), deliver)
        loop = asyncio.get_running_loop()
        try:
            server = await loop.create_server(entrance.session, settings.host, settings.port, backlog=1_024)
        except OSError as error:
            raise ConfigError(
                f"connectors.{self.name}.port: cannot listen on {settings.host}:{settings.port} ({error.strerror});"
                " choose another port or stop what uses it"
            ) from error
        try:
            started(_place(server.sockets[0].getsockname()))
            await loop.create_future()
        finally:
            server.close()
            await entrance.close()

    def arrival(self, raw: bytes, envelope: Envelope, received_at: datetime) -> Arrival:
        """Returns the mail as it is made durable, unparsed. Pure."""
        return door.arrival(self.name, raw, envelope, received_at)

    def parse(self, arrival: Arrival) -> Message:
        return message.message_of(arrival, self._ours, self.settings.trusted_authserv_id)

    def attachment(self, raw: bytes, place: str) -> bytes:
        """Returns the bytes of an attachment by its `place` ("raw:2"); raises `Rejected` when there is none. Pure."""
        return self.opened(raw)(place)

    def opened(self, raw: bytes) -> Callable[[str], bytes]:
        """Returns what gives the attachments of one mail as `attachment` does, the mail being read once. Pure."""
        leaves = mime.read(raw).leaves()

        def content(place: str) -> bytes:
            number = place.removeprefix("raw:")
            if not number.isdecimal() or len(number) > _LONGEST_NUMBER or not 1 <= int(number) <= len(leaves):
                raise Rejected(f"the mail has {len(leaves)} parts and none at {place[:40]}")
            return leaves[int(number) - 1].content()

        return content

    def as_eml(self, reply: Reply) -> bytes:
        """Returns the reply as a whole mail; raises `Rejected` when its recipient is no address. Pure."""
        return compose(reply, self._letterhead)

    def sender(self) -> Sender | None:
        relay = self.settings.relay
        if relay is None:
            return None
        password = relay.password.value(self.environment) if relay.password else ""
        way = Relay(
            host=relay.host,
            port=relay.port,
            username=relay.username,
            password=password,
            starttls=relay.starttls,
            timeout_seconds=relay.timeout_seconds,
        )
        return MailSender(way, self._letterhead)

    @cached_property
    def _hostname(self) -> str:
        return self.settings.hostname or self.settings.addresses[0].rpartition("@")[2]

    @cached_property
    def _ours(self) -> Ours:
        return Ours(addresses=frozenset(self.settings.addresses), hostname=self._hostname)

    @cached_property
    def _letterhead(self) -> Letterhead:
        return Letterhead(
            addresses=frozenset(self.settings.addresses),
            from_address=self.settings.from_address or self.settings.addresses[0],
            display_name=self.settings.display_name,
            hostname=self._hostname,
        )

    def _limits(self) -> Limits:
        settings = self.settings
        return Limits(
            hostname=self._hostname,
            addresses=frozenset(settings.addresses),
            size_bytes=settings.size_bytes,
            line_bytes=settings.line_bytes,
            connections=settings.connections,
            connections_from_one=settings.connections_from_one,
            recipients=settings.recipients,
            mails=settings.mails,
            seconds=settings.timeout_seconds,
            tls=self._tls(),
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


def _address(value: str) -> str:
    local, at, domain = value.strip().lower().rpartition("@")
    if not at or not local or not domain or "+" in local or any(mark in value for mark in ' <>",;'):
        raise ValueError(f"'{value}' is no mail address; write it like minwon@eungdapso.example, without a plus")
    return f"{local}@{domain}"


def _place(socket_name: Sequence[object]) -> str:
    host, port = socket_name[0], socket_name[1]
    return f"smtp://[{host}]:{port}" if ":" in str(host) else f"smtp://{host}:{port}"
