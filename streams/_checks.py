"""What every engine refuses at its door."""

from collections.abc import Iterable, Mapping

from core.errors import Rejected
from streams.base import Entry

_BODY_BYTES = 256 * 1024 * 1024


def check(entries: Iterable[Entry], topics: Mapping[str, object], *, most_bytes: int = _BODY_BYTES) -> None:
    """Raises `Rejected` for a topic that nobody reads, a body that is too large, a key that is no text."""
    for entry in entries:
        if entry.topic not in topics:
            raise Rejected(f"there is no topic {entry.topic!r}; known: {', '.join(topics)}")
        if len(entry.body) > most_bytes:
            raise Rejected(f"a record of {len(entry.body)} bytes; at most {most_bytes} fit", status=413)
        if not entry.key.isascii() and entry.key != writable(entry.key):
            raise Rejected("the key of a record is no Unicode text (a lone surrogate)")


def writable(text: str) -> str:
    """Returns the text without what no encoding can write."""
    return text.encode("utf-8", "replace").decode()
