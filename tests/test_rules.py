"""A row of routing.toml: when it applies, what it rests on, and which condition failed."""

from datetime import date
from typing import Any

import pytest
from msgspec.structs import replace

from config.schema import Faq, Rule, Topic
from core.clock import parse_instant
from core.decision import Context, Finding
from core.message import Message
from router.rules import Row, Rows
from router.view import View

AT = parse_instant("2026-11-23T10:00")
LITTER = Topic(id="litter", name="쓰레기", english="Litter", owner="district", unit="청소")
BUS_FARE = Faq(
    id="bus-fare",
    category="교통",
    question="버스 요금이 얼마예요?",
    variants=tuple(f"버스 요금 {n}" for n in range(6)),
    answer="1,500원입니다.",
    short="1,500원",
    as_of=date(2026, 1, 1),
    source="서울특별시",
    verified=True,
)
FARE = Finding("faq", "bus-fare", 0.9, "'버스 요금'", 0.3)
TOPIC = Finding("topic", "litter", 0.7, "'쓰레기'", 0.2)
GANGNAM = Finding("district", "gangnam", 0.97, "'강남구'")
SEOCHO = Finding("district", "seocho", 0.5, "'서초'")
DEMAND = Finding("demand", "demand", 0.9, "'단속해주세요'")


def view(*findings: Finding, text: str = "", context: Context | None = None, **changed: Any) -> View:
    by_name: dict[str, tuple[Finding, ...]] = {}
    for finding in findings:
        by_name[finding.classifier] = (*by_name.get(finding.classifier, ()), finding)
    districts = by_name.get("district", ())
    message = Message(id="1", channel="sms", account="+8225551234", native_id="1", received_at=AT, text=text)
    given: dict[str, Any] = {
        "message": message,
        "context": context or Context(),
        "findings": by_name,
        "day": date(2026, 11, 23),
        "topic": LITTER if "topic" in by_name else None,
        "faq": BUS_FARE if "faq" in by_name else None,
        "districts": districts,
        "district": districts[0] if len(districts) == 1 else None,
        "away": None,
        "owner": "district" if "topic" in by_name else "",
        "owned": None,
        "confidential": False,
    }
    return View(**(given | changed))


def row(then: str = "hold", **when: Any) -> Row:
    return Row(Rule.model_validate({"name": "row", "when": when, "then": then}))


REPLY = Context(reply_to_case="1")


def said(condition: str, word: str) -> tuple[Finding, ...]:
    """The ground that a row's own words are."""
    return (Finding(condition, "", 1.0, because=f"'{word}'"),)


@pytest.mark.parametrize(
    ("when", "seen", "grounds"),
    [
        ({}, view(), ()),
        ({"topic": "*"}, view(TOPIC), (TOPIC,)),
        ({"topic": ["litter"], "at_least": 0.7}, view(TOPIC), (TOPIC,)),
        ({"topic": "*", "at_least": 0.71}, view(TOPIC), None),
        ({"topic": "*", "lead": 0.21}, view(TOPIC), None),
        ({"topic": ["bus"]}, view(TOPIC), None),
        ({"topic": "*"}, view(), None),
        ({"owner": ["district"], "district": "one"}, view(TOPIC, GANGNAM), (TOPIC, GANGNAM)),
        ({"owner": ["hq.*"]}, view(TOPIC, owner="hq.bus"), (TOPIC,)),
        ({"owner": ["hq.*"]}, view(TOPIC, owner="office.hq.bus"), None),
        ({"district": "one"}, view(GANGNAM, GANGNAM), None),
        ({"district": "several"}, view(GANGNAM, SEOCHO), (GANGNAM, SEOCHO)),
        ({"district": "several"}, view(GANGNAM), None),
        ({"district": "none"}, view(), ()),
        ({"district": "none"}, view(GANGNAM), None),
        ({"district": ["gangnam"]}, view(GANGNAM), (GANGNAM,)),
        ({"district": ["seocho"]}, view(GANGNAM), None),
        ({"district": ["elsewhere"]}, view(away=GANGNAM), None),
        ({"demand": True}, view(DEMAND), (DEMAND,)),
        ({"demand": False}, view(DEMAND), None),
        ({"demand": False}, view(), ()),
        ({"channel": ["sms"]}, view(), (Finding("channel", "sms", 1.0),)),
        ({"channel": ["email"]}, view(), None),
        ({"account": ["+8225551234"]}, view(), (Finding("account", "+8225551234", 1.0),)),
        ({"context": "reply"}, view(context=REPLY), ()),
        ({"context": "reply"}, view(), None),
        ({"context": "rating_asked"}, view(context=REPLY), None),
        ({"context": "same_case"}, view(context=Context(same_case="1")), ()),
        ({"threaded": True}, view(), None),
        ({"threaded": False}, view(), ()),
        ({"text": "담당자|상담원"}, view(text=" 담당자! "), said("text", "담당자")),
        ({"text": "담당자|상담원"}, view(text="담당자 연결"), None),
        ({"text": "담당자*"}, view(text="담당자 연결, 010-1234-5678"), said("text", "담당자*")),
        ({"text": "Thank you"}, view(text="ＴＨＡＮＫ ｙｏｕ."), said("text", "Thank you")),
        ({"text": "담당자"}, view(text=""), None),
        ({"words": ["벼룩시장"]}, view(text="이번 토요일 벼룩 시장은 어디서 하나요"), said("words", "벼룩시장")),
        ({"words": ["불꽃축제", "Fireworks"]}, view(text="FIREWORKS tonight?"), said("words", "Fireworks")),
        ({"words": ["벼룩시장"]}, view(text="벼룩이 많은 시장"), None),
    ],
)  # fmt: skip
def test_when_a_row_applies(when: dict[str, Any], seen: View, grounds: tuple[Finding, ...] | None) -> None:
    """A row applies when all its conditions hold, and tells the findings that it rests on."""
    assert grounds == row(**when).grounds(seen)


