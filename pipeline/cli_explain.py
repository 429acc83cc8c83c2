"""`eungdapso route --explain` for people: what was found, which row decided, and what was close."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from config.schema import City
from router.reasons import Reasons

_MOST_CLOSE = 5


def told(explained: Mapping[str, Any], city: City) -> Iterator[str]:
    """Yields the lines of an explanation, ids with the names that officers know."""
    reasons = Reasons(city)
    rows: Sequence[Mapping[str, str]] = explained["rows"]
    decision = explained["decision"]
    yield _outcome(decision, reasons)
    yield f'decided by row {len(rows)} of {len(city.routing.rules)}, "{decision["rule"]}", because of'
    yield from (f"  {reason}" for reason in decision["because"] or ["nothing that was found: it takes what is left"])
    yield "\nwhat was found, and how surely"
    yield from _found(explained, reasons)
    if explained["close"]:
        yield "\nclose, and what each row lacks"
        yield from (f'  "{row["rule"]}": {row["lacks"]}' for row in explained["close"][:_MOST_CLOSE])
    yield "\nrows above it, by the first thing that each lacks"
    yield from _above(rows)
    shadowed = ", ".join(f'"{name}"' for name in decision["shadowed"])
    yield from [f"\nshadow rows that would have decided: {shadowed}"] if shadowed else []


def _outcome(decision: Mapping[str, Any], reasons: Reasons) -> str:
    """Returns "dispatch to gangnam (강남구), 청소, due 2026-12-02"."""
    if decision["action"] == "answer":
        return f"answer with {reasons.called('faq', decision['faq'])}, at {_time(decision['answer_at'])}"
    parts = [decision["action"]]
    if decision["queue"]:
        parts[0] += f" to {reasons.named('owner', decision['queue'])}"
    parts += [decision["unit"] or "", "urgent" if decision["urgent"] else ""]
    parts += ["confidential" if decision["confidential"] else "", decision["ask"] and f"asks for the {decision['ask']}"]
    parts += [f"due {_time(decision['due_at'])}" if decision["due_at"] else ""]
    return ", ".join(part for part in parts if part)


def _time(instant: str | None) -> str:
    return (instant or "")[:16].replace("T", " ")


def _found(explained: Mapping[str, Any], reasons: Reasons) -> Iterator[str]:
    findings: Sequence[Mapping[str, Any]] = explained["findings"]
    for name in explained["looked"]:
        own = [found for found in findings if found["classifier"] == name]
        for place, found in enumerate(own):
            title = name if place == 0 else ""
            why = f"  {found['because']}" if found["because"] else ""
            yield f"  {title:<10}{found['confidence']:.2f}  {reasons.named(name, found['value'])}{why}"
    silent = [name for name in explained["looked"] if not any(found["classifier"] == name for found in findings)]
    yield f"  nothing by {', '.join(silent)}"


def _above(rows: Sequence[Mapping[str, str]]) -> Iterator[str]:
    by_lack: dict[str, list[str]] = {}
    for row in rows:
        if row["failing"]:
            by_lack.setdefault(row["failing"], []).append(row["rule"])
    yield from (f"  {lack}: {'; '.join(names)}" for lack, names in by_lack.items())
