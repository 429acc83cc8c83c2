"""Mail from a mailbox that others keep, by IMAP: read-only, never anything twice, never anything missed."""

import asyncio
import ssl
from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Literal

import msgspec
from msgspec import structs
from pydantic import Field, field_validator, model_validator

from connectors._imap_folder import Seen, Step, begun, left_over, step
from connectors._imap_session import Mailbox, Refused, Session
from connectors._mail import door, headers, mime
from connectors._mail.channel import MailChannel
from connectors._mail.loops import without_tag
from connectors._mail.settings import LOOPBACK, MailSettings
from connectors.base import Accept, Asked, Poller
from core.clock import Clock, machine_clock
from core.errors import Rejected
from core.message import Arrival, Envelope
from core.settings import Secret, SecretRef

# So long a mailbox is read before the place is kept and the next turn begins.
_WORK_SECONDS = 20.0
_RECIPIENTS = (b"delivered-to", b"x-original-to", b"envelope-to", b"to", b"cc")
_places = msgspec.json.Decoder(dict[str, Seen])


class ImapSettings(MailSettings):
    """[connectors.imap]"""

    host: str = ""
    """Name of the mail server."""
    port: int = Field(default=993, ge=1, le=65_535)
    """Its port."""
    encryption: Literal["tls", "starttls", "none"] = "tls"
    """"tls" from the first byte (993), "starttls" (143), "none" on this machine alone."""
    ca_certificate: Path | None = None
    """PEM file with the certificate that the server's is signed with, where that is a private one."""
    username: str = ""
    """Whom to log in as; "" for the first of `addresses`."""
    password: SecretRef | None = None
    """Password of that user; left out: EUNGDAPSO_IMAP_PASSWORD."""
    folders: tuple[str, ...] = Field(default=("INBOX",), min_length=1)
    """Folders to read, as the mail program shows them; below one another with the server's own separator."""
    begin_days: int = Field(default=7, ge=0, le=36_500)
    """How old a mail may be that lies in a folder when it is first seen: older ones were dealt with by people."""
    poll_seconds: float = Field(default=60.0, gt=0, le=3_600)
    """How long to wait before it is asked again."""
    timeout_seconds: float = Field(default=30.0, gt=0, le=300)
    """Longest wait for one answer of the server."""
    size_bytes: int = Field(default=26_214_400, ge=1_024, le=209_715_200)
    """Of a larger mail only so much is taken, from its beginning."""

    @field_validator("folders", mode="after")
    @classmethod
    def _are_names(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if wrong := [name for name in value if not name.isprintable() or not name]:
            raise ValueError(f"{wrong[0]!r} is no folder's name")
        return value

    @model_validator(mode="after")
    def _names_a_server(self) -> "ImapSettings":
        # An empty table is one that nobody has filled in yet.
        if not self.host and self.model_fields_set & {"addresses", "username", "folders"}:
            raise ValueError('host: is not set; name the mail server, host = "mail.example.go.kr"')
        return self

    @model_validator(mode="after")
    def _logs_in_encrypted(self) -> "ImapSettings":
        if self.encryption == "none" and self.host not in ("", *LOOPBACK):
            raise ValueError('the password would travel in the clear; set encryption = "tls" or "starttls"')
        return self


class Imap(MailChannel[ImapSettings], Poller[ImapSettings]):
    """The mailbox of an office that cannot redirect its mail. Nothing in it is changed, not even what is unread."""

    Settings = ImapSettings
    turn_seconds = 120.0
    # By which a mail is too old; the mail server's clock is the machine's, not a rehearsal's.
    today: Callable[[], datetime] = staticmethod(machine_clock)

    def missing(self) -> Sequence[str]:
        password = self._password
        return (*(() if password.value(self.environment) else (password.env,)), *super().missing())

    @property
    def whom(self) -> str:
        settings = self.settings
        user = settings.username or settings.addresses[0]
        return f"{settings.host}:{settings.port} for {user}, {', '.join(settings.folders)}"

    async def ask(self, place: str, accept: Accept, clock: Clock) -> Asked:
        session = Session(self._mailbox())
        politely = False
        try:
            await asyncio.to_thread(session.open)
            asked = await _Turn(self, session, accept, clock).ask(_read(place))
            politely = True
        except asyncio.CancelledError:
            # The thread waits for a server that says nothing.
            session.hang_up()
            raise
        else:
            return asked
        finally:
            await asyncio.to_thread(session.close, politely=politely)

    def arrival(self, raw: bytes, _envelope: Envelope, received_at: datetime) -> Arrival:
        """Returns the mail as it is made durable, unparsed. There was no dialogue: whom it is from and for is what its
        headers say. Pure."""
        said, _ = mime.read_headers(raw, 0, len(raw))
        sender = next((value for name, value in said if name == b"return-path"), b"").strip(b" <>")
        author = headers.mailbox(next((value for name, value in said if name == b"from"), b"")).address
        named = [value for wanted in _RECIPIENTS for name, value in said if name == wanted]
        ours = [found for found in headers.addresses(named) if without_tag(found) in self.settings.addresses]
        told = Envelope(
            sender=headers.address(sender) or author, recipients=(ours[0] if ours else self.settings.addresses[0],)
        )
        return structs.replace(door.arrival(self.name, raw, told, received_at), envelope=None)

    @property
    def _password(self) -> Secret:
        return self.secret(self.settings.password, "PASSWORD")

    def _mailbox(self) -> Mailbox:
        settings = self.settings
        if not settings.host:
            raise Rejected(f"connectors.{self.name}.host: is not set; name the mail server")
        return Mailbox(
            host=settings.host,
            port=settings.port,
            username=settings.username or settings.addresses[0],
            password=self._password.value(self.environment),
            tls=self._tls(),
            is_tls_first=settings.encryption == "tls",
            timeout_seconds=settings.timeout_seconds,
        )

    def _tls(self) -> ssl.SSLContext | None:
        if self.settings.encryption == "none":
            return None
        path = self.settings.ca_certificate
        try:
            return ssl.create_default_context(cafile=path)
        except (OSError, ssl.SSLError) as error:
            raise Rejected(
                f"connectors.{self.name}.ca_certificate: {path} cannot be used ({error.strerror or error});"
                " give a PEM file with the issuer's certificate"
            ) from error


class _Turn:
    """One turn: folder after folder, step after step, until nothing is left or the time is over."""

    def __init__(self, channel: Imap, session: Session, accept: Accept, clock: Clock) -> None:
        self._channel = channel
        self._session = session
        self._accept = accept
        self._clock = clock
        self._ends = asyncio.get_running_loop().time() + _WORK_SECONDS
        self._today = channel.today().date()
        self._notes: list[str] = []

    async def ask(self, seen: dict[str, Seen]) -> Asked:
        settings = self._channel.settings
        is_done = True
        for folder in settings.folders:
            try:
                found, is_last = await self._folder(folder, seen.get(folder))
            except Refused as error:
                self._notes.append(f"the folder '{folder}' cannot be opened: {error}")
                continue
            seen, is_done = {**seen, folder: found}, is_done and is_last
            if found.left:
                self._notes.append(
                    f"{len(found.left)} mails of '{folder}' are not given out, the first UID {found.left[0]}"
                )
        return Asked(
            place=msgspec.json.encode(seen).decode(),
            wait_seconds=settings.poll_seconds if is_done else 0.0,
            note="; ".join(self._notes),
        )

    async def _folder(self, name: str, seen: Seen | None) -> tuple[Seen, bool]:
        """Returns how far the folder was read, and whether that is to its end."""
        session, size = self._session, self._channel.settings.size_bytes
        folder = await asyncio.to_thread(session.examine, name)
        seen = begun(seen, folder, self._first_day())
        if seen.left:
            seen = await self._kept(await asyncio.to_thread(left_over, session, seen, size))
        while seen.last + 1 < folder.next_number:
            if asyncio.get_running_loop().time() > self._ends:
                return seen, False
            seen = await self._kept(await asyncio.to_thread(step, session, folder, seen, size, self._today))
        return seen, True

    async def _kept(self, made: Step) -> Seen:
        """Makes the mails durable, and only then says that they were seen."""
        arrivals = [self._channel.arrival(raw, Envelope(), self._clock()) for raw in made.mails]
        if arrivals:
            await self._accept(arrivals)
        return made.seen

    def _first_day(self) -> date:
        # Days are those of the server's zone, wherever that is.
        return self._today - timedelta(days=self._channel.settings.begin_days + 1)


def _read(place: str) -> dict[str, Seen]:
    try:
        return _places.decode(place) if place else {}
    except msgspec.DecodeError as error:
        raise Rejected(
            f"the place that was kept is none ({error}); forget it, and everything is looked through again"
        ) from error
