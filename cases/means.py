"""What the case store works with, in one record that its parts share."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

import msgspec
from sqlalchemy import Connection

from cases.clock import Pause, Period, accepted_at, due_at
from cases.database import Database
from cases.ledger import Ledger
from cases.model import Case
from cases.numbering import Numbers
from cases.post import Post
from core.calendar import Calendar
from core.clock import Clock
from core.contact import HOME
from core.wire import Seal

# (faq id, version that was decided on) -> whether it may still be sent.
StillValid = Callable[[str, str], bool]


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """Bounds of the case store."""

    # The same words of the same author join the open case within these days.
    same_days: int = 7
    # A word in a conversation belongs to the case that awaits a place, or that was answered, within these days.
    conversation_days: int = 30
    # So many automatic mails to one address a day; above that, one an hour. Two mail systems would answer for ever.
    automatic_mails_a_day: int = 20
    # Of the files that one message names so many are fetched.
    attachments_most: int = 20
    # Channels whose messages are named again: by a reply's references, by the page of a form that was filed.
    named: frozenset[str] = frozenset({"email", "form"})
    # Channels whose messages are edited and taken back.
    edited: frozenset[str] = frozenset()
    # Channels on which only a reply to a message of ours belongs to its case.
    threaded: frozenset[str] = frozenset({"email"})
    # For how many days a channel takes one private answer to what others can read.
    private_days: Mapping[str, float] = {}
    # Channels whose letters go to the address that wrote, and that show the link to a case to nobody else.
    addressed: frozenset[str] = frozenset({"email", "sms"})
    # By which channel a citizen's other contact is written to: "tel" for telephone numbers, "mail" for addresses.
    ways: Mapping[str, str] = {}
    # Of telephone numbers that citizens and officers write without one.
    country_code: str = HOME


class Means(msgspec.Struct, frozen=True, kw_only=True):
    """The parts that are handed in. `clock` is the clock of the business rules, `machine` the machine's own."""

    database: Database
    seal: Seal
    post: Post
    calendar: Calendar
    deadlines: Mapping[str, Period]
    clock: Clock
    machine: Clock
    new_id: Callable[[], str]
    options: Options
    numbers: Numbers
    still_valid: StillValid

    def ledger(self, connection: Connection) -> Ledger:
        """Begins to gather what a transaction adds; its time is now."""
        options = self.options
        named = options.named | options.edited
        most = options.attachments_most
        return Ledger(self.database, connection, self.seal, self.clock(), named, most_files=most)

    def accepted(self, case: Case) -> datetime:
        return case.accepted_at or accepted_at(case.received_at, self.calendar)

    def due(
        self,
        kind: str,
        accepted: datetime,
        *,
        pauses: Sequence[Pause] = (),
        outages: Sequence[Pause] = (),
        calendar: Calendar | None = None,
    ) -> datetime | None:
        """Returns the legal date of a matter of this kind, None when no period is set for it or for `other`."""
        period = self.deadlines.get(kind) or self.deadlines.get("other")
        if period is None:
            return None
        return due_at(period, accepted, calendar or self.calendar, pauses=pauses, outages=outages)

    def link(self, case: Case) -> str:
        return self.post.link(case.number, case.token)
