"""Edits, removals and albums: versions of one message, whatever their order, are one matter."""

from collections.abc import Sequence
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cases.means import Options
from cases.store import CaseStore
from core.message import Author, Message
from core.wire import Routed
from tests.casework import Time, answered, delivered, dispatched, events, held, joins, make_store, message

EDITED = Options(edited=frozenset({"sms"}))
LAMP, LAMP_AGAIN, SOFA = (
    "관악구 신림동 가로등이 꺼졌어요",
    "관악구 신림동 가로등이 꺼졌어요!",
    "소파는 어떻게 버리나요?",
)
_numbers = count()


@pytest.fixture
def store(url: str, time: Time) -> Any:
    made = make_store(url, time, options=EDITED)
    yield made
    made.close()


def version(text: str, time: Time, of: str = "m1", **more: Any) -> Message:
    """Returns a message of this native id, or another version of it."""
    given: dict[str, Any] = {"native_id": of, "version": str(next(_numbers)), **more}
    return message(text, time, **given)


def edit(text: str, time: Time, **more: Any) -> Message:
    return version(text, time, change="edit", **more)


def removal(time: Time, **more: Any) -> Message:
    return version("", time, change="removal", **more)


def number_of(store: CaseStore, item: Routed) -> str:
    return store.views.found([item.message.id])[0].number or ""


def said(store: CaseStore, number: str) -> list[str]:
    return [one.text for one in store.views.messages(number)]


@pytest.mark.parametrize("together", [True, False])
def test_a_small_edit_joins_in_silence(store: CaseStore, time: Time, together: bool) -> None:
    """Under the case of the first version, and nobody is written to again."""
    first, second = dispatched(version(LAMP, time)), dispatched(edit(LAMP_AGAIN, time))
    for batch in [[first, second]] if together else [[first], [second]]:
        store.record(batch)
    number = number_of(store, first)

    assert number == number_of(store, second)
    assert ["notice"] == [reply.kind for reply in delivered(store, time)]
    assert ["received", "edited"] == [what for what in events(store, number) if not what.startswith("sending")]


def test_an_edit_is_not_answered_again(store: CaseStore, time: Time) -> None:
    """A machine answered the first words; another question goes to a person."""
    first = answered(version(SOFA, time))
    store.record([first])
    before = [reply.kind for reply in delivered(store, time)]
    store.record([answered(edit("소파 말고 냉장고는요?", time))])
    case = store.views.case(number_of(store, first))

    assert ["answer"] == before
    assert "answer" not in [reply.kind for reply in delivered(store, time)]
    assert ("triage", "held") == (case.queue, case.state)


def test_an_edit_of_what_made_no_case_makes_one(store: CaseStore, time: Time) -> None:
    """Whatever it said before was for nobody."""
    first = dispatched(version("ㅋㅋ", time), action="ignore", queue=None, reason="chatter")
    second = dispatched(edit(LAMP, time))
    store.record([first])
    store.record([second])

    assert number_of(store, second)


def test_an_emergency_that_an_edit_tells_is_a_matter_of_its_own(store: CaseStore, time: Time) -> None:
    """It is not put under something that can wait."""
    first, second = held(version(LAMP, time)), dispatched(edit("불이야! 불났어요", time), urgent=True, urgency="fire")
    store.record([first])
    store.record([second])

    assert number_of(store, first) != number_of(store, second)


@pytest.mark.parametrize("together", [True, False])
def test_what_is_taken_back_is_shown_no_longer(store: CaseStore, time: Time, together: bool) -> None:
    """The case stays and tells that there was something; its words are nowhere."""
    first, second = dispatched(version(LAMP, time)), dispatched(removal(time), action="ignore", queue=None)
    for batch in [[first, second]] if together else [[first], [second]]:
        store.record(batch)
    number = number_of(store, first)

    assert ["", ""] == said(store, number)
    assert "taken back" in events(store, number)


def test_a_removal_says_what_it_takes_back(store: CaseStore, time: Time) -> None:
    """By that the search index lets the words go."""
    first = dispatched(version(LAMP, time))
    store.record([first])
    contexts = store.contexts([removal(time), removal(time, of="m2"), version(LAMP, time, of="m3")])

    assert [first.message.id, "", ""] == [context.original for context in contexts]


def test_nobody_takes_back_what_others_said(store: CaseStore, time: Time) -> None:
    """A native id proves nothing; who wrote does."""
    first = dispatched(version(LAMP, time))
    store.record([first])
    other = removal(time, author=Author(handle="somebody else"), conversation="other")
    store.record([dispatched(other, action="ignore", queue=None)])

    assert [LAMP] == said(store, number_of(store, first))


@pytest.mark.parametrize("together", [True, False])
def test_an_album_is_one_case(store: CaseStore, time: Time, together: bool) -> None:
    """However its pieces come, one notice goes out."""
    pieces = [held(version(text, time, of=f"p{n}", group="g1")) for n, text in enumerate((LAMP, "", ""))]
    other = held(version("다른 사진입니다", time, of="p9", group="g2"))
    for batch in [[*pieces, other]] if together else [[piece] for piece in (*pieces, other)]:
        store.record(batch)
    numbers = [number_of(store, piece) for piece in pieces]

    assert 1 == len(set(numbers))
    assert numbers[0] != number_of(store, other)
    assert 2 == len(delivered(store, time))


@given(order=st.permutations(range(4)), cuts=st.sets(st.integers(1, 3)))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40, deadline=None)
def test_in_whatever_order_they_come_it_is_one_matter(order: Sequence[int], cuts: set[int]) -> None:
    """At most one case and one answer; after its removal the words of no version before it are left."""
    time = Time("2026-11-23 10:00")
    with TemporaryDirectory() as folder:
        answers, numbers, left = outcome(make_store(Path(folder), time, options=EDITED), time, order, cuts)

    assert answers <= 1
    assert len(numbers) <= 1
    assert set() == left


def outcome(store: CaseStore, time: Time, order: Sequence[int], cuts: set[int]) -> tuple[int, set[str], set[str]]:
    """Returns how many answers went out, the cases, and what can be read at the end."""
    items = [
        answered(version(SOFA, time)),
        answered(edit(SOFA + "!", time)),
        answered(edit(SOFA + "!!", time)),
        dispatched(removal(time), action="ignore", queue=None),
    ]
    batches: list[list[Routed]] = [[]]
    for place, which in enumerate(order):
        if place in cuts:
            batches.append([])
        batches[-1].append(items[which])
    for batch in batches:
        store.record(batch)
    numbers = {number_of(store, item) for item in items} - {""}
    left = {text for number in numbers for text in said(store, number)} - {""}
    answers = [reply for reply in delivered(store, time) if reply.kind == "answer"]
    store.close()
    return len(answers), numbers, left


def test_a_reply_is_no_version(store: CaseStore, time: Time) -> None:
    """What answers an earlier message joins its case as before."""
    first = dispatched(version(LAMP, time))
    store.record([first])
    number = number_of(store, first)
    store.record([joins(version("어제부터요", time, of="m2", in_reply_to="m1"), number)])

    assert "follow-up" in events(store, number)
