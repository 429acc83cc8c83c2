"""What goes out, and the files that are fetched."""

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, Table, Text, UniqueConstraint, text

from cases._columns import Instant, flag, metadata, some, word

outbox = Table(
    "outbox",
    metadata,
    Column("id", Text, primary_key=True),
    Column("number", Text, nullable=False),
    word("kind"),
    word("recipient"),
    word("cause"),
    word("letter"),
    word("channel"),
    word("account"),
    Column("sealed", LargeBinary, nullable=False),
    word("in_reply_to"),
    # JSON list of native ids.
    word("thread"),
    flag("automatic"),
    # An answer that waits for the next opening and is checked again when it is sent.
    flag("deferred"),
    # Counted by the guard against two machines writing to each other.
    flag("guarded"),
    word("state"),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    # How many of them only waited for their turn: nothing was asked of the provider.
    Column("waits", Integer, nullable=False, server_default=text("0")),
    Column("not_before", Instant, nullable=False),
    Column("created_at", Instant, nullable=False),
    # By the machine's clock, as every wait for a retry is.
    Column("relayed_at", Instant),
    Column("retry_at", Instant),
    Column("first_try_at", Instant),
    # The process that sends it, as cases/presence.py names it; NULL where only one does.
    Column("claimed_by", BigInteger),
    Column("sent_at", Instant),
    Column("provider_id", Text),
    word("error"),
    flag("parked"),
    UniqueConstraint("number", "kind", "recipient", "cause"),
)
NEW = "state = 'queued' AND relayed_at IS NULL AND retry_at IS NULL"
AGAIN = "state = 'queued' AND retry_at IS NOT NULL"
# Written so that its index serves none of the two above: it would read all that wait instead of the first.
UNSENT = "state || '' IN ('queued', 'sending')"
TROUBLE = "state IN ('failed', 'uncertain', 'undeliverable')"
GUARDED = "guarded"
Index("ix_outbox_provider_id", outbox.c.provider_id)
# With the id, in the order in which rows are taken: however many wait, the first are read and no others.
some("ix_outbox_new", outbox.c.not_before, outbox.c.id, where=NEW)
some("ix_outbox_again", outbox.c.retry_at, outbox.c.id, where=AGAIN)
some("ix_outbox_unsent", outbox.c.relayed_at, outbox.c.id, outbox.c.not_before, where=UNSENT)
some("ix_outbox_trouble", outbox.c.id, outbox.c.state, where=TROUBLE)
# What nobody could bring to a citizen, for when they write again.
some("ix_outbox_failed", outbox.c.recipient, where="state = 'failed'")
some("ix_outbox_guarded", outbox.c.recipient, outbox.c.created_at, where=GUARDED)

# Files that a message only names, and photographs that came with it: what became of fetching and of reading them.
fetches = Table(
    "fetches",
    metadata,
    # The message's id, and which of its attachments, counted from 0.
    Column("id", Text, primary_key=True),
    Column("message", Text, nullable=False),
    Column("place", Integer, nullable=False),
    Column("channel", Text, nullable=False),
    Column("received_at", Instant, nullable=False),
    # core.wire.encode(cases.fetches.Piece), sealed: where it is, and afterwards what it is.
    Column("sealed", LargeBinary, nullable=False),
    Column("state", Text, nullable=False),
    Column("tries", Integer, nullable=False, server_default=text("0")),
    # By the machine's clock; of what is being fetched: when whoever does is taken for dead.
    Column("retry_at", Instant, nullable=False),
    Column("first_try_at", Instant),
    word("claimed_by"),
    word("error"),
)
UNFETCHED = "state IN ('queued', 'fetching')"
Index("ix_fetches_message", fetches.c.message)
some("ix_fetches_waiting", fetches.c.channel, fetches.c.received_at, where=UNFETCHED)
