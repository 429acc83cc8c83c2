"""An emergency from the citizen's words to the duty desk: the right hint at once, first in the list, somebody told."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cases.clock import parse_period
from cases.letters import Letters
from cases.store import CaseStore
from config.load import load_city
from config.schema import City
from core.decision import Context, Decision
from core.reply import Style
from core.wire import Routed
from pipeline.build import plan
from router.router import Router
from tests.casework import CALENDAR, SEAL, Time, delivered, file_in, message

ROOT = Path(__file__).parents[1]
DUTY = "sms:+821088880000"
# What somebody writes, and whom to ring.
DANGERS = [
    ("옆집에 불이 났어요", "119"),
    ("가스 냄새가 심하게 나요", "1544-4500"),
    ("더는 못 살겠어요 죽고 싶어요", "109"),
    ("누가 칼을 들고 따라와요", "112"),
    ("공사장 옹벽이 무너지고 있어요", "119"),
    ("할머니가 쓰러지셨는데 숨을 안 쉬세요", "119"),
    ("전봇대가 쓰러져서 불꽃이 튀어요", "123"),
    ("공원에서 다섯 살 아이를 잃어버렸어요", "182"),
    ("我想死", "109"),
    ("Có người cầm dao đuổi tôi", "112"),
]


@pytest.fixture(scope="module")
def city() -> City:
    city = load_city(ROOT / "config")
    words = city.words.model_copy(update={"triage_duty_contact": DUTY})
    return city.model_copy(update={"words": words})


@pytest.fixture(scope="module")
def router(tmp_path_factory: pytest.TempPathFactory) -> Router:
    return plan(ROOT / "pipeline.toml", {"EUNGDAPSO_VAR": str(tmp_path_factory.mktemp("var"))}).router()


@pytest.fixture
def time() -> Time:
    return Time("2026-11-23 22:10")


@pytest.fixture
def store(tmp_path: Path, time: Time, city: City) -> Iterator[CaseStore]:
    made = CaseStore(
        file_in(tmp_path),
        seal=SEAL,
        clock=time,
        machine=time,
        calendar=CALENDAR,
        deadlines={"other": parse_period("7d")},
        letters=Letters(city, styles={"sms": Style(short=True, link=False)}),
        public_url="https://eungdapso.example",
    )
    made.open()
    yield made
    made.close()


def arrived(store: CaseStore, router: Router, text: str, time: Time, **fields: Any) -> Decision:
    sent = message(text, time, **fields)
    (decision,) = router.route([sent], [Context()])
    store.record([Routed(message=sent, context=Context(), decision=decision)])
    return decision


@pytest.mark.parametrize(("text", "number"), DANGERS)
def test_who_is_in_danger_reads_whom_to_ring(
    store: CaseStore, router: Router, time: Time, text: str, number: str
) -> None:
    """The first line of what goes out at once, at any hour, is the number that helps; the duty desk is told, too."""
    arrived(store, router, text, time)
    replies = {reply.kind: reply for reply in delivered(store, time)}

    assert number in replies["notice"].text.partition("\n")[0]
    assert DUTY.partition(":")[2] == replies["duty"].to
    assert text not in replies["duty"].text


def test_violence_at_home_is_for_few(store: CaseStore, router: Router, time: Time) -> None:
    """Its own queue, no department named, the help lines first, and a duty desk told by number only."""
    arrived(store, router, "남편이 지금 칼을 들고 때리려고 해요 강남구 역삼동이에요", time)
    replies = {reply.kind: reply for reply in delivered(store, time)}
    (case,) = store.views.listed()

    assert ("hq.protection", True, True) == (case.queue, case.urgent, case.confidential)
    assert "112" in replies["notice"].text.partition("\n")[0]
    assert "역삼동" not in replies["duty"].text


def test_an_emergency_in_public_is_told_whom_to_ring(store: CaseStore, router: Router, time: Time) -> None:
    """Where others can read it, the number that helps is said too, and nothing of the message."""
    arrived(store, router, "옆집에 불이 났어요 빨리요", time, public=True)
    replies = {reply.kind: reply for reply in delivered(store, time)}

    assert "119" in replies["notice"].text.partition("\n")[0]
    assert "옆집" not in replies["notice"].text


def test_emergencies_stand_first_page_by_page(store: CaseStore, router: Router, time: Time) -> None:
    """What came last but is in danger is read first; the other cases follow as they are due, each of them once."""
    texts = ["가로등이 꺼졌어요", "옆집에 불이 났어요", "보도블록이 깨졌어요", "할머니가 쓰러지셨어요 숨을 안 쉬세요"]
    for at, text in enumerate(texts):
        time.moves(days=at)
        arrived(store, router, text, time, reply_to=f"+82101234567{at}")
    pages = [store.views.listed(queue="triage", limit=1)]
    while pages[-1]:
        pages.append(store.views.listed(queue="triage", limit=1, after=pages[-1][-1]))
    listed = [case for page in pages for case in page]

    assert [True, True, False, False] == [case.urgent for case in listed]
    assert 4 == len({case.number for case in listed})
    assert listed == store.views.listed()
