"""Outgoing mail by the city's own relay. Whatever did not surely fail for good is tried again: the Message-ID stays."""

import asyncio
from collections.abc import Callable

import aiosmtplib
import msgspec

from connectors._mail.compose import Letterhead, compose, message_id, recipient, return_path
from core.errors import Rejected, Unavailable
from core.reply import Receipt, Reply, Sender


class Relay(msgspec.Struct, frozen=True, kw_only=True):
    """Where the relay is and how it is spoken to; `starttls` None: when the relay offers it."""

    host: str
    port: int
    username: str
    password: str
    starttls: bool | None
    timeout_seconds: float

    def __repr__(self) -> str:
        return f"Relay({self.host}:{self.port})"


class MailSender(Sender):
    """One connection a mail: nothing is kept open that could be half dead when it is needed."""

    repeatable = True

    def __init__(self, relay: Relay, letterhead: Callable[[], Letterhead]) -> None:
        self._relay = relay
        self._letterhead_now = letterhead

    @property
    def _letterhead(self) -> Letterhead:
        return self._letterhead_now()

    async def send(self, reply: Reply) -> Receipt:
        mail = compose(reply, self._letterhead)
        try:
            async with asyncio.timeout(self._relay.timeout_seconds * 3):
                await self._hand_over(mail, reply)
        except aiosmtplib.SMTPRecipientsRefused as error:
            raise _refused(error.recipients[0].code, error.recipients[0].message) from error
        except (aiosmtplib.SMTPSenderRefused, aiosmtplib.SMTPDataError) as error:
            raise _refused(error.code, error.message) from error
        except aiosmtplib.SMTPNotSupported as error:
            raise Rejected(f"the relay {self._relay.host} cannot carry this mail: {error.message}") from error
        except (aiosmtplib.SMTPException, OSError, TimeoutError, ValueError) as error:
            # No connection, no greeting, no login: that says nothing against the mail.
            what = type(error).__name__
            raise Unavailable(f"the relay {self._relay.host}:{self._relay.port} cannot be used now ({what})") from error
        return Receipt(provider_id=message_id(reply, self._letterhead.hostname))

    async def _hand_over(self, mail: bytes, reply: Reply) -> None:
        to = recipient(reply)
        client = aiosmtplib.SMTP(
            hostname=self._relay.host,
            port=self._relay.port,
            username=self._relay.username or None,
            password=self._relay.password or None,
            start_tls=self._relay.starttls,
            local_hostname=self._letterhead.hostname,
            timeout=self._relay.timeout_seconds,
        )
        try:
            await client.connect()
            sender = return_path(reply, self._letterhead)
            await client.sendmail(sender, [to], mail, mail_options=() if to.isascii() else ("SMTPUTF8",))
        finally:
            client.close()


def _refused(code: int, message: str) -> Rejected | Unavailable:
    words = " ".join(message.split())[:200]
    if 500 <= code < 600:
        return Rejected(f"the relay refuses this mail for good: {code} {words}")
    return Unavailable(f"the relay takes this mail later: {code} {words}")
