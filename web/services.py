"""What the pages are given: plain callables, so that nothing here knows an engine."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from cases.broadcast_model import Draft
from cases.store import CaseStore
from config.schema import City
from core.clock import Clock, machine_clock
from core.hook import Accept, Hook, Request

Faqs = Callable[[str, str, int], Sequence[Mapping[str, Any]]]
# (words, limit) -> message ids, best first; who may see them is asked of the store
Find = Callable[[str, int], Sequence[str]]
# What somebody wants to tell everybody -> the same with every account and its words; raises `ConfigError`, `Rejected`
Written = Callable[[Draft], Draft]


def _as_it_is(draft: Draft) -> Draft:
    return draft


def _nobody_listens() -> None:
    """Whoever sends looks by itself after a while."""


class GeoReport(Hook, Protocol):
    """The channel of client programs (connectors/open311.py), as its pages see it."""

    @property
    def jurisdiction_id(self) -> str: ...
    @property
    def lists_a_minute(self) -> int: ...
    @property
    def contacts(self) -> Mapping[str, str]: ...
    def service_of(self, request: Request) -> str: ...
    def names(self, request: Request) -> tuple[str, ...]: ...


@dataclass(frozen=True, kw_only=True)
class Records:
    """Where offices file what was said to them: by channel what reads it, and the door that makes it durable."""

    readers: Mapping[str, Hook]
    accept: Accept


@dataclass(kw_only=True)
class Services:
    """`city` and `faqs` are others when the city's files change. `readiness` gives whether all is well and what each
    engine says; `form_token` signs the page's form, and `form_receipt` says of such a token that what was written was
    filed."""

    city: City
    store: CaseStore
    faqs: Faqs
    find: Find
    readiness: Callable[[], Awaitable[tuple[bool, Mapping[str, Any]]]]
    # Waits until something changed in the cases, at most so many seconds.
    changed: Callable[[float], Awaitable[None]]
    # The Prometheus exposition of all processes.
    metrics: Callable[[], bytes]
    form_token: Callable[[], str] | None = None
    form_receipt: Callable[[str], str] | None = None
    written: Written = _as_it_is
    georeport: GeoReport | None = None
    records: Records | None = None
    # Of the business rules; and the address under which everybody knows this instance.
    clock: Clock = machine_clock
    public_url: str = ""
    # Says that something waits to go out.
    ring: Callable[[], None] = _nobody_listens
    # How many days after its end a case keeps what people wrote; None: nobody has set an end.
    keep_days: int | None = None
