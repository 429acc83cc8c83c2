"""Plus-addresses that only we can make, each for one letter: `minwon+<ticket>@…`.

A ticket is the letter's id and what the instance's key makes of it, in letters and digits that survive a mail program
that writes addresses in lower case. It says which letter is answered or came back, as a Message-ID in a header would;
whether the writer is a participant of that case is looked at all the same.
"""

from base64 import b32decode, b32encode
from binascii import Error
from collections.abc import Callable, Iterable
from hmac import compare_digest
from uuid import UUID

_LETTER_BYTES, _PROOF_BYTES = 16, 10
_DIGITS = 26 + 1 + 16


class Tickets:
    """Makes tickets and knows its own; `mark` is what nobody without the key can make, `hostname` stands in our
    Message-IDs."""

    def __init__(self, hostname: str, mark: Callable[[bytes], bytes]) -> None:
        self._hostname = hostname
        self._mark = mark

    def address(self, address: str, letter: str) -> str:
        """Returns the plus-address for the letter of this id; the address itself for an id that is no UUID."""
        local, _, domain = address.rpartition("@")
        try:
            named = UUID(letter).bytes
        except ValueError:
            return address
        return f"{local}+{self._ticket(named)}@{domain}"

    def letter(self, addresses: Iterable[str]) -> str:
        """Returns the Message-ID of the letter that the first valid ticket among these stands for, "" for none."""
        return next((named for address in addresses if (named := self._named(address))), "")

    def _named(self, address: str) -> str:
        ticket = address.rpartition("@")[0].partition("+")[2].lower()
        if len(ticket) != _DIGITS or not ticket.isascii():
            return ""
        try:
            named = b32decode(ticket.partition(".")[0].upper() + "======")
        except (Error, ValueError):
            return ""
        # The whole of it: several spellings would decode to the same.
        if len(named) != _LETTER_BYTES or not compare_digest(self._ticket(named), ticket):
            return ""
        return f"<{UUID(bytes=named)}@{self._hostname}>"

    def _ticket(self, named: bytes) -> str:
        return f"{_spelt(named)}.{_spelt(self._mark(b'mail ticket' + named)[:_PROOF_BYTES])}"


def _spelt(data: bytes) -> str:
    return b32encode(data).decode("ascii").rstrip("=").lower()
