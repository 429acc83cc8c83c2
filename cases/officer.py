"""What staff do with a case: each act is one transaction with a line of history and what the citizen is told."""

import difflib
import unicodedata
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

from cases.act import Act
from cases.clock import accepted_at
from cases.corrections import TOPIC_CHANGED
from cases.database import anew
from cases.heard import Heard, heard
from cases.joining import drop_deferred, known_pauses
from cases.ledger import Ledger
from cases.means import Means
from cases.model import TRIAGE, By, Case, Verb
from cases.views import find
from core.errors import Rejected
from core.reply import Picture
from core.text import clean

_AGENCY = "agency."
# An agency's matter is handed over within eight working hours (Decree 13③).
_HAND_OVER_HOURS = 8
_MOST_TEXT = 20_000
_MOST_REASON = 2_000


class Officer:
    """The verbs of `eungdapso case` and of the console. Each raises `Rejected` with what is in the way.

    Every verb takes who acts; a case outside that person's queues is not found.
    """

    def __init__(self, means: Means) -> None:
        self._means = means
        self._database = means.database

    @anew
    def answer(self, number: str, text: str, by: By, *, pictures: tuple[Picture, ...] = ()) -> Case:
        """Sends an officer's answer and ends the case; an automatic answer that still waits is taken back. Whether the
        channel carries pictures is the caller's matter."""
        words = _said(text, "the answer", _MOST_TEXT)
        with self._act(number, by, "answer") as act:
            drop_deferred(act.ledger, act.case.number)
            now = act.ledger.now
            act.change(state="answered", answered_at=now, answered_by="officer", awaits_place=False, sameness=None)
            detail: dict[str, Any] = {"pictures": [one.name for one in pictures]} if pictures else {}
            act.note("answered", words=words, **detail)
            act.tell("result", text=words, pictures=pictures)
            act.ledger.thread_of(act.case)
        return act.case

    def heard(self, number: str, by: By) -> Heard | None:
        """Returns where the words of the last answer went, None when no officer answered."""
        with self._database.read() as connection:
            return heard(self._means, connection, find(connection, number, by))

    @anew
    def assign(self, number: str, by: By, *, unit: str = "", to: str = "") -> Case:
        """Gives the case to a unit of its queue or an officer. The citizen hears of it when nobody had it before."""
        unit, to = clean(unit), clean(to)
        if not unit and not to:
            raise Rejected("assign to whom? Name a unit, an officer, or both.")
        with self._act(number, by, "assign") as act:
            before = act.case
            units = self._means.post.letters.desk(before.queue).units
            if unit and unit not in units:
                raise _no_such_unit(unit, before.queue, units)
            act.change(state="assigned", unit=unit or before.unit, assignee=to or before.assignee)
            act.note("assigned", unit=act.case.unit, assignee=act.case.assignee)
            if before.state == "held" and before.queue != TRIAGE:
                act.tell("assigned")
        return act.case

    @anew
    def set_kind(self, number: str, kind: str, by: By, *, why: str = "") -> Case:
        """Changes the kind and with it the legal date; a date that moved is told to the citizen."""
        if kind not in self._means.deadlines:
            raise Rejected(f"{kind} is no kind with a period; there are {', '.join(sorted(self._means.deadlines))}.")
        with self._act(number, by, "set_kind") as act:
            before = act.case
            act.change(kind=kind, due_at=self._due(act.ledger, before, kind))
            act.note("kind changed", why=why, kind=[before.kind, kind], due_at=[before.due_at, act.case.due_at])
            if before.due_at != act.case.due_at:
                act.tell("period_changed", reason=why)
        return act.case

    @anew
    def set_topic(self, number: str, topic: str, by: By, *, why: str = "") -> Case:
        """Says what the case is about, in a topic's id; the router learns from it. The citizen hears nothing of it."""
        topic = clean(topic)
        if not topic:
            raise Rejected("which topic? Name its id, as config/topics.toml has it.")
        with self._act(number, by, "set_kind") as act:
            before = act.case.topic
            act.change(topic=topic)
            act.note(TOPIC_CHANGED, why=why, topic=[before, topic])
        return act.case

    @anew
    def transfer(self, number: str, to: str, by: By, *, why: str) -> Case:
        """Gives the case to another queue. An agency's goes to the city's transfer officer first; the same transfer
        again records that it was handed over."""
        reason = _said(why, "the reason", _MOST_REASON)
        self._means.post.letters.must_know(to)
        with self._act(number, by, "transfer") as act:
            if act.case.queue == to and not (to.startswith(_AGENCY) and act.case.state != "transferred"):
                raise Rejected(f"case {act.case.number} is in {to} already.", status=409)
            drop_deferred(act.ledger, act.case.number)
            if act.case.queue == to:
                self._handed_over(act, reason)
            else:
                self._moved(act, to, reason)
        return act.case

    @anew
    def extend(self, number: str, by: By, *, why: str) -> Case:
        """Extends the period once, by its own length, and tells the citizen why and until when (Decree 21)."""
        reason = _said(why, "the reason", _MOST_REASON)
        with self._act(number, by, "extend") as act:
            before = act.case.due_at
            if act.case.extended or before is None:
                why_not = "was extended already" if act.case.extended else "has no date that could be extended"
                raise Rejected(
                    f"case {act.case.number} {why_not}; a second time needs the citizen's consent.", status=409
                )
            after = self._means.due(act.case.kind, accepted_at(before + timedelta(seconds=1), self._means.calendar))
            act.change(due_at=after, extended=True)
            act.note("extended", why=reason, due_at=[before, after])
            act.tell("extended", reason=reason)
        return act.case

    @anew
    def close(self, number: str, by: By, *, why: str) -> Case:
        """Ends the case without an answer, with a lawful reason that the citizen is told."""
        return self._end(number, by, "close", "closed", why)

    @anew
    def withdraw(self, number: str, by: By, *, why: str = "") -> Case:
        """Ends the case because the citizen took it back."""
        return self._end(number, by, "withdraw", "withdrawn", why)

    @anew
    def reopen(self, number: str, by: By, *, why: str) -> Case:
        """Takes a finished case up again in its queue; its date stays."""
        reason = _said(why, "the reason", _MOST_REASON)
        with self._act(number, by, "reopen") as act:
            queue = act.case.queue or TRIAGE
            state = "held" if queue == TRIAGE else "received"
            due = act.case.due_at or self._due(act.ledger, act.case, act.case.kind)
            act.change(state=state, queue=queue, answered_at=None, answered_by="", closed_at=None, due_at=due)
            act.note("reopened", why=reason, state=state, queue=queue)
        return act.case

    @anew
    def release(self, number: str, by: By, *, released: bool = True) -> Case:
        """Lets a masked version of an answered case be shown to who asks the same; confidential ones never are."""
        with self._act(number, by, "release") as act:
            if act.case.confidential and released:
                raise Rejected(f"case {act.case.number} is confidential; it is never shown to others.", status=409)
            act.change(released=released)
            act.note("released" if released else "release taken back")
        return act.case

    def _moved(self, act: Act, to: str, reason: str) -> None:
        before = act.case
        now = act.ledger.now
        due = before.due_at or self._due(act.ledger, before, before.kind)
        if to.startswith(_AGENCY):
            due = self._means.calendar.add_working_hours(now, _HAND_OVER_HOURS)
        state = "held" if to == TRIAGE else "received"
        act.change(queue=to, unit="", assignee="", state=state, due_at=due, awaits_place=False)
        act.note("transferred", why=reason, queue=[before.queue, to], due_at=[before.due_at, due])
        if to != TRIAGE:
            act.tell("agency" if to.startswith(_AGENCY) else "assigned", reason=reason)

    def _handed_over(self, act: Act, reason: str) -> None:
        act.change(state="transferred", closed_at=act.ledger.now, sameness=None)
        act.note("handed over", why=reason, queue=act.case.queue)
        act.tell("transferred", reason=reason)

    def _end(self, number: str, by: By, verb: Verb, state: str, why: str) -> Case:
        reason = _said(why, "the reason", _MOST_REASON) if verb == "close" else why.strip()[:_MOST_REASON]
        with self._act(number, by, verb) as act:
            drop_deferred(act.ledger, act.case.number)
            act.change(state=state, closed_at=act.ledger.now, awaits_place=False, sameness=None)
            act.note(state, why=reason)
            act.tell(state, reason=reason)
        return act.case

    def _due(self, ledger: Ledger, case: Case, kind: str) -> datetime | None:
        own, outages = known_pauses(ledger, case.number)
        return self._means.due(kind, self._means.accepted(case), pauses=own, outages=outages)

    @contextmanager
    def _act(self, number: str, by: By, verb: Verb) -> Iterator[Act]:
        with self._database.write() as connection:
            case = find(connection, number, by, to_change=True)
            act = Act(self._means, self._means.ledger(connection), case, by)
            act.case.must_allow(verb)
            yield act
            act.ledger.flush()


def _no_such_unit(unit: str, queue: str, units: Sequence[str]) -> Rejected:
    if not units:
        return Rejected(f"{queue} is not divided into units; name an officer.")
    # By letters: of a word of two syllables, a slip in one letter would change half.
    parts = [unicodedata.normalize("NFD", known) for known in units]
    near = difflib.get_close_matches(unicodedata.normalize("NFD", unit), parts, n=1)
    guess = f" Did you mean {unicodedata.normalize('NFC', near[0])}?" if near else ""
    return Rejected(f"{queue} has no unit {unit}.{guess} Its units are {', '.join(units)}.")


def _said(text: str, what: str, most: int) -> str:
    """Returns the words without blanks around; raises `Rejected` when there are none, or far too many."""
    said = text.strip()
    if not said:
        raise Rejected(f"{what} is empty; say it in a sentence.")
    if len(said) > most:
        raise Rejected(f"{what} has {len(said)} characters; at most {most} can be sent.")
    return said
