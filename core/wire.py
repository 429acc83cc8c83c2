"""Records as bytes: a version byte, then MessagePack, sealed with AES-GCM where they rest.

A field may be added when it has a default: old records are then still read. Anything else needs a new version here.
"""

from datetime import datetime
from hashlib import blake2b
from typing import Any, TypeVar

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from core.decision import Context, Decision
from core.errors import Rejected
from core.ids import RandomBytes
from core.message import Message

VERSION = b"\x01"
KEY_BYTES = 32
_NONCE_BYTES = 12
_ADDRESS_BYTES = 32
_nonce = RandomBytes(_NONCE_BYTES)
_encode = msgspec.msgpack.Encoder().encode

_decoders: dict[Any, msgspec.msgpack.Decoder[Any]] = {}

T = TypeVar("T")


class Routed(msgspec.Struct, frozen=True, kw_only=True):
    """What the router passes on: the message, what was decided, and the payload for the archive."""

    message: Message
    decision: Decision
    context: Context = Context()
    raw: bytes = b""
    media_type: str = "application/octet-stream"
    decided_at: datetime | None = None


class Ticket(msgspec.Struct, frozen=True, kw_only=True):
    """What the relay puts on [outbound]: which outbox row is to be sent. The words stay in the case store."""

    row: str
    attempt: int = 1


def encode(record: msgspec.Struct) -> bytes:
    return VERSION + _encode(record)


def decode(body: bytes, kind: type[T]) -> T:
    """Returns the record; raises `Rejected` when these bytes are not one."""
    if body[:1] != VERSION:
        raise Rejected(f"a record of wire version {body[:1].hex() or 'nothing'}; this program reads {VERSION.hex()}")
    try:
        record = _decoder(kind).decode(memoryview(body)[1:])
    except (msgspec.DecodeError, ValueError) as error:
        raise Rejected(f"not a {kind.__name__}: {error}") from error
    if not isinstance(record, kind):
        raise Rejected(f"not a {kind.__name__}")
    return record


def _decoder(kind: Any) -> msgspec.msgpack.Decoder[Any]:
    found = _decoders.get(kind)
    if found is None:
        found = _decoders[kind] = msgspec.msgpack.Decoder(kind)
    return found


class Seal:
    """Encrypts what rests on disk. `seal` then `open` gives the same bytes; anything else is `Rejected`."""

    def __init__(self, key: bytes) -> None:
        if len(key) != KEY_BYTES:
            raise ValueError(f"the key has {len(key)} bytes, not {KEY_BYTES}")
        self._cipher = AESGCM(key)
        self._naming = blake2b(key=key, person=b"object names").digest()

    def seal(self, plain: bytes) -> bytes:
        nonce = _nonce()
        return nonce + self._cipher.encrypt(nonce, plain, None)

    def seal_alike(self, plain: bytes) -> bytes:
        """Like `seal`, and the same every time, so that what rests can be compared unopened: for what has an `address`,
        which tells as much, that two are equal."""
        nonce = blake2b(plain, key=self._naming, person=b"object seals", digest_size=_NONCE_BYTES).digest()
        return nonce + self._cipher.encrypt(nonce, plain, None)

    def open(self, sealed: bytes) -> bytes:
        try:
            return self._cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], None)
        except (InvalidTag, ValueError) as error:
            raise Rejected("sealed with another key, or damaged") from error

    def address(self, digest: bytes) -> str:
        """Returns the name for what has this digest, always the same one: it tells nobody without the key what that is,
        not even to who has the same bytes."""
        return blake2b(digest, key=self._naming, digest_size=_ADDRESS_BYTES).hexdigest()

    def mark(self, plain: bytes) -> bytes:
        """Returns 16 bytes that nobody without the key can make of these, always the same."""
        return blake2b(plain, key=self._naming, person=b"marks", digest_size=16).digest()

    def __repr__(self) -> str:
        return "Seal(…)"
