"""A message as the rules look at it: its findings, its context, and what the city's tables say of them."""

from collections.abc import Mapping, Sequence
from datetime import date

import msgspec

from classifiers._text import tight
from config.schema import City, Faq, KindWords, Topic
from core.clock import SEOUL
from core.decision import CONFIDENTIAL, ELSEWHERE, OWNER, SURE, Context, Finding, Kind
from core.message import Message
from router.hints import Hints

# A topic of less is a guess that nobody should read as found.
NAMED = 0.5
# A language of no more is a guess from a word or none.
_UNSURE = 0.5
# So few letters and digits are no sentence: what they are only like, they do not say.
_FEW, _LONGEST_OF_FEW = 2, 40
_LIKE = "like "
# Beside a kind: the queue of the row by which it was found, where several rows are of that kind.
_QUEUE = "queue:"


class View(msgspec.Struct, frozen=True, kw_only=True):
    """One message with what was found in it; each classifier's findings best first.

    `topic` is named, not guessed. `districts` are the candidates, `district` the one that is sure, `away` that it is
    in another city. `owner` is who owns the best topic, guessed ones too: "district", or a department, also because
    the place is the department's (`owned`).
    """

    message: Message
    context: Context
    findings: Mapping[str, tuple[Finding, ...]]
    day: date
    topic: Topic | None
    faq: Faq | None
    districts: tuple[Finding, ...]
    district: Finding | None
    away: Finding | None
    owner: str
    owned: Finding | None
    confidential: bool

    def best(self, classifier: str) -> Finding | None:
        found = self.findings.get(classifier)
        return found[0] if found else None

    @property
    def speech(self) -> str:
        """ "demand", "question", "statement", or "" when nobody can tell."""
        found = self.best("demand")
        return found.value if found else ""

    @property
    def language(self) -> str:
        """The language to answer in; where the message says too little, the one that its author wrote before."""
        found = self.best("language")
        if self.context.language and (found is None or found.confidence <= _UNSURE):
            return self.context.language
        return found.value if found else "ko"


class Views:
    """Makes views; knows the city's tables by their ids."""

    def __init__(self, city: City) -> None:
        self._topics = {topic.id: topic for topic in city.topics}
        self._faqs = {faq.id: faq for faq in city.faqs}
        self._owned_kinds: dict[str, set[str]] = {}
        for place in city.places:
            if place.owner:
                self._owned_kinds.setdefault(place.owner, set()).add(place.kind)
        self._confidential = CONFIDENTIAL | {row.kind for row in city.routing.kinds if row.confidential}
        self._hints = Hints(city, self._confidential)

    def make(self, message: Message, context: Context, findings: Mapping[str, tuple[Finding, ...]]) -> View:
        if message.topic_hint or message.district_hint:
            findings = self._hints.taken(message, findings)
        if findings.get("topic") and _is_tiny(message):
            worded = tuple(one for one in findings["topic"] if not one.because.startswith(_LIKE))
            findings = {**findings, "topic": worded}
        located = findings.get("district", ())
        districts = tuple([f for f in located if f.value != ELSEWHERE and not f.value.startswith(OWNER)])
        away = next((f for f in located if f.value == ELSEWHERE), None) if located else None
        topics = findings.get("topic")
        guess = self._topics.get(topics[0].value) if topics else None
        topic = guess if topics and topics[0].confidence >= NAMED else None
        owned = self._owned(guess, located)
        return View(
            message=message,
            context=context,
            findings=findings,
            day=message.received_at.astimezone(SEOUL).date(),
            topic=topic,
            faq=self._faqs.get(_value(findings, "faq")),
            districts=districts,
            district=districts[0] if len(districts) == 1 and not away and districts[0].confidence >= SURE else None,
            away=away if away and away.confidence >= SURE else None,
            owner=owned.value.removeprefix(OWNER) if owned else guess.owner if guess else "",
            owned=owned,
            confidential=self._is_confidential(topic, findings),
        )

    def _is_confidential(self, topic: Topic | None, findings: Mapping[str, tuple[Finding, ...]]) -> bool:
        sure = any(f.value in self._confidential and f.confidence >= SURE for f in findings.get("kind", ()))
        return sure or (topic is not None and topic.kind in self._confidential)

    def _owned(self, topic: Topic | None, located: Sequence[Finding]) -> Finding | None:
        """Returns the department that looks after the place, when the topic is one that it looks after there."""
        if topic is None or topic.owner != "district" or not located:
            return None
        sure = (f for f in located if f.value.startswith(OWNER) and f.confidence >= SURE)
        wanted = set(topic.owned_at)
        return next((f for f in sure if wanted & self._owned_kinds.get(f.value.removeprefix(OWNER), set())), None)


class Kinds:
    """Which kind of matter a message is, and the row of routing.toml that says where such matters go."""

    def __init__(self, city: City) -> None:
        self._rows: dict[str, list[tuple[KindWords, tuple[str, ...]]]] = {}
        for row in city.routing.kinds:
            self._rows.setdefault(row.kind, []).append((row, tuple(tight(word) for word in row.keywords)))

    def of(self, view: View) -> tuple[Kind, KindWords | None, Finding | None]:
        """Returns the kind, its row when it has one, and the finding when there was one."""
        for found in view.findings.get("kind", ()):
            rows = self._rows.get(found.value)
            if rows and found.confidence >= SURE:
                row = _named(rows, view) or _speaking(rows, tight(view.message.whole))
                return row.kind, row, found
        if view.topic and view.topic.kind != "other":
            return view.topic.kind, None, None
        return ("inquiry" if view.speech == "question" else "other"), None, None


def _named(rows: Sequence[tuple[KindWords, tuple[str, ...]]], view: View) -> KindWords | None:
    """Returns the row of a kind whose queue was found, None when no queue was."""
    queues = [f.value.removeprefix(_QUEUE) for f in view.findings.get("kind", ()) if f.value.startswith(_QUEUE)]
    return next((row for queue in queues for row, _ in rows if row.queue == queue), None)


def _speaking(rows: Sequence[tuple[KindWords, tuple[str, ...]]], text: str) -> KindWords:
    """Returns the row of a kind whose words stand in the text; the first one when none does."""
    return next((row for row, words in rows if any(word in text for word in words)), rows[0][0])


def _value(findings: Mapping[str, tuple[Finding, ...]], classifier: str) -> str:
    found = findings.get(classifier)
    return found[0].value if found else ""


def _is_tiny(message: Message) -> bool:
    """Whether it is "y", "ㅋㅋ", "12": a word for a matter may be as short, and is found as one."""
    return len(message.text) <= _LONGEST_OF_FEW and len(tight(message.whole)) <= _FEW
