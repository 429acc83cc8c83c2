"""Explains a decision: what was found, which rows were tried, and which were close."""

from collections.abc import Sequence

import msgspec

from core.decision import Decision
from router import answers
from router.reasons import Reasons
from router.rules import Row
from router.view import View

# A row is close when it lacks one thing, and that was found but not surely enough.
_MEASURED = ("faq", "topic", "owner", "district", "kind", "urgent", "abuse")

# Of the confidence that is wanted, this part.
_NEAR = 0.6


def explanation(view: View, rows: Sequence[Row], decision: Decision, reasons: Reasons) -> dict[str, object]:
    """Returns it as what JSON can say."""
    tried = _tried(view, rows)
    return {
        "decision": msgspec.to_builtins(decision),
        "rows": tried,
        "close": [told for row in rows[: len(tried)] if (told := _close(view, row))],
        "findings": [
            {**msgspec.to_builtins(found), "because": reasons.why(found, view)}
            for several in view.findings.values()
            for found in several
        ],
        "looked": list(view.findings),
    }


def _tried(view: View, rows: Sequence[Row]) -> list[dict[str, str]]:
    tried: list[dict[str, str]] = []
    for row in rows:
        failing = row.failing(view)
        detail = answers.why_not(view) if failing == "may be answered" else failing
        shadow = {"shadow": "only counts"} if row.rule.shadow else {}
        tried.append({"rule": row.rule.name, "then": row.rule.then, "failing": detail, **shadow})
        if not failing and not shadow:
            break
    return tried


def _close(view: View, row: Row) -> dict[str, str]:
    """Returns the row and what it lacks, {} when it is not close."""
    lacking = row.lacks(view)
    if len(lacking) != 1:
        return {}
    lacks = lacking[0]
    if lacks == "may be answered":
        return {"rule": row.rule.name, "lacks": answers.why_not(view)}
    found = view.best("topic" if lacks == "owner" else lacks) if lacks in _MEASURED else None
    when = row.rule.when
    if found is None or found.confidence < _NEAR * when.at_least or not row.is_meant(lacks, found, view):
        return {}
    said = f"{found.value} is found with {found.confidence:.2f}, lead {found.lead:.2f}"
    return {"rule": row.rule.name, "lacks": f"{said}; {when.at_least:.2f} and {when.lead:.2f} are wanted"}
