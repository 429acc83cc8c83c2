"""Telegram there and back: a running instance, a Bot API on loopback that misbehaves; received once, answered once."""

import asyncio
import random
from collections.abc import Collection
from urllib.parse import unquote

import pytest
from sqlalchemy import create_engine, func, select, update

from bench.instance import Instance
from cases.schema import cases, places
from tests.telegram_server import TOKEN, BotApi, Mailbox, deliver, private
from tests.town import ASKED_TOKEN, Town
from tests.waiting import until

WASTE = "강남구 역삼동 골목에 쓰레기 무단투기가 심해요 단속해주세요"
QUESTION = "대형폐기물은 어떻게 버리나요?"


@pytest.fixture(scope="module")
def api(town: Town) -> BotApi:
    return town.telegram


@pytest.fixture(scope="module")
def city(town: Town) -> Instance:
    return town.instance


def end_turns(instance: Instance) -> None:
    """Nobody waits for the end of the turn that a killed process had: minutes, which here are over at once."""
    engine = create_engine(instance.cases_url)
    with engine.begin() as connection:
        connection.execute(update(places).values(held_until=None))
    engine.dispose()


def cases_of(instance: Instance, channel: str, conversations: Collection[str]) -> int:
    """How many cases were opened for these citizens."""
    engine = create_engine(instance.cases_url)
    with engine.connect() as connection:
        wanted = (cases.c.channel == channel) & cases.c.author.in_(conversations)
        found = connection.execute(select(func.count()).select_from(cases).where(wanted)).scalar_one()
    engine.dispose()
    return int(found)


def told(box: Mailbox, chat: int) -> list[str]:
    """What a citizen got."""
    return [form["text"] for form in box.sent if form["chat_id"] == str(chat)]


def test_called_bot_answers_each_citizen_once(city: Instance, api: BotApi) -> None:
    """Updates that come doubled and in any order, while letters meet 429, 500 and a wish to wait: one letter each."""
    box = api.boxes[TOKEN]
    updates = [private(1_000 + n, 6_000 + n, WASTE if n % 2 else QUESTION) for n in range(10)]
    random.Random(7).shuffle(updates)
    box.instead.extend([429, 500, 0, 503, 429])
    answers = asyncio.run(deliver(box, updates, times=3))
    until(lambda: all(told(box, 6_000 + n) for n in range(10)))
    city.drain()

    assert {200} == set(answers)
    assert [1] * 10 == [len(told(box, 6_000 + n)) for n in range(10)]
    assert 10 == cases_of(city, "telegram", [str(6_000 + n) for n in range(10)])
    assert "강남구" in told(box, 6_001)[0]


def test_album_is_one_case(city: Instance, api: BotApi) -> None:
    """The pieces of an album, which come one by one, and a /start before them open one case and get one letter."""
    box = api.boxes[TOKEN]
    start = private(2_400, 6_300, "/start gangnam", entities=[{"type": "bot_command", "offset": 0, "length": 6}])
    album = [
        private(
            2_401 + n, 6_300, "", photo=[{"file_id": f"piece{n}"}], media_group_id="1400", caption="" if n else WASTE
        )
        for n in range(3)
    ]
    for update_ in [start, *album]:
        asyncio.run(deliver(box, [update_]))
    until(lambda: told(box, 6_300))
    city.drain()

    assert 1 == cases_of(city, "telegram", ["6300"])
    assert 1 == len(told(box, 6_300))


def test_edit_opens_no_other_case(city: Instance, api: BotApi) -> None:
    """A citizen who mends a word of a message has one case still."""
    box = api.boxes[TOKEN]
    first = private(2_450, 6_400, WASTE)
    mended = {**first["message"], "text": WASTE.replace("심해요", "심합니다"), "edit_date": 1_795_396_499}
    for update_ in [first, {"update_id": 2_451, "edited_message": mended}]:
        asyncio.run(deliver(box, [update_]))
    until(lambda: told(box, 6_400))
    city.drain()

    assert 1 == cases_of(city, "telegram", ["6400"])


def test_letter_that_others_read_has_no_link(city: Instance, api: BotApi) -> None:
    """In a group the letter stands below the citizen's message, with number and department and no link to the case."""
    box, group = api.boxes[TOKEN], -1_001_500_000_001
    asked = private(2_460, 6_500, f"/ask {WASTE}", entities=[{"type": "bot_command", "offset": 0, "length": 4}])
    asked["message"]["chat"] = {"id": group, "type": "supergroup", "title": "역삼동 이웃"}
    asyncio.run(deliver(box, [asked]))
    letter = until(lambda: told(box, group))[0]

    assert "강남구" in letter
    assert "/c/" not in letter


def test_photo_is_fetched(city: Instance, api: BotApi) -> None:
    """A photo is asked for by its id and fetched from where the provider says, with the token's colon encoded."""
    box = api.boxes[TOKEN]
    box.files["AgACAgUAAxkBAAMWy"] = b"\xff\xd8\xff\xe0 a photo"
    photo = [{"file_id": "AgACAgUAAxkBAAMWy", "width": 960, "height": 1280}]
    asyncio.run(deliver(box, [private(2_500, 6_200, "", caption=WASTE, photo=photo)]))

    assert f"/file/bot{TOKEN}/photos/AgACAgUAAxkBAAMWy 1.jpg" == unquote(until(lambda: api.fetched)[0])


def test_letter_that_nobody_answered_for_is_not_repeated(city: Instance, api: BotApi) -> None:
    """When the line breaks after a letter went out, the citizen gets it once and no more."""
    box = api.boxes[TOKEN]
    box.instead.append("lost")
    asyncio.run(deliver(box, [private(2_000, 6_100, WASTE)]))
    until(lambda: told(box, 6_100))
    city.drain()

    assert 1 == len(told(box, 6_100))


def test_asking_bot_misses_nothing_when_it_is_killed(city: Instance, api: BotApi) -> None:
    """Killed while messages come in and started again: every message is received, every citizen answered once."""
    box = api.boxes[ASKED_TOKEN]
    box.updates = [private(3_000 + n, 7_000 + n, WASTE) for n in range(5)]
    until(lambda: told(box, 7_004))
    city.drain()
    box.updates.extend([private(3_000 + n, 7_000 + n, WASTE) for n in range(3, 9)])
    until(lambda: max((offset or 0 for offset in box.offsets), default=0) > 3_005)
    city.kill()
    end_turns(city)
    box.updates.extend(private(3_000 + n, 7_000 + n, WASTE) for n in range(9, 12))
    city.start()
    until(lambda: told(box, 7_011))
    city.drain()

    assert 12 == cases_of(city, "asked", [str(7_000 + n) for n in range(12)])
    assert {0, 1} >= {len(told(box, 7_000 + n)) for n in range(12)}
    assert [1] * 8 == [len(told(box, 7_000 + n)) for n in (0, 1, 2, 3, 4, 9, 10, 11)]


def test_webhook_that_is_set_is_seen(city: Instance, api: BotApi) -> None:
    """A bot that asks while its updates go elsewhere says so; what came meanwhile is answered when it may ask again."""
    box = api.boxes[ASKED_TOKEN]
    box.webhook = "https://elsewhere.example"
    box.updates.append(private(4_000, 7_100, WASTE))
    until(lambda: "deleteWebhook" in str(city.readiness()))
    box.webhook = ""

    assert until(lambda: told(box, 7_100))
