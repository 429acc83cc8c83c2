"""The SMTP and LMTP dialogue: aiosmtpd on the running loop, its slow inner loops replaced, every limit ours.

A mail is answered with 250 only after `deliver` returned; whatever goes wrong on our side is 451, never 5xx.
"""

import asyncio
import logging
import re
import ssl
from collections import defaultdict
from collections.abc import Awaitable, Callable

import msgspec
from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword, Session
from aiosmtpd.smtp import Envelope as Dialogue

from connectors._mail.door import HANDED_IN
from connectors._mail.loops import without_tag
from core import telemetry
from core.errors import Unavailable
from core.message import Envelope

TRY_AGAIN = "451 4.3.0 Cannot take your mail just now, please try again later"
BUSY = "421 4.3.2 Too many connections, please try again later"
NO_LOGIN = "421 4.7.0 Too many wrong passwords, goodbye"
CLOSING = "421 4.3.2 Service closes, please try again later"
_END = b"\r\n.\r\n"
_READ_BYTES = 65_536
# RFC 5321 says 512, SIZE, BODY and SMTPUTF8 add to it.
_COMMAND_BYTES = 1_024
_GRACE_SECONDS = 5.0
_WRONG_LOGINS = 3
# Reverse path or forward path of RFC 5321 and 6531, a source route being passed over; then the parameters.
_PATH = re.compile(
    r"\s*(?:<(?:@[^\s<>:]{1,255}:)?(?P<path>[^\s<>\"@]{1,128}@[^\s<>@]{1,255}|\"[^\"\\<>]{1,64}\"@[^\s<>@]{1,255}|)>"
    r"|(?P<bare>[^\s<>\"@]{1,128}@[^\s<>@]{1,255}))(?:\s+(?P<rest>.*))?"
)

Deliver = Callable[[bytes, Envelope], Awaitable[None]]


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """What the door puts up with."""

    hostname: str
    addresses: frozenset[str]
    size_bytes: int
    line_bytes: int
    connections: int
    connections_from_one: int
    recipients: int
    mails: int
    seconds: float
    tls: ssl.SSLContext | None = None
    # A reply for each recipient, as RFC 2033 has it.
    lmtp: bool = False
    # Who this user with this password is, "" for nobody; with it nobody hands anything in without logging in.
    login: Callable[[bytes, bytes], str] | None = None


class Door:
    """All sessions of one server; the hooks that aiosmtpd calls by their names."""

    def __init__(self, name: str, limits: Limits, deliver: Deliver) -> None:
        self.name = name
        self.limits = limits
        self.deliver = deliver
        self.closing = False
        self._sessions: set[MailSession] = set()
        self._empty = asyncio.Event()

    def session(self) -> "MailSession":
        return LmtpSession(self) if self.limits.lmtp else MailSession(self)

    def enter(self, session: "MailSession") -> bool:
        """Returns whether there is room for one more."""
        if len(self._sessions) >= self.limits.connections:
            return False
        # One neighbour that holds every chair would keep all others out; by a socket in a folder comes only one.
        if (
            session.host
            and sum(other.host == session.host for other in self._sessions) >= self.limits.connections_from_one
        ):
            return False
        self._sessions.add(session)
        return True

    def leave(self, session: "MailSession") -> None:
        self._sessions.discard(session)
        if not self._sessions:
            self._empty.set()

    async def close(self) -> None:
        """Sends idle sessions away, lets those finish that are handing over a mail, within the grace."""
        self.closing = True
        for session in tuple(self._sessions):
            session.dismiss()
        try:
            async with asyncio.timeout(_GRACE_SECONDS):
                while self._sessions:
                    self._empty.clear()
                    await self._empty.wait()
        except TimeoutError:
            for session in tuple(self._sessions):
                session.hang_up()

    async def handle_EHLO(  # noqa: N802 -- aiosmtpd's name and arguments
        self, _server: SMTP, session: Session, _envelope: Dialogue, hostname: str, responses: list[str]
    ) -> list[str]:
        session.host_name = hostname
        # Elsewhere nobody logs in: mail comes in for the city only.
        if self.limits.login is not None:
            return responses
        return [line for line in responses if not line.startswith("250-AUTH")]

    def authenticate(
        self, _server: SMTP, session: Session, _envelope: Dialogue, _mechanism: str, given: LoginPassword
    ) -> AuthResult:
        """Tells aiosmtpd whether it is who it says."""
        login = self.limits.login
        who = login(given.login, given.password) if login is not None else ""
        if not who:
            telemetry.refused(channel=self.name, reason="login", status=535)
            return AuthResult(success=False, handled=False)
        session.login_data = None
        return AuthResult(success=True, auth_data=who)

    async def handle_RCPT(  # noqa: N802 -- aiosmtpd's name and arguments
        self, _server: SMTP, _session: Session, envelope: Dialogue, address: str, _options: list[str]
    ) -> str:
        if without_tag(address.lower()) not in self.limits.addresses:
            telemetry.refused(channel=self.name, reason="unknown recipient", status=550)
            return "550 5.1.1 No such mailbox here"
        if len(envelope.rcpt_tos) >= self.limits.recipients:
            return "452 4.5.3 Too many recipients, please send the others separately"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_exception(self, error: Exception) -> str:
        telemetry.warned("mail dialogue failed", channel=self.name, error=type(error).__name__)
        return TRY_AGAIN


