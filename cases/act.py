"""One act of an officer: the case it is about, the line of history it leaves, and what the citizen is told."""

from datetime import timedelta
from typing import Any

from msgspec.structs import replace

from cases.ledger import Ledger
from cases.letters import Facts, Letters
from cases.means import Means
from cases.model import By, Case
from cases.people import Contact, contacts_of, own_of, person_of, thread_of_contact
from cases.post import Address, address_of_case, facts_of
from core.reply import Picture


class Act:
    """What happens in one transaction. `case` is the case as it stands after the changes so far."""

    def __init__(self, means: Means, ledger: Ledger, case: Case, by: By) -> None:
        self.case = case
        self.by = by
        self.ledger = ledger
        self._means = means
        # The same for the line of history and for every letter that follows from it.
        self._cause = means.new_id()

    def change(self, **values: Any) -> None:
        self.case = self.ledger.change(self.case, **values)

    def note(self, what: str, *, why: str = "", words: str = "", **detail: Any) -> None:
        """Leaves a line of history with who did it; `words` are sealed."""
        self.ledger.event(self.case.number, what, who=self.by.name, why=why, cause=self._cause, words=words, **detail)

    def tell(self, letter: str, *, reason: str = "", text: str = "", pictures: tuple[Picture, ...] = ()) -> None:
        """Writes to the citizen, where that is possible; where not, the history says why."""
        silence = _silent_because(self.case, self._means.post.letters)
        contact = self._consented() if silence else None
        if silence and contact is None:
            self.ledger.event(self.case.number, "nothing sent", why=silence, cause=self._cause, letter=letter)
            return
        officer = self.case.assignee or (self.by.name if letter == "result" else "")
        facts = facts_of(self.case, link=self._means.link(self.case), reason=reason, officer=officer, text=text)
        facts = replace(facts, pictures=pictures)
        address = address_of_case(self.case, self.ledger.last_word(self.case))
        if contact is not None:
            facts, address = self._by_contact(contact, facts, silence)
        elif letter == "result" and self._is_private_still(address):
            # Their answer is for them alone, where the channel can bring it so.
            facts, address = replace(facts, public=False), replace(address, public=False)
        self.ledger.mail(self._means.post.row(letter, facts, address, cause=self._cause, at=self.ledger.now))

    def _consented(self) -> Contact | None:
        """Returns where else the citizen wants to be written to, by their consent; None when they gave nothing."""
        connection = self.ledger.connection
        person = person_of(connection, own_of(self._means, connection, self.case).key)
        return next((one for one in contacts_of(self._means, connection, person) if not one.is_own), None)

    def _by_contact(self, contact: Contact, facts: Facts, why: str) -> tuple[Facts, Address]:
        """Lets a letter go to a contact because it cannot go to where the case came from."""
        self.ledger.event(self.case.number, "sent by another way", why=why, cause=self._cause, channel=contact.channel)
        self.ledger.thread(*thread_of_contact(contact.key), self.case.number)
        address = Address(contact.channel, contact.account, contact.to)
        return replace(facts, channel=contact.channel, public=False), address

    def _is_private_still(self, address: Address) -> bool:
        days = self._means.options.private_days.get(address.channel, 0)
        is_early = address.asked_at is not None and self.ledger.now - address.asked_at <= timedelta(days=days)
        return days > 0 and is_early


def _silent_because(case: Case, letters: Letters) -> str:
    if not case.reply_to:
        return "nobody knows where to write to; it stands on the page of the case"
    if letters.is_mute(case.channel, case.account):
        return f"nothing is written in the name of the account {case.account}"
    if case.public and case.confidential:
        return "a confidential matter is not answered where others can read it"
    return ""
