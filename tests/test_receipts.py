"""What providers tell of a message of ours moves it forward only, in whatever order they tell it."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from itertools import permutations
from pathlib import Path
from urllib.parse import urlencode

import pytest
from structlog.testing import capture_logs

from cases.store import CaseStore
from connectors.base import Request
from connectors.sms import Sms, SmsSettings
from core.message import Message
from core.reply import Reply
from core.wire import Routed
from tests.casework import CITIZEN, WASTE, Time, answered, claimed, delivered, dispatched, make_store, message, opened, settle

STATES = ("accepted", "queued", "sending", "sent")
SMS = Sms("sms", SmsSettings(), environment={"EUNGDAPSO_SMS_TOKEN": "t"})


@pytest.fixture
def time() -> Time:
    return Time("2026-11-23 10:00")


@pytest.fixture
def store(tmp_path: Path, time: Time) -> Iterator[CaseStore]:
    made = make_store(tmp_path, time)
    yield made
    made.close()


def receipts(reply: Reply, statuses: Sequence[str], sid: str = "SM1") -> list[Routed]:
    """Returns what Twilio posts about a message of ours, as it is recorded."""
    found = [one for status in statuses for one in SMS.parse(_posted(reply, status, sid))]
    named = [_as_recorded(one, place) for place, one in enumerate(found)]
    return [dispatched(one, action="ignore", queue=None, reason="a delivery report") for one in named]


def _posted(reply: Reply, status: str, sid: str) -> Request:
    fields = {"MessageSid": sid, "MessageStatus": status, "From": "+8225550120", "To": CITIZEN, "ErrorCode": "30003"}
    return Request(
        method="POST",
        url=f"https://eungdapso.example/hooks/sms?reply={reply.id}",
        path="/hooks/sms",
        query=f"reply={reply.id}",
        headers={"content-type": "application/x-www-form-urlencoded"},
        body=urlencode(fields).encode(),
        received_at=datetime(2026, 11, 23, 1, tzinfo=UTC),
    )


def _as_recorded(one: Message, place: int) -> Message:
    import msgspec

    return msgspec.structs.replace(one, id=f"{one.native_id}-{one.version}-{place}")


def undelivered(store: CaseStore) -> list[str]:
    return [row.error for row in store.trouble.listed() if row.state == "undeliverable"]


@pytest.mark.parametrize("last", ["delivered", "undelivered", "failed"])
def test_the_order_of_receipts_does_not_matter(store: CaseStore, time: Time, last: str) -> None:
    """All 120 orders of a message's states end in the same: it arrived, or it did not and staff see why."""
    replies = []
    for place, order in enumerate(permutations([*STATES, last])):
        opened(store, dispatched(message(f"{WASTE} {place}", time, conversation=f"{place}", reply_to=f"+8210{place:08}")))
        (reply,) = delivered(store, time)
        store.record(receipts(reply, order, sid=f"SM{place}") if place % 2 else receipts(reply, order[::-1], sid=f"SM{place}"))
        replies.append(reply)

    assert 120 == len(replies)
    assert (0 if last == "delivered" else 120) == store.views.counts()["undeliverable"]
    assert 0 == store.views.counts()["uncertain"]
