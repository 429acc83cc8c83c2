"""The shape of routing.toml: rules, and by which words kinds, emergencies and abuse are recognised."""

from typing import Literal

from pydantic import Field

from config.fields import Id, Moment, Name, Names, Text
from core.decision import Action, Kind
from core.settings import Settings


class When(Settings):
    """What must all hold for a rule to apply; a condition that is left out always holds.

    For findings: `"*"` any value, else one of the values named. `context` names a field of the message's context.
    """

    auto: Names | Literal["*"] = ()
    urgent: Names | Literal["*"] = ()
    kind: Names | Literal["*"] = ()
    abuse: Names | Literal["*"] = ()
    """"insult" (nothing else is said), "abusive" (a matter is in it, too), "spam"."""
    rating: Names | Literal["*"] = ()
    """How satisfied somebody is, "1" to "5", when the message says nothing else."""
    faq: Names | Literal["*"] = ()
    topic: Names | Literal["*"] = ()
    owner: Names | Literal["*"] = ()
    """"district", or departments' ids, of the topic found; a pattern may end in `*` ("hq.*")."""
    district: Names | Literal["*", "none", "one", "several"] = ()
    channel: Names = ()
    account: Names = ()
    context: Literal["reply", "awaits_place", "answered_by_faq", "same_case", "rating_asked", ""] = ""
    text: str = ""
    """The whole text, folded, equals one of these words separated by |: "담당자|상담원"; "담당자*" begins with it."""
    words: Names = ()
    """One of these stands in the subject or the text; blanks and capitals do not matter."""
    threaded: bool | None = None
    """Whether the message itself says what it answers (In-Reply-To), rather than only standing in a conversation."""
    demand: bool | None = None
    """Whether the text asks for action (단속해주세요) rather than for information."""
    at_least: float = Field(default=0.0, ge=0, le=1)
    """Confidence that each finding must have which the row names; `demand` and several places need none."""
    lead: float = Field(default=0.0, ge=0, le=1)
    """Distance that each such finding must have to the second best; of places none is wanted."""


class Rule(Settings):
    """One row: the first row that applies decides.

    `from` and `until` bound when it applies, by the time of receipt: a day counts whole, a time without a zone is
    Asia/Seoul.
    """

    name: Name
    """What it is called in cases and counts; each row has another: name = "flea market"."""
    when: When = When()
    then: Action
    """What happens: then = "dispatch", or "hold", "answer", "follow_up", "rate", "ignore"."""
    queue: str = ""
    """Fixed queue; "" derives it from topic, place and kind."""
    unit: str = ""
    ask: Literal["", "place"] = ""
    begins: Moment | None = Field(default=None, alias="from")
    """The first day, or the first instant, at which the row applies."""
    until: Moment | None = None
    """The last day on which the row applies, or the instant from which on it no longer does."""
    shadow: bool = False
    """True: the row decides nothing; how often it would have is counted."""
    examples: tuple[str, ...] = ()
    not_examples: tuple[str, ...] = ()


class KindWords(Settings):
    """How a kind of matter is recognised."""

    kind: Kind
    """The kind of matter in law, e.g. "corruption"."""
    queue: str = ""
    """Where matters of this kind go whatever their topic; "" by topic and place."""
    keywords: tuple[str, ...]
    patterns: tuple[str, ...] = ()
    """Regular expressions over the folded text; each is tried with a bound on its work."""
    together: tuple[str, ...] = ()
    """Words that speak for it only near each other: "공무원 | 주무관 + 봉투 | 상품권"."""
    not_keywords: tuple[str, ...] = ()
    """Words that look like it and are not ("종량제 봉투")."""
    weak: tuple[str, ...] = ()
    """Words that say too little, but after which no machine answers."""
    examples: tuple[str, ...] = ()
    """Whole sentences as people write them: what is like them is recognised, too."""
    not_examples: tuple[str, ...] = ()
    """Sentences that look like it and are not."""
    hint: str = ""
    """What the notice adds, e.g. the help line."""
    hint_en: str = ""
    confidential: bool = False


class Urgency(Settings):
    """An emergency, and what the person is told at once."""

    id: Id
    keywords: tuple[str, ...] = ()
    patterns: tuple[str, ...] = ()
    together: tuple[str, ...] = ()
    """Words that are an emergency only near each other: "연기 + 자욱 | 가득"."""
    not_keywords: tuple[str, ...] = ()
    """Words that make it no emergency ("화재보험")."""
    weak: tuple[str, ...] = ()
    """Words that say too little, but after which no machine answers."""
    examples: tuple[str, ...] = ()
    """Whole sentences as people write them: what is like them is recognised, too."""
    not_examples: tuple[str, ...] = ()
    """Sentences that look like it and are not."""
    hint: Text
    """What the person is told at once, in Korean."""
    hint_en: Text
    """The same in English."""


class Abuse(Settings):
    """Words by which insults, threats to staff and advertising are recognised."""

    id: Literal["insult", "spam"]
    """What the row is about: "insult" or "spam"."""
    keywords: tuple[str, ...] = ()
    not_keywords: tuple[str, ...] = ()
    """Words that look like it and are not ("시발점"); for spam: words of somebody who complains of it."""
    signs: tuple[str, ...] = ()
    """For spam: what an advertisement has beside its ware, e.g. how to unsubscribe."""


class Routing(Settings):
    """routing.toml."""

    rules: tuple[Rule, ...]
    kinds: tuple[KindWords, ...]
    urgent: tuple[Urgency, ...]
    elsewhere: tuple[str, ...]
    """Other cities and provinces: with one of these names before it, 강서구 is not ours."""
    abuse: tuple[Abuse, ...] = ()
