"""What other rules would have made of the messages that are stored: decided anew, acted on never."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from pathlib import Path

import msgspec

from cases.store import CaseStore
from config.load import read_toml
from core.clock import SEOUL
from core.decision import Decision
from core.errors import ConfigError
from core.mask import mask
from core.wire import Routed
from pipeline.build import Plan, draft, prepared
from pipeline.engines import EMBEDDED
from router.router import Router

_AT_ONCE = 256
_SHOWN_CHARACTERS = 60
# Tables of a rule file that no pipeline.toml has.
_RULES = {"rule", "kind", "urgent", "elsewhere"}


class Move(msgspec.Struct, frozen=True, kw_only=True):
    """One message that would go elsewhere."""

    message: str
    number: str | None
    received_at: datetime
    channel: str
    before: str
    after: str
    rule_before: str
    rule_after: str
    because: tuple[str, ...]
    # Masked; nothing of confidential matters.
    text: str = ""


class Shift(msgspec.Struct, frozen=True, kw_only=True):
    """How many messages go from one place, or kind, to another."""

    before: str
    after: str
    count: int


class Replayed(msgspec.Struct, frozen=True, kw_only=True):
    """`moves` and `kinds` count all; `messages` are the first of those that would move."""

    decided: int
    moved: int
    moves: list[Shift]
    kinds: list[Shift]
    messages: list[Move]
    rules_version: str = ""
    faq_version: str = ""


class Replay:
    """Counts what would move; keeps the first few of it, however much is read."""

    def __init__(self, router: Router, *, most: int) -> None:
        self._router = router
        self._most = most
        self._decided = 0
        self._moves: Counter[tuple[str, str]] = Counter()
        self._kinds: Counter[tuple[str, str]] = Counter()
        self._first: list[tuple[Routed, Decision]] = []
        self._versions = ("", "")

    def decide(self, stored: Sequence[Routed]) -> None:
        """Decides these anew, in the context that each was seen in."""
        decisions = self._router.route([one.message for one in stored], [one.context for one in stored])
        self._decided += len(decisions)
        for one, decision in zip(stored, decisions, strict=True):
            self._versions = (decision.rules_version, decision.faq_version)
            self._compare(one, decision)

    def _compare(self, one: Routed, decision: Decision) -> None:
        if one.decision.kind != decision.kind:
            self._kinds[(one.decision.kind, decision.kind)] += 1
        before, after = place_of(one.decision), place_of(decision)
        if before == after:
            return
        self._moves[(before, after)] += 1
        if len(self._first) < self._most:
            self._first.append((one, decision))

    def result(self, numbers: dict[str, str | None]) -> Replayed:
        """Returns what was found; `numbers` are the cases' numbers by message."""
        return Replayed(
            decided=self._decided,
            moved=self._moves.total(),
            moves=_counted(self._moves),
            kinds=_counted(self._kinds),
            messages=[_move(one, decision, numbers.get(one.message.id)) for one, decision in self._first],
            rules_version=self._versions[0],
            faq_version=self._versions[1],
        )

    @property
    def shown(self) -> list[str]:
        """The ids of the messages that are shown."""
        return [one.message.id for one, _ in self._first]


def replay(router: Router, store: CaseStore, since: datetime, *, most: int) -> Replayed:
    """Returns what would move of all that came in since then; writes nothing."""
    anew = Replay(router, most=most)
    for stored in _stored(store, since):
        anew.decide(stored)
    shown = anew.shown
    found = [
        hit for start in range(0, len(shown), _AT_ONCE) for hit in store.views.found(shown[start : start + _AT_ONCE])
    ]
    return anew.result({hit.message: hit.number for hit in found})


def place_of(decision: Decision) -> str:
    """Returns where a decision sends a message: a queue, an answer, or what else becomes of it."""
    if decision.action == "answer":
        return f"answer {decision.faq}"
    if decision.action in ("dispatch", "hold"):
        return decision.queue or ""
    return decision.action


def other(path: Path, running: Path) -> Plan:
    """Returns what another pipeline.toml says; of a file with rules only, what `running` says with those rules."""
    is_rules = bool(read_toml(path).keys() & _RULES)
    drafted = draft(running, instead={"routing.toml": path}) if is_rules else draft(path)
    if drafted.mistakes or drafted.plan is None:
        raise ConfigError(*drafted.mistakes)
    return drafted.plan


def home(plan: Plan, running: Path) -> Plan:
    """Returns the plan whose messages are meant: its own, or those of the running one when it has none."""
    if has_cases(plan):
        return plan
    other_plan = prepared(running)
    if not has_cases(other_plan):
        folders = " and ".join(dict.fromkeys((str(plan.var), str(other_plan.var))))
        raise ConfigError(f"no messages are stored in {folders}. Name the folder of the instance: EUNGDAPSO_VAR=FOLDER")
    return other_plan


def has_cases(plan: Plan) -> bool:
    """Whether messages are stored where this plan says; a server is believed to have some."""
    return plan.settings.cases != EMBEDDED or (plan.var / "cases.sqlite").exists()


def lines(found: Replayed) -> Iterator[str]:
    """Yields the result for people."""
    yield f"{found.decided:,} messages decided anew: {found.moved:,} would move"
    yield from _table("would move", found.moves)
    yield from _table("would be of another kind", found.kinds)
    if found.messages:
        yield f"the first {len(found.messages)} of {found.moved:,} that would move:"
    for move in found.messages:
        at = move.received_at.astimezone(SEOUL)
        yield (
            f"  {move.number or move.message}  {at:%Y-%m-%d %H:%M}  {move.channel}  {move.before} → {move.after}  "
            f'"{move.rule_before}" → "{move.rule_after}"  {move.text}'.rstrip()
        )


def _stored(store: CaseStore, since: datetime) -> Iterator[list[Routed]]:
    after = ""
    while stored := store.views.since(since, limit=_AT_ONCE, after=after):
        yield stored
        after = stored[-1].message.id


def _counted(pairs: Counter[tuple[str, str]]) -> list[Shift]:
    return [
        Shift(before=before, after=after, count=count)
        for (before, after), count in sorted(pairs.items(), key=lambda item: (-item[1], item[0]))
    ]


def _move(one: Routed, decision: Decision, number: str | None) -> Move:
    message = one.message
    is_secret = one.decision.confidential or decision.confidential
    said = " ".join(mask(f"{message.subject} {message.text}"[: 4 * _SHOWN_CHARACTERS]).split())
    return Move(
        message=message.id,
        number=number,
        received_at=message.received_at,
        channel=message.channel,
        before=place_of(one.decision),
        after=place_of(decision),
        rule_before=one.decision.rule,
        rule_after=decision.rule,
        because=() if is_secret else decision.because,
        text="" if is_secret else said[:_SHOWN_CHARACTERS],
    )


def _table(title: str, rows: Iterable[Shift]) -> Iterator[str]:
    for place, row in enumerate(rows):
        if not place:
            yield f"{title}:"
        yield f"  {row.count:>8,}  {row.before} → {row.after}"
