"""Two cities that write to each other: two running instances, each the other's relay."""

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import create_engine, func, select

from bench.instance import Instance
from cases.schema import cases, messages, outbox
from tests.commands import asked
from tests.mail_relay import deliver
from tests.waiting import until

WASTE = "강남구 역삼동 골목에 쓰레기 무단투기가 심해요 단속해주세요"
ENVIRONMENT = {"EUNGDAPSO_NOW": "2026-11-23T10:00:00", "EUNGDAPSO_CLOCK": "frozen"}
RELAY = '\n[connectors.email.relay]\nhost = "127.0.0.1"\nport = {port}\n\n[replies]\nfirst_seconds = 0.2\n'


@pytest.fixture(scope="module")
def cities(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Instance, Instance]]:
    here, there = (Instance(tmp_path_factory.mktemp(name), ENVIRONMENT) for name in ("here", "there"))
    for one, other, name in ((here, there, "here"), (there, here, "there")):
        written = one.config.read_text(encoding="utf-8").replace("minwon@eungdapso.example", f"minwon@{name}.example")
        one.config.write_text(written + RELAY.format(port=other.smtp), encoding="utf-8")
    here.begin()
    there.start()
    until(here.is_ready)
    yield here, there
    here.stop()
    there.stop()


def count(instance: Instance, table: Any) -> int:
    engine = create_engine(instance.cases_url)
    with engine.connect() as connection:
        found = connection.execute(select(func.count()).select_from(table)).scalar_one()
    engine.dispose()
    return int(found)


def settled(cities: tuple[Instance, Instance]) -> list[tuple[int, int, int]]:
    """Returns how many cases, letters and received mails each has, when nothing moves any more."""
    for _ in range(2):
        for one in cities:
            one.drain()
    return [(count(one, cases), count(one, outbox), count(one, messages)) for one in cities]


def test_receipt_to_another_city_is_not_answered(cities: tuple[Instance, Instance]) -> None:
    """A mail in the other city's name: its receipt goes there, makes no case there, and nothing comes back."""
    here, there = cities
    mail = f"From: minwon@there.example\nTo: minwon@here.example\nMessage-ID: <first@x>\nSubject: m\n\n{WASTE}\n"
    deliver(here.smtp, mail, sender="minwon@there.example", to="minwon@here.example")
    until(lambda: count(there, messages))

    assert [(1, 1, 1), (0, 0, 1)] == settled(cities)


def test_officers_answer_is_received_and_that_is_all(cities: tuple[Instance, Instance]) -> None:
    """What an officer writes to the other city is a person's mail: it opens a case there, its receipt joins the case
    here, and then nothing more is said."""
    here = cities[0]
    said = asked(here, "case", "answer", _number(here), "그쪽 관할입니다. 확인 바랍니다.", "--by", "담당자")
    assert 0 == said.exit_code, said.output
    until(lambda: count(here, messages) == 2)

    assert [(1, 2, 2), (1, 1, 2)] == settled(cities)


def _number(instance: Instance) -> str:
    engine = create_engine(instance.cases_url)
    with engine.connect() as connection:
        number = str(connection.execute(select(cases.c.number)).scalar_one())
    engine.dispose()
    return number
