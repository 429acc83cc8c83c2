"""The city's files as they were read, each table with the lines that it stands on."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from config.schema import Abuse, Account, Department, District, Faq, KindWords, Place, Rule, Topic, Urgency

T = TypeVar("T")

TRIAGE = "triage"


@dataclass(frozen=True)
class Entry(Generic[T]):
    """One table that was read, what it is called, and how to find the lines of what stands in it."""

    item: T
    label: str
    find: Callable[..., str]

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
    channels: Sequence[str] = ()
    """Those that rules may name; any when there are none."""

    @property
    def queues(self) -> list[str]:
        return [TRIAGE, *self.ids["district"], *self.ids["department"]]

    @property
    def called(self) -> dict[str, str]:
        """Other names of districts, departments, topics and questions, and their ids."""
        named: dict[str, str] = {}
        for district in (entry.item for entry in self.districts):
            names = (district.name, district.english, district.hanja, *district.aliases)
            named |= dict.fromkeys(filter(None, names), district.id)
        for department in (entry.item for entry in self.departments):
            named |= dict.fromkeys((department.name, department.english), department.id)
        for topic in (entry.item for entry in self.topics):
            named |= dict.fromkeys((topic.name, topic.english), topic.id)
        return named | {entry.item.question: entry.item.id for entry in self.faqs}
