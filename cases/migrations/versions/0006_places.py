"""How far each channel that is asked for messages has got, and which process asks."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "places",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("place", sa.Text, nullable=False, server_default=sa.text("''")),
        sa.Column("holder", sa.Text, nullable=False, server_default=sa.text("''")),
        sa.Column("held_until", sa.BigInteger),
    )


def downgrade() -> None:
    op.drop_table("places")
