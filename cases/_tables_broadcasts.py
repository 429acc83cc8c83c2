"""What the city tells everybody at once."""

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, Table, Text, UniqueConstraint, text

from cases._columns import SERIAL, Instant, flag, metadata, some, word

# What the city tells everybody at once.
broadcasts = Table(
    "broadcasts",
    metadata,
    # Like B20261123-1.
    Column("id", Text, primary_key=True),
    word("audience"),
    word("state"),
    # Title and words, sealed: until it is sent they are nobody's business.
    Column("sealed", LargeBinary, nullable=False),
    # The broadcast that this one puts right.
    word("corrects"),
    # A name that the drafter gave, so that a draft that is sent in twice is one; NULL for none.
    Column("cause", Text),
    word("drafted_by"),
    Column("created_at", Instant, nullable=False),
    Column("sent_at", Instant),
    Column("recalled_at", Instant),
    UniqueConstraint("cause"),
)
Index("ix_broadcasts_created_at", broadcasts.c.created_at)

# Who did what with it: approvals count by these.
broadcast_acts = Table(
    "broadcast_acts",
    metadata,
    Column("id", SERIAL, primary_key=True),
    Column("broadcast", Text, nullable=False),
    Column("at", Instant, nullable=False),
    word("who"),
    word("what"),
    word("why"),
)
Index("ix_broadcast_acts_broadcast", broadcast_acts.c.broadcast)

# One row an account.
broadcast_posts = Table(
    "broadcast_posts",
    metadata,
    Column("id", Text, primary_key=True),
    Column("broadcast", Text, nullable=False),
    Column("platform", Text, nullable=False),
    Column("account", Text, nullable=False),
    Column("place", Integer, nullable=False),
    # The platform forbids the same words from several accounts: one posts, the others repost.
    flag("linked"),
    # "post" or "repost", and then of which row.
    word("role"),
    word("of"),
    word("state"),
    # Exactly the words that go out here, as they were approved, sealed.
    Column("sealed", LargeBinary, nullable=False),
    Column("tries", Integer, nullable=False, server_default=text("0")),
    # Nobody knows whether the last try went out: it is looked for before it is repeated.
    flag("lost"),
    # By the machine's clock.
    Column("retry_at", Instant),
    Column("first_try_at", Instant),
    Column("tried_at", Instant),
    # The process that has it, as cases/presence.py names it; NULL where only one sends.
    Column("claimed_by", BigInteger),
    word("provider_id"),
    word("error"),
    Column("sent_at", Instant),
    UniqueConstraint("broadcast", "platform", "account"),
)
UNDONE = "state IN ('queued', 'sending', 'recalling', 'removing')"
some("ix_broadcast_posts_undone", broadcast_posts.c.broadcast, where=UNDONE)
