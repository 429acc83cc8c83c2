"""One connection to a mailbox by IMAP (RFC 3501), read-only: the standard library's client, with every limit ours.

Used from one thread at a time; `hang_up` may come from another and ends whatever waits.
"""

import imaplib
import re
import ssl
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import date
from socket import SHUT_RDWR
from typing import Any

import msgspec

from core.errors import Rejected, Unavailable

_NUMBER = re.compile(rb"\bUID (\d{1,10})\b")
_SIZE = re.compile(rb"\bRFC822\.SIZE (\d{1,12})\b")
_DAY = re.compile(rb'\bINTERNALDATE "\s?(\d{1,2})-([A-Za-z]{3})-(\d{4}) ')
_MONTHS = b"janfebmaraprmayjunjulaugsepoctnovdec"
_CODE = re.compile(r"\[(UNAVAILABLE|INUSE|LIMIT|SERVERBUG|ALERT)\b", re.IGNORECASE)


class Mailbox(msgspec.Struct, frozen=True, kw_only=True):
    """Where the mailbox is and who asks."""

    host: str
    port: int
    username: str
    password: str
    # None: in the clear.
    tls: ssl.SSLContext | None
    is_tls_first: bool
    timeout_seconds: float

    def __repr__(self) -> str:
        return f"Mailbox({self.host}:{self.port})"


class Folder(msgspec.Struct, frozen=True, kw_only=True):
    """What the server says of an opened folder: the numbers of its mails mean something under this `validity` alone."""

    validity: int
    # The number that the next new mail gets.
    next_number: int


class Listed(msgspec.Struct, frozen=True, kw_only=True):
    """One mail of a folder: its number (UID), and on which day the server took it in, None when it does not say."""

    number: int
    size: int
    day: date | None


class Refused(Exception):
    """The server says NO to this one command; the connection goes on."""


class Session:
    """Connects when it is entered, leaves when it is left."""

    def __init__(self, mailbox: Mailbox) -> None:
        self._mailbox = mailbox
        self._client: _Bounded | None = None
        self._is_ended = False

    def open(self) -> None:
        """Connects and logs in. Raises `Unavailable`, or `Rejected` when an operator has to act."""
        with _told(self._mailbox):
            self._client = client = _connected(self._mailbox)
            if self._is_ended:
                # Nobody waits any more: it took too long.
                self.close(politely=False)
                return
            self._log_in(client)

    def examine(self, folder: str) -> Folder:
        """Opens a folder for reading only. Raises `Refused` when there is none of that name."""
        with _told(self._mailbox):
            client = self._open
            kind, data = client.select(_quoted(folder), readonly=True)
            if kind != "OK":
                raise Refused(_words(data))
            validity, following = _number(client, "UIDVALIDITY"), _number(client, "UIDNEXT")
            if validity is None:
                raise Rejected(f"the folder '{folder}' has no UIDVALIDITY: its mails cannot be told apart")
            if following is None:
                following = self._highest(int(data[0] or b"0")) + 1
            return Folder(validity=validity, next_number=following)

    def listed(self, first: int, last: int) -> list[Listed]:
        """Returns the mails with numbers from `first` to `last`, in order."""
        with _told(self._mailbox):
            kind, data = self._open.uid("FETCH", f"{first}:{last}", "(UID RFC822.SIZE INTERNALDATE)")
            if kind != "OK":
                raise Refused(_words(data))
            found = {one.number: one for line in _lines(data) if (one := _listed(line))}
            return [found[number] for number in sorted(found) if first <= number <= last]

    def fetch(self, number: int, most_bytes: int) -> bytes | None:
        """Returns a mail, its first so many bytes; None when it is gone. It stays as unread as it was."""
        with _told(self._mailbox):
            client = self._open
            client.most_bytes = most_bytes
            kind, data = client.uid("FETCH", str(number), f"(UID BODY.PEEK[]<0.{most_bytes}>)")
            if kind != "OK":
                raise Refused(_words(data))
            return next((bytes(part[1]) for part in data if isinstance(part, tuple) and b"BODY[]" in part[0]), None)

    def close(self, *, politely: bool = True) -> None:
        """Lets go of the connection; `politely`, with a goodbye."""
        self._is_ended = True
        client, self._client = self._client, None
        if client is None:
            return
        with suppress(imaplib.IMAP4.error, OSError, ValueError, EOFError):
            if politely:
                client.logout()
        with suppress(OSError, ValueError):
            client.shutdown()

    def hang_up(self) -> None:
        """Ends the connection under whoever waits for it."""
        self._is_ended = True
        client = self._client
        if client is not None:
            with suppress(OSError):
                client.sock.shutdown(SHUT_RDWR)

    @property
    def _open(self) -> "_Bounded":
        if self._client is None:
            raise Unavailable("the connection to the mailbox is closed")
        return self._client

    def _log_in(self, client: imaplib.IMAP4) -> None:
        mailbox = self._mailbox
        said = f"\0{mailbox.username}\0{mailbox.password}".encode()
        try:
            if "AUTH=PLAIN" in client.capabilities:
                client.authenticate("PLAIN", lambda _challenge: said)
            else:
                client.login(mailbox.username, mailbox.password)
        except imaplib.IMAP4.abort:
            raise
        except imaplib.IMAP4.error as error:
            words = _plain(str(error))
            if _CODE.search(words):
                raise Unavailable(f"{mailbox.host} lets nobody in now: {words}") from error
            raise Rejected(f"{mailbox.host} refuses the login of {mailbox.username}: {words}") from error

    def _highest(self, count: int) -> int:
        """The number of the last mail, for a server that does not say which comes next."""
        if not count:
            return 0
        _kind, data = self._open.fetch(str(count), "(UID)")
        return max((int(found[1]) for line in _lines(data) if (found := _NUMBER.search(line))), default=0)


