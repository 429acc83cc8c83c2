"""The tables of the case store, all of them in one `metadata`; what people wrote is sealed."""

from cases._columns import Instant, from_stored, metadata, to_stored
from cases._tables_broadcasts import UNDONE, broadcast_acts, broadcast_posts, broadcasts
from cases._tables_contacts import contact_codes, contacts
from cases._tables_kept import api_keys, key_check, places
from cases._tables_out import AGAIN, GUARDED, NEW, TROUBLE, UNFETCHED, UNSENT, fetches, outbox
from cases._tables_said import CASELESS, KEPT, URGENT, cases, counters, events, messages, pauses, tallies, threads

__all__ = [
    "AGAIN",
    "CASELESS",
    "GUARDED",
    "KEPT",
    "NEW",
    "TROUBLE",
    "UNDONE",
    "UNFETCHED",
    "UNSENT",
    "URGENT",
    "Instant",
    "api_keys",
    "broadcast_acts",
    "broadcast_posts",
    "broadcasts",
    "cases",
    "contact_codes",
    "contacts",
    "counters",
    "events",
    "fetches",
    "from_stored",
    "key_check",
    "messages",
    "metadata",
    "outbox",
    "pauses",
    "places",
    "tallies",
    "threads",
    "to_stored",
]
