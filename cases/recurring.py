"""Which open case of the same author says the same: each author has a few places, and what stands there is compared."""

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy import Connection

from cases.handles import is_address, known_by
from cases.ledger import read_message, whole
from cases.means import Means
from cases.model import OPEN
from cases.same import Said, is_same, says
from cases.schema import from_stored
from core.errors import Rejected
from core.message import Message, identity_of

# A citizen's open cases that the same words may join; of more, the latest.
PLACES = 16
_LAST = PLACES - 1
_CASES = "SELECT cases.number, cases.sameness, cases.state, cases.received_at, cases.language, messages.sealed"
_CANDIDATES = f"{_CASES} FROM cases JOIN messages ON messages.id = cases.message WHERE cases.sameness {{wanted}}"
# SQLite is asked once for all places of an author: looking for each of them is most of what a stranger costs.
_SPANS = f"""{_CASES} FROM json_each({{place}}) AS author
CROSS JOIN cases ON cases.sameness BETWEEN author.value AND author.value + {_LAST}
CROSS JOIN messages ON messages.id = cases.message"""
_KNOWN_AUTHORS = 4_096
_LONGEST_SUBJECT = 200
_ANSWERS = re.compile(r"^(?:\s*(?:re|fwd?|회신|전달)\s*:\s*)+", re.IGNORECASE)
_IS_GENERAL = re.compile(
    r"[\W_]*(?:(?:문의|질문|민원|신고|제보|요청|건의|제안|안녕하세요|제목 ?없음|무제"
    r"|no subject|inquiry|question|hello|hi|help)"
    r"(?:\s?(?:합니다|드립니다|드려요|해요|있습니다|있어요|입니다|사항|이요|요|글|건))?[\W_]*)*",
    re.IGNORECASE,
)
# About a hundred metres.
_NEAR_DEGREES = 0.001


class Earlier(NamedTuple):
    """An open case of an author, or one that this transaction opens."""

    number: str
    place: int
    at: datetime
    language: str
    message: Message
    said: Said


def author_of(message: Message) -> int | None:
    """Returns whose message this is, None when nobody is known; the last bits are for the place.

    A telephone number or a mail address is the same person on every channel, when the answer goes to that person:
    who only claims it learns nothing.
    """
    handle = message.author.handle
    return _author(message.channel, handle, message.reply_to) if handle else None


@lru_cache(maxsize=_KNOWN_AUTHORS)
def _author(channel: str, handle: str, reply_to: str) -> int:
    who = known_by(handle)
    to = who if reply_to == handle else known_by(reply_to)
    anywhere = who == to and is_address(who)
    elsewhere = to if to != who and is_address(to) else ""
    return whole(identity_of("anywhere", who) if anywhere else identity_of(channel, who, elsewhere)) & ~_LAST


class Recurring:
    """The open cases of the authors of a batch."""

    def __init__(self, means: Means, connection: Connection, batch: Iterable[Message]) -> None:
        self._authors = {message.id: author_of(message) for message in batch}
        self._since = means.clock() - timedelta(days=means.options.same_days)
        self._past: dict[int, str] = {}
        self._earlier: dict[int, list[Earlier]] = defaultdict(list)
        for row in self._rows(means, connection):
            self._keep(means, row)
        for known in self._earlier.values():
            known.sort(key=lambda earlier: (earlier.at, earlier.number))

    def case_of(self, message: Message) -> str:
        """Returns the number of the latest case that says the same, "" when none does."""
        author = self._authors[message.id]
        known = self._earlier.get(author, ()) if author is not None else ()
        if not known:
            return ""
        said = says(words_of(message))
        found = (e.number for e in reversed(known) if is_same(e.said, said) and _same_things(e.message, message))
        return next(found, "")

    def language_of(self, message: Message) -> str:
        """Returns the language of the author's latest open case, "" when there is none."""
        author = self._authors[message.id]
        known = self._earlier.get(author, ()) if author is not None else ()
        return known[-1].language if known else ""

    def opens(self, message: Message, number: str) -> tuple[int | None, str]:
        """Notes the case that this message opens. Returns its sameness, and the case that gives up its place."""
        author, said = self._authors[message.id], says(words_of(message))
        if author is None or not said.whole:
            return None, ""
        known = self._earlier[author]
        taken = {earlier.place for earlier in known}
        # Two that say the same begin at the same place: of two processes that open a case for it, one is told.
        first = identity_of(*sorted(said.firm))[0]
        free = next((place for n in range(PLACES) if (place := first + n & _LAST) not in taken), None)
        gives_up = known[0].number if free is None else self._past.pop(author | free, "")
        place = known.pop(0).place if free is None else free
        known.append(Earlier(number, place, message.received_at, "", message, said))
        return author | place, gives_up

    def _rows(self, means: Means, connection: Connection) -> Sequence[Any]:
        authors = sorted({author for author in self._authors.values() if author is not None})
        if means.database.is_sqlite:
            return means.database.rows(connection, _SPANS, json.dumps(authors)) if authors else ()
        wanted = [author | n for author in authors for n in range(PLACES)]
        return means.database.each(connection, _CANDIDATES, wanted)

    def _keep(self, means: Means, row: Any) -> None:
        at = from_stored(row.received_at)
        message = _message(means, row.sealed) if row.state in OPEN and at >= self._since else None
        if message is None:
            self._past[row.sameness] = row.number
            return
        earlier = Earlier(row.number, row.sameness & _LAST, at, row.language, message, says(words_of(message)))
        self._earlier[row.sameness & ~_LAST].append(earlier)


def words_of(message: Message) -> str:
    """Returns what a message says; a subject that only names the kind of mail says nothing."""
    if message.subject and _IS_GENERAL.fullmatch(_ANSWERS.sub("", message.subject[:_LONGEST_SUBJECT])):
        return message.text
    return (
        f"{_ANSWERS.sub('', message.subject[:_LONGEST_SUBJECT])}\n{message.text}" if message.subject else message.text
    )


def _message(means: Means, sealed: bytes) -> Message | None:
    try:
        return read_message(means.seal, sealed)
    except Rejected:
        # What cannot be read any more is joined by nothing.
        return None


def _same_things(old: Message, new: Message) -> bool:
    """Whether nothing but the words could tell them apart: the same words with another picture are another matter."""
    if new.location is not None:
        if old.location is None:
            return False
        away = max(abs(old.location.lat - new.location.lat), abs(old.location.lon - new.location.lon))
        if away > _NEAR_DEGREES:
            return False
    before, now = _things(old), _things(new)
    return not before or not now or before == now


def _things(message: Message) -> frozenset[str]:
    return frozenset(thing.digest or thing.place or thing.name for thing in message.attachments)
