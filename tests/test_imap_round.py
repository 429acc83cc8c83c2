"""A mailbox there and back: an instance that asks a mail server, is killed, finds new numbers, misses nothing."""

import pytest
from sqlalchemy import create_engine, func, select, update

from cases.schema import cases, places
from tests.town import OFFICE_ADDRESS, Town
from tests.waiting import until

WASTE = "강남구 역삼동 골목에 쓰레기 무단투기가 심해요 단속해주세요"


class City:
    """A running instance, the mailbox that it reads and the relay that its letters go to."""

    def __init__(self, town: Town) -> None:
        self.instance, self.server, self.relay = town.instance, town.mailbox, town.relay

    def write(self, *names: str) -> None:
        for name in names:
            head = f"From: {name}@example.kr\nTo: {OFFICE_ADDRESS}\nMessage-ID: <{name}@example.kr>\nSubject: 민원\n\n"
            self.server.inbox.add(f"{head}{WASTE}\n".replace("\n", "\r\n").encode())

    def letters(self, *names: str) -> list[int]:
        return [len(self.relay.to(f"{name}@example.kr")) for name in names]

    def cases_of(self, *names: str) -> int:
        engine = create_engine(self.instance.cases_url)
        with engine.connect() as connection:
            wanted = cases.c.author.in_([f"{name}@example.kr" for name in names])
            found = connection.execute(select(func.count()).select_from(cases).where(wanted)).scalar_one()
        engine.dispose()
        return int(found)

    def end_turns(self) -> None:
        """Nobody waits for the end of the turn that a killed process had: minutes, which here are over at once."""
        engine = create_engine(self.instance.cases_url)
        with engine.begin() as connection:
            connection.execute(update(places).values(held_until=None))
        engine.dispose()


@pytest.fixture(scope="module")
def city(town: Town) -> City:
    return City(town)


def test_each_citizen_is_answered_once(city: City) -> None:
    """Lines that break inside a mail, a busy server, one that says nothing: one case and one letter each."""
    names = [f"mailbox{number}" for number in range(12)]
    city.server.cut_at, city.server.hang_at, city.server.busy = 5, 12, 1
    city.write(*names)
    until(lambda: all(city.letters(*names)))
    city.instance.drain()

    assert [1] * 12 == city.letters(*names)
    assert 12 == city.cases_of(*names)


def test_killed_in_the_middle(city: City) -> None:
    """Killed while it reads, and started again when there is more: nothing is missed, nobody gets a second case."""
    names = [f"killed{number}" for number in range(60)]
    city.server.given.clear()
    city.server.cut_at = city.server.hang_at = -1
    city.write(*names[:40])
    until(lambda: len(city.server.given) > 10)
    city.instance.kill()
    city.write(*names[40:])
    city.end_turns()
    city.instance.start()
    until(lambda: city.cases_of(*names) == 60)
    city.instance.drain()

    assert 60 == city.cases_of(*names)
    assert [1] * 60 == city.letters(*names)


def test_new_numbers(city: City) -> None:
    """The mailbox was moved to another server while mail came: only what is new is answered."""
    before = city.cases_of(*(f"mailbox{number}" for number in range(12)))
    city.write("moved")
    city.server.inbox.renumber(1_900_000_000)
    until(lambda: city.cases_of("moved"))
    city.instance.drain()

    assert (12, [1]) == (before, city.letters("moved"))
    assert [1] * 12 == city.letters(*(f"mailbox{number}" for number in range(12)))
    assert 73 == city.cases_of("moved", *(f"mailbox{n}" for n in range(12)), *(f"killed{n}" for n in range(60)))


def test_attachment_of_a_mailbox_is_kept(city: City) -> None:
    """A file in a mail that came by IMAP is taken out of it, as one that came by SMTP."""
    mail = (
        f"From: photo@example.kr\nTo: {OFFICE_ADDRESS}\nMessage-ID: <photo@x>\nMIME-Version: 1.0\n"
        'Content-Type: multipart/mixed; boundary="cut"\n\n--cut\nContent-Type: text/plain; charset=utf-8\n\n'
        f"{WASTE}\n--cut\nContent-Type: image/png; name=a.png\nContent-Transfer-Encoding: base64\n\niVBORw0KGgo=\n"
        "--cut--\n"
    )
    city.server.inbox.add(mail.replace("\n", "\r\n").encode())
    until(lambda: city.cases_of("photo"))
    city.instance.drain()
    kept = city.instance.var / "objects"

    assert until(lambda: [path for path in kept.rglob("*") if path.is_file()])
