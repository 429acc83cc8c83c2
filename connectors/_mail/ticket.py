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

_PROOF_BYTES = 10
_LETTER_DIGITS, _PROOF_DIGITS = 26, 16


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
        return f"{local}+{_digits(named)}.{_digits(self._proof(named))}@{domain}"

    def letter(self, addresses: Iterable[str]) -> str:
        """Returns the Message-ID of the letter that the first valid ticket among these stands for, "" for none."""
        return next((named for address in addresses if (named := self._named(address))), "")

    def _named(self, address: str) -> str:
        tag = address.rpartition("@")[0].partition("+")[2]
        letter, _, proof = tag.partition(".")
        if len(letter) != _LETTER_DIGITS or len(proof) != _PROOF_DIGITS:
            return ""
        try:
            named, proven = b32decode(letter.upper() + "======"), b32decode(proof.upper())
        except (Error, ValueError):
            return ""
        if not compare_digest(self._proof(named), proven):
            return ""
        return f"<{UUID(bytes=named)}@{self._hostname}>"

    def _proof(self, named: bytes) -> bytes:
        return self._mark(b"mail ticket" + named)[:_PROOF_BYTES]


def _digits(data: bytes) -> str:
    return b32encode(data).decode("ascii").rstrip("=").lower()
