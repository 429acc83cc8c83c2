"""Where else citizens want to be written to: by their consent, proved with a code, taken back whenever they wish."""

import hmac

from sqlalchemy import Connection, delete, select, update

from cases.act import Act
from cases.another_way import LINKED, undelivered
from cases.contact_codes import Codes, Place
from cases.database import anew
from cases.deferred import to_person
from cases.handles import contact_key, written_as
from cases.ledger import CITIZEN, Ledger
from cases.means import Means
from cases.model import By, Case, case_of
from cases.numbers import parse_number
from cases.people import Contact, Own, contacts_of, own_of, person_of
from cases.schema import contact_codes, contacts, outbox
from cases.views import find, no_such_case, row_of
from core.errors import Rejected
from core.mask import mask_handle

# Of one citizen.
_MOST = 5
_MOST_WORDS = 2_000


class Contacts:
    """Links and takes back; each verb is one transaction. Used from threads.

    Two citizens who are both known already are never made one: that is refused (409).
    """

    def __init__(self, means: Means) -> None:
        self._means = means
        self._database = means.database
        self._codes = Codes(means)

    @property
    def ways(self) -> frozenset[str]:
        """What citizens can give: "tel", "mail", both or nothing."""
        return frozenset(self._means.options.ways)

    def of(self, number: str, by: By) -> list[Contact]:
        """Returns where the citizen of this case can be written to; raises `Rejected` (404) for no case of theirs."""
        with self._database.read() as connection:
            return self._of(connection, find(connection, number, by))

    def seen(self, number: str, token: str) -> list[Contact]:
        """The same for the citizen, who has the case's link."""
        with self._database.read() as connection:
            return self._of(connection, self._opened(connection, number, token))

    @anew
    def ask(self, number: str, token: str, place: Place, consent: str) -> None:
        """Sends a code to an address that the citizen says is theirs, with the words that they agreed to.

        Whether anybody is known by that address changes nothing here. Raises `Rejected`, 429 after too many.
        """
        with self._database.write() as connection:
            ledger = self._means.ledger(connection)
            self._codes.give(ledger, self._opened(connection, number, token), place, consent[:_MOST_WORDS])
            ledger.flush()

    @anew
    def prove(self, number: str, token: str, code: str) -> Contact:
        """Links the address that this code was sent to. Raises `Rejected`: 422 for a wrong code, 410 when it was
        tried too often or is too old, 409 when the address is another citizen's."""
        with self._database.write() as connection:
            case = self._opened(connection, number, token)
            asked = self._codes.take(connection, case.number, code)
            if not isinstance(asked, Rejected):
                act = Act(self._means, self._means.ledger(connection), case, By(CITIZEN))
                linked = self._link(act, asked.place, asked.consent)
                act.ledger.flush()
                return linked
        # A wrong code counts, so that was kept.
        raise asked

    @anew
    def link(self, number: str, place: Place, by: By, *, why: str) -> Contact:
        """Links an address that the citizen told an officer, who writes down how they consented."""
        consent = why.strip()[:_MOST_WORDS]
        if not consent:
            raise Rejected("how did the citizen consent? Say it, for example: 전화로 동의")
        with self._database.write() as connection:
            case = find(connection, number, by, to_change=True)
            if case.forgotten_at is not None:
                raise Rejected(f"case {case.number} is forgotten; nothing more is kept with it", status=409)
            act = Act(self._means, self._means.ledger(connection), case, by)
            linked = self._link(act, place, consent)
            act.ledger.flush()
        return linked

    @anew
    def unlink(self, number: str, key: str, by: By, *, why: str = "") -> None:
        """Forgets a contact and takes back what waits to go there. Raises `Rejected` (404) when there is none."""
        with self._database.write() as connection:
            self._unlink(connection, find(connection, number, by, to_change=True), key, by, why)

    @anew
    def take_back(self, number: str, token: str, key: str) -> None:
        """The same by the citizen."""
        with self._database.write() as connection:
            self._unlink(connection, self._opened(connection, number, token), key, By(CITIZEN), "")

    def place_of(self, written: str) -> Place:
        """Returns where a number or an address is written to, as people write it; officers may name the channel before
        it. Raises `Rejected` (422) when it is neither, or nothing can be sent there."""
        named, colon, rest = written.partition(":")
        kind, address = written_as(rest if colon else written, self._means.options.country_code)
        channel = self._means.options.ways.get(kind, "")
        if not channel or (colon and named != channel):
            ways = ", ".join(f"{way}:…" for way in sorted(self._means.options.ways.values()))
            raise Rejected(f"{written} is no contact; there is {ways or 'no channel for one'}", status=422)
        return Place(channel, address)

    def key_of(self, place: Place) -> str:
        return contact_key(self._means.seal, place.channel, "", place.to)

    def _of(self, connection: Connection, case: Case) -> list[Contact]:
        return contacts_of(self._means, connection, person_of(connection, own_of(self._means, connection, case).key))

    def _opened(self, connection: Connection, number: str, token: str) -> Case:
        row = row_of(connection, parse_number(number))
        expected = row["token"] if row is not None else ""
        # Compared in any case, so that the time tells nothing.
        is_right = hmac.compare_digest(expected.encode(), token.encode())
        if row is None or not expected or not is_right or row["forgotten_at"] is not None:
            raise no_such_case()
        return case_of(row)

    def _link(self, act: Act, place: Place, consent: str) -> Contact:
        connection, case = act.ledger.connection, act.case
        own = own_of(self._means, connection, case)
        key = self.key_of(place)
        person = self._person(connection, own, key)
        self._put(connection, case, person, own, consent="", by="")
        there = Own(key=key, channel=place.channel, to=place.to)
        self._put(connection, case, person, there, consent=consent, by=act.by.name)
        act.note("contact added", channel=place.channel, contact=key[:8])
        is_reached = _is_reached(connection, case)
        undelivered(self._means, act.ledger, case)
        if not case.public and case.reply_to and is_reached:
            # Whoever it was: the citizen hears of it where they wrote from, unless the letter before did not arrive.
            act.tell(LINKED, text=mask_handle(place.to))
        return next(one for one in contacts_of(self._means, connection, person) if one.key == key)

    def _person(self, connection: Connection, own: Own, key: str) -> str:
        known = select(contacts.c.person).where(contacts.c.key.in_((own.key, key))).with_for_update()
        persons = set(connection.execute(known).scalars())
        if len(persons) > 1:
            raise Rejected("this contact is linked to another citizen; let them take it back there first", status=409)
        person = persons.pop() if persons else self._means.new_id()
        given = select(contacts.c.key).where(contacts.c.person == person, contacts.c.consent != "")
        if len(set(connection.execute(given).scalars()) - {key}) >= _MOST:
            raise Rejected(f"{_MOST} contacts are linked already; take one back first", status=409)
        return person

    def _put(self, connection: Connection, case: Case, person: str, own: Own, *, consent: str, by: str) -> None:
        """Writes a contact down; what is known is only renewed, and a consent that was given stays given."""
        values = {"number": case.number, "consented_at": self._means.clock()}
        said = values | ({"consent": consent, "given_by": by} if consent else {})
        if connection.execute(update(contacts).where(contacts.c.key == own.key).values(**said)).rowcount:
            return
        sealed = self._means.seal.seal(own.to.encode())
        place = {"key": own.key, "person": person, "channel": own.channel, "account": own.account, "sealed": sealed}
        connection.execute(contacts.insert().values(**place, **values, consent=consent, given_by=by))

    def _unlink(self, connection: Connection, case: Case, key: str, by: By, why: str) -> None:
        own = own_of(self._means, connection, case)
        person = person_of(connection, own.key)
        known = {one.key: one for one in contacts_of(self._means, connection, person) if not one.is_own}
        gone = known.get(key)
        if gone is None:
            raise Rejected("there is no such contact", status=404)
        connection.execute(delete(contacts).where(contacts.c.key == key))
        let_go_of_lonely(connection)
        ledger = self._means.ledger(connection)
        ledger.event(case.number, "contact removed", who=by.name, why=why, channel=gone.channel, contact=key[:8])
        if gone.key != own.key:
            self._take_back_letters(ledger, case, gone)
        ledger.flush()

    def _take_back_letters(self, ledger: Ledger, case: Case, gone: Contact) -> None:
        waits = (outbox.c.number == case.number, outbox.c.channel == gone.channel, outbox.c.recipient == gone.to)
        queued = select(outbox.c.id, outbox.c.kind).where(*waits, outbox.c.state == "queued").with_for_update()
        rows = ledger.connection.execute(queued).all()
        dropped = update(outbox).where(outbox.c.id.in_([row.id for row in rows]))
        ledger.connection.execute(dropped.values(state="dropped", error="the contact was taken back"))
        if any(row.kind == "answer" for row in rows):
            to_person(self._means, ledger, case.number, "the contact that the answer was to go to was taken back")


def _is_reached(connection: Connection, case: Case) -> bool:
    """Whether the last letter to where this case came from arrived, or may still do so."""
    there = (outbox.c.number == case.number, outbox.c.channel == case.channel, outbox.c.recipient == case.reply_to)
    last = select(outbox.c.state).where(*there).order_by(outbox.c.id.desc()).limit(1)
    return connection.execute(last).scalar() not in ("failed", "undeliverable", "settled")


def let_go_of_lonely(connection: Connection) -> None:
    """Deletes who has no contact any more that was consented to."""
    lives = select(contacts.c.person).where(contacts.c.consent != "")
    connection.execute(delete(contacts).where(contacts.c.person.not_in(lives)))


def forget_contacts(connection: Connection, numbers: list[str]) -> None:
    """Deletes what was given with these cases, which are being forgotten."""
    connection.execute(delete(contacts).where(contacts.c.number.in_(numbers)))
    connection.execute(delete(contact_codes).where(contact_codes.c.number.in_(numbers)))
    let_go_of_lonely(connection)
