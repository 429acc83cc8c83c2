"""Indexes of what is there only, and room to clean up often: for a store with millions of cases.

On PostgreSQL nobody writes to a table while its indexes are made, a quarter of a minute among ten million cases; who
reads goes on.
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

# Name, table, columns, and which rows.
_Indexes = tuple[tuple[str, str, list[str], str], ...]
_UNSENT = "state || '' IN ('queued', 'sending')"
_CASELESS = "coalesce(number, '') = '' AND NOT forgotten"
_TROUBLE = "state IN ('failed', 'uncertain', 'undeliverable')"
_NEW: _Indexes = (
    ("ix_messages_reference", "messages", ["reference"], "reference IS NOT NULL"),
    ("ix_messages_caseless", "messages", ["received_at", "id"], _CASELESS),
    ("ix_cases_sameness", "cases", ["sameness"], "sameness IS NOT NULL"),
    ("ix_cases_kept", "cases", ["received_at", "number"], "forgotten_at IS NULL"),
    ("ix_outbox_unsent", "outbox", ["relayed_at", "id", "not_before"], _UNSENT),
    ("ix_outbox_trouble", "outbox", ["id", "state"], _TROUBLE),
)
_OLD: _Indexes = (
    ("ix_messages_reference", "messages", ["reference"], ""),
    ("ix_cases_sameness", "cases", ["sameness"], ""),
    ("ix_cases_received_at", "cases", ["received_at"], ""),
    ("ix_outbox_unsent", "outbox", ["relayed_at"], _UNSENT),
    ("ix_outbox_trouble", "outbox", ["state"], _TROUBLE),
)
# PostgreSQL cleans up after a fifth of a table has changed: that are millions of letters, and every look for what is
# to be sent passes them by.
_BUSY = ("cases", "outbox")
_CLEAN = "autovacuum_vacuum_scale_factor = 0.01, autovacuum_analyze_scale_factor = 0.01"


# The last case with these words is the one that the same words join.
_JOINED_BY_NONE = """UPDATE cases SET sameness = NULL WHERE sameness IS NOT NULL AND EXISTS (
SELECT 1 FROM cases AS later WHERE later.sameness = cases.sameness
AND (later.received_at, later.number) > (cases.received_at, cases.number))"""
_UNIQUE = "ix_cases_sameness"


def upgrade() -> None:
    if op.get_context().dialect.name == "postgresql":
        op.execute("LOCK TABLE cases IN SHARE ROW EXCLUSIVE MODE")
    op.execute(_JOINED_BY_NONE)
    _exchange(_OLD, _NEW, unique=_UNIQUE)
    if op.get_context().dialect.name == "postgresql":
        for table in _BUSY:
            op.execute(f"ALTER TABLE {table} SET ({_CLEAN})")


def downgrade() -> None:
    if op.get_context().dialect.name == "postgresql":
        for table in _BUSY:
            op.execute(f"ALTER TABLE {table} RESET (autovacuum_vacuum_scale_factor, autovacuum_analyze_scale_factor)")
    _exchange(_NEW, _OLD)


def _exchange(old: _Indexes, new: _Indexes, *, unique: str = "") -> None:
    for name, table, _, _ in old:
        op.drop_index(name, table_name=table)
    for name, table, columns, where in new:
        some = sa.text(where) if where else None
        op.create_index(name, table, columns, unique=name == unique, sqlite_where=some, postgresql_where=some)
