"""The case store: what staff work on, what goes out, and what is known about who wrote before."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack

from cases.broadcasts import Broadcasts
from cases.chat import Chat
from cases.clock import Period
from cases.contacts import Contacts
from cases.contexts import contexts
from cases.corrections import Corrections
from cases.database import Database
from cases.dates import Dates
from cases.fetches import Fetches
from cases.key_check import check_key
from cases.keys import Keys
from cases.letters import Letters
from cases.means import Means, Options, StillValid
from cases.migrate import upgrade
from cases.monotonic import rising
from cases.numbering import Numbers
from cases.officer import Officer
from cases.outbox import Outbox
from cases.places import Places
from cases.post import Post
from cases.public import PublicViews
from cases.record import record
from cases.requests import Requests
from cases.tidy import Tidy
from cases.trouble import Trouble
from cases.views import Views
from core.calendar import Calendar
from core.clock import SEOUL, Clock, machine_clock
from core.decision import Context
from core.ids import uuid7
from core.message import Message
from core.wire import Routed, Seal


class CaseStore:
    """One database with everything that must not be lost. Sync; used from threads; constructing connects to nothing.

    `url` is `sqlite:///…`, for one machine, or `postgresql://user@host:5432/name`, for as many processes as wanted.

    `outbox` is what goes out and `trouble` what did not arrive; `officer` is what staff do, `dates` moves legal
    dates; `views` is what staff see, `public` what citizens and the monitor see; `keys` knows who may ask by HTTP;
    `tidy` is what is done at night, `places` how far channels that are asked have got, `fetches` the files that
    messages name, `requests` what client programs ask, `contacts` where else citizens can be written to, `chat` what
    they are shown when they write. `key_from` says where the key was read: `open` then refuses another one than the
    store is sealed with.
    """

    def __init__(  # noqa: PLR0913 (the one place where the parts meet)
        self,
        url: str,
        *,
        seal: Seal,
        clock: Clock,
        calendar: Calendar,
        deadlines: Mapping[str, Period],
        letters: Letters,
        public_url: str,
        new_id: Callable[[], str] = uuid7,
        machine: Clock = machine_clock,
        options: Options | None = None,
        still_valid: StillValid | None = None,
        key_from: str = "",
    ) -> None:
        ids = rising(new_id)
        post = Post(letters, seal, ids, public_url)
        self._database = Database(url)
        self._key_from = key_from
        self._means = Means(
            database=self._database,
            seal=seal,
            post=post,
            calendar=calendar,
            deadlines=deadlines,
            clock=clock,
            machine=machine,
            new_id=ids,
            options=options or Options(),
            numbers=Numbers(self._database),
            still_valid=still_valid
            or (lambda faq, version: post.letters.holds(faq, version, clock().astimezone(SEOUL).date())),
        )
        self.outbox = Outbox(self._means)
        self.trouble = Trouble(self._means)
        self.officer = Officer(self._means)
        self.dates = Dates(self._means)
        self.views = Views(self._means)
        self.corrections = Corrections(self._means)
        self.public = PublicViews(self._means)
        self.keys = Keys(self._means)
        self.tidy = Tidy(self._means)
        self.places = Places(self._means)
        self.fetches = Fetches(self._means)
        self.broadcasts = Broadcasts(self._means)
        self.requests = Requests(self._means)
        self.contacts = Contacts(self._means)
        self.chat = Chat(self._means)

    def open(self) -> None:
        """Connects, brings the tables up to date, and tries the key. Raises `Unavailable` or `ConfigError`."""
        with ExitStack() as undo:
            undo.callback(self.close)
            self._database.open()
            upgrade(self._database)
            if self._key_from:
                check_key(self._database, self._means.seal, self._key_from)
            undo.pop_all()

    def follow(self, letters: Letters) -> None:
        """Writes by other letters from now on, and knows by them which answers still hold."""
        self._means.post.letters = letters

    def close(self) -> None:
        """Lets go of connections; may be called twice, and before `open`."""
        self.outbox.close()
        self.broadcasts.queue.close()
        self._database.close()

    def contexts(self, messages: Sequence[Message]) -> list[Context]:
        """Returns for each message, in order, what the store knows about it. Raises `Unavailable`."""
        return contexts(self._means, messages)

    def record(self, routed: Sequence[Routed]) -> None:
        """Makes these messages durable in one transaction, all or none; what is known already changes nothing.

        Raises `Rejected` when one of them can never be recorded, `Unavailable` when nothing can be written now.
        """
        record(self._means, routed)
