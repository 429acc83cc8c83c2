"""Plain HMAC signatures as a table describes them: which header, which hash, what is signed."""

import hmac
import re
from base64 import b64decode, b64encode
from collections.abc import Mapping
from hashlib import sha256
from typing import Literal, Self

from pydantic import Field, model_validator

from core.errors import Forged
from core.hook import Request
from core.settings import Settings

_MOST_SIGNATURES = 16
_PLACE = re.compile(r"\{(\w*)\}")
_HEADER = r"^[A-Za-z0-9-]{1,64}$"
_HEADER_OR_NONE = r"^[A-Za-z0-9-]{0,64}$"
_ID = re.compile(r"[!-~]{1,256}")
_KNOWN = frozenset({"body", "timestamp", "id", "url"})


class Signature(Settings):
    """[connectors.<name>.signature]: how a source signs that does not follow Standard Webhooks."""

    header: str = Field(pattern=_HEADER)
    """Header that the signature stands in."""
    hash: Literal["sha1", "sha256", "sha512"] = "sha256"
    """Hash of the HMAC."""
    encoding: Literal["hex", "base64"] = "hex"
    """How the signature is written; hex in small letters."""
    prefix: str = ""
    """What stands before the signature: `sha256=`, `v0=`."""
    content: str = "{body}"
    """What is signed: `v0:{timestamp}:{body}`. `{body}` must be in it; `{timestamp}`, `{id}` and `{url}` may be."""
    timestamp_header: str = Field(default="", pattern=_HEADER_OR_NONE)
    """Header with the Unix time in seconds or milliseconds; "" where none is signed."""
    timestamp_prefix: str = ""
    """What stands before the time where the header holds more than that: `t=`."""
    id_header: str = Field(default="", pattern=_HEADER_OR_NONE)
    """Header with the message's id; only one that is signed is believed."""
    key: Literal["text", "hex", "base64"] = "text"
    """How the secret is written."""

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        places = _PLACE.findall(self.content)
        if unknown := set(places) - _KNOWN:
            raise ValueError(
                f"content: there is no {{{min(unknown)}}}; write {{body}}, {{timestamp}}, {{id}} or {{url}}"
            )
        if "body" not in places:
            raise ValueError("content: {body} must be in it, or anything could be said in the source's name")
        for place, header in (("timestamp", self.timestamp_header), ("id", self.id_header)):
            if (place in places) != bool(header):
                raise ValueError(f"{place}_header and {{{place}}} in content belong together: both or neither")
        if any(not re.search(r"\D", between) for between in _PLACE.split(self.content)[2:-1:2]):
            raise ValueError(
                "content: something that is no digit must stand between two of {…}: one could be the other"
            )
        return self


class Dialect:
    """Checks and makes such signatures with the keys of one secret; several lines are several keys, the first signs."""

    def __init__(self, settings: Signature, secret: str) -> None:
        self._settings = settings
        self._keys = tuple(filter(None, (_octets(line.strip(), settings.key) for line in secret.splitlines())))
        # Text and places in turn, text first.
        self._content = _PLACE.split(settings.content)
        # With one of these in an id, two requests could share a signature.
        self._around_id = [text for text in _around(self._content, "id") if text]

    @property
    def has_key(self) -> bool:
        return bool(self._keys)

    def check(self, request: Request, *, now: float, tolerance_seconds: int) -> None:
        """Raises `Forged` unless a holder of a key made this request, and about now where a time is signed."""
        settings = self._settings
        if settings.timestamp_header:
            seconds = _seconds(self._timestamp(request))
            if abs(now - seconds) > tolerance_seconds:
                raise Forged(f"{settings.timestamp_header} is too far from now")
        signed = self._signed(self._values(request))
        # Compared as they are written: in another spelling of the same octets it is another signature.
        claims = [claim.encode() for claim in _parts(request.headers.get(settings.header.lower(), ""))]
        for key in self._keys:
            true = self._written(key, signed)
            if any(hmac.compare_digest(true, claim) for claim in claims):
                return
        raise Forged("signature does not match")

    def headers(self, url: str, native_id: str, now: int, body: bytes) -> dict[str, str]:
        """Returns the headers that sign this body; the first key signs."""
        settings = self._settings
        values = {"body": body, "timestamp": str(now).encode(), "id": native_id.encode(), "url": url.encode()}
        signature = self._written(self._keys[0], self._signed(values)).decode()
        made = {settings.header.lower(): signature}
        if settings.id_header:
            made[settings.id_header.lower()] = native_id
        if header := settings.timestamp_header.lower():
            time = f"{settings.timestamp_prefix}{now}"
            made[header] = f"{time},{signature}" if header in made else time
        return made

    def native_id(self, request: Request) -> str:
        """Returns the signed id, else a digest of all that is signed: whoever sends the same again says the same."""
        if self._settings.id_header:
            return request.headers.get(self._settings.id_header.lower(), "")
        return sha256(self._signed(self._values(request))).hexdigest()[:40]

    def _timestamp(self, request: Request) -> str:
        found = request.headers.get(self._settings.timestamp_header.lower(), "")
        prefix = self._settings.timestamp_prefix
        if not prefix:
            return found
        return next((part.removeprefix(prefix) for part in _parts(found) if part.startswith(prefix)), "")

    def _values(self, request: Request) -> Mapping[str, bytes]:
        settings = self._settings
        native_id = request.headers.get(settings.id_header.lower(), "") if settings.id_header else ""
        if settings.id_header and not _ID.fullmatch(native_id):
            raise Forged(f"{settings.id_header} is missing or no id")
        if any(text in native_id for text in self._around_id):
            raise Forged(f"{settings.id_header} holds what stands beside it where it is signed")
        timestamp = self._timestamp(request) if settings.timestamp_header else ""
        return {
            "body": request.body,
            "timestamp": timestamp.encode(),
            "id": native_id.encode(),
            "url": request.url.encode(),
        }

    def _signed(self, values: Mapping[str, bytes]) -> bytes:
        pieces = [values[piece] if place % 2 else piece.encode() for place, piece in enumerate(self._content)]
        return b"".join(pieces)

    def _written(self, key: bytes, signed: bytes) -> bytes:
        digest = hmac.digest(key, signed, self._settings.hash)
        written = digest.hex() if self._settings.encoding == "hex" else b64encode(digest).decode()
        return f"{self._settings.prefix}{written}".encode()


def _around(content: list[str], place: str) -> list[str]:
    """Returns the text before and behind a place."""
    return [text for n in range(1, len(content), 2) if content[n] == place for text in (content[n - 1], content[n + 1])]


def _parts(header: str) -> list[str]:
    return re.split(r"[,\s]+", header)[:_MOST_SIGNATURES]


def _seconds(timestamp: str) -> float:
    if not re.fullmatch(r"[0-9]{1,13}", timestamp):
        raise Forged("the signed time is missing or no number")
    return int(timestamp) / (1000 if len(timestamp) > 11 else 1)


def _octets(secret: str, written: str) -> bytes:
    """Returns the key, b"" when it is none."""
    try:
        if written == "hex":
            return bytes.fromhex(secret)
        return b64decode(secret + "=" * (-len(secret) % 4), validate=True) if written == "base64" else secret.encode()
    except ValueError:
        return b""
