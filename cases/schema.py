"""The tables of the case store. Times are microseconds since 1970 in UTC; what people wrote is sealed."""

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def to_stored(moment: datetime) -> int:
    return (moment - _EPOCH) // _MICROSECOND


def from_stored(value: int) -> datetime:
    return _EPOCH + timedelta(microseconds=value)


class Instant(TypeDecorator[datetime]):
    """An instant as a whole number: it sorts, has no zone to get wrong, and is the same in every database."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        return None if value is None else to_stored(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        return None if value is None else from_stored(value)


def _flag(name: str) -> Column[bool]:
    return Column(name, Boolean, nullable=False, server_default=text("false"))


def _word(name: str) -> Column[str]:
    return Column(name, Text, nullable=False, server_default=text("''"))


def _some(name: str, *columns: Column[Any], where: str, unique: bool = False) -> Index:
    """Returns an index of some rows only: of the many, few are waiting."""
    return Index(name, *columns, unique=unique, sqlite_where=text(where), postgresql_where=text(where))


# SQLite counts rows by itself only for INTEGER.
_SERIAL = BigInteger().with_variant(Integer, "sqlite")

metadata = MetaData(
    naming_convention={"ix": "ix_%(table_name)s_%(column_0_N_name)s", "uq": "uq_%(table_name)s_%(column_0_N_name)s"}
)

messages = Table(
    "messages",
    metadata,
    Column("id", Text, primary_key=True),
    Column("identity", LargeBinary, nullable=False),
    Column("number", Text),
    _word("channel"),
    _word("account"),
    _word("author"),
    _word("conversation"),
    _word("native_id"),
    # The native id again where a later message, or a page, names this one by it; elsewhere NULL and in no index.
    Column("reference", Text),
    _word("action"),
    _word("reason"),
    Column("received_at", Instant, nullable=False),
    # core.wire.encode(Routed) without the raw payload, sealed: what was said, what was decided and why.
    Column("sealed", LargeBinary, nullable=False),
    # Its words are gone (cases/tidy.py); that it came, and what was decided, stays.
    _flag("forgotten"),
    UniqueConstraint("identity"),
)
Index("ix_messages_number", messages.c.number)
_some("ix_messages_reference", messages.c.reference, where="reference IS NOT NULL")
# What made no case and is still to be forgotten; written so that no index of numbers seems to serve it.
CASELESS = "coalesce(number, '') = '' AND NOT forgotten"
_some("ix_messages_caseless", messages.c.received_at, messages.c.id, where=CASELESS)

cases = Table(
    "cases",
    metadata,
    Column("number", Text, primary_key=True),
    _word("state"),
    _word("queue"),
    _word("unit"),
    _word("assignee"),
    _word("action"),
    _word("kind"),
    _word("topic"),
    _word("district"),
    _word("faq"),
    _flag("confidential"),
    _flag("urgent"),
    _word("urgency"),
    _word("channel"),
    _word("account"),
    _word("author"),
    _word("author_name"),
    _word("conversation"),
    _word("language"),
    # Where an answer goes: "" when nowhere.
    _word("reply_to"),
    _flag("public"),
    # The message that opened the case, and what its answer is threaded to.
    _word("message"),
    _word("native_id"),
    Column("received_at", Instant, nullable=False),
    Column("accepted_at", Instant),
    Column("due_at", Instant),
    Column("answered_at", Instant),
    Column("closed_at", Instant),
    # "faq" or "officer", "" while unanswered.
    _word("answered_by"),
    _flag("awaits_place"),
    _flag("extended"),
    _flag("released"),
    Column("rating", Integer),
    _word("token"),
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
_some("ix_cases_kept", cases.c.received_at, cases.c.number, where=KEPT)
# Of two processes that record words of one author at once, one is told that the other was first.
_some("ix_cases_sameness", cases.c.sameness, where="sameness IS NOT NULL", unique=True)

# What is in danger stands first in every list; these are few.
URGENT = "urgent"
_some("ix_cases_urgent", cases.c.queue, cases.c.state, cases.c.due_at, cases.c.number, where=URGENT)

# How many cases are in each state: the sum of all rows. Whoever changes cases adds rows and waits for nobody.
tallies = Table(
    "tallies",
    metadata,
    Column("id", _SERIAL, primary_key=True),
    Column("state", Text, nullable=False),
    Column("cases", BigInteger, nullable=False),
)

events = Table(
    "events",
    metadata,
    Column("id", _SERIAL, primary_key=True),
    Column("number", Text, nullable=False),
    Column("at", Instant, nullable=False),
    _word("who"),
    _word("what"),
    _word("why"),
    # What made it: a message's id or an act's; the outbox rows that follow from it carry the same.
    _word("cause"),
    # JSON: what changed, never what a citizen wrote.
    _word("detail"),
    # An officer's words, sealed.
    Column("sealed", LargeBinary),
)
Index("ix_events_number", events.c.number)

outbox = Table(
    "outbox",
    metadata,
    Column("id", Text, primary_key=True),
    Column("number", Text, nullable=False),
    _word("kind"),
    _word("recipient"),
    _word("cause"),
    _word("letter"),
    _word("channel"),
    _word("account"),
    Column("sealed", LargeBinary, nullable=False),
    _word("in_reply_to"),
    # JSON list of native ids.
    _word("thread"),
    _flag("automatic"),
    # An answer that waits for the next opening and is checked again when it is sent.
    _flag("deferred"),
    # Counted by the guard against two machines writing to each other.
    _flag("guarded"),
    _word("state"),
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
    _word("error"),
    _flag("parked"),
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
_some("ix_outbox_new", outbox.c.not_before, outbox.c.id, where=NEW)
_some("ix_outbox_again", outbox.c.retry_at, outbox.c.id, where=AGAIN)
_some("ix_outbox_unsent", outbox.c.relayed_at, outbox.c.id, outbox.c.not_before, where=UNSENT)
_some("ix_outbox_trouble", outbox.c.id, outbox.c.state, where=TROUBLE)
_some("ix_outbox_guarded", outbox.c.recipient, outbox.c.created_at, where=GUARDED)

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
    _word("claimed_by"),
    _word("error"),
)
UNFETCHED = "state IN ('queued', 'fetching')"
Index("ix_fetches_message", fetches.c.message)
_some("ix_fetches_waiting", fetches.c.channel, fetches.c.received_at, where=UNFETCHED)

# Which case the next word in a conversation may belong to: one that awaits a place or was answered.
threads = Table(
    "threads",
    metadata,
    Column("conversation", _SERIAL, primary_key=True, autoincrement=False),
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
    Column("id", _SERIAL, primary_key=True),
    # NULL: an outage of the whole system.
    Column("number", Text),
    Column("begins_at", Instant, nullable=False),
    Column("ends_at", Instant),
    _word("why"),
)
Index("ix_pauses_number", pauses.c.number)

api_keys = Table(
    "api_keys",
    metadata,
    Column("hash", LargeBinary, primary_key=True),
    Column("queue", Text, nullable=False),
    Column("created_at", Instant, nullable=False),
    _word("created_by"),
    # The officer who holds it, where what is done with it stands in a name; "" for keys that only read.
    _word("holder"),
)

# A word sealed with the key of everybody who uses the store.
key_check = Table(
    "key_check",
    metadata,
    Column("name", Text, primary_key=True),
    Column("sealed", LargeBinary, nullable=False),
)

# How far a channel that is asked for messages has got, and who asks.
places = Table(
    "places",
    metadata,
    Column("name", Text, primary_key=True),
    _word("place"),
    _word("holder"),
    # By the machine's clock: whoever comes after this takes the turn.
    Column("held_until", Instant),
)

# What the city tells everybody at once.
broadcasts = Table(
    "broadcasts",
    metadata,
    # Like B20261123-1.
    Column("id", Text, primary_key=True),
    _word("audience"),
    _word("state"),
    # Title and words, sealed: until it is sent they are nobody's business.
    Column("sealed", LargeBinary, nullable=False),
    # The broadcast that this one puts right.
    _word("corrects"),
    # A name that the drafter gave, so that a draft that is sent in twice is one; NULL for none.
    Column("cause", Text),
    _word("drafted_by"),
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
    Column("id", _SERIAL, primary_key=True),
    Column("broadcast", Text, nullable=False),
    Column("at", Instant, nullable=False),
    _word("who"),
    _word("what"),
    _word("why"),
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
    _flag("linked"),
    # "post" or "repost", and then of which row.
    _word("role"),
    _word("of"),
    _word("state"),
    # Exactly the words that go out here, as they were approved, sealed.
    Column("sealed", LargeBinary, nullable=False),
    Column("tries", Integer, nullable=False, server_default=text("0")),
    # Nobody knows whether the last try went out: it is looked for before it is repeated.
    _flag("lost"),
    # By the machine's clock.
    Column("retry_at", Instant),
    Column("first_try_at", Instant),
    Column("tried_at", Instant),
    # The process that has it, as cases/presence.py names it; NULL where only one sends.
    Column("claimed_by", BigInteger),
    _word("provider_id"),
    _word("error"),
    Column("sent_at", Instant),
    UniqueConstraint("broadcast", "platform", "account"),
)
UNDONE = "state IN ('queued', 'sending', 'recalling', 'removing')"
_some("ix_broadcast_posts_undone", broadcast_posts.c.broadcast, where=UNDONE)

# Where citizens can be written to, by their consent: the rows of one person are handles of one citizen.
contacts = Table(
    "contacts",
    metadata,
    # What nobody without the key can make of channel and address (cases/handles.py).
    Column("key", Text, primary_key=True),
    Column("person", Text, nullable=False),
    # The case that it was given with: it is forgotten together with its words.
    Column("number", Text, nullable=False),
    # "" for a case whose own address nobody has proved: it has its contacts by itself.
    _word("channel"),
    _word("account"),
    # The address, sealed.
    Column("sealed", LargeBinary, nullable=False),
    # The words that were agreed to; "" for the handle that a case came from.
    _word("consent"),
    _word("given_by"),
    Column("consented_at", Instant, nullable=False),
)
Index("ix_contacts_person", contacts.c.person)
Index("ix_contacts_number", contacts.c.number)

# The code that somebody was sent to prove a contact: one a case, the latest.
contact_codes = Table(
    "contact_codes",
    metadata,
    Column("number", Text, primary_key=True),
    # A keyed digest of it.
    Column("code", LargeBinary, nullable=False),
    # Channel and address, sealed.
    Column("sealed", LargeBinary, nullable=False),
    _word("consent"),
    Column("tries", Integer, nullable=False, server_default=text("0")),
    # By the machine's clock.
    Column("until", Instant, nullable=False),
)
