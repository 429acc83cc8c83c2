"""What is asked often of a store in a file goes by an index too."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import event

from cases.model import By, Case
from cases.store import CaseStore
from tests.casework import SOFA, Time, answered, at, delivered, dispatched, mail, make_store, message

NOW = Time("2026-11-23 10:00")
LARGE = ("cases", "messages", "events", "outbox")


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CaseStore]:
    made = make_store(tmp_path_factory.mktemp("plans"), NOW)
    made.record([dispatched(message(f"{n}번 가로등 고장", NOW)) for n in range(300)] + [answered(mail(SOFA, NOW))])
    delivered(made, NOW)
    yield made
    made.close()


def last(store: CaseStore) -> Case:
    return store.views.listed(queue="gangnam", state="received")[-1]


ASKED: dict[str, tuple[Callable[[CaseStore], object], tuple[str, ...]]] = {
    "queue page": (lambda store: store.views.listed(queue="gangnam", state="received"), ("ix_cases_page",)),
    "deep page": (lambda store: store.views.listed(queue="gangnam", state="received", after=last(store)), ()),
    "every state": (lambda store: store.views.listed(by=By("", frozenset({"gangnam", "jongno"}))), ("ix_cases_page",)),
    "due": (lambda store: store.outbox.due(NOW.now), ("ix_outbox_new", "ix_outbox_again", "ix_outbox_unsent")),
    "contexts": (
        lambda store: store.contexts([mail("더", NOW, references=("<a@mail.example>",)), message(SOFA, NOW)]),
        ("ix_cases_sameness", "ix_messages_reference", "ix_outbox_provider_id"),
    ),
    "record": (
        lambda store: store.record([dispatched(message("가로등이 깜빡", NOW))]),
        ("sqlite_autoindex_messages_2", "ix_cases_sameness"),
    ),
    "history": (lambda store: store.views.history(last(store).number), ("ix_events_number",)),
    "monitor": (lambda store: store.public.monitor(), ("ix_cases_kept",)),
    "requests of a time": (
        lambda store: store.requests.between(at("2026-11-01 10:00"), NOW.now, states=["received"], topics=["bus"]),
        ("ix_cases_kept",),
    ),
    "requests by number": (lambda store: store.requests.named([last(store).number]), ("ix_events_number",)),
    "what became of a message": (lambda store: store.requests.filed(["sms"], ["a", "b"]), ("ix_messages_reference",)),
    "letters that wait in a chat": (
        lambda store: store.chat.take(message("안녕하세요", NOW), 2),
        ("ix_outbox_failed", "sqlite_autoindex_messages_2"),
    ),
    "what a killed process left": (lambda store: store.outbox.left_behind(), ("ix_outbox_unsent", "ix_outbox_trouble")),
    "what waits for a channel that is back": (lambda store: store.outbox.hasten("sms", 0.05), ("ix_outbox_again",)),
    "trouble": (lambda store: store.trouble.listed(), ("ix_outbox_trouble",)),
    "status line": (lambda store: store.views.counts(), ("ix_cases_page", "ix_cases_state_due_at")),
    "states": (lambda store: store.views.states(), ()),
    "forgetting": (
        lambda store: store.tidy.forget(at("2026-11-01 10:00")),
        ("ix_cases_kept", "ix_messages_caseless"),
    ),
}


def plan(store: CaseStore, act: Callable[[CaseStore], object]) -> list[str]:
    """Returns how SQLite does what this asks for."""
    seen: list[tuple[str, Any]] = []

    def keep(_connection: Any, _cursor: Any, text: str, values: Any, *_more: Any) -> None:
        if text.lstrip().startswith(("SELECT", "UPDATE", "WITH")):
            seen.append((text, values))

    engine = store._means.database._engine
    event.listen(engine, "before_cursor_execute", keep)
    act(store)
    event.remove(engine, "before_cursor_execute", keep)
    with store._means.database.read() as connection:
        plans = [connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}", values).all() for text, values in seen]
    return [row[-1] for rows in plans for row in rows]


@pytest.mark.parametrize("what", ASKED)
def test_what_is_asked_often_goes_by_the_index_meant(store: CaseStore, what: str) -> None:
    """Each look-up uses the indexes made for it, and reads no whole table."""
    act, meant = ASKED[what]
    lines = plan(store, act)

    assert [] == [index for index in meant if not any(f" {index}" in line for line in lines)]
    assert [] == [line for line in lines if line in {f"SCAN {table}" for table in LARGE}]