class MailSession(SMTP):
    """One connection."""

    # aiosmtpd takes its reader's buffer from here; the limits on lines are kept by `_taken` and the command limit.
    line_length_limit = _READ_BYTES

    def __init__(self, door: Door) -> None:
        limits = door.limits
        super().__init__(
            door,
            data_size_limit=limits.size_bytes,
            enable_SMTPUTF8=True,
            hostname=limits.hostname,
            ident="LMTP" if limits.lmtp else "ESMTP",
            tls_context=limits.tls,
            timeout=limits.seconds,
            auth_required=limits.login is not None,
            authenticator=door.authenticate,
            command_call_limit=_call_limits(limits),
            loop=asyncio.get_running_loop(),
        )
        # The class keeps these for all sessions together and lets every EHLO raise them.
        self.command_size_limits = defaultdict(lambda: _COMMAND_BYTES)
        self._door = door
        self._taking = False
        self._wrong_logins = 0
        # How many replies the other side waits for.
        self._owed = 1

    def dismiss(self) -> None:
        """Ends the session now, or after the mail that is being handed over."""
        if not self._taking:
            self._writer.write(CLOSING.encode() + b"\r\n")
            self._writer.close()

    def hang_up(self) -> None:
        self._writer.transport.abort()

    @property
    def host(self) -> str:
        """The other side's address, without its port."""
        peer = self._writer.get_extra_info("peername") if self._writer is not None else None
        return str(peer[0]) if isinstance(peer, tuple) else ""

    async def _handle_client(self) -> None:
        if self._door.closing or not self._door.enter(self):
            self._writer.write((CLOSING if self._door.closing else BUSY).encode() + b"\r\n")
            self._writer.close()
            return
        try:
            await super()._handle_client()
        except (ConnectionError, EOFError):
            # The other side is gone; it got no 250 and will come again.
            self._writer.close()
        finally:
            self._door.leave(self)

    def _getaddr(self, arg: str) -> tuple[str | None, str | None]:
        found = _PATH.fullmatch(arg)
        if not found or not arg.isprintable():
            return None, None
        address = found["bare"] if found["path"] is None else found["path"].replace('"', "")
        # aiosmtpd takes an empty address for a missing one; the null sender is told by its two characters.
        return address or "<>", found["rest"] or ""

    async def smtp_AUTH(self, arg: str | None) -> None:  # noqa: N802 -- aiosmtpd's name
        if self._door.limits.login is None:
            await self.push("502 5.5.1 Nobody logs in here")
            return
        await super().smtp_AUTH(arg)
        self._wrong_logins += self.session is not None and not self.session.authenticated
        if self._wrong_logins >= _WRONG_LOGINS:
            await self.push(NO_LOGIN)
            self._writer.close()

    async def smtp_VRFY(self, _arg: str | None) -> None:  # noqa: N802 -- aiosmtpd's name
        await self.push("252 2.5.0 Send the mail and see")

    async def smtp_DATA(self, arg: str | None) -> None:  # noqa: N802 -- aiosmtpd's name
        if await self.check_helo_needed():
            return
        assert self.envelope is not None
        if not self.envelope.rcpt_tos or arg:
            await self.push("501 Syntax: DATA" if arg else "503 Error: need RCPT command")
            return
        self._taking = True
        try:
            await self.push("354 End data with <CR><LF>.<CR><LF>")
            self._owed = self._replies()
            content = await self._content()
            await self._say(content if isinstance(content, str) else await self._taken(content))
        finally:
            self._taking = False
            self.envelope = self._create_envelope()
        if self._door.closing:
            self.dismiss()

    async def handle_exception(self, error: Exception) -> str:
        """Returns what is said when a command failed in an unforeseen way, as often as it is waited for."""
        status = await super().handle_exception(error)
        owed, self._owed = self._owed, 1
        return "\r\n".join([status] * owed)

    async def _say(self, status: str) -> None:
        owed, self._owed = self._owed, 1
        await self.push("\r\n".join([status] * owed))

    def _replies(self) -> int:
        """How many replies a mail is owed."""
        return 1

    async def _content(self) -> bytes | str:
        """Reads to the lone dot; returns the mail without transparency dots, or why it is refused.

        Only CR LF . CR LF ends a mail, so that no bare line feed smuggles a second one in.
        """
        data = bytearray(b"\r\n")
        size, most = 0, self._door.limits.size_bytes + len(b".\r\n")
        while not data.endswith(_END):
            try:
                piece = await self._reader.readuntil(b".\r\n")
            except asyncio.LimitOverrunError as error:
                piece = await self._reader.readexactly(error.consumed)
            size += len(piece)
            if size > most:
                # Read on, so that the answer is heard; keep only what the end is told by.
                del data[: -len(_END)]
            data += piece
        if size > most:
            return "552 5.3.4 Mail too large"
        if b"\r\n." in data[:-3]:
            data[:-3] = data[:-3].replace(b"\r\n.", b"\r\n")
        content = bytes(memoryview(data)[2:-3])
        if _has_long_line(content, self._door.limits.line_bytes):
            return f"500 5.6.0 Line longer than {self._door.limits.line_bytes} bytes (RFC 5321, 4.5.3.1.6)"
        return content

    async def _taken(self, content: bytes) -> str:
        """Makes the mail durable; returns the answer."""
        try:
            await self._door.deliver(content, self._envelope())
        except Unavailable as error:
            telemetry.pushed_back(channel=self._door.name, reason=error.reason)
            return TRY_AGAIN
        return "250 2.0.0 OK, kept"

    def _envelope(self) -> Envelope:
        said, session = self.envelope, self.session
        assert said is not None
        assert session is not None
        options = [*said.mail_options, *(["TLS"] if session.ssl else [])]
        if session.authenticated:
            options.append(HANDED_IN + str(session.auth_data))
        peer = session.peer
        return Envelope(
            sender="" if said.mail_from in ("<>", None) else said.mail_from,
            recipients=tuple(said.rcpt_tos),
            peer=str(peer[0]) if isinstance(peer, tuple) else "",
            options=tuple(options),
        )