def row_for_a_time(**bounds: object) -> Row:
    return Row(Rule.model_validate({"name": "fair", "then": "hold", **bounds}))


@pytest.mark.parametrize(
    ("bounds", "received_at", "applies"),
    [
        ({"from": "2026-11-23"}, "2026-11-22T23:59:59", False),
        ({"from": "2026-11-23"}, "2026-11-23T00:00:00", True),
        ({"until": "2026-11-23"}, "2026-11-23T23:59:59", True),
        ({"until": "2026-11-23"}, "2026-11-24T00:00:00", False),
        ({"from": "2026-11-23T18:00"}, "2026-11-23T17:59:59", False),
        ({"from": "2026-11-23T18:00"}, "2026-11-23T18:00:00", True),
        ({"until": "2026-11-23T18:00"}, "2026-11-23T17:59:59", True),
        ({"until": "2026-11-23T18:00"}, "2026-11-23T18:00:00", False),
        ({"until": "2026-11-23T09:00:00Z"}, "2026-11-23T17:59:59", True),
        ({"from": "2026-11-20", "until": "2026-11-22"}, "2026-11-23T10:00:00", False),
    ],
)
def test_a_row_holds_for_its_time(bounds: dict[str, object], received_at: str, applies: bool) -> None:
    """By the time of receipt in Seoul: days count whole, an instant begins sharp and ends sharp."""
    seen = view(text="안녕하세요")
    seen = replace(seen, message=replace(seen.message, received_at=parse_instant(received_at)))

    assert applies is (row_for_a_time(**bounds).grounds(seen) == ())


def shadow(name: str, **when: Any) -> Row:
    return Row(Rule.model_validate({"name": name, "when": when, "then": "hold", "shadow": True}))


def test_a_shadow_row_decides_nothing_and_is_told() -> None:
    """Those before the row that decides, and only those that apply, would have decided."""
    real = row(topic="*")
    rows = Rows([shadow("first", district="one"), shadow("other", urgent="*"), real, shadow("later", topic="*")])
    seen = view(TOPIC, GANGNAM)

    assert (real.rule, (TOPIC,)) == rows.first(seen)
    assert ("first",) == rows.shadowed(seen, real.rule)


def test_any_finding_of_a_kind_will_do() -> None:
    """A confidential kind counts when it is not the best, a topic or a question only when it is."""
    kinds = (Finding("kind", "other", 0.95), Finding("kind", "corruption", 0.9, lead=0.0))

    assert (kinds[1],) == row(kind=["corruption"], at_least=0.8).grounds(view(*kinds))


@pytest.mark.parametrize(
    ("seen", "failing"),
    [
        (view(FARE), ""),
        (view(FARE, confidential=True), "may be answered"),
        (view(FARE, Finding("urgent", "fire", 0.9)), "may be answered"),
        (view(FARE, Finding("urgent", "fire", 0.6)), ""),
        (view(FARE, Finding("auto", "bulk", 0.95)), "may be answered"),
        (view(FARE, text="12가3456 차주가 누구예요?"), "may be answered"),
        (view(FARE, text="김철수 주무관이 뭐라고 했나요?"), "may be answered"),
        (view(FARE, text="답은 010-1234-5678로 주세요"), ""),
        (view(FARE, faq=BUS_FARE.model_copy(update={"verified": False})), "may be answered"),
        (view(FARE, faq=BUS_FARE.model_copy(update={"valid_until": date(2026, 11, 22)})), "may be answered"),
        (view(FARE, faq=BUS_FARE.model_copy(update={"valid_from": date(2026, 11, 24)})), "may be answered"),
        (view(FARE, faq=BUS_FARE.model_copy(update={"valid_until": date(2026, 11, 23)})), ""),
        (view(FARE, faq=BUS_FARE.model_copy(update={"valid_from": date(2026, 11, 23)})), ""),
        (view(), "faq"),
    ],
)  # fmt: skip
def test_what_is_never_answered_by_itself(seen: View, failing: str) -> None:
    """Unchecked or expired answers, emergencies, confidential matters, machines' mail and persons are a person's."""
    assert failing == row("answer", faq="*").failing(seen)


def test_rows_that_cannot_apply_are_left_out_and_no_other() -> None:
    """The first row of many is the one that trying all of them finds, whatever was looked at before."""
    wanted: list[dict[str, Any]] = [
        {"context": "same_case"},
        {"urgent": "*"},
        {"topic": ["litter"], "district": "several"},
        {"owner": ["district"], "district": "one", "demand": True, "at_least": 0.5},
        {"faq": "*", "demand": False},
        {"district": "none"},
        {"owner": "*"},
        {"district": ["gangnam"]},
    ]
    rows = [row(**when) for when in wanted]
    many = Rows(rows)
    choices = [
        Finding("topic", "litter", 0.8),
        Finding("faq", "bus-fare", 0.9),
        GANGNAM,
        SEOCHO,
        DEMAND,
        Finding("urgent", "fire", 0.9),
    ]

    for number in [*range(2 ** len(choices)), *range(2 ** len(choices))]:
        found = [finding for place, finding in enumerate(choices) if number >> place & 1]
        seen = view(*found, context=Context(same_case="1") if number % 7 == 3 else None)
        tried = ((each.rule, grounds) for each in rows if (grounds := each.grounds(seen)) is not None)
        assert next(tried, None) == many.first(seen)
