"""Cases as pages, API and command line show them: times in Asia/Seoul, queues by their public names."""

from datetime import datetime
from typing import Any

import msgspec

from cases.letters import deadline, moment
from cases.model import OPEN, TRIAGE, Case
from cases.public import CitizenView, MonitorItem
from cases.views import Found
from config.schema import City, Department, District
from core.clock import SEOUL

_CITY_PHONE = "120"
_STEPS = {
    "transferred": "담당부서 변경",
    "handed over": "소관 기관으로 이송",
    "kind changed": "민원 종류 변경",
    "extended": "처리기간 연장",
    "closed": "종결",
    "withdrawn": "취하",
    "reopened": "다시 처리",
}


def as_found(found: Case | Found) -> dict[str, Any]:
    """Returns one line of a list for staff; a recorded message without a case has no number."""
    if isinstance(found, Found):
        return {"number": None, "state": found.state, "reason": found.reason, "message": found.message}
    names = (
        "number",
        "state",
        "queue",
        "unit",
        "assignee",
        "kind",
        "topic",
        "district",
        "channel",
        "urgent",
        "confidential",
    )
    times = ("received_at", "accepted_at", "due_at", "answered_at")
    plain = {name: getattr(found, name) or None for name in names}
    return {**plain, "urgent": found.urgent, "confidential": found.confidential} | {
        name: in_seoul(getattr(found, name)) for name in times
    }


def in_seoul(at: datetime | None) -> datetime | None:
    return None if at is None else at.astimezone(SEOUL)


def as_monitored(item: MonitorItem) -> dict[str, Any]:
    """Returns a line of the live monitor."""
    values = msgspec.structs.asdict(item)
    return {name: in_seoul(value) if isinstance(value, datetime) else value for name, value in values.items()}


def as_citizen_sees(view: CitizenView, city: City) -> dict[str, Any]:
    """Returns the case as its citizen sees it; `history` names what happened, newest last."""
    name, phone = public_queue(view.queue, city)
    return {
        "number": view.number,
        "state": view.state,
        "state_name": city.words.states.get(view.state, view.state),
        "queue": view.queue or None,
        "queue_name": name,
        "phone": phone,
        "received_at": in_seoul(view.received_at),
        "received": moment(view.received_at),
        "accepted_at": in_seoul(view.accepted_at),
        # What came when nobody works counts from the next opening; its letter says both, too.
        "accepted": moment(view.accepted_at) if _is_later(view) else "",
        "due_at": in_seoul(view.due_at),
        "due": deadline(view.due_at) if view.due_at and view.state in OPEN else "",
        "answered_at": in_seoul(view.answered_at),
        "forgotten_at": in_seoul(view.forgotten_at),
        "forgotten": _day(view.forgotten_at),
        "answer": view.answers[-1][1] if view.answers else "",
        "history": _history(view, city),
    }


def _is_later(view: CitizenView) -> bool:
    return view.accepted_at is not None and view.accepted_at > view.received_at


def _day(at: datetime | None) -> str:
    """Returns the day with its year: what was kept for years is spoken of."""
    local = in_seoul(at)
    return f"{local.year}년 {local.month}월 {local.day}일" if local else ""


def _history(view: CitizenView, city: City) -> list[dict[str, Any]]:
    first = "도착" if _is_later(view) else city.words.states.get("received", "접수")
    steps = [(view.received_at, first, "")]
    steps += [(at, city.words.states.get("answered", "답변 완료"), "") for at, _ in view.answers]
    steps += [(step.at, _STEPS.get(step.what, step.what), step.why) for step in view.steps]
    return [{"at": moment(at), "what": what, "why": why} for at, what, why in sorted(steps, key=lambda step: step[0])]


def public_queue(queue: str, city: City) -> tuple[str, str]:
    """Returns a queue's public name and telephone; 120 where the number is unverified."""
    if queue == TRIAGE:
        return city.words.triage_name, _CITY_PHONE
    owners: tuple[District | Department, ...] = (*city.districts, *city.departments)
    for owner in owners:
        if owner.id == queue:
            return owner.name, owner.phone if owner.verified else _CITY_PHONE
    return "", ""