class LmtpSession(MailSession):
    """One connection of a mail server that delivers to us (RFC 2033). aiosmtpd's own LMTP gives one reply for all
    recipients, where each of them is waited for."""

    async def smtp_LHLO(self, arg: str | None) -> None:  # noqa: N802 -- aiosmtpd's name
        await super().smtp_EHLO(arg)

    async def smtp_HELO(self, _arg: str | None) -> None:  # noqa: N802 -- aiosmtpd's name
        await self.push("500 5.5.1 This is LMTP, say LHLO")

    async def smtp_EHLO(self, arg: str | None) -> None:  # noqa: N802 -- aiosmtpd's name
        await self.smtp_HELO(arg)

    def _replies(self) -> int:
        return len(self.envelope.rcpt_tos) if self.envelope else 1


def quieten() -> None:
    """aiosmtpd's own log writes addresses and subjects; what happened is told by ours."""
    logging.getLogger("mail.log").disabled = True


def _call_limits(limits: Limits) -> dict[str, int]:
    commands = limits.mails * 2
    return {"*": 50, "MAIL": commands, "RCPT": commands * limits.recipients, "DATA": commands, "RSET": commands}


def _has_long_line(content: bytes, limit: int) -> bool:
    """Leaps from line end to line end, each as far ahead as one line may reach."""
    position = 0
    while len(content) - position > limit:
        end = content.rfind(b"\r\n", position, position + limit)
        if end < 0:
            return True
        position = end + 2
    return False
