"""How many cases are in each state: kept, right after everything that changes one, also by many at once."""

import random
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest

from cases import tallies
from cases.model import By
from cases.store import CaseStore
from core.errors import Rejected
from tests.casework import (
    SOFA,
    WASTE,
    Time,
    answered,
    claimed,
    delivered,
    dispatched,
    held,
    joins,
    mail,
    make_store,
    message,
    opened,
    settle,
)

OFFICER = By("박지훈")


def counted(store: CaseStore) -> dict[str, int]:
    """Counts what is kept."""
    with store._means.database.read() as connection:
        rows = connection.exec_driver_sql("SELECT state, count(*) AS count FROM cases GROUP BY state").all()
        return {str(state): int(count) for state, count in rows}


def kept_rows(store: CaseStore) -> int:
    with store._means.database.read() as connection:
        return int(connection.exec_driver_sql("SELECT count(*) FROM tallies").scalar_one())


def test_new_cases_are_counted(store: CaseStore, time: Time) -> None:
    """Each case is counted in the state that it begins with."""
    store.record([dispatched(message(f"{n}번 가로등 고장", time)) for n in range(3)] + [held(mail("음…", time))])

    assert {"received": 3, "held": 1} == store.views.states()


def test_every_act_of_an_officer_moves_the_count(store: CaseStore, time: Time) -> None:
    """Answered, closed, reopened: a case is counted where it is now, and only there."""
    first, second, third = (opened(store, dispatched(message(f"{n}번 가로등 고장", time))) for n in range(3))
    store.officer.assign(first, OFFICER, unit="도로")
    store.officer.answer(second, "고쳤습니다.", OFFICER)
    store.officer.close(third, OFFICER, why="같은 내용이 접수되어 있습니다.")
    store.officer.reopen(third, OFFICER, why="다시 살핍니다.")

    assert {"assigned": 1, "answered": 1, "received": 1} == store.views.states()


def test_an_act_that_is_refused_moves_nothing(store: CaseStore, time: Time) -> None:
    """What is undone is not counted."""
    number = opened(store, dispatched(message(WASTE, time)))
    with pytest.raises(Rejected):
        store.officer.release(number, OFFICER)

    assert {"received": 1} == store.views.states()


def test_an_answer_that_goes_out_is_counted(store: CaseStore, time: Time) -> None:
    """An automatic answer ends its case when it was sent."""
    opened(store, answered(message(SOFA, time)))
    delivered(store, time)

    assert {"answered": 1} == store.views.states()


def test_an_answer_that_fails_is_counted_as_held(store: CaseStore, time: Time) -> None:
    """A case that comes to a person is counted there."""
    opened(store, answered(message(SOFA, time)))
    settle(store, [one.reply for one in claimed(store, time)], "failed", error="unknown")

    assert {"held": 1} == store.views.states()


def test_a_citizens_word_moves_the_count(store: CaseStore, time: Time) -> None:
    """A finished case that a citizen wakes is counted as open again."""
    number = opened(store, dispatched(message(WASTE, time)))
    store.officer.answer(number, "치웠습니다.", OFFICER)
    store.record([joins(message("아직 그대로입니다", time), number)])

    assert {"received": 1} == store.views.states()


def test_what_was_added_is_summed_up_now_and_then(store: CaseStore, time: Time) -> None:
    """However often cases change, few rows are kept, and the totals stay."""
    number = opened(store, dispatched(message(WASTE, time)))
    for _ in range(100):
        store.officer.close(number, OFFICER, why="확인했습니다.")
        store.officer.reopen(number, OFFICER, why="다시 살핍니다.")

    assert {"received": 1} == store.views.states()
    assert 80 > kept_rows(store)


def test_a_recount_mends_what_another_program_left_out(store: CaseStore, time: Time) -> None:
    """Cases changed by a program that keeps no totals are counted in the next night."""
    store.record([dispatched(message(f"{n}번 가로등 고장", time)) for n in range(3)])
    with store._means.database.write() as connection:
        connection.exec_driver_sql("UPDATE cases SET state = 'closed'")
    store.tidy.recount()

    assert {"closed": 3} == store.views.states()


def test_many_at_once_are_counted_right(url: str, time: Time) -> None:
    """Four that record, act, send and count anew side by side leave totals that a count confirms."""
    stores = [make_store(url, time) for _ in range(4)]
    stores[0].record([dispatched(message(f"{n}번 가로등 고장", time)) for n in range(40)])
    numbers = [case.number for case in stores[0].views.listed(limit=100)]

    def works(seed: int) -> None:
        chosen, store = random.Random(seed), stores[seed]
        for round_ in range(12):
            number = chosen.choice(numbers)
            store.record([dispatched(message(f"{seed} {round_} 보도블록 파손", time)), answered(mail(SOFA, time))])
            with suppress(Rejected):
                store.officer.close(number, OFFICER, why="확인했습니다.")
            with suppress(Rejected):
                store.officer.reopen(chosen.choice(numbers), OFFICER, why="다시 살핍니다.")
            delivered(store, time)
            if round_ % 4 == seed:
                tallies.recount(store._means.database)

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(works, range(4)))
    kept, true = stores[0].views.states(), counted(stores[0])
    for store in stores:
        store.close()

    assert +Counter(true) == +Counter(kept)
