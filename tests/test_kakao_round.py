"""KakaoTalk there and back: a running instance, Kakao and a dealer on loopback; received once, answered once."""

import asyncio
from collections.abc import Collection

import pytest
from sqlalchemy import create_engine, select

from bench.instance import Instance
from cases.schema import cases, outbox
from tests.commands import asked as commanded
from tests.kakao_server import Kakao, payload
from tests.town import Town
from tests.waiting import until

WASTE = "강남구 역삼동 골목에 쓰레기 무단투기가 심해요 단속해주세요"
QUESTION = "대형폐기물은 어떻게 버리나요?"


@pytest.fixture(scope="module")
def kakao(town: Town) -> Kakao:
    return town.kakao


@pytest.fixture(scope="module")
def city(town: Town) -> Instance:
    return town.instance


def numbers_of(instance: Instance, citizens: Collection[str]) -> list[str]:
    """The cases that were opened for these citizens."""
    engine = create_engine(instance.cases_url)
    with engine.connect() as connection:
        found = connection.execute(select(cases.c.number).where(cases.c.author.in_(citizens))).scalars().all()
    engine.dispose()
    return list(found)


def states_of(instance: Instance, number: str) -> dict[str, str]:
    """What became of the letters about a case, by kind."""
    engine = create_engine(instance.cases_url)
    with engine.connect() as connection:
        rows = connection.execute(select(outbox.c.kind, outbox.c.state).where(outbox.c.number == number)).all()
    engine.dispose()
    return {row.kind: row.state for row in rows}


def answer(instance: Instance, number: str, text: str) -> None:
    """An officer answers from the terminal."""
    done = commanded(instance, "case", "answer", number, text, "--by", "담당자")
    assert 0 == done.exit_code, done.output


def test_each_citizen_is_answered_once_by_callback(city: Instance, kakao: Kakao) -> None:
    """Requests that a proxy repeats, while callbacks meet 429, 503 and a line that breaks: told at once, answered
    once."""
    citizens = [f"citizen-{n}" for n in range(10)]
    urls = [kakao.new_callback() for _ in citizens]
    asked = [
        payload(WASTE if n % 2 else QUESTION, user=citizen, callbackUrl=urls[n]) for n, citizen in enumerate(citizens)
    ]
    kakao.instead.extend([429, 503, 0, 0, "lost", 500])
    answers = asyncio.run(kakao.ask(f"{city.base}/hooks/kakao", asked, times=3))
    until(lambda: all(kakao.texts_at(url) for url in urls))
    city.drain()

    assert {(200, True)} == {(one.status, one.said.get("useCallback")) for one in answers}
    assert max(one.seconds for one in answers) < 5
    assert [1] * 10 == [len(kakao.texts_at(url)) for url in urls]
    assert 10 == len(numbers_of(city, citizens))
    assert "강남구" in kakao.texts_at(urls[1])[0]


def test_same_words_beyond_the_window_are_one_case(city: Instance, kakao: Kakao) -> None:
    """A request that comes again after its ten seconds is another message with the same words: it joins the case."""
    asked = payload(WASTE, user="citizen-50")
    again = payload(WASTE, user="citizen-50", block={"id": "another"})
    for one in (asked, again):
        asyncio.run(kakao.ask(f"{city.base}/hooks/kakao", [one], times=2))
    city.drain()

    assert 1 == len(numbers_of(city, ["citizen-50"]))


def test_officers_answer_goes_to_the_telephone(city: Instance, kakao: Kakao) -> None:
    """What an officer answers later goes to the number that the citizen left, and to nobody who left none."""
    with_number = payload(WASTE, user="citizen-60", params={"phone": "010-0000-0060"})
    asyncio.run(kakao.ask(f"{city.base}/hooks/kakao", [with_number, payload(WASTE, user="citizen-61")]))
    until(lambda: len(numbers_of(city, ["citizen-60", "citizen-61"])) == 2 and kakao.messages)
    numbered, silent = (numbers_of(city, [citizen])[0] for citizen in ("citizen-60", "citizen-61"))
    answer(city, numbered, "현장을 확인하고 쓰레기를 치웠습니다.")
    answer(city, silent, "현장을 확인하고 쓰레기를 치웠습니다.")
    until(lambda: [one for one in kakao.messages if "치웠습니다" in one["message"]])
    until(lambda: states_of(city, silent).get("result") == "failed")

    assert {"01000000060"} == {one["to"] for one in kakao.messages}
    assert "sent" == states_of(city, numbered)["result"]


def test_who_left_no_number_reads_it_in_the_chat(city: Instance, kakao: Kakao) -> None:
    """What nobody could bring a citizen is shown when they ask for it, once; the receipt has said so."""
    (receipt,) = asyncio.run(kakao.ask(f"{city.base}/hooks/kakao", [payload(WASTE, user="citizen-70")]))
    until(lambda: numbers_of(city, ["citizen-70"]))
    (number,) = numbers_of(city, ["citizen-70"])
    answer(city, number, "현장을 확인하고 쓰레기를 치웠습니다.")
    until(lambda: states_of(city, number).get("result") == "failed")
    seen: list[str] = []

    def asks() -> bool:
        (one,) = asyncio.run(kakao.ask(f"{city.base}/hooks/kakao", [payload("답변 보기", user="citizen-70")]))
        seen.extend(output["simpleText"]["text"] for output in one.said["template"]["outputs"])
        return any("아직" in text for text in seen)

    until(asks)

    assert "접수" in receipt.said["template"]["outputs"][0]["simpleText"]["text"]
    assert 1 == sum("치웠습니다" in text for text in seen)
    assert "sent" == states_of(city, number)["result"]
