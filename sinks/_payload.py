"""A raw payload as archives keep it, and what they refuse."""

from datetime import UTC, datetime, timedelta
from hashlib import sha256

import msgspec

from core.errors import Rejected
from core.wire import Routed

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class Payload(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What came in, by the SHA-256 of its bytes; `received_at` in microseconds since 1970 (UTC)."""

    digest: bytes
    raw: bytes
    media_type: str
    received_at: int


class Batch(msgspec.Struct, frozen=True, kw_only=True):
    """Payloads that are kept together."""

    payloads: tuple[Payload, ...]


def of(record: Routed) -> Payload:
    return Payload(
        digest=sha256(record.raw).digest(),
        raw=record.raw,
        media_type=record.media_type,
        received_at=microseconds(record.message.received_at),
    )


def objection(record: Routed, most_bytes: int) -> str:
    """Returns why the record's payload can never be kept, "" when it can."""
    if len(record.raw) > most_bytes:
        return f"a payload of {len(record.raw)} bytes; at most {most_bytes} are kept"
    # SQLite takes text only as UTF-8.
    return "" if record.media_type.isascii() else "a media type that is not ASCII"


def microseconds(moment: datetime) -> int:
    return (moment - _EPOCH) // _MICROSECOND


def moment(of_microseconds: int) -> datetime:
    return _EPOCH + of_microseconds * _MICROSECOND


def key_of(digest: str) -> bytes:
    """Returns the digest's bytes; raises `Rejected` when it is none."""
    try:
        return bytes.fromhex(digest)
    except ValueError as error:
        raise Rejected(f"{digest[:100]!r} is no digest in hexadecimal", status=404) from error


def absent(digest: str) -> Rejected:
    return Rejected(f"no payload {digest} is kept", status=404)
