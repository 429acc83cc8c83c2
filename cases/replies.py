"""Which of our letters a native id names: by the provider's id, or by the row's own id inside a Message-ID."""

import re
from collections.abc import Collection
from typing import Any

from sqlalchemy import Connection, or_, select

from cases.schema import outbox

_ROW = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


def row_id_in(native_id: str) -> str:
    """Returns the outbox row's id that this Message-ID of ours carries, "" when it carries none."""
    found = _ROW.search(native_id.lower())
    return found[0] if found else ""


def rows_named(connection: Connection, native_ids: Collection[str]) -> dict[str, Any]:
    """Returns for each native id the outbox row (id, number, kind, state, recipient) that it names, if any."""
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
    )
    statement = select(*columns).where(or_(outbox.c.provider_id.in_(wanted), outbox.c.id.in_(by_row.keys() - {""})))
    found: dict[str, Any] = {}
    for row in connection.execute(statement):
        found[row.provider_id if row.provider_id in wanted else by_row[row.id]] = row
    return found
