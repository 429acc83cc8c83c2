"""What the router makes of a message: findings, the context it was seen in, and the decision."""

from datetime import datetime
from typing import Literal

import msgspec

Action = Literal["answer", "dispatch", "hold", "follow_up", "rate", "ignore"]
Kind = Literal[
    "inquiry",
    "inquiry-law",
    "recommendation",
    "grievance",
    "other",
    "proposal",
    "corruption",
    "public-interest",
    "human-rights",
    "welfare",
    "none",
]
# What a finding of the district says of a place in another city, and before the id of the department whose place it is.
ELSEWHERE = "elsewhere"
OWNER = "owner:"
# A finding of so much confidence is taken for known; of less it is a guess, or one of several.
SURE = 0.8
# The queue of what nobody owns yet.
TRIAGE = "triage"
CONFIDENTIAL: frozenset[Kind] = frozenset({"corruption", "public-interest", "human-rights"})


class Finding(msgspec.Struct, frozen=True):
    """One thing that one classifier saw: `Finding("faq", "bulky-waste", 0.93, because="'소파'")`.

    `confidence` is 0 to 1; `lead` is the distance to the second best of the same classifier (1.0 when alone).
    """

    classifier: str
    value: str
    confidence: float
    because: str = ""
    lead: float = 1.0


class Context(msgspec.Struct, frozen=True, kw_only=True):
    """What the case store knows about a message before it is decided; every field "" or False when nothing applies.

    `reply_to_case`: the case whose notice or answer this answers, by threading and by the same author.
    `awaits_place`: that case is one that we asked for a place. `answered_by_faq`: its last answer was automatic.
    `same_case`: an open case of the same author that says the same, up to small edits.
    """

    reply_to_case: str = ""
    awaits_place: bool = False
    answered_by_faq: bool = False
    same_case: str = ""
    rating_asked: bool = False
    # In which the author wrote before: decides where a message says too little.
    language: str = ""
    # Of a message that was taken back: the id under which it was recorded.
    original: str = ""
    # What the case already says, joined with the reply when a place was asked for.
    case_text: str = ""


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """The words of an FAQ's answer, chosen for the language and the channel."""

    faq: str
    version: str
    text: str
    language: str


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """What happens with a message and why; `eungdapso route` shows it as JSON."""

    action: Action
    queue: str | None = None
    unit: str | None = None
    faq: str | None = None
    kind: Kind = "none"
    confidential: bool = False
    topic: str | None = None
    district: str | None = None
    districts: tuple[str, ...] = ()
    language: str = "ko"
    confidence: float = 0.0
    rule: str = ""
    because: tuple[str, ...] = ()
    urgent: bool = False
    # Which emergency: the id of an [[urgent]] row of config/routing.toml, e.g. "fire"; "" when not urgent.
    urgency: str = ""
    public: bool = False
    answer_at: datetime | None = None
    accepted_at: datetime | None = None
    due_at: datetime | None = None
    # What the citizen is asked for: "place", or "" for nothing.
    ask: str = ""
    # The case that this message joins (follow_up, rate).
    case: str | None = None
    reason: str = ""
    rating: int | None = None
    answer: Answer | None = None
    # Shadow rows of config/routing.toml that would have decided, had they been real.
    shadowed: tuple[str, ...] = ()
    rules_version: str = ""
    faq_version: str = ""
