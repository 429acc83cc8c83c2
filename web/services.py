"""What the pages are given: plain callables, so that nothing here knows an engine."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cases.store import CaseStore
from config.schema import City

Faqs = Callable[[str, str, int], Sequence[Mapping[str, Any]]]
# (words, limit) -> message ids, best first; who may see them is asked of the store
Find = Callable[[str, int], Sequence[str]]


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
