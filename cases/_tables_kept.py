"""What the store keeps for itself: keys, and how far channels that are asked have got."""

from sqlalchemy import Column, LargeBinary, Table, Text

from cases._columns import Instant, metadata, word

api_keys = Table(
    "api_keys",
    metadata,
    Column("hash", LargeBinary, primary_key=True),
    Column("queue", Text, nullable=False),
    Column("created_at", Instant, nullable=False),
    word("created_by"),
    # The officer who holds it, where what is done with it stands in a name; "" for keys that only read.
    word("holder"),
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
    word("place"),
    word("holder"),
    # By the machine's clock: whoever comes after this takes the turn.
    Column("held_until", Instant),
)
