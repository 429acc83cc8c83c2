"""Compares what was acknowledged with what the case store holds: nothing lost, nothing done twice."""

from collections.abc import Collection, Mapping, Sequence
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
    """`lost`, `doubled`, `unanswered`: native ids. `undelivered`: outbox rows that were not sent.

    `sent_twice`: rows with files in more than one place, or whose file was written after they were marked as sent. A
    process that is killed between writing a file and saying so leaves it to the next one, which writes the same name
    again: in the same place that is no second file, in a place of its own it is one, and counts.
    """

    acknowledged: int
    recorded: int
    lost: tuple[str, ...]
    doubled: tuple[str, ...]
    unanswered: tuple[str, ...]
    undelivered: int
    files_missing: int
    sent_twice: tuple[str, ...]

    @property
    def is_clean(self) -> bool:
        missing = self.lost or self.unanswered or self.undelivered or self.files_missing
        return not (missing or self.doubled or self.sent_twice)

    def __str__(self) -> str:
        return (
            f"acknowledged {self.acknowledged}, recorded {self.recorded}, lost {len(self.lost)}, "
            f"doubled {len(self.doubled)}, without exactly one answer or notice {len(self.unanswered)}, "
            f"not delivered {self.undelivered}, files missing {self.files_missing}, "
            f"sent twice {len(self.sent_twice)}"
        )


def compare(cases_url: str, outbox: Path, acknowledged: Collection[str], *, prefix: str = "SM") -> Verdict:
    """Every acknowledged new matter has one message, one case, and one answer or notice, whose file is in `outbox`.

    For instances that go by the machine's clock.
    """
    engine = create_engine(cases_url, poolclass=NullPool)
    with engine.connect() as database:
        rows = {row[0]: row[1:] for row in database.execute(text(_PER_MESSAGE), {"like": f"{prefix}%"})}
        unsent = database.execute(
            text("SELECT COUNT(*) FROM outbox WHERE state <> 'sent' AND NOT deferred")
        ).scalar_one()
        asked = text("SELECT id, sent_at FROM outbox WHERE state = 'sent'")
        sent = {row.id: int(row.sent_at) for row in database.execute(asked)}
    engine.dispose()
    files = _written(outbox)
    return Verdict(
        acknowledged=len(acknowledged),
        recorded=len(rows),
        lost=tuple(sid for sid in acknowledged if sid not in rows),
        doubled=tuple(sid for sid, (_, messages, cases, _) in rows.items() if messages != 1 or cases > 1),
        unanswered=tuple(sid for sid, (_, _, cases, replies) in rows.items() if cases != 1 or replies != 1),
        undelivered=int(unsent),
        files_missing=sum(row not in files for row in sent),
        sent_twice=_sent_twice(sent, files),
    )


def _written(outbox: Path) -> Mapping[str, Sequence[int]]:
    """Returns for each row when its files were written, in microseconds since 1970."""
    files: dict[str, list[int]] = {}
    for path in outbox.rglob("*.json"):
        files.setdefault(path.stem[-36:], []).append(path.stat().st_mtime_ns // 1000)
    return files


def _sent_twice(sent: Mapping[str, int], files: Mapping[str, Sequence[int]]) -> tuple[str, ...]:
    written = {row: files.get(row, ()) for row in sent}
    # A row is marked after its file is on the disk, and nobody takes it any more.
    return tuple(row for row, at in written.items() if len(at) > 1 or max(at, default=0) > sent[row])
