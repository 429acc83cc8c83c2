"""Where citizens can be written to, by their consent: the rows of one person are handles of one citizen."""

from sqlalchemy import Column, Index, Integer, LargeBinary, Table, Text, text

from cases._columns import Instant, metadata, word

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
    word("channel"),
    word("account"),
    # The address, sealed.
    Column("sealed", LargeBinary, nullable=False),
    # The words that were agreed to; "" for the handle that a case came from.
    word("consent"),
    word("given_by"),
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
    word("consent"),
    Column("tries", Integer, nullable=False, server_default=text("0")),
    # By the machine's clock.
    Column("until", Instant, nullable=False),
)
