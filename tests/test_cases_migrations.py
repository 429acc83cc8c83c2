"""A store of an older program is brought up to date with everything that it has."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config

from cases import migrate
from cases.database import Database
from tests.casework import FORMS, WASTE, Time, delivered, dispatched, make_store, message, place

FIRST = """
INSERT INTO cases (number, state, queue, kind, channel, author, reply_to, message, received_at, due_at, token)
VALUES ('20261122-000001-2', 'received', 'gangnam', 'other', 'sms', '+8210', '+8210', 'm1', 10, 20, 't'),
  ('20261122-000002-0', 'answered', 'gangnam', 'other', 'sms', '+8210', '+8210', 'm2', 11, 21, 't'),
  ('20261122-000003-8', 'answered', 'jongno', 'other', 'sms', '+8210', '+8210', 'm3', 12, 22, 't');
INSERT INTO messages (id, identity, number, channel, received_at, sealed)
VALUES ('m1', X'01', '20261122-000001-2', 'sms', 10, X'00');
INSERT INTO events (number, at, who, what) VALUES ('20261122-000001-2', 10, 'citizen', 'received');
INSERT INTO outbox (id, number, kind, recipient, cause, channel, sealed, state, not_before, created_at)
VALUES ('o1', '20261122-000001-2', 'notice', '+821011112222', 'm1', 'sms', X'00', 'sent', 10, 10);
INSERT INTO counters (day, given) VALUES ('20261123', 7)
"""


@pytest.fixture
def time() -> Time:
    return Time("2026-11-23 10:00")


@pytest.fixture(params=FORMS)
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Returns where a store of the first revision is, with a few cases in it."""
    with place(request.param, tmp_path) as made:
        (tmp_path / "cases.sqlite").unlink(missing_ok=True)
        database = Database(made)
        database.open()
        goes_to(database, "0001")
        fill(database)
        database.close()
        yield made


def goes_to(database: Database, revision: str, *, back: bool = False) -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(migrate.__file__).with_name("migrations")))
    with database.write() as connection:
        config.attributes["connection"] = connection
        (command.downgrade if back else command.upgrade)(config, revision)


def fill(database: Database) -> None:
    with database.write() as connection:
        for statement in FIRST.strip().split(";\n"):
            written = statement if database.is_sqlite else statement.replace("X'", "'\\x")
            connection.exec_driver_sql(written)


def test_a_store_of_the_first_program_keeps_its_cases(url: str, time: Time) -> None:
    """Cases, history and counters are there afterwards, and new cases come on top."""
    store = make_store(url, time)
    store.record([dispatched(message(WASTE, time))])
    numbers = [case.number[:15] for case in store.views.listed(state="received")]
    sent = len(delivered(store, time))
    history = [line.what for line in store.views.history("20261122-000001-2")]
    store.close()

    assert ["20261122-000001", "20261123-000008"] == numbers
    assert (1, ["received", "sent"]) == (sent, history)


def test_the_totals_begin_with_what_was_there(url: str, time: Time) -> None:
    """What the first program never summed up is counted once."""
    store = make_store(url, time)
    states = store.views.states()
    store.close()

    assert {"received": 1, "answered": 2} == states


def test_of_the_same_words_the_last_case_is_joined(url: str, time: Time) -> None:
    """Where two open cases have the same words, which the first program allowed after a week, the newer one keeps
    them."""
    database = Database(url)
    database.open()
    with database.write() as connection:
        connection.exec_driver_sql("UPDATE cases SET sameness = 7")
    migrate.upgrade(database)
    with database.read() as connection:
        known = connection.exec_driver_sql("SELECT number FROM cases WHERE sameness = 7").scalars().all()
    database.close()

    assert ["20261122-000003-8"] == known


def test_a_kill_between_two_steps_is_gone_on_from(url: str, time: Time) -> None:
    """Each step is whole: whoever starts next takes the others."""
    database = Database(url)
    database.open()
    goes_to(database, "0002")
    database.close()
    store = make_store(url, time)
    states = store.views.states()
    store.close()

    assert {"received": 1, "answered": 2} == states


def test_the_way_back_leaves_the_cases(url: str, time: Time) -> None:
    """Who has to go back to the first program finds every case there."""
    make_store(url, time).close()
    database = Database(url)
    database.open()
    goes_to(database, "0001", back=True)
    with database.read() as connection:
        revision = migrate.version(connection)
        found = connection.exec_driver_sql("SELECT count(*) FROM cases").scalar_one()
    database.close()

    assert ("0001", 3) == (revision, found)
