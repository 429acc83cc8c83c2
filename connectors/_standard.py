"""Standard Webhooks: keys, what a signature covers, and whether one of several matches."""

import hmac
import re
from base64 import b64decode, b64encode
from collections.abc import Mapping
from typing import NamedTuple

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from core.errors import Forged

_MOST_SIGNATURES = 16
# The id is part of what is signed, between dots: with one in it two requests could share a signature.
_ID = re.compile(r"[!-\-/-~]{1,256}")


class Keys(NamedTuple):
    """Keys that signatures are checked with: `shared` (v1, HMAC-SHA256) and `public` (v1a, Ed25519)."""

    shared: tuple[bytes, ...]
    public: tuple[Ed25519PublicKey, ...]


def read_keys(secrets: str) -> Keys:
    """Returns the keys in a text such as "whsec_… whsec_…"; raises ValueError when one of them is no key."""
    words = secrets.split()
    return Keys(
        shared=tuple(_octets(word.removeprefix("whsec_")) for word in words if not word.startswith("whpk_")),
        public=tuple(
            Ed25519PublicKey.from_public_bytes(_octets(word.removeprefix("whpk_")))
            for word in words
            if word.startswith("whpk_")
        ),
    )


def sign(key: bytes, webhook_id: str, timestamp: int, body: bytes) -> str:
    """Returns what stands in the `webhook-signature` header."""
    digest = hmac.digest(key, _signed(webhook_id, str(timestamp), body), "sha256")
    return f"v1,{b64encode(digest).decode()}"


def headers(key: bytes, webhook_id: str, timestamp: int, body: bytes) -> dict[str, str]:
    """Returns the headers that say who says this, and when."""
    return {
        "webhook-id": webhook_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": sign(key, webhook_id, timestamp, body),
    }


def check(keys: Keys, headers: Mapping[str, str], body: bytes, *, now: float, tolerance_seconds: int) -> None:
    """Raises `Forged` unless a holder of one of the keys made this request about now."""
    webhook_id, timestamp = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if not _ID.fullmatch(webhook_id):
        raise Forged("webhook-id is missing or no id")
    if not re.fullmatch(r"[0-9]{1,12}", timestamp):
        raise Forged("webhook-timestamp is missing or no number")
    if abs(now - int(timestamp)) > tolerance_seconds:
        raise Forged("webhook-timestamp is too far from now")
    claims = [claim.partition(",") for claim in headers.get("webhook-signature", "").split()[:_MOST_SIGNATURES]]
    signed = _signed(webhook_id, timestamp, body)
    if not any(_matches(keys, version, signature, signed) for version, _, signature in claims):
        raise Forged("signature does not match")


def _signed(webhook_id: str, timestamp: str, body: bytes) -> bytes:
    return b".".join((webhook_id.encode(), timestamp.encode(), body))


def _matches(keys: Keys, version: str, signature: str, signed: bytes) -> bool:
    try:
        claimed = b64decode(signature, validate=True)
    except ValueError:
        return False
    # Other letters may stand for the same octets; what the source did not write is not its signature.
    if b64encode(claimed) != signature.encode():
        return False
    if version == "v1":
        return any(hmac.compare_digest(hmac.digest(key, signed, "sha256"), claimed) for key in keys.shared)
    return version == "v1a" and any(_signed_by(key, claimed, signed) for key in keys.public)


def _signed_by(key: Ed25519PublicKey, signature: bytes, signed: bytes) -> bool:
    try:
        key.verify(signature, signed)
    except InvalidSignature:
        return False
    return True


def _octets(text: str) -> bytes:
    octets = b64decode(text + "=" * (-len(text) % 4), validate=True)
    if not octets:
        raise ValueError("the key is empty")
    return octets
