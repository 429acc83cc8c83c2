"""Files that messages only name, and what became of fetching them; replies that only waited for their turn."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_WAITS = "state IN ('queued', 'fetching')"


def upgrade() -> None:
    op.create_table(
        "fetches",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("message", sa.Text, nullable=False),
        sa.Column("place", sa.Integer, nullable=False),
        sa.Column("channel", sa.Text, nullable=False),
        sa.Column("received_at", sa.BigInteger, nullable=False),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("tries", sa.Integer, nullable=False, server_default=sa.text("0")),
        sa.Column("retry_at", sa.BigInteger, nullable=False),
        sa.Column("first_try_at", sa.BigInteger),
        sa.Column("claimed_by", sa.Text, nullable=False, server_default=sa.text("''")),
        sa.Column("error", sa.Text, nullable=False, server_default=sa.text("''")),
    )
    op.create_index("ix_fetches_message", "fetches", ["message"])
    op.create_index(
        "ix_fetches_waiting",
        "fetches",
        ["channel", "received_at"],
        sqlite_where=sa.text(_WAITS),
        postgresql_where=sa.text(_WAITS),
    )
    op.add_column("outbox", sa.Column("waits", sa.Integer, nullable=False, server_default=sa.text("0")))


def downgrade() -> None:
    op.drop_column("outbox", "waits")
    op.drop_table("fetches")
