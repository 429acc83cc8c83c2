"""The city's files change while everything runs: taken over at once when they are right, and not at all when not."""

import asyncio
import json
import os
import signal
import smtplib
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from email.message import EmailMessage
from functools import partial
from pathlib import Path
from typing import Any, cast

import pytest

from bench.instance import Instance, children
from cases.letters import Letters
from config.load import load_city
from config.schema import City
from core.errors import ConfigError
from pipeline import city_files
from pipeline.build import Plan, plan
from pipeline.decider import Decider, DeskFailed
from pipeline.desk import Desk, Outcome
from pipeline.house import House
from pipeline.reload import Reload, encoded
from tests import casework
from tests.test_load import FILES

# A rule of ours that sends everything with this word to one desk.
MARKET = """
[[rule]]
name = "market"
when = { words = ["벼룩시장"] }
then = "dispatch"
queue = "jongno"
examples = ["종로 벼룩시장에서 살게요"]
"""

# --- What one batch is decided by


class Named:
    """A desk that says by which city it decides; one that is called "wrong" it cannot take."""

    def __init__(self, city: str = "first") -> None:
        self.city = city

    def handle(self, bodies: list[bytes]) -> list[Outcome]:
        return [Outcome(key=self.city, action="hold") for _ in bodies]

    def take(self, city: bytes) -> None:
        if city == b"wrong":
            raise ConfigError("nobody could read it")
        self.city = city.decode()

    def warm(self) -> None:
        """Nothing is to be loaded."""


def named(city: str) -> Desk:
    return cast("Desk", Named(city))


async def decided_by(decider: Decider) -> str:
    return (await decider.handle([b"x", b"y"]))[0].key


async def test_another_city_holds_from_the_next_batch_on() -> None:
    """When `take` returns, what comes next is decided by the other city; also by a process that is started anew."""
    decider = Decider(partial(named, "first"))
    before = await decided_by(decider)
    await decider.take(b"second", partial(named, "second"))
    after = await decided_by(decider)
    decider._stop(kill=True)
    anew = await decided_by(decider)
    await decider.close()

    assert ("first", "second", "second") == (before, after, anew)


async def test_a_city_that_cannot_be_taken_changes_nothing() -> None:
    """Whoever changes the files hears why, and the old city goes on, in a process that is started anew, too."""
    decider = Decider(partial(named, "first"))
    await decider.start()
    with pytest.raises(DeskFailed, match="nobody could read it"):
        await decider.take(b"wrong", partial(named, "wrong"))
    before = await decided_by(decider)
    decider._stop(kill=True)
    after = await decided_by(decider)
    await decider.close()

    assert ("first", "first") == (before, after)


# --- What is done when files change


