"""What a case is, which states it goes through, and who may act on it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal, get_args

import msgspec

from core import decision
from core.errors import Rejected

State = Literal["held", "received", "assigned", "waiting", "answered", "transferred", "closed", "withdrawn"]
STATES: tuple[State, ...] = get_args(State)
# Somebody has to do something about these.
OPEN: tuple[State, ...] = ("held", "received", "assigned", "waiting")
# Messages that made no case.
RECORDED = "recorded"
TRIAGE = decision.TRIAGE

Verb = Literal["answer", "assign", "set_kind", "transfer", "extend", "close", "withdraw", "reopen", "release"]
_MAY: Mapping[Verb, tuple[State, ...]] = {
    "answer": OPEN,
    "assign": OPEN,
    "set_kind": (*OPEN, "transferred"),
    "transfer": (*OPEN, "transferred"),
    "extend": OPEN,
    "close": (*OPEN, "answered", "transferred"),
    "withdraw": OPEN,
    "release": ("answered",),
    "reopen": ("answered", "transferred", "closed", "withdrawn"),
}


class By(msgspec.Struct, frozen=True):
    """Who acts, and on which queues (None: on all, as who holds the machine does)."""

    name: str
    queues: frozenset[str] | None = None

    def may_see(self, queue: str) -> bool:
        return self.queues is None or queue in self.queues


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """A case as it stands. `queue` is "" only for what was answered by itself and belongs to nobody."""

    number: str
    state: State
    queue: str
    unit: str
    assignee: str
    action: str
    kind: str
    topic: str
    district: str
    faq: str
    confidential: bool
    urgent: bool
    urgency: str
    channel: str
    account: str
    author: str
    author_name: str
    conversation: str
    language: str
    reply_to: str
    public: bool
    message: str
    native_id: str
    received_at: datetime
    accepted_at: datetime | None
    due_at: datetime | None
    answered_at: datetime | None
    closed_at: datetime | None
    answered_by: str
    awaits_place: bool
    extended: bool
    released: bool
    rating: int | None
    token: str
    forgotten_at: datetime | None = None

    @property
    def is_open(self) -> bool:
        return self.state in OPEN

    def must_allow(self, verb: Verb) -> None:
        """Raises `Rejected` when this cannot be done with a case in this state."""
        if self.state not in _MAY[verb]:
            allowed = ", ".join(_MAY[verb])
            raise Rejected(
                f"case {self.number} is {self.state}; {verb.replace('_', ' ')} works when it is {allowed}.", status=409
            )


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One line of a case's history: what was done, or what was sent."""

    at: datetime
    who: str
    what: str
    why: str = ""
    detail: Mapping[str, Any] = {}


def case_of(row: Mapping[Any, Any]) -> Case:
    return Case(**{name: row[name] for name in Case.__struct_fields__})
