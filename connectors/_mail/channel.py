"""What every channel of mail does alike, however the mail comes in: reading it, opening it, answering it."""

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Generic

from connectors._mail import message, mime
from connectors._mail.compose import Letterhead, compose
from connectors._mail.loops import Ours
from connectors._mail.relay import MailSender, Relay
from connectors._mail.settings import M
from connectors._mail.ticket import Tickets
from connectors.base import Connector
from core.errors import Rejected
from core.message import Arrival, Message
from core.reply import Reply, Sender

# Python refuses to read numbers of many thousand digits.
_LONGEST_NUMBER = 9


class MailChannel(Connector[M], Generic[M]):
    """Reads mail and answers by a relay. Whoever can type an address can write in its name, so authors are
    self-declared unless our own gateway vouches for them."""

    names_earlier = True
    is_threaded = True
    pictures = 3

    def missing(self) -> Sequence[str]:
        relay = self.settings.relay
        wanted = relay.password if relay else None
        return (wanted.env,) if wanted and not wanted.value(self.environment) else ()

    def parse(self, arrival: Arrival) -> Message:
        """Returns the message in the mail; raises `Rejected` when there are no bytes to read. Pure."""
        return message.message_of(arrival, self._ours, self.settings.trusted_authserv_id, self._tickets())

    def parser(self) -> Callable[[Arrival], Message]:
        return self.parse

    def opener(self) -> Callable[[bytes], Callable[[str], bytes]]:
        return self.opened

    def as_file(self) -> Callable[[Reply], bytes]:
        return self.as_eml

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
        return compose(reply, self._letterhead())

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

    @property
    def hostname(self) -> str:
        return self.settings.hostname or self.settings.addresses[0].rpartition("@")[2]

    @cached_property
    def _ours(self) -> Ours:
        return Ours(addresses=frozenset(self.settings.addresses), hostname=self.hostname)

    def _tickets(self) -> Tickets | None:
        # The seal is there later than the channel.
        return Tickets(self.hostname, self.mark) if self.mark is not None else None

    def _letterhead(self) -> Letterhead:
        return Letterhead(
            addresses=frozenset(self.settings.addresses),
            from_address=self.settings.from_address or self.settings.addresses[0],
            display_name=self.settings.display_name,
            hostname=self.hostname,
            tickets=self._tickets() if self.settings.tickets else None,
        )
