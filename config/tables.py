"""The city's files as they were read, each table with the lines that it stands on."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from config.called import called
from config.schema import Abuse, Account, Department, District, Faq, KindWords, Place, Rule, Topic, Urgency
from core.decision import TRIAGE

T = TypeVar("T")


@dataclass(frozen=True)
class Entry(Generic[T]):
    """One table that was read, what it is called, and how to find the lines of what stands in it."""

    item: T
    label: str
    find: Callable[..., str]
    is_whole: bool = True
    """False: something of it could not be read and is blank in `item`; told already."""

    def at(self, *steps: str | int) -> str:
        """Returns "file:line: label" of what stands at these steps in the table."""
        return f"{self.find(*steps)}: {self.label}"


@dataclass(frozen=True, kw_only=True)
class Tables:
    """Every table that could be read by itself."""

    districts: Sequence[Entry[District]]
    places: Sequence[Entry[Place]]
    departments: Sequence[Entry[Department]]
    topics: Sequence[Entry[Topic]]
    faqs: Sequence[Entry[Faq]]
    rules: Sequence[Entry[Rule]]
    kinds: Sequence[Entry[KindWords]]
    urgent: Sequence[Entry[Urgency]]
    abuse: Sequence[Entry[Abuse]] = ()
    accounts: Sequence[Entry[Account]] = ()
    ids: Mapping[str, Sequence[str]]
    """By table, also of those that could not be read."""
    given: Mapping[str, Sequence[tuple[str, Callable[..., str]]]] = field(default_factory=dict)
    """The ids by table, of rules the names, with where each stands; also of those that could not be read."""
    channels: Mapping[str, str] = field(default_factory=dict)
    """Those that rules may name, with the type of each; any when there are none."""
    no_topic: Sequence[tuple[str, Callable[[], str]]] = ()
    """Messages that are about nothing the city does, each with where it stands."""

    @property
    def queues(self) -> list[str]:
        return [TRIAGE, *self.ids["district"], *self.ids["department"]]

    @property
    def channel_types(self) -> dict[str, str]:
        """Types that no channel is called by, and the first channel of each."""
        first: dict[str, str] = {}
        for name, kind in self.channels.items():
            first.setdefault(kind, name)
        return {kind: name for kind, name in first.items() if kind not in self.channels}

    @property
    def called(self) -> dict[str, str]:
        """Other names of districts, departments, topics and questions, and their ids."""
        return called(
            [entry.item for entry in self.districts],
            [entry.item for entry in self.departments],
            [entry.item for entry in self.topics],
            [entry.item for entry in self.faqs],
        )
