"""What could not be brought to a citizen is found by who they are: in some chats it is shown when they write again."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    where = sa.text("state = 'failed'")
    op.create_index("ix_outbox_failed", "outbox", ["recipient"], sqlite_where=where, postgresql_where=where)


def downgrade() -> None:
    op.drop_index("ix_outbox_failed", "outbox")
