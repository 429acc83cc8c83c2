"""What Facebook posts, taken apart: batches of many entries, each with changes of the feed and events of Messenger."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple, TypeVar
from urllib.parse import unquote

import msgspec

from core.errors import Rejected
from core.message import Attachment
from core.text import clean

# Numbers come as text, and as numbers from older versions.
Id = str | int | None
# What the payload says of a person, a page or a place may be cut short; words may not.
MOST_NAME_CHARACTERS = 200
MOST_CHARACTERS = 100_000
_MOST_ADDRESS_CHARACTERS = 4_000
_SUFFIXES = {
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "png": "image/png",
    "gif": "image/gif",
    "webp": "image/webp",
    "heic": "image/heic",
    "mp4": "video/mp4",
    "mov": "video/quicktime",
    "webm": "video/webm",
    "mp3": "audio/mpeg",
    "m4a": "audio/mp4",
    "aac": "audio/aac",
    "ogg": "audio/ogg",
    "wav": "audio/wav",
    "pdf": "application/pdf",
    "txt": "text/plain",
    "zip": "application/zip",
    "hwp": "application/x-hwp",
    "hwpx": "application/hwp+zip",
    "doc": "application/msword",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
_MADE_BY_US = {"image": "image/jpeg", "video": "video/mp4", "audio": "audio/mpeg"}


class Party(msgspec.Struct, frozen=True):
    """A person or a page."""

    id: Id = ""
    name: Any = ""


class Piece(NamedTuple):
    """One change or event of a batch as it came: `field` is the entry's name for it. `raw` may be unreadable."""

    page: str
    field: str
    raw: msgspec.Raw


class _Entry(msgspec.Struct, frozen=True):
    id: Id = ""
    changes: tuple[msgspec.Raw, ...] = ()
    messaging: tuple[msgspec.Raw, ...] = ()


class _Batch(msgspec.Struct, frozen=True):
    object: str
    entry: tuple[msgspec.Raw, ...] = ()


T = TypeVar("T")
_UNREADABLE = (msgspec.DecodeError, RecursionError, ValueError)


def pieces(body: bytes) -> Iterator[Piece]:
    """Yields what is in a batch, and whole entries that cannot be read under the field ""; nothing of what is for
    others than pages. Raises `Rejected` when it is no batch."""
    try:
        batch = msgspec.json.decode(body, type=_Batch)
    except _UNREADABLE as error:
        raise Rejected("the body is no batch of updates", status=400) from error
    for raw in batch.entry if batch.object == "page" else ():
        try:
            entry = decoded(raw, _Entry)
        except Rejected:
            yield Piece("", "", raw)
            continue
        page = plain(entry.id)
        yield from (Piece(page, "changes", one) for one in entry.changes)
        yield from (Piece(page, "messaging", one) for one in entry.messaging)


def alone(piece: Piece) -> bytes:
    """Returns a batch in which this piece stands alone, octet for octet as it came."""
    raw = bytes(piece.raw)
    if piece.field:
        raw = b'{"id":%s,"%s":[%s]}' % (msgspec.json.encode(piece.page), piece.field.encode(), raw)
    return b'{"object":"page","entry":[%s]}' % raw


def decoded(raw: msgspec.Raw, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(raw, type=kind)
    except _UNREADABLE as error:
        raise Rejected("a field is not what Facebook says it is") from error


def plain(given: Id) -> str:
    """Returns an id as text, "" for none."""
    return "" if given is None else str(given)


def words(given: Any) -> str:
    """Returns what somebody wrote, "" for what is no text; raises `Rejected` when it is too long to be read."""
    if not isinstance(given, str):
        return ""
    if len(given) > MOST_CHARACTERS:
        raise Rejected(f"text is longer than {MOST_CHARACTERS} characters")
    return clean(given)


def name_of(given: Any) -> str:
    return clean(given[:MOST_NAME_CHARACTERS]) if isinstance(given, str) else ""


def moment(given: Any, *, a_second: int = 1) -> datetime | None:
    """Returns a time given as Unix time, or in ISO 8601 as test events have it; None for none that can be."""
    try:
        if isinstance(given, int) and not isinstance(given, bool):
            return datetime.fromtimestamp(given / a_second, UTC)
        found = datetime.fromisoformat(given) if isinstance(given, str) else None
        return found and (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError, OSError):
        return None


def is_address(given: Any) -> bool:
    if not isinstance(given, str) or len(given) > _MOST_ADDRESS_CHARACTERS:
        return False
    is_web = given.startswith(("https://", "http://"))
    return is_web and given.isascii() and given.isprintable() and " " not in given


def attachment(place: int, url: str, kind: str) -> Attachment:
    """Returns a file; `kind` is image, video, audio or file. Its own name is kept only where Facebook keeps it."""
    last = clean(unquote(url.partition("?")[0].rpartition("/")[2], errors="replace"))
    suffix = last.rpartition(".")[2].lower()
    media_type = _SUFFIXES.get(suffix, "") or _MADE_BY_US.get(kind, "application/octet-stream")
    name = last[-MOST_NAME_CHARACTERS:] if kind == "file" and last else str(place)
    return Attachment(name=name, media_type=media_type, place=url)


class Pages:
    """The city's pages: the channel that they are, and their handles by number."""

    def __init__(self, channel: str, accounts: Mapping[str, str]) -> None:
        self.channel = channel
        self.accounts = accounts

    def handle(self, page: str) -> str:
        """Returns how config/accounts.toml calls the page, its number when it does not."""
        return self.accounts.get(page, page)

    def are(self, *ids: str) -> bool:
        """Whether one of these is a page of ours: what it writes is our own echo."""
        return any(one in self.accounts for one in ids)
