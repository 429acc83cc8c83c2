"""Compares what was acknowledged with what the case store holds: nothing lost, nothing done twice."""

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import NullPool, create_engine, text

_PER_MESSAGE = """
SELECT m.native_id, MAX(m.action), COUNT(DISTINCT m.id), COUNT(DISTINCT c.number),
       COUNT(DISTINCT CASE WHEN o.kind IN ('answer', 'notice', 'acknowledgement') AND NOT o.deferred THEN o.id END)
FROM messages m LEFT JOIN cases c ON c.message = m.id LEFT JOIN outbox o ON o.number = c.number
WHERE m.native_id LIKE :like GROUP BY m.native_id
"""


@dataclass(frozen=True)
class Verdict:
    """`lost`, `doubled`, `unanswered`: native ids. `undelivered`: outbox rows that were not sent."""

    acknowledged: int
    recorded: int
    lost: tuple[str, ...]
    doubled: tuple[str, ...]
    unanswered: tuple[str, ...]
    undelivered: int
    files_missing: int

    @property
    def is_clean(self) -> bool:
        return not (self.lost or self.doubled or self.unanswered or self.undelivered or self.files_missing)

    def __str__(self) -> str:
        return (
            f"acknowledged {self.acknowledged}, recorded {self.recorded}, lost {len(self.lost)}, "
            f"doubled {len(self.doubled)}, without exactly one answer or notice {len(self.unanswered)}, "
            f"not delivered {self.undelivered}, files missing {self.files_missing}"
        )


def compare(cases_url: str, outbox: Path, acknowledged: Collection[str], *, prefix: str = "SM") -> Verdict:
    """Every acknowledged new matter has one message, one case, and one answer or notice, whose file is in `outbox`."""
    engine = create_engine(cases_url, poolclass=NullPool)
    with engine.connect() as database:
        rows = {row[0]: row[1:] for row in database.execute(text(_PER_MESSAGE), {"like": f"{prefix}%"})}
        unsent = database.execute(
            text("SELECT COUNT(*) FROM outbox WHERE state <> 'sent' AND NOT deferred")
        ).scalar_one()
        sent = [row[0] for row in database.execute(text("SELECT id FROM outbox WHERE state = 'sent'"))]
    engine.dispose()
    files = {path.stem[-36:] for path in outbox.rglob("*.json")}
    return Verdict(
        acknowledged=len(acknowledged),
        recorded=len(rows),
        lost=tuple(sid for sid in acknowledged if sid not in rows),
        doubled=tuple(sid for sid, (_, messages, cases, _) in rows.items() if messages != 1 or cases > 1),
        unanswered=tuple(sid for sid, (_, _, cases, replies) in rows.items() if cases != 1 or replies != 1),
        undelivered=int(unsent),
        files_missing=sum(row not in files for row in sent),
    )
