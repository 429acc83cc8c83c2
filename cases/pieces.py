"""The files of a message that somebody has to get, or to look into, as rows that are written with it."""

from collections.abc import Collection
from typing import Any

import msgspec
from sqlalchemy import Connection, delete

from cases.schema import fetches, to_stored
from core.message import Attachment, Location, Message
from core.wire import Seal, encode

_IN_PAYLOAD = "raw:"
# What may say where it was taken: whoever waits for a place looks into these and no others.
PHOTOGRAPHS = frozenset({"image/jpeg", "image/jpg", "image/pjpeg", "image/heic", "image/heif"})
# Before any time: it may be fetched at once.
_AT_ONCE = 0


class Piece(msgspec.Struct, frozen=True, kw_only=True):
    """One file as it is known: before it was fetched what the message says of it, afterwards what it is. `districts`
    are those in which the place may lie that a photograph names; `is_sure` when it is known to lie there."""

    attachment: Attachment
    location: Location | None = None
    districts: tuple[str, ...] = ()
    is_sure: bool = False


def rows_of(message: Message, number: str | None, seal: Seal, most: int) -> list[dict[str, Any]]:
    """Returns the rows; none for what belongs to no case, which nobody would look at."""
    if not number or not message.attachments or message.change == "removal":
        return []
    named = [place for place, one in enumerate(message.attachments) if _is_named(one)]
    inside = [place for place, one in enumerate(message.attachments) if _is_photo_inside(one)]
    return [_row(message, place, seal, most if rank >= most else None) for rank, place in enumerate(named)] + [
        _row(message, place, seal, None) for place in inside[:most]
    ]


def let_go(connection: Connection, message_ids: Collection[str]) -> None:
    """Forgets the files of these messages; what was stored of them ends with its month."""
    if message_ids:
        connection.execute(delete(fetches).where(fetches.c.message.in_(list(message_ids))))


def is_inside(attachment: Attachment) -> bool:
    """Whether the file is a part of the payload that is kept already."""
    return attachment.place.startswith(_IN_PAYLOAD)


def _is_named(one: Attachment) -> bool:
    return bool(one.place) and not is_inside(one)


def _is_photo_inside(one: Attachment) -> bool:
    return is_inside(one) and one.media_type.lower() in PHOTOGRAPHS


def _row(message: Message, place: int, seal: Seal, beyond: int | None) -> dict[str, Any]:
    return {
        "id": f"{message.id}.{place}",
        "message": message.id,
        "place": place,
        "channel": message.channel,
        "received_at": to_stored(message.received_at),
        "sealed": seal.seal(encode(Piece(attachment=message.attachments[place]))),
        "state": "queued" if beyond is None else "refused",
        "retry_at": _AT_ONCE,
        "error": "" if beyond is None else f"one of more than {beyond} in one message",
    }