@dataclass
class Doors:
    """Stands where the house stands: what it was told to follow, and what does not work in it."""

    plan: Plan
    followed: list[City] = field(default_factory=list)
    degraded: dict[str, str] = field(default_factory=dict)

    @property
    def status(self) -> "Doors":
        return self

    def follow(self, city: City) -> None:
        self.followed.append(city)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A small city with its pipeline.toml."""
    made = tmp_path / "city"
    for name, text in FILES.items():
        (made / name).parent.mkdir(parents=True, exist_ok=True)
        (made / name).write_text(text, "utf-8")
    (made / "words.toml").write_bytes((Path(__file__).parents[1] / "config" / "words.toml").read_bytes())
    (tmp_path / "pipeline.toml").write_text('city = "city"\n[connectors.form]\n', "utf-8")
    return made


async def seen_after(folder: Path, write: Callable[[], object], is_over: Callable[[Doors], bool]) -> Doors:
    doors = Doors(plan(folder.parent / "pipeline.toml", {}))
    watching = asyncio.create_task(Reload(cast("House", doors), None, look_seconds=0.05).watch())
    write()
    try:
        async with asyncio.timeout(240):
            while not is_over(doors):
                await asyncio.sleep(0.05)
    finally:
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
    return doors


def add(path: Path, text: str) -> None:
    path.write_text(path.read_text("utf-8") + text, "utf-8")


async def test_a_right_change_is_followed(folder: Path) -> None:
    """A rule that somebody adds is there for everybody in the process, whole and without a restart."""
    routing = folder / "routing.toml"
    doors = await seen_after(folder, lambda: add(routing, MARKET), lambda doors: bool(doors.followed))

    assert ["answer", "market"] == [rule.name for rule in doors.followed[-1].routing.rules]
    assert {} == doors.degraded


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ('"jongno"', '"jogno"', "Did you mean jongno?"),
        ("벼룩시장에서", "바자회에서", "is decided by rule"),
        ("[[rule]]", "[[rule]", "is no TOML"),
    ],
)
async def test_a_wrong_change_is_not(folder: Path, old: str, new: str, why: str) -> None:
    """An unknown name, an example that fails or a torn line: what held before holds on, and the mistake is told."""
    routing, wrong = folder / "routing.toml", MARKET.replace(old, new)
    doors = await seen_after(folder, lambda: add(routing, wrong), lambda doors: bool(doors.degraded))

    assert [] == doors.followed
    assert why in doors.degraded["city files"]


def test_a_look_notices_whatever_an_editor_does(folder: Path) -> None:
    """A file that is written over, replaced, added or removed looks different; one that is not does not."""
    routing, other = folder / "routing.toml", folder / "faq" / "other.toml"
    seen = [city_files.look(folder)]
    routing.write_text(routing.read_text("utf-8"), "utf-8")
    seen.append(city_files.look(folder))
    (folder / "new").write_bytes(routing.read_bytes())
    (folder / "new").replace(routing)
    seen.append(city_files.look(folder))
    other.write_text("", "utf-8")
    seen.append(city_files.look(folder))

    assert len(seen) == len(set(seen))
    assert seen[-1] == city_files.look(folder)


# --- What follows


def test_a_city_survives_its_way_between_processes() -> None:
    """What another process takes is the same city, with the same versions."""
    city = load_city(Path(__file__).parents[1] / "config")
    other = City.model_validate_json(encoded(city))

    assert city == other
    assert (city.rules_version, city.faq_version) == (other.rules_version, other.faq_version)


def test_an_answer_that_was_changed_no_longer_holds(tmp_path: Path) -> None:
    """The case store follows: an answer that waits for the morning is asked for by the words of today."""
    store, faq = casework.make_store(tmp_path, casework.Time("2026-11-23 10:00")), casework.FAQ
    before = store._means.still_valid(faq.id, faq.version)
    changed = type(faq).model_validate(faq.model_dump() | {"answer": "다른 답변입니다."})
    store.follow(Letters(casework.city().model_copy(update={"faqs": (changed,)})))

    assert (True, False) == (before, store._means.still_valid(faq.id, faq.version))
    store.close()


# --- All of it


@pytest.fixture
def instance(tmp_path: Path, folder: Path) -> Iterator[Instance]:
    made = Instance(tmp_path / "running", {"EUNGDAPSO_NOW": "2026-11-23T10:00:00"})
    text = made.config.read_text("utf-8")
    line = next(line for line in text.splitlines() if line.startswith("city = "))
    made.config.write_text(text.replace(line, f'city = "{folder}"'), "utf-8")
    made.start()
    yield made
    made.stop()


def queue_of(instance: Instance, text: str) -> str:
    """Sends a mail and returns the queue of its case."""
    mail = EmailMessage()
    sender = f"citizen{time.monotonic_ns()}@example.org"
    mail["From"], mail["To"], mail["Subject"] = sender, "minwon@eungdapso.example", "문의합니다"
    mail.set_content(text)
    with smtplib.SMTP("127.0.0.1", instance.smtp) as smtp:
        before = len(cases(instance))
        smtp.send_message(mail)
    until(lambda: len(cases(instance)) > before)
    return str(cases(instance)[0]["queue"])


def cases(instance: Instance) -> list[dict[str, Any]]:
    with urllib.request.urlopen(f"{instance.base}/api/v1/monitor", timeout=120) as answer:
        return cast("list[dict[str, Any]]", json.load(answer)["items"])


def back_office(instance: Instance) -> int:
    """Returns its number: of the processes that the instance started, the one that started one itself."""
    assert instance.process is not None
    return next(child for child in children(instance.process.pid) if children(child))


def until(look: Callable[[], object], log: Callable[[], str] = str) -> None:
    deadline = time.monotonic() + 480
    while not look():
        assert time.monotonic() < deadline, f"it did not come: {log()[-4_000:]}"
        time.sleep(0.1)


def test_rules_change_while_messages_come(instance: Instance, folder: Path) -> None:
    """A rule that is added decides the next message; one that is wrong is told, and changes nothing."""
    routing = folder / "routing.toml"
    first = queue_of(instance, "벼룩시장에서 살게요")
    add(routing, MARKET)
    until(lambda: "taken over" in instance.log(), instance.log)
    second = queue_of(instance, "벼룩시장에서 또 살게요")
    add(routing, MARKET.replace("jongno", "jogno"))
    until(lambda: "city files" in str(instance.readiness()), instance.log)
    third = queue_of(instance, "벼룩시장에서 또 한 번 살게요")

    assert ("triage", "jongno", "jongno") == (first, second, third)
    assert instance.readiness()["ready"]


def test_who_dies_while_the_files_are_wrong_comes_back(instance: Instance, folder: Path) -> None:
    """A back office that is killed then decides on by what held before."""
    add(folder / "routing.toml", "[[rule]")
    until(lambda: "city files" in str(instance.readiness()), instance.log)
    os.kill(back_office(instance), signal.SIGKILL)
    until(lambda: "waits and tries again" in instance.log(), instance.log)

    assert "triage" == queue_of(instance, "벼룩시장에서 살게요")
    assert instance.log().count("waits and tries again") == 1
