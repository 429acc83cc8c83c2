"""LINE there and back: a running instance, a platform on loopback that misbehaves; received once, answered once."""

import asyncio
import random
import time
from collections.abc import Collection

import pytest
from sqlalchemy import create_engine, func, select

from bench.instance import Instance
from cases.schema import cases
from tests.line_server import Platform, event, user
from tests.town import Town
from tests.waiting import until

WASTE = "강남구 역삼동 골목에 쓰레기 무단투기가 심해요 단속해주세요"
QUESTION = "대형폐기물은 어떻게 버리나요?"


@pytest.fixture(scope="module")
def platform(town: Town) -> Platform:
    return town.line


@pytest.fixture(scope="module")
def city(town: Town) -> Instance:
    return town.instance


def cases_of(instance: Instance, citizens: Collection[int]) -> int:
    """How many cases were opened for these citizens."""
    engine = create_engine(instance.cases_url)
    with engine.connect() as connection:
        wanted = cases.c.author.in_([user(n)["userId"] for n in citizens])
        found = connection.execute(select(func.count()).select_from(cases).where(wanted)).scalar_one()
    engine.dispose()
    return int(found)


def test_each_citizen_is_answered_once(city: Instance, platform: Platform) -> None:
    """Events that come doubled, in batches and in any order, while letters meet 429, 500 and lines that break."""
    events = [event(user(n), WASTE if n % 2 else QUESTION, number=n) for n in range(10)]
    random.Random(7).shuffle(events)
    platform.instead.extend([429, 500, 0, "refused", 503, 0, "lost"])
    answers = asyncio.run(platform.deliver(f"{city.base}/hooks/line", events, times=3))
    until(lambda: all(platform.texts_of(n) for n in range(10)) or None)
    city.drain()

    assert {200} == answers
    assert [1] * 10 == [len(platform.texts_of(n)) for n in range(10)]
    assert 10 == cases_of(city, range(10))


def test_late_letters_are_pushed_once(city: Instance, platform: Platform) -> None:
    """Messages whose reply tokens have run out are answered by push, once each, through 429, 500 and lost answers."""
    events = [event(user(100 + n), WASTE, number=100 + n, at=time.time() - 120) for n in range(6)]
    # Never three in a row: the house would take the platform for away, and ask it seldom.
    platform.instead.extend([429, 500, 0, "lost", 0, "refused"])
    asyncio.run(platform.deliver(f"{city.base}/hooks/line", events, times=2))
    until(lambda: all(platform.texts_of(100 + n) for n in range(6)) or None)
    city.drain()

    assert [1] * 6 == [len(platform.texts_of(100 + n)) for n in range(6)]
    assert "강남구" in platform.texts_of(101)[0]


def test_killed_instance_answers_once(city: Instance, platform: Platform) -> None:
    """Killed while letters go out and started again: every message has its case, no citizen two letters."""
    events = [event(user(200 + n), WASTE, number=200 + n, at=time.time() - 120) for n in range(12)]
    asyncio.run(platform.deliver(f"{city.base}/hooks/line", events))
    until(lambda: platform.texts_of(200) or platform.texts_of(205) or None)
    city.kill()
    city.start()
    asyncio.run(platform.deliver(f"{city.base}/hooks/line", events))
    until(lambda: all(platform.texts_of(200 + n) for n in range(12)) or None)
    city.drain()

    assert [1] * 12 == [len(platform.texts_of(200 + n)) for n in range(12)]
    assert 12 == cases_of(city, range(200, 212))


def test_photo_is_fetched(city: Instance, platform: Platform) -> None:
    """A photo is fetched from the provider's files with the token, and belongs to the case."""
    platform.files["590000000000000300"] = b"\xff\xd8\xff\xe0 a photo"
    said = {"id": "590000000000000300", "type": "image", "contentProvider": {"type": "line"}}
    first = event(user(300), WASTE, number=301)
    photo = event(user(300), number=300, message=said)
    asyncio.run(platform.deliver(f"{city.base}/hooks/line", [first, photo]))

    assert ["590000000000000300"] == until(lambda: platform.fetched)
