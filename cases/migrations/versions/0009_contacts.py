"""Where else citizens want to be written to, by their consent, and the codes that prove that it is theirs."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "contacts",
        sa.Column("key", sa.Text, primary_key=True),
        sa.Column("person", sa.Text, nullable=False),
        sa.Column("number", sa.Text, nullable=False),
        _word("channel"),
        _word("account"),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
        _word("consent"),
        _word("given_by"),
        sa.Column("consented_at", sa.BigInteger, nullable=False),
    )
    op.create_index("ix_contacts_person", "contacts", ["person"])
    op.create_index("ix_contacts_number", "contacts", ["number"])
    op.create_table(
        "contact_codes",
        sa.Column("number", sa.Text, primary_key=True),
        sa.Column("code", sa.LargeBinary, nullable=False),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
        _word("consent"),
        sa.Column("tries", sa.Integer, nullable=False, server_default=sa.text("0")),
        sa.Column("until", sa.BigInteger, nullable=False),
    )


def downgrade() -> None:
    op.drop_table("contact_codes")
    op.drop_table("contacts")


def _word(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=False, server_default=sa.text("''"))
