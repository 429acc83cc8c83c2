"""What was said to the city and what became of it: messages, cases, their history, their numbers and dates."""

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, Table, Text, UniqueConstraint

from cases._columns import SERIAL, Instant, flag, metadata, some, word

messages = Table(
    "messages",
    metadata,
    Column("id", Text, primary_key=True),
    Column("identity", LargeBinary, nullable=False),
    Column("number", Text),
    word("channel"),
    word("account"),
    word("author"),
    word("conversation"),
    word("native_id"),
    # The native id again where a later message, or a page, names this one by it; elsewhere NULL and in no index.
    Column("reference", Text),
    word("action"),
    word("reason"),
    Column("received_at", Instant, nullable=False),
    # core.wire.encode(Routed) without the raw payload, sealed: what was said, what was decided and why.
    Column("sealed", LargeBinary, nullable=False),
    # Its words are gone (cases/tidy.py); that it came, and what was decided, stays.
    flag("forgotten"),
    UniqueConstraint("identity"),
)
Index("ix_messages_number", messages.c.number)
some("ix_messages_reference", messages.c.reference, where="reference IS NOT NULL")
# What made no case and is still to be forgotten; written so that no index of numbers seems to serve it.
CASELESS = "coalesce(number, '') = '' AND NOT forgotten"
some("ix_messages_caseless", messages.c.received_at, messages.c.id, where=CASELESS)

cases = Table(
    "cases",
    metadata,
    Column("number", Text, primary_key=True),
    word("state"),
    word("queue"),
    word("unit"),
    word("assignee"),
    word("action"),
    word("kind"),
    word("topic"),
    word("district"),
    word("faq"),
    flag("confidential"),
    flag("urgent"),
    word("urgency"),
    word("channel"),
    word("account"),
    word("author"),
    word("author_name"),
    word("conversation"),
    word("language"),
    # Where an answer goes: "" when nowhere.
    word("reply_to"),
    flag("public"),
    # The message that opened the case, and what its answer is threaded to.
    word("message"),
    word("native_id"),
    Column("received_at", Instant, nullable=False),
    Column("accepted_at", Instant),
    Column("due_at", Instant),
    Column("answered_at", Instant),
    Column("closed_at", Instant),
    # "faq" or "officer", "" while unanswered.
    word("answered_by"),
    flag("awaits_place"),
    flag("extended"),
    flag("released"),
    Column("rating", Integer),
    word("token"),
    # The author of an open case and its place among theirs (cases/recurring.py): the same again joins it. NULL when it
    # no longer may.
    Column("sameness", BigInteger),
    # When words and names were taken out of it; NULL while they are there.
    Column("forgotten_at", Instant),
)
# In the order of a queue's page: a thousand cases are due on the same day.
Index("ix_cases_page", cases.c.queue, cases.c.state, cases.c.due_at, cases.c.number)
Index("ix_cases_state_due_at", cases.c.state, cases.c.due_at)
# A query that such an index shall serve has to say the same words.
KEPT = "forgotten_at IS NULL"
some("ix_cases_kept", cases.c.received_at, cases.c.number, where=KEPT)
# Of two processes that record words of one author at once, one is told that the other was first.
some("ix_cases_sameness", cases.c.sameness, where="sameness IS NOT NULL", unique=True)

# What is in danger stands first in every list; these are few.
URGENT = "urgent"
some("ix_cases_urgent", cases.c.queue, cases.c.state, cases.c.due_at, cases.c.number, where=URGENT)

# How many cases are in each state: the sum of all rows. Whoever changes cases adds rows and waits for nobody.
tallies = Table(
    "tallies",
    metadata,
    Column("id", SERIAL, primary_key=True),
    Column("state", Text, nullable=False),
    Column("cases", BigInteger, nullable=False),
)

events = Table(
    "events",
    metadata,
    Column("id", SERIAL, primary_key=True),
    Column("number", Text, nullable=False),
    Column("at", Instant, nullable=False),
    word("who"),
    word("what"),
    word("why"),
    # What made it: a message's id or an act's; the outbox rows that follow from it carry the same.
    word("cause"),
    # JSON: what changed, never what a citizen wrote.
    word("detail"),
    # An officer's words, sealed.
    Column("sealed", LargeBinary),
)
Index("ix_events_number", events.c.number)

# Which case the next word in a conversation may belong to: one that awaits a place or was answered.
threads = Table(
    "threads",
    metadata,
    Column("conversation", SERIAL, primary_key=True, autoincrement=False),
    Column("number", Text, nullable=False),
    Column("at", Instant, nullable=False),
)

counters = Table(
    "counters",
    metadata,
    Column("day", Text, primary_key=True),
    Column("given", BigInteger, nullable=False),
)

pauses = Table(
    "pauses",
    metadata,
    Column("id", SERIAL, primary_key=True),
    # NULL: an outage of the whole system.
    Column("number", Text),
    Column("begins_at", Instant, nullable=False),
    Column("ends_at", Instant),
    word("why"),
)
Index("ix_pauses_number", pauses.c.number)
