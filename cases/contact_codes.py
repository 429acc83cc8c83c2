"""Codes of six digits that prove an address: who can read what was sent there has it."""

import hmac
import secrets
from datetime import datetime, timedelta

import msgspec
from sqlalchemy import Connection, delete, func, select, text, update

from cases.another_way import CODE
from cases.ledger import Ledger
from cases.letters import Facts
from cases.means import Means
from cases.model import Case
from cases.post import Address
from cases.schema import GUARDED, contact_codes, outbox
from core.errors import Rejected
from core.message import identity_of

_VALID = timedelta(minutes=10)
_MOST_TRIES = 5
# Codes to one address a day, and for one case an hour: nobody's telephone is to be rung by strangers.
_MOST_A_DAY, _MOST_AN_HOUR = 5, 5
_DAY, _HOUR = timedelta(days=1), timedelta(hours=1)
_DIGITS = 6
_encode = msgspec.msgpack.Encoder().encode


class Place(msgspec.Struct, frozen=True):
    """An address of one channel."""

    channel: str
    to: str


_decode = msgspec.msgpack.Decoder(Place).decode


class Asked(msgspec.Struct, frozen=True):
    """What a code was asked for, and the words that were agreed to."""

    place: Place
    consent: str


class Codes:
    """One a case, the latest. Works inside the caller's transaction."""

    def __init__(self, means: Means) -> None:
        self._means = means

    def give(self, ledger: Ledger, case: Case, place: Place, consent: str) -> None:
        """Sends a new code there; raises `Rejected` (429) after too many."""
        self._must_be_few(ledger.connection, case, place)
        code = f"{secrets.randbelow(10**_DIGITS):0{_DIGITS}d}"
        ledger.connection.execute(delete(contact_codes).where(contact_codes.c.number == case.number))
        ledger.connection.execute(
            contact_codes.insert().values(
                number=case.number,
                code=self._digest(case.number, code),
                sealed=self._means.seal.seal(_encode(place)),
                consent=consent,
                until=self._means.machine() + _VALID,
            )
        )
        self._send(ledger, case, place, code)

    def take(self, connection: Connection, number: str, code: str) -> Asked | Rejected:
        """Returns what was asked for with this code, which then is used up, or what is wrong with it: that is to be
        raised when it was written down that it was tried."""
        mine = contact_codes.c.number == number
        row = connection.execute(select(contact_codes).where(mine).with_for_update()).one_or_none()
        if row is None or row.until < self._means.machine() or row.tries >= _MOST_TRIES:
            return Rejected("this code is not valid any more; ask for another one", status=410)
        if not hmac.compare_digest(bytes(row.code), self._digest(number, code)):
            connection.execute(update(contact_codes).where(mine).values(tries=contact_codes.c.tries + 1))
            return Rejected("this is not the code that was sent", status=422)
        connection.execute(delete(contact_codes).where(mine))
        return Asked(_decode(self._means.seal.open(row.sealed)), row.consent)

    def _must_be_few(self, connection: Connection, case: Case, place: Place) -> None:
        now = self._means.clock()
        count = select(func.count()).where(outbox.c.letter == CODE)
        of_case = count.where(outbox.c.number == case.number, outbox.c.created_at > now - _HOUR)
        there = count.where(text(GUARDED), outbox.c.recipient == place.to, outbox.c.created_at > now - _DAY)
        if connection.execute(of_case).scalar_one() >= _MOST_AN_HOUR:
            raise Rejected("too many codes were asked for with this case; wait an hour", status=429)
        if connection.execute(there).scalar_one() >= _MOST_A_DAY:
            raise Rejected("too many codes went to this address today; ask again tomorrow", status=429)

    def _send(self, ledger: Ledger, case: Case, place: Place, code: str) -> None:
        facts = Facts(number=case.number, channel=place.channel, language=case.language, text=code)
        address = Address(place.channel, "", place.to)
        row = self._means.post.row(CODE, facts, address, cause=self._means.new_id(), at=ledger.now)
        # Counted for every address, telephones too.
        ledger.mail(row | {"guarded": True})

    def _digest(self, number: str, code: str) -> bytes:
        return self._means.seal.mark(identity_of("contact code", number, code.strip()))


def let_codes_go(connection: Connection, now: datetime) -> None:
    """Deletes codes that nobody can use any more, with the addresses that they went to."""
    connection.execute(delete(contact_codes).where(contact_codes.c.until < now))
