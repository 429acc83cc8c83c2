"""Which of our letters a native id names: by the provider's id, or by the row's own id inside a Message-ID."""

import re
from collections.abc import Collection
from typing import Any

from sqlalchemy import Connection, or_, select

from cases.schema import outbox
from core.message import Message

_ROW = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


def row_id_in(native_id: str) -> str:
    """Returns the outbox row's id that this Message-ID of ours carries, "" when it carries none."""
    found = _ROW.search(native_id.lower())
    return found[0] if found else ""


def rows_named(connection: Connection, native_ids: Collection[str]) -> dict[str, list[Any]]:
    """Returns for each native id the outbox rows (id, number, kind, state, recipient, channel, account) that it may
    name: of which of them somebody speaks, `is_within` and `is_of_channel` say."""
    wanted = {native_id for native_id in native_ids if native_id}
    if not wanted:
        return {}
    by_row = {row_id_in(native_id): native_id for native_id in wanted}
    columns = (
        outbox.c.id,
        outbox.c.number,
        outbox.c.kind,
        outbox.c.state,
        outbox.c.recipient,
        outbox.c.provider_id,
        outbox.c.channel,
        outbox.c.account,
    )
    statement = select(*columns).where(or_(outbox.c.provider_id.in_(wanted), outbox.c.id.in_(by_row.keys() - {""})))
    found: dict[str, list[Any]] = {}
    for row in connection.execute(statement):
        found.setdefault(row.provider_id if row.provider_id in wanted else by_row[row.id], []).append(row)
    return found


def is_of_channel(row: Any, message: Message, mail: Collection[str]) -> bool:
    """Whether what happened on this message's channel can be about the row. A mail may come back by another mailbox;
    everywhere else an id is its channel's own, and who names another's has made it up."""
    return row.channel == message.channel or (row.channel in mail and message.channel in mail)


def is_within(row: Any, message: Message, mail: Collection[str]) -> bool:
    """Whether an id in this message can mean the row: the same id on another account is another message. Mail's ids
    are nobody's but their own, whichever of the city's addresses an answer goes to."""
    return is_of_channel(row, message, mail) and (message.channel in mail or row.account == message.account)
