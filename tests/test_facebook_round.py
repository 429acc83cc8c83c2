"""Facebook, there and back: a running instance, the Graph API on loopback with its limits, failures and echoes."""

import asyncio
import json
import random
import re
import urllib.error
import urllib.request

import pytest
from sqlalchemy import create_engine, func, select

from bench.instance import Instance
from cases.schema import cases
from tests.commands import asked as commanded
from tests.facebook_provider import (
    FakeGraph,
    Trouble,
    batch,
    comment,
    deliver,
    feed,
    message,
    messaging,
)
from tests.town import Town
from tests.waiting import until

WASTE = "강남구 역삼동 골목에 쓰레기 무단투기가 심해요 단속해주세요"
LAMP = "송파구 잠실동 석촌호수 산책로 가로등이 꺼졌어요 고쳐주세요"
QUESTION = "대형폐기물은 어떻게 버리나요?"
RESULT = "역삼1동 골목의 폐기물을 오늘 모두 치웠습니다."


@pytest.fixture(scope="module")
def graph(town: Town) -> FakeGraph:
    return town.facebook


@pytest.fixture(scope="module")
def city(town: Town) -> Instance:
    return town.instance


def cases_of(instance: Instance, *citizens: str) -> int:
    """How many cases were opened for these citizens."""
    engine = create_engine(instance.cases_url)
    with engine.connect() as connection:
        wanted = (cases.c.channel == "facebook") & cases.c.author.in_(citizens)
        found = connection.execute(select(func.count()).select_from(cases).where(wanted)).scalar_one()
    engine.dispose()
    return int(found)


def person(number: int) -> str:
    return f"6{number:015}"


def asked(url: str, body: bytes | None = None, headers: dict[str, str] | None = None) -> tuple[int, bytes]:
    request = urllib.request.Request(url, body, headers or {})
    try:
        with urllib.request.urlopen(request, timeout=120) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()


def test_hook_is_verified(city: Instance, graph: FakeGraph) -> None:
    """Facebook's question is answered over HTTP with the challenge alone, anybody else's with 403."""
    known = asked(f"{graph.hook}?hub.mode=subscribe&hub.challenge=1158201444&hub.verify_token=verify-me")
    unknown = asked(f"{graph.hook}?hub.mode=subscribe&hub.challenge=1158201444&hub.verify_token=guess")

    assert (200, b"1158201444") == known
    assert 403 == unknown[0]


def test_every_citizen_is_answered_once(city: Instance, graph: FakeGraph) -> None:
    """Comments and messages in mixed batches, doubled and in any order, while the way out meets limits, faults, a
    lost answer and slowness: each is one case and gets one letter, where it was written."""
    entries = [feed(comment(f"122100000000000010_{n}", LAMP, author=person(n))) for n in range(8)]
    entries += [messaging(message(f"m_in_{n}", QUESTION if n % 2 else WASTE, sender=person(n))) for n in range(8, 16)]
    random.Random(7).shuffle(entries)
    usage = '{"100000000000120":[{"type":"pages","call_count":101,"estimated_time_to_regain_access":0.01}]}'
    limit = Trouble(code=80_001, headers={"X-Business-Use-Case-Usage": usage})
    graph.fails("POST comments", limit, Trouble(status=500), Trouble(), Trouble(is_lost=True), Trouble(seconds=0.4))
    graph.fails("POST messages", Trouble(code=613, headers={"Retry-After": "1"}), Trouble(is_lost=True))
    bodies = [batch(*entries[start : start + 5]) for start in range(0, 16, 4)]
    answers = asyncio.run(deliver(graph.hook, bodies, times=3))
    until(lambda: len(graph.comments) + len(graph.messages) >= 16)
    city.drain()

    assert {200} == set(answers)
    assert [1] * 8 == [len(graph.below(f"122100000000000010_{n}")) for n in range(8)]
    assert [1] * 8 == [len(graph.said_to(person(n))) for n in range(8, 16)]
    assert 16 == cases_of(city, *[person(n) for n in range(16)])
    assert {200} == set(graph.told)
    assert "/c/" not in "".join(one["message"] for one in graph.comments)
    assert "/c/" in graph.said_to(person(8))[0]


def test_edit_and_removal_are_not_answered(city: Instance, graph: FakeGraph) -> None:
    """Written anew and taken back, before or after it came, a comment stays one case with one letter at most."""
    native_id, early = "122100000000000010_501", "122100000000000010_502"
    first = comment(native_id, LAMP, author=person(501))
    for value in (first, {**first, "verb": "edited", "message": f"{LAMP}!", "created_time": 1_795_396_470}):
        asyncio.run(deliver(graph.hook, [batch(feed(value))], times=2))
        until(lambda: graph.below(native_id))
    gone = comment(early, LAMP, author=person(502), verb="remove")
    asyncio.run(deliver(graph.hook, [batch(feed({**first, "verb": "remove"}, gone))]))
    city.drain()
    asyncio.run(deliver(graph.hook, [batch(feed(comment(early, LAMP, author=person(502))))]))
    city.drain()

    assert 1 == cases_of(city, person(501))
    assert 1 == len(graph.below(native_id))
    assert 0 == len(graph.below(early))


def test_officers_answer_to_a_comment_is_private(city: Instance, graph: FakeGraph) -> None:
    """What an officer answers to a comment reaches its author alone; below the comment stands the receipt."""
    native_id = "122100000000000010_601"
    asyncio.run(deliver(graph.hook, [batch(feed(comment(native_id, WASTE, author=person(601))))]))
    receipt = until(lambda: graph.below(native_id))[0]
    number = re.search(r"\d{8}-\d{6,}-\d", receipt)
    assert number is not None
    done = commanded(city, "case", "answer", number[0], RESULT, "--by", "담당자")
    assert 0 == done.exit_code, done.output
    told = until(lambda: graph.said_to(f"whoever wrote {native_id}"))
    city.drain()

    assert 1 == len(told)
    assert RESULT in told[0]
    assert [receipt] == graph.below(native_id)
    assert RESULT not in receipt


def test_forged_batch_is_refused(city: Instance, graph: FakeGraph) -> None:
    """What Facebook did not sign is refused, and nothing comes of it."""
    body = json.dumps({"object": "page", "entry": [messaging(message("m_forged", WASTE, sender=person(701)))]}).encode()
    status, _ = asked(graph.hook, body, {"x-hub-signature-256": "sha256=" + "0" * 64})
    city.drain()

    assert 401 == status
    assert 0 == cases_of(city, person(701))
