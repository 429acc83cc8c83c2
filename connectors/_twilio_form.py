"""Twilio's signed forms: what a signature covers, and the fields, read once and quickly."""

from binascii import a2b_qp, b2a_base64
from collections.abc import Mapping
from functools import lru_cache
from hashlib import new
from typing import TYPE_CHECKING, Literal, NamedTuple
from urllib.parse import parse_qsl, urlsplit

if TYPE_CHECKING:
    from hashlib import _Hash as Digest

Algorithm = Literal["sha1", "sha256"]

_MOST_FIELDS = 500
_BLOCK_BYTES = 64
_INNER = bytes(octet ^ 0x36 for octet in range(256))
_OUTER = bytes(octet ^ 0x5C for octet in range(256))


class Form(NamedTuple):
    """A form's fields: `signed` is what a signature covers, `is_text` whether everything was UTF-8."""

    fields: Mapping[str, str]
    signed: bytes
    is_text: bool


def sign(key: bytes, url: str, signed: bytes = b"", algorithm: Algorithm = "sha1") -> bytes:
    """Returns the provider's signature over this address and form (`read_form(body).signed`)."""
    inner, outer = (half.copy() for half in _keyed(key, algorithm))
    inner.update(url.encode() + signed)
    outer.update(inner.digest())
    return b2a_base64(outer.digest(), newline=False)


# HMAC by its two halves (RFC 2104), keyed once. The ready-made `hmac.digest` lets go of the interpreter lock for
# microseconds of work, and getting it back from a busy thread takes ten times as long.
@lru_cache(maxsize=8)
def _keyed(key: bytes, algorithm: Algorithm) -> "tuple[Digest, Digest]":
    block = (key if len(key) <= _BLOCK_BYTES else new(algorithm, key).digest()).ljust(_BLOCK_BYTES, b"\0")
    return new(algorithm, block.translate(_INNER)), new(algorithm, block.translate(_OUTER))


def other_spellings(url: str) -> tuple[str, ...]:
    """Returns the address without its port, or with the port of its scheme: the provider signs either."""
    parts = urlsplit(url)
    host, colon, port = parts.netloc.rpartition(":")
    if colon and port.isdigit():
        return (parts._replace(netloc=host).geturl(),)
    return (parts._replace(netloc=f"{parts.netloc}:{443 if parts.scheme == 'https' else 80}").geturl(),)


# Verifying and parsing read the same form one after the other; only that one is kept.
@lru_cache(maxsize=1)
def read_form(body: bytes) -> Form:
    """Returns the fields of an urlencoded form and what a signature over them covers."""
    return _read_quickly(body) or _read_slowly(body)


_SEPARATORS = bytes.maketrans(b"&=+%", b"\x00\x01 =")


def _read_quickly(body: bytes) -> Form | None:
    """Decodes the whole form at once, in C; None for what only the patient way reads right.

    Fields are kept apart by \\0 and \\1. Every escape is three bytes that become one, so the length tells whether
    all of them were well-formed, and the counts whether one of them stood for a separator.
    """
    plain = a2b_qp(body.translate(_SEPARATORS))
    if (
        len(plain) != len(body) - 2 * body.count(b"%")
        or plain.count(b"\x00") != body.count(b"&")
        or plain.count(b"\x01") != body.count(b"=")
        or b"\n" in body
        or b"\r" in body
    ):
        return None
    try:
        pairs = plain.decode().split("\x00")
        fields = dict([pair.split("\x01") for pair in pairs])
    except ValueError:
        return None
    return Form(fields, "".join(sorted(set(pairs))).replace("\x01", "").encode(), True)


def _read_slowly(body: bytes) -> Form:
    text = body.decode("utf-8", "surrogateescape")
    pairs = parse_qsl(text, keep_blank_values=True, errors="surrogateescape", max_num_fields=_MOST_FIELDS)
    signed = "".join([name + value for name, value in sorted(set(pairs))]).encode("utf-8", "surrogateescape")
    return Form(dict(pairs), signed, _is_text(signed))


def _is_text(octets: bytes) -> bool:
    try:
        octets.decode()
    except UnicodeDecodeError:
        return False
    return True
