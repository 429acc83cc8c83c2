"""`eungdapso case` and `eungdapso key` beside a store: paging, units, and keys that are taken back."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from bench.instance import Instance
from cases.model import By
from cases.store import CaseStore
from pipeline.build import prepared
from tests.casework import Time, dispatched, message, opened
from tests.commands import asked

GIVEN = 5


@pytest.fixture
def instance(tmp_path: Path) -> Instance:
    return Instance(tmp_path)


@pytest.fixture
def store(instance: Instance, time: Time) -> Iterator[CaseStore]:
    """Returns the instance's own store; in it five cases of Gangnam."""
    with patch.dict(os.environ, instance.environment):
        plan = prepared(instance.config)
    made = plan.store(plan.seal(), time)
    made.open()
    made.record([dispatched(message(f"{n}번째 골목에 쓰레기가 쌓였습니다.", time)) for n in range(GIVEN)])
    yield made
    made.close()


def page(instance: Instance, *words: str) -> list[str]:
    """Returns the numbers of the cases on a page."""
    cases: list[dict[str, Any]] = json.loads(asked(instance, "case", "list", "--limit", "2", "--json", *words).stdout)
    return [each["number"] for each in cases]


def test_a_list_goes_on_behind_a_page(instance: Instance, store: CaseStore) -> None:
    """Page after page, each asked for by the number that the one before ended with, shows every case once, in order."""
    first = page(instance)
    second = page(instance, "--after", first[-1])
    third = page(instance, "--after", second[-1])

    assert [case.number for case in store.views.listed()] == [*first, *second, *third]
    assert [] == page(instance, "--after", third[-1])


def test_a_full_page_says_how_to_go_on(instance: Instance, store: CaseStore) -> None:
    """Beside the list, so that what a machine reads stays a list; the last page says nothing."""
    full = asked(instance, "case", "list", "--limit", "2", "--json")
    last = asked(instance, "case", "list", "--limit", str(GIVEN + 1))

    assert f"go on with --after {json.loads(full.stdout)[-1]['number']}" in full.stderr
    assert "--after" not in last.output


@pytest.mark.usefixtures("store")
@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["--after", "20200101-000001-0"], 1, "there is no such case"),
        (["--after", "20200101-000001-0", "--search", "쓰레기"], 2, "--after goes on in a list"),
    ],
)
def test_a_page_behind_nothing_is_refused(instance: Instance, words: list[str], code: int, says: str) -> None:
    """A number that is no case's, or a search, which has no pages: said in a sentence."""
    done = asked(instance, "case", "list", *words)

    assert code == done.exit_code
    assert says in done.stderr


def test_a_slip_in_a_unit_is_said(instance: Instance, store: CaseStore) -> None:
    """With the unit that was meant and those there are; nothing is assigned."""
    (first, *_) = store.views.listed()
    done = asked(instance, "case", "assign", first.number, "--unit", "주챠")

    assert 1 == done.exit_code
    assert "gangnam has no unit 주챠. Did you mean 주차? Its units are 청소, 주차, " in done.stderr
    assert first == store.views.case(first.number)


@pytest.mark.parametrize(
    ("said", "way", "says"),
    [
        ({"channel": "sms"}, "private", "to the citizen alone, by sms; as a file in var/outbox"),
        ({"channel": "telegram", "public": True}, "public", "publicly by telegram; as a file"),
        ({"channel": "webhook", "reply_to": ""}, "nobody", "nothing is sent: nobody knows where to write to"),
    ],
)
def test_an_answer_says_where_its_words_go(
    instance: Instance, store: CaseStore, time: Time, said: dict[str, Any], way: str, says: str
) -> None:
    """Before it says that the case is answered; machines are told the same."""
    number = opened(store, dispatched(message("역삼동 골목에 쓰레기가 쌓였습니다.", time, **said)))
    told = asked(instance, "case", "answer", number, "치웠습니다.")
    store.officer.reopen(number, By("박지훈"), why="다시 쌓임")
    shown = json.loads(asked(instance, "case", "answer", number, "또 치웠습니다.", "--json").stdout)
    first, last = told.stdout.splitlines()

    assert first.startswith(says)
    assert f"{number}: answered in gangnam" == last
    assert ("answered", way) == (shown["state"], shown["words"]["way"])


def test_a_key_is_taken_back_by_its_id(instance: Instance, store: CaseStore) -> None:
    """What was made is listed without itself; revoked, it opens nothing and is listed no more."""
    key = asked(instance, "key", "add", "--queue", "gangnam", "--by", "박지훈", "--for", "상황실").stdout.strip()
    (row,) = json.loads(asked(instance, "key", "list", "--json").stdout)
    listed = asked(instance, "key", "list").stdout
    opened_before = store.keys.check(key)
    done = asked(instance, "key", "revoke", row["id"])

    assert ("gangnam", "박지훈") == (row["queue"], row["created_by"])
    assert ["id", "queue", "made", "by", "for"] == listed.splitlines()[0].split()
    assert listed.splitlines()[1].startswith(f"{row['id']}  gangnam  ")
    assert listed.splitlines()[1].endswith("박지훈  상황실")
    assert key not in listed
    assert frozenset({"gangnam"}) == opened_before
    assert 0 == done.exit_code
    assert frozenset() == store.keys.check(key)
    assert [] == json.loads(asked(instance, "key", "list", "--json").stdout)


@pytest.mark.usefixtures("store")
def test_a_key_that_is_none_cannot_be_taken_back(instance: Instance) -> None:
    """Whoever mistypes an id learns that the key still opens."""
    done = asked(instance, "key", "revoke", "0123456789ab")

    assert 1 == done.exit_code
    assert "there is no such key" in done.stderr


def test_what_made_no_case_can_be_seen(instance: Instance, store: CaseStore, time: Time) -> None:
    """What is taken for a machine's mail may be a citizen's: who sent it, what it says, and why it made no case."""
    mail = message("보도블록이 깨졌습니다.", time, channel="email", reply_to="bounce@example.org")
    store.record([dispatched(mail, action="ignore", queue=None, unit=None, reason="automatic mail")])
    listed = asked(instance, "case", "ignored").stdout
    (row,) = json.loads(asked(instance, "case", "ignored", "--json").stdout)

    assert "email  bounce@example.org  automatic mail: 보도블록이 깨졌습니다." in listed
    assert (mail.id, "보도블록이 깨졌습니다.") == (row["message"], row["text"])
