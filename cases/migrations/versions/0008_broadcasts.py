"""What the city tells everybody at once, its posts account by account, and who approved it; keys with a holder."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_UNDONE = "state IN ('queued', 'sending', 'recalling', 'removing')"
_SERIAL = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    op.create_table(
        "broadcasts",
        sa.Column("id", sa.Text, primary_key=True),
        _word("audience"),
        _word("state"),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
        _word("corrects"),
        sa.Column("cause", sa.Text),
        _word("drafted_by"),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("sent_at", sa.BigInteger),
        sa.Column("recalled_at", sa.BigInteger),
        sa.UniqueConstraint("cause", name="uq_broadcasts_cause"),
    )
    op.create_index("ix_broadcasts_created_at", "broadcasts", ["created_at"])
    op.create_table(
        "broadcast_acts",
        sa.Column("id", _SERIAL, primary_key=True),
        sa.Column("broadcast", sa.Text, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        _word("who"),
        _word("what"),
        _word("why"),
    )
    op.create_index("ix_broadcast_acts_broadcast", "broadcast_acts", ["broadcast"])
    _posts()
    op.add_column("api_keys", _word("holder"))


def _posts() -> None:
    op.create_table(
        "broadcast_posts",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("broadcast", sa.Text, nullable=False),
        sa.Column("platform", sa.Text, nullable=False),
        sa.Column("account", sa.Text, nullable=False),
        sa.Column("place", sa.Integer, nullable=False),
        _flag("linked"),
        _word("role"),
        _word("of"),
        _word("state"),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
        sa.Column("tries", sa.Integer, nullable=False, server_default=sa.text("0")),
        _flag("lost"),
        sa.Column("retry_at", sa.BigInteger),
        sa.Column("first_try_at", sa.BigInteger),
        sa.Column("tried_at", sa.BigInteger),
        sa.Column("claimed_by", sa.BigInteger),
        _word("provider_id"),
        _word("error"),
        sa.Column("sent_at", sa.BigInteger),
        sa.UniqueConstraint("broadcast", "platform", "account", name="uq_broadcast_posts_broadcast_platform_account"),
    )
    op.create_index(
        "ix_broadcast_posts_undone",
        "broadcast_posts",
        ["broadcast"],
        sqlite_where=sa.text(_UNDONE),
        postgresql_where=sa.text(_UNDONE),
    )


def downgrade() -> None:
    op.drop_column("api_keys", "holder")
    op.drop_table("broadcast_posts")
    op.drop_table("broadcast_acts")
    op.drop_table("broadcasts")


def _word(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=False, server_default=sa.text("''"))


def _flag(name: str) -> sa.Column[bool]:
    return sa.Column(name, sa.Boolean, nullable=False, server_default=sa.text("false"))