class _Bounded(imaplib.IMAP4):
    """Takes no more at once than was asked for: a length that a server names is not yet memory of ours."""

    most_bytes = 65_536

    def read(self, size: int) -> bytes:
        if size > self.most_bytes:
            raise self.abort(f"a literal of {size} bytes, which nobody asked for")
        return super().read(size)


class _BoundedTls(_Bounded, imaplib.IMAP4_SSL):
    """The same over TLS from the first byte."""


def _connected(mailbox: Mailbox) -> _Bounded:
    if mailbox.tls is not None and mailbox.is_tls_first:
        return _BoundedTls(mailbox.host, mailbox.port, ssl_context=mailbox.tls, timeout=mailbox.timeout_seconds)
    client = _Bounded(mailbox.host, mailbox.port, timeout=mailbox.timeout_seconds)
    if mailbox.tls is not None:
        try:
            client.starttls(mailbox.tls)
        except (imaplib.IMAP4.error, OSError):
            client.shutdown()
            raise
    return client


@contextmanager
def _told(mailbox: Mailbox) -> Iterator[None]:
    """Says for every way in which a connection fails whose matter it is."""
    try:
        yield
    except ssl.SSLCertVerificationError as error:
        raise Rejected(
            f"{mailbox.host} shows a certificate that cannot be trusted ({error.verify_message}); name its issuer in "
            "ca_certificate, or the name it is made for in host"
        ) from error
    except (imaplib.IMAP4.error, OSError, EOFError, ValueError, AttributeError) as error:
        # An AttributeError is what the client's closed socket says.
        words = _plain(str(error))
        raise Unavailable(
            f"{mailbox.host}:{mailbox.port} cannot be asked now ({type(error).__name__}: {words})"
        ) from error


def _number(client: imaplib.IMAP4, name: str) -> int | None:
    _name, data = client.response(name)
    found = data[0] if data else None
    return int(found) if isinstance(found, bytes) and found.isdigit() and len(found) <= 10 else None


def _lines(data: list[Any]) -> Iterator[bytes]:
    for part in data:
        if isinstance(part, bytes):
            yield part
        elif isinstance(part, tuple):
            yield part[0]


def _listed(line: bytes) -> Listed | None:
    number, size, day = _NUMBER.search(line), _SIZE.search(line), _DAY.search(line)
    if number is None:
        return None
    return Listed(number=int(number[1]), size=int(size[1]) if size else 0, day=_day(day) if day else None)


def _day(found: re.Match[bytes]) -> date | None:
    month = _MONTHS.find(found[2].lower())
    try:
        return date(int(found[3]), month // 3 + 1, int(found[1])) if month >= 0 else None
    except ValueError:
        return None


def _words(data: list[Any]) -> str:
    return _plain(" ".join(line.decode("utf-8", "replace") for line in _lines(data)))


def _plain(text: str) -> str:
    return " ".join(text.split())[:200]


def _quoted(folder: str) -> str:
    return '"' + encoded(folder).replace("\\", "\\\\").replace('"', '\\"') + '"'


def encoded(folder: str) -> str:
    """Returns a folder's name as IMAP writes it: modified UTF-7 (RFC 3501, 5.1.3)."""
    pieces = re.split(r"([^\x20-\x7e]+)", folder)
    return "".join(_shifted(piece) if number % 2 else piece.replace("&", "&-") for number, piece in enumerate(pieces))


def _shifted(piece: str) -> str:
    digits = b64encode(piece.encode("utf-16-be")).decode("ascii").rstrip("=")
    return f"&{digits.replace('/', ',')}-"
