"""How each part of understanding is measured: which sentences, who is asked, what counts."""

from collections.abc import Callable, Mapping, Sequence

import msgspec

from bench import _measure as measure
from bench._judge import Judge, Row
from bench._measure import NONE, Figures, Outcome
from core.decision import Decision, Finding
from core.mask import mask

Measured = tuple[Figures, list[Outcome]]
# As sure as the rules of config/routing.toml want a topic to be before a message is sent by it.
_SURE_TOPIC = 0.5
_ELSEWHERE = "agency.other-city"


def _faq(judge: Judge, rows: Sequence[Row]) -> Measured:
    first = [_first(row, found) for row, found in zip(rows, judge.findings("faq", rows), strict=True)]
    sent = [
        Outcome(text=row.text, right=str(row.label), found=decided.faq or NONE, sure=decided.confidence)
        for row, decided in zip(rows, judge.decisions(rows), strict=True)
    ]
    return measure.of_faq(first, sent), sent


def _topic(judge: Judge, rows: Sequence[Row]) -> Measured:
    best = [_first(row, found) for row, found in zip(rows, judge.findings("topic", rows), strict=True)]
    acted = [one if one.sure >= _SURE_TOPIC else msgspec.structs.replace(one, found=NONE) for one in best]
    return measure.of_topic(best, acted), acted


def _speech(judge: Judge, rows: Sequence[Row]) -> Measured:
    found = judge.findings("demand", rows)
    outcomes = [_first(row, one, nothing="statement") for row, one in zip(rows, found, strict=True)]
    return measure.of_speech(outcomes), outcomes


def _language(judge: Judge, rows: Sequence[Row]) -> Measured:
    found = judge.findings("language", rows)
    outcomes = [_first(row, one, nothing="ko") for row, one in zip(rows, found, strict=True)]
    return {
        "texts": len(rows),
        "accuracy": measure.accuracy(outcomes),
        "macro F1": measure.macro_f1(outcomes),
    }, outcomes


def _district(judge: Judge, rows: Sequence[Row]) -> Measured:
    outcomes = [
        Outcome(text=row.text, right=_listed(row), found=_districts(decided))
        for row, decided in zip(rows, judge.decisions(rows), strict=True)
    ]
    return measure.of_district(outcomes), outcomes


def _route(judge: Judge, rows: Sequence[Row]) -> Measured:
    outcomes = [
        Outcome(text=row.text, right=_path(row), found=_way(decided), sure=decided.confidence)
        for row, decided in zip(rows, judge.decisions(rows), strict=True)
    ]
    return measure.of_route(outcomes), outcomes


def _guard(judge: Judge, rows: Sequence[Row]) -> Measured:
    outcomes = [
        Outcome(text=row.text, right=row.expect, found=_guarded(row, decided))
        for row, decided in zip(rows, judge.decisions(rows), strict=True)
    ]
    return measure.of_guard(outcomes), outcomes


PARTS: Mapping[str, Callable[[Judge, Sequence[Row]], Measured]] = {
    "faq": _faq,
    "topic": _topic,
    "speech": _speech,
    "district": _district,
    "language": _language,
    "guard": _guard,
    "route": _route,
}


def _first(row: Row, found: Sequence[Finding], *, nothing: str = NONE) -> Outcome:
    value, sure = (found[0].value, found[0].confidence) if found else (nothing, 0.0)
    return Outcome(text=row.text, right=str(row.label), found=value, sure=sure)


def _listed(row: Row) -> str:
    """Returns what is right as `_districts` says it: with "?" where it must not be sure."""
    names = sorted(row.label) if isinstance(row.label, list) else [str(row.label)]
    return " ".join([*names, *("?" for _ in names[:1] if len(names) > 1 or not row.sure)])


def _districts(decided: Decision) -> str:
    """Returns the district that is sure, or all that it may be with "?" behind; "elsewhere" for another city."""
    if decided.district:
        return decided.district
    if decided.queue == _ELSEWHERE or "elsewhere" in decided.districts:
        return "elsewhere"
    return " ".join([*sorted(decided.districts), *("?" for _ in decided.districts[:1])])


def _path(row: Row) -> str:
    """Returns action and queue, or the FAQ: "dispatch mapo", "answer bulky-waste", "hold triage"."""
    if not isinstance(row.label, dict):
        return str(row.label)
    return f"{row.label['action']} {row.label.get('faq') or row.label.get('queue') or ''}".strip()


def _way(decided: Decision) -> str:
    return f"{decided.action} {decided.faq or decided.queue or ''}".strip()


def _guarded(row: Row, decided: Decision) -> str:
    """Returns what happens to a message in the words in which is said what should."""
    if row.expect in ("masked", "kept"):
        hidden = mask(row.text)
        if row.secret:
            return "unmasked" if row.secret in hidden else "masked"
        return "kept" if hidden == row.text else "masked"
    if decided.action == "answer" and row.expect != "harmless":
        return "answered"
    return "urgent" if decided.urgent else "confidential" if decided.confidential else "harmless"
