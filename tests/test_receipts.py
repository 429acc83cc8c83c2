"""What providers tell of a message of ours moves it forward only, in whatever order they tell it."""

from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import permutations
from pathlib import Path
from urllib.parse import urlencode

import msgspec
import pytest

from cases.model import By
from cases.outbox import Outcome
from cases.store import CaseStore
from connectors.base import Request
from connectors.sms import Sms, SmsSettings
from core.message import Message
from core.reply import Reply
from core.wire import Routed
from tests.casework import (
    CITIZEN,
    SOFA,
    WASTE,
    Time,
    answered,
    claimed,
    delivered,
    dispatched,
    events,
    make_store,
    message,
    opened,
    settle,
)

STATES = ("accepted", "queued", "sending", "sent")
SMS = Sms("sms", SmsSettings(), environment={"EUNGDAPSO_SMS_TOKEN": "t"})
OFFICER = By(name="김주임")


@pytest.fixture
def time() -> Time:
    return Time("2026-11-23 10:00")


@pytest.fixture
def store(tmp_path: Path, time: Time) -> Iterator[CaseStore]:
    made = make_store(tmp_path, time)
    yield made
    made.close()


def receipts(reply: Reply, *statuses: str, sid: str = "") -> list[Routed]:
    """Returns what Twilio posts about a message of ours, as it is recorded."""
    told = [one for status in statuses for one in SMS.parse(posted(reply, status, sid or f"SM{reply.id}"))]
    return [dispatched(_named(one), action="ignore", queue=None, reason="a delivery report") for one in told]


def posted(reply: Reply, status: str, sid: str) -> Request:
    fields = {"MessageSid": sid, "MessageStatus": status, "From": reply.account, "To": reply.to}
    fields |= {"ErrorCode": "30003"} if status in ("undelivered", "failed") else {}
    return Request(
        method="POST",
        url=f"https://eungdapso.example/hooks/sms?reply={reply.id}",
        path="/hooks/sms",
        query=f"reply={reply.id}",
        headers={"content-type": "application/x-www-form-urlencoded"},
        body=urlencode(fields).encode(),
        received_at=datetime(2026, 11, 23, 1, tzinfo=UTC),
    )


def _named(one: Message) -> Message:
    return msgspec.structs.replace(one, id=f"{one.native_id}-{one.version}")


def sent(store: CaseStore, time: Time) -> Reply:
    """Returns a letter that the provider took, under a name of its own."""
    (reply,) = [one.reply for one in claimed(store, time)]
    store.outbox.settle([_outcome(reply)])
    return reply


def _outcome(reply: Reply) -> Outcome:
    return Outcome(row=reply.id, state="sent", provider_id=f"SM{reply.id}")


@pytest.mark.parametrize("last", ["delivered", "undelivered", "failed", "canceled"])
def test_the_order_of_receipts_does_not_matter(store: CaseStore, time: Time, last: str) -> None:
    """All 120 orders of a message's states end alike: it arrived, or it did not and staff see why."""
    for place, order in enumerate(permutations([*STATES, last])):
        citizen = f"+8210{place:08}"
        opened(store, dispatched(message(WASTE, time, conversation=citizen, reply_to=citizen)))
        for receipt in receipts(sent(store, time), *order):
            store.record([receipt])

    assert {"undeliverable": 0 if last == "delivered" else 120, "failed": 0, "uncertain": 0}.items() <= (
        store.views.counts().items()
    )


def test_a_late_word_changes_nothing(store: CaseStore, time: Time) -> None:
    """After "undelivered" a late "sent" leaves the letter where staff see it, with the provider's reason."""
    number = opened(store, dispatched(message(WASTE, time)))
    reply = sent(store, time)
    store.record(receipts(reply, "undelivered"))
    store.record(receipts(reply, "sent"))
    (row,) = store.trouble.listed()

    assert ("undeliverable", "failed 30003: 전화가 꺼져 있거나 받을 수 없는 곳에 있습니다") == (row.state, row.error)
    assert ["undeliverable", "delivery report"] == events(store, number)[-2:]


def test_what_a_person_settled_stays_settled(store: CaseStore, time: Time) -> None:
    """What somebody decided about a letter is not undone by a receipt that comes after it."""
    opened(store, dispatched(message(WASTE, time)))
    reply = sent(store, time)
    store.record(receipts(reply, "undelivered"))
    store.trouble.let_be(reply.id, OFFICER, "전화로 안내함")
    store.record(receipts(reply, "failed"))

    assert [] == store.trouble.listed()


def test_a_receipt_of_the_first_try_says_nothing_of_the_second(store: CaseStore, time: Time) -> None:
    """A letter that was sent once more is judged by the receipts of that try alone."""
    opened(store, dispatched(message(WASTE, time)))
    reply = sent(store, time)
    store.record(receipts(reply, "undelivered"))
    store.trouble.again(reply.id, OFFICER)
    (again,) = [one.reply for one in claimed(store, time)]
    store.outbox.settle([Outcome(row=again.id, state="sent", provider_id="SM2")])
    store.record(receipts(reply, "failed"))

    assert [] == store.trouble.listed()


def test_a_receipt_may_be_quicker_than_the_proof(store: CaseStore, time: Time) -> None:
    """A receipt that comes while we still wait for the provider's answer is known by our own name of the letter."""
    number = opened(store, dispatched(message(WASTE, time)))
    (reply,) = [one.reply for one in claimed(store, time)]
    store.record(receipts(reply, "undelivered"))
    store.outbox.settle([_outcome(reply)])

    assert [number] == [row.number for row in store.trouble.listed()]


@pytest.mark.parametrize("state", ["uncertain", "queued"])
def test_a_receipt_proves_that_it_went(store: CaseStore, time: Time, state: str) -> None:
    """A letter of which nobody knew whether it went, or that waits for another try, is not sent again after it."""
    opened(store, dispatched(message(WASTE, time)))
    (reply,) = [one.reply for one in claimed(store, time)]
    settle(store, [reply], state, error="500", **({"retry_at": time.now} if state == "queued" else {}))
    store.record(receipts(reply, "delivered"))
    time.moves(hours=1)

    assert [] == store.trouble.listed()
    assert [] == claimed(store, time)


def test_a_receipt_for_an_answer_ends_its_case(store: CaseStore, time: Time) -> None:
    """When the sender died after an answer went out, its receipt ends the case as the sender would have."""
    number = opened(store, answered(message(SOFA, time)))
    (reply,) = [one.reply for one in claimed(store, time)]
    store.record(receipts(reply, "sent"))

    assert "answered" == store.views.case(number).state
    assert [] == delivered(store, time)


def test_steps_on_the_way_are_not_kept() -> None:
    """That a message is with the provider was said when it took it: such receipts are taken and forgotten."""
    reply = Reply(
        id="01930000-0000-7000-8000-000000000001",
        channel="sms",
        account="+8220000120",
        to=CITIZEN,
        text="",
        kind="notice",
        case="",
        created_at=datetime(2026, 11, 23, tzinfo=UTC),
    )

    assert [] == receipts(reply, "accepted", "scheduled", "queued", "sending")
