"""Urgent cases that wait are found without reading the others, to stand first in every list."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(
        "ix_cases_urgent",
        "cases",
        ["queue", "state", "due_at", "number"],
        sqlite_where=sa.text("urgent"),
        postgresql_where=sa.text("urgent"),
    )


def downgrade() -> None:
    op.drop_index("ix_cases_urgent", "cases")
