"""What a client asks of the list of requests, read from the address; whatever cannot be meant is `Rejected`."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta

import msgspec

from cases.model import OPEN, STATES
from cases.numbers import parse_number
from config.schema import City
from core.clock import SEOUL
from core.errors import Rejected
from web import georeport

_MOST_DAYS = 90
# As GeoReport says; and how far pages lead, for what is behind them has to be counted every time.
_MOST, _MOST_BEHIND = 1_000, 100_000
_STATES = {"open": OPEN, "closed": tuple(state for state in STATES if state not in OPEN)}


class Query(msgspec.Struct, frozen=True, kw_only=True):
    """Which requests; `None` for whatever topic, or state."""

    since: datetime
    until: datetime
    topics: list[str] | None
    states: list[str] | None
    limit: int
    offset: int


def read(asked: Mapping[str, str], city: City, now: datetime) -> Query:
    """Returns what is asked for: at most ninety days, a page of at most a thousand."""
    topics, states = list(_listed(asked, "service_code")), list(_listed(asked, "status"))
    if unknown := [state for state in states if state not in _STATES]:
        raise Rejected(f"status: open이나 closed를 보내 주십시오. '{unknown[0][:20]}'은(는) 없습니다.")
    since, until = _span(asked, now)
    limit, offset = _page(asked)
    return Query(
        since=since,
        until=until,
        topics=_topics(topics, city) if topics else None,
        states=[one for state in states for one in _STATES[state]] or None,
        limit=limit,
        offset=offset,
    )


def named(asked: Mapping[str, str]) -> list[str]:
    """Returns the requests that are asked for by their numbers; they override the rest."""
    return list(_listed(asked, "service_request_id"))


def numbers(given: list[str]) -> Iterator[str]:
    """Returns those that can be numbers of cases."""
    for one in given:
        try:
            yield parse_number(one[:40])
        except Rejected:
            # Nobody has such a number.
            continue


def _page(asked: Mapping[str, str]) -> tuple[int, int]:
    """Returns how many, and behind how many."""
    size, page = _count(asked, "page_size", _MOST), _count(asked, "page", 1)
    if size > _MOST:
        raise Rejected(f"page_size: {_MOST:,}까지입니다.")
    if (page - 1) * size > _MOST_BEHIND:
        raise Rejected(f"page: 처음 {_MOST_BEHIND:,}건까지 넘겨 보실 수 있습니다. 기간을 좁혀 주십시오.")
    return size, (page - 1) * size


def _count(asked: Mapping[str, str], name: str, default: int) -> int:
    text = asked.get(name, "").strip()
    if not text:
        return default
    if not (text.isascii() and text.isdigit() and len(text) < 8 and int(text)):
        raise Rejected(f"{name}: 1부터 세는 수를 보내 주십시오.")
    return int(text)


def _listed(asked: Mapping[str, str], name: str) -> Iterator[str]:
    return (part for one in asked.get(name, "").split(",") if (part := one.strip()))


def _topics(codes: list[str], city: City) -> list[str]:
    """Returns the topics of those services that there are; a case about which nobody knows more has none."""
    return ["" if code == georeport.OTHER else code for code in codes if georeport.is_service(code, city)]


def _span(asked: Mapping[str, str], now: datetime) -> tuple[datetime, datetime]:
    """Returns the time that is asked for, at most ninety days; the latest when none is named."""
    most = timedelta(days=_MOST_DAYS)
    start, end = _instant(asked, "start_date"), _instant(asked, "end_date")
    since = start or (end or now) - most
    until = end or (min(since + most, now) if start else now)
    if start and end and not start <= end <= start + most:
        raise Rejected(f"start_date, end_date: 시작이 끝보다 앞서고 {_MOST_DAYS}일을 넘지 않아야 합니다.")
    return since, until


def _instant(asked: Mapping[str, str], name: str) -> datetime | None:
    # A plus sign that was not encoded arrives as a blank.
    text = asked.get(name, "").strip().replace(" ", "+")
    if not text:
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise Rejected(f"{name}: 2026-11-23T00:00:00+09:00처럼 시간대가 있는 때를 보내 주십시오.") from error
    if not 1970 <= at.year < 2200:
        raise Rejected(f"{name}: 이 해에는 민원이 없습니다.")
    return (at if at.tzinfo else at.replace(tzinfo=SEOUL)).astimezone(UTC)
